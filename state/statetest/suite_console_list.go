package statetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/state"
)

// testLists lists, a page at a time, while random histories go on between the pages, and wants the same rows of the store and of a
// Model, whose pages go on behind an exact place. Hence whoever stays where they are is listed once, whatever becomes of others.
func testLists(t *testing.T, open Open) {
	rapid.Check(t, func(r *rapid.T) {
		l := lists{history: newHistory(t, r, open)}
		r.Repeat(map[string]func(*rapid.T){
			"write":  l.write,
			"time":   func(r *rapid.T) { l.clock.Advance(time.Millisecond) },
			"begin":  l.begin,
			"go on":  l.goOn,
			"all":    func(r *rapid.T) { l.all(r, listing(r)) },
			"locate": l.locate,
			"search": l.search,
		})
	})
}

// lists goes through a list in the store and the model, each with pages of its own.
type lists struct {
	*history
	listing      state.Listing
	store, model string
	open         bool
}

func listing(r *rapid.T) state.Listing {
	l := state.Listing{
		Scopes:     rapid.SliceOfDistinct(rapid.SampledFrom(historyScopes), func(s state.Scope) state.Scope { return s }).Draw(r, "scopes"),
		Kind:       rapid.SampledFrom([]state.Kind{state.KindAccount, state.KindAccount, state.KindGroup}).Draw(r, "kind"),
		Order:      rapid.SampledFrom([]state.ListOrder{"", state.OrderName, state.OrderCreated}).Draw(r, "order"),
		Descending: rapid.Bool().Draw(r, "descending"),
		Limit:      rapid.IntRange(1, 3).Draw(r, "limit"),
		Show: rapid.SampledFrom([]state.Show{state.ShowLive, state.ShowLive, state.ShowActive, state.ShowInactive, state.ShowStaged, state.ShowPinned,
			state.ShowProtected, state.ShowDeleted}).Draw(r, "show"),
	}
	if rapid.IntRange(0, 3).Draw(r, "by reason") == 0 {
		l.Reason = rapid.SampledFrom([]string{"because", "because", "another"}).Draw(r, "reason")
	}
	return l
}

func (l *lists) begin(r *rapid.T) {
	l.listing, l.store, l.model, l.open = listing(r), "", "", true
	l.goOn(r)
}

func (l *lists) goOn(r *rapid.T) {
	if !l.open {
		return
	}
	l.listing.After = l.store
	got, err := l.history.store.List(context.Background(), l.listing)
	if err != nil {
		r.Fatalf("List: %v", err)
	}
	l.listing.After = l.model
	want, err := l.history.model.List(context.Background(), l.listing)
	if err != nil {
		r.Fatalf("List of the model: %v", err)
	}
	if diff := cmp.Diff(want.Rows, got.Rows, likeModel); diff != "" {
		r.Fatalf("%+v: model (-) and store (+) differ:\n%s", l.listing, diff)
	}
	if (got.Next == "") != (want.Next == "") {
		r.Fatalf("%+v: the next page is %q, and of the model %q", l.listing, got.Next, want.Next)
	}
	l.store, l.model, l.open = got.Next, want.Next, got.Next != ""
}

// all goes through a whole list of one moment.
func (l *lists) all(r *rapid.T, listing state.Listing) {
	whole := listing
	whole.Limit = 0
	want, err := l.history.model.List(context.Background(), whole)
	if err != nil || want.Next != "" {
		r.Fatalf("List of the model: %v", err)
	}
	var got []state.Listed
	for more := true; more; more = listing.After != "" {
		page, err := l.history.store.List(context.Background(), listing)
		if err != nil || len(page.Rows) > listing.Limit {
			r.Fatalf("List: %d rows, %v", len(page.Rows), err)
		}
		got = append(got, page.Rows...)
		listing.After = page.Next
	}
	if diff := cmp.Diff(want.Rows, got, likeModel); diff != "" {
		r.Fatalf("%+v: model (-) and store (+) differ:\n%s", listing, diff)
	}
	if page, err := l.history.store.List(context.Background(), whole); err != nil || page.Next != "" || !cmp.Equal(want.Rows, page.Rows, likeModel) {
		r.Fatalf("%+v: without a limit it is another list, %v", listing, err)
	}
}

func (l *lists) locate(r *rapid.T) {
	id := l.id(r, rapid.SampledFrom(historyScopes).Draw(r, "scope"), rapid.SampledFrom([]state.Kind{state.KindAccount, state.KindGroup}).Draw(r, "kind"))
	scope, kind, err := l.history.store.Locate(context.Background(), id)
	wantScope, wantKind, want := l.history.model.Locate(context.Background(), id)
	if scope != wantScope || kind != wantKind || !errors.Is(err, want) {
		r.Fatalf("Locate(%s) = %v %v %v, want %v %v %v", id, scope, kind, err, wantScope, wantKind, want)
	}
}

// search looks for something that some records have.
func (l *lists) search(r *rapid.T) {
	ctx := context.Background()
	for more := true; more; {
		var err error
		if more, err = l.history.store.Digest(ctx); err != nil {
			r.Fatalf("Digest: %v", err)
		}
	}
	text := rapid.SampledFrom([]string{"a", "ad", "ADA", "bob", "b", "eva", "ÉVA@", "acme", "example ada", "éva@acme.example", "a@acme.example", "x1", "X1", "person-1", "staff",
		"north sal", "ops", "night ops", string(l.id(r, here, state.KindAccount))}).Draw(r, "text")
	limit := rapid.IntRange(0, 3).Draw(r, "limit")
	got, err := l.history.store.Search(ctx, text, limit)
	want, wantErr := l.history.model.Search(ctx, text, limit)
	if diff := cmp.Diff(want, got, likeModel); diff != "" || err != nil || wantErr != nil {
		r.Fatalf("Search(%q, %d): %v %v: model (-) and store (+) differ:\n%s", text, limit, err, wantErr, diff)
	}
}

// testPages goes through a list by name while those at its edge are renamed, taken away, purged and erased.
func testPages(t *testing.T, f *fixture) {
	ctx := t.Context()
	for i := range 40 {
		f.account(t, state.ID(fmt.Sprintf("id-%02d", i)), fmt.Sprintf("n%02d", i))
	}
	edge := map[int]func(id state.ID){
		1: func(id state.ID) {
			f.write(t, state.Mutation{Kind: state.KindAccount, ID: id, Put: &state.Put{Base: 1, Resource: parse(t, `{"userName":"zz"}`)}})
		},
		2: func(id state.ID) { f.life(t, id, pushed, state.Life{Remove: state.RemoveDelete}) },
		3: func(id state.ID) { f.life(t, id, pushed, state.Life{Remove: state.RemovePurge}) },
		4: func(id state.ID) {
			f.life(t, id, pulled, state.Life{Said: new(false)})
			same(t, "Erase", f.Erase(ctx, here, id, operator), nil, nil)
		},
		5: func(id state.ID) {
			f.life(t, id, pushed, state.Life{Remove: state.RemoveDelete})
			f.life(t, id, pushed, state.Life{Remove: state.RemoveRestore})
		},
		6: func(id state.ID) {
			f.write(t, state.Mutation{Kind: state.KindAccount, ID: id, Put: &state.Put{Base: 1, Resource: parse(t, `{"userName":"aa"}`)}})
			f.life(t, id, pushed, state.Life{Protected: new(true)})
		},
	}
	l := state.Listing{Scopes: []state.Scope{here, elsewhere}, Kind: state.KindAccount, Limit: 5}
	seen := map[state.ID]int{}
	for page := 1; ; page++ {
		got, err := f.List(ctx, l)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range got.Rows {
			seen[row.Record.ID]++
		}
		if got.Next == "" {
			break
		}
		l.After = got.Next
		if change := edge[page]; change != nil {
			change(got.Rows[len(got.Rows)-1].Record.ID)
		}
	}
	for i := range 40 {
		id := state.ID(fmt.Sprintf("id-%02d", i))
		if want := map[state.ID]int{"id-04": 2}[id]; seen[id] != max(1, want) { // who was renamed to the end is listed there again
			t.Errorf("%s was listed %d times", id, seen[id])
		}
	}
	for _, after := range []string{"x", "17", "e30", "W10"} {
		l.After = after
		if _, err := f.List(ctx, l); !errors.Is(err, state.ErrNotFound) && !(after == "17" && err == nil) {
			t.Errorf("a page behind %q: %v, want ErrNotFound", after, err)
		}
	}
}

func testListed(t *testing.T, f *fixture) {
	ctx := t.Context()
	f.account(t, "a", "ada")
	f.account(t, "b", "Bob")
	f.account(t, "c", "cy")
	f.group(t, "g", "Team", "a")
	f.clock.Advance(time.Minute)
	f.life(t, "b", pulled, state.Life{Said: new(false)})
	f.life(t, "c", pulled, state.Life{Said: new(false)})
	f.life(t, "c", pushed, state.Life{Said: new(true)})
	list := func(l state.Listing) (ids []state.ID) {
		t.Helper()
		l.Scopes = []state.Scope{here, elsewhere, {Tenant: "acme", Source: "unknown"}}
		page, err := f.List(ctx, l)
		if err != nil || page.Next != "" {
			t.Fatalf("List: next %q, %v", page.Next, err)
		}
		for _, row := range page.Rows {
			ids = append(ids, row.Record.ID)
		}
		return ids
	}
	same(t, "by name", nil, list(state.Listing{Kind: state.KindAccount}), []state.ID{"a", "b", "c"})
	same(t, "inactive", nil, list(state.Listing{Kind: state.KindAccount, Show: state.ShowInactive}), []state.ID{"b"})
	same(t, "by reason", nil, list(state.Listing{Kind: state.KindAccount, Reason: "disabled_at_source"}), []state.ID{"b"})
	same(t, "groups", nil, list(state.Listing{Kind: state.KindGroup}), []state.ID{"g"})
	same(t, "active groups", nil, list(state.Listing{Kind: state.KindGroup, Show: state.ShowActive}), []state.ID(nil))
	page, err := f.List(ctx, state.Listing{Scopes: []state.Scope{here}, Kind: state.KindAccount})
	if err != nil || len(page.Rows) != 3 {
		t.Fatalf("%d rows, %v", len(page.Rows), err)
	}
	a, b := page.Rows[0], page.Rows[1]
	if !a.Record.Grouped || a.Scope != here || a.Last != pushed || !a.LastAt.Equal(f.clock.Now().Add(-time.Minute)) {
		t.Errorf("a is %+v", a)
	}
	if b.Record.Grouped || b.Last != pulled || !b.LastAt.Equal(f.clock.Now()) || len(b.Record.Resource) == 0 {
		t.Errorf("b is %+v", b)
	}
	none, err := f.List(ctx, state.Listing{Kind: state.KindAccount})
	same(t, "nobody's", err, none, state.Page{})
	if _, err := f.Trim(ctx, f.clock.Now().Add(time.Hour), time.Time{}); err != nil {
		t.Fatal(err)
	}
	page, err = f.List(ctx, state.Listing{Scopes: []state.Scope{here}, Kind: state.KindAccount, Limit: 1})
	if err != nil || !page.Rows[0].LastAt.IsZero() || page.Rows[0].Last != (state.Cause{}) {
		t.Errorf("without a journal: %+v, %v", page, err)
	}
}
