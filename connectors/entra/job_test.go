package entra_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/graph"
)

const jobsPath = "/servicePrincipals/" + spID + "/synchronization/jobs"

func jobOf(id, code, schedule, rest string) string {
	return fmt.Sprintf(`{"id":%q,"schedule":{"interval":"PT40M","state":%q},"status":{"code":%q,"lastSuccessfulExecution":{"timeEnded":"2026-03-01T10:00:00Z"}%s}}`, id, schedule, code, rest)
}

func quarantined(reason string) string {
	return jobOf("scim.1", "Quarantine", "Active", `,"quarantine":{"currentBegan":"2026-03-02T10:00:00Z","nextAttempt":"2026-03-03T10:00:00Z","seriesCount":3,"reason":"`+reason+`"}`)
}

// TestJob: how the provisioning job stands, in one call of each pull.
func TestJob(t *testing.T) {
	last := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		jobs string
		want connectors.Push
		says string
	}{
		"on":              {list(jobOf("scim.1", "Active", "Active", "")), connectors.Push{State: connectors.PushOn, Last: last}, ""},
		"none":            {list(), connectors.Push{State: connectors.PushOff}, "not set up"},
		"another kind":    {list(jobOf("gsuite.1", "Active", "Active", "")), connectors.Push{State: connectors.PushOff}, "not set up"},
		"old kind":        {list(jobOf("customappsso.1", "Active", "Active", "")), connectors.Push{State: connectors.PushOn, Last: last}, ""},
		"paused":          {list(jobOf("scim.1", "Paused", "Paused", "")), connectors.Push{State: connectors.PushPaused, Last: last}, "Start provisioning"},
		"schedule paused": {list(jobOf("scim.1", "Active", "Paused", "")), connectors.Push{State: connectors.PushPaused, Last: last}, "Start provisioning"},
		"switched off":    {list(jobOf("scim.1", "Active", "Disabled", "")), connectors.Push{State: connectors.PushOff, Last: last}, "Start provisioning"},
		"never run":       {list(jobOf("scim.1", "NotRun", "Disabled", "")), connectors.Push{State: connectors.PushOff, Last: last}, "never run"},
		"not configured":  {list(jobOf("scim.1", "NotConfigured", "Disabled", "")), connectors.Push{State: connectors.PushOff, Last: last}, "Secret Token"},
		"bare quarantine": {list(jobOf("scim.1", "Quarantine", "Active", `,"quarantine":null`)), connectors.Push{State: connectors.PushQuarantined, Last: last}, "Restart"},
		"of several, the newer kind that runs": {
			list(jobOf("customappsso.1", "Active", "Active", ""), jobOf("scim.2", "Active", "Active", ""), jobOf("Scim.1", "NotRun", "Disabled", "")),
			connectors.Push{State: connectors.PushOn, Last: last}, ""},
	} {
		f := newFake(t)
		f.on(jobsPath, ok(test.jobs))
		_, proof, err := pull(t, f.open())
		if err != nil || proof.Push == nil {
			t.Fatalf("%s: %v, %+v", name, err, proof)
		}
		if !strings.Contains(proof.Push.Why, test.says) || (test.says == "") != (proof.Push.Why == "") {
			t.Errorf("%s: says %q", name, proof.Push.Why)
		}
		test.want.Why = proof.Push.Why
		if diff := cmp.Diff(test.want, *proof.Push); diff != "" || proof.Calls != 4 {
			t.Errorf("%s, in %d calls: %s", name, proof.Calls, diff)
		}
	}
}

// TestQuarantine: each reason in plain words, with what to do about it and when Entra tries again.
func TestQuarantine(t *testing.T) {
	for reason, says := range map[string]string{
		idpsim.BaseEscrow: "too many of its pushes failed", idpsim.TotalEscrow: "too many of its pushes failed", idpsim.EscrowProportion: "too many of its pushes failed",
		idpsim.QuarantineError: "Test connection", idpsim.OnDemand: "by hand", idpsim.TooManyDeletes: "accidental deletions", idpsim.Interrupted: "interrupted",
		idpsim.UnknownReason: "quarantine", "SomethingNew": "quarantine",
	} {
		f := newFake(t)
		f.on(jobsPath, ok(list(quarantined(reason))))
		_, proof, err := pull(t, f.open())
		if err != nil || proof.Push == nil || proof.Push.State != connectors.PushQuarantined || proof.Push.Since != time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC) {
			t.Fatalf("%s: %v, %+v", reason, err, proof.Push)
		}
		if why := proof.Push.Why; !strings.Contains(why, says) || !strings.Contains(why, "Provisioning") || !strings.Contains(why, "2026-03-03 10:00 UTC") || !strings.HasSuffix(why, ".") || strings.Count(why, ". ") > 0 {
			t.Errorf("%s: %s", reason, why)
		}
	}
}

// TestJobFailsNoPull: whatever becomes of the question, the pull is whole, and says nothing of pushes.
func TestJobFailsNoPull(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"forbidden": status(403, `{"error":{"code":"Authorization_RequestDenied"}}`), "not there": status(404, "{}"), "not here": status(501, `{"error":{"code":"NotImplemented"}}`),
		"for ever unavailable": status(503, "{}"), "HTML": status(200, "<html>"), "odd": ok(`{"value":7}`), "no list": ok(`{}`), "null": ok(`{"value":null}`),
		"odd times": ok(list(jobOf("scim.1", "Quarantine", "Active", `,"quarantine":{"nextAttempt":"soon"}`))),
	} {
		f := newFake(t)
		f.on(jobsPath, answer)
		if people, proof, err := pull(t, f.open()); err != nil || len(people) != 1 || !proof.Complete || proof.Push != nil {
			t.Errorf("%s: %v, %+v", name, err, proof)
		}
	}
}

// TestSimulatedJob: the simulated job in every state that it can be brought into.
func TestSimulatedJob(t *testing.T) {
	population := idpsim.New(idpsim.Options{Seed: 6, People: 5, Groups: 1})
	c, _ := recorded(t, population, nil, graph.Options{Permissions: []string{graph.ApplicationRead, graph.GroupMemberRead, graph.UserRead, graph.SynchronizationRead}})
	for _, test := range []struct {
		step idpsim.Step
		want string
	}{
		{idpsim.Step{Do: "job", Value: "active"}, connectors.PushOn},
		{idpsim.Step{Do: "job", Value: "legacy"}, connectors.PushOn},
		{idpsim.Step{Do: "pause-job"}, connectors.PushPaused},
		{idpsim.Step{Do: "resume-job"}, connectors.PushOn},
		{idpsim.Step{Do: "quarantine", Reason: idpsim.TooManyDeletes}, connectors.PushQuarantined},
		{idpsim.Step{Do: "job", Value: "not-run"}, connectors.PushOff},
		{idpsim.Step{Do: "job", Value: "not-configured"}, connectors.PushOff},
		{idpsim.Step{Do: "job", Value: "none"}, connectors.PushOff},
	} {
		if err := population.Do(test.step); err != nil {
			t.Fatal(err)
		}
		_, proof, err := pull(t, c)
		if err != nil || proof.Push == nil || proof.Push.State != test.want || (proof.Push.Why == "") != (test.want == connectors.PushOn) {
			t.Errorf("%+v: %v, %+v", test.step, err, proof.Push)
		}
	}
}
