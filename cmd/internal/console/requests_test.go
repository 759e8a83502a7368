package console

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"rollcall/state"
)

func TestRequestsAreEmptyAtFirst(t *testing.T) {
	f := newFixture(t)
	f.get(victor, "/requests").shows(200, "What providers sent", "Nothing has been pushed yet")
	f.get(victor, "/requests?outcome=refused&source=acme-entra").shows(200, "What was refused for acme-entra", "Nothing was refused", "every push of acme-entra was taken")
	f.get(victor, "/requests?source=acme-entra").shows(200, "Nothing has come", "Its set-up")
	f.get(victor, "/requests?source=nobody").shows(404, "There is no such source")
	f.get(victor, "/requests/none").shows(404, "not kept any more")
}

func TestRequestsAreListed(t *testing.T) {
	f := newFixture(t)
	id := state.NewID()
	f.write(state.Mutation{Scope: acme, Kind: state.KindAccount, ID: id, Cause: byPush, Put: &state.Put{Resource: f.value(`{"userName":"ada@acme.example"}`)},
		Request: &state.Request{ID: "r-accepted", Scope: acme, At: f.clock.Now(), KeyID: "key-1", Method: "POST", Path: "/auth/scim/Users", Status: 201, Body: []byte(`{"userName":"ada@acme.example"}`)}})
	f.failed(globex, state.Request{KeyID: "key-2", Method: "GET", Path: `/auth/scim/Users?filter=userName+eq+%22ada%22`, Status: 400, Detail: "the filter is cut"})
	p := f.get(victor, "/requests").shows(200, "POST /auth/scim/Users", "accepted", "201", `GET /auth/scim/Users?filter=userName eq "ada"`, "refused", "the filter is cut", "acme-entra", "globex-okta")
	if strings.Index(p.text(), "GET /auth") > strings.Index(p.text(), "POST /auth") {
		t.Error("the newest does not come first")
	}
	f.get(victor, "/requests?outcome=refused").shows(200, "the filter is cut").hides("POST /auth/scim/Users")
	f.get(victor, "/requests?source=acme-entra").shows(200, "POST /auth/scim/Users").hides("the filter is cut")
	p = f.get(victor, "/requests/r-accepted").shows(200, "POST for acme-entra was accepted with 201", `"userName": "ada@acme.example"`, "The answer to a request that succeeded is not kept")
	if !slices.Contains(p.values("a", "href"), "/users/"+string(id)) {
		t.Errorf("the page does not lead to the account: %q", p.values("a", "href"))
	}
}

func TestRequestsArePaged(t *testing.T) {
	f := newFixture(t)
	const all = 2*requestsPerPage + 5
	for i := range all {
		f.store.LogRequest(state.Request{ID: fmt.Sprintf("r%04d", i), Scope: acme, At: f.clock.Now(), Method: "PATCH", Path: "/auth/scim/Users/x", Status: 404, Detail: strings.Repeat("words ", 20)})
	}
	f.failed(globex, state.Request{Method: "GET", Path: "/", Status: 400})
	var seen []string
	for at, pages := "/requests?outcome=refused&source=acme-entra", 0; at != ""; pages++ {
		p := f.get(victor, at).shows(200)
		if len(p.body) > 100<<10 {
			t.Errorf("a page has %d bytes, the limit is 100 KB", len(p.body))
		}
		at = ""
		for _, href := range p.values("a", "href") {
			if id, ok := strings.CutPrefix(href, "/requests/"); ok {
				seen = append(seen, id)
			} else if strings.Contains(href, "before=") {
				at = href
			}
		}
		if pages > 3 {
			t.Fatal("the list does not end")
		}
	}
	if len(seen) != all || seen[0] != "r0104" || seen[all-1] != "r0000" {
		t.Errorf("%d requests are listed, want %d", len(seen), all)
	}
}

func TestRefusedRequestIsExplained(t *testing.T) {
	f := newFixture(t)
	holder := f.account(acme, `{"userName":"ada@acme.example","displayName":"Ada Acker"}`)
	stranger := f.account(globex, `{"userName":"ada@acme.example","displayName":"Ada of Globex"}`)
	for _, c := range []struct {
		request state.Request
		shows   []string
		leads   []state.ID
	}{
		{
			state.Request{Method: "POST", Path: "/auth/scim/Users", Status: 409, Detail: "another account of this source already has this userName: it is that of " + string(holder.ID),
				Body: []byte(`{"userName":"ADA@acme.example"}`), Answer: []byte(`{"status":"409","scimType":"uniqueness","detail":"…"}`)},
			[]string{"POST for acme-entra was refused with 409", "uniqueness", "Make one of the two different at the provider", "Ada Acker", `"scimType": "uniqueness"`},
			[]state.ID{holder.ID},
		},
		{
			state.Request{Method: "PATCH", Path: "/auth/scim/Users/" + string(stranger.ID), Status: 404, Detail: "there is no resource with this id"},
			[]string{"Restart provisioning, or unassign", "nothing that is recorded", "No body, or none that may be kept"}, nil,
		},
		{
			state.Request{Method: "PATCH", Path: "/auth/scim/Users/" + string(holder.ID), Status: 400, Detail: "id cannot be written", Answer: []byte(`{"scimType":"mutability"}`)},
			[]string{"Take its row out of the attribute mapping"}, []state.ID{holder.ID},
		},
		{
			state.Request{Method: "POST", Path: "/auth/scim/Bulk", Status: 413, Detail: "too large", Body: []byte(`{"Operations":[{"me`)},
			[]string{"let the provider send less at a time", `{"Operations":[{"me`}, nil,
		},
	} {
		p := f.get(victor, "/requests/"+f.failed(acme, c.request)).shows(200, c.shows...).hides("Ada of Globex")
		var leads []state.ID
		for _, href := range p.values("a", "href") {
			if id, ok := strings.CutPrefix(href, "/users/"); ok {
				leads = append(leads, state.ID(id))
			}
		}
		if !slices.Equal(leads, c.leads) {
			t.Errorf("%s %s leads to %q, want %q", c.request.Method, c.request.Path, leads, c.leads)
		}
	}
}

func TestHostileRequestIsHarmless(t *testing.T) {
	f := newFixture(t)
	id := f.failed(acme, state.Request{
		KeyID: `"><script>k</script>`, Method: "GET", Path: "/auth/scim/Users/%3Cscript%3Ealert(1)%3C/script%3E%E2%80%AE%0Aevil", Status: 400,
		Detail: "<img src=x onerror=alert(1)> \u202e\u0007", Body: []byte("{\"userName\":\"\u202eada\\u0007<script>\",\"x\":\"\xff\"}"), Answer: []byte(`{"scimType":"<script>"}`),
	})
	for _, path := range []string{"/requests", "/requests/" + id, "/setup/acme-entra"} {
		p := f.get(olga, path).shows(200)
		for _, bad := range []string{"<script>", "<img", "\u202e", "\u0007", "\n\u202e"} {
			if strings.Contains(p.body, bad) {
				t.Errorf("%s holds %q as it was sent", path, bad)
			}
		}
	}
}

// TestDeepBodyStaysAsItWas: laid out, it would be a hundred megabytes.
func TestDeepBodyStaysAsItWas(t *testing.T) {
	f := newFixture(t)
	for _, body := range []string{strings.Repeat("[", 8000) + strings.Repeat("]", 8000), strings.Repeat("[", 30) + strings.Repeat("0,", 7900) + "0" + strings.Repeat("]", 30)} {
		p := f.get(victor, "/requests/"+f.failed(acme, state.Request{Method: "POST", Path: "/auth/scim/Users", Status: 400, Body: []byte(body)}))
		if p.shows(200, body); len(p.body) > 30<<10 {
			t.Errorf("a body of %d bytes makes a page of %d", len(body), len(p.body))
		}
	}
}

// TestEveryHintIsASentence holds the hints to what they are for: each tells something to do, and no accepted request has one.
func TestEveryHintIsASentence(t *testing.T) {
	for status := 400; status < 600; status++ {
		for _, shape := range []string{"/Users", "/Users/(id)", "/"} {
			if h := hint(status, "", shape); !strings.HasSuffix(h, ".") {
				t.Errorf("hint of %d at %s is %q", status, shape, h)
			}
		}
	}
	for scimType := range typeHints {
		if hint(400, scimType, "/Users") == hint(400, "", "/Users") {
			t.Errorf("%s has no hint of its own", scimType)
		}
	}
	if h := hint(201, "", "/Users"); h != "" {
		t.Errorf("what was accepted has the hint %q", h)
	}
}
