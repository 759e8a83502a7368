package sync_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/state/scim"
	dirsync "rollcall/sync"
)

// team is a group of the scripted directory, with its faults.
type team struct {
	id, name string
	members  []string // object ids
	dropped  int      // this page is lost without a word; 0: none
	cut      bool     // its last page never comes
	hidden   bool     // it is not passed at all
}

// tellTeams passes the directory's groups, as far as they are asked for.
func (d *directory) tellTeams(want connectors.Want) error {
	if want.Groups == nil {
		return nil
	}
	for _, t := range d.teams {
		if t.hidden || want.Scope == connectors.Everyone && !slices.Contains(want.GroupIDs, t.id) {
			continue
		}
		pages := slices.Collect(slices.Chunk(t.members, max(d.pageSize, 1)))
		if len(pages) == 0 {
			pages = [][]string{nil}
		}
		for i, members := range pages {
			page := connectors.GroupPage{ID: t.id, Name: t.name, Members: slices.Clone(members), Last: i == len(pages)-1 && !t.cut}
			if i+1 == t.dropped {
				page.Members = nil
			}
			if err := want.Groups(page); err != nil {
				return err
			}
			clear(page.Members) // what is passed is valid only until the call returns
		}
	}
	return nil
}

// team puts a group into the directory.
func (w *world) team(name string, members ...string) *team {
	t := &team{id: "grp-" + name, name: name}
	for _, m := range members {
		t.members = append(t.members, "obj-"+m)
	}
	w.dir.teams = append(w.dir.teams, t)
	return t
}

// pushGroup makes a group by push.
func (w *world) pushGroup(name, external string, members ...string) state.ID {
	w.t.Helper()
	resource := scim.ObjectOf(scim.Field{Name: "displayName", Value: scim.StringValue(name)})
	if external != "" {
		resource = resource.With("externalId", scim.StringValue(external))
	}
	m := state.Mutation{ID: state.NewID(), Put: &state.Put{Resource: resource}, Members: &state.Members{}}
	for _, name := range members {
		m.Members.Add = append(m.Members.Add, w.account(name).ID)
	}
	return w.pushToGroup(m).ID
}

// group is the recorded group with a name.
func (w *world) group(name string) state.ID {
	w.t.Helper()
	found, err := w.store.Find(w.t.Context(), acme, state.KindGroup, state.NewMatchKey(state.MatchDisplayName, name))
	if err != nil || len(found) != 1 {
		w.t.Fatalf("%d groups are called %s: %v", len(found), name, err)
	}
	return found[0].ID
}

func (w *world) pushToGroup(m state.Mutation) state.Record {
	w.t.Helper()
	m.Kind = state.KindGroup
	return w.push(m)
}

// pushMembers adds (+) members to a group by push, and removes others (-).
func (w *world) pushMembers(group state.ID, names ...string) {
	w.t.Helper()
	m := state.Mutation{ID: group, Members: &state.Members{}}
	for _, name := range names {
		id := w.account(name[1:]).ID
		if name[0] == '+' {
			m.Members.Add = append(m.Members.Add, id)
		} else {
			m.Members.Remove = append(m.Members.Remove, id)
		}
	}
	w.pushToGroup(m)
}

// members are the members of a recorded group, by userName without the domain, sorted.
func (w *world) members(group state.ID) []string {
	w.t.Helper()
	names := []string{}
	err := w.store.Members(w.t.Context(), acme, group, func(ref state.Ref) bool {
		if ref.Kind != state.KindAccount {
			names = append(names, "group "+ref.Name)
			return true
		}
		r, err := w.store.Record(w.t.Context(), acme, state.KindAccount, ref.ID)
		if err != nil {
			w.t.Fatal(err)
		}
		names = append(names, strings.TrimSuffix(decode(w.t, string(r.Resource)).Get("userName").Text, "@acme.example"))
		return true
	})
	if err != nil {
		w.t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

func (w *world) wantMembers(group state.ID, names ...string) {
	w.t.Helper()
	slices.Sort(names)
	if got := w.members(group); !slices.Equal(got, names) {
		w.t.Errorf("members are %v, want %v", got, names)
	}
}

// grouped is a world with people, pulled and in sync, whose groups are looked at, and who are all in a group that is at the source and
// has been pushed.
func grouped(t testing.TB, names ...string) (*world, *team, state.ID) {
	t.Helper()
	return groupedIn(populated(t, names...), names...)
}

func groupedIn(w *world, names ...string) (*world, *team, state.ID) {
	w.t.Helper()
	w.source.Groups = dirsync.GroupsPushed
	sales := w.team("Sales", names...)
	group := w.pushGroup("Sales", sales.id, names...)
	w.clock.hour()
	want(w.t, w.hand(), "complete in_sync") // another basis: observed until now
	w.clock.hour()
	return w, sales, group
}

// lose takes people out of a group at the source.
func (t *team) lose(names ...string) {
	t.members = slices.DeleteFunc(t.members, func(id string) bool { return slices.Contains(names, strings.TrimPrefix(id, "obj-")) })
}

// moves says what a plan would change in groups, name by name.
func moves(r dirsync.Report) string {
	var b strings.Builder
	for _, c := range r.Plan.Changes {
		if c.Group == nil {
			continue
		}
		sign := "+"
		if c.Removal() {
			sign = "-"
		}
		fmt.Fprintf(&b, "%s:", c.Name)
		for _, m := range c.Group.Members {
			fmt.Fprintf(&b, " %s%s", sign, strings.TrimSuffix(m.Name, "@acme.example"))
		}
		if c.Held {
			fmt.Fprintf(&b, " held:%s", c.HeldBecause)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func wantMoves(t testing.TB, r dirsync.Report, lines ...string) {
	t.Helper()
	want := ""
	for _, line := range lines {
		want += line + "\n"
	}
	if got := moves(r); got != want {
		t.Errorf("got:\n%s\nwant:\n%s\nof:\n%s", indent(got), indent(want), indent(outline(r)))
	}
}
