package statetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"rollcall/state"
	"rollcall/state/scim"
)

// testHistories carries out random histories in the store and in a Model, and wants the same answers and the same record of both;
// and that the journal of each tells exactly how the record came to be.
func testHistories(t *testing.T, open Open) {
	rapid.Check(t, func(r *rapid.T) {
		h := newHistory(t, r, open)
		r.Repeat(map[string]func(*rapid.T){
			"write": h.write,
			"lease": h.lease,
			"agree": h.agree,
			"time": func(r *rapid.T) {
				h.clock.Advance(time.Duration(rapid.IntRange(1, 5000).Draw(r, "ms")) * time.Millisecond)
			},
			"compare": h.compare,
		})
		h.compare(r)
		for _, scope := range historyScopes {
			if err := CheckReplay(context.Background(), h.store, scope); err != nil {
				r.Fatalf("the journal does not tell how the record came to be: %v", err)
			}
		}
	})
}

var historyScopes = []state.Scope{here, beside, elsewhere}

type history struct {
	r      *rapid.T
	clock  *Clock
	store  Store
	model  *Model
	epochs map[state.Scope]int64
	serial int
}

// newHistory opens a store and a Model that know the same sources and go by the same clock.
func newHistory(t *testing.T, r *rapid.T, open Open) *history {
	clock := NewClock()
	h := &history{r: r, clock: clock, store: open(t, clock.Now), model: NewModel(), epochs: map[state.Scope]int64{}}
	h.model.Now = clock.Now
	for _, scope := range historyScopes {
		for _, store := range []Store{h.store, h.model} {
			if _, err := store.EnsureSource(t.Context(), scope, "okta"); err != nil {
				r.Fatalf("EnsureSource: %v", err)
			}
		}
	}
	return h
}

func (h *history) write(r *rapid.T) {
	mutations := rapid.SliceOfN(rapid.Custom(h.mutation), 1, 8).Draw(r, "mutations")
	urgency := rapid.SampledFrom([]state.Urgency{state.Urgent, state.Bulk}).Draw(r, "urgency")
	got, err := h.store.Write(urgency, mutations)
	if err != nil {
		r.Fatalf("Write: %v", err)
	}
	want, _ := h.model.Write(urgency, mutations)
	if diff := cmp.Diff(want, got, likeModel); diff != "" {
		r.Fatalf("Write: model (-) and store (+) answer differently:\n%s", diff)
	}
}

// likeModel compares what two stores say: rows by order alone, errors by what they are.
var likeModel = cmp.Options{
	cmpopts.IgnoreFields(state.Record{}, "Row"),
	cmpopts.IgnoreFields(state.IndexRow{}, "Row"),
	cmpopts.EquateEmpty(),
	cmp.FilterValues(func(a, b []byte) bool { return len(a) > 0 || len(b) > 0 }, cmp.Transformer("text", func(b []byte) string { return string(b) })),
	cmp.Comparer(func(a, b error) bool {
		var ua, ub *state.UniqueError
		if errors.As(a, &ua) && errors.As(b, &ub) {
			return *ua == *ub
		}
		var ma, mb *state.MemberError
		if errors.As(a, &ma) && errors.As(b, &mb) {
			return *ma == *mb
		}
		return fmt.Sprint(a) == fmt.Sprint(b)
	}),
}

func (h *history) mutation(r *rapid.T) state.Mutation {
	scope := rapid.SampledFrom([]state.Scope{here, here, here, here, beside, elsewhere}).Draw(r, "scope")
	kind := rapid.SampledFrom([]state.Kind{state.KindAccount, state.KindGroup}).Draw(r, "kind")
	what := rapid.SampledFrom([]string{"put", "put", "put", "put and more", "members", "members", "life", "life", "delete", "restore", "restore", "purge"}).Draw(r, "what")
	m := state.Mutation{Scope: scope, Kind: kind, ID: h.id(r, scope, kind), Cause: h.cause(r)}
	if what == "restore" {
		m.ID = h.tombstone(r, scope, kind, m.ID)
	}
	if rapid.IntRange(0, 4).Draw(r, "leased") == 0 {
		m.Epoch = max(0, h.epochs[scope]-rapid.Int64Range(0, 1).Draw(r, "stale"))
	}
	if rapid.IntRange(0, 3).Draw(r, "asked") == 0 {
		h.serial++
		m.Request = &state.Request{ID: fmt.Sprint("request-", h.serial), At: h.clock.Now(), Method: "PATCH", Status: 200}
	}
	put := &state.Put{Resource: resource(r, kind)}
	if e := h.model.records[m.ID]; e != nil && rapid.IntRange(0, 7).Draw(r, "behind") > 0 {
		put.Base = e.Version
	}
	switch what {
	case "put":
		m.Put = put
	case "put and more":
		m.Put = put
		if kind == state.KindGroup {
			m.Members = h.members(r, scope)
		} else {
			m.Life = life(r)
		}
	case "members":
		m.Members = h.members(r, scope)
	case "life":
		m.Life = life(r)
	case "delete":
		m.Life = &state.Life{Remove: state.RemoveDelete}
	case "restore":
		m.Life = &state.Life{Remove: state.RemoveRestore}
		if kind == state.KindAccount {
			m.Life.Said = maybe(r, "said")
		}
		if rapid.IntRange(0, 4).Draw(r, "put too") == 0 {
			m.Put = put
		}
	case "purge":
		m.Life = &state.Life{Remove: state.RemovePurge}
	}
	if kind == state.KindAccount && what != "delete" && what != "purge" && rapid.IntRange(0, 3).Draw(r, "stamped") == 0 {
		m.Stamp = rapid.Uint64().Draw(r, "stamp")
	}
	return m
}

// tombstone is one of the scope's tombstones, if there is one.
func (h *history) tombstone(r *rapid.T, scope state.Scope, kind state.Kind, id state.ID) state.ID {
	if list := h.model.all(scope, kind, true); len(list) > 0 {
		return rapid.SampledFrom(list).Draw(r, "tombstone").ID
	}
	return id
}

// id is one of a few, so that histories meet; now and then another scope's.
func (h *history) id(r *rapid.T, scope state.Scope, kind state.Kind) state.ID {
	if rapid.IntRange(0, 19).Draw(r, "foreign") == 0 {
		scope = rapid.SampledFrom(historyScopes).Draw(r, "foreign scope")
	}
	return state.ID(fmt.Sprintf("%s/%s/%d", scope.Source, kind, rapid.IntRange(1, 4).Draw(r, "id")))
}

// members are mostly such as are there, since one who is not has the whole mutation refused.
func (h *history) members(r *rapid.T, scope state.Scope) *state.Members {
	live := append(h.model.all(scope, state.KindAccount, false), h.model.all(scope, state.KindGroup, false)...)
	id := rapid.Custom(func(r *rapid.T) state.ID {
		if len(live) > 0 && rapid.IntRange(0, 9).Draw(r, "there") > 0 {
			return rapid.SampledFrom(live).Draw(r, "member").ID
		}
		return h.id(r, scope, rapid.SampledFrom([]state.Kind{state.KindAccount, state.KindGroup}).Draw(r, "member kind"))
	})
	return &state.Members{
		Set:    rapid.IntRange(0, 3).Draw(r, "set") == 0,
		Add:    rapid.SliceOfN(id, 0, 4).Draw(r, "add"),
		Remove: rapid.SliceOfN(id, 0, 2).Draw(r, "remove members"),
	}
}

func (h *history) cause(r *rapid.T) state.Cause {
	kinds := []state.CauseKind{state.CausePush, state.CausePush, state.CausePull, state.CausePull, state.CauseApproval, state.CauseOperator, state.CauseUndo}
	return state.Cause{Kind: rapid.SampledFrom(kinds).Draw(r, "cause"), Actor: "someone", Run: "run-1", Reason: "because", Note: "note"}
}

func life(r *rapid.T) *state.Life {
	l := &state.Life{
		Said:      maybe(r, "said"),
		Stage:     rapid.IntRange(0, 3).Draw(r, "stage") == 0,
		InForce:   maybe(r, "in force"),
		Pinned:    maybe(r, "pinned"),
		Protected: maybe(r, "protected"),
	}
	if l.Stage && l.Said != nil {
		l.InForce = nil
		l.Deletes = !*l.Said && rapid.Bool().Draw(r, "deletes")
	}
	if rapid.IntRange(0, 2).Draw(r, "tie") == 0 {
		l.Link = new(rapid.SampledFrom([]string{"", "person-1", "person-2"}).Draw(r, "link"))
	}
	return l
}

// maybe is nil more often than not.
func maybe(r *rapid.T, label string) *bool {
	switch rapid.IntRange(0, 4).Draw(r, label) {
	case 0:
		return new(true)
	case 1:
		return new(false)
	}
	return nil
}

func resource(r *rapid.T, kind state.Kind) scim.Value {
	v := scim.ObjectOf()
	with := func(name string, values ...string) {
		if text := rapid.SampledFrom(append(values, "")).Draw(r, name); text != "" {
			v = v.With(name, scim.StringValue(text))
		}
	}
	with("externalId", "x1", "X1", "x2")
	if kind == state.KindGroup {
		with("displayName", "Staff", "staff", "Sales \"north\"", "Ops, night")
		return v
	}
	with("userName", "ada@acme.example", "Ada@acme.example", "bob@acme.example", "ÉVA@acme.example", "éva@acme.example")
	with("displayName", "Ada", "Bob {b}")
	if emails := rapid.SliceOfN(rapid.SampledFrom([]string{"a@acme.example", "A@acme.example", "b@acme.example"}), 0, 2).Draw(r, "emails"); len(emails) > 0 {
		var list []scim.Value
		for _, email := range emails {
			list = append(list, scim.ObjectOf(scim.Field{Name: "value", Value: scim.StringValue(email)}))
		}
		v = v.With("emails", scim.ListOf(list...))
	}
	if active := maybe(r, "active"); active != nil {
		v = v.With("active", scim.BoolValue(*active))
	}
	return v
}

func (h *history) lease(r *rapid.T) {
	scope := rapid.SampledFrom(historyScopes).Draw(r, "scope")
	holder := rapid.SampledFrom([]string{"one", "two"}).Draw(r, "holder")
	ttl := time.Duration(rapid.IntRange(1, 3000).Draw(r, "ttl")) * time.Millisecond
	got, err := h.store.AcquireLease(context.Background(), scope, holder, ttl)
	want, wantErr := h.model.AcquireLease(context.Background(), scope, holder, ttl)
	if diff := cmp.Diff(want, got); diff != "" || !errors.Is(err, wantErr) {
		r.Fatalf("AcquireLease = %+v, %v; the model's %+v, %v", got, err, want, wantErr)
	}
	h.epochs[scope] = max(h.epochs[scope], want.Epoch)
}

func (h *history) agree(r *rapid.T) {
	scope := rapid.SampledFrom(historyScopes).Draw(r, "scope")
	stamp := rapid.Uint64().Draw(r, "stamp")
	behind := rapid.Int64Range(0, 1).Draw(r, "behind")
	for _, store := range []Store{h.store, h.model} {
		var agreements []state.Agreement
		must(r, store.Index(context.Background(), scope, func(row state.IndexRow) error {
			agreements = append(agreements, state.Agreement{Row: row.Row, Version: row.Version - behind, Stamp: stamp})
			return nil
		}))
		must(r, store.Agree(context.Background(), scope, h.epochs[scope], agreements))
	}
}

func (h *history) compare(r *rapid.T) {
	want, got := dump(r, h.model), dump(r, h.store)
	if diff := cmp.Diff(want, got, likeModel); diff != "" {
		r.Fatalf("model (-) and store (+) hold different records:\n%s", diff)
	}
}

// image is all that a store says about a scope.
type image struct {
	Records    []state.Record
	Tombstones []state.Record
	Index      []state.IndexRow
	Counts     []int
	Members    map[state.ID][]state.Ref
	Groups     map[state.ID][]state.Ref
	Found      map[state.MatchKey][]state.Record
	Journal    map[state.ID][]state.Entry
	Entries    []state.Entry
	Ledger     state.Ledger
	Requests   []state.Request
}

func dump(r *rapid.T, store Store) map[state.Scope]image {
	ctx := context.Background()
	images := map[state.Scope]image{}
	for _, scope := range historyScopes {
		i := image{
			Members: map[state.ID][]state.Ref{}, Groups: map[state.ID][]state.Ref{},
			Found: map[state.MatchKey][]state.Record{}, Journal: map[state.ID][]state.Entry{},
		}
		for _, kind := range []state.Kind{state.KindAccount, state.KindGroup} {
			must(r, store.Scan(ctx, scope, kind, 0, 0, 0, func(record state.Record) bool {
				i.Records = append(i.Records, record)
				return true
			}))
			n, err := store.Count(ctx, scope, kind)
			must(r, err)
			i.Counts = append(i.Counts, n)
			for _, key := range historyKeys {
				i.Found[key], err = store.Find(ctx, scope, kind, key)
				must(r, err)
			}
		}
		must(r, store.Tombstones(ctx, scope, func(record state.Record) bool {
			i.Tombstones = append(i.Tombstones, record)
			return true
		}))
		must(r, store.Index(ctx, scope, func(row state.IndexRow) error {
			i.Index = append(i.Index, row)
			return nil
		}))
		var err error
		for _, record := range i.Records {
			i.Groups[record.ID], err = store.GroupsOf(ctx, scope, record.ID)
			must(r, err)
			i.Journal[record.ID], err = store.EntriesOf(ctx, scope, record.ID)
			must(r, err)
			if record.Kind == state.KindGroup {
				must(r, store.Members(ctx, scope, record.ID, func(ref state.Ref) bool {
					i.Members[record.ID] = append(i.Members[record.ID], ref)
					return true
				}))
			}
		}
		i.Entries, err = store.Entries(ctx, scope.Tenant, 0, 0)
		must(r, err)
		i.Ledger, err = store.Ledger(ctx, scope, NewClock().Now().Add(3*time.Second))
		must(r, err)
		i.Requests, err = store.Requests(ctx, scope, 0)
		must(r, err)
		images[scope] = i
	}
	return images
}

var historyKeys = []state.MatchKey{
	state.NewMatchKey(state.MatchUserName, "ADA@acme.example"), state.NewMatchKey(state.MatchUserName, "éva@acme.example"),
	state.NewMatchKey(state.MatchExternalID, "x1"), state.NewMatchKey(state.MatchExternalID, "X1"),
	state.NewMatchKey(state.MatchEmail, "a@ACME.example"), state.NewMatchKey(state.MatchDisplayName, "ada"),
	state.NewMatchKey(state.MatchDisplayName, "STAFF"), state.NewMatchKey(state.MatchLink, "person-1"),
	state.NewMatchKey(state.MatchID, here.Source+"/User/1"), state.NewMatchKey(state.MatchID, here.Source+"/Group/1"),
}

func must(r *rapid.T, err error) {
	if err != nil {
		r.Helper()
		r.Fatal(err)
	}
}
