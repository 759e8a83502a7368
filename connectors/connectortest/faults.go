package connectortest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/connectors/idpsim"
)

// vocabulary is every kind of error that a connector may end with.
var vocabulary = []error{
	connectors.ErrThrottled, connectors.ErrUnauthorised, connectors.ErrForbidden, connectors.ErrIncomplete,
	connectors.ErrMisconfigured, connectors.ErrSourceLost, connectors.ErrUnreachable,
}

// ends is how a pull may end under a fault.
type ends struct {
	once    error // what one hit ends with; nil = it recovers
	forever error // what a fault that stays ends with; nil = it does no harm
	listed  bool  // the fault is in the contents of a list of people: elsewhere, a right pull will do as well
	hidden  bool  // the fault cannot be seen in one pull: it may be complete and lack people
}

// faultEnds is what each fault must end with. Of the kinds that a fault may be told as, the one here is what an operator should read.
var faultEnds = map[string]ends{
	idpsim.Cut:          {forever: connectors.ErrUnreachable},
	idpsim.CutBody:      {forever: errBroken},
	idpsim.Truncated:    {forever: connectors.ErrIncomplete},
	idpsim.Blank:        {forever: connectors.ErrIncomplete},
	idpsim.HTML502:      {forever: connectors.ErrUnreachable},
	idpsim.SlowDrip:     {},
	idpsim.ClockSkew:    {},
	idpsim.Throttle:     {forever: connectors.ErrThrottled},
	idpsim.ThrottleBare: {forever: connectors.ErrThrottled},
	idpsim.Unavailable:  {forever: connectors.ErrUnreachable},
	idpsim.ServerError:  {forever: connectors.ErrUnreachable},
	idpsim.Unauthorised: {once: connectors.ErrUnauthorised, forever: connectors.ErrUnauthorised},
	idpsim.Forbidden:    {once: connectors.ErrForbidden, forever: connectors.ErrForbidden},
	idpsim.Empty:        {hidden: true},
	idpsim.LostPage:     {hidden: true},
	idpsim.LostLink:     {hidden: true},
	idpsim.Endless:      {once: connectors.ErrIncomplete, forever: connectors.ErrIncomplete, listed: true},
	idpsim.Nulls:        {once: errHollow, forever: errHollow, listed: true},
	idpsim.Duplicates:   {},
}

// Two faults are told by what they look like from here: an answer may break off before a gateway or behind it, and people without
// attributes are a missing permission or half an answer.
var (
	errBroken = errors.New("incomplete or unreachable")
	errHollow = errors.New("incomplete or forbidden")
	either    = map[error][]error{
		errBroken: {connectors.ErrIncomplete, connectors.ErrUnreachable},
		errHollow: {connectors.ErrIncomplete, connectors.ErrForbidden},
	}
)

// waits are how long the faults that take a while take.
var waits = map[string]time.Duration{idpsim.SlowDrip: 16 * time.Microsecond, idpsim.ClockSkew: 7 * time.Hour, idpsim.Throttle: 20 * time.Second}

// How often a fault hits.
var manners = map[string]idpsim.Where{"once": {Times: 1}, "for ever": {}, "from the second": {After: 1}}

// faults tries each fault at each kind of call, in each manner, side by side, and logs the table.
func (h *Harness) faults(t *testing.T) {
	people := population()
	truths := h.start(t, people, hurry).truths()
	outcomes := make([]func() string, 0, 300)
	for _, fault := range idpsim.FaultNames() {
		for _, call := range h.Calls {
			for _, manner := range slices.Sorted(maps.Keys(manners)) {
				outcomes = append(outcomes, h.fault(t, people, truths, fault, call, manner))
			}
		}
	}
	t.Cleanup(func() { // all have ended
		var table strings.Builder
		for _, outcome := range outcomes {
			table.WriteString(outcome())
		}
		t.Logf("fault, call, how often, outcome\n%s", &table)
	})
}

// fault pulls under one fault, in a parallel test. What it returns tells, once that has ended, what became of it: a line, or "" if the
// fault hit nothing.
func (h *Harness) fault(t *testing.T, people *idpsim.Population, truths map[string]truth, fault, call, manner string) func() string {
	outcome := ""
	end, known := faultEnds[fault]
	if !known {
		return func() string { return "" } // concerns no pull
	}
	t.Run(strings.Join([]string{fault, call, manner}, " "), func(t *testing.T) {
		t.Parallel()
		p := h.start(t, people, hurry)
		p.known = truths
		where := manners[manner]
		where.Path, where.Wait = call, waits[fault]
		if err := p.faults.Set(fault, where); err != nil {
			t.Fatal(err)
		}
		got := p.take(t, h.names())
		if p.faults.Hits(fault) == 0 {
			return
		}
		wanted := end.forever
		if manner == "once" {
			wanted = end.once
		}
		if end.listed && got.err == nil && (manner == "from the second" || !slices.Contains(h.Listings, call)) {
			wanted = nil
		}
		unreadable := fault == idpsim.Forbidden && h.UnreadableGroups != "" && call == h.UnreadableGroups
		outcome = h.judge(t, got, wanted, unreadable)
		if end.hidden && got.err == nil {
			outcome = "complete: one pull cannot see it"
		}
		p.agree(t, got, got.proof.Complete && !unreadable && !end.hidden)
	})
	return func() string {
		if outcome == "" {
			return ""
		}
		return fmt.Sprintf("%-14s %-22s %-15s %s\n", fault, call, manner, outcome)
	}
}

// judge holds the end of a pull against what is wanted.
func (h *Harness) judge(t *testing.T, got taken, wanted error, unreadable bool) string {
	t.Helper()
	if unreadable {
		if got.err != nil || len(got.proof.Unreadable) == 0 {
			t.Errorf("%v, %+v: the group should be named, and the rest be read", got.err, got.proof)
		}
		return fmt.Sprintf("complete but for %d groups", len(got.proof.Unreadable))
	}
	quiet(t, got.err)
	kinds, some := either[wanted]
	if !some {
		kinds = []error{wanted}
	}
	switch {
	case wanted == nil && got.err != nil:
		t.Errorf("not recovered: %v", got.err)
	case wanted != nil && got.err == nil:
		t.Error("the fault passes for an answer")
	case wanted != nil && !slices.ContainsFunc(kinds, func(kind error) bool { return errors.Is(got.err, kind) }):
		t.Errorf("got %v, want %v", got.err, wanted)
	}
	if got.err == nil {
		return "recovered"
	}
	return "incomplete: " + got.proof.Reason
}

// quiet demands that an error is of the vocabulary, says what was tried, and tells no secret and no names.
func quiet(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	var failure *connectors.Error
	known := false
	for _, kind := range vocabulary {
		known = known || errors.Is(err, kind)
	}
	if !errors.As(err, &failure) || !known || failure.Op == "" {
		t.Errorf("not of the vocabulary: %#v", err)
	}
	for _, said := range []string{err.Error(), connectors.Reason(err)} {
		if strings.Contains(said, Token) || strings.Contains(said, "@") || strings.Contains(said, "\n") || len(said) > 600 {
			t.Errorf("says too much: %s", said)
		}
	}
}

// lookFaults looks people up under each fault: whoever is reported is reported rightly, and nobody is gone who is there.
func (h *Harness) lookFaults(t *testing.T) {
	people := population()
	for _, fault := range idpsim.FaultNames() {
		end, known := faultEnds[fault]
		if !known {
			continue
		}
		t.Run(fault, func(t *testing.T) {
			p := h.start(t, people, hurry)
			truths := p.truths()
			if err := p.faults.Set(fault, idpsim.Where{Wait: waits[fault]}); err != nil {
				t.Fatal(err)
			}
			var ids []string
			for n := range 30 {
				ids = append(ids, h.ID(p.population, number(n)))
			}
			got, err := p.see(t, ids...)
			quiet(t, err)
			if end.forever != nil && !end.listed && err == nil {
				t.Error("the fault passes for an answer")
			}
			if err == nil && len(got) != len(ids) {
				t.Errorf("%d sightings of %d", len(got), len(ids))
			}
			for id, s := range got {
				if s.Gone || s.Person.Facts.Enabled == connectors.No || s.Person.Facts.SoftDeleted == connectors.Yes || s.Person.Facts.Assigned == connectors.No && truths[id].assigned {
					t.Errorf("%s is there, enabled and assigned: %+v", id, s)
				}
			}
		})
	}
}
