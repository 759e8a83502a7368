package console

import "net/http"

// routes are all pages on the console's listener. Every change is a POST that guard has checked; operator asks for the role.
func (c *Console) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /assets/{name}", c.asset)
	mux.HandleFunc("/assets/", http.NotFound) // strangers get here
	c.accessRoutes(mux)
	c.overviewRoutes(mux)
	c.searchRoutes(mux)
	c.usersRoutes(mux)
	c.groupsRoutes(mux)
	c.runsRoutes(mux)
	c.plansRoutes(mux)
	c.requestsRoutes(mux)
	c.setupPageRoutes(mux)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		c.fail(w, r, problem{http.StatusNotFound, "There is no such page", "The link may be cut. The navigation leads everywhere, and the search finds people and groups by any name or id."})
	})
	return mux
}
