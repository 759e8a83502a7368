package plan_test

import (
	"testing"

	"rollcall/state/scim"
	"rollcall/sync/mapping"
	"rollcall/sync/plan"
)

// TestSettles: an account is settled when what was written is there and all else that is compared is as it was.
func TestSettles(t *testing.T) {
	m, err := mapping.Compile([]mapping.Row{
		{Target: "userName", Source: "[userPrincipalName]"},
		{Target: "active", Source: "[active]"},
		{Target: "title", Source: "[jobTitle]", Apply: mapping.Add},
		{Target: "displayName", Source: "[displayName]", Apply: mapping.Create},
		{Target: `emails[type eq "work"].value`, Source: "[mail]"},
		{Target: `emails[type eq "home"].primary`, Source: `"True"`},
		{Target: "nickName", Source: "Guid()"},
	})
	if err != nil {
		t.Fatal(err)
	}
	const before = `{"userName":"ada","title":"Ms","emails":[{"value":"w","type":"work","primary":true},{"value":"h","type":"home"}]}`
	for name, test := range map[string]struct {
		before, after string
		written       map[int]string // by target, as JSON
		want          bool
	}{
		"nothing written":                 {before, before, nil, true},
		"a value written":                 {before, `{"userName":"eva","title":"Ms","emails":[{"value":"w","type":"work","primary":true},{"value":"h","type":"home"}]}`, map[int]string{0: `"eva"`}, true},
		"it became another":               {before, `{"userName":"Eva","title":"Ms","emails":[{"value":"w","type":"work","primary":true},{"value":"h","type":"home"}]}`, map[int]string{0: `"eva"`}, false},
		"it is not there":                 {before, before, map[int]string{0: `"eva"`}, false},
		"a value that is added":           {`{"userName":"ada"}`, `{"userName":"ada","title":"Ms"}`, map[int]string{2: `"Ms"`}, true},
		"another compared value moved":    {before, `{"userName":"eva","title":"Ms","emails":[{"value":"x","type":"work","primary":true},{"value":"h","type":"home"}]}`, map[int]string{0: `"eva"`}, false},
		"an element came":                 {before, `{"userName":"eva","title":"Ms","emails":[{"value":"w","type":"work"},{"value":"v","type":"work"},{"value":"h","type":"home"}]}`, map[int]string{0: `"eva"`}, false},
		"a value that is added went":      {before, `{"userName":"eva","emails":[{"value":"w","type":"work","primary":true},{"value":"h","type":"home"}]}`, map[int]string{0: `"eva"`}, false},
		"what is not compared moved":      {before, `{"userName":"eva","title":"Ms","active":false,"displayName":"E","nickName":"e","emails":[{"value":"w","type":"work"},{"value":"h","type":"home"}]}`, map[int]string{0: `"eva"`}, true},
		"a primary one written, and kept": {before, `{"userName":"ada","title":"Ms","emails":[{"value":"w","type":"work","primary":false},{"value":"h","type":"home","primary":true}]}`, map[int]string{5: `true`}, true},
		"a primary one written, and lost": {before, `{"userName":"ada","title":"Ms","emails":[{"value":"w","type":"work","primary":true},{"value":"h","type":"home","primary":false}]}`, map[int]string{5: `true`}, false},
	} {
		t.Run(name, func(t *testing.T) {
			written := make([]scim.Value, len(m.Targets()))
			for i, text := range test.written {
				written[i] = read(t, text)
			}
			if got := plan.Settles(m.Targets(), read(t, test.before), read(t, test.after), written); got != test.want {
				t.Errorf("Settles = %t, want %t", got, test.want)
			}
		})
	}
}

func read(t *testing.T, text string) scim.Value {
	t.Helper()
	v, err := scim.ReadJSON([]byte(text), scim.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
