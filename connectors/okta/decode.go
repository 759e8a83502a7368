package okta

import (
	"errors"
	"slices"
	"strings"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

var (
	errNoID    = errors.New("somebody comes without an id")
	errForm    = errors.New("the answer is of another form than Okta describes")
	errOther   = errors.New("the answer is about somebody else")
	errNoGroup = errors.New("a group comes without an id or a status, or is another than was asked for")
	errNoApp   = errors.New("the answer is about another application, or comes without its status")
	errNoUser  = errors.New("app users come without a status, or without the Okta user that was asked for")
)

// userName is the one attribute that is not in the app-side profile.
const userName = "userName"

// people collects the persons of one page. What it hands out is overwritten by the next page.
type people struct {
	suspendedActive bool
	blank           []connectors.Value // one absent value for each attribute wanted
	columns         map[string][]int   // places in Want.Attributes, by attribute name

	first   string // id of the page's first app user; "" of an empty page
	persons []connectors.Person
	values  []connectors.Value
	failed  []bool // whose last push failed

	failing  int    // of those who were kept, of all pages
	lastSync string // of all pages, the latest, as Okta writes it
}

func newPeople(want connectors.Want, suspendedActive bool) people {
	columns := map[string][]int{}
	for i, name := range want.Attributes {
		columns[name] = append(columns[name], i)
	}
	return people{suspendedActive: suspendedActive, blank: make([]connectors.Value, len(want.Attributes)), columns: columns}
}

// start forgets the page before.
func (p *people) start() {
	p.first, p.persons, p.values, p.failed = "", p.persons[:0], p.values[:0], p.failed[:0]
}

// scanPage takes a page of app users.
func (p *people) scanPage(page string) error {
	p.start()
	s := rest.Scan(page)
	if err := s.Array(func() error { return p.scan(&s) }); err != nil {
		return err
	}
	return s.End()
}

// scanOne takes one app user.
func (p *people) scanOne(text string) error {
	p.start()
	s := rest.Scan(text)
	if err := p.scan(&s); err != nil {
		return err
	}
	return s.End()
}

// oktaUser is what is read of an Okta user.
type oktaUser struct{ id, login, status, becoming string }

// scan takes one app user with its Okta user embedded, unless it is a leftover. Without an Okta user nothing can be said of the person:
// it is an error.
func (p *people) scan(s *rest.Scanner) error {
	from := len(p.values)
	p.values = append(p.values, p.blank...)
	values := p.values[from:]
	var person connectors.Person
	var user oktaUser
	var status, sync, lastSync string
	err := s.Object(func(name string) (err error) {
		switch name {
		case "id":
			person.ID, err = s.Text()
		case "externalId":
			person.Account, err = s.Text()
		case "status":
			status, err = s.Text()
		case "syncState":
			sync, err = s.Text()
		case "lastSync":
			lastSync, err = s.Text()
		case "credentials":
			return s.Object(func(name string) error {
				value, err := s.Value()
				if name == userName {
					person.UserName = value.Text
					p.fill(values, name, value)
				}
				return err
			})
		case "profile":
			return s.Object(func(name string) error {
				value, err := s.Value()
				if name != userName {
					p.fill(values, name, value)
				}
				return err
			})
		case "_embedded":
			return s.Object(func(name string) (err error) {
				if name != "user" {
					return s.Skip()
				}
				user, err = scanUser(s)
				return err
			})
		default:
			err = s.Skip()
		}
		return err
	})
	if err == nil && person.ID == "" {
		err = errNoID
	}
	if err != nil {
		return err
	}
	if p.first == "" {
		p.first = person.ID
	}
	switch {
	case leftover[status]:
		p.values = p.values[:from]
		return nil
	case user.status == "" || status == "":
		return errNoUser
	case user.id != person.ID:
		return errOther
	}
	if person.UserName == "" {
		person.UserName = user.login
	}
	person.Facts = p.facts(user, status)
	p.persons = append(p.persons, person)
	p.failed = append(p.failed, sync == "ERROR")
	if sync == "SYNCHRONIZED" && lastSync > p.lastSync {
		p.lastSync = strings.Clone(lastSync) // the page is not kept for it
	}
	return nil
}

// scanUser takes one Okta user.
func scanUser(s *rest.Scanner) (u oktaUser, err error) {
	err = s.Object(func(name string) (err error) {
		switch name {
		case "id":
			u.id, err = s.Text()
		case "status":
			u.status, err = s.Text()
		case "transitioningToStatus":
			u.becoming, err = s.Text()
		case "profile":
			return s.Object(func(name string) (err error) {
				if name == "login" {
					u.login, err = s.Text()
					return err
				}
				return s.Skip()
			})
		default:
			err = s.Skip()
		}
		return err
	})
	return u, err
}

func (p *people) fill(values []connectors.Value, name string, value connectors.Value) {
	for _, at := range p.columns[name] {
		values[at] = value
	}
}

// keep drops those persons that keep refuses, gives the others their values and counts whose push failed.
func (p *people) keep(keep func(id string) bool) []connectors.Person {
	kept, width := p.persons[:0], len(p.blank)
	for i, person := range p.persons {
		if keep(person.ID) {
			person.Values = p.values[i*width : (i+1)*width : (i+1)*width]
			kept = append(kept, person)
			if p.failed[i] {
				p.failing++
			}
		}
	}
	return kept
}

// one returns the only person of a page; a blank one if there is none.
func (p *people) one() connectors.Person {
	for _, person := range p.keep(func(string) bool { return true }) {
		return person
	}
	return connectors.Person{}
}

// without returns a person with every value absent.
func (p *people) without(person connectors.Person) connectors.Person {
	person.Values = slices.Clone(p.blank)
	return person
}
