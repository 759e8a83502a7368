package sync

import (
	"context"
	"fmt"
	"strings"
	"time"

	"rollcall/state"
	"rollcall/sync/plan"
)

// marks are what earlier runs of a source noticed and what this one does. Nothing is written until the run has ended, and by a real
// run only.
type marks struct {
	run     string
	at      time.Time
	earlier map[string][]state.Suspicion // by person
	judged  map[string]bool              // of those in earlier: people about whom this run came to a decision
	seen    map[string]bool              // of those in earlier: people whom this run's pull passed
	kept    map[mark]bool
	added   []state.Suspicion
}

type mark struct{ person, fact string }

// nameReused is the fact that the name of the account that is linked to a person is somebody else's by now.
const nameReused = string(plan.NameReused)

// unexplainedDiscarded is the fact that somebody discarded the proposal to deactivate an account that nobody explained.
const unexplainedDiscarded = plan.DiscardedPrefix + string(plan.ReasonUnexplained)

func readMarks(ctx context.Context, store Reader, scope state.Scope, run string, at time.Time) (*marks, error) {
	list, err := store.Suspicions(ctx, scope)
	if err != nil {
		return nil, fmt.Errorf("read the suspicions: %w", err)
	}
	m := &marks{
		run: run, at: at,
		earlier: make(map[string][]state.Suspicion), judged: make(map[string]bool), seen: make(map[string]bool),
		kept: make(map[mark]bool),
	}
	for _, s := range list {
		m.earlier[s.Person] = append(m.earlier[s.Person], s)
	}
	return m, nil
}

// find returns what an earlier run noticed, or nil.
func (m *marks) find(person, fact string) *state.Suspicion {
	list := m.earlier[person]
	for i := range list {
		if list[i].Fact == fact {
			return &list[i]
		}
	}
	return nil
}

// note remembers a fact for later runs; one remembered already stays as it is.
func (m *marks) note(person, fact string) {
	if m.find(person, fact) != nil {
		m.keep(person, fact)
		return
	}
	m.added = append(m.added, state.Suspicion{Person: person, Fact: fact, Run: m.run, At: m.at})
}

// keep lets a fact that is remembered stand.
func (m *marks) keep(person, fact string) { m.kept[mark{person, fact}] = true }

// keepBut lets all that is remembered of a person stand, but for one fact.
func (m *marks) keepBut(person, fact string) {
	for _, s := range m.earlier[person] {
		if s.Fact != fact {
			m.keep(person, s.Fact)
		}
	}
}

// saw takes down that the pull passed a person, judge that this run came to a decision about one. To see somebody decides nothing.
func (m *marks) saw(person string) {
	if m.earlier[person] != nil {
		m.seen[person] = true
	}
}

func (m *marks) judge(person string) {
	if m.earlier[person] != nil {
		m.judged[person] = true
	}
}

// refuted lists what is to be forgotten: suspicions of people who were seen or, after a complete snapshot, are no longer suspected;
// that a name is reused once everyone was read; and what was remembered of changes that this run, having decided about the person, would no longer
// make.
func (m *marks) refuted(complete, everyone bool) []state.Suspicion {
	var refuted []state.Suspicion
	for person, list := range m.earlier {
		for _, s := range list {
			switch _, ofMember := plan.ReadMemberFact(s.Fact); {
			case m.kept[mark{person, s.Fact}] || ofMember: // the latter: see planner.forgotten
			case s.Fact == unexplainedDiscarded:
				if everyone { // and explained
					refuted = append(refuted, s)
				}
			case aboutChange(s.Fact):
				if m.judged[person] {
					refuted = append(refuted, s)
				}
			case s.Fact == nameReused, s.Fact == string(plan.FactUnexplained):
				if everyone {
					refuted = append(refuted, s)
				}
			case m.seen[person] || complete:
				refuted = append(refuted, s)
			}
		}
	}
	return refuted
}

func aboutChange(fact string) bool {
	return strings.HasPrefix(fact, plan.FreshPrefix) || strings.HasPrefix(fact, plan.DiscardedPrefix)
}
