package scimapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"rollcall/scimapi"
	"rollcall/state"
	"rollcall/state/statetest"
)

func prefixes(texts ...string) []netip.Prefix {
	var list []netip.Prefix
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

func TestPushIsOneMutation(t *testing.T) {
	s := &spy{Store: statetest.NewModel()}
	r := newReceiver(t, s)
	ada := r.createUser(t, "ada@acme.example")
	m := s.last()
	keys, _ := s.ListKeys(context.Background(), acme)
	if m.Scope != acme || m.Cause.Kind != state.CausePush || m.Cause.Actor != keys[0].ID || m.Epoch != 0 {
		t.Errorf("scope %v, cause %+v, epoch %d", m.Scope, m.Cause, m.Epoch)
	}
	if m.Request == nil || m.Request.Method != "POST" || m.Request.Status != 201 || m.Request.ID == "" || m.Request.KeyID != keys[0].ID || m.Request.Scope != acme {
		t.Errorf("request %+v", m.Request)
	}
	group := r.must(t, 201, "POST", "/Groups", `{"displayName":"Team","members":[{"value":"`+ada+`"}]}`)["id"].(string)
	if m := s.last(); m.Put == nil || m.Put.Base != 0 || m.Members == nil || len(m.Members.Add) != 1 {
		t.Errorf("create: %+v", m)
	}
	count := len(s.mutations)

	r.must(t, 204, "PATCH", "/Groups/"+group, `{"Operations":[{"op":"replace","path":"displayName","value":"Crew"},{"op":"remove","path":"members","value":[{"value":"`+ada+`"}]}]}`)
	if m := s.last(); len(s.mutations) != count+1 || m.Put == nil || m.Put.Base == 0 || m.Members == nil || m.Members.Set || len(m.Members.Remove) != 1 {
		t.Errorf("rename and remove: %+v", m)
	}
	r.must(t, 204, "PATCH", "/Groups/"+group, `{"Operations":[{"op":"add","path":"members","value":[{"value":"`+ada+`"}]}]}`)
	if m := s.last(); m.Put != nil || m.Members == nil || m.Members.Set || len(m.Members.Add) != 1 {
		t.Errorf("add: %+v", m)
	}
	if s.listed != 1 {
		t.Errorf("members listed %d times, want once, for the answer to the POST", s.listed)
	}
	count = len(s.mutations)
	r.must(t, 200, "PATCH", "/Users/"+ada, `{"Operations":[{"op":"replace","path":"active","value":"True"}]}`)
	if len(s.mutations) != count {
		t.Error("a push that changes nothing was written")
	}
}

// compete lets another writer change a user's title just before each of the next n writes.
func compete(s *spy, id string, n int) {
	title := 0
	s.before.write = func(mutations []state.Mutation) {
		if n == 0 || mutations[0].Cause.Kind != state.CausePush {
			return
		}
		n--
		title++
		rec, err := s.Store.Record(context.Background(), acme, state.KindAccount, state.ID(id))
		if err != nil {
			panic(err)
		}
		resource := strings.Replace(string(rec.Resource), `"userName"`, fmt.Sprintf(`"title":"t%d","userName"`, title), 1)
		_, err = s.Store.Write(state.Urgent, []state.Mutation{{
			Scope: acme, Kind: state.KindAccount, ID: state.ID(id), Cause: state.Cause{Kind: state.CausePull},
			Put: &state.Put{Base: rec.Version, Resource: mustNormalize(resource)},
		}})
		if err != nil {
			panic(err)
		}
	}
}

func TestRacesAreDecidedAgain(t *testing.T) {
	patch := `{"Operations":[{"op":"replace","path":"nickName","value":"A"}]}`
	t.Run("won in the end", func(t *testing.T) {
		s := &spy{Store: statetest.NewModel()}
		r := newReceiver(t, s)
		id := r.createUser(t, "ada@acme.example")
		compete(s, id, 1)
		got := r.must(t, 200, "PATCH", "/Users/"+id, patch)
		if got["nickName"] != "A" || got["title"] != "t1" {
			t.Errorf("one of two changes is lost: %v", got)
		}
	})
	t.Run("lost by a client that named its version", func(t *testing.T) {
		s := &spy{Store: statetest.NewModel()}
		r := newReceiver(t, s)
		id := r.createUser(t, "ada@acme.example")
		compete(s, id, 1)
		r.must(t, 412, "PATCH", "/Users/"+id, patch, "If-Match", "*")
	})
	t.Run("never won", func(t *testing.T) {
		s := &spy{Store: statetest.NewModel()}
		r := newReceiver(t, s)
		id := r.createUser(t, "ada@acme.example")
		s.before.write = func(mutations []state.Mutation) { mutations[0].Put.Base = 99 }
		got := r.do(t, "PATCH", "/auth/scim/Users/"+id, patch)
		if got.status != 503 || got.header.Get("Retry-After") == "" {
			t.Errorf("status %d, Retry-After %q; want 503 and when to come back", got.status, got.header.Get("Retry-After"))
		}
	})
}

func TestSecretsAreNeverKept(t *testing.T) {
	const secret = "hunter2"
	var log bytes.Buffer
	s := &spy{Store: statetest.NewModel()}
	r := newReceiver(t, s, func(c *scimapi.Config) {
		c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	r.must(t, 201, "POST", "/Users", `{"userName":"a@acme.example","password":"`+secret+`"}`)
	id := r.must(t, 201, "POST", "/Users", `{"userName":"b@acme.example","p\u0061ssword":"`+secret+`"}`)["id"].(string)
	changes := []string{
		`{"Operations":[{"op":"replace","value":{"PASSWORD":"` + secret + `","title":"1"}}]}`,
		`{"Operations":[{"op":"replace","path":"Password","value":"` + secret + `"},{"op":"replace","path":"title","value":"2"}]}`,
		`{"Operations":[{"op":"replace","value":"` + secret + `","path":"urn:ietf:params:scim:schemas:core:2.0:User:password"},{"op":"replace","path":"title","value":"3"}]}`,
		`{"Operations":[{"op":"replace","value":{"urn:ietf:params:scim:schemas:core:2.0:User:password":"` + secret + `","title":"4"}}]}`,
	}
	for i, change := range changes {
		if got := r.do(t, "PATCH", "/auth/scim/Users/"+id, change); got.status != 200 || bytes.Contains(got.body, []byte(secret)) {
			t.Errorf("change %d: %d %s", i, got.status, got.body)
		}
	}
	r.do(t, "POST", "/auth/scim/Users", `{"userName":"a@acme.example","password":"`+secret+`"}`)
	r.do(t, "POST", "/auth/scim/Users", `{"userName":1,"password":{"value":"`+secret+`"}}`)
	r.do(t, "POST", "/auth/scim/Users", `{"password":"`+secret+`"`)
	r.do(t, "POST", "/auth/scim/Users", `{"p\u0061ssword":"`+secret+`"`)
	r.do(t, "GET", "/auth/scim/Users?filter=password+eq+%22"+secret+"%22", "")
	r.do(t, "GET", "/auth/scim/Users?filter=p%61ssword+eq+%22"+secret+"%22", "")
	r.do(t, "POST", "/auth/scim/Users/.search", `{"filter":"password eq \"`+secret+`\""}`)

	if len(s.mutations) != 7 || len(s.kept()) != 7 {
		t.Fatalf("%d mutations and %d failed pushes, want 7 and 7", len(s.mutations), len(s.kept()))
	}
	for i, m := range s.mutations {
		if strings.Contains(fmt.Sprintf("%+v %s", m.Put, m.Request.Body), secret) {
			t.Errorf("mutation %d keeps it: %+v %s", i, m.Put, m.Request.Body)
		}
		if len(m.Request.Body) == 0 {
			t.Errorf("mutation %d keeps no body", i)
		}
	}
	for _, f := range s.kept() {
		if strings.Contains(fmt.Sprintf("%s %s %s %s", f.Path, f.Body, f.Answer, f.Detail), secret) {
			t.Errorf("a failed push keeps it: %s %s", f.Path, f.Body)
		}
	}
	if strings.Contains(log.String(), secret) || strings.Contains(log.String(), "acme.example") {
		t.Errorf("the log tells too much:\n%s", log.String())
	}
	if !strings.Contains(log.String(), "answered") {
		t.Error("nothing was logged")
	}
}

func TestFailedPushesAreKept(t *testing.T) {
	s := &spy{Store: statetest.NewModel()}
	r := newReceiver(t, s)
	id := r.createUser(t, "ada@acme.example")
	cases := []struct {
		method, path, body string
		kept               bool
		status             int
	}{
		{"POST", "/Users", `{"userName":"ADA@acme.example","title":"x"}`, true, 409},
		{"POST", "/Users", `{`, true, 400},
		{"PATCH", "/Users/" + id, `{"Operations":[{"op":"remove"}]}`, true, 400},
		{"PATCH", "/Users/none", `{"Operations":[{"op":"remove","path":"title"}]}`, true, 404},
		{"DELETE", "/Users/none", ``, true, 404},
		{"GET", "/Users?filter=colour+pr", ``, true, 400},
		{"GET", "/Users/none", ``, true, 404}, // one a minute
		{"GET", "/Users/none", ``, false, 404},
		{"GET", "/nowhere", ``, false, 404},
		{"GET", "/Users/" + id, ``, false, 200},
		{"POST", "/Me", ``, true, 501},
	}
	for _, c := range cases {
		before := len(s.kept())
		r.must(t, c.status, c.method, c.path, c.body)
		kept := s.kept()[before:]
		if (len(kept) == 1) != c.kept {
			t.Errorf("%s %s: %d kept, want %v", c.method, c.path, len(kept), c.kept)
			continue
		}
		if !c.kept {
			continue
		}
		if k := kept[0]; k.Status != c.status || k.Detail == "" || string(k.Body) != c.body || k.Path != "/auth/scim"+c.path || len(k.Answer) == 0 || k.ID == "" {
			t.Errorf("%s %s: kept %+v", c.method, c.path, k)
		}
	}
	r.do(t, "POST", "/auth/scim/Users", `{`, "Authorization", "Bearer nothing")
	if n := len(s.kept()); n != 8 {
		t.Errorf("%d kept, want 8: a request without a key belongs to nobody", n)
	}
	if n, own := r.counts.of(scimapi.UnknownID), r.handler.UnknownIDs(acme.Source); n != 4 || own != 4 || r.handler.UnknownIDs(globex.Source) != 0 {
		t.Errorf("%d requests for unknown ids counted, %d of the source, want 4", n, own)
	}
	large := `{"userName":"ada@acme.example","title":"` + strings.Repeat("é", 20_000) + `"}`
	r.must(t, 409, "POST", "/Users", large)
	all := s.kept()
	if body := all[len(all)-1].Body; len(body) > 16<<10 || len(body) < 16<<10-4 || !strings.HasPrefix(large, string(body)) {
		t.Errorf("%d bytes kept of %d", len(body), len(large))
	}
}

func TestUnknownAttributesAreCounted(t *testing.T) {
	r := newReceiver(t, statetest.NewModel())
	id := r.must(t, 201, "POST", "/Users", `{"userName":"ada@acme.example","colour":"teal","shoe":{"size":7}}`)["id"].(string)
	r.must(t, 200, "PATCH", "/Users/"+id, `{"Operations":[{"op":"add","path":"colour","value":"teal"}]}`)
	if n := r.counts.of(scimapi.UnknownAttribute); n != 3 {
		t.Errorf("%d counted, want 3", n)
	}
}

func TestLargeGroup(t *testing.T) {
	const size = 3_000
	s := &spy{Store: statetest.NewModel()}
	r := newReceiver(t, s)
	var members []string
	for i := range size {
		members = append(members, `{"value":"`+r.createUser(t, fmt.Sprintf("u%d@acme.example", i))+`"}`)
	}
	body := `{"displayName":"All","members":[` + strings.Join(members, ",") + `]}`
	created := r.must(t, 201, "POST", "/Groups", body)
	id := created["id"].(string)
	for _, path := range []string{"/Groups/" + id, "/Groups/" + id + "?attributes=members"} {
		if got := r.must(t, 200, "GET", path, "")["members"].([]any); len(got) != size {
			t.Errorf("%s: %d members, want %d", path, len(got), size)
		}
	}
	list := r.must(t, 200, "GET", "/Groups", "")["Resources"].([]any)
	if got := list[0].(map[string]any)["members"].([]any); len(list) != 1 || len(got) != size {
		t.Errorf("%d groups, %d members", len(list), len(got))
	}

	s.listed = 0
	r.must(t, 200, "GET", "/Groups/"+id+"?excludedAttributes=members", "")
	r.must(t, 200, "GET", "/Groups?excludedAttributes=members", "")
	r.must(t, 200, "GET", "/Groups?attributes=displayName", "")
	r.must(t, 200, "GET", "/Groups?filter=members+eq+%22nobody%22&excludedAttributes=members", "")
	r.must(t, 204, "PATCH", "/Groups/"+id, `{"Operations":[{"op":"remove","path":"members","value":[`+members[0]+`]}]}`)
	if s.listed != 0 {
		t.Errorf("members were read %d times for answers that do not show them", s.listed)
	}

	s.before.members = func(yield func(state.Ref) bool) (bool, error) {
		for range 2_000 {
			if !yield(state.Ref{ID: "x", Kind: state.KindAccount}) {
				return true, nil
			}
		}
		return true, fmt.Errorf("disk on fire")
	}
	req, _ := http.NewRequest("GET", r.url+"/auth/scim/Groups/"+id, nil)
	req.Header.Set("Authorization", r.key)
	res, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if data, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("an answer that broke off looks whole: %d bytes, JSON %v", len(data), json.Valid(data))
	}
	s.before.members = nil
	r.must(t, 200, "GET", "/Groups/"+id, "")
}

func TestScanBudget(t *testing.T) {
	r := newReceiver(t, statetest.NewModel(), func(c *scimapi.Config) { c.Limits.Scan = 3 })
	for i := range 3 {
		r.createUser(t, fmt.Sprintf("u%d@acme.example", i))
	}
	r.must(t, 200, "GET", "/Users?filter=title+pr", "")
	r.createUser(t, "u3@acme.example")
	if got := r.must(t, 400, "GET", "/Users?filter=title+pr", ""); got["scimType"] != "tooMany" {
		t.Errorf("scimType %v", got["scimType"])
	}
	found := r.must(t, 200, "GET", "/Users?filter=userName+eq+%22u3@acme.example%22+and+active+eq+true", "")
	if found["totalResults"] != 1.0 {
		t.Errorf("%v", found)
	}
	r.must(t, 200, "GET", "/Users", "")
}

func TestPaging(t *testing.T) {
	r := newReceiver(t, statetest.NewModel(), func(c *scimapi.Config) { c.Limits.Page = 2; c.Limits.MaxPage = 3 })
	for i := range 5 {
		r.createUser(t, fmt.Sprintf("u%d@acme.example", i))
	}
	for query, want := range map[string]float64{"": 2, "?count=3": 3, "?count=100": 3, "?startIndex=5": 1, "?filter=userName+pr": 2, "?filter=userName+pr&count=9&startIndex=4": 2} {
		got := r.must(t, 200, "GET", "/Users"+query, "")
		if got["itemsPerPage"] != want || got["totalResults"] != 5.0 || float64(len(got["Resources"].([]any))) != want {
			t.Errorf("%q: %v on the page of %v, want %v of 5", query, got["itemsPerPage"], got["totalResults"], want)
		}
	}
}

func TestStrictDialectLooksOnce(t *testing.T) {
	var dialect scimapi.Dialect
	r := newReceiver(t, statetest.NewModel(), func(c *scimapi.Config) {
		c.Sources = func(string) (scimapi.Source, bool) {
			return scimapi.Source{Tenant: acme.Tenant, Dialect: dialect}, true
		}
	})
	r.createUser(t, "ada@acme.example")
	for d, want := range map[scimapi.Dialect]float64{scimapi.Lenient: 1, scimapi.Strict: 0} {
		dialect = d
		if got := r.must(t, 200, "GET", "/Users?filter=userName+eq+%22ada%2540acme.example%22", "")["totalResults"]; got != want {
			t.Errorf("dialect %q: %v found, want %v", d, got, want)
		}
	}
}

func TestMetrics(t *testing.T) {
	r := newReceiver(t, statetest.NewModel())
	id := r.createUser(t, "ada@acme.example")
	r.must(t, 200, "GET", "/Users/"+id, "")
	r.must(t, 404, "GET", "/Users/none", "")
	r.must(t, 401, "GET", "/Users", "", "Authorization", "")
	r.must(t, 405, "BREW", "/Users", "")
	for _, want := range []string{"acme-entra /Users POST 2xx", "acme-entra /Users/{id} GET 2xx", "acme-entra /Users/{id} GET 4xx", "  GET 4xx", "acme-entra /Users other 4xx"} {
		if r.counts.answered[want] != 1 {
			t.Errorf("%q counted %d times: %v", want, r.counts.answered[want], r.counts.answered)
		}
	}
}
