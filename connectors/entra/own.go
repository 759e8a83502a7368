package entra

import (
	"cmp"
	"context"
	"slices"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

// ownLists reads, in one Look, people's own lists of app role assignments, which hold what they were given themselves and what the
// groups were given that they are direct members of (learn.microsoft.com/graph/api/user-list-approleassignments). That takes
// Directory.Read.All, which is more than a pull needs: where a list cannot be read, Assigned stays Unknown and nothing else is lost.
//
// A row for our application says that the person is assigned. An empty list alone says nothing: it is also what a missing permission, a
// hidden group or a filter that is not understood may look like. It is believed only once the same question has, in the same Look, shown
// the assignments of people who are assigned for certain: of one who is assigned directly, if there are any, and of one who is in an
// assigned group, if there are any. With nested members counting it is never believed, because these lists leave them out.
//
// checkMemberGroups would need fewer permissions, but it leaves out groups with hidden membership without saying so.
type ownLists struct {
	*Connector
	selection   *selection
	application guid            // zero until it is known
	names       map[guid]string // of the application's roles
	closed      bool            // the lists may not be read
	controlled  bool            // proven has been found out
	proven      bool            // an empty list is believed
}

// tell completes people with what their own lists say.
func (o *ownLists) tell(ctx context.Context, people *people) {
	if len(people.keys) == 0 || !o.open(ctx) {
		return
	}
	lists := o.lists(ctx, people.keys)
	roles := newRoles(o.names)
	known := map[guid]bool{}
	for i, list := range lists {
		switch {
		case len(list.rows) > 0:
			people.persons[i].Facts.Assigned = connectors.Yes
		case list.whole && o.believed(ctx):
			people.persons[i].Facts.Assigned = connectors.No
		}
		known[people.keys[i]] = list.whole && (len(list.rows) > 0 || o.proven)
		for _, row := range list.rows {
			roles.grant(people.keys[i], row.role)
		}
	}
	people.grant(func(id guid) ([]string, bool) { return roles.list(id), known[id] })
}

// open tells whether the lists can be asked for.
func (o *ownLists) open(ctx context.Context) bool {
	if o.closed || o.application != (guid{}) {
		return !o.closed
	}
	id, names, err := o.resolveRoles(ctx)
	application, ok := parseGUID(id)
	if o.closed = err != nil || !ok; !o.closed {
		o.application, o.names = application, names
	}
	return !o.closed
}

// ownList is one person's assignments to the application.
type ownList struct {
	whole bool // it was read, to its end
	rows  []assignment
}

func (l *ownList) has(kind string) bool {
	return slices.ContainsFunc(l.rows, func(row assignment) bool { return row.kind == kind })
}

// lists reads the lists of up to 20 people, in their order. Those that cannot be read are empty and not whole.
func (o *ownLists) lists(ctx context.Context, ids []guid) []ownList {
	lists := make([]ownList, len(ids))
	asks := make([]ask, len(ids))
	for i, id := range ids {
		request, err := o.assignmentsOf(ctx, id, o.application)
		if err == nil {
			asks[i], err = inBatch(request)
		}
		if err != nil {
			return lists
		}
	}
	items, err := o.batch(ctx, asks)
	if err != nil {
		o.closed = true
		return lists
	}
	refused := 0
	for i, item := range items {
		if item.err == nil {
			lists[i] = o.scanList(item.body, ids[i])
		} else if !notThere(item.err) {
			refused++
		}
	}
	o.closed = refused == len(items)
	return lists
}

// scanList takes a person's assignments. One that is none of theirs, or cannot be understood, makes the list less than whole.
func (o *ownLists) scanList(body string, person guid) (list ownList) {
	stranger := false
	next, err := collection(body, func(s *rest.Scanner) error {
		row, err := scanAssignment(s)
		switch {
		case err != nil:
		case row.kind == ofGroup && row.resource == o.application, row.kind == ofUser && row.resource == o.application && row.id == person:
			list.rows = append(list.rows, row)
		default:
			stranger = true
		}
		return err
	})
	if err != nil {
		return ownList{}
	}
	list.whole = next == "" && !stranger
	return list
}

// believed tells whether an empty list is believed, and finds it out when it is asked for the first time.
func (o *ownLists) believed(ctx context.Context) bool {
	if !o.controlled {
		o.controlled = true
		o.proven = o.control(ctx)
	}
	return o.proven
}

// control asks for the lists of people who are assigned for certain: up to ten of each kind.
func (o *ownLists) control(ctx context.Context) bool {
	const each = batchSize / 2
	direct, groups, err := o.somebody(ctx, each)
	if err != nil || len(direct)+len(groups) == 0 {
		return false
	}
	members, err := o.oneOfEach(ctx, groups)
	if err != nil || len(groups) > 0 && len(members) == 0 {
		return false
	}
	lists := o.lists(ctx, slices.Concat(direct, members))
	ofKind := func(lists []ownList, kind string) bool {
		return len(lists) == 0 || slices.ContainsFunc(lists, func(l ownList) bool { return l.has(kind) })
	}
	return ofKind(lists[:len(direct)], ofUser) && ofKind(lists[len(direct):], ofGroup)
}

// somebody returns a few people who are assigned directly, and a few assigned groups. It reads no more of the assignments than it takes
// to meet both kinds.
func (o *ownLists) somebody(ctx context.Context, each int) (direct, groups []guid, err error) {
	request, err := o.assignedTo(ctx, o.application.String())
	if err != nil {
		return nil, nil, err
	}
	err = o.pages(ctx, request, func(page string) (next, first string, err error) {
		next, err = collection(page, func(s *rest.Scanner) error {
			row, err := scanAssignment(s)
			first = cmp.Or(first, row.row)
			switch {
			case row.kind == ofUser && len(direct) < each:
				direct = append(direct, row.id)
			case row.kind == ofGroup && len(groups) < each:
				groups = append(groups, row.id)
			}
			return err
		})
		if len(direct) > 0 && len(groups) > 0 {
			next = ""
		}
		return next, first, err
	})
	return direct, groups, err
}

// oneOfEach returns a direct member of each of these groups that has one. A group that may not be read is an error: people's own lists
// may leave it out as well.
func (o *ownLists) oneOfEach(ctx context.Context, groups []guid) (members []guid, err error) {
	asks := make([]ask, len(groups))
	for i, group := range groups {
		request, err := o.directMembers(ctx, group, only.names, 1)
		if err == nil {
			asks[i], err = inBatch(request)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(asks) == 0 {
		return nil, nil
	}
	items, err := o.batch(ctx, asks)
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		if item.err != nil {
			return nil, item.err
		}
		_, ids, err := scanIDs(item.body, nil)
		if err != nil {
			return nil, err
		}
		for _, id := range ids[:min(1, len(ids))] {
			key, _ := parseGUID(id)
			members = append(members, key)
		}
	}
	return members, nil
}
