package console

import "net/http"

func (c *Console) setupPageRoutes(mux *http.ServeMux) {}
func (c *Console) setupRoutes() http.Handler          { return http.NotFoundHandler() }
