package connectortest

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/connectors/idpsim"
)

// copies lets cmp look into what was taken.
var copies = cmp.AllowUnexported(taken{}, told{})

func (h *Harness) pull(t *testing.T) {
	p := h.start(t, population(t), hurry)
	first := p.whole(t)
	if calls := int(p.calls.Load()); first.proof.Calls != calls {
		t.Errorf("%d calls were made, the proof says %d", calls, first.proof.Calls)
	}
	if first.proof.Pages < 3 || len(first.proof.Probes) == 0 {
		t.Errorf("proof: %+v", first.proof)
	}
	second := p.whole(t)
	if diff := cmp.Diff(first, second, copies); diff != "" {
		t.Errorf("the same population gave another pull: %s", diff)
	}

	want := h.want()
	slices.Reverse(want.Attributes)
	want.Attributes = append(want.Attributes, want.Attributes[0])
	reversed := p.take(t, want)
	for i, person := range reversed.people {
		wanted := slices.Clone(first.people[i].Values)
		slices.Reverse(wanted)
		wanted = append(wanted, wanted[0])
		if diff := cmp.Diff(wanted, person.Values); diff != "" {
			t.Fatalf("values follow another order than was wanted: %s", diff)
		}
	}

	bare := p.take(t, connectors.Want{Scope: connectors.Assigned})
	if bare.err != nil || len(bare.people) != len(first.people) {
		t.Errorf("without attributes: %d people, %v", len(bare.people), bare.err)
	}

	mine := errors.New("mine")
	proof, err := p.connector.Pull(t.Context(), connectors.Want{Scope: connectors.Assigned}, func([]connectors.Person) error { return mine })
	if err != mine || proof.Complete || proof.Reason == "" {
		t.Errorf("the caller's own error: %v, %+v", err, proof)
	}
}

func (h *Harness) changes(t *testing.T) {
	p := h.start(t, population(t), hurry)
	steps := []idpsim.Step{
		{Do: "disable", Who: "#50"}, {Do: "suspend", Who: "#51"}, {Do: "soft-delete", Who: "#52"}, {Do: "soft-delete", Who: "#53"}, {Do: "purge", Who: "#53"},
		{Do: "unassign", Who: "#1"}, {Do: "soft-delete", Who: "#2"}, {Do: "disable", Who: "#3"},
		{Do: "rename", Who: "#60", Value: "new.name@acme.example"}, {Do: "set", Who: "#61", Attribute: "displayName", Value: `Åsa "Quote" <&> 😀`},
		{Do: "clear", Who: "#62", Attribute: "displayName"},
		{Do: "add-person", Attributes: map[string]string{"userName": "only.name@acme.example"}},
		{Do: "assign", Who: "only.name@acme.example", Roles: []string{"Admin", "User"}},
		{Do: "add-group", Group: "Empty"}, {Do: "assign", Group: "Empty"},
	}
	for _, step := range steps {
		p.do(t, step)
		if step.Do == "assign" || step.Do == "disable" {
			p.whole(t)
		}
	}
	p.whole(t)
	p.do(t, idpsim.Step{Do: "restore", Who: "#52"}, idpsim.Step{Do: "enable", Who: "#50"}, idpsim.Step{Do: "unsuspend", Who: "#51"})
	p.whole(t)
}

// see looks people up and returns the sightings by id.
func (p *provider) see(t testing.TB, ids ...string) (map[string]connectors.Sighting, error) {
	t.Helper()
	got := map[string]connectors.Sighting{}
	err := p.connector.Look(t.Context(), p.h.want(), ids, func(s connectors.Sighting) error {
		if _, twice := got[s.ID]; twice {
			t.Errorf("%s is reported twice", s.ID)
		}
		got[s.ID] = s
		return nil
	})
	return got, err
}

func (h *Harness) look(t *testing.T) {
	p := h.start(t, population(t), hurry)
	const unassigned, enabled, disabled, suspended, deleted, gone = 1, 45, 50, 51, 52, 53
	var ids []string
	for n := range 100 {
		ids = append(ids, p.id(n))
	}
	before := p.truths()
	p.do(t,
		idpsim.Step{Do: "disable", Who: number(disabled)}, idpsim.Step{Do: "suspend", Who: number(suspended)}, idpsim.Step{Do: "soft-delete", Who: number(deleted)},
		idpsim.Step{Do: "soft-delete", Who: number(gone)}, idpsim.Step{Do: "purge", Who: number(gone)}, idpsim.Step{Do: "unassign", Who: number(unassigned)},
	)
	got, err := p.see(t, ids...)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(ids) {
		t.Errorf("%d sightings of %d", len(got), len(ids))
	}
	for what, test := range map[string]struct {
		id      string
		enabled connectors.Answer
	}{
		"enabled": {ids[enabled], connectors.Yes}, "disabled": {ids[disabled], connectors.No},
		"suspended": {ids[suspended], connectors.No}, "unassigned": {ids[unassigned], connectors.Yes},
	} {
		s := got[test.id]
		if s.Gone || s.Person.Facts.Enabled != test.enabled || s.Person.Facts.SoftDeleted != connectors.No {
			t.Errorf("%s: %+v", what, s)
		}
		if what == "enabled" {
			if diff := cmp.Diff(before.people[test.id].values, s.Person.Values); diff != "" {
				t.Errorf("%s: %s", what, diff)
			}
			if s.Person.Facts.Assigned == connectors.No {
				t.Errorf("%s: %+v", what, s)
			}
		}
		if what == "unassigned" && s.Person.Facts.Assigned == connectors.Yes {
			t.Errorf("%s: %+v", what, s)
		}
	}
	if s := got[ids[deleted]]; s.Gone || h.RecycleBin != (s.Person.Facts.SoftDeleted == connectors.Yes) || s.Person.Facts.Enabled == connectors.Yes {
		t.Errorf("deleted: %+v", s)
	}
	if s := got[ids[gone]]; !s.Gone {
		t.Errorf("gone: %+v", s)
	}

	mine := errors.New("mine")
	if err := p.connector.Look(t.Context(), connectors.Want{}, ids, func(connectors.Sighting) error { return mine }); err != mine {
		t.Errorf("the caller's own error: %v", err)
	}
	if got, err := p.see(t); err != nil || len(got) != 0 {
		t.Errorf("nobody: %v, %v", got, err)
	}
	if got, err := p.see(t, "nobody at all/../?", ""); err != nil || len(got) != 2 || got[""].Gone || got[""].Person.Facts != (connectors.Facts{}) {
		t.Errorf("what is no id: %v, %v", got, err)
	}
}

func (h *Harness) lost(t *testing.T) {
	p := h.start(t, population(t), hurry)
	p.do(t, idpsim.Step{Do: "app", Value: string(idpsim.AppGone)})
	got := p.take(t, connectors.Want{Scope: connectors.Assigned})
	if !errors.Is(got.err, connectors.ErrSourceLost) || !got.proof.Lost || len(got.people) != 0 {
		t.Errorf("%v, %+v", got.err, got.proof)
	}
}

func (h *Harness) cost(t *testing.T) {
	const people, groups = 50_000, 20
	p := h.start(t, idpsim.New(idpsim.Options{Seed: 3, People: people, Groups: groups}), hurry)
	got := p.take(t, connectors.Want{Scope: connectors.Assigned})
	if got.err != nil || len(got.people) != people {
		t.Fatalf("%d people, %v", len(got.people), got.err)
	}
	if most := h.Cost(people, groups); got.proof.Calls > most {
		t.Errorf("%d people in %d groups took %d calls, want at most %d", people, groups, got.proof.Calls, most)
	}
}

// provisioning breaks what only tells of the provider's own provisioning: a pull is as whole as ever, and tells nothing of it.
func (h *Harness) provisioning(t *testing.T) {
	p := h.start(t, population(t), hurry)
	if got := p.whole(t); got.proof.Push == nil || got.proof.Push.State == "" || (got.proof.Push.Why == "") != (got.proof.Push.State == connectors.PushOn) {
		t.Errorf("push: %+v", got.proof.Push)
	}
	for _, call := range h.PullCalls {
		for _, fault := range []string{idpsim.Forbidden, idpsim.Unauthorised, idpsim.ServerError, idpsim.HTML200, idpsim.OtherShape, idpsim.Throttle} {
			if !call.Optional {
				continue
			}
			p.faults.Clear()
			p.fault(t, fault, idpsim.Where{Path: call.Is, Wait: waits[fault]})
			if p.whole(t); p.faults.Hits(fault) == 0 {
				t.Errorf("no pull reads %s", call.Is)
			}
		}
	}
}

func (h *Harness) check(t *testing.T) {
	p := h.start(t, population(t), hurry)
	findings := p.connector.Check(t.Context())
	for _, finding := range findings {
		if !finding.OK && !finding.Optional || finding.What == "" || (finding.Mend == "") != finding.OK {
			t.Errorf("all is well: %+v", finding)
		}
	}
	if len(findings) < 3 {
		t.Errorf("findings: %+v", findings)
	}
	for _, fault := range []string{idpsim.Unauthorised, idpsim.Forbidden, idpsim.Unavailable, idpsim.Cut, idpsim.Nulls} {
		p.faults.Clear()
		p.fault(t, fault, idpsim.Where{})
		bad := slices.DeleteFunc(p.connector.Check(t.Context()), func(f connectors.Finding) bool { return f.OK || f.Optional })
		if len(bad) == 0 {
			t.Errorf("%s: nothing is found", fault)
		}
		for _, finding := range bad {
			if finding.Mend == "" || strings.Contains(finding.Mend, Token) {
				t.Errorf("%s: %+v", fault, finding)
			}
		}
	}
	if identity := p.connector.Identity(); identity == "" || strings.Contains(identity, Token) {
		t.Errorf("identity: %q", identity)
	}
}
