package entra

import (
	"testing"

	"rollcall/connectors"
)

// FuzzPage: whatever a page says, reading it ends, and people come with as many values as were asked for and an id that is one.
func FuzzPage(f *testing.F) {
	for _, seed := range []string{
		`{"value":[]}`, `{"@odata.nextLink":"https://x","value":[{"id":"6f1d8a2e-0000-4000-9000-000000000001","accountEnabled":true,"userPrincipalName":"a_b#EXT#@c","businessPhones":["1"],"onPremisesExtensionAttributes":{"extensionAttribute1":"x"}}]}`,
		`{"value":[{"id":null}]}`, `{"value":[[]]}`, `{"value":[{"id":"6f1d8a2e-0000-4000-9000-000000000001"}]}`, `{"value":[{"onPremisesExtensionAttributes":[]}]}`,
	} {
		f.Add(seed)
	}
	selection, err := selectFor([]string{"userPrincipalName", "telephoneNumber", "extensionAttribute1", "mail"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, page string) {
		p := people{selection: selection}
		p.start(connectors.Facts{})
		if _, err := collection(page, p.scan); err != nil {
			return
		}
		for _, person := range p.keep(everybody) {
			if _, ok := parseGUID(person.ID); !ok || len(person.Values) != 4 {
				t.Fatalf("%+v", person)
			}
		}
	})
}

// FuzzBatch: each request has an answer, and what is no success or no object is a failure.
func FuzzBatch(f *testing.F) {
	for _, seed := range []string{
		`{"responses":[{"id":"1","status":200,"headers":{"Retry-After":"1"},"body":{}},{"id":"0","status":404}]}`,
		`{"responses":[{"id":0,"status":"200"},{"id":1,"status":2e2}]}`, `{"responses":null}`, `{}`,
	} {
		f.Add(seed, 2)
	}
	f.Fuzz(func(t *testing.T, text string, n int) {
		n = min(max(n, 0), batchSize)
		answers, err := scanBatch(text, n)
		if len(answers) != n {
			t.Fatalf("%d answers to %d requests", len(answers), n)
		}
		for _, a := range answers {
			if failure, _ := a.failure(); err == nil && failure == nil && (a.status/100 != 2 || a.body == "") {
				t.Fatalf("passes for a good answer: %+v", a)
			}
		}
	})
}
