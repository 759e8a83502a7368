package console

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/sync/explain"
)

func (c *Console) groupRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /groups/{id}", c.aboutGroup(c.group))
	mux.HandleFunc("GET /groups/{id}/raw", c.aboutGroup(c.groupRaw))
	mux.HandleFunc("GET /groups/{id}/members.csv", c.aboutGroup(c.membersCSV))
}

// groupSubject is a group whose id a path has; Record is zero once it was purged.
type groupSubject struct {
	Scope  state.Scope
	ID     state.ID
	Record state.Record
}

// Live tells whether the group is there; a tombstone is not.
func (s *groupSubject) Live() bool { return s.Record.ID != "" && s.Record.DeletedAt.IsZero() }

// aboutGroup finds the group that a page is about and has it answered.
func (c *Console) aboutGroup(answer func(http.ResponseWriter, *http.Request, *groupSubject) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s := groupSubject{ID: state.ID(r.PathValue("id"))}
		scope, kind, err := c.whose(r.Context(), s.ID)
		if err == nil && kind == state.KindAccount {
			http.Redirect(w, r, pageOf(s.ID, ""), http.StatusSeeOther)
			return
		}
		if s.Scope = scope; err == nil {
			s.Record, err = explain.RecordByID(r.Context(), c.Store, scope, state.KindGroup, s.ID)
		}
		if err == nil || errors.Is(err, state.ErrNotFound) && scope.Source != "" {
			err = answer(w, r, &s)
		}
		if err != nil {
			c.fail(w, r, err)
		}
	}
}

// groupPage answers: who is in a group, and how did they come into it?
type groupPage struct {
	groupSubject
	Name     string
	Facts    []factSection
	External string
	Members  []memberRow
	Count    int
	At       pages
	Line     timeline
}

// memberRow is a member of a group.
type memberRow struct {
	Name, UserName, URL string
	Kind                string
	State               string // of an account
	Marks               []string
}

// membersShown is how many members a page lists.
const membersShown = 50

// URL is the page's own.
func (p *groupPage) URL() string { return pageOf("", p.ID) }

func (p *groupPage) crumbs() []crumb {
	return []crumb{{"Groups", "/groups"}, {p.Scope.Source, "/groups?source=" + url.QueryEscape(p.Scope.Source)}}
}

// Title says how many are in the group.
func (p *groupPage) Title() string {
	switch {
	case !p.Live():
		return p.Name + " is not here any more"
	case p.Count == 0:
		return p.Name + " has no members"
	case p.Count == 1:
		return p.Name + " has 1 member"
	}
	return p.Name + " has " + count(p.Count) + " members"
}

func (c *Console) group(w http.ResponseWriter, r *http.Request, s *groupSubject) error {
	ctx, from := r.Context(), offset(r, "from")
	page := &groupPage{groupSubject: *s, Name: harmless(cmp.Or(s.Record.Name, string(s.ID)))}
	events, older, err := explain.ReadGroup(ctx, c.Store, s.Scope, s.ID, from+groupEvents)
	if err != nil && !(errors.Is(err, state.ErrNotFound) && s.Record.ID != "") { // a record may be older than its journal
		return err
	}
	if err := c.nameMembers(ctx, s.Scope, events); err != nil {
		return err
	}
	page.Line = c.timeline(events, from, older, page.URL())
	if s.Record.ID != "" {
		resource := resourceOf(s.Record.Resource)
		page.External = resource.Get("externalId").Text
		page.Facts = c.factsOf(ctx, s.Scope, scim.GroupType(), resource)
	}
	if s.Live() {
		if err := page.readMembers(c, r); err != nil {
			return err
		}
	}
	c.show(w, r, "group", page)
	return nil
}

// readMembers reads a page of the members, and counts them all.
func (p *groupPage) readMembers(c *Console, r *http.Request) error {
	after, err := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
	if err != nil || after < 0 {
		after = 0
	}
	refs, next, err := c.Store.MembersAfter(r.Context(), p.Scope, p.ID, after, membersShown)
	if err != nil {
		return fmt.Errorf("read members: %w", err)
	}
	counts, err := c.Store.CountMembers(r.Context(), p.Scope, []state.ID{p.ID}, 0)
	if err != nil {
		return fmt.Errorf("count members: %w", err)
	}
	p.Count = counts[p.ID]
	for _, ref := range refs {
		row, err := c.memberRow(r.Context(), p.Scope, ref)
		if err != nil {
			return err
		}
		p.Members = append(p.Members, row)
	}
	if after > 0 {
		p.At.First = p.URL() + "#members"
	}
	if next > 0 {
		p.At.Next = p.URL() + "?after=" + strconv.FormatInt(next, 10) + "#members"
	}
	return nil
}

// memberRow reads a member. One that has gone in the meantime is told by its id.
func (c *Console) memberRow(ctx context.Context, scope state.Scope, ref state.Ref) (memberRow, error) {
	if ref.Kind == state.KindGroup {
		return memberRow{Name: cmp.Or(ref.Name, string(ref.ID)), URL: pageOf("", ref.ID), Kind: "group"}, nil
	}
	row := memberRow{Name: cmp.Or(ref.Name, string(ref.ID)), URL: pageOf(ref.ID, ""), Kind: "account"}
	record, err := c.Store.Record(ctx, scope, state.KindAccount, ref.ID)
	switch {
	case errors.Is(err, state.ErrNotFound):
		return row, nil
	case err != nil:
		return row, fmt.Errorf("read member %s: %w", ref.ID, err)
	}
	row.UserName, row.State, row.Marks = textOf(record.Resource, "userName"), stateOf(&record), marksOf(&record)
	return row, nil
}

const (
	groupEvents = 50 // on a page
	namesOfOne  = 5  // members that an event names
)

// nameMembers puts names in the place of the ids of who joined or left, of each event no more than a few, the others counted.
func (c *Console) nameMembers(ctx context.Context, scope state.Scope, events []explain.Event) error {
	known := map[state.ID]string{}
	for i := range events {
		var changes []explain.Change
		for _, change := range events[i].Changes {
			if change.Path != "members" {
				changes = append(changes, change)
				continue
			}
			left, err := c.namesOf(ctx, scope, change.Before, "removed", known)
			if err != nil {
				return err
			}
			joined, err := c.namesOf(ctx, scope, change.After, "added", known)
			if err != nil {
				return err
			}
			changes = append(changes, explain.Change{Path: "members", Before: left, After: joined})
		}
		events[i].Changes = changes
	}
	return nil
}

// namesOf reads who is named in one side of a change of members, as a JSON text; null for nobody.
func (c *Console) namesOf(ctx context.Context, scope state.Scope, side json.RawMessage, field string, known map[state.ID]string) (json.RawMessage, error) {
	ids := resourceOf(side).Get(field).List
	if len(ids) == 0 {
		return json.RawMessage("null"), nil
	}
	var names []string
	for _, v := range ids[:min(len(ids), namesOfOne)] {
		id := state.ID(v.Text)
		if _, ok := known[id]; !ok {
			name, err := c.nameOf(ctx, scope, id)
			if err != nil {
				return nil, err
			}
			known[id] = name
		}
		names = append(names, known[id])
	}
	text := strings.Join(names, ", ")
	if more := len(ids) - len(names); more > 0 {
		text += " and " + count(more) + " more"
	}
	return scim.StringValue(text).AppendJSON(nil), nil
}

// nameOf is what people call a member; of one that is gone its id has to do.
func (c *Console) nameOf(ctx context.Context, scope state.Scope, id state.ID) (string, error) {
	for _, kind := range []state.Kind{state.KindAccount, state.KindGroup} {
		r, err := c.Store.Record(ctx, scope, kind, id)
		if err == nil {
			return cmp.Or(r.Name, string(id)), nil
		}
		if !errors.Is(err, state.ErrNotFound) {
			return "", fmt.Errorf("read member %s: %w", id, err)
		}
	}
	return string(id), nil
}

// membersCSV hands out who is in a group, whole.
func (c *Console) membersCSV(w http.ResponseWriter, r *http.Request, s *groupSubject) error {
	if !s.Live() {
		return state.ErrNotFound
	}
	file, err := c.startCSV(w, r, "members", state.Deed{What: deedMembersExported, Scope: s.Scope, Subject: string(s.ID)},
		"name", "user_name", "kind", "status", "staged", "pinned", "protected", "id")
	if err != nil {
		return err
	}
	file.end(c, r, c.eachMember(r.Context(), s, func(ref state.Ref) error {
		row, err := c.memberRow(r.Context(), s.Scope, ref)
		if err != nil {
			return err
		}
		marked := func(code string) string { return yesNo(slices.Contains(row.Marks, code)) }
		return file.row(row.Name, row.UserName, row.Kind, row.State, marked("staged"), marked("pinned"), marked("protected"), string(ref.ID))
	}))
	return nil
}

// eachMember calls yield for every member, a page in memory at a time.
func (c *Console) eachMember(ctx context.Context, s *groupSubject, yield func(state.Ref) error) error {
	for after := int64(0); ; {
		refs, next, err := c.Store.MembersAfter(ctx, s.Scope, s.ID, after, exportPage)
		if err != nil {
			return fmt.Errorf("read members: %w", err)
		}
		for _, ref := range refs {
			if err := yield(ref); err != nil {
				return err
			}
		}
		if after = next; next == 0 {
			return nil
		}
	}
}

// groupRaw shows a group as SCIM reads it, with all its members, sent while they are read.
func (c *Console) groupRaw(w http.ResponseWriter, r *http.Request, s *groupSubject) error {
	if s.Record.ID == "" {
		return problem{http.StatusNotFound, "There is no resource any more", "The group was purged; what happened to it stands on its page."}
	}
	text, err := c.scimJSON(&s.Record, scim.GroupType(), "", nil)
	if err != nil || !s.Live() {
		sendJSON(w, text)
		return err
	}
	head, _ := bytes.CutSuffix(text, []byte("\n}\n"))
	sendJSON(w, head)
	line := ",\n  \"members\": [\n    "
	err = c.eachMember(r.Context(), s, func(ref state.Ref) error {
		_, err := w.Write(append([]byte(line), c.scimRef(ref, ref.Kind.String()).AppendJSON(nil)...))
		line = ",\n    "
		return err
	})
	if err != nil {
		c.Log.Error("a group could not be shown whole", "group_id", s.ID, "error", err)
		panic(http.ErrAbortHandler)
	}
	if strings.Contains(line, "[") {
		_, _ = w.Write([]byte("\n}\n"))
	} else {
		_, _ = w.Write([]byte("\n  ]\n}\n"))
	}
	return nil
}
