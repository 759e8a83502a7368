package console

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/state"
	"rollcall/sync/explain"
)

func TestSetupList(t *testing.T) {
	f := newFixture(t)
	p := f.get(victor, "/setup").shows(200, "acme-entra", "0 of 5", "globex-okta", "0 of 4", "Microsoft Entra ID", "◌ key")
	if title := p.title(); title != "Set-up of 2 sources" {
		t.Errorf("title %q", title)
	}
	f.sources = nil
	f.get(olga, "/setup").shows(200, "No source is configured yet", "sources", "SIGHUP")
}

func TestSetupListIsPaged(t *testing.T) {
	f := newFixture(t)
	f.sources = nil
	for i := range 2*setupPerPage + 3 {
		f.sources = append(f.sources, Source{Scope: state.Scope{Tenant: "t", Source: fmt.Sprintf("s%03d", 2*setupPerPage+2-i)}, Setup: explain.Setup{Configured: true, Kind: "okta"}})
	}
	var seen []string
	pages := 0
	for at := "/setup"; at != ""; pages++ {
		p := f.get(olga, at).shows(200, "Set-up of 103 sources")
		at = ""
		for _, href := range p.values("a", "href") {
			if strings.HasPrefix(href, "/setup/s") {
				seen = append(seen, href)
			} else if strings.HasPrefix(href, "/setup?after=") {
				at = href
			}
		}
	}
	if pages != 3 || len(seen) != 103 || !slices.IsSorted(seen) {
		t.Errorf("%d pages with %d sources", pages, len(seen))
	}
}

func TestSetupOfSource(t *testing.T) {
	f := newFixture(t)
	p := f.get(olga, "/setup/acme-entra").shows(200, "acme-entra waits for its key", "None has been made yet", "None has been issued yet", "those who are assigned", "the tenant's own", "Make a set-up link", "Issue a key")
	if !slices.Contains(p.values("button", "data-copy"), "https://api.example.com/auth/scim") {
		t.Error("the URL cannot be copied")
	}
	f.get(olga, "/setup/acme-entra/progress").shows(200, "0 of 5 done")
	f.get(olga, "/setup/nowhere").shows(404, "There is no such source")
	f.get(victor, "/setup/acme-entra").shows(200, "None has been made yet").hides("Make a set-up link", "Issue a key")
}

func TestViewersChangeNothing(t *testing.T) {
	f := newFixture(t)
	f.post(olga, "/setup/acme-entra/links")
	f.post(olga, "/setup/acme-entra/keys")
	invites, err := f.store.ListInvites(t.Context(), acme)
	f.must(err)
	keys, err := f.store.ListKeys(t.Context(), acme)
	f.must(err)
	for _, path := range []string{"/links", "/keys", "/keys/" + keys[0].ID + "/revoke", "/links/" + invites[0].ID + "/withdraw"} {
		f.post(victor, "/setup/acme-entra"+path, "confirm", keys[0].ID, "newest", keys[0].ID).shows(403, "You may look, and not change")
	}
	p := f.get(victor, "/setup/acme-entra").hides("Revoke", "Withdraw")
	if strings.Contains(p.body, "/setup/AAAA") || len(p.values("button", "data-copy")) != len(f.get(victor, "/setup/acme-entra").values("button", "data-copy")) {
		t.Error("a viewer sees a link")
	}
	for _, value := range p.values("button", "data-copy") {
		if strings.Contains(value, "/setup/") {
			t.Errorf("a viewer can copy the link %s, which shows a key", value)
		}
	}
	if after, _ := f.store.ListKeys(t.Context(), acme); len(after) != 1 || !after[0].RevokedAt.IsZero() {
		t.Errorf("a viewer changed the keys: %+v", after)
	}
}

func TestOperatorIssuesAKeyOnce(t *testing.T) {
	f := newFixture(t)
	p := f.post(olga, "/setup/acme-entra/keys", "label", " for \u202e2026 ", "life", "1 year", "newest", "")
	text := keyText.FindString(p.shows(200, "shown this once", "for \uFFFD2026", "1 of 5 done").body)
	hash, err := state.ParseKey(text)
	f.must(err)
	key, err := f.store.KeyByHash(t.Context(), hash)
	f.must(err)
	if want := f.clock.Now().AddDate(1, 0, 0); !key.ExpiresAt.Equal(want) {
		t.Errorf("it expires at %v, want %v", key.ExpiresAt, want)
	}
	if again := f.post(olga, "/setup/acme-entra/keys", "label", "for 2026", "newest", ""); again.status != 303 || keyText.MatchString(again.body) {
		t.Errorf("a form that was sent again is answered %d", again.status)
	}
	if keyText.MatchString(f.get(olga, "/setup/acme-entra").body) {
		t.Error("the key is shown again")
	}
	f.clock.Advance(time.Second)
	f.post(olga, "/setup/acme-entra/keys", "newest", key.ID).shows(200)
	keys, err := f.store.ListKeys(t.Context(), acme)
	f.must(err)
	f.get(olga, "/setup/acme-entra").shows(200, "2 live keys").hides("Issue a key")
	newest := keys[0].ID
	if keys[1].CreatedAt.After(keys[0].CreatedAt) {
		newest = keys[1].ID
	}
	if p := f.post(olga, "/setup/acme-entra/keys", "newest", newest); p.status != 303 {
		t.Errorf("a third key: %d", p.status)
	}
	if keys, _ = f.store.ListKeys(t.Context(), acme); len(keys) != 2 {
		t.Errorf("%d keys, want 2", len(keys))
	}
	for _, bad := range [][]string{{"life", "forever"}, {"label", strings.Repeat("x", maxLabel+1)}} {
		f.post(olga, "/setup/globex-okta/keys", bad...).shows(400, "No key was issued")
	}
	f.sources[1].Configured = false
	f.post(olga, "/setup/globex-okta/keys").shows(409, "not in the configuration")
	f.post(olga, "/setup/globex-okta/links").shows(409, "not in the configuration")
	f.get(olga, "/setup/globex-okta").shows(200, "not in the configuration").hides("Issue a key", "Make a set-up link")
}

// TestOneFormIssuesOneKey, also when a double click sends it twice at the same moment.
func TestOneFormIssuesOneKey(t *testing.T) {
	f := newFixture(t)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() { f.post(olga, "/setup/acme-entra/keys", "newest", "") })
	}
	group.Wait()
	if keys, err := f.store.ListKeys(t.Context(), acme); err != nil || len(keys) != 1 {
		t.Errorf("%d keys, %v", len(keys), err)
	}
}

func TestOperatorRevokesAKey(t *testing.T) {
	f := newFixture(t)
	_, key := state.NewKey(acme)
	key.CreatedAt = f.clock.Now()
	f.must(f.store.PutKey(t.Context(), key))
	f.get(olga, "/setup/acme-entra").shows(200, "It is the only live key", "Type "+key.ID+" to confirm")
	live := func() bool {
		keys, err := f.store.ListKeys(t.Context(), acme)
		f.must(err)
		return keys[0].Live(f.clock.Now())
	}
	for _, confirm := range []string{"", "yes"} {
		f.post(olga, "/setup/acme-entra/keys/"+key.ID+"/revoke", "confirm", confirm)
	}
	f.post(olga, "/setup/globex-okta/keys/"+key.ID+"/revoke", "confirm", key.ID)
	if !live() {
		t.Fatal("the key was revoked without its id, or through another source")
	}
	f.post(olga, "/setup/acme-entra/keys/"+key.ID+"/revoke", "confirm", key.ID)
	if live() {
		t.Fatal("the key was not revoked")
	}
	f.get(olga, "/setup/acme-entra").shows(200, "revoked").hides("Revoke for good")
	f.wantDeeds(acme, "key_revoked "+key.ID+" "+olga.Name)
}

func TestOperatorMakesAndWithdrawsLinks(t *testing.T) {
	f := newFixture(t)
	link := f.link(acme)
	invites, err := f.store.ListInvites(t.Context(), acme)
	f.must(err)
	if i := invites[0]; i.CreatedBy != olga.Name || i.ExpiresAt.Sub(i.CreatedAt) != 72*time.Hour {
		t.Errorf("the link is %+v", i)
	}
	f.get(olga, "/setup/acme-entra").shows(200, "live", "key not shown", "Withdraw the link")
	f.show(link)
	f.get(olga, "/setup/acme-entra").shows(200, "used")
	f.post(olga, "/setup/globex-okta/links/"+invites[0].ID+"/withdraw")
	f.visit("GET", link, "").shows(200)
	f.post(olga, "/setup/acme-entra/links/"+invites[0].ID+"/withdraw")
	p := f.get(olga, "/setup/acme-entra").shows(200, "withdrawn").hides("Withdraw the link")
	for _, value := range p.values("button", "data-copy") {
		if strings.Contains(value, link) {
			t.Error("a link that was withdrawn can be copied")
		}
	}
	f.clock.Advance(time.Hour)
	f.link(acme)
	f.clock.Advance(setupLife)
	f.get(olga, "/setup/acme-entra").shows(200, "expired")
	deeds, err := f.store.ListDeeds(t.Context(), acme, 0, 10)
	f.must(err)
	var what []string
	for _, d := range deeds {
		what = append(what, d.What)
	}
	if want := []string{"invite_made", "invite_withdrawn", "key_issued", "invite_made"}; !slices.Equal(what, want) {
		t.Errorf("deeds %q, want %q", what, want)
	}
	f.wantDeeds(acme, "invite_withdrawn "+invites[0].ID+" "+olga.Name)
}

// wantDeeds fails the test unless each of these is noted: what, subject and actor.
func (f *fixture) wantDeeds(scope state.Scope, want ...string) {
	f.t.Helper()
	deeds, err := f.store.ListDeeds(f.t.Context(), scope, 0, 100)
	f.must(err)
	var got []string
	for _, d := range deeds {
		got = append(got, d.What+" "+d.Subject+" "+d.Actor)
	}
	for _, w := range want {
		if !slices.Contains(got, w) {
			f.t.Errorf("%q is not noted; these are: %q", w, got)
		}
	}
}
