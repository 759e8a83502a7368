package connectortest

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/connectors/idpsim"
)

// groups pulls with groups: each is told whole, its members page by page, whoever of them was passed with another group already.
func (h *Harness) groups(t *testing.T) {
	p := h.start(t, population(t), hurry)
	second := groupName(p.population, 1)
	p.do(t, idpsim.Step{Do: "join", Who: "#46", Group: second}, idpsim.Step{Do: "join", Who: "#3", Group: second}) // who is elsewhere, too
	want := withGroups(h.want())
	var first, again taken
	asked := p.recorded(func() { first = p.take(t, want) })
	p.told(t, first)
	several := 0
	for _, group := range first.groups {
		if group.pages > 1 {
			several++
		}
	}
	if several == 0 {
		t.Error("no group comes in pages")
	}
	askedAgain := p.recorded(func() { again = p.take(t, want) })
	if diff := cmp.Diff(first, again, copies); diff != "" {
		t.Errorf("the same population gave another pull: %s", diff)
	}
	if diff := cmp.Diff(asked, askedAgain); diff != "" {
		t.Errorf("the same population took other calls: %s", diff)
	}
	if alone := p.take(t, h.want()); !cmp.Equal(alone.people, first.people) {
		t.Error("other people are passed when groups are wanted")
	}

	p.do(t,
		idpsim.Step{Do: "disable", Who: "#47"}, idpsim.Step{Do: "soft-delete", Who: "#48"}, idpsim.Step{Do: "soft-delete", Who: "#49"}, idpsim.Step{Do: "purge", Who: "#49"},
		idpsim.Step{Do: "leave", Who: "#50", Group: groupName(p.population, 50%2)}, idpsim.Step{Do: "rename-group", Group: second, Value: "Åsa & Co"},
		idpsim.Step{Do: "add-group", Group: "Empty"}, idpsim.Step{Do: "assign", Group: "Empty"}, idpsim.Step{Do: "push-group", Group: "Empty"},
	)
	p.told(t, p.take(t, want)) // inactivity is no reason to be no member

	mine := errors.New("mine")
	want.Groups = func(connectors.GroupPage) error { return mine }
	proof, err := p.connector.Pull(t.Context(), want, func([]connectors.Person) error { return nil })
	if err != mine || proof.Complete || proof.Reason == "" {
		t.Errorf("the caller's own error: %v, %+v", err, proof)
	}
}

// told demands a complete pull that tells every group whole, and nothing but the truth.
func (p *provider) told(t testing.TB, got taken) {
	t.Helper()
	if got.err != nil || !got.proof.Complete || len(got.proof.Unreadable) > 0 {
		t.Fatalf("not complete: %v, %+v", got.err, got.proof)
	}
	p.right(t, got, true)
	if _, missing := got.hold(p.truths()); missing.groups > 0 {
		t.Errorf("%d groups are not told whole", missing.groups)
	}
	if groups := len(p.truths().groups); got.proof.Groups < groups {
		t.Errorf("%d groups, the proof says %d", groups, got.proof.Groups)
	}
}

// furtherGroups are read where they are asked for by id, each once; what is no group is left out.
func (h *Harness) furtherGroups(t *testing.T) {
	p := h.start(t, population(t), hurry)
	p.do(t, idpsim.Step{Do: "add-group", Group: "Further"}, idpsim.Step{Do: "join", Who: "#2099", Group: "Further"}, idpsim.Step{Do: "join", Who: "#1", Group: "Further"},
		idpsim.Step{Do: "add-group", Group: "Bygone"}, idpsim.Step{Do: "purge-group", Group: "Bygone"})
	var ids []string
	p.population.Read(func(v *idpsim.View) {
		for n := range v.Groups() {
			ids = append(ids, h.GroupID(v.Group(n)))
		}
	})
	further, bygone := ids[len(ids)-2], ids[len(ids)-1]
	got := p.take(t, withGroups(h.want(), further, ids[0], bygone, "no id", "", further))
	at := slices.IndexFunc(got.groups, func(g told) bool { return g.id == further })
	if at < 0 {
		t.Fatalf("it is not told: %v, %+v", got.err, got.proof)
	}
	wanted := []string{p.id(1), p.id(2099)}
	slices.Sort(wanted)
	if one := got.groups[at]; one.name != "Further" || !one.whole || !slices.Equal(one.distinct(), wanted) {
		t.Errorf("%+v, want %q", one, wanted)
	}
	if slices.ContainsFunc(got.people, func(x connectors.Person) bool { return x.ID == p.id(2099) }) {
		t.Error("a member of a further group is passed as assigned")
	}
	got.groups = slices.DeleteFunc(got.groups, func(g told) bool { return g.id == further })
	if slices.ContainsFunc(got.groups, func(g told) bool { return g.id == bygone }) {
		t.Error("a group is told that is gone")
	}
	p.told(t, got)
}

// unreadableGroups: a group that may not be read, at first or from its second page on, is never told whole, and the others are.
func (h *Harness) unreadableGroups(t *testing.T) {
	for _, after := range []int{0, 1} {
		p := h.start(t, population(t), hurry)
		is := p.truths()
		var closed string
		p.population.Read(func(v *idpsim.View) { closed = h.GroupID(v.Group(0)) })
		p.fault(t, idpsim.Forbidden, idpsim.Where{Path: "/groups/" + closed + "/", After: after})
		got := p.take(t, withGroups(h.want()))
		if got.err != nil || h.NamesUnreadable != (len(got.proof.Unreadable) == 1) {
			t.Errorf("%v, %+v", got.err, got.proof)
		}
		p.right(t, got, false)
		if lost := got.lost(is, h.NamesUnreadable); lost > 0 {
			t.Errorf("%d people are missing who are in no group that may not be read", lost)
		}
		if len(got.groups) > len(is.groups) {
			t.Errorf("%d groups of %d", len(got.groups), len(is.groups))
		}
		if _, missing := got.hold(is); missing.groups != 1 {
			t.Errorf("%d groups are not told whole, and one may not be read", missing.groups)
		}
		if slices.ContainsFunc(got.groups, func(g told) bool { return g.id == closed && g.whole }) {
			t.Error("it is told whole")
		}
	}
}
