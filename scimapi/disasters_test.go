package scimapi_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/scimapi"
	"rollcall/state"
	"rollcall/state/statetest"
)

// Each test of this file is a disaster that a push brought about somewhere else, and why it can't happen here. Those of pulls are in
// package sync.

// disaster runs a test on a receiver with each kind of store.
func disaster(t *testing.T, test func(t *testing.T, r *receiver), adjust ...func(*scimapi.Config)) {
	t.Helper()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) { test(t, newReceiver(t, open(t), adjust...)) })
	}
}

// inForce tells whether an account is in force.
func (r *receiver) inForce(t testing.TB, id string) bool {
	t.Helper()
	rec, err := r.store.Record(context.Background(), acme, state.KindAccount, state.ID(id))
	if err != nil {
		t.Fatal(err)
	}
	return rec.InForce
}

// users makes some users and returns their ids.
func (r *receiver) users(t testing.TB, n int) []string {
	t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = r.createUser(t, fmt.Sprintf("p%03d@acme.example", i))
	}
	return ids
}

// group makes a group with members.
func (r *receiver) group(t testing.TB, name string, members ...string) string {
	t.Helper()
	values := make([]string, len(members))
	for i, id := range members {
		values[i] = `{"value":"` + id + `"}`
	}
	return r.must(t, http.StatusCreated, "POST", "/Groups", `{"displayName":"`+name+`","members":[`+strings.Join(values, ",")+`]}`)["id"].(string)
}

// members are a group's, sorted.
func (r *receiver) members(t testing.TB, group string) []string {
	t.Helper()
	var ids []string
	err := r.store.Members(context.Background(), acme, state.ID(group), func(ref state.Ref) bool {
		ids = append(ids, string(ref.ID))
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(ids)
	return ids
}

func (r *receiver) wantMembers(t testing.TB, group string, ids ...string) {
	t.Helper()
	slices.Sort(ids)
	if got := r.members(t, group); !slices.Equal(got, ids) {
		t.Errorf("%d members, want %d", len(got), len(ids))
	}
}

// TestDisasterAbsentReadAsFalse: a field was made required that some providers leave out; what was missing became false, and for four
// days people were deactivated by whatever else was pushed about them.
func TestDisasterAbsentReadAsFalse(t *testing.T) {
	disaster(t, func(t *testing.T, r *receiver) {
		id := r.createUser(t, "ada@acme.example")
		for _, push := range [][2]string{
			{"PUT", `{"userName":"ada@acme.example","title":"Dr"}`},
			{"PUT", `{"userName":"ada@acme.example","active":null}`},
			{"PATCH", `{"Operations":[{"op":"replace","value":{"title":"Dr Dr"}}]}`},
			{"PATCH", `{"Operations":[{"op":"add","path":"nickName","value":"A"}]}`},
			{"PATCH", `{"Operations":[{"op":"remove","path":"active"}]}`},
		} {
			r.do(t, push[0], "/auth/scim/Users/"+id, push[1])
			if !r.inForce(t, id) {
				t.Errorf("%s %s deactivated her", push[0], push[1])
			}
		}
	})
}

// TestDisasterGroupChangeDeactivates: a change of a group was handled as if its members had left the company.
func TestDisasterGroupChangeDeactivates(t *testing.T) {
	disaster(t, func(t *testing.T, r *receiver) {
		ids := r.users(t, 3)
		group := r.group(t, "Sales", ids...)
		r.must(t, 200, "PUT", "/Groups/"+group, `{"displayName":"Sales","members":[{"value":"`+ids[0]+`"}]}`)
		r.do(t, "PATCH", "/auth/scim/Groups/"+group, `{"Operations":[{"op":"Remove","path":"members"}]}`)
		r.must(t, 204, "DELETE", "/Groups/"+group, "")
		for _, id := range ids {
			if !r.inForce(t, id) {
				t.Error("deactivated")
			}
		}
	})
}

// TestDisasterPushStorm: every member was suspended by pushes, all of them well formed, because the provider's group had been emptied.
// What is over the gate is said, and not in force.
func TestDisasterPushStorm(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			r, staged := gated(t, open(t), &gate{room: 5})
			ids := r.users(t, 40)
			for i, id := range ids {
				if i%2 == 0 {
					r.must(t, 200, "PATCH", "/Users/"+id, `{"Operations":[{"op":"Replace","path":"active","value":"False"}]}`)
				} else {
					r.do(t, "DELETE", "/auth/scim/Users/"+id, "")
				}
			}
			left := 0
			for _, id := range ids {
				if rec, err := r.store.Record(context.Background(), acme, state.KindAccount, state.ID(id)); err == nil && rec.InForce {
					left++
				}
			}
			if left != 35 || len(staged()) != 35 {
				t.Errorf("%d are left, %d staged; want 35 of each", left, len(staged()))
			}
		})
	}
}

// TestDisasterListRewrittenFromAStaleCopy: members were added by reading the list, from a replica that lagged, and writing it back
// whole: of two additions at a time one was lost.
func TestDisasterListRewrittenFromAStaleCopy(t *testing.T) {
	disaster(t, func(t *testing.T, r *receiver) {
		ids := r.users(t, 24)
		group := r.group(t, "Sales")
		var wg sync.WaitGroup
		for _, id := range ids {
			wg.Go(func() {
				got := r.do(t, "PATCH", "/auth/scim/Groups/"+group, `{"Operations":[{"op":"add","path":"members","value":[{"value":"`+id+`"}]}]}`)
				if got.status >= 300 {
					t.Errorf("status %d: %s", got.status, got.body)
				}
			})
		}
		wg.Wait()
		r.wantMembers(t, group, ids...)
	})
}

// TestDisasterLongListCutByAPatch: a group of more than a hundred was read by its first page, and a PATCH wrote that page back.
func TestDisasterLongListCutByAPatch(t *testing.T) {
	disaster(t, func(t *testing.T, r *receiver) {
		ids := r.users(t, 260)
		group := r.group(t, "Everyone", ids[:259]...)
		r.must(t, 204, "PATCH", "/Groups/"+group, `{"Operations":[{"op":"replace","path":"displayName","value":"All"}]}`)
		r.wantMembers(t, group, ids[:259]...)
		r.do(t, "PATCH", "/auth/scim/Groups/"+group, `{"Operations":[{"op":"add","path":"members","value":[{"value":"`+ids[259]+`"}]}]}`)
		r.wantMembers(t, group, ids...)
	})
}

// TestDisasterUnknownShape: a PATCH of a shape that was not known emptied groups in one release; in the next it was passed over with 200,
// so that leavers kept their access. Here it is refused, whole, and changes nothing.
func TestDisasterUnknownShape(t *testing.T) {
	disaster(t, func(t *testing.T, r *receiver) {
		ids := r.users(t, 3)
		group := r.group(t, "Sales", ids...)
		for _, body := range []string{
			`{"Operations":[{"op":"replace","path":"members","value":"nonsense"}]}`,
			`{"Operations":[{"op":"replace","path":"members","value":42}]}`,
			`{"Operations":[{"op":"remove","path":"members[value zz \"x\"]"}]}`,
			`{"Operations":[{"op":"remove","path":"members[display.x.y eq"}]}`,
			`{"Operations":[{"op":"explode","path":"members"}]}`,
			`{"Operations":[{"path":"members","value":[]}]}`,
			`{"Operations":"none"}`,
			`{}`,
		} {
			if got := r.do(t, "PATCH", "/auth/scim/Groups/"+group, body); got.status != http.StatusBadRequest {
				t.Errorf("%s: status %d: %s", body, got.status, got.body)
			}
			r.wantMembers(t, group, ids...)
		}
		before := r.counts.of(scimapi.UnknownAttribute) // what no schema knows is nobody's membership; it is left out, and counted
		r.do(t, "PATCH", "/auth/scim/Groups/"+group, `{"Operations":[{"op":"replace","path":"member","value":[]}]}`)
		if r.wantMembers(t, group, ids...); r.counts.of(scimapi.UnknownAttribute) != before+1 {
			t.Error("an attribute that nobody knows was left out in silence")
		}
	})
}

// TestDisasterStoredNobodyAnswered200: a group push was answered 200 and none of its members was stored.
func TestDisasterStoredNobodyAnswered200(t *testing.T) {
	disaster(t, func(t *testing.T, r *receiver) {
		ids := r.users(t, 2)
		group := r.group(t, "Sales", ids...)
		got := r.must(t, 200, "GET", "/Groups/"+group, "")
		if members, _ := got["members"].([]any); len(members) != 2 {
			t.Errorf("reads back %v", got["members"])
		}
		stranger := string(state.NewID())
		for _, body := range []string{
			`{"Operations":[{"op":"add","path":"members","value":[{"value":"` + stranger + `"}]}]}`,
			`{"Operations":[{"op":"replace","path":"members","value":[{"value":"` + stranger + `"}]}]}`,
		} {
			if got := r.do(t, "PATCH", "/auth/scim/Groups/"+group, body); got.status < 400 {
				t.Errorf("%s: status %d", body, got.status)
			}
			r.wantMembers(t, group, ids...)
		}
	})
}

// TestDisasterSpellingOfOperations: Add, Remove and Replace were passed over in silence because only lower case was known, and a member
// that was to be removed by a filter stayed, with 200.
func TestDisasterSpellingOfOperations(t *testing.T) {
	disaster(t, func(t *testing.T, r *receiver) {
		ids := r.users(t, 3)
		group := r.group(t, "Sales", ids[:2]...)
		r.do(t, "PATCH", "/auth/scim/Groups/"+group, `{"Operations":[{"op":"Add","path":"members","value":[{"value":"`+ids[2]+`"}]}]}`)
		r.wantMembers(t, group, ids...)
		r.do(t, "PATCH", "/auth/scim/Groups/"+group, `{"Operations":[{"op":"Remove","path":"members[value eq \"`+ids[2]+`\"]"}]}`)
		r.wantMembers(t, group, ids[:2]...)
		r.do(t, "PATCH", "/auth/scim/Groups/"+group, `{"Operations":[{"op":"Remove","path":"members","value":[{"value":"`+ids[1]+`"}]}]}`)
		r.wantMembers(t, group, ids[0])
		for _, word := range []string{`"False"`, `false`, `"false"`} {
			r.must(t, 200, "PATCH", "/Users/"+ids[0], `{"Operations":[{"op":"Replace","path":"active","value":`+word+`}]}`)
			if r.inForce(t, ids[0]) {
				t.Errorf("active is %s, and they are in force", word)
			}
			r.must(t, 200, "PATCH", "/Users/"+ids[0], `{"Operations":[{"op":"Replace","path":"active","value":"True"}]}`)
		}
	})
}

// TestDisasterPushesVanish: a connection that was switched off answered every push with 200 and nothing in it, before it had looked at
// the key. Here such a push is told to come back, or that its key is none.
func TestDisasterPushesVanish(t *testing.T) {
	disaster(t, func(t *testing.T, r *receiver) {
		dormant := r.issue(t, former, func(*state.Key) {})
		got := r.do(t, "POST", "/auth/scim/Users", `{"userName":"ada@acme.example"}`, "Authorization", "Bearer "+dormant)
		if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
			t.Errorf("dormant: status %d, Retry-After %q", got.status, got.header.Get("Retry-After"))
		}
		revoked := r.issue(t, acme, func(k *state.Key) { k.RevokedAt = time.Now().Add(-time.Hour) })
		if got := r.do(t, "POST", "/auth/scim/Users", `{"userName":"ada@acme.example"}`, "Authorization", "Bearer "+revoked); got.status != http.StatusUnauthorized {
			t.Errorf("revoked: status %d", got.status)
		}
	})
}

// TestDisasterIDsOfTheirChoice: an externalId that looked like an internal number was taken for one, and made its owner an administrator.
func TestDisasterIDsOfTheirChoice(t *testing.T) {
	disaster(t, func(t *testing.T, r *receiver) {
		ada := r.createUser(t, "ada@acme.example")
		for _, external := range []string{"1", ada} {
			got := r.must(t, 201, "POST", "/Users", `{"userName":"eve-`+external+`@acme.example","externalId":"`+external+`","id":"`+ada+`"}`)
			if id := got["id"].(string); id == external || id == ada {
				t.Errorf("externalId %s became id %s", external, id)
			}
		}
		if got := r.do(t, "GET", "/auth/scim/Users/1", ""); got.status != http.StatusNotFound {
			t.Errorf("an external id leads to a user: status %d", got.status)
		}
		if got := r.must(t, 200, "GET", "/Users/"+ada, ""); got["userName"] != "ada@acme.example" {
			t.Errorf("ada became %v", got["userName"])
		}
	})
}

// TestDisasterEncodedPathsSkipTheKey: a path that was written in another way reached the handler and not the check of the key.
func TestDisasterEncodedPathsSkipTheKey(t *testing.T) {
	r := newReceiver(t, statetest.NewModel())
	id := r.createUser(t, "ada@acme.example")
	for _, path := range []string{
		"/auth/scim/Users/" + id, "/auth/scim/%55sers/" + id, "/auth/scim%2FUsers%2F" + id, "/auth%2fscim/Users", "/auth/scim/./Users", "/auth/scim//Users",
		"/auth/scim/x/../Users", "/auth/scim/..;/scim/Users", "/auth/scim/%2555sers", "//auth/scim/Users", "/AUTH/scim/Users", "/auth/scim/Users/?x=%00",
	} {
		for _, key := range []string{"", "Bearer ", "Bearer wrong", "Basic Og==", "bearer"} {
			got := r.do(t, "GET", path, "", "Authorization", key)
			if got.status == 200 || strings.Contains(string(got.body), "ada@") {
				t.Errorf("%q with %q: status %d: %s", path, key, got.status, got.body)
			}
		}
	}
}

// TestDisasterPathsIntoThePrototype: the path of a PATCH was a key into the program's own objects.
func TestDisasterPathsIntoThePrototype(t *testing.T) {
	disaster(t, func(t *testing.T, r *receiver) {
		id := r.createUser(t, "ada@acme.example")
		for _, path := range []string{"__proto__.admin", "constructor.prototype.admin", "meta.version", "id", "groups"} {
			got := r.do(t, "PATCH", "/auth/scim/Users/"+id, `{"Operations":[{"op":"replace","path":"`+path+`","value":"x"}]}`)
			if path == "__proto__.admin" || path == "constructor.prototype.admin" {
				if got.status != http.StatusBadRequest {
					t.Errorf("%s: status %d: %s", path, got.status, got.body)
				}
			}
			if now := r.must(t, 200, "GET", "/Users/"+id, ""); now["id"] != id || now["groups"] != nil {
				t.Errorf("%s: became %v", path, now)
			}
		}
	})
}

// TestDisasterDeepFilter: a filter of many brackets overflowed the stack.
func TestDisasterDeepFilter(t *testing.T) {
	r := newReceiver(t, statetest.NewModel())
	deep := strings.Repeat("(", 3000) + "userName%20pr" + strings.Repeat(")", 3000)
	if got := r.do(t, "GET", "/auth/scim/Users?filter="+deep, ""); got.status != http.StatusBadRequest {
		t.Errorf("status %d", got.status)
	}
	nested := strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000)
	if got := r.do(t, "POST", "/auth/scim/Users", nested); got.status != http.StatusBadRequest {
		t.Errorf("a deep body: status %d", got.status)
	}
}

// TestDisasterAdoptedByMail: an account of somebody else was taken over by pushing a user with its mail address, and changing that after.
func TestDisasterAdoptedByMail(t *testing.T) {
	disaster(t, func(t *testing.T, r *receiver) {
		theirs := r.issue(t, globex, func(*state.Key) {})
		as := []string{"Authorization", "Bearer " + theirs}
		ada := r.must(t, 201, "POST", "/Users", `{"userName":"ada@acme.example","emails":[{"value":"ada@acme.example","type":"work"}]}`)["id"].(string)
		got := r.must(t, 201, "POST", "/Users", `{"userName":"ada@acme.example","emails":[{"value":"ada@acme.example","type":"work"}]}`, as...)
		if got["id"] == ada {
			t.Fatal("another tenant got her account")
		}
		for _, call := range [][2]string{
			{"GET", ""}, {"PATCH", `{"Operations":[{"op":"replace","path":"active","value":false}]}`}, {"PUT", `{"userName":"x@globex.example","active":false}`}, {"DELETE", ""},
		} {
			if got := r.do(t, call[0], "/auth/scim/Users/"+ada, call[1], as...); got.status != http.StatusNotFound {
				t.Errorf("%s by another tenant: status %d", call[0], got.status)
			}
		}
		list := r.must(t, 200, "GET", `/Users?filter=userName+eq+"ada@acme.example"`, "", as...)
		if list["totalResults"] != 1.0 || !r.inForce(t, ada) {
			t.Errorf("another tenant sees %v", list["totalResults"])
		}
		if got := r.do(t, "POST", "/auth/scim/Users", `{"userName":"eve@acme.example","emails":[{"value":"ada@acme.example"}]}`); got.status == 201 {
			if r.must(t, 200, "GET", "/Users/"+ada, "")["userName"] != "ada@acme.example" {
				t.Error("her account was adopted by its mail address")
			}
		}
	})
}

// TestDisasterEmptyKey: a key that was not set was equal to one that was empty.
func TestDisasterEmptyKey(t *testing.T) {
	r := newReceiver(t, statetest.NewModel())
	for _, header := range []string{"", "Bearer", "Bearer ", "Bearer  ", "Bearer null", "Bearer undefined", "Basic Og=="} {
		if got := r.do(t, "GET", "/auth/scim/Users", "", "Authorization", header); got.status != http.StatusUnauthorized {
			t.Errorf("%q: status %d", header, got.status)
		}
	}
}

// TestDisasterKeysForever: a key that leaked years ago still opened everything.
func TestDisasterKeysForever(t *testing.T) {
	disaster(t, func(t *testing.T, r *receiver) {
		old := r.issue(t, acme, func(k *state.Key) { k.ExpiresAt = time.Now().Add(-time.Minute) })
		if got := r.do(t, "GET", "/auth/scim/Users", "", "Authorization", "Bearer "+old); got.status != http.StatusUnauthorized {
			t.Errorf("status %d", got.status)
		}
	})
}

// TestDisasterTwoOfOneName: of creations at the same time each saw that the name was free, and there were two.
func TestDisasterTwoOfOneName(t *testing.T) {
	disaster(t, func(t *testing.T, r *receiver) {
		var mu sync.Mutex
		statuses := make(map[int]int)
		var wg sync.WaitGroup
		for i := range 16 {
			name := []string{"ada@acme.example", "ADA@acme.example"}[i%2]
			wg.Go(func() {
				got := r.do(t, "POST", "/auth/scim/Users", `{"userName":"`+name+`"}`)
				mu.Lock()
				defer mu.Unlock()
				statuses[got.status]++
			})
		}
		wg.Wait()
		if statuses[201] != 1 || statuses[409] != 15 {
			t.Errorf("answers %v, want one 201 and fifteen 409", statuses)
		}
	})
}

// TestDisasterSyntaxAroundTheChecks: what a POST refuses was let in by a PATCH, by a bulk request, or by saying it twice.
func TestDisasterSyntaxAroundTheChecks(t *testing.T) {
	disaster(t, func(t *testing.T, r *receiver) {
		id := r.createUser(t, "ada@acme.example")
		for _, push := range [][3]string{
			{"POST", "/Users", `{"userName":""}`},
			{"PUT", "/Users/" + id, `{"userName":""}`},
			{"PATCH", "/Users/" + id, `{"Operations":[{"op":"replace","path":"userName","value":""}]}`},
			{"PATCH", "/Users/" + id, `{"Operations":[{"op":"remove","path":"userName"}]}`},
			{"PATCH", "/Users/" + id, `{"Operations":[{"op":"replace","value":{"userName":""}}]}`},
			{"PUT", "/Users/" + id, `{"userName":"ada@acme.example","userName":"eve@acme.example"}`},
			{"PUT", "/Users/" + id, `{"userName":"ada@acme.example","USERNAME":"eve@acme.example"}`},
		} {
			if got := r.do(t, push[0], "/auth/scim"+push[1], push[2]); got.status != http.StatusBadRequest {
				t.Errorf("%s %s: status %d: %s", push[0], push[2], got.status, got.body)
			}
		}
		bulk := r.must(t, 200, "POST", "/Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[{"method":"PUT","path":"/Users/`+id+`","data":{"userName":""}}]}`)
		if ops, _ := bulk["Operations"].([]any); len(ops) != 1 || ops[0].(map[string]any)["status"] != "400" {
			t.Errorf("in bulk: %v", bulk)
		}
		if now := r.must(t, 200, "GET", "/Users/"+id, ""); now["userName"] != "ada@acme.example" {
			t.Errorf("became %v", now["userName"])
		}
	})
}

// TestDisasterNewMailNewUser: a push that changed the mail address marked the user as deleted.
func TestDisasterNewMailNewUser(t *testing.T) {
	disaster(t, func(t *testing.T, r *receiver) {
		id := r.createUser(t, "ada@acme.example")
		got := r.must(t, 200, "PATCH", "/Users/"+id, `{"Operations":[{"op":"Replace","path":"userName","value":"lovelace@acme.example"},{"op":"Add","path":"emails[type eq \"work\"].value","value":"lovelace@acme.example"}]}`)
		if got["id"] != id || got["active"] != true || !r.inForce(t, id) {
			t.Errorf("became %v", got)
		}
	})
}

// TestDisasterSuspensionEmptiesGroups: to be suspended cost people their groups.
func TestDisasterSuspensionEmptiesGroups(t *testing.T) {
	disaster(t, func(t *testing.T, r *receiver) {
		ids := r.users(t, 2)
		group := r.group(t, "Sales", ids...)
		for _, word := range []string{"false", "true"} {
			r.must(t, 200, "PATCH", "/Users/"+ids[0], `{"Operations":[{"op":"replace","path":"active","value":`+word+`}]}`)
			r.wantMembers(t, group, ids...)
		}
	})
}
