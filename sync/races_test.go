package sync_test

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/state/statetest"
	dirsync "rollcall/sync"
	"rollcall/sync/plan"
)

var (
	raceSeed      = flag.Uint64("races.seed", 0, "carry out this one schedule of TestRaces")
	raceSchedules = flag.Int("races.schedules", 2000, "how many schedules TestRaces carries out")
)

// race is a source to which everything happens at once: pushes come between any two calls that the engine makes of the record, and the
// process is killed at some of them.
type race struct {
	*world
	random  *rand.Rand
	steps   []string // what happened, for a schedule that fails
	titles  map[state.ID]string
	number  int
	entries int              // of the journal that have been checked
	done    []dirsync.Report // runs that changed something
	sales   *team            // the group at the source
	group   state.ID         // and recorded
	killed  bool             // the step was cut off
}

func newRace(w *world, seed uint64) *race {
	r := &race{random: rand.New(rand.NewPCG(seed, 7)), titles: make(map[state.ID]string)}
	r.world, r.sales, r.group = groupedIn(w, crowd(9)...)
	r.source.Rules.GateFloor = []int{1, 3, 9}[r.random.IntN(3)]
	r.source.Rules.Protect = []string{"p008@acme.example"}
	r.dir.lookTells = true
	r.dir.pageSize = 3
	return r
}

func (r *race) fail(format string, args ...any) {
	r.t.Helper()
	r.t.Fatalf("%s\n    %s", fmt.Sprintf(format, args...), strings.Join(r.steps, "\n    "))
}

func (r *race) soul() *soul { return r.dir.souls[r.random.IntN(len(r.dir.souls))] }

// push pushes something: a title that no pull knows of, a state, or a membership.
func (r *race) push() {
	var records []state.Record
	err := r.store.Scan(r.t.Context(), acme, state.KindAccount, 0, 0, 0, func(record state.Record) bool {
		records = append(records, record)
		return true
	})
	if err != nil {
		r.fail("read the record: %v", err)
	}
	record := records[r.random.IntN(len(records))]
	switch r.random.IntN(5) {
	case 0, 1:
		r.number++
		title := fmt.Sprintf("title %d", r.number)
		r.world.push(putOf(record, decode(r.t, string(record.Resource)).With("title", scim.StringValue(title))))
		r.titles[record.ID] = title
		r.steps = append(r.steps, "  push "+title+" to "+record.Name)
	case 2:
		active := r.random.IntN(2) == 0
		r.world.push(state.Mutation{ID: record.ID, Life: &state.Life{Said: &active}})
		r.steps = append(r.steps, fmt.Sprintf("  push active %t of %s", active, record.Name))
	case 3:
		m := state.Mutation{ID: r.group, Members: &state.Members{}}
		if r.random.IntN(2) == 0 {
			m.Members.Add = []state.ID{record.ID}
		} else {
			m.Members.Remove = []state.ID{record.ID}
		}
		r.pushToGroup(m)
		r.steps = append(r.steps, fmt.Sprintf("  push members +%d -%d, %s", len(m.Members.Add), len(m.Members.Remove), record.Name))
	case 4: // above what the gate lets pass
		deletes := r.random.IntN(2) == 0
		if record.InForce {
			r.world.push(state.Mutation{ID: record.ID, Life: &state.Life{Said: new(false), Stage: true, Deletes: deletes}})
			r.steps = append(r.steps, fmt.Sprintf("  push that waits, a DELETE %t, of %s", deletes, record.Name))
		}
	}
}

// happen changes something at the source.
func (r *race) happen() {
	s := r.soul()
	flip := func(a connectors.Answer) connectors.Answer {
		if a == connectors.Yes {
			return connectors.No
		}
		return connectors.Yes
	}
	what := []string{"enabled", "assigned", "deleted", "gone", "join", "seat", "renamed", "renamed"}[r.random.IntN(8)]
	switch what {
	case "enabled":
		s.facts.Enabled = flip(s.facts.Enabled)
	case "assigned":
		s.facts.Assigned = flip(s.facts.Assigned)
	case "deleted":
		s.facts.SoftDeleted = flip(s.facts.SoftDeleted)
	case "gone":
		s.gone = true
	case "join":
		r.number++
		r.join(fmt.Sprintf("n%03d", r.number))
	case "renamed":
		r.number++
		s.values["userPrincipalName"] = fmt.Sprintf("r%03d@acme.example", r.number)
	case "seat":
		if i := slices.Index(r.sales.members, s.id); i >= 0 {
			r.sales.members = slices.Delete(r.sales.members, i, i+1)
		} else {
			r.sales.members = append(r.sales.members, s.id)
		}
	}
	r.steps = append(r.steps, what+" "+s.id)
}

// process is an engine of its own, whose calls of the record are interrupted: by pushes before one in some, and by its end at one, if it
// comes to that.
func (r *race) process(kill int) *dirsync.Engine {
	calls := 0
	done := r.random.IntN(3)
	r.killed = false
	return &dirsync.Engine{Now: r.clock.Now, Holder: fmt.Sprintf("process %d", len(r.steps)), Store: statetest.Faulty(r.store, func(c statetest.Call) *statetest.Fault {
		switch calls++; {
		case r.killed:
			return &statetest.Fault{Err: errKilled}
		case calls == kill:
			r.killed = true
			r.steps = append(r.steps, fmt.Sprintf("  killed at %s, %d of it done", c.Method, done))
			return &statetest.Fault{Err: errKilled, Done: done}
		case r.random.IntN(25) == 0:
			r.push()
		}
		return nil
	})}
}

// step lets one thing happen, and checks what has to be true after it.
func (r *race) step() {
	r.clock.pass([]time.Duration{time.Minute, 10 * time.Minute, time.Hour, 9 * time.Hour}[r.random.IntN(4)])
	kill := 0
	if r.random.IntN(3) == 0 {
		kill = 1 + r.random.IntN(60)
		r.clock.hour() // whatever an earlier process held has run out
	}
	engine := r.process(kill)
	ctx := r.t.Context()
	trigger := []string{dirsync.TriggerSchedule, dirsync.TriggerHand}[r.random.IntN(2)]
	var report dirsync.Report
	var err error
	what := []string{"happen", "happen", "push", "pull", "pull", "pull", "half a pull", "people", "approve", "approve", "discard", "undo"}[r.random.IntN(12)]
	r.steps = append(r.steps, fmt.Sprintf("%s %s at %s", what, trigger, r.clock.Now().Format(time.TimeOnly)))
	switch what {
	case "happen":
		r.happen()
	case "push":
		r.push()
	case "pull":
		report, err = engine.RunOnce(ctx, r.source, dirsync.Order{Trigger: trigger})
	case "half a pull":
		r.partially(r.random.IntN(4))
		report, err = engine.RunOnce(ctx, r.source, dirsync.Order{Trigger: trigger})
		r.dir.err = nil
	case "people":
		report, err = engine.RunPeople(ctx, r.source, dirsync.Order{Trigger: trigger}, []string{r.soul().id, r.soul().id})
	case "approve", "discard":
		held := r.held()
		switch {
		case held == "":
		case what == "approve":
			report, err = engine.Approve(ctx, r.source, held, "boss")
		default:
			err = engine.Discard(ctx, r.source, held, "boss")
		}
	case "undo":
		if len(r.done) > 0 {
			last := r.done[len(r.done)-1]
			r.done = r.done[:len(r.done)-1]
			_, err = engine.Undo(ctx, r.source, dirsync.Undo{Run: last.Run.ID, Since: last.Run.StartedAt}, dirsync.Order{Trigger: dirsync.TriggerHand, Actor: "ops"})
		}
	}
	if err != nil && !errors.Is(err, errKilled) && !errors.Is(err, state.ErrLeased) && !strings.Contains(err.Error(), "stays held") {
		r.fail("%s: %v", what, err)
	}
	if err == nil && len(report.Results) > 0 && what == "pull" {
		r.done = append(r.done, report)
	}
	r.check(report)
}

// held is the plan that waits, or "".
func (r *race) held() string {
	list, err := r.store.ListPlans(r.t.Context(), acme, 1)
	if err != nil {
		r.fail("read the plans: %v", err)
	}
	if len(list) == 0 || list[0].Status != state.PlanHeld {
		return ""
	}
	return list[0].ID
}

// check looks at what the journal has got, and at the record.
func (r *race) check(ran dirsync.Report) {
	journal, report := r.journal(), outcome{ran}
	for _, e := range journal[r.entries:] {
		if !report.Run.EndedAt.IsZero() && e.Kind == state.KindAccount && !report.planned(e) {
			r.fail("%s of %s, version %d, was planned on another version: %s", e.Verb, e.Name, e.Version, outline(report.Report))
		}
		if e.Verb != state.VerbDeactivate && e.Verb != state.VerbDelete || e.Cause.Kind != state.CausePull && e.Cause.Kind != state.CauseApproval {
			continue
		}
		record, err := r.anyRecord(e.ID)
		if err != nil {
			r.fail("read %s: %v", e.Name, err)
		}
		s := r.dir.find(record.Link)
		if record.Link == "" || s.entitled() {
			r.fail("%s was thrown out because of %q, though nothing is wrong with them: %s", e.Name, e.Cause.Reason, outline(ran))
		}
		if e.Cause.Kind == state.CausePull && record.Protected {
			r.fail("%s is protected, and nobody approved", e.Name)
		}
	}
	r.entries = len(journal)
	for i := range report.Plan.Changes {
		if c := &report.Plan.Changes[i]; c.Removal() && len(c.Witnesses) == 0 && report.Plan.Undo == "" {
			r.fail("%s would go without a witness", c.Name)
		}
	}
	for id, title := range r.titles {
		record, err := r.anyRecord(id)
		if err != nil {
			r.fail("read an account: %v", err)
		}
		if got := decode(r.t, string(record.Resource)).Get("title").Text; got != title {
			r.fail("%s has the title %q, pushed was %q: the update is lost", record.Name, got, title)
		}
	}
	if r.killed || len(report.Results) > 0 {
		r.replay()
	}
}

// anyRecord reads an account, a tombstone too.
func (r *race) anyRecord(id state.ID) (state.Record, error) {
	record, err := r.store.Record(r.t.Context(), acme, state.KindAccount, id)
	if !errors.Is(err, state.ErrNotFound) {
		return record, err
	}
	lost := r.store.Tombstones(r.t.Context(), acme, func(tombstone state.Record) bool {
		if tombstone.ID == id {
			record, err = tombstone, nil
		}
		return true
	})
	return record, cmp.Or(lost, err)
}

// outcome is what a run or an approval did.
type outcome struct{ dirsync.Report }

// planned tells whether a change of an account that is journalled rests on the version that it was planned for. What was pushed, or is no
// change of the plan, needs no plan.
func (o outcome) planned(e state.Entry) bool {
	if e.Cause.Kind != state.CausePull && e.Cause.Kind != state.CauseApproval || e.Verb == state.VerbCreate || e.Cause.Reason == string(plan.HoldProtected) {
		return true
	}
	return slices.ContainsFunc(o.Plan.Changes, func(c plan.Change) bool { return c.Account == e.ID && c.Version == e.Version-1 })
}

// replay wants the journal to tell the record exactly.
func (r *race) replay() {
	if err := statetest.CheckReplay(r.t.Context(), r.store, acme); err != nil {
		r.fail("%v", err)
	}
}

// settle lets runs and approvals of an undisturbed process go on until nothing changes, and wants the record to agree with the source
// then, but for what somebody discarded.
func (r *race) settle() {
	r.steps = append(r.steps, "settle")
	r.world.engine = &dirsync.Engine{Store: r.store, Now: r.clock.Now, Holder: "last"}
	for range 6 {
		r.clock.hour()
		r.check(r.scheduled())
		if held := r.held(); held != "" {
			approved, err := r.world.engine.Approve(r.t.Context(), r.source, held, "boss")
			if err != nil {
				r.fail("approve: %v", err)
			}
			r.check(approved)
		}
	}
	r.clock.hour()
	last := r.scheduled()
	if last.Plan.Counts.Changes() > 0 || last.Run.Verdict == state.VerdictComplete && last.Run.Outcome != dirsync.OutcomeInSync {
		r.fail("there is still something to change: %s", outline(last))
	}
	r.replay()
	runs, err := r.store.ListRuns(r.t.Context(), acme, 0)
	if err != nil {
		r.fail("read the runs: %v", err)
	}
	for _, run := range runs {
		if run.EndedAt.IsZero() {
			r.fail("run %s by %s never ended", run.ID, run.Trigger)
		}
	}
	if last.Run.Verdict != state.VerdictComplete {
		return // nobody known is left, not even by id: nothing can be proved
	}
	discarded := make(map[string]bool)
	for _, n := range last.Plan.Notices {
		if n.Kind == plan.Discarded {
			discarded[n.Person] = true
		}
	}
	for _, s := range r.dir.souls {
		found, err := r.store.Find(r.t.Context(), acme, state.KindAccount, state.NewMatchKey(state.MatchLink, s.id))
		if err != nil {
			r.fail("find the account of %s: %v", s.id, err)
		}
		if active := len(found) == 1 && found[0].InForce; active != s.entitled() && !discarded[s.id] {
			r.fail("%s: active %t, want %t: %s", s.id, active, s.entitled(), outline(last))
		}
	}
}

// TestRaces carries out thousands of schedules: pushes, pulls, runs about people, approvals, discards, undos and repairs of groups, in any
// order, with pushes between any two calls that the engine makes of the record and an end of the process at any. No update is lost, nobody
// goes without a witness, the journal tells the record exactly, every run comes to an end, and in the end a run plans nothing.
func TestRaces(t *testing.T) {
	if *raceSeed != 0 {
		race := newRace(populated(t, crowd(9)...), *raceSeed)
		race.carryOut()
		return
	}
	first := rand.Uint64() >> 16
	kills := 0
	for i := range *raceSchedules {
		seed := first + uint64(i)
		race := newRace(populated(t, crowd(9)...), seed)
		race.steps = append(race.steps, fmt.Sprintf("-races.seed=%d", seed))
		race.carryOut()
		for _, s := range race.steps {
			if strings.HasPrefix(s, "  killed") {
				kills++
			}
		}
	}
	t.Logf("%d schedules, %d processes killed", *raceSchedules, kills)
	if kills < *raceSchedules/10 {
		t.Errorf("only %d processes were killed: this tests little", kills)
	}
}

// TestRacesOnSQLite carries a few of them out on a real database.
func TestRacesOnSQLite(t *testing.T) {
	for range 40 {
		w := onSQLite(t)
		w.join(crowd(9)...)
		for range 2 {
			w.hand()
			w.clock.hour()
		}
		seed := rand.Uint64() >> 16
		race := newRace(w, seed)
		race.steps = append(race.steps, fmt.Sprintf("seed %d, on SQLite", seed))
		race.carryOut()
	}
}

func (r *race) carryOut() {
	for range 4 + r.random.IntN(12) {
		r.step()
	}
	r.settle()
}
