package okta

import (
	"net/http"
	"slices"
	"strings"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/internal/wire"
)

// byName says whether a person is assigned to the application by name, as far as Okta goes: a deactivation takes that away.
func byName(x idpsim.Person) bool { return x.Direct() && !x.Unlinked() }

// inApp says whether the application's list of users has a person. The deactivated have left it, wherever they are still members.
func inApp(x idpsim.Person) bool {
	return x.Present() && x.Status() != deprovisioned && (byName(x) || x.ViaGroup())
}

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
	p, ok := c.parsePaging(200, 200, "q", "filter", "search")
	if !ok {
		return
	}
	show, ok := c.userFilter(p)
	if !ok {
		return
	}
	c.page(p, func(v *idpsim.View) collection { return people(v, show, c.renderer(v).user) })
}

// userFilter reads q, or a filter or search of the form property eq "value". A plain list and q leave out the deactivated; filter
// and search show them.
func (c *call) userFilter(p paging) (show func(idpsim.Person) bool, ok bool) {
	text := p.values.Get("filter") + p.values.Get("search")
	if text == "" {
		prefix := strings.ToLower(p.values.Get("q"))
		return func(x idpsim.Person) bool {
			return x.Present() && x.Status() != deprovisioned && (prefix == "" || startsWith(x, prefix))
		}, true
	}
	name, literal, found := strings.Cut(text, " eq ")
	value, quotedOpen := strings.CutPrefix(literal, `"`)
	value, quotedClose := strings.CutSuffix(value, `"`)
	property := filterable[strings.TrimPrefix(name, "profile.")]
	if !found || !quotedOpen || !quotedClose || property == nil {
		fail(c.w, http.StatusBadRequest, "E0000031", "Invalid search criteria.")
		return nil, false
	}
	return func(x idpsim.Person) bool { return !x.Gone() && strings.EqualFold(property(x), value) }, true
}

// startsWith is what q looks at.
func startsWith(x idpsim.Person, prefix string) bool {
	return slices.ContainsFunc([]idpsim.Attribute{idpsim.GivenName, idpsim.FamilyName, idpsim.Mail}, func(a idpsim.Attribute) bool {
		return strings.HasPrefix(strings.ToLower(x.Text(a)), prefix)
	})
}

var filterable = map[string]func(idpsim.Person) string{
	"id":        func(x idpsim.Person) string { return string(x.AppendOktaID(nil)) },
	"status":    func(x idpsim.Person) string { return x.Status() },
	"login":     func(x idpsim.Person) string { return x.Text(idpsim.UserName) },
	"email":     func(x idpsim.Person) string { return x.Text(idpsim.Mail) },
	"firstName": func(x idpsim.Person) string { return x.Text(idpsim.GivenName) },
	"lastName":  func(x idpsim.Person) string { return x.Text(idpsim.FamilyName) },
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
		return people(v, func(x idpsim.Person) bool { return inApp(x) && (prefix == "" || startsWith(x, prefix)) },
			func(dst []byte, x idpsim.Person) []byte { return r.appUser(dst, x, expand) })
	})
}

func (c *call) appUser(app, id string) {
	if !c.application(app) {
		return
	}
	c.one(id, "AppUser", func(v *idpsim.View) ([]byte, bool) {
		x, ok := v.PersonByOktaID(id)
		if !ok || !inApp(x) {
			return nil, false
		}
		return c.renderer(v).appUser(nil, x, c.r.URL.Query().Get("expand") == "user"), true
	})
}

func (c *call) appGroups(id string) {
	p, ok := c.parsePaging(20, 200, "expand", "q")
	if !ok || !c.application(id) {
		return
	}
	expand := p.values.Get("expand") == "group"
	c.page(p, func(v *idpsim.View) collection {
		r := c.renderer(v)
		return collection{
			next: func(after uint64) (uint64, bool) {
				for n := int(after); n < v.Groups(); n++ {
					if v.Group(n).Assigned() {
						return uint64(n) + 1, true
					}
				}
				return 0, false
			},
			append: func(dst []byte, key uint64) []byte { return r.appGroup(dst, v.Group(int(key-1)), expand) },
		}
	})
}

func (c *call) group(id string) {
	c.one(id, "UserGroup", func(v *idpsim.View) ([]byte, bool) {
		g, ok := v.GroupByOktaID(id)
		if !ok || g.Gone() {
			return nil, false
		}
		return c.renderer(v).group(nil, g), true
	})
}

// groupUsers shows the members of a group. The deactivated are among them.
func (c *call) groupUsers(id string) {
	p, ok := c.parsePaging(1000, 1000)
	if !ok {
		return
	}
	found := false
	c.read(func(v *idpsim.View) {
		g, ok := v.GroupByOktaID(id)
		found = ok && !g.Gone()
	})
	if !found {
		notFound(c.w, id, "UserGroup")
		return
	}
	c.page(p, func(v *idpsim.View) collection {
		r := c.renderer(v)
		g, _ := v.GroupByOktaID(id)
		return collection{
			next: func(after uint64) (uint64, bool) {
				at, _ := slices.BinarySearch(g.Members(), uint32(after))
				for _, n := range g.Members()[at:] {
					if !v.Person(int(n)).Gone() {
						return uint64(n) + 1, true
					}
				}
				return 0, false
			},
			append: func(dst []byte, key uint64) []byte { return r.user(dst, v.Person(int(key-1))) },
		}
	})
}
