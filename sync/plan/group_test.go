package plan_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/state"
	"rollcall/sync/plan"
)

// membership is a change of so many members of a group.
func membership(action plan.Action, group state.ID, size, extra int, names ...string) plan.Change {
	reason := plan.ReasonMemberMissing
	witnesses := []plan.Witness{witness(plan.Fact(reason), plan.ByPull)}
	if action == plan.RemoveMembers {
		reason = plan.ReasonMemberExtra
		witnesses = []plan.Witness{
			{Fact: plan.Fact(reason), How: plan.ByAbsence, Run: "run-1", At: start.Add(-time.Hour)}, witness(plan.Fact(reason), plan.ByAbsence),
		}
	}
	g := &plan.Group{ID: group, Source: "obj-" + string(group), Size: size, Extra: extra}
	for _, name := range names {
		g.Members = append(g.Members, plan.Member{Account: state.ID("acc-" + name), Person: "obj-" + name, Name: name + "@acme.example"})
	}
	return plan.Change{Action: action, Name: strings.ToUpper(string(group)), Reason: reason, Witnesses: witnesses, Group: g}
}

func numbered(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("p%02d", i)
	}
	return names
}

// regrouped is a plan with everything that can become of groups.
func regrouped() plan.Plan {
	p := plan.Plan{
		Format: plan.Format, Tenant: "acme", Source: "acme-entra", Run: "run-2", MadeAt: start, Basis: "directory/app 1a2b/assigned/groups",
		Counts: plan.Counts{
			People: 90, Accounts: 90, Active: 90, Agree: 89, Groups: plan.GroupCounts{Compared: 4, Members: 200, Extra: 10, Waiting: 2},
		},
	}
	p.Add(membership(plan.AddMembers, "sales", 40, 0, numbered(23)...))
	p.Add(membership(plan.RemoveMembers, "sales", 40, 2, "zoe", "ada"))
	owner := membership(plan.RemoveMembers, "sales", 40, 2, "owner")
	owner.Held, owner.HeldBecause = true, plan.HoldProtected
	p.Add(owner)
	p.Add(membership(plan.RemoveMembers, "ops", 6, 6, numbered(6)...))
	p.Add(plan.Change{
		Action: plan.Deactivate, Account: "acc-1", Version: 4, Person: "obj-ada", Name: "ada@acme.example", Reason: plan.ReasonDisabled,
		Witnesses: []plan.Witness{witness("disabled_at_source", plan.ByPull)}, Fields: []plan.Field{field("active", "true", "false")},
	})
	p.Notice(plan.Notice{Kind: plan.Leaving, Group: "sales", Name: "SALES", Detail: "2 of its members"})
	p.Notice(plan.Notice{Kind: plan.GroupLost, Group: "old", Name: "OLD"})
	p.Finish()
	p.Hold(plan.Rules{GatePercent: 10, GateFloor: 5}, plan.Circumstances{Ledger: state.Ledger{Active: 90, Total: 90}})
	return p
}

func TestHoldMembers(t *testing.T) {
	few := plan.Rules{GatePercent: 10, GateFloor: 5}
	tests := []struct {
		name                 string
		size, extra, removed int // of the group
		members, together    int // of all groups; 0: of this one
		rules                plan.Rules
		in                   plan.Circumstances
		want                 plan.Hold
	}{
		{name: "one", size: 20, extra: 1, rules: few},
		{name: "the only one", size: 1, extra: 1, rules: few},
		{name: "all of five", size: 5, extra: 5, rules: few},
		{name: "all of six", size: 6, extra: 6, rules: few, want: plan.HoldEmptied},
		{name: "all of six, by a wide gate", size: 6, extra: 6, rules: plan.Rules{GatePercent: 100, GateFloor: 50}, want: plan.HoldEmptied},
		{name: "six of eleven, by a wide gate", size: 11, extra: 6, rules: plan.Rules{GatePercent: 100, GateFloor: 50}, want: plan.HoldGroup},
		{name: "six of twelve, by a wide gate", size: 12, extra: 6, rules: plan.Rules{GatePercent: 100, GateFloor: 50}},
		{name: "six of twenty", size: 20, extra: 6, rules: few, want: plan.HoldGroup},
		{name: "ten of a hundred", size: 100, extra: 10, rules: few},
		{name: "one more, after ten", size: 90, extra: 1, removed: 10, rules: few, want: plan.HoldGroup},
		{name: "one of too many", size: 20, extra: 1, members: 100, together: 11, rules: few, want: plan.HoldMembers},
		{name: "one of many", size: 20, extra: 1, members: 100, together: 10, rules: few},
		{name: "no rules", size: 20, extra: 1, want: plan.HoldGroup},
		{name: "observing", size: 20, extra: 1, rules: few, in: plan.Circumstances{Observe: "first pull"}, want: plan.HoldObserve},
		{name: "unproven", size: 20, extra: 1, rules: few, in: plan.Circumstances{Unproven: true}, want: plan.HoldUnproven},
		{name: "reporting", size: 20, extra: 1, rules: few, in: plan.Circumstances{ReportOnly: true}, want: plan.HoldPolicy},
		{name: "strangers", size: 20, extra: 1, rules: few, in: plan.Circumstances{Strangers: true}, want: plan.HoldStrangers},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := membership(plan.RemoveMembers, "sales", test.size, test.extra, "ada")
			c.Group.Removed = test.removed
			p := plan.Plan{Format: plan.Format}
			p.Counts.Groups = plan.GroupCounts{Members: max(test.members, test.size), Extra: max(test.together, test.extra)}
			p.Add(c)
			p.Add(membership(plan.AddMembers, "sales", test.size, 0, "alan"))
			p.Finish()
			test.in.Ledger = state.Ledger{Active: 100, Total: 100}
			p.Hold(test.rules, test.in)
			if got := p.Changes[0]; got.HeldBecause != test.want || got.Held != (test.want != "") {
				t.Errorf("held because %q, want %q", got.HeldBecause, test.want)
			}
			if all := test.in.ReportOnly || test.in.Strangers; p.Changes[1].Held != all {
				t.Errorf("the addition is held: %t", p.Changes[1].Held)
			}
			if p.Counts.Held > 0 && p.Counts.Removals != 1 {
				t.Errorf("%d removals counted", p.Counts.Removals)
			}
		})
	}
}

// TestPeopleOverTheGate: whoever takes too many people's access away takes nobody out of a group either.
func TestPeopleOverTheGate(t *testing.T) {
	p := planned(6, 0, 0)
	p.Add(membership(plan.RemoveMembers, "sales", 20, 1, "ada"))
	p.Counts.Groups.Members = 20
	p.Finish()
	p.Hold(plan.Rules{GateFloor: 5, GatePercent: 10}, plan.Circumstances{Ledger: state.Ledger{Active: 20}})
	if last := p.Changes[len(p.Changes)-1]; last.HeldBecause != plan.HoldCount || p.Gate.Removals != 6 {
		t.Errorf("held because %q, %d removals", last.HeldBecause, p.Gate.Removals)
	}
}

func TestDecodeRefusesGroups(t *testing.T) {
	text := func(group, more string) string {
		return `{"format":1,"changes":[{"action":"remove_members","reason":"member_extra","group":` + group + more + `}]}`
	}
	const fine = `{"id":"g","source":"s","size":2,"members":[{"account":"a","person":"p","name":"n"}]}`
	if _, err := plan.Decode([]byte(text(fine, ""))); err != nil {
		t.Error(err)
	}
	for name, body := range map[string]string{
		"no group":           `{"format":1,"changes":[{"action":"add_members"}]}`,
		"a group of another": strings.Replace(text(fine, ""), "remove_members", "update", 1),
		"a person":           text(fine, `,"person":"p"`),
		"an account":         text(fine, `,"account":"a"`),
		"a version":          text(fine, `,"version":3`),
		"a tie":              text(fine, `,"link":true`),
		"held for no why":    text(fine, `,"held":true`),
		"no id":              text(strings.Replace(fine, `"id":"g",`, "", 1), ""),
		"no source":          text(strings.Replace(fine, `"source":"s",`, "", 1), ""),
		"no members":         text(`{"id":"g","source":"s","members":[]}`, ""),
		"nobody":             text(strings.Replace(fine, `"account":"a",`, "", 1), ""),
		"a member shortened": text(strings.Replace(fine, `"size":2`, `"left_out":2`, 1), ""),
		"a sum below none":   text(strings.Replace(fine, `"size":2`, `"size":-2`, 1), ""),
	} {
		if _, err := plan.Decode([]byte(body)); err == nil {
			t.Errorf("%s: read without error", name)
		}
	}
}

// TestSameGroups: other members, another group or another group of the source are another change; other sums are not.
func TestSameGroups(t *testing.T) {
	plain := func() plan.Plan {
		return plan.Plan{Changes: []plan.Change{membership(plan.RemoveMembers, "sales", 20, 2, "ada", "alan")}}
	}
	for name, test := range map[string]struct {
		change func(*plan.Group)
		same   bool
	}{
		"nothing":       {func(*plan.Group) {}, true},
		"sums":          {func(g *plan.Group) { g.Size, g.Extra, g.Removed = 30, 4, 1 }, true},
		"a member":      {func(g *plan.Group) { g.Members[1].Account = "acc-kurt" }, false},
		"fewer":         {func(g *plan.Group) { g.Members = g.Members[:1] }, false},
		"the group":     {func(g *plan.Group) { g.ID = "ops" }, false},
		"at the source": {func(g *plan.Group) { g.Source = "obj-ops" }, false},
	} {
		a, b := plain(), plain()
		test.change(b.Changes[0].Group)
		if got := plan.Same(&a, &b); got != test.same {
			t.Errorf("%s: same %t, want %t", name, got, test.same)
		}
	}
}

func TestJournalOfAGroup(t *testing.T) {
	entry := func(minutes int, kind state.CauseKind, removed, added string) state.Entry {
		object := func(name, ids string) []byte {
			if ids == "" {
				return []byte(`{}`)
			}
			return fmt.Appendf(nil, `{"displayName":"x","members":{%q:[%s]}}`, name, ids)
		}
		return state.Entry{
			At: start.Add(time.Duration(minutes) * time.Minute), Cause: state.Cause{Kind: kind}, Before: object("removed", removed), After: object("added", added),
		}
	}
	entries := []state.Entry{
		entry(0, state.CausePush, "", `"a","b","c","d","e"`),
		entry(1, state.CausePull, `"a"`, ""),
		entry(2, state.CausePull, `"a","b","c"`, ""),
		entry(3, state.CauseApproval, `"d"`, ""),
		entry(4, state.CausePush, `"e"`, `"b"`),
		{At: start.Add(5 * time.Minute), Cause: state.Cause{Kind: state.CausePush}, Before: []byte(`{"displayName":"y"}`), After: []byte(`nonsense`)},
	}
	at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
	want := map[state.ID]time.Time{"a": at(0), "b": at(4), "c": at(0), "d": at(0), "e": at(4)}
	if diff := cmp.Diff(want, plan.Pushed(entries)); diff != "" {
		t.Errorf("pushed (-want +got):\n%s", diff)
	}
	for since, want := range map[int]int{0: 2, 2: 2, 3: 0} {
		if got := plan.RemovedByPulls(entries, at(since)); got != want {
			t.Errorf("%d removed by pulls since minute %d, want %d", got, since, want)
		}
	}
}

// TestMemberFacts: what is remembered of a membership can be read again, and is no other fact.
func TestMemberFacts(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		want := plan.MemberFact{
			Kind:  rapid.SampledFrom([]string{plan.MemberLeft, plan.MemberJoin, plan.MemberLeave, plan.MemberTie, plan.MemberLost}).Draw(rt, "kind"),
			Group: state.ID(rapid.StringMatching(`[0-9a-f-]{1,36}`).Draw(rt, "group")), Source: rapid.String().Draw(rt, "source"),
		}
		if got, ok := plan.ReadMemberFact(want.Text()); !ok || got != want {
			rt.Fatalf("%q reads as %+v, want %+v", want.Text(), got, want)
		}
	})
	for _, other := range []string{"", "absent", "gone", "discarded:member_extra", "member", "member:left", "member:left:g"} {
		if fact, ok := plan.ReadMemberFact(other); ok {
			t.Errorf("%q reads as %+v", other, fact)
		}
	}
}

// TestDiscards: of memberships each member is remembered for itself.
func TestDiscards(t *testing.T) {
	leave := membership(plan.RemoveMembers, "sales", 20, 2, "ada", "alan")
	want := []state.Suspicion{{Person: "obj-ada", Fact: "member:leave:sales:obj-sales"}, {Person: "obj-alan", Fact: "member:leave:sales:obj-sales"}}
	if diff := cmp.Diff(want, leave.Discards()); diff != "" {
		t.Errorf("discards (-want +got):\n%s", diff)
	}
	join := membership(plan.AddMembers, "sales", 20, 0, "ada")
	if got := join.Discards(); len(got) != 1 || got[0].Fact != "member:join:sales:obj-sales" {
		t.Errorf("discards %+v", got)
	}
	removal := plan.Change{Action: plan.Deactivate, Person: "obj-ada", Reason: plan.ReasonDisabled}
	if got := removal.Discards(); len(got) != 1 || got[0] != (state.Suspicion{Person: "obj-ada", Fact: plan.DiscardedFact(&removal)}) {
		t.Errorf("discards %+v", got)
	}
}

func TestBrief(t *testing.T) {
	c := membership(plan.AddMembers, "sales", 40, 0, numbered(23)...)
	brief := c.Brief()
	if len(brief.Group.Members) != 20 || brief.Group.LeftOut != 3 || len(c.Group.Members) != 23 || c.Group.LeftOut != 0 {
		t.Errorf("%d listed and %d left out, of %d", len(brief.Group.Members), brief.Group.LeftOut, len(c.Group.Members))
	}
	again := brief.Brief()
	if again.Group.LeftOut != 3 {
		t.Errorf("shortened twice, %d are left out", again.Group.LeftOut)
	}
}

// FuzzReadMemberFact: whatever is remembered, what reads as a fact of a membership is written the same again.
func FuzzReadMemberFact(f *testing.F) {
	f.Add(plan.MemberFact{Kind: plan.MemberLeft, Group: "g", Source: "s:t"}.Text())
	f.Add("member:::")
	f.Add("discarded:gone")
	f.Fuzz(func(t *testing.T, text string) {
		if fact, ok := plan.ReadMemberFact(text); ok && fact.Text() != text {
			t.Errorf("%q is written as %q", text, fact.Text())
		}
	})
}

// FuzzJournalOfAGroup: an entry may hold anything. Who was removed by a pull was not pushed by it, and nobody is who is not named.
func FuzzJournalOfAGroup(f *testing.F) {
	f.Add([]byte(`{"members":{"removed":["a","b"]}}`), []byte(`{"members":{"added":["a"]}}`), true)
	f.Add([]byte(`{"displayName":"x"}`), []byte(`{"members":null}`), false)
	f.Fuzz(func(t *testing.T, before, after []byte, pushed bool) {
		e := state.Entry{At: start, Cause: state.Cause{Kind: state.CausePull}, Before: before, After: after}
		if pushed {
			e.Cause.Kind = state.CausePush
		}
		entries := []state.Entry{e}
		switch by, gone := plan.Pushed(entries), plan.RemovedByPulls(entries, start); {
		case pushed && gone > 0, !pushed && len(by) > 0:
			t.Errorf("%d pushed and %d removed by pulls, of one entry", len(by), gone)
		case len(by)+gone > len(before)+len(after):
			t.Errorf("more members than the entry has letters: %d, %d", len(by), gone)
		}
	})
}
