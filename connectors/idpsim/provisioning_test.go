package idpsim_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors/idpsim"
)

func TestStepsOfTheTenantAndItsJob(t *testing.T) {
	for step, want := range map[string]string{
		`{"do":"quarantine"}`:                                     "TooManyDeletes",
		`{"do":"quarantine","reason":"Bored"}`:                    "TooManyDeletes",
		`{"do":"job","value":"asleep"}`:                           "not-configured",
		`{"do":"job-ran","value":"yesterday"}`:                    "26h",
		`{"do":"job-setting","value":"True"}`:                     "attribute is missing",
		`{"do":"set-mapping"}`:                                    "rows is missing",
		`{"do":"set-mapping","object":"Device","rows":[]}`:        "User or Group",
		`{"do":"set-mapping","rows":[{"source":"[mail]"}]}`:       "target",
		`{"do":"set-mapping","rows":[{"target":"a","flow":"x"}]}`: "ObjectAddOnly",
		`{"do":"drop-mapping","value":"hat"}`:                     "hat",
		`{"do":"drop-mapping","object":"x"}`:                      "User or Group",
		`{"do":"set-actions","object":"x"}`:                       "User or Group",
		`{"do":"set-filters","object":"x"}`:                       "User or Group",
		`{"do":"grant"}`:                                          "User.Read.All",
		`{"do":"revoke","value":"Mail.Send"}`:                     "Application.Read.All",
		`{"do":"manager","who":"#0","value":"nobody"}`:            "nobody",
		`{"do":"hide","group":"Everyone","value":"loud"}`:         "silent",
		`{"do":"group-kind","group":"Everyone","value":"club"}`:   "microsoft365",
	} {
		pop := idpsim.New(idpsim.Options{Seed: 1, People: 2, Groups: 1})
		steps, err := idpsim.DecodeSteps(strings.NewReader("[" + step + "]"))
		must(t, err)
		if err := pop.Do(steps...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", step, err, want)
		}
	}
}

// TestQuarantineSchedule: 6, 12 and 24 hours after it began, then daily, and after four weeks the job is switched off.
func TestQuarantineSchedule(t *testing.T) {
	began := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	j := idpsim.Provisioning{State: idpsim.JobActive}
	var hours []float64
	for now := began; j.State != idpsim.JobPaused; now = j.NextAttempt {
		j.Quarantine(idpsim.QuarantineError, now)
		hours = append(hours, j.NextAttempt.Sub(began).Hours())
	}
	if diff := cmp.Diff([]float64{6, 12, 24, 48, 72}, hours[:5]); diff != "" || len(hours) != 32 {
		t.Errorf("%d attempts: %s", len(hours), diff)
	}
}

// TestAReplicaRemembersTheJob: what is shown of a job does not change under the reader.
func TestAReplicaRemembersTheJob(t *testing.T) {
	pop := idpsim.New(idpsim.Options{})
	must(t, pop.Remember())
	var held *idpsim.Provisioning
	pop.Read(func(v *idpsim.View) { held = v.Provisioning() })
	must(t, pop.Do(
		idpsim.Step{Do: "pause-job"}, idpsim.Step{Do: "drop-mapping", Value: "active"}, idpsim.Step{Do: "job-setting", Attribute: "SyncAll", Value: "True"},
		idpsim.Step{Do: "set-actions", Value: "off"}, idpsim.Step{Do: "revoke", Value: "User.Read.All"},
	))
	pop.ReadStale(func(v *idpsim.View) {
		j := v.Provisioning()
		if j != held || j.State != idpsim.JobActive || j.Mapping("User").Rows[1].Target != "active" || j.Secret("SyncAll") != "False" || !j.Mapping("User").Enabled || !v.Granted("User.Read.All") {
			t.Errorf("%+v", j)
		}
	})
	pop.Read(func(v *idpsim.View) {
		j := v.Provisioning()
		if j.State != idpsim.JobPaused || j.Mapping("User").Rows[1].Target == "active" || j.Secret("SyncAll") != "True" || j.Mapping("User").Enabled || v.Granted("User.Read.All") {
			t.Errorf("%+v", j)
		}
	})
}

func TestManagers(t *testing.T) {
	pop := idpsim.New(idpsim.Options{Seed: 1, People: 8, Reports: 3})
	bosses := func() (all []int) {
		pop.Read(func(v *idpsim.View) {
			for n := range v.People() {
				boss, ok := v.Person(n).Manager()
				if !ok {
					all = append(all, -1)
					continue
				}
				all = append(all, boss.Number())
			}
		})
		return all
	}
	if diff := cmp.Diff([]int{-1, 0, 0, 0, 1, 1, 1, 2}, bosses()); diff != "" {
		t.Error(diff)
	}
	must(t, pop.Do(idpsim.Step{Do: "manager", Who: "#0", Value: "#7"}, idpsim.Step{Do: "manager", Who: "#1..#2"}))
	must(t, pop.AddPerson(map[string]string{"userName": "new@acme.example"}))
	if diff := cmp.Diff([]int{7, -1, -1, 0, 1, 1, 1, 2, -1}, bosses()); diff != "" {
		t.Error(diff)
	}
}
