package scimapi_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/scimapi"
	"rollcall/state"
	"rollcall/state/statetest"
)

// TestBulkResolvesAnyReferences makes groups that have each other as members in any way, in any order, some of which cannot be made. Those
// that refer to none of these, however far around, are made with just the members they name; nothing is left of the others.
func TestBulkResolvesAnyReferences(t *testing.T) {
	r := newReceiver(t, statetest.NewModel())
	r.must(t, 201, "POST", "/Groups", `{"displayName":"taken"}`)
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 7).Draw(rt, "groups")
		members := make([][]int, n)
		sound := make([]bool, n)
		var operations []string
		for i := range n {
			members[i] = rapid.SliceOfNDistinct(rapid.IntRange(0, n-1), 0, n, rapid.ID).Draw(rt, "members")
			sound[i] = rapid.IntRange(0, 5).Draw(rt, "sound") > 0
			name := fmt.Sprintf("g%d", i)
			if !sound[i] {
				name = "taken"
			}
			var refs []string
			for _, m := range members[i] {
				refs = append(refs, fmt.Sprintf(`{"value":"bulkId:b%d"}`, m))
			}
			operations = append(operations, fmt.Sprintf(`{"method":"POST","path":"/Groups","bulkId":"b%d","data":{"displayName":%q,"members":[%s]}}`, i, name, strings.Join(refs, ",")))
		}
		for range n { // whoever refers to one that fails fails
			for i := range n {
				sound[i] = sound[i] && !slices.ContainsFunc(members[i], func(m int) bool { return !sound[m] })
			}
		}
		answer := r.must(t, 200, "POST", "/Bulk", `{"Operations":[`+strings.Join(operations, ",")+`]}`)["Operations"].([]any)
		ids := make([]string, n)
		for i, item := range answer {
			op := item.(map[string]any)
			if op["bulkId"] != fmt.Sprintf("b%d", i) || (op["status"] == "201") != sound[i] {
				rt.Fatalf("operation %d should succeed %v: %v", i, sound[i], op)
			}
			if location, _ := op["location"].(string); location != "" {
				ids[i] = location[strings.LastIndexByte(location, '/')+1:]
			}
		}
		made := 1
		for i := range n {
			if !sound[i] {
				continue
			}
			made++
			var want, got []string
			for _, m := range members[i] {
				want = append(want, ids[m])
			}
			group := r.must(t, 200, "GET", "/Groups/"+ids[i], "")
			for _, member := range group["members"].([]any) {
				got = append(got, member.(map[string]any)["value"].(string))
			}
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" || answer[i].(map[string]any)["version"] != group["meta"].(map[string]any)["version"] {
				rt.Fatalf("group %d, version %v:\n%s", i, answer[i].(map[string]any)["version"], diff)
			}
		}
		if total := r.must(t, 200, "GET", "/Groups?count=0", "")["totalResults"]; total != float64(made) {
			rt.Fatalf("%v groups, want %d", total, made)
		}
		for _, id := range ids {
			if id != "" {
				r.must(t, 204, "DELETE", "/Groups/"+id, "")
			}
		}
	})
}

// TestBulkIsSingleRequests looks at what a bulk request leaves behind: a mutation with a request of its own for each operation that changed
// something, a kept failure for each that did not, and no secret in any.
func TestBulkIsSingleRequests(t *testing.T) {
	s := &spy{Store: statetest.NewModel()}
	r := newReceiver(t, s)
	id := r.createUser(t, "ada@acme.example")
	before := len(s.mutations)
	got := r.must(t, 200, "POST", "/Bulk", `{"Operations":[
		{"method":"POST","path":"/Users","bulkId":"b","data":{"userName":"bob@acme.example","password":"hunter2","colour":"teal"}},
		{"method":"PATCH","path":"/Users/`+id+`","data":{"Operations":[{"op":"replace","path":"password","value":"hunter2"},{"op":"replace","path":"title","value":"x"}]}},
		{"method":"PATCH","path":"/Users/`+id+`","data":{"Operations":[{"op":"replace","path":"title","value":"x"}]}},
		{"method":"PUT","path":"/Users/none","data":{"userName":"x","password":"hunter2"}},
		{"method":"POST","path":"/Users","bulkId":"c","data":{"userName":7,"password":"hunter2"}},
		{"method":"PATCH","path":"/Users/`+id+`","data":{"Operations":[{"op":"replace","path":"active","value":false}]}}]}`)
	var statuses []any
	for _, op := range got["Operations"].([]any) {
		statuses = append(statuses, op.(map[string]any)["status"])
	}
	if diff := cmp.Diff([]any{"201", "200", "200", "404", "400", "200"}, statuses); diff != "" {
		t.Error(diff)
	}
	if len(s.mutations) != before+3 {
		t.Fatalf("%d mutations, want 3", len(s.mutations)-before)
	}
	requests := map[string]bool{}
	for _, m := range s.mutations[before:] {
		q := m.Request
		requests[q.ID] = true
		if q.KeyID == "" || q.Scope != acme || !strings.HasPrefix(q.Path, "/auth/scim/Users") || len(q.Body) == 0 || bytes.Contains(q.Body, []byte("hunter2")) || m.Cause.Kind != state.CausePush {
			t.Errorf("request %+v", q)
		}
	}
	for _, f := range s.kept() {
		requests[f.ID] = true
		if f.Detail == "" || f.Status < 400 || bytes.Contains(f.Body, []byte("hunter2")) {
			t.Errorf("kept %+v", f)
		}
	}
	if len(requests) != 5 || len(s.kept()) != 2 {
		t.Errorf("%d requests are kept, %d of them failures; want 5 and 2", len(requests), len(s.kept()))
	}
	for event, want := range map[scimapi.Event]int{scimapi.UnknownID: 1, scimapi.UnknownAttribute: 1, scimapi.UnknownForm: 1, scimapi.Deactivated: 1} {
		if n := r.counts.of(event); n != want {
			t.Errorf("%s counted %d times, want %d", event, n, want)
		}
	}
	if n := r.counts.answered["acme-entra /Bulk POST 2xx"]; n != 1 || r.counts.answered["acme-entra /Users/{id} PATCH 2xx"] != 0 {
		t.Errorf("%v", r.counts.answered)
	}
	if s.listed != 0 {
		t.Error("members were read for an answer that does not show them")
	}
}

// TestBulkOutlivesItsOperations has the store fail and panic under one operation.
func TestBulkOutlivesItsOperations(t *testing.T) {
	s := &spy{Store: statetest.NewModel()}
	r := newReceiver(t, s)
	id := r.createUser(t, "ada@acme.example")
	for _, fault := range []func() error{func() error { return fmt.Errorf("disk on fire") }, func() error { panic("disk on fire") }} {
		s.before.record = fault
		got := r.do(t, "POST", "/auth/scim/Bulk", `{"Operations":[{"method":"DELETE","path":"/Users/`+id+`"},{"method":"POST","path":"/Users","bulkId":"b","data":{"userName":"b"}}]}`)
		s.before.record = nil
		for _, want := range []string{`"status":"500"`, `"status":"201"`} {
			if got.status != 200 || !bytes.Contains(got.body, []byte(want)) || bytes.Contains(got.body, []byte("fire")) {
				t.Errorf("%d %s", got.status, got.body)
			}
		}
		found := r.must(t, 200, "GET", "/Users?filter=userName+eq+%22b%22", "")["Resources"].([]any)
		r.must(t, 204, "DELETE", "/Users/"+found[0].(map[string]any)["id"].(string), "")
	}
	r.must(t, 200, "GET", "/Users/"+id, "")
}

// TestBulksAtOnce has many bulk requests add to one group and make the same user at the same time.
func TestBulksAtOnce(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t, open(t))
			group := r.must(t, 201, "POST", "/Groups", `{"displayName":"Team"}`)["id"].(string)
			var clients sync.WaitGroup
			made := make([]int, 6)
			for i := range made {
				clients.Go(func() {
					var operations []string
					for n := range 5 {
						operations = append(operations,
							fmt.Sprintf(`{"method":"PATCH","path":"/Groups/%s","data":{"Operations":[{"op":"add","path":"members","value":[{"value":"bulkId:u%d"}]}]}}`, group, n),
							fmt.Sprintf(`{"method":"POST","path":"/Users","bulkId":"u%d","data":{"userName":"u%d.%d"}}`, n, i, n))
					}
					operations = append(operations, `{"method":"POST","path":"/Users","bulkId":"same","data":{"userName":"same"}}`)
					body := r.do(t, "POST", "/auth/scim/Bulk", `{"Operations":[`+strings.Join(operations, ",")+`]}`).body
					made[i] = bytes.Count(body, []byte(`"status":"2`))
				})
			}
			clients.Wait()
			slices.Sort(made)
			if diff := cmp.Diff([]int{10, 10, 10, 10, 10, 11}, made); diff != "" {
				t.Error(diff)
			}
			count := 0
			err := r.store.Members(context.Background(), acme, state.ID(group), func(state.Ref) bool { count++; return true })
			if err != nil || count != 30 {
				t.Errorf("%d members, %v; want 30", count, err)
			}
		})
	}
}
