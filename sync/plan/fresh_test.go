package plan_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"rollcall/state"
	"rollcall/sync/plan"
)

// TestFinder: a plan has a change just when one of its own is about the same, at the same version, and does the same.
func TestFinder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		few := rapid.IntRange(0, 2)
		change := rapid.Custom(func(t *rapid.T) plan.Change {
			if few.Draw(t, "group") == 0 {
				return plan.Change{Action: plan.AddMembers, Group: &plan.Group{
					ID: state.ID(fmt.Sprint("g", few.Draw(t, "id"))), Members: []plan.Member{{Account: state.ID(fmt.Sprint("a", few.Draw(t, "member")))}},
				}}
			}
			return plan.Change{
				Action:  rapid.SampledFrom([]plan.Action{plan.Update, plan.Deactivate}).Draw(t, "action"),
				Account: state.ID(fmt.Sprint("a", few.Draw(t, "account"))), Person: fmt.Sprint("p", few.Draw(t, "person")), Version: int64(few.Draw(t, "version")),
				Fields: []plan.Field{{Path: "title", Before: json.RawMessage("null"), After: json.RawMessage(fmt.Sprint(few.Draw(t, "value")))}},
			}
		})
		p := plan.Plan{Changes: rapid.SliceOfN(change, 0, 12).Draw(t, "plan")}
		has := p.Finder()
		other := plan.Plan{Changes: rapid.SliceOfN(change, 0, 4).Draw(t, "other")}
		all := true
		for i := range other.Changes {
			c := &other.Changes[i]
			want := slices.ContainsFunc(p.Changes, func(b plan.Change) bool {
				return b.Person == c.Person && b.Account == c.Account && b.Version == c.Version && plan.SameEffect(&b, c)
			})
			if all = all && want; has(c) != want {
				t.Errorf("has(%+v) = %t of %+v", c, !want, p.Changes)
			}
		}
		if p.Has(&other) != all {
			t.Errorf("Has = %t, want %t", !all, all)
		}
	})
}
