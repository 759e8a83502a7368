package okta

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/internal/wire"
)

// byName says whether a person is assigned to the application by name, as far as Okta goes: a deactivation takes that away.
func byName(x idpsim.Person) bool { return x.Direct() && !x.Unlinked() }

// people is the collection of those who pass show.
func people(v *idpsim.View, show func(idpsim.Person) bool, render func(dst []byte, x idpsim.Person) []byte) collection {
	return collection{
		next: func(after uint64) (uint64, bool) {
			for n := int(after); n < v.People(); n++ {
				if show(v.Person(n)) {
					return uint64(n) + 1, true
				}
			}
			return 0, false
		},
		append: func(dst []byte, key uint64) []byte { return render(dst, v.Person(int(key-1))) },
	}
}

const deprovisioned = "DEPROVISIONED"

func (c *call) users() {
	p, ok := c.parsePaging(200, 200, "q", "filter", "search", "fields")
	if !ok {
		return
	}
	if p.values.Has("search") && idpsim.Struck(c.r, idpsim.StaleSearch) {
		c.stale = true
	}
	f, d, err := userFilter(p.values)
	if err != nil {
		fail(c.w, http.StatusBadRequest, "E0000031", "Invalid search criteria: "+err.Error())
		return
	}
	prefix := strings.ToLower(p.values.Get("q"))
	c.page(p, func(v *idpsim.View) collection {
		r := c.renderer(v)
		if f == nil { // a plain list and q leave out the deactivated
			return people(v, func(x idpsim.Person) bool {
				return x.Present() && x.Status() != deprovisioned && (prefix == "" || startsWith(x, prefix))
			}, r.user)
		}
		show := func(x idpsim.Person) bool {
			return !x.Gone() && f.match(d, func(path string) []string { return userValues(x, path) })
		}
		if ids, ok := f.ids(); ok {
			return chosen(v, ids, show, r.user)
		}
		return people(v, show, r.user)
	})
}

// userFilter reads filter or search, which show the deactivated too. A filter knows few properties and compares them as they are
// written; a search knows all of them and ignores the letter case of values.
func userFilter(values url.Values) (*filter, dialect, error) {
	text, d := values.Get("search"), dialect{joins: []string{"and", "or"}, operators: searchable}
	if values.Has("filter") {
		text, d = values.Get("filter"), dialect{joins: []string{"and", "or"}, operators: filterable, exact: true}
	}
	switch {
	case values.Has("filter") && values.Has("search"):
		return nil, d, fmt.Errorf("filter and search exclude each other")
	case !values.Has("filter") && !values.Has("search"):
		return nil, d, nil
	}
	f, err := parseFilter(text, d)
	return f, d, err
}

// searchable: ne is not there; lt and gt joined by or do the same.
func searchable(path string) []string {
	key, profile := strings.CutPrefix(path, "profile.")
	switch {
	case profile && slices.Contains([]string{"firstName", "lastName", "email", "login"}, key):
		return []string{"eq", "sw", "co", "gt", "ge", "lt", "le", "pr"}
	case profile && slices.ContainsFunc(userProfile, func(f field) bool { return f.key == key }):
		return []string{"eq", "sw", "gt", "ge", "lt", "le", "pr"}
	case slices.Contains([]string{"id", "status", "created", "activated", "statusChanged", "lastUpdated", "type.id"}, path):
		return []string{"eq", "sw", "gt", "ge", "lt", "le", "pr"}
	}
	return nil
}

func filterable(path string) []string {
	switch path {
	case "lastUpdated":
		return []string{"eq", "gt", "ge", "lt", "le"}
	case "id", "status", "profile.login", "profile.email", "profile.firstName", "profile.lastName":
		return []string{"eq"}
	}
	return nil
}

// userValues are a user's values of a property that can be searched for.
func userValues(x idpsim.Person, path string) []string {
	if key, ok := strings.CutPrefix(path, "profile."); ok {
		at := slices.IndexFunc(userProfile, func(f field) bool { return f.key == key })
		text, there := x.Append(nil, userProfile[at].attribute)
		if !there {
			return nil
		}
		return []string{string(text)}
	}
	switch path {
	case "id":
		return []string{string(x.AppendOktaID(nil))}
	case "status":
		return []string{x.Status()}
	case "statusChanged":
		return []string{x.Turned().UTC().Format(time.RFC3339Nano)}
	case "lastUpdated":
		return []string{x.Updated().UTC().Format(time.RFC3339Nano)}
	case "type.id":
		return []string{userType}
	}
	return []string{x.Created().UTC().Format(time.RFC3339Nano)}
}

// chosen is the collection of those with one of the ids who pass show: what people would find, without looking at everybody.
func chosen(v *idpsim.View, ids []string, show func(idpsim.Person) bool, render func(dst []byte, x idpsim.Person) []byte) collection {
	var numbers []int
	for _, id := range ids {
		if x, ok := v.PersonByOktaID(id); ok && show(x) {
			numbers = append(numbers, x.Number())
		}
	}
	slices.Sort(numbers)
	return collection{
		next: func(after uint64) (uint64, bool) {
			at, _ := slices.BinarySearch(numbers, int(after))
			if at == len(numbers) {
				return 0, false
			}
			return uint64(numbers[at]) + 1, true
		},
		append: func(dst []byte, key uint64) []byte { return render(dst, v.Person(int(key-1))) },
	}
}

// startsWith is what q looks at.
func startsWith(x idpsim.Person, prefix string) bool {
	return slices.ContainsFunc([]idpsim.Attribute{idpsim.GivenName, idpsim.FamilyName, idpsim.Mail}, func(a idpsim.Attribute) bool {
		return strings.HasPrefix(strings.ToLower(x.Text(a)), prefix)
	})
}

// one answers with a single object, or that there is none of that kind.
func (c *call) one(id, kind string, find func(*idpsim.View) ([]byte, bool)) {
	var object []byte
	var ok bool
	c.read(func(v *idpsim.View) { object, ok = find(v) })
	if !ok {
		notFound(c.w, id, kind)
		return
	}
	write(c.w, http.StatusOK, object)
}

// user is found by id, by login, or by the part of the login before the @ where that is enough.
func (c *call) user(id string) {
	c.one(id, "User", func(v *idpsim.View) ([]byte, bool) {
		x, ok := v.PersonByOktaID(id)
		if !ok {
			x, ok = v.PersonByUserName(id)
		}
		if !ok {
			x, ok = v.PersonByUserName(id + "@" + v.Domain())
		}
		if !ok || x.Gone() {
			return nil, false
		}
		return c.renderer(v).user(nil, x), true
	})
}

func (c *call) org() {
	c.one("org", "Org", func(v *idpsim.View) ([]byte, bool) {
		dst := wire.AppendString([]byte(`{"id":"00oSimulatedOrg00AAAA","companyName":`), v.Name())
		return append(dst, `,"status":"ACTIVE"}`...), true
	})
}

// application says whether the application has this id and is still there; not, the answer has been given.
func (c *call) application(id string) bool {
	there := false
	c.read(func(v *idpsim.View) {
		there = v.App() != idpsim.AppGone && id == string(v.AppendOktaAppID(nil))
	})
	if !there {
		notFound(c.w, id, "AppInstance")
	}
	return there
}

func (c *call) app(id string) {
	if c.application(id) {
		c.one(id, "AppInstance", func(v *idpsim.View) ([]byte, bool) { return c.renderer(v).application(nil, v), true })
	}
}

func (c *call) appUsers(id string) {
	p, ok := c.parsePaging(50, 500, "expand", "q")
	if !ok || !c.application(id) {
		return
	}
	expand, prefix := p.values.Get("expand") == "user", strings.ToLower(p.values.Get("q"))
	c.page(p, func(v *idpsim.View) collection {
		r := c.renderer(v)
		return people(v, func(x idpsim.Person) bool { return x.InOktaApp() && (prefix == "" || startsWith(x, prefix)) },
			func(dst []byte, x idpsim.Person) []byte { return r.appUser(dst, x, expand) })
	})
}

func (c *call) appUser(app, id string) {
	if !c.application(app) {
		return
	}
	c.one(id, "AppUser", func(v *idpsim.View) ([]byte, bool) {
		x, ok := v.PersonByOktaID(id)
		if !ok || !x.InOktaApp() {
			return nil, false
		}
		return c.renderer(v).appUser(nil, x, c.r.URL.Query().Get("expand") == "user"), true
	})
}
