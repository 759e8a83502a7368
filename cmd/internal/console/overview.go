package console

import "net/http"

func (c *Console) overviewRoutes(mux *http.ServeMux) {}
func (c *Console) searchRoutes(mux *http.ServeMux)   {}
