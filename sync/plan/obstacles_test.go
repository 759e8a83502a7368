package plan_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"rollcall/state"
	"rollcall/sync/plan"
)

// The ages of pushes that there are: none, young, just young, just settled, old.
const settle = 15 * time.Minute

var ages = []time.Duration{-1, 0, settle / 2, settle - time.Millisecond, settle, settle + time.Millisecond, 24 * time.Hour}

// obstruct holds a decision, with everything that may stand in its way, against the third table.
func (d *decided) obstruct(t *testing.T, tab *table) int {
	t.Helper()
	switch d.becomes { // the end, whatever stands in the way
	case "left alone", "notice", "notice missing":
		want := map[string]string{"left alone": "no change", "notice": "notice " + string(d.Notice), "notice missing": "notice missing"}[d.becomes]
		if d.becomes == "notice missing" && d.refused {
			want = "notice refused"
		}
		if got := said(d.decision); got != want {
			t.Fatalf("%+v: %s, want %s", d.theCase, got, want)
		}
		return 1
	}
	n := 0
	for _, read := range []plan.Read{plan.ReadAsked, plan.ReadPart, plan.ReadGroups, plan.ReadEveryone} {
		for _, reused := range []bool{false, true} {
			for _, returned := range []bool{false, true} {
				for _, discarded := range []bool{false, true} {
					for _, age := range ages {
						for _, otherwise := range []bool{false, true} {
							for _, again := range []bool{false, true} {
								n++
								o := obstacles{Obstacles: plan.Obstacles{Read: read, Reused: reused, Returned: returned}, discarded: discarded, age: age, otherwise: otherwise, again: again}
								want, got := o.expected(d, tab), o.carried(t, d)
								if got != want {
									t.Fatalf("%s because %q of %+v, %+v: %s, the table says %s", d.becomes, d.because, d.theCase, o, got, want)
								}
							}
						}
					}
				}
			}
		}
	}
	return n
}

type obstacles struct {
	plan.Obstacles
	discarded bool
	age       time.Duration // of the newest push; -1: none
	otherwise bool          // it said something about what would change
	again     bool          // an earlier run read the same
}

// expected is what the third table says. Its first column names what has to be so.
func (o obstacles) expected(d *decided, tab *table) string {
	_, presumed := strings.CutSuffix(d.comesTo, ", presumed")
	match := d.tie == plan.ByMatch && d.life != "none"
	fresh := o.otherwise && o.age >= 0 && o.age < settle && (o.Read == plan.ReadAsked || !o.again)
	holds := map[string]bool{
		"`skip_out_of_scope` is set":                  d.skips,
		"the mapping or a filter cannot be evaluated": d.refused,
		"a pin": d.pinned && d.life != "none",
		"it was discarded, and the fact is the same":                      o.discarded,
		"a push younger than `settle` said otherwise":                     fresh,
		"found by match attributes, and the pull did not come to its end": match && (o.Read == plan.ReadPart || o.Read == plan.ReadAsked),
		"a pull that did not read everyone":                               o.Read == plan.ReadPart || o.Read == plan.ReadGroups,
		"the name is somebody else's now":                                 o.Reused,
		"found by match attributes, and not everyone was read":            match && o.Read != plan.ReadEveryone,
		"let in again by a push, and not everyone was read":               o.Returned && o.Read != plan.ReadEveryone,
		"only presumed":           presumed,
		"no fact but the mapping": d.because == "mapped_inactive",
		"protected":               d.protected,
		"":                        true,
	}
	for i, line := range tab.lines {
		is, stated := holds[line[1]]
		if !stated {
			tab.t.Fatalf("line %s: the test does not know what %q means", line[0], line[1])
		}
		if is && fits(line[2], d.becomes) && fits(line[3], d.because) {
			tab.used[i]++
			return line[4]
		}
	}
	tab.t.Fatalf("no line fits %+v", d)
	return ""
}

// carried is what the program does about a decision, in the order in which a run does it.
func (o obstacles) carried(t *testing.T, d *decided) string {
	t.Helper()
	if d.decision.Change == nil || d.decision.Look {
		return said(d.decision)
	}
	c := *d.decision.Change
	now := start
	past := plan.Past{Now: now, Settle: settle, Asked: o.Read == plan.ReadAsked, Earlier: func(fact string) bool {
		if strings.HasPrefix(fact, plan.DiscardedPrefix) {
			return o.discarded
		}
		return o.again
	}}
	if o.age >= 0 {
		said := map[string]any{"title": "Dr"}
		if o.otherwise {
			said = map[string]any{}
			for _, f := range c.Fields {
				said[map[bool]string{true: "said", false: f.Path}[f.Path == "active"]] = true
			}
		}
		after, err := json.Marshal(said)
		if err != nil {
			t.Fatal(err)
		}
		past.Entries = []state.Entry{{Number: 7, At: now.Add(-o.age), Cause: state.Cause{Kind: state.CausePush}, After: after, Before: []byte(`{}`)}}
	}
	notice, fact := c.Defer(past)
	if notice != "" {
		if fact == "" {
			t.Fatalf("%s leaves nothing to remember", notice)
		}
		return "notice " + string(notice)
	}
	notice, hold, dropped := c.Obstruct(o.Obstacles)
	switch {
	case notice != "":
		return "notice " + string(notice)
	case dropped:
		return "left alone"
	case hold != "":
		return "held: " + string(hold)
	}
	return said(d.decision)
}
