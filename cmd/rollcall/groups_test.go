package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/connectors/entra"
	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/graph"
	oktasim "rollcall/connectors/idpsim/okta"
	"rollcall/connectors/idpsim/push"
	"rollcall/connectors/okta"
	"rollcall/scimapi"
	"rollcall/state"
	"rollcall/state/sqlite"
	dirsync "rollcall/sync"
	"rollcall/sync/mapping"
	"rollcall/sync/plan"
)

// groupStory is a simulated provider that pushes people and groups to a receiver, and the engine that pulls from it.
type groupStory struct {
	t          *testing.T
	kind       string
	now        atomic.Int64 // Unix seconds
	losing     atomic.Bool  // pushes are lost on the way
	population *idpsim.Population
	faults     *idpsim.Faults
	store      *sqlite.Store
	pusher     interface{ Cycle(context.Context) error }
	engine     *dirsync.Engine
	source     dirsync.Source
}

func (s *groupStory) clock() time.Time { return time.Unix(s.now.Load(), 0) }
func (s *groupStory) hour()            { s.now.Add(3600) }

// newGroupStory is a story in which everyone has an account, every group has been pushed, and everything is in sync.
func newGroupStory(t *testing.T, kind string) *groupStory {
	t.Helper()
	s := &groupStory{t: t, kind: kind, faults: &idpsim.Faults{}}
	s.now.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Unix())
	s.population = idpsim.New(idpsim.Options{Seed: 11, People: 60, Groups: 3, Now: s.clock})
	scope := state.Scope{Tenant: "acme", Source: "acme-" + kind}
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "rollcall.db"), sqlite.Options{Now: s.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	s.store = store
	if _, err := store.EnsureSource(t.Context(), scope, kind); err != nil {
		t.Fatal(err)
	}
	text, key := state.NewKey(scope)
	key.CreatedAt = s.clock()
	if err := store.PutKey(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	handler, err := scimapi.New(scimapi.Config{Store: store, Now: s.clock, Sources: func(string) (scimapi.Source, bool) {
		return scimapi.Source{Tenant: "acme", Dialect: scimapi.Lenient}, true
	}})
	if err != nil {
		t.Fatal(err)
	}
	receiver := httptest.NewServer(handler)
	t.Cleanup(receiver.Close)
	o := push.Options{
		URL: receiver.URL + "/auth/scim", Key: text, Population: s.population, Groups: true,
		Lose:  func(push.Exchange) bool { return s.losing.Load() },
		Pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
	s.pusher = push.NewEntra(push.EntraOptions{Options: o})
	if kind == "okta" {
		s.pusher = push.NewOkta(push.OktaOptions{Options: o})
	}
	m, err := mapping.Compile(mapping.Default(kind))
	if err != nil {
		t.Fatal(err)
	}
	s.engine = &dirsync.Engine{Store: store, Now: s.clock, Holder: "test"}
	s.source = dirsync.Source{
		Scope: scope, Kind: kind, Connector: s.connect(), Mapping: m, People: connectors.Assigned, Policy: dirsync.PolicyFull, Groups: dirsync.GroupsPushed,
		Rules: plan.Rules{GatePercent: 10, GateFloor: 5, Settle: 15 * time.Minute},
	}
	if err := s.pusher.Cycle(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // tie accounts and groups to people and groups, and find them in agreement
		s.hour()
		s.run()
	}
	if report := s.run(); report.Run.Outcome != dirsync.OutcomeInSync || report.Plan.Counts.Groups.Compared != 3 {
		t.Fatalf("%s: %s %+v %+v", report.Run.Outcome, report.Run.Reason, report.Plan.Counts.Groups, report.Plan.Notices)
	}
	s.hour()
	return s
}

// connect opens the connector to the simulated provider.
func (s *groupStory) connect() connectors.Connector {
	s.t.Helper()
	const token = "simulated"
	credential := func() (string, error) { return token, nil }
	sleep := func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	var api http.Handler = graph.New(s.population, graph.Options{Token: token, Faults: s.faults})
	if s.kind == "okta" {
		api = oktasim.New(s.population, oktasim.Options{Token: token, Faults: s.faults})
	}
	server := httptest.NewServer(api)
	s.t.Cleanup(server.Close)
	var c connectors.Connector
	var err error
	if s.kind == "okta" {
		c, err = okta.Open(okta.Config{OrgURL: server.URL, AppID: s.population.OktaAppID(), APIToken: credential, SleepFunc: sleep})
	} else {
		c, err = entra.Open(entra.Config{
			TenantID: s.population.TenantID(), AppID: s.population.AppID(), AccessToken: credential, GraphURL: server.URL + "/v1.0", SleepFunc: sleep,
		})
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// run runs by hand.
func (s *groupStory) run() dirsync.Report {
	s.t.Helper()
	report, err := s.engine.RunOnce(s.t.Context(), s.source, dirsync.Order{Trigger: dirsync.TriggerHand, Actor: "ops"})
	if err != nil {
		s.t.Fatal(err)
	}
	return report
}

func (s *groupStory) do(steps ...idpsim.Step) {
	s.t.Helper()
	if err := s.population.Do(steps...); err != nil {
		s.t.Fatal(err)
	}
}

// who is the userName of a member of a group at the source.
func (s *groupStory) who(group, member int) (name string) {
	s.population.Read(func(v *idpsim.View) { name = v.Person(int(v.Group(group).Members()[member])).Text(idpsim.UserName) })
	return name
}

func (s *groupStory) group(n int) (name string) {
	s.population.Read(func(v *idpsim.View) { name = v.Group(n).Name() })
	return name
}

// differing lists the seats that are not as they are at the source: + is missing here, - is here alone.
func (s *groupStory) differing() (seats []string) {
	s.t.Helper()
	s.population.Read(func(v *idpsim.View) {
		for n := range v.Groups() {
			name := v.Group(n).Name()
			var there, here []string
			for _, member := range v.Group(n).Members() {
				there = append(there, v.Person(int(member)).Text(idpsim.UserName))
			}
			here = s.members(name)
			for _, who := range there {
				if !slices.Contains(here, who) {
					seats = append(seats, name+" +"+who)
				}
			}
			for _, who := range here {
				if !slices.Contains(there, who) {
					seats = append(seats, name+" -"+who)
				}
			}
		}
	})
	return seats
}

// members are the userNames of a recorded group's members.
func (s *groupStory) members(name string) (names []string) {
	s.t.Helper()
	scope := s.source.Scope
	found, err := s.store.Find(s.t.Context(), scope, state.KindGroup, state.NewMatchKey(state.MatchDisplayName, name))
	if err != nil || len(found) != 1 {
		s.t.Fatalf("%d groups are called %s: %v", len(found), name, err)
	}
	err = s.store.Members(s.t.Context(), scope, found[0].ID, func(ref state.Ref) bool {
		account, err := s.store.Record(s.t.Context(), scope, state.KindAccount, ref.ID)
		if err != nil {
			s.t.Fatal(err)
		}
		var resource struct{ UserName string }
		if err := json.Unmarshal(account.Resource, &resource); err != nil {
			s.t.Fatal(err)
		}
		names = append(names, strings.ToLower(resource.UserName))
		return true
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return names
}

// planned lists what a plan would change in groups.
func planned(r dirsync.Report) (moves []string) {
	for _, c := range r.Plan.Changes {
		if c.Group != nil {
			for _, m := range c.Group.Members {
				moves = append(moves, string(c.Action)+" "+c.Name+" "+m.Name)
			}
		}
	}
	return moves
}

var providerKinds = []string{"entra", "okta"}

// TestLostGroupPushes: pushes of memberships are lost. A pull adds who is missing, removes who has left when two runs have found that,
// and leaves nothing to do.
func TestLostGroupPushes(t *testing.T) {
	for _, kind := range providerKinds {
		t.Run(kind, func(t *testing.T) {
			s := newGroupStory(t, kind)
			if d := s.differing(); len(d) > 0 {
				t.Fatalf("after the first pushes: %v", d)
			}
			leaver, joiner := s.who(0, 0), s.who(1, 0)
			s.do(idpsim.Step{Do: "assign", Who: leaver}, // by name: to leave the group is not to leave
				idpsim.Step{Do: "leave", Who: leaver, Group: s.group(0)}, idpsim.Step{Do: "join", Who: joiner, Group: s.group(2)})
			s.losing.Store(true)
			if err := s.pusher.Cycle(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.losing.Store(false)
			s.hour()
			if got, want := planned(s.run()), []string{"add_members " + s.group(2) + " " + joiner}; !slices.Equal(got, want) {
				t.Errorf("planned %v, want %v", got, want)
			}
			s.hour()
			if got, want := planned(s.run()), []string{"remove_members " + s.group(0) + " " + leaver}; !slices.Equal(got, want) {
				t.Errorf("planned %v, want %v", got, want)
			}
			s.hour()
			report := s.run()
			if d := s.differing(); report.Run.Outcome != dirsync.OutcomeInSync || len(d) > 0 || report.Plan.Counts.Active != 60 {
				t.Errorf("%s %+v, %v differ", report.Run.Outcome, report.Plan.Counts, d)
			}
		})
	}
}

// TestGroupFaults: whatever happens to the lists of members, for two runs even, nobody leaves a group that they are in.
func TestGroupFaults(t *testing.T) {
	for _, kind := range providerKinds {
		members := map[string]string{"entra": "/members/", "okta": "/users"}[kind]
		s := newGroupStory(t, kind)
		for _, fault := range idpsim.FaultNames() {
			t.Run(fmt.Sprintf("%s/%s", kind, fault), func(t *testing.T) {
				s.do(idpsim.Step{Do: "remember"})
				if err := s.faults.Set(fault, idpsim.Where{Path: members}); err != nil {
					t.Fatal(err)
				}
				for range 2 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Second) // some faults never end
					_, err := s.engine.RunOnce(ctx, s.source, dirsync.Order{Trigger: dirsync.TriggerSchedule})
					cancel()
					if err != nil && !errors.Is(err, context.DeadlineExceeded) {
						t.Fatal(err)
					}
					s.hour()
				}
				s.faults.Clear()
				for range 2 {
					s.run()
					s.hour()
				}
				if d := s.differing(); len(d) > 0 {
					t.Errorf("%v differ", d)
				}
			})
		}
	}
}
