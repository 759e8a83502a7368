package entra

import (
	"errors"
	"strings"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

var (
	errNoList  = errors.New("the answer has no list of values")
	errNoGUID  = errors.New("an object id is not a GUID")
	errNothing = errors.New("people come without any attribute")
	errOther   = errors.New("the answer is about somebody else")
)

// collection takes a page of a listing, calls item at each object of it and returns the link to the next page, "" on the last.
func collection(page string, item func(s *rest.Scanner) error) (next string, err error) {
	listed := false
	s := rest.Scan(page)
	err = s.Object(func(name string) (err error) {
		switch name {
		case "value":
			listed = true
			return s.Array(func() error { return item(&s) })
		case "@odata.nextLink":
			next, err = s.Text()
			return err
		}
		return s.Skip()
	})
	if err == nil {
		err = s.End()
	}
	if err == nil && !listed {
		err = errNoList
	}
	return next, err
}

// assignment is one row of the assignments: a principal may have several, one for each role.
type assignment struct {
	row       string // id of the row
	id        guid   // of the principal
	role      guid   // zero: assigned without a role
	resource  guid   // the enterprise application
	kind      string // User, Group or ServicePrincipal
	groupName string
}

// The kinds of principals that matter here.
const (
	ofUser  = "User"
	ofGroup = "Group"
)

func scanAssignment(s *rest.Scanner) (row assignment, err error) {
	var id, role, resource, name string
	err = s.Object(func(field string) (err error) {
		switch field {
		case "id":
			row.row, err = s.Text()
		case "appRoleId":
			role, err = s.Text()
		case "resourceId":
			resource, err = s.Text()
		case "principalId":
			id, err = s.Text()
		case "principalType":
			row.kind, err = s.Text()
		case "principalDisplayName":
			name, err = s.Text()
		default:
			err = s.Skip()
		}
		return err
	})
	if row.kind = kindOf(row.kind); row.kind == ofGroup {
		row.groupName = strings.Clone(name) // outlives the page
	}
	row.role, _ = parseGUID(role)
	row.resource, _ = parseGUID(resource)
	var ok bool
	if row.id, ok = parseGUID(id); err == nil && !ok {
		err = errNoGUID
	}
	return row, err
}

// kindOf is a kind of principal without the page that it was read from; "" of any other.
func kindOf(kind string) string {
	switch kind {
	case ofUser:
		return ofUser
	case ofGroup:
		return ofGroup
	}
	return ""
}

// scanID takes an object and returns its id.
func scanID(body string) (id string, err error) {
	s := rest.Scan(body)
	err = s.Object(func(name string) (err error) {
		if name == "id" {
			id, err = s.Text()
			return err
		}
		return s.Skip()
	})
	if err == nil {
		err = s.End()
	}
	if err == nil && id == "" {
		err = errNoGUID
	}
	return strings.Clone(id), err
}

// scanIDs takes a page of people of whom nothing but the object id was asked for, and appends the ids to list.
func scanIDs(page string, list []string) (next string, ids []string, err error) {
	next, err = collection(page, func(s *rest.Scanner) error {
		id, _, err := s.Texts("id", "@odata.type")
		if _, ok := parseGUID(id); err == nil && !ok {
			err = errNoGUID
		}
		list = append(list, id)
		return err
	})
	return next, list, err
}

// people collects the persons of one page. What it hands out is overwritten by the next page.
type people struct {
	selection *selection
	facts     connectors.Facts // of everyone on the page, but for Enabled
	keys      []guid
	persons   []connectors.Person
	values    []connectors.Value
}

// start forgets the page before.
func (p *people) start(facts connectors.Facts) {
	p.facts, p.keys, p.persons, p.values = facts, p.keys[:0], p.persons[:0], p.values[:0]
}

// scan takes one user object.
//
// A user whose every attribute is null is one that the application may not read (learn.microsoft.com/graph/api/group-list-members):
// that is an error, never a person without attributes. In the recycle bin, being there is what counts.
func (p *people) scan(s *rest.Scanner) error {
	person := connectors.Person{Facts: p.facts}
	from := len(p.values)
	p.values = append(p.values, p.selection.blank...)
	values := p.values[from:]
	var principal connectors.Value
	err := s.Object(func(name string) error {
		if name == extensionAttributes {
			return s.Object(func(name string) error {
				value, err := s.Value()
				fill(values, p.selection.extended[name], value)
				return err
			})
		}
		if name == manager {
			id, _, err := s.Texts("id", "@odata.type")
			fill(values, p.selection.columns[manager], connectors.Value{Present: id != "", Text: id})
			return err
		}
		value, err := s.Value()
		switch name {
		case "id":
			person.ID = value.Text
		case "userPrincipalName":
			principal = value
			return err
		case "accountEnabled":
			person.Facts.Enabled = answer(value)
		}
		fill(values, p.selection.columns[name], value)
		return err
	})
	if err != nil {
		return err
	}
	key, ok := parseGUID(person.ID)
	deleted := p.facts.SoftDeleted == connectors.Yes
	switch {
	case !ok:
		return errNoGUID
	case deleted:
		principal.Text = nameBefore(principal.Text, person.ID)
	case !principal.Present && person.Facts.Enabled == connectors.Unknown:
		return errNothing
	}
	person.UserName = homeName(principal.Text)
	person.Facts.Status = status(person.Facts)
	fill(values, p.selection.columns["userPrincipalName"], principal)
	p.keys, p.persons = append(p.keys, key), append(p.persons, person)
	return nil
}

// ids appends the object ids of those on the page to list, as the directory spells them.
func (p *people) ids(list []string) []string {
	for _, person := range p.persons {
		list = append(list, person.ID)
	}
	return list
}

// grant gives everyone on the page the app roles that they have, if they are wanted and known.
func (p *people) grant(roles func(guid) (names []string, known bool)) {
	width := len(p.selection.blank)
	for i, key := range p.keys {
		for _, at := range p.selection.roles {
			if names, known := roles(key); known {
				p.values[i*width+at] = connectors.Value{Present: true, List: names}
			}
		}
	}
}

// keep drops those persons that keep refuses, and gives the others their values.
func (p *people) keep(keep func(guid) bool) []connectors.Person {
	kept, width := p.persons[:0], len(p.selection.blank)
	for i, person := range p.persons {
		if keep(p.keys[i]) {
			person.Values = p.values[i*width : (i+1)*width : (i+1)*width]
			kept = append(kept, person)
		}
	}
	return kept
}

func fill(values []connectors.Value, columns []column, value connectors.Value) {
	for _, c := range columns {
		switch c.form {
		case plain:
			values[c.at] = value
		case first:
			values[c.at] = connectors.Value{Present: len(value.List) > 0}
			if len(value.List) > 0 {
				values[c.at].Text = value.List[0]
			}
		case ofGuest:
			values[c.at] = connectors.Value{Present: value.Present, Text: homeName(value.Text)}
		}
	}
}

// status is what the directory's administrators would call it.
func status(facts connectors.Facts) string {
	switch {
	case facts.SoftDeleted == connectors.Yes:
		return "deleted"
	case facts.Enabled == connectors.No:
		return "disabled"
	}
	return ""
}

func answer(value connectors.Value) connectors.Answer {
	switch {
	case !value.Present:
		return connectors.Unknown
	case value.Text == "True":
		return connectors.Yes
	case value.Text == "False":
		return connectors.No
	}
	return connectors.Unknown
}
