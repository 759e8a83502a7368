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

// What is done by commands alone.
const (
	DeedObserved      = "source_observed"
	DeedSourceEnded   = "source_ended"
	DeedSourceRenamed = "source_renamed" // subject: the old name
	DeedSourceMoved   = "source_moved"   // subject: the source that they came from
	DeedErased        = "account_erased"
	DeedTenantErased  = "tenant_erased"
)

// deedWord is how a deed is told: before its subject and before its note, and where the subject has its page.
type deedWord struct{ Words, Note, Page string }

var deedWords = map[string]deedWord{
	DeedObserved:         {"had it only observed", "because: ", ""},
	DeedSourceEnded:      {"ended it", "", ""},
	DeedSourceRenamed:    {"renamed it from", "", ""},
	DeedSourceMoved:      {"moved everybody here from", "", ""},
	DeedErased:           {"erased account", "", ""},
	DeedTenantErased:     {"erased tenant", "", ""},
	deedSignedIn:         {"signed in", "", ""},
	deedSignInFailed:     {"a sign-in failed", "", ""},
	deedSignedOut:        {"signed out", "", ""},
	deedIdentityTied:     {"was tied to their identity at the provider", "", ""},
	deedAdded:            {"let in", "as ", ""},
	deedRole:             {"changed the role of", "to ", ""},
	deedDisabled:         {"disabled", "", ""},
	deedPassword:         {"set a password for", "", ""},
	deedLink:             {"made a one-time link for", "", ""},
	DeedKeyIssued:        {"issued key", "", ""},
	DeedKeyRevoked:       {"revoked key", "", ""},
	deedInviteMade:       {"made set-up link", "", ""},
	deedInviteWithdrawn:  {"withdrew set-up link", "", ""},
	DeedApproved:         {"approved plan", "", "/plans/"},
	DeedDiscarded:        {"discarded plan", "", "/plans/"},
	DeedUndone:           {"took back run", "", "/runs/"},
	deedPulled:           {"started a pull", "", ""},
	deedPersonSynced:     {"pulled one person:", "", "/users/"},
	deedPersonAsked:      {"asked the provider about one person:", "", "/users/"},
	deedAccountsExported: {"exported a list of users", "", ""},
	deedGroupsExported:   {"exported a list of groups", "", ""},
	deedMembersExported:  {"exported the members of group", "", "/groups/"},
}

// signInWords are the ways to sign in, as deeds note them.
var signInWords = map[string]string{byPassword: "by password", byLink: "by a one-time link", byProvider: "through the OpenID provider"}

// tell puts a deed into words.
func tell(d state.Deed) deedRow {
	word, known := deedWords[d.What]
	if !known {
		word.Words = statusOf(d.What).Word
	}
	row := deedRow{At: d.At, Who: d.Actor, Words: word.Words, Subject: d.Subject, Note: d.Note, Source: d.Scope.Source}
	switch {
	case d.Actor == "" && d.What == DeedKeyIssued:
		row.Who = "a customer's administrator"
	case d.Actor == "":
		row.Who = "somebody"
	}
	switch {
	case d.What == deedSignInFailed && d.Subject != "":
		row.Words, row.Note = "a sign-in failed of", signInWords[d.Note]
	case d.What == deedSignedIn || d.What == deedSignInFailed:
		row.Note = signInWords[d.Note]
	case d.Note != "":
		row.Note = word.Note + d.Note
	}
	if d.Subject == d.Actor {
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
