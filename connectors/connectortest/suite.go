package connectortest

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/connectors/idpsim"
)

func number(n int) string { return "#" + strconv.Itoa(n) }

// agree holds everyone who was passed against the truth. With all set, nobody may be missing.
func (p *provider) agree(t *testing.T, got taken, all bool) {
	t.Helper()
	truths := p.truths()
	for _, person := range got.people {
		is, known := truths[person.ID]
		switch {
		case !known:
			t.Errorf("%s is nobody", person.ID)
			continue
		case !is.assigned:
			t.Errorf("%s is passed, but not assigned", person.ID)
		case person.Facts.Assigned != connectors.Yes:
			t.Errorf("%s is assigned: %+v", person.ID, person.Facts)
		case (person.Facts.Enabled == connectors.Yes) != is.enabled:
			t.Errorf("%s is enabled: %t, the facts are %+v", person.ID, is.enabled, person.Facts)
		case person.Facts.SoftDeleted == connectors.Yes:
			t.Errorf("%s is not deleted: %+v", person.ID, person.Facts)
		}
		if !slices.EqualFunc(is.values, person.Values, same) {
			t.Errorf("%s has other values: %s", person.ID, cmp.Diff(is.values, person.Values))
		}
		delete(truths, person.ID)
	}
	if !all {
		return
	}
	for id, is := range truths {
		if is.assigned {
			t.Errorf("%s is assigned, but not passed", id)
		}
	}
}

func same(a, b connectors.Value) bool {
	return a.Present == b.Present && a.Text == b.Text && slices.Equal(a.List, b.List)
}

// whole demands a complete pull of exactly those who are assigned.
func (p *provider) whole(t *testing.T) taken {
	t.Helper()
	got := p.take(t, p.h.names())
	if got.err != nil || !got.proof.Complete || len(got.proof.Unreadable) > 0 {
		t.Fatalf("not complete: %v, %+v", got.err, got.proof)
	}
	p.agree(t, got, true)
	return got
}

func (h *Harness) pull(t *testing.T) {
	p := h.start(t, population(), hurry)
	first := p.whole(t)
	if calls := int(p.calls.Load()); first.proof.Calls != calls {
		t.Errorf("%d calls were made, the proof says %d", calls, first.proof.Calls)
	}
	if first.proof.Pages < 3 || len(first.proof.Probes) == 0 {
		t.Errorf("proof: %+v", first.proof)
	}
	second := p.whole(t)
	if diff := cmp.Diff(first, second, cmp.AllowUnexported(taken{})); diff != "" {
		t.Errorf("the same population gave another pull: %s", diff)
	}

	names := h.names()
	slices.Reverse(names)
	names = append(names, names[0])
	reversed := p.take(t, names)
	for i, person := range reversed.people {
		wanted := slices.Clone(first.people[i].Values)
		slices.Reverse(wanted)
		wanted = append(wanted, wanted[0])
		if diff := cmp.Diff(wanted, person.Values); diff != "" {
			t.Fatalf("values follow another order than was wanted: %s", diff)
		}
	}

	bare := p.take(t, nil)
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
	p := h.start(t, population(), hurry)
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
		if err := p.population.Do(step); err != nil {
			t.Fatal(err)
		}
		if step.Do == "assign" || step.Do == "disable" {
			p.whole(t)
		}
	}
	p.whole(t)
	if err := p.population.Do(idpsim.Step{Do: "restore", Who: "#52"}, idpsim.Step{Do: "enable", Who: "#50"}, idpsim.Step{Do: "unsuspend", Who: "#51"}); err != nil {
		t.Fatal(err)
	}
	p.whole(t)
}

// see looks people up and returns the sightings by id.
func (p *provider) see(t *testing.T, ids ...string) (map[string]connectors.Sighting, error) {
	t.Helper()
	got := map[string]connectors.Sighting{}
	err := p.connector.Look(t.Context(), connectors.Want{Scope: connectors.Assigned, Attributes: p.h.names()}, ids, func(s connectors.Sighting) error {
		if _, twice := got[s.ID]; twice {
			t.Errorf("%s is reported twice", s.ID)
		}
		got[s.ID] = s
		return nil
	})
	return got, err
}

func (h *Harness) look(t *testing.T) {
	p := h.start(t, population(), hurry)
	const unassigned, enabled, disabled, suspended, deleted, gone = 1, 45, 50, 51, 52, 53
	var ids []string
	for n := range 100 {
		ids = append(ids, h.ID(p.population, number(n)))
	}
	truths := p.truths()
	if err := p.population.Do(
		idpsim.Step{Do: "disable", Who: number(disabled)}, idpsim.Step{Do: "suspend", Who: number(suspended)}, idpsim.Step{Do: "soft-delete", Who: number(deleted)},
		idpsim.Step{Do: "soft-delete", Who: number(gone)}, idpsim.Step{Do: "purge", Who: number(gone)}, idpsim.Step{Do: "unassign", Who: number(unassigned)},
	); err != nil {
		t.Fatal(err)
	}
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
			if diff := cmp.Diff(truths[test.id].values, s.Person.Values); diff != "" {
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
	p := h.start(t, population(), hurry)
	if err := p.population.Do(idpsim.Step{Do: "app", Value: string(idpsim.AppGone)}); err != nil {
		t.Fatal(err)
	}
	got := p.take(t, nil)
	if !errors.Is(got.err, connectors.ErrSourceLost) || !got.proof.Lost || len(got.people) != 0 {
		t.Errorf("%v, %+v", got.err, got.proof)
	}
}

func (h *Harness) cost(t *testing.T) {
	const people, groups = 10_000, 4
	p := h.start(t, idpsim.New(idpsim.Options{Seed: 3, People: people, Groups: groups}), hurry)
	got := p.whole(t)
	if most := h.Cost(people, groups); got.proof.Calls > most {
		t.Errorf("%d people in %d groups took %d calls, want at most %d", people, groups, got.proof.Calls, most)
	}
}

// cancel cancels a pull that waits for an answer, and one that waits to ask again.
func (h *Harness) cancel(t *testing.T) {
	for _, fault := range []string{idpsim.SlowDrip, idpsim.Throttle} {
		t.Run(fault, func(t *testing.T) {
			p := h.start(t, population(), nil)
			if err := p.faults.Set(fault, idpsim.Where{Wait: time.Minute}); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			cancelled := make(chan time.Time, 1)
			go func() { <-p.first; cancelled <- time.Now(); cancel() }()
			proof, err := p.connector.Pull(ctx, connectors.Want{Scope: connectors.Assigned}, func([]connectors.Person) error { return nil })
			if took := time.Since(<-cancelled); took > time.Second {
				t.Errorf("ended %v after it was cancelled", took)
			}
			if !errors.Is(err, context.Canceled) || proof.Complete || proof.Reason == "" {
				t.Errorf("%v, %+v", err, proof)
			}
		})
	}
}

func (h *Harness) check(t *testing.T) {
	p := h.start(t, population(), hurry)
	findings := p.connector.Check(t.Context())
	for _, finding := range findings {
		if !finding.OK || finding.What == "" || finding.Mend != "" {
			t.Errorf("all is well: %+v", finding)
		}
	}
	if len(findings) < 3 {
		t.Errorf("findings: %+v", findings)
	}
	for _, fault := range []string{idpsim.Unauthorised, idpsim.Forbidden, idpsim.Unavailable, idpsim.Cut, idpsim.Nulls} {
		p.faults.Clear()
		if err := p.faults.Set(fault, idpsim.Where{}); err != nil {
			t.Fatal(err)
		}
		bad := slices.DeleteFunc(p.connector.Check(t.Context()), func(f connectors.Finding) bool { return f.OK })
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
