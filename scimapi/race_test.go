package scimapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// TestPushesAtOnce changes one user and one group from many clients at the same time. Everything that was answered with success is there
// in the end.
func TestPushesAtOnce(t *testing.T) {
	attributes := []string{"title", "nickName", "displayName", "locale", "timezone", "preferredLanguage", "userType", "externalId"}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t, open(t))
			user := r.createUser(t, "ada@acme.example")
			group := r.must(t, 201, "POST", "/Groups", `{"displayName":"Team"}`)["id"].(string)
			var clients sync.WaitGroup
			answers := make([]answer, 2*len(attributes))
			for i, attribute := range attributes {
				member := r.createUser(t, fmt.Sprintf("u%d@acme.example", i))
				clients.Go(func() {
					answers[2*i] = r.do(t, http.MethodPatch, "/auth/scim/Users/"+user, `{"Operations":[{"op":"replace","path":"`+attribute+`","value":"`+attribute+`"}]}`)
				})
				clients.Go(func() {
					answers[2*i+1] = r.do(t, http.MethodPatch, "/auth/scim/Groups/"+group, `{"Operations":[{"op":"add","path":"members","value":[{"value":"`+member+`"}]}]}`)
				})
			}
			clients.Wait()
			for _, a := range answers {
				if a.status >= 300 {
					t.Errorf("status %d: %s", a.status, a.body)
				}
			}
			got := r.must(t, 200, "GET", "/Users/"+user, "")
			for _, attribute := range attributes {
				if got[attribute] != attribute {
					t.Errorf("%s is %v: a change is lost", attribute, got[attribute])
				}
			}
			if members := r.must(t, 200, "GET", "/Groups/"+group, "")["members"].([]any); len(members) != len(attributes) {
				t.Errorf("%d members, want %d", len(members), len(attributes))
			}
		})
	}
}

// TestSameNameAtOnce creates one user from many clients at the same time: one of them does, the others hear that it is taken.
func TestSameNameAtOnce(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t, open(t))
			var clients sync.WaitGroup
			var statuses [8]int
			for i := range statuses {
				clients.Go(func() {
					name := "ada@acme.example"
					if i%2 == 0 {
						name = strings.ToUpper(name)
					}
					statuses[i] = r.do(t, http.MethodPost, "/auth/scim/Users", `{"userName":"`+name+`"}`).status
				})
			}
			clients.Wait()
			count := map[int]int{}
			for _, status := range statuses {
				count[status]++
			}
			if count[201] != 1 || count[409] != len(statuses)-1 {
				t.Errorf("statuses %v, want one 201 and the others 409", statuses)
			}
		})
	}
}
