// Package connectortest is the suite that every connector must pass. It drives a simulated identity provider, whose people it knows,
// through changes and faults, and holds what the connector says against what is true: a pull either brings exactly the people who are
// assigned, and who is in which group, or says in a sentence why it does not, and never says a wrong thing of anybody.
//
// A connector's tests are a Harness and calls of Run and Matrix; its benchmarks are calls of Benchmark and Measure.
package connectortest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/connectors/idpsim"
)

// Token is the secret that connectors under test present. No error, no finding and no cursor may repeat it.
const Token = "00Rollcall-connectortest-token"

// Harness is one kind of provider, simulated, and the connector that asks it.
type Harness struct {
	// Serve shows a population as the provider does, failing where faults say so.
	Serve func(*idpsim.Population, *idpsim.Faults) http.Handler
	// Open makes a connector that asks the population at an address, presents Token and sleeps through sleep.
	Open func(address string, population *idpsim.Population, sleep func(context.Context, time.Duration) error) (connectors.Connector, error)
	// ID and GroupID are object ids at the provider.
	ID      func(idpsim.Person) string
	GroupID func(idpsim.Group) string
	// Attributes are source attribute names and what each shows, at least three.
	Attributes map[string]idpsim.Attribute
	// PullCalls, LookCalls and HintCalls are the kinds of calls that a pull with groups, a look and hints make.
	PullCalls, LookCalls, HintCalls []Call
	// Cost is the most calls that a pull of people in groups, with next to no direct assignments, may take.
	Cost func(people, groups int) int
	// Page is the most people that the provider lists in one page.
	Page int
	// RecycleBin: deleted people are told from those who are gone for good.
	RecycleBin bool
	// DisabledLeave: who is disabled is not assigned any more. Otherwise they are passed with Enabled No.
	DisabledLeave bool
	// NamesUnreadable: people are assigned through groups alone, so a group that may not be read is named in the proof. Otherwise it only
	// lacks its last page.
	NamesUnreadable bool
	// HintsAssignments: hints tell of assignments and of the application, too; of memberships they always do.
	HintsAssignments bool
}

// Call is a kind of calls.
type Call struct {
	Is       string // a piece of their method, path and query, as faults take it
	Optional bool   // it is done without their answers
	Groups   bool   // they read groups: where that is refused, those groups are not told, and the rest is
}

// Run runs the suite, all but the matrix of faults.
func Run(t *testing.T, h Harness) {
	t.Run("pull", func(t *testing.T) { h.pull(t) })
	t.Run("changes", func(t *testing.T) { h.changes(t) })
	t.Run("groups", func(t *testing.T) { h.groups(t) })
	t.Run("further groups", func(t *testing.T) { h.furtherGroups(t) })
	t.Run("unreadable groups", func(t *testing.T) { h.unreadableGroups(t) })
	t.Run("provisioning", func(t *testing.T) { h.provisioning(t) })
	t.Run("look", func(t *testing.T) { h.look(t) })
	t.Run("hints", func(t *testing.T) { h.hints(t) })
	t.Run("cursors", func(t *testing.T) { h.cursors(t) })
	t.Run("mapping", func(t *testing.T) { h.mapping(t) })
	t.Run("lost", func(t *testing.T) { h.lost(t) })
	t.Run("cost", func(t *testing.T) { h.cost(t) })
	t.Run("cancel", func(t *testing.T) { h.cancel(t) })
	t.Run("check", func(t *testing.T) { h.check(t) })
}

// population is large enough for several pages of every listing. Its groups are pushed where that takes a mapping.
func population(t testing.TB) *idpsim.Population {
	p := idpsim.New(idpsim.Options{Seed: 7, People: 2100, Groups: 2, Direct: 45, Unassigned: 15, Roles: []string{"User", "Admin"}, Clients: 3})
	do(t, p, idpsim.Step{Do: "push-group", Group: groupName(p, 0)}, idpsim.Step{Do: "push-group", Group: groupName(p, 1)})
	return p
}

func groupName(p *idpsim.Population, n int) (name string) {
	p.Read(func(v *idpsim.View) { name = v.Group(n).Name() })
	return name
}

func do(t testing.TB, p *idpsim.Population, steps ...idpsim.Step) {
	t.Helper()
	if err := p.Do(steps...); err != nil {
		t.Fatal(err)
	}
}

// number is how steps name the n-th person.
func number(n int) string { return "#" + strconv.Itoa(n) }

// provider is one simulated provider under test.
type provider struct {
	h          *Harness
	population *idpsim.Population
	faults     *idpsim.Faults
	connector  connectors.Connector
	known      *truths // of a population that stays as it is; nil = asked for each time
	calls      atomic.Int64
	called     chan struct{} // holds one when there was a call since it was emptied

	mu       sync.Mutex
	record   bool
	requests []string // method, path, query and body of each, while recorded
}

func (h *Harness) start(t testing.TB, population *idpsim.Population, sleep func(context.Context, time.Duration) error) *provider {
	t.Helper()
	p := &provider{h: h, population: population, faults: new(idpsim.Faults), called: make(chan struct{}, 1)}
	handler := h.Serve(population, p.faults)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.calls.Add(1)
		p.note(r)
		select {
		case p.called <- struct{}{}:
		default:
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	connector, err := h.Open(server.URL, population, sleep)
	if err != nil {
		t.Fatal(err)
	}
	p.connector = connector
	return p
}

// note records a request. Its body is read in any case: before that, a server does not notice that the caller has gone.
func (p *provider) note(r *http.Request) {
	body, _ := io.ReadAll(r.Body) // what cannot be read is not recorded; the handler will tell
	r.Body = io.NopCloser(bytes.NewReader(body))
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.record {
		return
	}
	query, _ := queryOf(r)
	p.requests = append(p.requests, r.Method+" "+r.URL.Path+query+" "+string(body))
}

// recorded are the requests that run makes, in order.
func (p *provider) recorded(run func()) []string {
	p.mu.Lock()
	p.record, p.requests = true, nil
	p.mu.Unlock()
	run()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.record = false
	return p.requests
}

// id is somebody's object id.
func (p *provider) id(n int) (id string) {
	p.population.Read(func(v *idpsim.View) { id = p.h.ID(v.Person(n)) })
	return id
}

func (p *provider) do(t testing.TB, steps ...idpsim.Step) {
	t.Helper()
	do(t, p.population, steps...)
}

// fault starts a fault.
func (p *provider) fault(t testing.TB, name string, where idpsim.Where) {
	t.Helper()
	if err := p.faults.Set(name, where); err != nil {
		t.Fatal(err)
	}
}

// hurry is a sleep that takes no time.
func hurry(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// names are the attributes under test, sorted.
func (h *Harness) names() []string {
	var names []string
	for name := range h.Attributes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// want is what most pulls under test bring.
func (h *Harness) want() connectors.Want {
	return connectors.Want{Scope: connectors.Assigned, Attributes: h.names()}
}
