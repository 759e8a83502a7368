package entra

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	kiotaabs "github.com/microsoft/kiota-abstractions-go"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

// What delta queries track (learn.microsoft.com/graph/delta-query-overview). A property that is not selected surfaces nobody when it
// changes; what is selected is a core that does not depend on the mapping, so that a changed mapping needs no new cursor.
const (
	userChanges  = "/users/delta?$select=accountEnabled,displayName,id,mail,userPrincipalName"
	groupChanges = "/groups/delta?$select=members"
	fromNowOn    = "&$deltatoken=latest"
)

// Bounds of one answer. Beyond mostPeople a pull costs less than looking them up.
const (
	mostPeople = 10_000
	mostPages  = 10_000
)

// readChanges is what hints take; both permissions are needed for a pull anyhow.
var (
	readChanges      = rest.Step{What: "read who has changed", Permission: readPeople.Permission}
	readGroupChanges = rest.Step{What: "read which groups have changed", Permission: readGroupMembers.Permission}
)

var (
	errNoLink  = errors.New("the changes have no link to go on from")
	errAway    = errors.New("the link to the next changes leads away from the configured host")
	errEndless = fmt.Errorf("the changes do not end within %d pages", mostPages)
)

// cursor is where to go on: path and query of two delta links, without the host, so that a stored cursor cannot lead a token away.
type cursor struct {
	Users  string `json:"users"`
	Groups string `json:"groups"`
}

// Hints implements connectors.Hinter by delta queries on people and on groups. Whoever has changed, or was deleted, is one of People. A
// change of the members of an assigned group, or of a group that is gone, is worth a Pull; with nested members counting, that of any
// group. Assignments themselves have no delta query, so a change of them alone surfaces nothing. Too many changes are worth a Pull, and
// nobody is named.
func (c *Connector) Hints(ctx context.Context, at string) (connectors.Hints, error) {
	ctx, _ = rest.WithTally(ctx)
	from := cursor{c.link(userChanges + fromNowOn), c.link(groupChanges + fromNowOn)}
	if at != "" {
		from = cursor{}
		if json.Unmarshal([]byte(at), &from) != nil || !c.ours(from.Users, "/users/delta") || !c.ours(from.Groups, "/groups/delta") {
			return connectors.Hints{}, &connectors.Error{Kind: connectors.ErrGone, Op: readChanges.What, Detail: "the cursor is none of this connector's"}
		}
	}
	var to cursor
	var err error
	changed := changes{people: map[guid]struct{}{}, groups: map[guid]struct{}{}}
	if to.Users, err = c.changes(ctx, from.Users, changed.user); err != nil {
		return connectors.Hints{}, failChanges(ctx, readChanges, at, err)
	}
	if to.Groups, err = c.changes(ctx, from.Groups, changed.group); err != nil {
		return connectors.Hints{}, failChanges(ctx, readGroupChanges, at, err)
	}
	hints := connectors.Hints{Pull: changed.pull || len(changed.people) > mostPeople}
	if at != "" && !hints.Pull && len(changed.groups) > 0 {
		if hints.Pull, err = c.counts(ctx, changed.groups); err != nil {
			return connectors.Hints{}, err
		}
	}
	if at != "" && len(changed.people) <= mostPeople {
		hints.People = changed.ids()
	}
	text, err := json.Marshal(to)
	if err != nil {
		return connectors.Hints{}, failChanges(ctx, readChanges, at, err)
	}
	hints.Cursor = string(text)
	return hints, nil
}

// link is path and query of something at Graph.
func (c *Connector) link(path string) string {
	base, err := url.Parse(c.adapter.GetBaseUrl())
	if err != nil {
		return path
	}
	return base.Path + path
}

// ours tells whether a part of a cursor leads where delta links lead.
func (c *Connector) ours(link, path string) bool { return strings.HasPrefix(link, c.link(path)) }

// failChanges tells a failure to go on from a cursor. That a cursor is too old is told in several ways: 410, a code of its own, or
// simply a bad request or nothing there.
func failChanges(ctx context.Context, s rest.Step, at string, err error) error {
	err = fail(ctx, s, err)
	var failure *connectors.Error
	if !errors.As(err, &failure) {
		return err
	}
	code := strings.ToLower(failure.Code)
	switch {
	case failure.Status == http.StatusGone, strings.HasPrefix(code, "syncstate"), code == "resyncrequired":
	case at != "" && (failure.Status == http.StatusBadRequest || failure.Status == http.StatusNotFound):
	default:
		return err
	}
	failure.Kind = connectors.ErrGone
	return failure
}

// changes is what one answer is made of.
type changes struct {
	people map[guid]struct{}
	groups map[guid]struct{} // whose members have changed
	pull   bool              // a group is gone
}

// ids are the people, each once, sorted.
func (h *changes) ids() []string {
	var ids []string
	for id := range h.people {
		ids = append(ids, id.String())
	}
	slices.Sort(ids)
	return ids
}

// user takes a person who has changed; one who was deleted has nothing but the id and why.
func (h *changes) user(s *rest.Scanner) error {
	text, _, err := s.Texts("id", "@odata.type")
	id, ok := parseGUID(text)
	if err == nil && !ok {
		err = errNoGUID
	}
	if len(h.people) <= mostPeople {
		h.people[id] = struct{}{}
	}
	return err
}

// group takes a group that has changed. Who has come and gone stands in members@delta, which is a list, or an object where there should
// be an empty list, or null; a group comes again for each slice of its members.
func (h *changes) group(s *rest.Scanner) error {
	var text string
	members, removed := false, false
	err := s.Object(func(name string) (err error) {
		switch name {
		case "id":
			text, err = s.Text()
		case "@removed":
			removed = true
			err = s.Skip()
		case "members@delta":
			var raw string
			raw, err = s.Raw()
			members = strings.Trim(raw, "[]{} \t\r\n") != "" && raw != "null"
		default:
			err = s.Skip()
		}
		return err
	})
	id, ok := parseGUID(text)
	if err == nil && !ok {
		err = errNoGUID
	}
	h.pull = h.pull || removed
	if members && len(h.groups) <= mostPeople {
		h.groups[id] = struct{}{}
	}
	return err
}

// changes reads the changes from a delta link on, without its host, and returns the next such link. Empty pages, replays and a page that
// begins like the one before are all legal here; that the links lead somewhere is watched.
func (c *Connector) changes(ctx context.Context, from string, item func(*rest.Scanner) error) (to string, err error) {
	base, err := url.Parse(c.adapter.GetBaseUrl())
	if err != nil {
		return "", err
	}
	origin := rest.OriginOf(base)
	first, err := c.get(ctx, origin, from)
	if err != nil {
		return "", err
	}
	pages := 0
	err = c.follow(ctx, first, kiotaabs.NewRequestHeaders(), func(page string) (next, word string, err error) {
		if pages++; pages > mostPages {
			return "", "", errEndless
		}
		next, delta, err := links(page, item)
		switch {
		case err != nil:
			return "", "", err
		case next == "" && delta == "":
			return "", "", errNoLink
		case delta != "":
			to, err = within(origin, delta)
		}
		return next, strconv.Itoa(pages), err
	})
	return to, err
}

// within takes the host from a link, which must be the configured one.
func within(origin, link string) (string, error) {
	u, err := url.Parse(strings.Clone(link))
	if err != nil || rest.OriginOf(u) != origin {
		return "", errAway
	}
	return u.RequestURI(), nil
}

// links takes a page of changes, calls item at each, and returns the links to the next page and to later changes.
func links(page string, item func(*rest.Scanner) error) (next, delta string, err error) {
	s := rest.Scan(page)
	err = s.Object(func(name string) (err error) {
		if name != "@odata.deltaLink" {
			return s.Skip()
		}
		delta, err = s.Text()
		return err
	})
	if err == nil {
		next, err = collection(page, item)
	}
	return next, delta, err
}

// counts tells whether a change of one of these groups can change who is assigned.
func (c *Connector) counts(ctx context.Context, groups map[guid]struct{}) (bool, error) {
	if c.transitive {
		return true, nil
	}
	servicePrincipal, err := c.resolve(ctx)
	if err != nil {
		return false, err
	}
	request, err := c.assignedTo(ctx, servicePrincipal)
	found := false
	if err == nil {
		err = c.pages(ctx, request, func(page string) (next, first string, err error) {
			next, err = collection(page, func(s *rest.Scanner) error {
				row, err := scanAssignment(s)
				if _, changed := groups[row.id]; changed {
					found = true
				}
				if first == "" {
					first = row.row
				}
				return err
			})
			if found {
				next = ""
			}
			return next, first, err
		})
	}
	if err != nil {
		return false, fail(ctx, listAssignments, err)
	}
	return found, nil
}
