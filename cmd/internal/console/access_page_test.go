package console

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rollcall/state"
)

func TestAccessPage(t *testing.T) {
	f := newFixture(t)
	f.join("ann", state.RoleOperator, rightPassword)
	f.join("bob", state.RoleViewer, "")
	f.join("gone", state.RoleViewer, "")
	_, err := f.console.access("setup").Disable(t.Context(), "gone")
	f.must(err)
	ann, bob := f.signed("ann"), f.signed("bob")
	f.signed("ann")

	page := ann.get("/access").shows(http.StatusOK, "ann you operator", "2 browsers", "bob viewer", "one-time links alone", "1 browser", "gone viewer ○ disabled", "Let in again", "Add, and make a link", "setup disabled gone", "ann signed in by a one-time link", "setup let in bob as viewer")
	if got := page.title(); got != "1 person may change things here, 1 may look" {
		t.Errorf("the title is %q", got)
	}
	if strings.Contains(page.body, "argon2") {
		t.Error("the page shows a hash")
	}
	viewed := bob.get("/access").shows(http.StatusOK, "bob you").hides("Let in again", "Make operator", "Add, and make a link", "Disable")
	if forms := viewed.values("form", "action"); !slices.Equal(forms, []string{"/search", "/sign-out", "/access"}) {
		t.Errorf("a viewer is shown the forms %q", forms)
	}
	for _, path := range []string{"/access/add", "/access/role", "/access/disable", "/access/link"} {
		bob.post("/access", path, "name", "bob", "role", "operator").shows(http.StatusForbidden, "You may look, and not change")
	}
}

func TestOperatorsLetOthersIn(t *testing.T) {
	f := newFixture(t)
	f.join("ann", state.RoleOperator, "")
	ann := f.signed("ann")
	do := func(path string, form ...string) *page {
		t.Helper()
		return ann.post("/access", path, form...)
	}
	linkOn := func(p *page) string {
		t.Helper()
		for _, value := range p.shows(http.StatusOK, "shown this once").values("button", "data-copy") {
			if path, ok := strings.CutPrefix(value, "http://127.0.0.1:8081"); ok {
				return path
			}
		}
		t.Fatalf("there is no link: %s", p.body)
		return ""
	}
	first := linkOn(do("/access/add", "name", " bob@example.com ", "role", "viewer"))
	bob := f.browser()
	bob.post(first, first).leads("/")
	bob.get("/access").shows(http.StatusOK, "bob@example.com you viewer")
	for _, cookie := range ann.cookies {
		if strings.Contains(cookie, strings.TrimPrefix(first, linkPath)) {
			t.Error("the link is in a cookie")
		}
	}

	do("/access/role", "name", "bob@example.com", "role", "operator").leads("/access")
	ann.get("/access").shows(http.StatusOK, "The role was changed.")
	bob.get("/access").shows(http.StatusOK, "Add, and make a link")
	second := linkOn(do("/access/link", "name", "bob@example.com"))
	do("/access/disable", "name", "bob@example.com").leads("/access")
	bob.get("/access").leads("/sign-in?to=%2Faccess")
	f.browser().post(second, second).shows(http.StatusForbidden, "does not work any more")
	linkOn(do("/access/add", "name", "bob@example.com", "role", "operator"))

	before := f.deeds()
	for _, refused := range []struct {
		path, name, role, says string
	}{
		{"/access/role", "ANN", "viewer", "You cannot change your own role"},
		{"/access/disable", "ann", "", "You cannot disable yourself"},
		{"/access/disable", "nobody", "", "There is no such operator. Nothing was changed."},
		{"/access/role", "nobody", "viewer", "There is no such operator"},
		{"/access/link", "nobody", "", "There is no such operator"},
		{"/access/add", "bob@example.com", "operator", "is there already"},
		{"/access/add", "<b>", "operator", "first a letter or digit"},
		{"/access/add", "carl", "admin", "Choose viewer or operator"},
		{"/access/role", "bob@example.com", "admin", "Choose viewer or operator"},
	} {
		do(refused.path, "name", refused.name, "role", refused.role).leads("/access")
		ann.get("/access").shows(http.StatusOK, refused.says)
	}
	if o, err := f.store.Operator(t.Context(), "bob@example.com"); err != nil || o.Role != state.RoleOperator {
		t.Errorf("bob is %+v, %v", o, err)
	}
	if got := f.deeds(); len(got) != len(before) {
		t.Errorf("what was refused is noted: %q", got[:len(got)-len(before)])
	}
	if want := []string{"ann|sign_in_link_issued|bob@example.com|", "ann|operator_added|bob@example.com|operator", "|sign_in_failed||link", "ann|operator_disabled|bob@example.com|"}; !slices.Equal(want, before[:4]) {
		t.Errorf("noted %q", before[:4])
	}
}

func TestDeedsInWords(t *testing.T) {
	f := newFixture(t)
	f.join("ann", state.RoleOperator, "")
	ann := f.signed("ann")
	note := func(d state.Deed) {
		t.Helper()
		f.must(f.store.NoteDeed(t.Context(), d))
	}
	note(state.Deed{Actor: "ann", What: DeedApproved, Scope: acme, Subject: "plan-7"})
	note(state.Deed{Actor: "ann", What: "key_issued", Scope: globex, Subject: "1f2e", Note: "<i>label</i>"})
	note(state.Deed{Actor: "root", What: "something_new", Subject: "x"})
	note(state.Deed{What: deedSignInFailed, Subject: "ann", Note: "password"})
	page := ann.get("/access").shows(http.StatusOK, "ann approved plan plan-7 acme-entra", "ann issued key 1f2e <i>label</i> globex-okta", "root something new x", "somebody a sign-in failed of ann by password")
	if !slices.Contains(page.values("a", "href"), "/plans/plan-7") {
		t.Error("the plan has no link")
	}
	if strings.Contains(page.body, "<i>") {
		t.Error("a note is not escaped")
	}
	ann.get("/access?source=acme-entra").shows(http.StatusOK, "approved plan").hides("issued key", "something new")
	ann.get("/access?source=nowhere").shows(http.StatusOK, "issued key")

	for i := range 2*deedsPerPage + 3 {
		note(state.Deed{Actor: "ann", What: "key_revoked", Scope: globex, Subject: fmt.Sprintf("key-%03d", i)})
	}
	next, seen := "/access?source=globex-okta", []string{}
	for pages := 0; next != ""; pages++ {
		if pages > 5 {
			t.Fatal("the list has no end")
		}
		page := ann.get(next).shows(http.StatusOK)
		next = ""
		for _, part := range strings.Split(page.body, ">revoked key ")[1:] {
			name, _, _ := strings.Cut(part, "<")
			seen = append(seen, name)
		}
		for _, link := range page.values("a", "href") {
			if address, _, _ := strings.Cut(link, "#"); strings.Contains(address, "before=") {
				next = address
			}
		}
	}
	if len(seen) != 2*deedsPerPage+3 || !slices.IsSortedFunc(seen, func(a, b string) int { return strings.Compare(b, a) }) {
		t.Errorf("%d deeds are listed: %q", len(seen), seen)
	}
	ann.get("/access?before=nonsense").shows(http.StatusOK, "key-102")
}

// TestEveryDeedHasWords reads the package's source for codes of deeds.
func TestEveryDeedHasWords(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	codes := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`(?m)^\t([dD]eed[A-Z]\w*) += "(\w+)"`).FindAllStringSubmatch(string(text), -1) {
			codes++
			if _, known := deedWords[found[2]]; !known {
				t.Errorf("%s: %s has no words in deedWords", file, found[1])
			}
		}
	}
	if codes < 20 {
		t.Errorf("only %d codes were found", codes)
	}
}

func TestNobodyHasDoneAnything(t *testing.T) {
	f := newFixture(t)
	f.get(olga, "/access").shows(http.StatusOK, "Nothing has been done yet", "0 people may change things here")
}
