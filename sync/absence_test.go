package sync_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"rollcall/connectors"
	dirsync "rollcall/sync"
)

// TestSightingOutlivesThePlan: a plan rests on absences; a later run, though it did not come to its end, has seen the people. The
// approval leaves those alone, and removes the one whom nobody has seen since.
func TestSightingOutlivesThePlan(t *testing.T) {
	w := populated(t, crowd(40)...)
	w.dir.pageSize = 10
	w.dir.dropped = 1
	w.scheduled()
	w.clock.hour()
	held := w.scheduled()
	if held.Plan.Counts.Removals != 10 {
		t.Fatal(outline(held))
	}
	w.dir.dropped = 0
	w.dir.hidden = map[string]bool{"obj-p000": true}
	w.partially(3)
	w.clock.hour()
	w.scheduled()
	w.clock.hour()
	approved, err := w.engine.Approve(t.Context(), w.source, held.Run.Plan, "boss")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range approved.Results {
		if name := approved.Plan.Changes[r.Change].Name; (r.Outcome == dirsync.ChangeApplied) != (name == "p000@acme.example") {
			t.Errorf("%s: %s", name, r.Outcome)
		}
	}
	w.wantActive(crowd(40)[1:]...)
}

// odd is a directory in which some people cannot be looked at, alone or with others.
type odd struct {
	*directory
	ids []string
}

func (o *odd) Look(ctx context.Context, want connectors.Want, ids []string, found func(connectors.Sighting) error) error {
	for _, id := range ids {
		if slices.Contains(o.ids, id) {
			return &connectors.Error{Kind: connectors.ErrIncomplete, Op: "read people", Detail: "odd"}
		}
		if err := o.directory.Look(ctx, want, []string{id}, found); err != nil {
			return err
		}
	}
	return nil
}

// TestOnePersonStopsNobodysRemoval: somebody cannot be looked at, who is missing or is to be let in again. The others go all the same,
// and the odd one is named.
func TestOnePersonStopsNobodysRemoval(t *testing.T) {
	for name, wait := range map[string]func(*world){
		"missing":      func(w *world) { w.dir.hidden = map[string]bool{"obj-p003": true} },
		"to come back": func(w *world) { w.pushActive("p003", false) },
	} {
		t.Run(name, func(t *testing.T) {
			w := populated(t, crowd(20)...)
			wait(w)
			w.clock.hour()
			w.source.Connector = &odd{w.dir, []string{"obj-p003"}}
			w.softDelete("p010")
			w.purge("p011")
			w.unassign("p012")
			w.scheduled()
			w.clock.hour()
			report := w.scheduled()
			if active := w.active(); slices.Contains(active, "p010") || slices.Contains(active, "p011") || slices.Contains(active, "p012") {
				t.Error(outline(report))
			}
			want(t, w.scheduled(), "partial incomplete (Some people could not be read by their object id. Could not read people: the provider's answer was not whole (odd).)",
				"notice unanswered p003")
		})
	}
}

// TestApprovalPassesOverTheOdd: somebody of a plan cannot be looked at; the others are judged, and they are listed.
func TestApprovalPassesOverTheOdd(t *testing.T) {
	w := populated(t, crowd(30)...)
	for _, name := range crowd(6) {
		w.disable(name)
	}
	held := w.scheduled()
	w.source.Connector = &odd{w.dir, []string{"obj-p003"}}
	approved, err := w.engine.Approve(t.Context(), w.source, held.Run.Plan, "boss")
	if err != nil {
		t.Fatal(err)
	}
	if active := w.active(); len(active) != 25 || !slices.Contains(active, "p003") {
		t.Error(outline(approved))
	}
}

// TestSilenceIsCheap: a provider that answers nobody is not asked for everybody one by one.
func TestSilenceIsCheap(t *testing.T) {
	w := populated(t, crowd(200)...)
	w.dir.unreadable = []string{"group-1"}
	w.dir.hidden = make(map[string]bool)
	for _, name := range crowd(150) {
		w.dir.hidden["obj-"+name] = true
	}
	all := &odd{directory: w.dir}
	for _, s := range w.dir.souls {
		all.ids = append(all.ids, s.id)
	}
	calls := &counted{Connector: all}
	w.source.Connector = calls
	if w.scheduled(); calls.looks != 4 {
		t.Errorf("%d look-ups, want 4", calls.looks)
	}
}

// counted counts look-ups.
type counted struct {
	connectors.Connector
	looks int
}

func (c *counted) Look(ctx context.Context, want connectors.Want, ids []string, found func(connectors.Sighting) error) error {
	c.looks++
	return c.Connector.Look(ctx, want, ids, found)
}

// TestNobodyHidesBehindOthers: where absence removes nobody, those who have left are found among any number of others who are missing.
func TestNobodyHidesBehindOthers(t *testing.T) {
	for name, fault := range map[string]func(*world){
		"an unreadable group": func(w *world) { w.dir.unreadable = []string{"group-1"} },
		"everyone in scope":   func(w *world) { w.source.People = connectors.Everyone; w.hand(); w.clock.hour() },
	} {
		t.Run(name, func(t *testing.T) {
			w := populated(t, crowd(200)...)
			fault(w)
			w.dir.hidden = make(map[string]bool)
			for _, name := range crowd(60) {
				w.dir.hidden["obj-"+name] = true
			}
			w.softDelete("p150")
			w.purge("p151")
			w.scheduled()
			w.clock.hour()
			report := w.scheduled()
			if active := w.active(); len(active) != 198 || slices.Contains(active, "p150") || slices.Contains(active, "p151") {
				t.Errorf("%d active: %s", len(active), outline(report))
			}
		})
	}
}

// TestTheFewAreDrawnAnew: of many who are missing only a few are looked at in a run, and not always the same.
func TestTheFewAreDrawnAnew(t *testing.T) {
	w := populated(t, crowd(60)...)
	for _, name := range crowd(40) {
		w.unassign(name)
	}
	first := len(w.dir.looked)
	w.scheduled()
	w.clock.hour()
	second := len(w.dir.looked)
	w.scheduled()
	if a, b := w.dir.looked[first:second], w.dir.looked[second:]; len(a) != 20 || len(b) != 20 || slices.Equal(a, b) {
		t.Errorf("looked at %v, then at %v", a, b)
	}
}

// TestUntoldFailures: of a look-up that fails without saying why no more is told than that. The pull was whole.
func TestUntoldFailures(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.dir.hidden = map[string]bool{"obj-ada": true}
	w.dir.lookErr = errors.New("unreachable")
	want(t, w.scheduled(), "partial incomplete (Some people could not be read by their object id.)", "notice unanswered ada")
}

// TestLostAtALook: that the application is gone comes out only when somebody is looked at. The run changes and remembers nothing.
func TestLostAtALook(t *testing.T) {
	w := populated(t, crowd(30)...)
	w.dir.hidden = map[string]bool{"obj-p001": true}
	w.dir.lookErr = &connectors.Error{Kind: connectors.ErrSourceLost, Op: "find the application"}
	w.disable("p009")
	report := w.scheduled()
	want(t, report, "failed incomplete (Could not find the application: the application is gone, or no longer active, at the provider.)")
	marks, err := w.store.Suspicions(t.Context(), acme)
	if err != nil || len(marks) > 0 || !report.Proof.Lost || report.Proof.Complete || len(w.active()) != 30 {
		t.Errorf("proof %+v, %d active, suspected %v, %v", report.Proof, len(w.active()), marks, err)
	}
}
