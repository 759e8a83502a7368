package console

import "net/http"

func (c *Console) usersRoutes(mux *http.ServeMux) {}
