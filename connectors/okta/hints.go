package okta

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

const (
	logPath   = "/api/v1/logs"
	logPage   = 1000
	logPages  = 10                 // of one look; the rest is left to the next
	logBehind = 5 * time.Minute    // how far before now the first look begins, in case the clocks differ
	logKept   = 7 * 24 * time.Hour // for how long the System Log answers a request that names no beginning
)

var _ connectors.Hinter = (*Connector)(nil)

// Hints implements connectors.Hinter with the System Log. A request with a beginning and no end is a polling one: it misses nothing that
// came late, and has a next link for ever, so the look ends at the first empty page (developer.okta.com/docs/reference/system-log-query).
// That link is what the cursor keeps, with the time.
func (c *Connector) Hints(ctx context.Context, cursor string) (connectors.Hints, error) {
	hints, err := c.hints(ctx, cursor, time.Now())
	if err != nil {
		return connectors.Hints{}, c.fail(ctx, readLog, err)
	}
	if cursor == "" {
		hints.People, hints.Pull = nil, false
	}
	return hints, nil
}

func (c *Connector) hints(ctx context.Context, cursor string, now time.Time) (connectors.Hints, error) {
	link, err := c.startAt(cursor, now)
	if err != nil {
		return connectors.Hints{}, err
	}
	people := map[string]struct{}{}
	var hints connectors.Hints
	var listing rest.Listing
	for range logPages {
		events, next, err := c.events(ctx, link)
		if cursor != "" && (refusedAs(err, http.StatusBadRequest) || refusedAs(err, http.StatusGone)) {
			return connectors.Hints{}, gone("Okta does not know the place in its System Log any more")
		}
		if err != nil {
			return connectors.Hints{}, err
		}
		link = next
		if len(events) == 0 {
			break
		}
		for _, event := range events {
			hints.Pull = c.worth(event, people) || hints.Pull
		}
		if err := listing.Next(events[0].UUID, link); err != nil {
			return connectors.Hints{}, err
		}
	}
	for id := range people {
		hints.People = append(hints.People, id)
	}
	slices.Sort(hints.People)
	hints.Cursor = strconv.FormatInt(now.Unix(), 10) + " " + link
	return hints, nil
}

// startAt is the path and query to begin a look with.
func (c *Connector) startAt(cursor string, now time.Time) (string, error) {
	if cursor == "" {
		return c.firstLink(now), nil
	}
	given, link, _ := strings.Cut(cursor, " ")
	seconds, err := strconv.ParseInt(given, 10, 64)
	switch {
	case err != nil || c.checkLink(link) != nil:
		return "", gone("the place in the System Log that was kept is of another form")
	case now.Sub(time.Unix(seconds, 0)) > logKept:
		return "", gone("the place in the System Log that was kept is more than seven days old")
	}
	return link, nil
}

// firstLink reads from about now on.
func (c *Connector) firstLink(now time.Time) string {
	since := now.Add(-logBehind).UTC().Format("2006-01-02T15:04:05.000Z")
	return logPath + "?" + url.Values{"since": {since}, "filter": {c.logFilter()}, "limit": {strconv.Itoa(logPage)}}.Encode()
}

func gone(detail string) error {
	return &connectors.Error{Kind: connectors.ErrGone, Detail: detail, Mend: "nothing needs to be done: the next full pull sees what was missed"}
}

// logFilter takes what may change who is assigned, enabled or a member, and what an account should be. Of the application's own events
// those are left out that come with every sign-in and every call to it.
func (c *Connector) logFilter() string {
	of := func(prefixes ...string) string {
		for i, prefix := range prefixes {
			prefixes[i] = fmt.Sprintf("eventType sw %q", prefix)
		}
		return strings.Join(prefixes, " or ")
	}
	return fmt.Sprintf("(target.id eq %q and (%s)) or %s", c.appID,
		of("application.user_membership.", "application.lifecycle.", "group.application_assignment.",
			"application.provision.user.", "application.provision.group_push.", "application.provision.field_mapping_rule."),
		of("user.lifecycle.", "user.account.update_profile", "group.user_membership."))
}

// checkLink makes sure that a path and query read the System Log, and of it what this connector looks for.
func (c *Connector) checkLink(link string) error {
	u, err := url.Parse(link)
	if err != nil || u.IsAbs() || u.Host != "" || u.Path != logPath || u.Query().Get("filter") != c.logFilter() {
		return errors.New("the link to the next page leads to other events than were asked for")
	}
	return nil
}

// event is what is read of one.
type event struct {
	UUID      string
	EventType string
	Outcome   struct{ Result string }
	Target    []struct{ ID, Type string }
}

// events reads one page, and where the next one is. The SDK would add the beginning to that link, which Okta refuses.
func (c *Connector) events(ctx context.Context, link string) (events []event, next string, err error) {
	resp, err := c.get(ctx, link)
	if err := decode(resp, err, &events); err != nil {
		return nil, "", err
	}
	if slices.ContainsFunc(events, func(e event) bool { return e.EventType == "" }) {
		return nil, "", errors.New("an event comes without its type")
	}
	u, err := url.Parse(nextLink(resp.Header.Values("Link")))
	if err != nil {
		return nil, "", err
	}
	next = u.RequestURI()
	return events, next, c.checkLink(next)
}

// worth notes whom an event is about, and tells whether it takes a pull.
func (c *Connector) worth(e event, people map[string]struct{}) (pull bool) {
	is := func(prefix string) bool { return strings.HasPrefix(e.EventType, prefix) }
	switch {
	case is("user."):
		about(e, people)
	case is("application.user_membership."):
		about(e, people)
		return is("application.user_membership.add") || is("application.user_membership.remove")
	case is("application.provision.user."):
		if e.Outcome.Result == "FAILURE" { // otherwise it has come here
			about(e, people)
		}
	case is("group.user_membership."):
		return c.watched(e)
	default:
		return true
	}
	return false
}

// about notes the people among an event's targets.
func about(e event, people map[string]struct{}) {
	for _, target := range e.Target {
		if target.Type == "User" && plainID(target.ID) {
			people[target.ID] = struct{}{}
		}
	}
}

// watched tells whether an event is about a group whose members the last pull had to read. Before the first pull, each is.
func (c *Connector) watched(e event) bool {
	groups := c.groups.Load()
	return groups == nil || slices.ContainsFunc(e.Target, func(t struct{ ID, Type string }) bool { return (*groups)[t.ID] })
}
