package sync_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/state/scim"
	dirsync "rollcall/sync"
	"rollcall/sync/plan"
)

// history is a directory and a record that live through anything, and the rules that hold all the same.
type history struct {
	*world
	rt       *rapid.T
	names    int
	scoped   bool // only Sales are let in
	wasWhole bool // the last run was honest and complete
	lying    bool // the present one says that it is complete, and is not

	missed  map[string]bool    // who was missing, in truth, from the last snapshot that was whole: one more absence confirms that
	rehired map[state.ID]*soul // whom a push let in by a name that an account had kept from somebody else
}

func newHistory(t *testing.T, rt *rapid.T) *history {
	h := &history{world: newWorld(t), rt: rt, rehired: make(map[state.ID]*soul)}
	h.engine.Reader = unstamped{h.store} // dry runs compare everyone, and foretell what real ones do by stamps
	h.dir.pageSize = 4
	h.dir.lookTells = rapid.Bool().Draw(rt, "look tells assignment")
	h.source.Rules.Settle = rapid.SampledFrom([]time.Duration{0, 15 * time.Minute}).Draw(rt, "settle")
	h.source.Rules.GateFloor = rapid.IntRange(1, 6).Draw(rt, "floor")
	h.source.Rules.GatePercent = rapid.SampledFrom([]int{0, 10, 50, 100}).Draw(rt, "percent")
	if h.scoped = rapid.Bool().Draw(rt, "scoped"); h.scoped {
		h.within(sales)
		h.hand() // another basis, by hand: scheduled runs may apply
		h.clock.hour()
	}
	h.joinSome(rapid.OneOf(rapid.IntRange(4, 16), rapid.IntRange(30, 48)).Draw(rt, "people")) // of many only a few are looked at
	h.honest()
	h.clock.hour()
	return h
}

func (h *history) joinSome(n int) {
	for range n {
		name := fmt.Sprintf("p%03d", h.names)
		h.join(name)
		h.department("Sales", name)
		h.names++
	}
}

// pick draws someone of the directory.
func (h *history) pick() *soul { return rapid.SampledFrom(h.dir.souls).Draw(h.rt, "person") }

// entitled tells whether someone should have an active account, by what is true and not by what anybody says.
func (s *soul) entitled() bool {
	return !s.gone && !s.outside && s.facts.Enabled == connectors.Yes && s.facts.Assigned == connectors.Yes && s.facts.SoftDeleted != connectors.Yes
}

// change lets something happen in the directory.
func (h *history) change(rt *rapid.T) {
	h.rt = rt
	s := h.pick()
	flip := func(a *connectors.Answer) {
		if *a == connectors.Yes {
			*a = connectors.No
		} else {
			*a = connectors.Yes
		}
	}
	switch rapid.SampledFrom([]string{"join", "enabled", "assigned", "deleted", "purged", "renamed", "moved"}).Draw(rt, "change") {
	case "join":
		h.joinSome(1)
	case "enabled":
		flip(&s.facts.Enabled)
	case "assigned":
		flip(&s.facts.Assigned)
	case "deleted":
		flip(&s.facts.SoftDeleted)
	case "purged":
		s.gone = true
	case "moved":
		department := rapid.SampledFrom([]string{"Sales", "Legal", ""}).Draw(rt, "department")
		if s.values["department"] = department; department == "" {
			delete(s.values, "department")
		}
		s.outside = h.scoped && department != "Sales"
	case "renamed":
		s.values["userPrincipalName"] = fmt.Sprintf("n%03d@acme.example", h.names)
		h.names++
	}
}

// pushSomething lets a push change an account, perhaps against what is true.
func (h *history) pushSomething(rt *rapid.T) {
	h.rt = rt
	record, ok := h.linked(h.pick())
	if !ok {
		return
	}
	active := rapid.Bool().Draw(rt, "active")
	h.push(state.Mutation{ID: record.ID, Life: &state.Life{Said: &active}})
}

// rehire puts somebody into the directory under the name of somebody who has left. A push finds the old account by the name and lets
// them in; or, the old one having no account, makes one, which is nobody's yet.
func (h *history) rehire(rt *rapid.T) {
	h.rt = rt
	old := h.pick()
	if old.entitled() {
		return
	}
	name := strings.TrimSuffix(old.values["userPrincipalName"], "@acme.example")
	h.names++
	id := fmt.Sprintf("obj-r%03d", h.names)
	h.namesake(id, name, works, rapid.Bool().Draw(rt, "first"))
	h.dir.find(id).values["department"] = "Sales"
	found, err := h.store.Find(h.t.Context(), acme, state.KindAccount, state.NewMatchKey(state.MatchUserName, name+"@acme.example"))
	switch {
	case err != nil:
		rt.Fatal(err)
	case len(found) == 0:
		found = []state.Record{h.pushNew(`{"userName":"` + name + `@acme.example"}`)}
	case found[0].InForce:
		return // nobody has to be let in
	default:
		h.push(state.Mutation{ID: found[0].ID, Life: &state.Life{Said: new(true)}})
	}
	h.rehired[found[0].ID] = h.dir.find(id)
}

// theirs tells whether an account is the one that somebody who was rehired, and still works, uses.
func (h *history) theirs(s *soul, account state.Record) bool {
	name := decode(h.t, string(account.Resource)).Get("userName").Text
	return s != nil && s.entitled() && strings.EqualFold(s.values["userPrincipalName"], name)
}

func (h *history) linked(s *soul) (state.Record, bool) {
	found, err := h.store.Find(h.t.Context(), acme, state.KindAccount, state.NewMatchKey(state.MatchLink, s.id))
	if err != nil {
		h.rt.Fatal(err)
	}
	if len(found) == 0 {
		return state.Record{}, false
	}
	return found[0], true
}

// honest runs with a provider that says what is true.
func (h *history) honest() dirsync.Report {
	d := h.dir
	h.honestSettings()
	d.lagging = nil
	report := h.checked()
	h.wasWhole = true
	return report
}

// faulty runs with a provider that fails, or lies.
func (h *history) faulty(rt *rapid.T) {
	h.rt = rt
	h.honestSettings()
	d := h.dir
	faults := []string{"partial", "error", "lost", "no look", "unreadable", "push", "nulls"}
	if h.wasWhole || d.lookTells { // a lie is believed only when it is told twice and nothing contradicts it
		faults = append(faults, "lost page", "empty", "hidden")
	}
	fault := rapid.SampledFrom(faults).Draw(rt, "fault")
	switch fault {
	case "partial":
		d.incomplete = "half"
		d.dropped = rapid.IntRange(1, 15).Draw(rt, "page")
	case "error":
		d.err, d.failAfter = &connectors.Error{Kind: connectors.ErrThrottled, Op: "list"}, rapid.IntRange(0, 15).Draw(rt, "pages")
	case "lost":
		d.lost = true
	case "nulls": // a permission is lost: attributes are not read, by id perhaps not either, and then the state is not
		d.nulls, d.lookNulls = true, rapid.Bool().Draw(rt, "look nulls")
	case "no look":
		d.lookErr = errors.New("unreachable")
	case "lost page":
		h.lying = true
		d.dropped = rapid.IntRange(1, 15).Draw(rt, "page")
	case "empty", "hidden", "unreadable":
		h.lying = fault != "unreadable"
		if !h.lying {
			d.unreadable = []string{"group-1"}
		}
		d.hidden = make(map[string]bool)
		for _, s := range d.souls {
			if fault == "empty" || rapid.Bool().Draw(rt, "hidden") {
				d.hidden[s.id] = true
			}
		}
	case "push":
		victim := h.pick()
		page := rapid.IntRange(1, 3).Draw(rt, "page")
		title := fmt.Sprintf("title %d", h.names)
		h.names++
		pushed := state.ID("")
		d.duringPull = func(at int) {
			if at != page {
				return
			}
			if record, ok := h.linked(victim); ok {
				h.pushTitleOf(record, title)
				pushed = record.ID
			}
		}
		defer func() { h.pushWon(pushed) }()
	}
	h.checked()
	h.wasWhole = fault == "push" || fault == "no look"
}

// ask runs about a few people, with a provider that answers as it knows, or not.
func (h *history) ask(rt *rapid.T) {
	h.rt = rt
	h.honestSettings()
	d := h.dir
	switch rapid.SampledFrom([]string{"", "", "no look", "nulls", "push"}).Draw(rt, "fault") {
	case "no look":
		d.lookErr = errors.New("unreachable")
	case "nulls":
		d.lookNulls = true
	case "push":
		victim := h.pick()
		title := fmt.Sprintf("title %d", h.names)
		h.names++
		d.duringLook = func() {
			if record, ok := h.linked(victim); ok {
				h.pushTitleOf(record, title)
			}
		}
	}
	people := []string{h.pick().id, h.pick().id}
	before, marks := h.kept(), h.strikes()
	trigger := rapid.SampledFrom([]string{dirsync.TriggerHand, dirsync.TriggerSchedule}).Draw(rt, "trigger")
	h.checkedRun(func(dry bool) dirsync.Report {
		order := dirsync.Order{Trigger: trigger, DryRun: dry}
		report, err := h.engine.RunPeople(h.t.Context(), h.source, order, people)
		if err != nil {
			rt.Fatal(err)
		}
		return report
	}, d.duringLook == nil)
	if after := h.kept(); after != before {
		rt.Fatalf("a run about people is no pull, and left %+v of %+v", after, before)
	}
	for person := range h.strikes() {
		if !marks[person] {
			rt.Fatalf("%s is missing from a snapshot that nobody made", person)
		}
	}
}

func (h *history) kept() state.Source {
	source, err := h.store.Source(h.t.Context(), acme.Source)
	if err != nil {
		h.rt.Fatal(err)
	}
	return source
}

// strikes are the people whom a snapshot did not have.
func (h *history) strikes() map[string]bool {
	marks, err := h.store.Suspicions(h.t.Context(), acme)
	if err != nil {
		h.rt.Fatal(err)
	}
	people := make(map[string]bool)
	for _, m := range marks {
		if m.Fact == string(plan.FactAbsent) {
			people[m.Person] = true
		}
	}
	return people
}

func (h *history) honestSettings() {
	d := h.dir
	d.hidden, d.dropped, d.incomplete, d.err, d.lost, d.lookErr, d.duringPull, d.unreadable = nil, 0, "", nil, false, nil, nil, nil
	d.nulls, d.lookNulls, d.duringLook = false, false, nil
	h.lying = false
}

func (h *history) pushTitleOf(r state.Record, title string) {
	h.push(putOf(r, decode(h.t, string(r.Resource)).With("title", scim.StringValue(title))))
}

// pushWon checks that the last change of an account is a push.
func (h *history) pushWon(id state.ID) {
	if id == "" {
		return
	}
	entries, err := h.store.EntriesOf(h.t.Context(), acme, id)
	if err != nil {
		h.rt.Fatal(err)
	}
	if last := entries[len(entries)-1]; last.Cause.Kind != state.CausePush {
		h.rt.Fatalf("a pull wrote over a push that came while it went on: %s because %s", last.Verb, last.Cause.Reason)
	}
}

// checked runs on schedule and checks what holds after every run.
func (h *history) checked() dirsync.Report {
	report := h.checkedRun(func(dry bool) dirsync.Report {
		if dry {
			return h.dry()
		}
		return h.scheduled()
	}, h.dir.duringPull == nil)
	if report.Proof.Complete && !h.lying {
		h.missed = make(map[string]bool)
		for _, s := range h.dir.souls {
			h.missed[s.id] = s.gone || s.facts.Assigned != connectors.Yes || s.facts.SoftDeleted == connectors.Yes
		}
	}
	return report
}

// checkedRun runs and checks what holds after every run, that a dry run foretells it among that.
func (h *history) checkedRun(run func(dry bool) dirsync.Report, foretell bool) dirsync.Report {
	before := h.journal()
	ledger, err := h.store.Ledger(h.t.Context(), acme, h.clock.Now().Add(-24*time.Hour))
	if err != nil {
		h.rt.Fatal(err)
	}
	var foretold dirsync.Report
	if foretell {
		foretold = run(true)
	}
	report := run(false)
	if foretell {
		foretold.Plan.Gate = report.Plan.Gate
		if !plan.Same(&foretold.Plan, &report.Plan) {
			h.rt.Fatalf("the dry run foretold another plan:\n%s\n\nand it was:\n%s", outline(foretold), outline(report))
		}
	}
	removed := 0
	for _, e := range h.journal()[len(before):] {
		if e.Verb != state.VerbDeactivate || e.Cause.Kind != state.CausePull {
			continue
		}
		removed++
		record, err := h.store.Record(h.t.Context(), acme, state.KindAccount, e.ID)
		if err != nil {
			h.rt.Fatal(err)
		}
		if s := h.rehired[e.ID]; !h.lying && h.theirs(s, record) {
			h.rt.Fatalf("%s was thrown out because of %q, which is true of %s:\n%s", s.id, e.Cause.Reason, record.Link, outline(report))
		}
		if s := h.dir.find(record.Link); s.entitled() && !(h.missed[s.id] && e.Cause.Reason == string(plan.ReasonUnassigned)) {
			h.rt.Fatalf("%s was thrown out because of %q, though nothing is wrong with them:\n%s", s.id, e.Cause.Reason, outline(report))
		}
	}
	all := ledger.Active + ledger.Removed
	if ledger.Before > 0 {
		all = min(all, ledger.Before)
	}
	limit := max(h.source.Rules.GateFloor, all*h.source.Rules.GatePercent/100)
	if gone := removed + ledger.Removed; removed > 0 && (gone > limit || 2*gone > all || removed >= ledger.Active) {
		h.rt.Fatalf("%d removed, %d before, of %d active: more than the gate lets pass\n%s", removed, ledger.Removed, ledger.Active, outline(report))
	}
	return report
}

// nameless tells whether somebody else in the directory has, or another's account has kept, the name of a person or of their account.
func (h *history) nameless(s *soul) bool {
	names := []string{s.values["userPrincipalName"]}
	if record, ok := h.linked(s); ok {
		names = append(names, decode(h.t, string(record.Resource)).Get("userName").Text)
	}
	found, err := h.store.Find(h.t.Context(), acme, state.KindAccount, state.NewMatchKey(state.MatchUserName, names[0]))
	if err != nil {
		h.rt.Fatal(err)
	}
	another := func(r state.Record) bool { return r.Link != s.id }
	namesake := func(other *soul) bool { return other != s && slices.Contains(names, other.values["userPrincipalName"]) }
	return slices.ContainsFunc(found, another) || slices.ContainsFunc(h.dir.souls, namesake)
}

// settled lets honest runs and approvals go on until nothing changes any more, and checks that the record then agrees with the truth.
func (h *history) settled() {
	for range 10 {
		h.clock.hour()
		report := h.honest()
		if report.Run.Plan != "" {
			if _, err := h.engine.Approve(h.t.Context(), h.source, report.Run.Plan, "boss"); err != nil {
				h.rt.Fatal(err)
			}
		}
	}
	h.clock.hour()
	report := h.honest()
	if len(report.Plan.Changes) > 0 {
		h.rt.Fatalf("after ten runs and approvals there is still something to change:\n%s", outline(report))
	}
	if report.Run.Verdict != state.VerdictComplete {
		return // nobody known is left, not even by id: nothing can be proved, and nothing is done
	}
	for _, s := range h.dir.souls {
		record, has := h.linked(s)
		switch {
		case s.entitled() && h.nameless(s):
			// the name is somebody else's as well, which is reported and left to an operator
		case s.entitled() && !(has && record.InForce):
			h.rt.Fatalf("%s should be active and is not:\n%s", s.id, outline(report))
		case !s.entitled() && has && record.InForce:
			h.rt.Fatalf("%s has left and is still active:\n%s", s.id, outline(report))
		}
	}
}

// TestHistories lets directories, pushes and providers do what they like, in any order, and checks after every run that nobody was
// thrown out by mistake, that the gate held, that dry runs foretell, and in the end that nobody who left still has an account.
func TestHistories(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := newHistory(t, rt)
		rt.Repeat(map[string]func(*rapid.T){
			"change": h.change,
			"push":   h.pushSomething,
			"rehire": h.rehire,
			"wait": func(rt *rapid.T) {
				h.clock.pass(time.Duration(rapid.IntRange(1, 30*60).Draw(rt, "minutes")) * time.Minute)
			},
			"honest": func(rt *rapid.T) { h.rt = rt; h.honest() },
			"faulty": h.faulty,
			"ask":    h.ask,
		})
		h.rt = rt
		h.settled()
	})
}

// TestAnyLostPage: whichever page is lost without a word, whoever is on it, nobody is deactivated; and nobody after the next run.
func TestAnyLostPage(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := newHistory(t, rt)
		everyone := h.active()
		for range rapid.IntRange(1, 3).Draw(rt, "times") {
			h.dir.dropped = rapid.IntRange(1, 5).Draw(rt, "page")
			h.scheduled()
			h.clock.hour()
			h.dir.dropped = 0
			h.scheduled()
			h.clock.hour()
		}
		if got := h.active(); !slices.Equal(got, everyone) {
			rt.Fatalf("active %v, want %v", got, everyone)
		}
	})
}
