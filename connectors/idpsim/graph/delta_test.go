package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/graph"
)

// round follows a delta query to its end.
func (x *tenant) round(target string) (rows []object, link string) {
	x.Helper()
	for target != "" {
		page := x.get(target)
		for _, row := range page["value"].([]any) {
			rows = append(rows, row.(object))
		}
		target, _ = page["@odata.nextLink"].(string)
		link, _ = page["@odata.deltaLink"].(string)
	}
	return rows, link
}

// deltaMembers tells of the members in the rows of a group delta: name of the group, +id or -id.
func deltaMembers(rows []object) (told []string) {
	for _, row := range rows {
		if removed, ok := row["@removed"].(object); ok {
			told = append(told, "gone "+removed["reason"].(string))
			continue
		}
		told = append(told, fmt.Sprint(row["displayName"]))
		list, _ := row["members@delta"].([]any)
		for _, m := range list {
			sign := "+"
			if m.(object)["@removed"] != nil {
				sign = "-"
			}
			told = append(told, sign+m.(object)["id"].(string))
		}
	}
	return told
}

func TestGroupDelta(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 5, Groups: 2}, graph.Options{})
	id := x.pop.EntraID
	rows, link := x.round("/groups/delta()?$select=displayName,members")
	want := []string{"Everyone", "+" + id("#0"), "+" + id("#2"), "+" + id("#4"), "Engineering", "+" + id("#1"), "+" + id("#3")}
	if diff := cmp.Diff(want, deltaMembers(rows)); diff != "" {
		t.Error(diff)
	}
	rows, link = x.round(link)
	if len(rows) != 0 {
		t.Errorf("nothing happened: %v", rows)
	}
	must(t, x.pop.Join("#1", "Everyone"))
	must(t, x.pop.Leave("#2", "Everyone"))
	must(t, x.pop.Do(idpsim.Step{Do: "rename-group", Group: "Engineering", Value: "Builders"}))
	rows, again := x.round(link)
	if diff := cmp.Diff([]string{"Everyone", "+" + id("#1"), "-" + id("#2"), "Builders"}, deltaMembers(rows)); diff != "" {
		t.Error(diff)
	}
	if rows, _ := x.round(again); len(rows) != 0 {
		t.Errorf("told twice: %v", rows)
	}
	for fault, want := range map[string][]string{
		idpsim.LostRemovals: {"Everyone", "+" + id("#1"), "Builders"}, idpsim.SilentDelta: nil, idpsim.MembersObject: {"Everyone", "Builders"},
	} {
		x.faults.Clear()
		must(t, x.faults.Set(fault, idpsim.Where{}))
		rows, _ := x.round(link)
		if diff := cmp.Diff(want, deltaMembers(rows)); diff != "" {
			t.Errorf("%s: %s", fault, diff)
		}
		if _, empty := func() (object, bool) {
			if len(rows) == 0 {
				return nil, false
			}
			o, ok := rows[0]["members@delta"].(object)
			return o, ok
		}(); empty != (fault == idpsim.MembersObject) {
			t.Errorf("%s: members@delta of %v", fault, rows)
		}
	}
	x.faults.Clear()
	must(t, x.pop.Do(idpsim.Step{Do: "purge-group", Group: "Builders"}))
	rows, _ = x.round(again)
	if diff := cmp.Diff([]string{"gone deleted"}, deltaMembers(rows)); diff != "" {
		t.Error(diff)
	}
	x.refused(x.do("GET", "/groups/delta?$select=hat", ""), 400, "Request_BadRequest")
	x.api.Grant(graph.UserRead)
	x.refused(x.do("GET", "/groups/delta", ""), 403, "Authorization_RequestDenied")
}

// TestALargeGroupIsOnSeveralPages: each with other members.
func TestALargeGroupIsOnSeveralPages(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 450, Groups: 1}, graph.Options{})
	must(t, x.pop.AddGroup("Small"))
	must(t, x.pop.Join("#7", "Small"))
	rows, _ := x.round("/groups/delta")
	seen := map[string]int{}
	for _, row := range rows {
		seen[row["displayName"].(string)+" rows"]++
		list, _ := row["members@delta"].([]any)
		for _, m := range list {
			seen[row["displayName"].(string)]++
			seen[m.(object)["id"].(string)]++
		}
	}
	if seen["Everyone rows"] != 3 || seen["Everyone"] != 450 || seen["Small rows"] != 1 || seen["Small"] != 1 || len(seen) != 454 {
		t.Errorf("Everyone on %d pages with %d members; %d different", seen["Everyone rows"], seen["Everyone"], len(seen)-4)
	}
}

func TestUserDeltaOptions(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 4, Reports: 2}, graph.Options{})
	id := x.pop.EntraID
	rows, link := x.round("/users/delta?$select=id,manager&$filter=id eq '" + id("#1") + "' or id eq '" + id("#3") + "'")
	got := map[string]any{}
	for _, row := range rows {
		got[row["id"].(string)] = row["manager@delta"].([]any)[0].(object)["id"]
	}
	if diff := cmp.Diff(map[string]any{id("#1"): id("#0"), id("#3"): id("#1")}, got); diff != "" {
		t.Error(diff)
	}
	must(t, x.pop.SoftDelete("#3"))
	must(t, x.pop.SoftDelete("#2"))
	rows, _ = x.round(link)
	if len(rows) == 0 || slices.ContainsFunc(rows, func(row object) bool { return row["id"] != id("#3") || row["@removed"].(object)["reason"] != "changed" }) {
		t.Errorf("%v", rows) // more than once is allowed
	}
	told := len(rows)
	for fault := range map[string]bool{idpsim.LostRemovals: true, idpsim.SilentDelta: true} {
		x.faults.Clear()
		must(t, x.faults.Set(fault, idpsim.Where{}))
		if rows, _ := x.round(link); len(rows) != 0 {
			t.Errorf("%s: %v", fault, rows)
		}
	}
	x.faults.Clear()
	must(t, x.faults.Set(idpsim.SyncStateLost, idpsim.Where{}))
	x.refused(x.do("GET", link, ""), 400, "syncStateNotFound")
	x.faults.Clear()
	must(t, x.faults.Set(idpsim.Duplicates, idpsim.Where{}))
	if rows, _ := x.round(link); len(rows) != 2*told {
		t.Errorf("%v", rows)
	}
	for _, filter := range []string{"accountEnabled eq true", "id ne 'x'", "id eq 'x' and id eq 'y'", strings.TrimPrefix(strings.Repeat(" or id eq 'x'", 51), " or ")} {
		x.refused(x.do("GET", "/users/delta?$filter="+filter, ""), 400, "Request_BadRequest")
	}
}
