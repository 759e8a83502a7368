package console

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"rollcall/state"
	"rollcall/sync/explain"
)

func (c *Console) overviewRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", c.overview)
	mux.HandleFunc("GET /sources/{source}", c.sourcePage)
}

// sourcesPerPage keeps the overview of hundreds of customers a light page.
const sourcesPerPage = 40

// overviewPage answers: does anything need me?
type overviewPage struct {
	Needs   []*sourceHealth
	All     int    // sources
	Differ  int    // of them, that need nobody and are not in step yet
	Fault   string // why a changed configuration was not taken
	Sources []overviewRow
	Tenants []string
	Tenant  string // filter
	First   string
	Next    string
	From    int // number of the first row shown
}

type overviewRow struct {
	*sourceHealth
	Days  days
	Above bool // what it needs stands above the table
}

// Words are what is to be said of a source beside its status: nothing of one that is in step, for its times have columns of their own,
// and nothing that stands above the table.
func (r *overviewRow) Words() string {
	switch {
	case r.Above:
		return ""
	case r.Condition != explain.Healthy:
		return r.Need()
	}
	return explain.NoticedWords(r.Noticed)
}

// Title says how many need somebody.
func (p *overviewPage) Title() string {
	switch {
	case p.All == 0:
		return "No source is configured yet"
	case len(p.Needs) == 0 && p.Differ > 0:
		return fmt.Sprintf("Nothing needs you; %d of %s not in step yet", p.Differ, explain.Plural(p.All, "source is", "sources are"))
	case len(p.Needs) == 0 && p.All == 1:
		return "The one source is in step"
	case len(p.Needs) == 0 && p.All == 2:
		return "Both sources are in step"
	case len(p.Needs) == 0:
		return fmt.Sprintf("All %d sources are in step", p.All)
	case len(p.Needs) == 1:
		return fmt.Sprintf("1 of %s needs you", explain.Plural(p.All, "source"))
	}
	return fmt.Sprintf("%d of %d sources need you", len(p.Needs), p.All)
}

// needsShown bounds the list of what needs somebody; the sources' own rows say the rest.
const needsShown = 20

// NeedsShown are the most urgent.
func (p *overviewPage) NeedsShown() []*sourceHealth { return p.Needs[:min(len(p.Needs), needsShown)] }

// NeedsMore counts the others.
func (p *overviewPage) NeedsMore() int { return max(0, len(p.Needs)-needsShown) }

func (c *Console) overview(w http.ResponseWriter, r *http.Request) {
	all, err := c.health(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	page := overviewPage{Needs: needing(all), All: len(all), Tenant: r.FormValue("tenant")}
	var shown []*sourceHealth
	if c.Fault != nil {
		page.Fault = c.Fault()
	}
	for i := range all {
		if all[i].Shown() == "differing" {
			page.Differ++
		}
		page.Tenants = append(page.Tenants, all[i].Tenant())
		if page.Tenant == "" || all[i].Tenant() == page.Tenant {
			shown = append(shown, &all[i])
		}
	}
	slices.Sort(page.Tenants)
	page.Tenants = slices.Compact(page.Tenants)
	number, _ := strconv.Atoi(r.FormValue("page"))
	from := min(min(max(number-1, 0), len(shown))*sourcesPerPage, len(shown))
	to := min(from+sourcesPerPage, len(shown))
	pictures, err := c.pictures(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	for i := from; i < to; i++ {
		page.Sources = append(page.Sources, overviewRow{shown[i], pictures[shown[i].Scope], slices.Contains(page.NeedsShown(), shown[i])})
	}
	page.From = from + 1
	at := func(n int) string {
		if n == 1 {
			return listURL("/", "tenant", page.Tenant)
		}
		return listURL("/", "tenant", page.Tenant, "page", strconv.Itoa(n))
	}
	if from > 0 {
		page.First = at(1)
	}
	if to < len(shown) {
		page.Next = at(from/sourcesPerPage + 2)
	}
	c.show(w, r, "overview", &page)
}

// pictures reads the last thirty days of every source.
func (c *Console) pictures(r *http.Request) (map[state.Scope]days, error) {
	since := firstDay(c.Now())
	read, err := c.Store.Days(r.Context(), since)
	if err != nil {
		return nil, fmt.Errorf("read the last days: %w", err)
	}
	pictures := map[state.Scope]days{}
	for _, d := range read {
		picture := pictures[d.Scope]
		picture.add(since, d)
		pictures[d.Scope] = picture
	}
	return pictures, nil
}

// sourceView answers: how is this source, and if it is not well, what to do?
type sourceView struct {
	*sourceHealth
	Days    days
	Rows    []state.Day // of the picture, newest first, as a table
	NextRun time.Time
	Deeds   []deedRow
	Live    int // keys
	MayPull bool
	since   time.Time // of the picture
}

// Month is the picture with its days.
func (v *sourceView) Month() month { return month{v.Days, v.since} }

func (v *sourceView) crumbs() []crumb { return []crumb{{"Overview", "/"}} }

// deedsShown is how much of what operators did a source's page lists.
const deedsShown = 10

func (c *Console) sourcePage(w http.ResponseWriter, r *http.Request) {
	source, ok := c.source(r.PathValue("source"))
	if !ok {
		c.fail(w, r, noSource)
		return
	}
	h, err := c.readHealth(r.Context(), source, c.Now())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	v := sourceView{sourceHealth: &h, MayPull: pullable(source)}
	pictures, err := c.pictures(r)
	if err == nil {
		v.Days = pictures[source.Scope]
		v.since = firstDay(c.Now())
		v.Rows = v.Days.rows(v.since)
		v.Deeds, err = c.deedsOf(r, source.Scope)
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	for _, k := range h.Keys {
		if k.Live(c.Now()) {
			v.Live++
		}
	}
	if h.Next != nil && v.MayPull {
		v.NextRun = h.Next(c.Now())
	}
	c.show(w, r, "source", &v)
}

// deedsOf tells what operators did to a source lately.
func (c *Console) deedsOf(r *http.Request, scope state.Scope) ([]deedRow, error) {
	deeds, err := c.Store.ListDeeds(r.Context(), scope, 0, deedsShown)
	rows := make([]deedRow, len(deeds))
	for i, d := range deeds {
		rows[i] = tell(d)
	}
	return rows, err
}
