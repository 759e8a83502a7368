package console

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"rollcall/state"
	"rollcall/sync/plan"
)

// listPage is how many rows a page of a list has.
const listPage = 50

// listFilter is what a list of accounts or groups is asked for, as its URL says it in words.
type listFilter struct {
	Kind   state.Kind
	Tenant string
	Source string
	Status string // a state.Show
	Reason string // a plan.Reason
	Sort   string // the word of one of sorts; "" = the first
	after  string // where the page before ended
}

// sorts are the orders of a list and how its URL names them.
var sorts = []sortOrder{
	{"name", state.OrderName, false}, {"name-down", state.OrderName, true},
	{"newest", state.OrderCreated, true}, {"oldest", state.OrderCreated, false},
}

type sortOrder struct {
	word       string
	order      state.ListOrder
	descending bool
}

// listStatuses are what a list can be narrowed down to.
var listStatuses = map[state.Kind][]string{
	state.KindAccount: {
		string(state.ShowActive), string(state.ShowInactive), string(state.ShowStaged), string(state.ShowPinned), string(state.ShowProtected), string(state.ShowDeleted),
	},
	state.KindGroup: {string(state.ShowDeleted)},
}

// listReasons are why an account can be out of force, as far as a reason is kept.
var listReasons = map[state.Kind][]string{
	state.KindAccount: {
		string(plan.ReasonDisabled), string(plan.ReasonDeleted), string(plan.ReasonUnassigned), string(plan.ReasonOutOfScope), string(plan.ReasonGone),
		string(plan.ReasonMapped), string(plan.ReasonUnexplained), string(plan.ReasonStaged), string(plan.ReasonUndone),
	},
}

// readFilter reads what a list is asked for. A word that it does not know is refused: a list of everybody in its place would mislead.
func readFilter(r *http.Request, kind state.Kind) (listFilter, error) {
	q := r.URL.Query()
	f := listFilter{
		Kind: kind, Tenant: q.Get("tenant"), Source: q.Get("source"), Status: q.Get("status"), Reason: q.Get("reason"), Sort: q.Get("sort"), after: q.Get("after"),
	}
	var orders []string
	for _, s := range sorts {
		orders = append(orders, s.word)
	}
	for _, word := range []struct {
		name, is string
		known    []string
	}{{"status", f.Status, listStatuses[kind]}, {"reason", f.Reason, listReasons[kind]}, {"order", f.Sort, orders}} {
		if word.is != "" && !slices.Contains(word.known, word.is) {
			return f, problem{http.StatusBadRequest, "There is no such list", fmt.Sprintf("“%s” is no %s. The list can have: %s.", harmless(word.is), word.name, strings.Join(word.known, ", "))}
		}
	}
	if f.Sort == sorts[0].word {
		f.Sort = ""
	}
	return f, nil
}

// listing is the filter as the store is asked.
func (f *listFilter) listing(sources []Source) state.Listing {
	order := sorts[max(0, slices.IndexFunc(sorts, func(s sortOrder) bool { return s.word == f.Sort }))]
	l := state.Listing{
		Kind: f.Kind, Show: state.Show(f.Status), Reason: f.Reason, Order: order.order, Descending: order.descending, After: f.after, Limit: listPage,
	}
	for _, s := range sources {
		if (f.Tenant == "" || s.Scope.Tenant == f.Tenant) && (f.Source == "" || s.Scope.Source == f.Source) {
			l.Scopes = append(l.Scopes, s.Scope)
		}
	}
	return l
}

// scope is the one source that is listed; zero where they are several.
func (f *listFilter) scope(sources []Source) state.Scope {
	if scopes := f.listing(sources).Scopes; f.Source != "" && len(scopes) == 1 {
		return scopes[0]
	}
	return state.Scope{}
}

// path is where the accounts, or the groups, are listed.
func (f *listFilter) path() string {
	if f.Kind == state.KindGroup {
		return "/groups"
	}
	return "/users"
}

// query is the filter in words, as URLs carry it.
func (f *listFilter) query() string {
	return listURL("", "tenant", f.Tenant, "source", f.Source, "status", f.Status, "reason", f.Reason, "sort", f.Sort, "after", f.after)
}

// words is the filter as a note of what was listed.
func (f *listFilter) words() string {
	first := *f
	first.after = ""
	return strings.ReplaceAll(strings.TrimPrefix(first.query(), "?"), "&", ", ")
}

// fixed tells whether the order is given by what is listed.
func (f *listFilter) fixed() bool { return f.Reason != "" || f.Status == string(state.ShowDeleted) }

// peopleList is one page of a list with the ways through it.
type peopleList struct {
	Filter   listFilter
	Tenants  []string
	Sources  []string
	Counted  bool // Count is the number of all
	Count    int
	Empty    bool // there is nothing at all, whatever the filter
	Narrowed bool // the filter leaves something out
	First    string
	Next     string
	CSV      string
}

// Statuses and Reasons are what the list can be narrowed down to.
func (p *peopleList) Statuses() []string { return listStatuses[p.Filter.Kind] }
func (p *peopleList) Reasons() []option {
	var options []option
	for _, code := range listReasons[p.Filter.Kind] {
		options = append(options, option{code, plan.Reason(code).Text()})
	}
	return options
}

// option is a choice of a form.
type option struct{ Value, Text string }

// heading is a column's title by which the list can be sorted; a second click turns the order around.
type heading struct {
	Text string
	URL  string // "" = it cannot be
	Sort string // aria-sort; "" = not by this
}

// ByName and ByCreated are the headings that sort. Accounts stand in order of their userName, groups of their name.
func (p *peopleList) ByName() heading {
	return p.heading(p.nameWord(), "name", "name-down", "ascending")
}
func (p *peopleList) ByCreated() heading {
	return p.heading("Created", "newest", "oldest", "descending")
}

func (p *peopleList) heading(text, once, twice, first string) heading {
	h := heading{Text: text}
	if p.Filter.fixed() {
		return h
	}
	next := p.Filter
	next.Sort, next.after = once, ""
	switch sort := p.Filter.Sort; {
	case sort == once, sort == "" && once == sorts[0].word:
		h.Sort, next.Sort = first, twice
	case sort == twice:
		h.Sort = map[string]string{"ascending": "descending", "descending": "ascending"}[first]
	}
	if next.Sort == sorts[0].word {
		next.Sort = ""
	}
	h.URL = next.path() + next.query()
	return h
}

func (p *peopleList) nameWord() string {
	if p.Filter.Kind == state.KindGroup {
		return "Name"
	}
	return "userName"
}

// ByAge tells whether the list is in order of creation.
func (p *peopleList) ByAge() bool {
	return !p.Filter.fixed() && (p.Filter.Sort == "newest" || p.Filter.Sort == "oldest")
}

// Orders are those that the list can have; none where what is listed gives it.
func (p *peopleList) Orders() []option {
	if p.Filter.fixed() {
		return nil
	}
	return []option{{"", p.nameWord() + ", A to Z"}, {"name-down", p.nameWord() + ", Z to A"}, {"newest", "Newest first"}, {"oldest", "Oldest first"}}
}

// All is the list without a filter.
func (p *peopleList) All() string { return p.Filter.path() }

// readList reads the page of a list that a request asks for.
func (c *Console) readList(r *http.Request, kind state.Kind) (peopleList, []state.Listed, error) {
	filter, err := readFilter(r, kind)
	if err != nil {
		return peopleList{}, nil, err
	}
	list := peopleList{Filter: filter, Narrowed: filter.Tenant+filter.Source+filter.Status+filter.Reason != ""}
	for _, s := range c.Sources() {
		list.Tenants, list.Sources = append(list.Tenants, s.Scope.Tenant), append(list.Sources, s.Scope.Source)
	}
	slices.Sort(list.Tenants)
	slices.Sort(list.Sources)
	list.Tenants, list.Sources = slices.Compact(list.Tenants), slices.Compact(list.Sources)
	listing := filter.listing(c.Sources())
	page, err := c.Store.List(r.Context(), listing)
	if err != nil {
		return peopleList{}, nil, fmt.Errorf("list: %w", err)
	}
	if list.Count, list.Counted, err = c.countListed(r.Context(), &filter, listing.Scopes); err != nil {
		return peopleList{}, nil, err
	}
	if !list.Counted && filter.after == "" && page.Next == "" {
		list.Count, list.Counted = len(page.Rows), true
	}
	list.Empty = !list.Narrowed && len(page.Rows) == 0
	list.CSV = filter.path() + ".csv"
	first := filter
	first.after = ""
	list.CSV += first.query()
	if filter.after != "" {
		list.First = first.path() + first.query()
	}
	if page.Next != "" {
		first.after = page.Next
		list.Next = first.path() + first.query()
	}
	return list, page.Rows, nil
}

// countListed counts what a filter lets through from the sums that the record keeps; ok is false where it keeps none.
func (c *Console) countListed(ctx context.Context, f *listFilter, scopes []state.Scope) (n int, ok bool, err error) {
	show := state.Show(f.Status)
	if f.Reason != "" || show != state.ShowLive && show != state.ShowActive && show != state.ShowInactive {
		return 0, false, nil
	}
	for _, scope := range scopes {
		if show == state.ShowLive {
			live, err := c.Store.Count(ctx, scope, f.Kind)
			if err != nil {
				return 0, false, fmt.Errorf("count what source %s has: %w", scope.Source, err)
			}
			n += live
			continue
		}
		ledger, err := c.Store.Ledger(ctx, scope, c.Now())
		if err != nil {
			return 0, false, fmt.Errorf("count the accounts of source %s: %w", scope.Source, err)
		}
		if n += ledger.Active; show == state.ShowInactive {
			n += ledger.Total - 2*ledger.Active
		}
	}
	return n, true, nil
}

// title says how many there are, and of what.
func (p *peopleList) title(one string) string {
	f := &p.Filter
	what := strings.TrimSpace(f.Status + " " + one)
	many := what + "s"
	of := ""
	switch {
	case f.Source != "":
		of = " of " + harmless(f.Source)
	case f.Tenant != "":
		of = " of " + harmless(f.Tenant)
	}
	if f.Reason != "" {
		of += " out of force: " + plan.Reason(f.Reason).Text()
	}
	switch {
	case p.Empty:
		return "No " + one + "s yet"
	case p.Counted && p.Count == 0:
		return "No " + what + of
	case p.Counted && p.Count == 1:
		return "1 " + what + of
	case p.Counted:
		return count(p.Count) + " " + many + of
	}
	return "More than " + count(listPage) + " " + many + of
}

// eachListed calls yield for everything that a filter lets through, a page in memory at a time.
func (c *Console) eachListed(ctx context.Context, f *listFilter, yield func(*state.Listed) error) error {
	listing := f.listing(c.Sources())
	listing.After, listing.Limit = "", exportPage
	for {
		page, err := c.Store.List(ctx, listing)
		if err != nil {
			return fmt.Errorf("list: %w", err)
		}
		for i := range page.Rows {
			if err := yield(&page.Rows[i]); err != nil {
				return err
			}
		}
		if listing.After = page.Next; page.Next == "" {
			return nil
		}
	}
}

// exportPage is how many records are in memory at once while a file is written.
const exportPage = 500
