package console

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/sync/plan"
)

func TestTold(t *testing.T) {
	at := time.Date(2026, 3, 4, 8, 1, 2, 0, time.UTC)
	for text, want := range map[string][]toldPart{
		"":                             nil,
		"It is so.":                    {{Text: "It is so."}},
		"on 2026-03-04 08:01:02Z: off": {{Text: "on "}, {At: at}, {Text: ": off"}},
		"2026-03-04 08:01:02Z":         {{At: at}},
		"See 'rollcall plans show p'.": {{Text: "See "}, {Command: "rollcall plans show p"}, {Text: "."}},
		"no 2026-13-40 08:01:02Z day":  {{Text: "no 2026-13-40 08:01:02Z day"}},
		"'rm -rf' <b>":                 {{Text: "'rm -rf' <b>"}},
	} {
		if diff := cmp.Diff(want, told(text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestInWords(t *testing.T) {
	now := time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"off on 2026-03-04 08:01:02Z":          "off on 4 Mar, 08:01 UTC",
		"off on 2024-03-04 08:01:02Z":          "off on 4 Mar 2024, 08:01 UTC",
		"try 'rollcall serve'; off 2026-99-04": "try 'rollcall serve'; off 2026-99-04",
	} {
		if got := inWords(now, text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// TestWitnessLines puts together what is said by several witnesses of a kind, and does not tell the reason again.
func TestWitnessLines(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 3, 4, 8, minute, 0, 0, time.UTC) }
	unassigned := plan.Fact(plan.ReasonUnassigned)
	for _, c := range []struct {
		name      string
		witnesses []plan.Witness
		want      []witnessLine
	}{
		{"none", nil, nil},
		{"absence twice, then a look", []plan.Witness{
			{Fact: unassigned, How: plan.ByAbsence, Run: "r1", At: at(1)}, {Fact: unassigned, How: plan.ByAbsence, Run: "r2", At: at(2)},
			{Fact: unassigned, How: plan.ByLook, Run: "r2", At: at(3)},
		}, []witnessLine{
			{"missing from 2 pulls:", []witnessAt{{at(1), "r1"}, {at(2), "r2"}}}, {"looked up by object id", []witnessAt{{at(3), "r2"}}},
		}},
		{"another fact is named", []plan.Witness{{Fact: plan.Fact(plan.ReasonDisabled), How: plan.ByPull, Run: "r1", At: at(1)}},
			[]witnessLine{{plan.ReasonDisabled.Text() + ": read by the pull of", []witnessAt{{at(1), "r1"}}}}},
		{"nobody explains it", []plan.Witness{{Fact: plan.FactUnexplained, How: plan.ByAbsence, Run: "r1", At: at(1)}},
			[]witnessLine{{"explained by nobody in the pull of", []witnessAt{{at(1), "r1"}}}}},
		{"a way that is not known", []plan.Witness{{Fact: unassigned, How: "letter", At: at(1)}}, []witnessLine{{"by letter", []witnessAt{{at(1), ""}}}}},
	} {
		if diff := cmp.Diff(c.want, witnessLines(plan.ReasonUnassigned, c.witnesses)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
