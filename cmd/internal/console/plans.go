package console

import "net/http"

func (c *Console) plansRoutes(mux *http.ServeMux) {}
