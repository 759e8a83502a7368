package console

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"rollcall/state"
)

const deedsPerPage = 50

// deedRow is a deed in words.
type deedRow struct {
	At      time.Time
	Who     string
	Words   string
	Subject string // what it was done to; "" = the words say it
	URL     string // the subject's page; "" = it has none
	Note    string
	Source  string
}

// deedWord is how a deed is told, before its subject, and where that has its page.
type deedWord struct{ Words, Page string }

var deedWords = map[string]deedWord{
	deedSignedIn:         {"signed in", ""},
	deedSignInFailed:     {"a sign-in failed", ""},
	deedSignedOut:        {"signed out", ""},
	deedIdentityTied:     {"was tied to their identity at the provider", ""},
	deedAdded:            {"let somebody in:", ""},
	deedRole:             {"changed the role of", ""},
	deedDisabled:         {"disabled", ""},
	deedPassword:         {"set a password for", ""},
	deedLink:             {"made a one-time link for", ""},
	"key_issued":         {"issued key", ""},
	"key_revoked":        {"revoked key", ""},
	"invite_made":        {"made a set-up page", ""},
	"invite_withdrawn":   {"withdrew a set-up page", ""},
	deedApproved:         {"approved plan", "/plans/"},
	deedDiscarded:        {"discarded plan", "/plans/"},
	deedUndone:           {"took back run", "/runs/"},
	deedPulled:           {"started a pull", ""},
	deedPersonSynced:     {"pulled one person:", "/users/"},
	deedPersonAsked:      {"asked the provider about one person:", "/users/"},
	deedAccountsExported: {"exported a list of users", ""},
	deedMembersExported:  {"exported the members of group", "/groups/"},
}

// aboutThemselves are deeds whose subject is who did them.
var aboutThemselves = map[string]bool{deedSignedIn: true, deedSignedOut: true, deedIdentityTied: true}

// tell puts a deed into words.
func tell(d state.Deed) deedRow {
	word, known := deedWords[d.What]
	if !known {
		word.Words = statusOf(d.What).Word
	}
	row := deedRow{At: d.At, Who: d.Actor, Words: word.Words, Subject: d.Subject, Note: d.Note, Source: d.Scope.Source}
	if row.Who == "" {
		row.Who = "nobody known"
	}
	if aboutThemselves[d.What] {
		row.Subject = ""
	}
	if word.Page != "" && d.Subject != "" {
		row.URL = word.Page + url.PathEscape(d.Subject)
	}
	return row
}

// readDeeds puts a page of the latest deeds into the page of operators: those of ?source=, below the number ?before=.
func (c *Console) readDeeds(r *http.Request, page *operatorsPage) error {
	var scope state.Scope
	for _, s := range c.Sources() {
		page.Sources = append(page.Sources, s.Scope.Source)
		if s.Scope.Source == r.URL.Query().Get("source") {
			scope, page.Source = s.Scope, s.Scope.Source
		}
	}
	before, err := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64)
	if err != nil || before < 0 {
		before = 0
	}
	deeds, err := c.Store.ListDeeds(r.Context(), scope, before, deedsPerPage+1)
	if err != nil {
		return err
	}
	link := func(before int64) string {
		q := url.Values{}
		if page.Source != "" {
			q.Set("source", page.Source)
		}
		if before > 0 {
			q.Set("before", strconv.FormatInt(before, 10))
		}
		return (&url.URL{Path: accessPath, RawQuery: q.Encode(), Fragment: "done"}).String()
	}
	if before > 0 {
		page.First = link(0)
	}
	if len(deeds) > deedsPerPage {
		deeds = deeds[:deedsPerPage]
		page.Next = link(deeds[deedsPerPage-1].Number)
	}
	for _, d := range deeds {
		page.Deeds = append(page.Deeds, tell(d))
	}
	return nil
}
