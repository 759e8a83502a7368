package console

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"rollcall/state"
)

// TestGroups lists groups with their members counted, and narrows them down.
func TestGroups(t *testing.T) {
	f := newFixture(t)
	f.get(victor, "/groups").shows(200, "No group is recorded yet", "Push Groups")
	ada, bob := f.person(acme, "Ada"), f.person(acme, "Bob")
	f.group(acme, "Staff", ada.ID, bob.ID)
	f.group(acme, "Empty")
	gone := f.group(globex, "Gone")
	f.group(globex, "<b>Others\u202e</b>")
	f.write(state.Mutation{Scope: globex, Kind: state.KindGroup, ID: gone.ID, Cause: byPush, Life: &state.Life{Remove: state.RemoveDelete}})
	p := f.get(victor, "/groups").shows(200, "Staff 2 acme-entra", "Empty 0 acme-entra", "<b>Others\uFFFD</b>", "pushed")
	if p.title() != "3 groups" {
		t.Errorf("title %q", p.title())
	}
	for path, want := range map[string][]string{
		"/groups?source=acme-entra": {"Empty", "Staff"}, "/groups?sort=name-down&source=acme-entra": {"Staff", "Empty"}, "/groups?status=deleted": {"Gone"}, "/groups?tenant=nobody": nil,
	} {
		if got := f.get(victor, path).shows(200).rows(); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	rows, err := csv.NewReader(strings.NewReader(f.get(victor, "/groups.csv").body)).ReadAll()
	f.must(err)
	var members []string
	for _, row := range rows {
		members = append(members, row[0]+" "+row[1])
	}
	if want := []string{"name members", "<b>Others\u202e</b> 0", "Empty 0", "Staff 2"}; !slices.Equal(members, want) {
		t.Errorf("the file has %q, want %q", members, want)
	}
}

// TestGroup shows who is in a group, page by page, and how they came into it, with their names.
func TestGroup(t *testing.T) {
	f := newFixture(t)
	people := f.many(acme, 120)
	var ids []state.ID
	for _, r := range people {
		ids = append(ids, r.ID)
	}
	staff := f.group(acme, "Staff", ids...)
	f.write(state.Mutation{Scope: acme, Kind: state.KindGroup, ID: staff.ID, Cause: state.Cause{Kind: state.CausePull, Run: "run-1", Reason: "member_extra"}, Members: &state.Members{Remove: ids[:2]}})
	f.group(acme, "Inner", staff.ID)
	f.life(people[5], acme, state.Cause{Kind: state.CauseOperator, Actor: olga.Name}, state.Life{Said: new(false)})
	at := "/groups/" + string(staff.ID)
	p := f.get(victor, at).shows(200, "Person 000002 person-000002@acme.example ● active", "Person 000005 person-000005@acme.example ○ inactive",
		"no longer in the group at the source", "Person 000000, Person 000001", "and 115 more", "Group id "+string(staff.ID))
	if p.title() != "Staff has 118 members" || len(p.rows()) != 50 {
		t.Errorf("title %q, %d rows", p.title(), len(p.rows()))
	}
	var names []string
	for path, pages := at, 0; path != "" && pages < 5; pages++ {
		p := f.get(victor, path).shows(200)
		names, path = append(names, p.rows()...), ""
		for _, l := range p.values("a", "href") {
			if strings.Contains(l, "?after=") {
				path = strings.TrimSuffix(l, "#members")
			}
		}
	}
	if len(names) != 118 || !slices.IsSorted(names) || len(slices.Compact(names)) != 118 {
		t.Errorf("%d members: %q", len(names), names)
	}
	rows, err := csv.NewReader(strings.NewReader(f.get(victor, at+"/members.csv").body)).ReadAll()
	f.must(err)
	if len(rows) != 119 || rows[1][1] != "person-000002@acme.example" || rows[4][3] != "inactive" {
		t.Errorf("%d rows: %q", len(rows), rows[:5])
	}
	var raw struct {
		ID      state.ID
		Members []struct{ Value, Display, Type string }
		Meta    struct{ ResourceType, Version string }
	}
	f.must(json.Unmarshal([]byte(f.get(victor, at+"/raw").body), &raw))
	if raw.ID != staff.ID || len(raw.Members) != 118 || raw.Members[0].Display != "Person 000002" || raw.Members[0].Type != "User" || raw.Meta.ResourceType != "Group" || raw.Meta.Version != `W/"2"` {
		t.Errorf("%+v", raw)
	}
	if p := f.get(victor, "/groups/"+string(ids[0])); p.status != http.StatusSeeOther || p.header.Get("Location") != "/users/"+string(ids[0]) {
		t.Errorf("an account's id: %d %s", p.status, p.header.Get("Location"))
	}
	f.get(victor, "/groups/nobody").shows(404, "There is nothing here")
	f.get(victor, "/users/"+string(ids[0])).shows(200, "Left Staff")

	for _, removal := range []state.Removal{state.RemoveDelete, state.RemovePurge} {
		f.write(state.Mutation{Scope: acme, Kind: state.KindGroup, ID: staff.ID, Cause: byPush, Life: &state.Life{Remove: removal}})
		f.get(victor, at).shows(200, "is not here any more", "✕ deleted", "Created").hides("Export the members")
		if p := f.get(victor, at+"/members.csv"); p.status != 404 {
			t.Errorf("members of a group that is gone: %d", p.status)
		}
	}
	f.get(victor, at+"/raw").shows(404)
}

// TestGroupRawEmpty is a document also without members.
func TestGroupRawEmpty(t *testing.T) {
	f := newFixture(t)
	g := f.group(acme, "Empty")
	f.get(victor, "/groups/"+string(g.ID)).shows(200, "Empty has no members", "Nobody is in this group")
	if body := f.get(victor, "/groups/"+string(g.ID)+"/raw").body; !json.Valid([]byte(body)) || strings.Contains(body, "members") {
		t.Error(body)
	}
}

// TestGroupLarge keeps the page of a group light whose members came a thousand at a time.
func TestGroupLarge(t *testing.T) {
	f := newFixture(t)
	staff := f.group(acme, "Staff")
	people := f.many(acme, 3000)
	for some := range slices.Chunk(people, 1000) {
		var ids []state.ID
		for _, r := range some {
			ids = append(ids, r.ID)
		}
		f.write(state.Mutation{Scope: acme, Kind: state.KindGroup, ID: staff.ID, Cause: byPush, Members: &state.Members{Add: ids}})
	}
	for i := range 200 {
		f.write(state.Mutation{Scope: acme, Kind: state.KindGroup, ID: staff.ID, Cause: byPush, Put: &state.Put{Base: int64(i + 4), Resource: f.value(fmt.Sprintf(`{"displayName":"Staff %d"}`, i))}})
	}
	p := f.get(victor, "/groups/"+string(staff.ID)).shows(200, "Staff 199 has 3\u2009000 members", "Older")
	if len(p.body) > 100_000 {
		t.Errorf("%d bytes", len(p.body))
	}
	f.get(victor, "/groups/"+string(staff.ID)+"?from=200").shows(200, "Person 000000", "and 995 more")
	if p := f.get(victor, "/groups"); !strings.Contains(p.text(), "more than 1\u2009000") {
		t.Error("the list counts members without end")
	}
}
