package console

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/state"
	"rollcall/sync/plan"
)

// leased does something as a run that works on a source.
func (f *fixture) leased(scope state.Scope, do func(epoch int64) error) {
	f.t.Helper()
	lease, err := f.store.AcquireLease(f.t.Context(), scope, "test", time.Hour)
	f.must(err)
	f.must(do(lease.Epoch))
	f.must(f.store.ReleaseLease(f.t.Context(), lease))
}

// made is when plans and runs of these tests were made.
var made = time.Date(2026, 3, 4, 8, 0, 0, 0, time.UTC)

// removal is a deactivation of an account, with one witness.
func removal(n int) plan.Change {
	return plan.Change{
		Action: plan.Deactivate, Account: state.ID(fmt.Sprintf("0198c1d2-0000-7000-8000-%012d", n)), Version: 3, Person: fmt.Sprintf("person-%d", n),
		Name: fmt.Sprintf("person%05d@acme.example", n), Reason: plan.ReasonDisabled, Held: true, HeldBecause: plan.HoldCount,
		Fields:    []plan.Field{{Path: "active", Before: json.RawMessage("true"), After: json.RawMessage("false")}},
		Witnesses: []plan.Witness{{Fact: plan.Fact(plan.ReasonDisabled), How: plan.ByPull, Run: "0198c1d2-0000-7000-8000-0000000000aa", At: made}},
	}
}

// correction is a change of a telephone number.
func correction(n int) plan.Change {
	c := removal(n)
	c.Action, c.Reason, c.Held, c.HeldBecause = plan.Update, plan.ReasonDrift, false, ""
	c.Fields = []plan.Field{{Path: `phoneNumbers[type eq "mobile"].value`, Before: json.RawMessage("null"), After: json.RawMessage(`"+1 555 0100"`)}}
	return c
}

// planOf makes a finished plan.
func planOf(changes ...plan.Change) plan.Plan {
	p := plan.Plan{
		Format: plan.Format, ID: "plan-1", Tenant: acme.Tenant, Source: acme.Source, Run: "run-1", MadeAt: made,
		Gate: plan.Gate{Active: 320, Removed: 2, Removals: 41, Limit: 32, Removing: plan.HoldCount},
	}
	for _, c := range changes {
		p.Add(c)
	}
	p.Finish()
	return p
}

func TestChangesOrder(t *testing.T) {
	group := plan.Change{Action: plan.RemoveMembers, Name: "Staff", Reason: plan.ReasonMemberExtra, Group: &plan.Group{ID: "group-1", Source: "g", Size: 9}}
	for i := range 25 {
		group.Group.Members = append(group.Group.Members, plan.Member{Account: "a", Person: "p", Name: fmt.Sprintf("member%02d@acme.example", i)})
	}
	create := plan.Change{Action: plan.Create, Person: "p9", Name: "new@acme.example", Reason: plan.ReasonMissing}
	p := planOf(create, correction(2), removal(1), group)
	p.Notices = []plan.Notice{{Kind: plan.Unexplained, Account: "account-7", Name: "ghost@acme.example", Since: made, Detail: "Nobody knows it."}}
	moved := removal(5)
	entries := append(entriesOf(&p), entry{change: &moved, fallen: true, became: "stale", detail: "It has moved."})
	v := viewChanges(httptest.NewRequest("GET", "/plans/plan-1", nil), entries, "No longer stands")
	var titles, tabs []string
	for _, g := range v.Groups {
		titles = append(titles, g.Title)
	}
	for _, tab := range v.Tabs {
		tabs = append(tabs, fmt.Sprintf("%s %d %s", tab.Text, tab.Count, tab.URL))
	}
	if got, want := strings.Join(titles, "|"), "Deactivate, held: more removals than one run may carry out|Remove members|Update|Create|No longer stands|Noticed: "+plan.Unexplained.Text(); got != want {
		t.Errorf("groups %s, want %s", got, want)
	}
	if got, want := strings.Join(tabs, "|"), "All 6 /plans/plan-1|Deactivate 1 /plans/plan-1?kind=deactivate|Remove members 1 /plans/plan-1?kind=remove_members|"+
		"Update 1 /plans/plan-1?kind=update|Create 1 /plans/plan-1?kind=create|No longer stands 1 /plans/plan-1?kind=fallen|Noticed 1 /plans/plan-1?kind=noticed"; got != want {
		t.Errorf("tabs\n%s, want\n%s", got, want)
	}
	members := v.Groups[1].Rows[0]
	if len(members.Lines) != 21 || members.Lines[20] != (diffLine{"member", "and 5 more", ""}) || members.URL != "/groups/group-1" {
		t.Errorf("of 25 members: %+v", members)
	}
	if removed := v.Groups[0].Rows[0]; removed.URL != "/users/"+string(removal(1).Account) || removed.Lines[0] != (diffLine{"active", "true", "false"}) ||
		removed.Why != plan.ReasonDisabled.Text() || removed.Witnesses[0].Said[0].Run == "" {
		t.Errorf("a removal: %+v", removed)
	}
	if made := v.Groups[3].Rows[0]; made.URL != "" {
		t.Errorf("who has no account yet leads to %s", made.URL)
	}
	if n := removalsIn(entries); n != 2 {
		t.Errorf("%d removals, want 2: what has fallen removes nobody", n)
	}
	v = viewChanges(httptest.NewRequest("GET", "/plans/plan-1?kind=update", nil), entriesOf(&p), "")
	if v.All != 1 || len(v.Groups) != 1 || v.Groups[0].Title != "Update" || !v.Tabs[3].Current {
		t.Errorf("?kind=update shows %+v", v)
	}
}

// TestChangesPages walks through all pages and sees everything once, in bounded steps, whatever it is asked for.
func TestChangesPages(t *testing.T) {
	const changes = 1234
	p := plan.Plan{}
	for i := range changes {
		c := correction(i)
		if i%3 == 0 {
			c = removal(i)
		}
		if i%100 == 0 {
			c.Fields[0].After = json.RawMessage(`"` + strings.Repeat("<&>", 5000) + `"`)
		}
		p.Add(c)
	}
	p.Finish()
	seen := map[string]bool{}
	pages := 0
	for path := "/plans/plan-1"; path != ""; pages++ {
		v := viewChanges(httptest.NewRequest("GET", path, nil), entriesOf(&p), "")
		rows, size := 0, 0
		for _, g := range v.Groups {
			for _, row := range g.Rows {
				if seen[row.Who] {
					t.Fatalf("%s stands on two pages", row.Who)
				}
				seen[row.Who] = true
				rows++
				size += row.size()
			}
		}
		if rows > changesPerPage || size > changesSize {
			t.Errorf("%s: %d rows of %d bytes", path, rows, size)
		}
		path = v.Next
	}
	if len(seen) != changes || pages < changes/changesPerPage {
		t.Errorf("%d of %d changes, on %d pages", len(seen), changes, pages)
	}
	for _, from := range []string{"-1", "99999999999999999999", "x", "5000"} {
		v := viewChanges(httptest.NewRequest("GET", "/plans/plan-1?from="+from, nil), entriesOf(&p), "")
		if v.To > changes || v.From < 1 {
			t.Errorf("?from=%s: from %d to %d", from, v.From, v.To)
		}
	}
}

func TestShownValue(t *testing.T) {
	for value, want := range map[string]string{
		``: "", `null`: "", `"Ada"`: `"Ada"`, "\"\u202egnp.exe\"": "\"\ufffdgnp.exe\"", `false`: "false",
		`"` + strings.Repeat("ä", 500) + `"`: `"` + strings.Repeat("ä", valueSize-1) + "… (502 characters)",
	} {
		if got := shownValue([]byte(value)); got != want {
			t.Errorf("%.40q is shown as %q, want %q", value, got, want)
		}
	}
}

func TestEveryActionHasItsPlace(t *testing.T) {
	for _, action := range plan.Actions {
		if !slices.Contains(changeOrder, action) {
			t.Errorf("changes of the kind %q are not shown", action)
		}
	}
}
