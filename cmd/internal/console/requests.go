package console

import "net/http"

func (c *Console) requestsRoutes(mux *http.ServeMux) {}
