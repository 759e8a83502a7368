package idpsim_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors/idpsim"
)

func TestLoad(t *testing.T) {
	pop := idpsim.New(idpsim.Options{Seed: 1})
	must(t, pop.Load([]byte(idpsim.FileExample)))
	var got []string
	pop.Read(func(v *idpsim.View) {
		for n := range v.People() {
			x := v.Person(n)
			got = append(got, fmt.Sprint(x.Text(idpsim.UserName), " ", x.Text(idpsim.DisplayName), " ", x.Text(idpsim.Mobile), " ", x.Status(), " direct=", x.Direct(), " group=", x.ViaGroup()))
		}
		if g, ok := v.GroupByName("Everyone"); !ok || g.Push().Status != "ACTIVE" || g.Assigned() || len(g.Members()) != 1 {
			t.Errorf("the group: %+v", g.Push())
		}
		if len(v.Events()) != 0 || v.Version() != 0 {
			t.Error("what was loaded left a trace")
		}
	})
	want := []string{
		"ada@acme.example Ada Berg +1 555 0100 ACTIVE direct=false group=true",
		"imre@acme.example imre  SUSPENDED direct=true group=false",
		"left@acme.example left  DEPROVISIONED direct=false group=false",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLoadJSONBesideGeneratedPeople(t *testing.T) {
	text, err := json.Marshal(map[string]any{"people": []any{map[string]any{"userName": "new@acme.example", "groups": []string{"Everyone"}}}})
	must(t, err)
	pop := idpsim.New(idpsim.Options{Seed: 1, People: 3, Groups: 1})
	must(t, pop.Load(text))
	if s := pop.Summary(); s.People != 4 || s.Assigned != 4 {
		t.Errorf("%+v", s)
	}
}

func TestWhatIsWrongWithAFile(t *testing.T) {
	for text, want := range map[string]string{
		"people:\n  - userNam: x@acme.example\n":                                           `line 2, column 5: unknown field "userNam"`,
		"people:\n  - userName: [x]\n":                                                     "line 2, column 15",
		"people:\n  - {userName: x@acme.example, assigned: perhaps}\n":                     "line 2, column 42",
		"people:\n  - userName: x@acme.example\n    groups: [Nowhere]\n":                   `line 2, people[0]: there is no group called "Nowhere", and no other`,
		"groups:\n- name: Sales\npeople:\n- userName: x@acme.example\n  groups: [sales]\n": `line 4, people[0]: there is no group called "sales"; did you mean Sales?`,
		"people:\n  - userName: x@acme.example\n    attributes: {hat: red}\n":              `line 2, people[0]: attribute "hat" is unknown`,
		"people:\n  - userName: x@acme.example\n  - userName: X@acme.example\n":            `line 3, people[1]: the user name "X@acme.example" is taken`,
		"people:\n  - assigned: true\n":                                                    "line 2, people[0]: attributes need a userName",
		"people:\n  - {userName: x@acme.example, status: ASLEEP}\n":                        "is no state of a user",
		"groups:\n  - {name: A}\n  - {name: A}\n":                                          `line 3, groups[1]: the group name "A" is taken`,
		"people: [":                    "line 1",
		"":                             "neither people nor groups",
		"people: []\n":                 "neither people nor groups",
		`{"people":[{"userNam":"x"}]}`: `line 1, column 29: json: unknown field "userNam"`,
		"{\"people\":[\n{\"userName\":\"x@y.example\",\"groups\":[\"A\"]}]}": "line 2, people[0]: there is no group",
		`{"people":[]} {}`: "there is more",
		"groups: !tag 0\n": "leave out tags",
		"folks: []\n":      `unknown field "folks"`,
		"just a text\n":    "line 1",
	} {
		err := idpsim.New(idpsim.Options{}).Load([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(idpsim.FileExample)
	f.Add("groups: !00000 0000")
	f.Add(`{"people":[{"userName":"x@y.example","attributes":{"mobile":""}}]}`)
	f.Add("groups: [{name: A}, {name: B, in: [A], hidden: true, pushed: true}]")
	f.Fuzz(func(t *testing.T, text string) {
		pop := idpsim.New(idpsim.Options{Seed: 1, Now: func() time.Time { return time.Unix(0, 0) }})
		if err := pop.Load([]byte(text)); err == nil {
			pop.Summary()
		}
	})
}
