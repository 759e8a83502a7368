// Package connectortest is the suite that every connector must pass. It drives a simulated identity provider, whose people it knows,
// through changes and faults, and holds what the connector says against what is true: a pull either brings exactly the people who are
// assigned, or says in a sentence why it does not, and never says a wrong thing of anybody.
//
// A connector's test is a Harness and a call of Run.
package connectortest

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/connectors/idpsim"
)

// Token is the secret that connectors under test present. No error may repeat it.
const Token = "00Rollcall-connectortest-token"

// Harness is one kind of provider, simulated, and the connector that asks it.
type Harness struct {
	// Serve shows a population as the provider does, failing where faults say so.
	Serve func(*idpsim.Population, *idpsim.Faults) http.Handler
	// Open makes a connector that asks the population at an address, presents Token and sleeps through sleep.
	Open func(address string, population *idpsim.Population, sleep func(context.Context, time.Duration) error) (connectors.Connector, error)
	// ID is somebody's object id at the provider.
	ID func(population *idpsim.Population, who string) string
	// Attributes are source attribute names and what each shows, at least three.
	Attributes map[string]idpsim.Attribute
	// Calls names the kinds of calls that a pull makes, each by a piece of its method, path and query, as faults take it.
	Calls []string
	// Listings are those of Calls that list people.
	Listings []string
	// Cost is the most calls that a pull of people in groups, with next to no direct assignments, may take.
	Cost func(people, groups int) int
	// RecycleBin: deleted people are told from those who are gone for good.
	RecycleBin bool
	// DisabledLeave: who is disabled is not assigned any more. Otherwise they are passed with Enabled No.
	DisabledLeave bool
	// UnreadableGroups: a kind of call, of Calls, that reads one assigned group; forbidden, it is named in the proof. "" = there is none.
	UnreadableGroups string
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	t.Run("pull", func(t *testing.T) { h.pull(t) })
	t.Run("changes", func(t *testing.T) { h.changes(t) })
	t.Run("look", func(t *testing.T) { h.look(t) })
	t.Run("lost", func(t *testing.T) { h.lost(t) })
	t.Run("cost", func(t *testing.T) { h.cost(t) })
	t.Run("cancel", func(t *testing.T) { h.cancel(t) })
	t.Run("check", func(t *testing.T) { h.check(t) })
	t.Run("faults", func(t *testing.T) { h.faults(t) })
	t.Run("look under faults", func(t *testing.T) { h.lookFaults(t) })
}

// population is large enough for several pages of every listing.
func population() *idpsim.Population {
	return idpsim.New(idpsim.Options{Seed: 7, People: 2100, Groups: 2, Direct: 45, Unassigned: 15, Roles: []string{"User", "Admin"}, Clients: 3})
}

// provider is one simulated provider under test.
type provider struct {
	h          *Harness
	population *idpsim.Population
	faults     *idpsim.Faults
	connector  connectors.Connector
	known      map[string]truth // of a population that stays as it is; nil = asked for each time
	calls      atomic.Int64
	first      chan struct{} // closed at the first call
	firstOnce  sync.Once
}

func (h *Harness) start(t testing.TB, population *idpsim.Population, sleep func(context.Context, time.Duration) error) *provider {
	t.Helper()
	p := &provider{h: h, population: population, faults: new(idpsim.Faults), first: make(chan struct{})}
	handler := h.Serve(population, p.faults)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.calls.Add(1)
		p.firstOnce.Do(func() { close(p.first) })
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

// taken is what one pull passed, copied.
type taken struct {
	people []connectors.Person
	proof  connectors.Proof
	err    error
}

func (p *provider) take(t *testing.T, attributes []string) taken {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var got taken
	seen := map[string]bool{}
	got.proof, got.err = p.connector.Pull(ctx, connectors.Want{Scope: connectors.Assigned, Attributes: attributes}, func(page []connectors.Person) error {
		for _, person := range page {
			if seen[person.ID] {
				t.Errorf("%s is passed twice", person.ID)
			}
			seen[person.ID] = true
			person.Values = slices.Clone(person.Values)
			got.people = append(got.people, person)
		}
		return nil
	})
	if got.proof.People != len(got.people) {
		t.Errorf("%d people are passed, the proof says %d", len(got.people), got.proof.People)
	}
	if got.proof.Complete != (got.err == nil) || (got.proof.Reason == "") != (got.err == nil) {
		t.Errorf("the proof contradicts the error: %+v, %v", got.proof, got.err)
	}
	return got
}

// truth is what is true of somebody.
type truth struct {
	assigned, enabled, present bool
	values                     []connectors.Value // of the harness's names
}

// truths is what is true of everybody, by object id. The map is the caller's own.
func (p *provider) truths() map[string]truth {
	if p.known != nil {
		return maps.Clone(p.known)
	}
	names := p.h.names()
	ids := make([]string, 0, 4096)
	all := make([]truth, 0, 4096)
	p.population.Read(func(v *idpsim.View) {
		for n := range v.People() {
			person := v.Person(n)
			is := truth{present: person.Present(), enabled: person.Enabled()}
			is.assigned = is.present && (person.Direct() || person.ViaGroup()) && (is.enabled || !p.h.DisabledLeave || person.Status() == "SUSPENDED")
			for _, name := range names {
				text, present := person.Append(nil, p.h.Attributes[name])
				is.values = append(is.values, connectors.Value{Present: present, Text: string(text)})
			}
			all = append(all, is)
		}
	})
	for n := range all {
		ids = append(ids, p.h.ID(p.population, number(n)))
	}
	byID := make(map[string]truth, len(all))
	for n, is := range all {
		byID[ids[n]] = is
	}
	return byID
}
