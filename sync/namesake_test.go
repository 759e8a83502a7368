package sync_test

import (
	"slices"
	"testing"

	"rollcall/connectors"
)

// partially lets the next runs end after so many pages.
func (w *world) partially(pages int) {
	w.dir.err, w.dir.failAfter = &connectors.Error{Kind: connectors.ErrThrottled, Op: "list members"}, pages
}

// namesake puts somebody into the directory who has another's userName; first or last in what pulls pass.
func (w *world) namesake(id, name string, facts connectors.Facts, first bool) {
	s := &soul{id: id, facts: facts, values: map[string]string{"userPrincipalName": name + "@acme.example"}}
	if first {
		w.dir.souls = append([]*soul{s}, w.dir.souls...)
	} else {
		w.dir.souls = append(w.dir.souls, s)
	}
}

var (
	works = connectors.Facts{Enabled: connectors.Yes, Assigned: connectors.Yes, SoftDeleted: connectors.No}
	left  = connectors.Facts{Enabled: connectors.No, Assigned: connectors.Yes, SoftDeleted: connectors.No}
)

// TestRehiredUnderTheOldName: a push has found the old account by its name and let the newcomer in. A run that does not come to the
// newcomer must not take the old person's state for theirs.
func TestRehiredUnderTheOldName(t *testing.T) {
	for name, test := range map[string]struct {
		whole bool // a run that read everyone came between
		fault func(*world)
	}{
		"partial, after a whole run":    {true, func(w *world) { w.partially(5) }},
		"partial, at once":              {false, func(w *world) { w.partially(5) }},
		"unreadable, after a whole run": {true, func(w *world) { w.dir.unreadable, w.dir.hidden = []string{"group-1"}, map[string]bool{"obj-new": true} }},
		"unreadable, at once":           {false, func(w *world) { w.dir.unreadable, w.dir.hidden = []string{"group-1"}, map[string]bool{"obj-new": true} }},
	} {
		t.Run(name, func(t *testing.T) {
			w := populated(t, append([]string{"ada"}, crowd(20)...)...)
			w.disable("ada")
			w.scheduled()
			w.clock.hour()
			w.namesake("obj-new", "ada", works, false)
			w.pushActive("ada", true)
			w.clock.hour()
			if test.whole {
				w.scheduled()
				w.clock.hour()
			}
			test.fault(w)
			for range 3 {
				if report := w.scheduled(); !slices.Contains(w.active(), "ada") {
					t.Fatalf("the newcomer was thrown out for another's state: %s", outline(report))
				}
				w.clock.hour()
			}
		})
	}
}

// TestReusedNameIsRefuted: once the namesake has another name and everyone was read, the account follows its own person again.
func TestReusedNameIsRefuted(t *testing.T) {
	w := populated(t, "ada", "alan", "grace", "kurt")
	w.namesake("obj-new", "ada", works, false)
	w.disable("ada")
	want(t, w.scheduled(), "complete held (1 held: the account's name belongs to someone else now)",
		"deactivate ada disabled_at_source held:name_reused", "notice name_reused ada")
	w.dir.find("obj-new").values["userPrincipalName"] = "eve@acme.example"
	w.clock.hour()
	w.partially(1)
	w.dir.pageSize = 4
	want(t, w.scheduled(), "partial incomplete (Could not list members: the provider asked us to slow down and kept asking. 1 held: the account's name belongs to someone else now)",
		"deactivate ada disabled_at_source held:name_reused")
	w.dir.err = nil
	w.clock.hour()
	want(t, w.scheduled(), "complete applied", "deactivate ada disabled_at_source", "create eve assigned_missing")
}

// TestMatchedByHalf: an account that nobody is linked to is matched by name with somebody who has left; its true owner was not read.
func TestMatchedByHalf(t *testing.T) {
	for name, fault := range map[string]func(*world){
		"partial":    func(w *world) { w.partially(5) },
		"unreadable": func(w *world) { w.dir.unreadable, w.dir.hidden = []string{"group-1"}, map[string]bool{"obj-new": true} },
	} {
		t.Run(name, func(t *testing.T) {
			w := populated(t, crowd(20)...)
			w.namesake("obj-old", "ada", left, true)
			w.namesake("obj-new", "ada", works, false)
			w.pushNew(`{"userName":"ada@acme.example"}`)
			w.clock.hour()
			fault(w)
			report := w.scheduled()
			if account := w.account("ada"); !account.InForce || account.Link != "" {
				t.Fatalf("in force %t, linked to %q: %s", account.InForce, account.Link, outline(report))
			}
			w.dir.err, w.dir.unreadable, w.dir.hidden = nil, nil, nil
			w.clock.hour()
			want(t, w.scheduled(), "complete in_sync", "notice conflict ada", "notice conflict ada")
		})
	}
}
