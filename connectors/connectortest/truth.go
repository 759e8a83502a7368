package connectortest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/connectors/idpsim"
)

// truths is what is true at a moment, by object id.
type truths struct {
	people map[string]truth
	groups map[string]membership // those that may be pushed to the application
}

// truth is what is true of somebody.
type truth struct {
	assigned, enabled, deleted, gone bool
	values                           []connectors.Value // of the harness's names
}

// membership is what is true of a group.
type membership struct {
	name    string
	members map[string]bool
}

// truths is what is true now.
func (p *provider) truths() *truths {
	if p.known != nil {
		return p.known
	}
	var now *truths
	p.population.Read(func(v *idpsim.View) { now = p.h.truths(v) })
	return now
}

func (h *Harness) truths(v *idpsim.View) *truths {
	is := &truths{map[string]truth{}, map[string]membership{}}
	names := h.names()
	ids := make([]string, v.People())
	for n := range v.People() {
		x := v.Person(n)
		one := truth{enabled: x.Enabled() && x.Present(), deleted: x.SoftDeleted(), gone: x.Gone()}
		one.assigned = x.Present() && (x.Direct() || x.ViaGroup()) && (one.enabled || !h.DisabledLeave || x.Status() == "SUSPENDED")
		for _, name := range names {
			text, present := x.Append(nil, h.Attributes[name])
			one.values = append(one.values, connectors.Value{Present: present, Text: string(text)})
		}
		ids[n] = h.ID(x)
		is.people[ids[n]] = one
	}
	for n := range v.Groups() {
		g := v.Group(n)
		if g.Gone() || !g.Assigned() {
			continue
		}
		members := map[string]bool{}
		for _, m := range g.Members() {
			if x := v.Person(int(m)); x.Present() || x.SoftDeleted() && !h.RecycleBin {
				members[ids[m]] = true
			}
		}
		is.groups[h.GroupID(g)] = membership{g.Name(), members}
	}
	return is
}

// fault says what is wrong with a person as a pull passed them; "" if nothing is.
func (is truth) fault(person connectors.Person) string {
	facts := person.Facts
	switch {
	case facts.SoftDeleted == connectors.Yes && is.deleted:
		return "" // still assigned, in a way
	case !is.assigned:
		return fmt.Sprintf("is not assigned: %+v", facts)
	case facts.Assigned != connectors.Yes:
		return fmt.Sprintf("is assigned: %+v", facts)
	case (facts.Enabled == connectors.Yes) != is.enabled:
		return fmt.Sprintf("is enabled: %t, the facts are %+v", is.enabled, facts)
	case facts.SoftDeleted == connectors.Yes:
		return fmt.Sprintf("is not deleted: %+v", facts)
	case !slices.EqualFunc(is.values, person.Values, same):
		return fmt.Sprintf("has the values %v, not %v", is.values, person.Values)
	}
	return ""
}

func same(a, b connectors.Value) bool {
	return a.Present == b.Present && a.Text == b.Text && slices.Equal(a.List, b.List)
}

// taken is what one pull passed, copied.
type taken struct {
	people []connectors.Person
	groups []told
	proof  connectors.Proof
	err    error
}

// told is one group as a pull told it.
type told struct {
	id, name string
	members  []string
	pages    int
	whole    bool
}

// take pulls, and holds the form of what is passed against the contract.
func (p *provider) take(t testing.TB, want connectors.Want) (got taken) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	seen := map[string]bool{}
	if want.Groups != nil {
		want.Groups = func(page connectors.GroupPage) error { got.group(t, page); return nil }
	}
	got.proof, got.err = p.connector.Pull(ctx, want, func(page []connectors.Person) error {
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

// group takes a page of a group, which follows those before it.
func (got *taken) group(t testing.TB, page connectors.GroupPage) {
	at := slices.IndexFunc(got.groups, func(one told) bool { return one.id == page.ID })
	switch {
	case at < 0:
		got.groups = append(got.groups, told{id: strings.Clone(page.ID), name: strings.Clone(page.Name)})
		at = len(got.groups) - 1
	case at != len(got.groups)-1:
		t.Errorf("group %s is taken up again after another", page.ID)
	case got.groups[at].whole:
		t.Errorf("group %s goes on after its last page", page.ID)
	case got.groups[at].name != page.Name:
		t.Errorf("group %s is called %q and %q", page.ID, got.groups[at].name, page.Name)
	}
	one := &got.groups[at]
	one.pages++
	one.whole = page.Last
	for _, member := range page.Members {
		one.members = append(one.members, strings.Clone(member))
	}
}

// withGroups makes a pull that take takes the groups of, too.
func withGroups(want connectors.Want, further ...string) connectors.Want {
	want.Groups = func(connectors.GroupPage) error { return nil }
	want.GroupIDs = further
	return want
}

// gap is how far what was passed falls short of the truth.
type gap struct{ people, groups int }

// hold holds what was passed against what is true at one of several moments, and returns everything that is wrong, and what is missing
// from the first.
func (got *taken) hold(moments ...*truths) (wrong []string, missing gap) {
	passed := map[string]bool{}
	for _, person := range got.people {
		passed[person.ID] = true
		fault := "is nobody"
		for _, is := range moments {
			if one, known := is.people[person.ID]; known {
				if fault = one.fault(person); fault == "" {
					break
				}
			}
		}
		if fault != "" {
			wrong = append(wrong, person.ID+" "+fault)
		}
	}
	for id, one := range moments[0].people {
		if one.assigned && !passed[id] {
			missing.people++
		}
	}
	whole := 0
	for _, group := range got.groups {
		fault := "is no group of the application"
		for _, is := range moments {
			if one, known := is.groups[group.id]; known {
				if fault = group.fault(one); fault == "" {
					break
				}
			}
		}
		if fault != "" {
			wrong = append(wrong, "group "+group.id+" "+fault)
		}
		if is, known := moments[0].groups[group.id]; known && group.whole && len(is.members) == len(group.distinct()) {
			whole++
		}
	}
	missing.groups = len(moments[0].groups) - whole
	return wrong, missing
}

// lost counts those who are assigned and were not passed, but for the members of groups that were not told whole where those may be
// missing.
func (got *taken) lost(is *truths, butFor bool) (lost int) {
	here := map[string]bool{}
	for _, person := range got.people {
		here[person.ID] = true
	}
	for id, group := range is.groups {
		whole := slices.ContainsFunc(got.groups, func(g told) bool { return g.id == id && g.whole })
		for member := range group.members {
			here[member] = here[member] || butFor && !whole
		}
	}
	for id, one := range is.people {
		if one.assigned && !here[id] {
			lost++
		}
	}
	return lost
}

// fault says what is wrong with what was told of a group; who is missing is no fault.
func (g told) fault(is membership) string {
	if g.name != is.name {
		return fmt.Sprintf("is called %q, not %q", is.name, g.name)
	}
	for _, member := range g.members {
		if !is.members[member] {
			return "does not have the member " + member
		}
	}
	return ""
}

func (g told) distinct() []string {
	members := slices.Sorted(slices.Values(g.members))
	return slices.Compact(members)
}

// right demands that nothing is wrong with what was passed; with all set, and that nothing is missing of people.
func (p *provider) right(t testing.TB, got taken, all bool) {
	t.Helper()
	wrong, missing := got.hold(p.truths())
	for _, fault := range wrong {
		t.Error(fault)
	}
	if all && missing.people > 0 {
		t.Errorf("%d who are assigned are not passed", missing.people)
	}
}

// whole demands a complete pull of exactly those who are assigned.
func (p *provider) whole(t testing.TB) taken {
	t.Helper()
	got := p.take(t, p.h.want())
	if got.err != nil || !got.proof.Complete || len(got.proof.Unreadable) > 0 {
		t.Fatalf("not complete: %v, %+v", got.err, got.proof)
	}
	p.right(t, got, true)
	return got
}

// queryOf is a request's query as faults see it, with its question mark.
func queryOf(r *http.Request) (string, error) {
	if r.URL.RawQuery == "" {
		return "", nil
	}
	query, err := url.QueryUnescape(r.URL.RawQuery)
	return "?" + query, err
}
