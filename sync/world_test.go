package sync_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/state/statetest"
	dirsync "rollcall/sync"
	"rollcall/sync/mapping"
	"rollcall/sync/plan"
)

// soul is someone in the scripted directory.
type soul struct {
	id      string
	facts   connectors.Facts
	gone    bool
	outside bool // of the scoping filters, in truth
	account string
	values  map[string]string
}

// directory is a scripted identity provider. Its faults stay until they are taken back.
type directory struct {
	identity string
	pageSize int
	souls    []*soul
	teams    []*team

	hidden     map[string]bool  // left out of pulls, as if they were not there
	passesAll  bool             // people who are not assigned are passed as such
	dropped    int              // this page is lost without a word; 0: none
	incomplete string           // the pull ends so, after this reason
	failAfter  int              // pages, and then err
	err        error            // of Pull
	lost       bool             // the application is gone
	unreadable []string         // groups
	lookErr    error            // of Look
	lookTells  bool             // Look can tell assignment
	nulls      bool             // pulls have no value of any attribute but the name
	lookNulls  bool             // Look has neither values nor the state, as without a permission
	duringPull func(page int)   // before each page
	duringLook func()           // before each
	lagging    map[string]*soul // what pulls pass in place of who is there
	pulls      int
	pages      int
	looked     []string
}

func (d *directory) Identity() string                           { return d.identity }
func (d *directory) Check(context.Context) []connectors.Finding { return nil }

func (d *directory) find(id string) *soul {
	for _, s := range d.souls {
		if s.id == id {
			return s
		}
	}
	return nil
}

func (d *directory) Pull(ctx context.Context, want connectors.Want, page func([]connectors.Person) error) (connectors.Proof, error) {
	d.pulls++
	var people []connectors.Person
	for _, s := range d.souls {
		if lag := d.lagging[s.id]; lag != nil {
			s = lag
		}
		assigned := d.passesAll || want.Scope == connectors.Everyone || s.facts.Assigned == connectors.Yes
		if !s.gone && s.facts.SoftDeleted != connectors.Yes && assigned && !d.hidden[s.id] {
			people = append(people, s.person(want))
			if last := &people[len(people)-1]; d.nulls {
				forget(last, want)
			}
		}
	}
	proof := connectors.Proof{Complete: true, Unreadable: d.unreadable}
	if err := d.tellTeams(want); err != nil {
		return proof, err
	}
	number := 0
	for chunk := range slices.Chunk(people, max(d.pageSize, 1)) {
		number++
		if d.duringPull != nil {
			d.duringPull(number)
		}
		if err := ctx.Err(); err != nil {
			return proof, err
		}
		if d.err != nil && number > d.failAfter {
			break
		}
		if number == d.dropped {
			continue
		}
		d.pages++
		proof.Pages++
		if err := page(chunk); err != nil {
			return proof, err
		}
		clear(chunk) // what is passed is valid only until page returns
	}
	if d.err != nil {
		proof.Complete = false
		return proof, d.err
	}
	if d.incomplete != "" {
		proof.Complete, proof.Reason = false, d.incomplete
	}
	if d.lost {
		proof.Complete, proof.Lost, proof.Reason = false, true, "the application is gone"
	}
	return proof, nil
}

func (d *directory) Look(ctx context.Context, want connectors.Want, ids []string, found func(connectors.Sighting) error) error {
	if d.duringLook != nil {
		d.duringLook()
	}
	for _, id := range ids {
		if d.lookErr != nil {
			return d.lookErr
		}
		d.looked = append(d.looked, id)
		s := d.find(id)
		sighting := connectors.Sighting{ID: id, Gone: s == nil || s.gone}
		if !sighting.Gone {
			sighting.Person = s.person(want)
			if !d.lookTells {
				sighting.Person.Facts.Assigned = connectors.Unknown
			}
			if d.lookNulls {
				forget(&sighting.Person, want)
				sighting.Person.Facts.Enabled = connectors.Unknown
			}
		}
		if err := found(sighting); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (s *soul) person(want connectors.Want) connectors.Person {
	p := connectors.Person{ID: s.id, Account: s.account, UserName: s.values["userPrincipalName"], Facts: s.facts}
	for _, name := range want.Attributes {
		text, ok := s.values[name]
		p.Values = append(p.Values, connectors.Value{Present: ok, Text: text})
	}
	return p
}

// forget takes every value but the name from somebody.
func forget(p *connectors.Person, want connectors.Want) {
	for i, name := range want.Attributes {
		if name != "userPrincipalName" {
			p.Values[i] = connectors.Value{}
		}
	}
}

// clock is a clock that tests turn.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time       { return c.now }
func (c *clock) pass(d time.Duration) { c.now = c.now.Add(d) }
func (c *clock) hour()                { c.pass(time.Hour) }

// world is a source between a scripted directory and a record.
type world struct {
	t      testing.TB
	clock  *clock
	store  statetest.Store
	engine *dirsync.Engine
	dir    *directory
	source dirsync.Source
}

var acme = state.Scope{Tenant: "acme", Source: "acme-entra"}

// newWorld is an empty record and an empty directory. The source has been pulled by hand before, so that it isn't only observed;
// see fresh.
func newWorld(t testing.TB) *world {
	w := newWorldOf(t, nil, nil)
	w.hand()
	w.clock.hour()
	return w
}

// newWorldOf is a world that has never been pulled, on a store and its clock, or nil for a model.
func newWorldOf(t testing.TB, store statetest.Store, c *clock) *world {
	t.Helper()
	if store == nil {
		c = &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
		model := statetest.NewModel()
		model.Now = c.Now
		store = model
	}
	m, err := mapping.Compile(mapping.Default("entra"))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, clock: c, store: store,
		engine: &dirsync.Engine{Store: store, Now: c.Now, Holder: "test"},
		dir:    &directory{identity: "directory/app", pageSize: 3},
	}
	w.source = dirsync.Source{
		Scope: acme, Kind: "entra", Connector: w.dir, Mapping: m, People: connectors.Assigned, Policy: dirsync.PolicyFull,
		Rules: plan.Rules{GatePercent: 10, GateFloor: 5, Settle: 15 * time.Minute},
	}
	if _, err := store.EnsureSource(t.Context(), acme, "entra"); err != nil {
		t.Fatal(err)
	}
	return w
}

// join puts people into the directory, enabled and assigned.
func (w *world) join(names ...string) {
	for _, name := range names {
		w.dir.souls = append(w.dir.souls, &soul{
			id: "obj-" + name, facts: connectors.Facts{Enabled: connectors.Yes, Assigned: connectors.Yes, SoftDeleted: connectors.No},
			values: map[string]string{"userPrincipalName": name + "@acme.example", "displayName": strings.ToUpper(name[:1]) + name[1:]},
		})
	}
}

func (w *world) soul(name string) *soul {
	w.t.Helper()
	s := w.dir.find("obj-" + name)
	if s == nil {
		w.t.Fatalf("nobody is called %s", name)
	}
	return s
}

func (w *world) disable(name string)    { w.soul(name).facts.Enabled = connectors.No }
func (w *world) enable(name string)     { w.soul(name).facts.Enabled = connectors.Yes }
func (w *world) unassign(name string)   { w.soul(name).facts.Assigned = connectors.No }
func (w *world) assign(name string)     { w.soul(name).facts.Assigned = connectors.Yes }
func (w *world) softDelete(name string) { w.soul(name).facts.SoftDeleted = connectors.Yes }
func (w *world) purge(name string)      { w.soul(name).gone = true }

// run runs and wants no error.
func (w *world) run(order dirsync.Order) dirsync.Report {
	w.t.Helper()
	report, err := w.engine.RunOnce(w.t.Context(), w.source, order)
	if err != nil {
		w.t.Fatalf("run: %v", err)
	}
	return report
}

func (w *world) hand() dirsync.Report {
	w.t.Helper()
	return w.run(dirsync.Order{Trigger: dirsync.TriggerHand, Actor: "ops"})
}

func (w *world) scheduled() dirsync.Report {
	w.t.Helper()
	return w.run(dirsync.Order{Trigger: dirsync.TriggerSchedule})
}

func (w *world) dry() dirsync.Report {
	w.t.Helper()
	return w.run(dirsync.Order{Trigger: dirsync.TriggerHand, DryRun: true})
}

// populated is a world with people who all have accounts, pulled and in sync.
func populated(t testing.TB, names ...string) *world {
	t.Helper()
	w := newWorld(t)
	w.join(names...)
	w.hand()
	w.clock.hour()
	if got := w.hand(); got.Run.Outcome != dirsync.OutcomeInSync {
		t.Fatalf("a second run is not in sync: %s", outline(got))
	}
	w.clock.hour()
	return w
}

// crowd makes names.
func crowd(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("p%03d", i)
	}
	return names
}

// push changes an account as the receiver would, or what the mutation names.
func (w *world) push(m state.Mutation) state.Record {
	w.t.Helper()
	m.Scope, m.Kind, m.Cause = acme, cmp.Or(m.Kind, state.KindAccount), state.Cause{Kind: state.CausePush, Actor: "key"}
	results, err := w.store.Write(state.Urgent, []state.Mutation{m})
	if err = errors.Join(err, results[0].Err); err != nil {
		w.t.Fatalf("push: %v", err)
	}
	return results[0].Record
}

// pushNew creates an account by push.
func (w *world) pushNew(resource string) state.Record {
	w.t.Helper()
	return w.push(state.Mutation{ID: state.NewID(), Put: &state.Put{Resource: decode(w.t, resource)}})
}

// pushActive sets what the provider says of active by push.
func (w *world) pushActive(name string, active bool) {
	w.t.Helper()
	w.push(state.Mutation{ID: w.account(name).ID, Life: &state.Life{Said: &active}})
}

// pushTitle changes something else by push.
func (w *world) pushTitle(name, title string) {
	w.t.Helper()
	r := w.account(name)
	w.push(putOf(r, decode(w.t, string(r.Resource)).With("title", scim.StringValue(title))))
}

// putOf replaces a record's resource.
func putOf(r state.Record, resource scim.Value) state.Mutation {
	return state.Mutation{ID: r.ID, Put: &state.Put{Base: r.Version, Resource: resource}}
}

func decode(t testing.TB, text string) scim.Value {
	t.Helper()
	v, err := scim.ReadJSON([]byte(text), scim.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	n, err := scim.UserType().Normalize(v)
	if err != nil {
		t.Fatal(err)
	}
	return n.Resource
}

// account is the account with a person's userName.
func (w *world) account(name string) state.Record {
	w.t.Helper()
	found, err := w.store.Find(w.t.Context(), acme, state.KindAccount, state.NewMatchKey(state.MatchUserName, name+"@acme.example"))
	if err != nil {
		w.t.Fatal(err)
	}
	if len(found) != 1 {
		w.t.Fatalf("%d accounts are called %s", len(found), name)
	}
	return found[0]
}

// observe makes the source only be observed, as a restore does.
func (w *world) observe(why string) {
	w.t.Helper()
	lease, err := w.store.AcquireLease(w.t.Context(), acme, "restore", time.Minute)
	if err != nil {
		w.t.Fatal(err)
	}
	source, err := w.store.Source(w.t.Context(), acme.Source)
	if err != nil {
		w.t.Fatal(err)
	}
	source.Observe = why
	if err := errors.Join(w.store.PutSource(w.t.Context(), lease.Epoch, source), w.store.ReleaseLease(w.t.Context(), lease)); err != nil {
		w.t.Fatal(err)
	}
}

// active tells who is in force, by userName without the domain, sorted.
func (w *world) active() []string {
	w.t.Helper()
	var names []string
	err := w.store.Scan(w.t.Context(), acme, state.KindAccount, 0, 0, 0, func(r state.Record) bool {
		if r.InForce {
			names = append(names, strings.TrimSuffix(decode(w.t, string(r.Resource)).Get("userName").Text, "@acme.example"))
		}
		return true
	})
	if err != nil {
		w.t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

func (w *world) wantActive(names ...string) {
	w.t.Helper()
	slices.Sort(names)
	if got := w.active(); !slices.Equal(got, names) {
		w.t.Errorf("active are %v, want %v", got, names)
	}
}

// journal is the tenant's journal.
func (w *world) journal() []state.Entry {
	w.t.Helper()
	entries, err := w.store.Entries(w.t.Context(), acme.Tenant, 0, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	return entries
}

// outline says in a few lines what a report has.
func outline(r dirsync.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", r.Run.Verdict, r.Run.Outcome)
	if r.Run.Reason != "" {
		fmt.Fprintf(&b, " (%s)", r.Run.Reason)
	}
	for _, c := range r.Plan.Changes {
		fmt.Fprintf(&b, "\n%s %s %s", c.Action, strings.TrimSuffix(c.Name, "@acme.example"), c.Reason)
		if c.Held {
			fmt.Fprintf(&b, " held:%s", c.HeldBecause)
		}
	}
	for _, result := range r.Results {
		if result.Outcome != dirsync.ChangeApplied {
			fmt.Fprintf(&b, "\n%s: %s", strings.TrimSuffix(r.Plan.Changes[result.Change].Name, "@acme.example"), result.Outcome)
		}
	}
	for _, n := range r.Plan.Notices {
		fmt.Fprintf(&b, "\nnotice %s %s", n.Kind, strings.TrimSuffix(n.Name, "@acme.example"))
	}
	return b.String()
}

// want compares a report's outline.
func want(t testing.TB, r dirsync.Report, lines ...string) {
	t.Helper()
	if got, want := outline(r), strings.Join(lines, "\n"); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", indent(got), indent(want))
	}
}

func indent(s string) string { return "    " + strings.ReplaceAll(s, "\n", "\n    ") }

// dump is everything that the record keeps of a source, leases and request times apart.
func (w *world) dump() string {
	w.t.Helper()
	ctx := w.t.Context()
	source, err := w.store.Source(ctx, acme.Source)
	runs, err2 := w.store.ListRuns(ctx, acme, 0)
	plans, err3 := w.store.ListPlans(ctx, acme, 0)
	marks, err4 := w.store.Suspicions(ctx, acme)
	var records []state.Record
	err5 := w.store.Scan(ctx, acme, state.KindAccount, 0, 0, 0, func(r state.Record) bool {
		records = append(records, r)
		return true
	})
	if err := errors.Join(err, err2, err3, err4, err5); err != nil {
		w.t.Fatal(err)
	}
	text, err := json.MarshalIndent(map[string]any{
		"source": source, "runs": runs, "plans": plans, "suspicions": marks, "records": records, "journal": w.journal(),
	}, "", " ")
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// recorded is what a run recorded of itself.
func recorded(run state.Run) (dirsync.RunReport, error) {
	var r dirsync.RunReport
	err := json.Unmarshal(run.Report, &r)
	return r, err
}
