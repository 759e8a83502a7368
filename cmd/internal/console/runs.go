package console

import "net/http"

func (c *Console) runsRoutes(mux *http.ServeMux) {}
