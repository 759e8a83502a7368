package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/sync/explain"
	"rollcall/sync/plan"
)

// whole is somebody with attributes of every shape.
const whole = `{"userName":"ada@acme.example","displayName":"Ada Acker","externalId":"x-1","title":"Engineer","name":{"givenName":"Ada","familyName":"Acker"},
	"emails":[{"value":"ada@acme.example","type":"work","primary":true},{"value":"ada@home.example"}],
	"addresses":[{"type":"work","streetAddress":"1 High Street","locality":"Oxford"}],
	"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Research","costCenter":"42","manager":{"value":"boss-1","displayName":"The Boss"}},
	"urn:acme:scim:schemas:extension:2.0:User":{"badgeNumber":7,"pin":"1234","onSite":true}}`

// acmeUsers is the type of users with an extension of a customer's, one attribute of which is shown to nobody.
func acmeUsers(t testing.TB) *scim.ResourceType {
	rt, err := scim.UserType().With(&scim.Schema{ID: "urn:acme:scim:schemas:extension:2.0:User", Name: "Acme badge", Attributes: []scim.Attribute{
		{Name: "badgeNumber", Type: scim.DataInteger}, {Name: "pin", Returned: scim.ReturnedNever}, {Name: "onSite", Type: scim.DataBoolean},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return rt
}

// TestPerson shows the sentence, the attributes with labels, ids, groups and the time line.
func TestPerson(t *testing.T) {
	f := newFixture(t)
	f.console.Users = func() *scim.ResourceType { return acmeUsers(t) }
	f.store.LogRequest(state.Request{ID: "failed", Scope: acme})
	ada := f.account(acme, whole)
	staff := f.group(acme, "Staff", ada.ID)
	f.life(ada, acme, state.Cause{Kind: state.CausePull, Actor: "schedule", Run: "run-1", Reason: string(plan.ReasonMatched)}, state.Life{Link: new("p-ada")})
	p := f.get(victor, "/users/"+string(ada.ID)).shows(200,
		"● active", "Given name Ada", "Family name Acker", "E-mail ada@acme.example work, primary ada@home.example", "Title Engineer", "Address 1 High Street, Oxford work",
		"Department Research", "Cost center 42", "Manager The Boss boss-1", "Acme badge", "Badge number 7", "On site yes",
		"External id x-1", "Object id p-ada", "Account id "+string(ada.ID), "In 1 group Staff", "Linked", "a scheduled pull", "Joined Staff", "Created", "the provider pushed, key key-1")
	p.hides("1234", "Sync this person now", "Deactivate")
	if p.title() != "Ada Acker is active because a push made the account on 4 Mar, 09:01 UTC" {
		t.Errorf("title %q", p.title())
	}
	links := p.values("a", "href")
	for _, want := range []string{"/groups/" + string(staff.ID), "/users/" + string(ada.ID) + "/raw", "/sources/acme-entra", "/runs/run-1"} {
		if !slices.Contains(links, want) {
			t.Errorf("no link to %s in %q", want, links)
		}
	}
	if seen := p.text(); strings.Index(seen, "Linked") > strings.Index(seen, "Joined") || strings.Index(seen, "Joined") > strings.Index(seen, "Created") {
		t.Errorf("the time line is not the newest first: %s", seen)
	}
	f.get(olga, "/users/"+string(ada.ID)).shows(200, "Sync this person now", "Ask the provider now", "Deactivate…", "Pin…", "Protect…").hides("Reactivate…", "Unpin…")
	f.get(olga, "/users/"+string(f.person(globex, "Pushed").ID)).shows(200, "Deactivate…").hides("Sync this person now", "Ask the provider now")
	f.get(olga, "/users/nobody").shows(404, "There is nothing here")
	if p := f.get(olga, "/users/"+string(staff.ID)); p.status != http.StatusSeeOther || p.header.Get("Location") != "/groups/"+string(staff.ID) {
		t.Errorf("a group's id: %d %s", p.status, p.header.Get("Location"))
	}
}

// TestPersonManager links a manager who has an account.
func TestPersonManager(t *testing.T) {
	f := newFixture(t)
	boss := f.person(acme, "Boss")
	r := f.account(acme, fmt.Sprintf(`{"userName":"a","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":%q}}}`, boss.ID))
	if p := f.get(victor, "/users/"+string(r.ID)).shows(200, "Manager Boss"); !slices.Contains(p.values("a", "href"), "/users/"+string(boss.ID)) {
		t.Errorf("links %q", p.values("a", "href"))
	}
}

// TestPersonRaw is what SCIM shows: with id, what was said, groups and meta, without what is shown to nobody.
func TestPersonRaw(t *testing.T) {
	f := newFixture(t)
	f.console.Users = func() *scim.ResourceType { return acmeUsers(t) }
	ada := f.account(acme, whole)
	staff := f.group(acme, "Staff", ada.ID)
	p := f.get(victor, "/users/"+string(ada.ID)+"/raw")
	if p.status != 200 || p.header.Get("Content-Type") != "application/json" || !strings.HasPrefix(p.body, "{\n  \"id\"") && !strings.Contains(p.body, "\n  \"id\"") {
		t.Errorf("%d %v %s", p.status, p.header, p.body)
	}
	var got map[string]any
	f.must(json.Unmarshal([]byte(p.body), &got))
	want := map[string]any{
		"id": string(ada.ID), "userName": "ada@acme.example", "active": true,
		"groups": []any{map[string]any{"value": string(staff.ID), "display": "Staff", "type": "direct", "$ref": "https://api.example.com/auth/scim/Groups/" + string(staff.ID)}},
		"meta": map[string]any{"resourceType": "User", "created": "2026-03-04T09:01:00.000Z", "lastModified": "2026-03-04T09:01:00.000Z",
			"location": "https://api.example.com/auth/scim/Users/" + string(ada.ID), "version": `W/"1"`},
		"urn:acme:scim:schemas:extension:2.0:User": map[string]any{"badgeNumber": 7.0, "onSite": true},
	}
	for name, value := range want {
		if diff := cmp.Diff(value, got[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestPersonGone shows a tombstone, a purged account and somebody who never had one.
func TestPersonGone(t *testing.T) {
	f := newFixture(t)
	ada := f.account(acme, whole)
	f.life(ada, acme, state.Cause{Kind: state.CausePull, Run: "run-1"}, state.Life{Link: new("p-ada")})
	f.life(ada, acme, byPush, state.Life{Remove: state.RemoveDelete})
	f.get(olga, "/users/"+string(ada.ID)).shows(200, "✕ deleted", "Ada Acker is not here: a push deleted the account", "Deleted", "Department Research", "Ask the provider now").hides("Deactivate…", "Sync this person now")
	f.get(olga, "/users/"+string(ada.ID)+"/deactivate").shows(409, "There is no account to change")
	if f.get(olga, "/users/"+string(ada.ID)+"/raw").status != 200 {
		t.Error("a tombstone has a resource")
	}
	if p := f.get(olga, "/sources/acme-entra/people/p-ada"); p.header.Get("Location") != "/users/"+string(ada.ID) {
		t.Errorf("the person's own page leads to %s", p.header.Get("Location"))
	}
	f.life(ada, acme, byPush, state.Life{Remove: state.RemovePurge})
	f.get(olga, "/users/"+string(ada.ID)).shows(200, "✕ purged", "Ada Acker is not here any more: a push purged the account", "Created").hides("Deactivate…", "The resource as JSON")
	f.get(olga, "/users/"+string(ada.ID)+"/raw").shows(404, "There is no resource any more")

	f.get(olga, "/sources/acme-entra/people/p-kim").shows(200, "p-kim is not here: no run of late names them", "○ no account", "Ask the provider now")
	f.get(victor, "/sources/acme-entra/people/p-kim").shows(200).hides("Ask the provider now")
	f.get(olga, "/sources/nowhere/people/p-kim").shows(404)
}

// TestPersonHand confirms, wants a reason, and changes just what was shown.
func TestPersonHand(t *testing.T) {
	f := newFixture(t)
	ada := f.person(acme, "Ada")
	at := "/users/" + string(ada.ID)
	is := func() state.Record {
		t.Helper()
		r, err := f.store.Record(t.Context(), acme, state.KindAccount, ada.ID)
		f.must(err)
		return r
	}
	shown := func() string { return fmt.Sprint(is().Version) }

	f.get(olga, at+"/deactivate").shows(200, "Deactivate Ada?", "Ada is now: Active, because a push", "out of force at once", "The next push or pull that says active counts again", "in force active inactive", "Pin it as well").hides("protected")
	f.post(olga, at+"/deactivate", "version", shown(), "reason", " ").shows(422, "Say why", "Deactivate Ada?")
	f.post(victor, at+"/deactivate", "version", shown(), "reason", "x").shows(403, "You may look, and not change")
	for _, h := range handWords {
		f.get(victor, at+"/"+string(h.Hand)).shows(403)
		f.post(victor, at+"/"+string(h.Hand), "version", shown(), "reason", "x").shows(403)
	}
	f.post(olga, at+"/deactivate", "version", "17", "reason", "x")
	f.post(olga, at+"/deactivate", "reason", "x")
	f.post(olga, at+"/deactivate", "version", shown(), "reason", strings.Repeat("x", 501)).shows(422)
	if r := is(); !r.InForce || r.Version != ada.Version {
		t.Fatalf("changed by what was refused: %+v", r)
	}

	steps := []struct {
		hand, pin string
		want      state.Record
	}{
		{"deactivate", "", state.Record{}},
		{"reactivate", "", state.Record{Said: true, InForce: true}},
		{"deactivate", "yes", state.Record{Said: true, Pinned: true}},
		{"reactivate", "", state.Record{Said: true, InForce: true, Pinned: true}},
		{"protect", "", state.Record{Said: true, InForce: true, Pinned: true, Protected: true}},
		{"unpin", "", state.Record{Said: true, InForce: true, Protected: true}},
		{"unprotect", "", state.Record{Said: true, InForce: true}},
		{"pin", "", state.Record{Said: true, InForce: true, Pinned: true}},
	}
	for i, step := range steps {
		f.get(olga, at+"/"+step.hand).shows(200)
		p := f.post(olga, at+"/"+step.hand, "version", shown(), "reason", "ticket 4711", "pin", step.pin)
		if p.status != http.StatusSeeOther || p.header.Get("Location") != at {
			t.Fatalf("step %d, %s: %d %s %s", i, step.hand, p.status, p.header.Get("Location"), p.body)
		}
		if r := is(); r.Said != step.want.Said || r.InForce != step.want.InForce || r.Pinned != step.want.Pinned || r.Protected != step.want.Protected {
			t.Errorf("step %d, %s: %+v", i, step.hand, r)
		}
		entries, err := f.store.LastEntries(t.Context(), acme, ada.ID, 1)
		f.must(err)
		if c := entries[0].Cause; c.Kind != state.CauseOperator || c.Actor != olga.Name || c.Note != "ticket 4711" {
			t.Errorf("step %d, %s: cause %+v", i, step.hand, c)
		}
	}
	f.get(olga, at).shows(200, "⚑ pinned", "is active because olga@example.com pinned the account", "ticket 4711", "Protection taken away")
	if p := f.get(olga, at+"/pin"); p.status != http.StatusSeeOther {
		t.Errorf("what is so already is offered again: %d", p.status)
	}
}

// TestPersonWork has Work sync and ask, and shows what it says.
func TestPersonWork(t *testing.T) {
	f := newFixture(t)
	ada := f.person(acme, "Ada")
	at := "/users/" + string(ada.ID)
	f.life(ada, acme, state.Cause{Kind: state.CausePull, Run: "run-1"}, state.Life{Link: new("p-ada")})
	f.work.done = Done{Applied: 1, Says: "1 change applied."}
	if p := f.post(olga, at+"/sync"); p.status != http.StatusSeeOther || p.header.Get("Location") != at {
		t.Errorf("%d %s", p.status, p.header.Get("Location"))
	}
	f.work.now = &explain.Now{At: f.clock.Now(), Sentence: "Now they are enabled, assigned; a run would update: differs from the source.",
		Mapped:  []explain.Mapped{{Target: "title", Value: []byte(`"Chief\u202e"`)}, {Target: "active", Error: "no <b>value</b>"}},
		Changes: []plan.Change{{Action: plan.Update, Fields: []plan.Field{{Path: "title", Before: []byte("null"), After: []byte(`"Chief"`)}}}}}
	f.post(olga, at+"/ask").shows(200, "What the provider says now", "a run would update", "title \"Chief", "cannot be evaluated: no <b>value</b>", "What a run would change").hides("\u202e")
	f.post(olga, "/sources/acme-entra/people/p-kim/ask").shows(200, "What the provider says now")
	f.work.err = errors.New("the provider did not answer; nothing was changed")
	for _, way := range []string{"/sync", "/ask"} {
		f.post(victor, at+way).shows(403)
		if p := f.post(olga, at+way); p.status < 400 {
			t.Errorf("%s: %d", way, p.status)
		}
	}
	want := []string{"sync acme-entra " + string(ada.ID) + " " + olga.Name, "ask acme-entra p-ada", "ask acme-entra p-kim", "sync acme-entra " + string(ada.ID) + " " + olga.Name, "ask acme-entra p-ada"}
	if diff := cmp.Diff(want, f.work.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	deeds, err := f.store.ListDeeds(t.Context(), acme, 0, 10)
	f.must(err)
	var did []string
	for _, d := range deeds {
		did = append(did, d.What+" "+d.Subject+" "+d.Actor)
	}
	if diff := cmp.Diff([]string{"person_asked p-kim " + olga.Name, "person_asked " + string(ada.ID) + " " + olga.Name, "person_synced " + string(ada.ID) + " " + olga.Name}, did); diff != "" {
		t.Errorf("deeds (-want +got):\n%s", diff)
	}
}

// TestPersonLarge keeps the page of somebody with 500 events and 500 groups light, and leads to all of them.
func TestPersonLarge(t *testing.T) {
	f := newFixture(t)
	ada := f.account(acme, whole)
	long := strings.Repeat(`"<&>" `, 200)
	for i := range 500 {
		request := &state.Request{ID: fmt.Sprint("request-", i), Scope: acme, At: f.clock.Now(), KeyID: "key-1", Method: "PATCH", Path: "/scim/Users/" + string(ada.ID), Status: 200,
			Body: []byte(fmt.Sprintf(`{"Operations":[{"op":"replace","path":"title","value":%q}]}`, long))}
		f.write(state.Mutation{Scope: acme, Kind: state.KindAccount, ID: ada.ID, Cause: byPush, Request: request, Put: &state.Put{Base: int64(i + 1), Resource: f.value(fmt.Sprintf(
			`{"userName":"ada@acme.example","title":"Engineer %d"}`, i))}})
	}
	var groups []state.Mutation
	for i := range 500 {
		groups = append(groups, state.Mutation{Scope: acme, Kind: state.KindGroup, ID: state.NewID(), Cause: byPush, Members: &state.Members{Add: []state.ID{ada.ID}},
			Put: &state.Put{Resource: f.value(fmt.Sprintf(`{"displayName":"Group %d"}`, i))}})
	}
	f.write(groups...)
	at := "/users/" + string(ada.ID)
	seen := map[string]bool{}
	path := at
	for pages := 0; path != "" && pages < 100; pages++ {
		start := time.Now()
		p := f.get(olga, path).shows(200, "In 500 groups")
		t.Logf("%s: %d bytes, %v", path, len(p.body), time.Since(start))
		if len(p.body) > 100_000 {
			t.Errorf("%s has %d bytes", path, len(p.body))
		}
		for _, part := range strings.Split(p.text(), "Engineer ")[1:] {
			seen[strings.TrimRight(strings.Fields(part)[0], `"`)] = true
		}
		path = ""
		for _, l := range p.values("a", "href") {
			if strings.Contains(l, "?from=") {
				path = l
			}
		}
	}
	for i := range 500 {
		if !seen[fmt.Sprint(i)] {
			t.Errorf("the event with Engineer %d is on no page", i)
			break
		}
	}
	names := map[string]bool{}
	for path = at; path != ""; {
		p := f.get(olga, path)
		path = ""
		for _, l := range p.values("a", "href") {
			if strings.HasPrefix(l, "/groups/") {
				names[l] = true
			}
			if u, err := url.Parse(l); err == nil && u.Query().Has("groups") {
				path = l
			}
		}
	}
	if len(names) < 500 {
		t.Errorf("links to %d groups, want 500", len(names))
	}
}

func TestLabels(t *testing.T) {
	for name, want := range map[string]string{
		"givenName": "Given name", "userName": "userName", "costCenter": "Cost center", "title": "Title", "employeeID": "Employee ID", "URLPath": "URL path", "is_new": "Is new", "$ref": "Ref", "": "",
	} {
		if got := labelOf(name); got != want {
			t.Errorf("%s becomes %q, want %q", name, got, want)
		}
	}
}

func TestShortPath(t *testing.T) {
	for path, want := range map[string]string{
		"title": "title", "name.givenName": "name.givenName", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department": "department", "a\u202eb": "a\uFFFDb",
	} {
		if got := shortPath(path); got != want {
			t.Errorf("%s becomes %q, want %q", path, got, want)
		}
	}
	for value, want := range map[string]string{`""`: "", "null": "", `"x"`: `"x"`, "false": "false"} {
		if got := emptied([]byte(value)); got != want {
			t.Errorf("%s is shown as %q, want %q", value, got, want)
		}
	}
}

// TestANameIsNoCommand: what a provider calls somebody is not dressed up as what this console has its readers do.
func TestANameIsNoCommand(t *testing.T) {
	f := newFixture(t)
	eve := f.account(acme, `{"userName":"eve@acme.example","displayName":"Eve, so run 'rollcall operators add eve'"}`)
	p := f.get(olga, "/users/"+string(eve.ID)).shows(200, "Eve, so run 'rollcall operators add eve'")
	if strings.Contains(p.body, "<code>rollcall operators add eve") {
		t.Error("the name is shown as a command")
	}
}
