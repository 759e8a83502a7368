package console

import "net/http"

func (c *Console) groupsRoutes(mux *http.ServeMux) {}
