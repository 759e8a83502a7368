package idpsim

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEveryStepIsListed: what can be done is what the list says.
func TestEveryStepIsListed(t *testing.T) {
	known := map[string]bool{"add-person": true, "add-group": true, "app": true, "remember": true}
	add := func(names []string) {
		for _, name := range names {
			known[name] = true
		}
	}
	add(slices.Collect(maps.Keys(personSteps)))
	add(slices.Collect(maps.Keys(groupSteps)))
	add(slices.Collect(maps.Keys(jobSteps)))
	add(slices.Collect(maps.Keys(tenantSteps)))
	add(slices.Collect(maps.Keys(orgSteps)))
	names := StepNames()
	slices.Sort(names)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(known)), names); diff != "" {
		t.Error(diff)
	}
	for _, one := range StepList() {
		if one.Does == "" || one.Topic == "" {
			t.Errorf("%s is not explained", one.Name)
		}
	}
	for _, one := range FaultList() {
		if one.Does == "" {
			t.Errorf("the fault %s is not explained", one.Name)
		}
	}
}

func TestErrorsNameWhatThereIs(t *testing.T) {
	pop := New(Options{Seed: 1, People: 30, Groups: 3, Domain: "acme.example"})
	var name string
	pop.Read(func(v *View) { name = v.Person(3).Text(UserName) })
	for _, c := range []struct {
		step Step
		want []string
	}{
		{Step{Do: "disabel", Who: "#1"}, []string{`there is no step "disabel"; did you mean disable?`, "soft-delete"}},
		{Step{Do: "vanish"}, []string{`there is no step "vanish"; all: add-person, `}},
		{Step{Do: "disable", Who: name[1:]}, []string{"did you mean " + name}},
		{Step{Do: "disable", Who: "somebody"}, []string{"people are #0 to #29, user names such as ", "@acme.example"}},
		{Step{Do: "join", Who: "#1", Group: "sales"}, []string{"did you mean Sales?"}},
		{Step{Do: "join", Who: "#1", Group: "Unheard of"}, []string{"there are Everyone, Engineering, Sales"}},
		{Step{Do: "app-status", Who: "#1", Value: "FINE"}, []string{"is no state of an assignment"}},
	} {
		err := pop.Do(c.step)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%+v: %v, want %s", c.step, err, want)
			}
		}
	}
	var faults Faults
	if err := faults.Set("html502", Where{}); err == nil || !strings.Contains(err.Error(), "did you mean html-502") {
		t.Errorf("%v", err)
	}
}

func TestStepsAreReadWithTheirPlace(t *testing.T) {
	for text, want := range map[string]string{
		`{"do":"disable","who":"#1"}`:            "",
		`[]`:                                     "",
		"[\n {\"do\":\"disable\",\n  who}]":      "line 3, column 3",
		"[\n {\"do\":\"disable\"},\n {\"d\":1}]": "line 3",
		"[\n {\"do\": 7}]":                       "line 2",
		`[] []`:                                  "there is more",
		`{"do":"disable"} {"do":"enable"}`:       "one list",
		``:                                       "line 1, column 1",
	} {
		_, err := DecodeSteps(strings.NewReader(text))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
