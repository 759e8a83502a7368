package explain

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/state"
	"rollcall/sync/plan"
)

// TestSumOfAReport: the sums of a report are read without its changes, and are the same.
func TestSumOfAReport(t *testing.T) {
	run := state.Run{ID: "r", Report: []byte(`{"proof":{"people":7,"lost":true},"basis":"b","known":6,"usual":5,
		"counts":{"people":7,"actions":{"create":2},"held":1,"notices":{"unexplained":3}},"gate":{"limit":5},"notices":[{"kind":"unexplained"}],
		"applied":1,"changes":[{"action":"create","name":"ada"}],"left_out":4}`)}
	whole, err := ReadReport(&run)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := ReadSum(&run)
	if err != nil {
		t.Fatal(err)
	}
	want := Report{Proof: whole.Proof, Counts: whole.Counts, Applied: whole.Applied}
	if want.Proof.People != 7 || want.Counts.Notices[plan.Unexplained] != 3 || want.Applied != 1 {
		t.Fatalf("the whole report reads as %+v", whole)
	}
	if diff := cmp.Diff(want, sum); diff != "" {
		t.Error(diff)
	}
	for _, broken := range []string{`{"proof":`, `[]`, `{"counts":7}`, `nonsense`} {
		if _, err := ReadSum(&state.Run{ID: "r", Report: []byte(broken)}); err == nil {
			t.Errorf("%s is read", broken)
		}
	}
	if sum, err := ReadSum(&state.Run{}); err != nil || sum.Proof.People != 0 {
		t.Errorf("no report reads as %+v, %v", sum, err)
	}
}

func TestLasting(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "", 59 * time.Second: "", time.Minute: ", for 1 minute", 3 * time.Hour: ", for 3 hours"} {
		if got := lasting(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}
