package push

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"sync"
	"time"

	"rollcall/connectors/idpsim"
)

// OktaOptions configure the provisioning of an application.
type OktaOptions struct {
	Options
	Catalogue bool   // an application of the catalogue, which patches; otherwise one made with the wizard, which puts
	LookUp    string // attribute in the filter of look-ups: userName unless given
}

// Okta is Okta's provisioning, for one application.
type Okta struct {
	*client
	options OktaOptions

	rounds   rounds
	switches idpsim.Switches // of the cycle

	links  sync.Mutex
	people map[int]*oktaLink
	groups map[int]*oktaGroup
}

// oktaLink is what Okta remembers of a user that it created or found.
type oktaLink struct {
	id     string
	active bool
	sent   profile
}

// profile is the app-side profile as it is pushed.
type profile struct {
	userName, givenName, familyName, displayName, email, mobile string
}

// NewOkta makes a client that has pushed nothing.
func NewOkta(o OktaOptions) *Okta {
	if o.LookUp == "" {
		o.LookUp = "userName"
	}
	header := http.Header{"User-Agent": {"Okta SCIM Client 1.0.0"}, "Accept": {"application/scim+json"}, "Accept-Charset": {"utf-8"}}
	client := &Okta{client: newClient(o.Options, header), options: o, people: map[int]*oktaLink{}, groups: map[int]*oktaGroup{}}
	client.rounds.restart()
	client.rounds.steady = true
	client.again = stubbornly
	return client
}

// How Okta repeats what was answered 429: after the seconds that the receiver names, five minutes where it names none, twice as long
// each time; the tenth attempt is the last.
const (
	attempts = 10
	unnamed  = 5 * time.Minute
)

func stubbornly(attempt int, x Exchange, _ time.Duration) time.Duration {
	wait := x.after
	if x.plain {
		wait = unnamed
	}
	if attempt >= attempts {
		return 0
	}
	return wait << (attempt - 1)
}

// Test is the button Test Connector Configuration.
func (o *Okta) Test(ctx context.Context) error {
	if _, err := o.find(ctx, "", "/Users"+query("startIndex", "1", "count", "2")); err != nil {
		return err
	}
	if !o.Groups {
		return nil
	}
	_, err := o.find(ctx, "", "/Groups"+query("startIndex", "1", "count", "100"))
	return err
}

// Cycle pushes everything that happened since the last call, all that is assigned when called first: Okta itself pushes at once.
// What fails for one object is tried again in the next cycle and does not end this one. The error joins a line for each object that
// failed.
func (o *Okta) Cycle(ctx context.Context) error {
	o.rounds.one.Lock()
	defer o.rounds.one.Unlock()
	group := o.exportGroup
	if !o.Groups {
		group = nil
	}
	o.Population.Read(func(v *idpsim.View) { o.switches = v.Switches() })
	if !o.switches.On {
		return fmt.Errorf("push: provisioning is not switched on for the application")
	}
	r, err := o.round(ctx, &o.rounds, o.pushPerson, group)
	if err != nil {
		return err
	}
	return r.err
}

func (o *Okta) pushPerson(ctx context.Context, n int) error { return o.export(ctx, o.assignment(n)) }

// assignment is what Okta knows of somebody and the application.
type assignment struct {
	number   int
	oktaID   string
	assigned bool // in the application's list of users
	waiting  bool // STAGED: nothing is pushed before the user is activated
	gone     bool
	profile  profile
}

func (o *Okta) assignment(n int) (a assignment) {
	o.Population.Read(func(v *idpsim.View) {
		x := v.Person(n)
		a = assignment{number: n, oktaID: string(x.AppendOktaID(nil)), gone: x.Gone(), waiting: x.Status() == "STAGED"}
		a.assigned = x.Present() && x.Status() != "DEPROVISIONED" && (x.ViaGroup() || x.Direct() && !x.Unlinked())
		a.profile = profile{
			x.Text(idpsim.AppUserName), x.Text(idpsim.GivenName), x.Text(idpsim.FamilyName), x.Text(idpsim.DisplayName),
			x.Text(idpsim.Mail), x.Text(idpsim.Mobile),
		}
		if l := o.link(n); l != nil {
			a.profile.keep(v, l.sent)
		}
	})
	return a
}

// keep takes over what was sent of those attributes that are pushed at creation only.
func (p *profile) keep(v *idpsim.View, sent profile) {
	for attribute, value := range map[idpsim.Attribute][2]*string{
		idpsim.AppUserName: {&p.userName, &sent.userName}, idpsim.GivenName: {&p.givenName, &sent.givenName},
		idpsim.FamilyName: {&p.familyName, &sent.familyName}, idpsim.DisplayName: {&p.displayName, &sent.displayName},
		idpsim.Mail: {&p.email, &sent.email}, idpsim.Mobile: {&p.mobile, &sent.mobile},
	} {
		if v.CreateOnly(attribute) {
			*value[0] = *value[1]
		}
	}
}

func (o *Okta) link(n int) *oktaLink {
	o.links.Lock()
	defer o.links.Unlock()
	return o.people[n]
}

// export brings one user of the receiver in line with the assignment. Suspending somebody, or deleting who is deactivated, sends
// nothing.
func (o *Okta) export(ctx context.Context, a assignment) error {
	l := o.link(a.number)
	switch {
	case a.gone, a.waiting, l == nil && !a.assigned:
		return nil
	case l == nil:
		return o.provision(ctx, a)
	case !a.assigned && l.active && o.switches.Deactivate:
		return o.deactivate(ctx, a, l)
	case a.assigned && !l.active:
		return o.reactivate(ctx, a, l)
	case a.assigned && l.active && l.sent != a.profile && o.switches.Update:
		return o.putProfile(ctx, a, l, nil)
	}
	return nil
}

func (o *Okta) lookUp(ctx context.Context, a assignment) ([]object, error) {
	value := a.profile.userName
	if o.options.LookUp != "userName" {
		value = a.profile.email
	}
	found, err := o.find(ctx, personName(a.number), "/Users"+query("filter", equals(o.options.LookUp, value), "startIndex", "1", "count", "100"))
	if err == nil && len(found) > 1 {
		err = fmt.Errorf("push %s: %d users match", personName(a.number), len(found))
	}
	return found, err
}

// provision links the user that a look-up finds, or creates one. A lost create leaves no trace.
func (o *Okta) provision(ctx context.Context, a assignment) error {
	found, err := o.lookUp(ctx, a)
	if err != nil {
		return err
	}
	l := &oktaLink{active: true, sent: a.profile}
	if len(found) == 1 {
		l.id = id(found[0])
		on := true
		if err := o.putProfile(ctx, a, l, &on); err != nil {
			return err
		}
		return o.setLink(a, l)
	}
	if !o.switches.Create {
		return nil
	}
	x, err := o.send(ctx, personName(a.number), http.MethodPost, "/Users", newUser(a))
	if err != nil || x.Lost {
		return err
	}
	if l.id, err = created(x); err != nil {
		return err
	}
	return o.setLink(a, l)
}

// setLink notes a link, and the id at the application where Okta's API shows it.
func (o *Okta) setLink(a assignment, l *oktaLink) error {
	o.links.Lock()
	o.people[a.number] = l
	o.links.Unlock()
	return o.Population.SetExternalID(personName(a.number), l.id)
}

// newUser is the body of a create.
func newUser(a assignment) object {
	user := object{"schemas": []string{userURN}, "locale": "en-US", "externalId": a.oktaID, "groups": []any{}, "password": password(a), "active": true}
	a.profile.put(user)
	return user
}

// password is what Okta always sends: something that looks random and that nobody knows.
func password(a assignment) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(a.oktaID))
	return fmt.Sprintf("Zx%016x!q", h.Sum64())
}

// put writes the profile into a user.
func (p profile) put(user object) {
	user["userName"] = p.userName
	name := child(user, "name")
	name["givenName"], name["familyName"] = p.givenName, p.familyName
	user["displayName"] = p.displayName
	user["emails"] = []object{{"primary": true, "value": p.email, "type": "work"}}
	if p.mobile != "" {
		user["phoneNumbers"] = []object{{"value": p.mobile, "type": "mobile"}}
	}
}

// putProfile reads the user, merges the profile into what was answered, and puts all of it back: active stays as it was answered
// unless it is to be set.
func (o *Okta) putProfile(ctx context.Context, a assignment, l *oktaLink, active *bool) error {
	user, err := o.read(ctx, a, l)
	if err != nil {
		return err
	}
	a.profile.put(user)
	if active != nil {
		user["active"] = *active
	}
	if _, err := o.send(ctx, personName(a.number), http.MethodPut, "/Users/"+l.id, user); err != nil {
		return err
	}
	l.sent = a.profile
	if active != nil {
		l.active = *active
	}
	return nil
}

func (o *Okta) read(ctx context.Context, a assignment, l *oktaLink) (object, error) {
	x, err := o.send(ctx, personName(a.number), http.MethodGet, "/Users/"+l.id, nil)
	if err != nil {
		return nil, err
	}
	var user object
	if err := json.Unmarshal([]byte(x.Answer), &user); err != nil {
		return nil, fmt.Errorf("push %s: the answer to a read is not JSON: %w", x.Who, err)
	}
	return user, nil
}

// deactivate: a whole PUT from an application of one's own, a PATCH without a path from one of the catalogue.
func (o *Okta) deactivate(ctx context.Context, a assignment, l *oktaLink) error {
	if o.options.Catalogue {
		return o.patchActive(ctx, a, l, false)
	}
	user, err := o.read(ctx, a, l)
	if err != nil {
		return err
	}
	user["active"] = false
	if _, err := o.send(ctx, personName(a.number), http.MethodPut, "/Users/"+l.id, user); err != nil {
		return err
	}
	l.active = false
	return nil
}

// reactivate looks the user up again, as after any new assignment.
func (o *Okta) reactivate(ctx context.Context, a assignment, l *oktaLink) error {
	found, err := o.lookUp(ctx, a)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		o.links.Lock()
		delete(o.people, a.number)
		o.links.Unlock()
		return o.provision(ctx, a)
	}
	l.id = id(found[0])
	if o.options.Catalogue {
		if err := o.patchActive(ctx, a, l, true); err != nil {
			return err
		}
		return o.putProfile(ctx, a, l, nil)
	}
	on := true
	return o.putProfile(ctx, a, l, &on)
}

func (o *Okta) patchActive(ctx context.Context, a assignment, l *oktaLink, active bool) error {
	body := object{"schemas": []string{patchURN}, "Operations": []object{{"op": "replace", "value": object{"active": active}}}}
	if _, err := o.send(ctx, personName(a.number), http.MethodPatch, "/Users/"+l.id, body); err != nil {
		return err
	}
	l.active = active
	return nil
}
