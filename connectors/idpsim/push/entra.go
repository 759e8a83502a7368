package push

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"rollcall/connectors/idpsim"
)

// Row is one line of an attribute mapping. The user name is always mapped, and is what users are matched by; so is active, from
// IsSoftDeleted.
type Row struct {
	Target     string // name, name.sub, name[type eq "kind"].sub or urn:name
	Source     idpsim.Attribute
	CreateOnly bool // "only during object creation"
}

// SeedMapping is the mapping that the set-up guide asks for, beside userName and active.
func SeedMapping() []Row {
	return []Row{
		{Target: "displayName", Source: idpsim.DisplayName, CreateOnly: true},
		{Target: `phoneNumbers[type eq "mobile"].value`, Source: idpsim.Mobile, CreateOnly: true},
	}
}

// WideMapping is close to what Entra proposes for an application of one's own.
func WideMapping() []Row {
	return []Row{
		{Target: "displayName", Source: idpsim.DisplayName},
		{Target: "title", Source: idpsim.Title},
		{Target: `emails[type eq "work"].value`, Source: idpsim.Mail},
		{Target: "preferredLanguage", Source: idpsim.Language},
		{Target: "name.givenName", Source: idpsim.GivenName},
		{Target: "name.familyName", Source: idpsim.FamilyName},
		{Target: `phoneNumbers[type eq "work"].value`, Source: idpsim.Telephone},
		{Target: `phoneNumbers[type eq "mobile"].value`, Source: idpsim.Mobile},
		{Target: "externalId", Source: idpsim.MailNickname},
		{Target: entURN + ":employeeNumber", Source: idpsim.EmployeeNumber},
		{Target: entURN + ":department", Source: idpsim.Department},
	}
}

// EntraOptions configure the provisioning of an enterprise application.
type EntraOptions struct {
	Options
	Mapping  []Row    // SeedMapping unless given; it stands in the job's schema
	Match    []string // userName, externalId: what users are looked up by, in this order; userName unless given
	Flag     bool     // the tenant URL carries aadOptscim062020: the other PATCH dialect
	Everyone bool     // scope: all users and groups instead of the assigned; the job's setting SyncAll does the same
	Managers bool     // manager is mapped
	Nulls    bool     // creates name attributes without a value, as the tutorial's samples do
	Unquoted bool     // look-ups by externalId have no quotes, as in the tutorial

	Limits          *Limits // when the job goes into quarantine; nil: failures do not put it there
	DeleteThreshold int     // accidental deletions: so many in one cycle stop it; 0 is off
}

// Entra is Microsoft's provisioning service, for one application.
type Entra struct {
	*client
	options EntraOptions
	rows    []mapped
	filters []idpsim.FilterGroup

	rounds  rounds
	rules   rules  // of the cycle
	allowed bool   // the next cycle may delete as many as it likes
	waiting escrow // people whose manager is still to be sent

	links     sync.Mutex // guards the following during the users' part of a cycle
	people    map[int]*entraLink
	forgotten map[string]bool // ids of users who are gone

	groups map[int]*entraGroup
}

// mapped is a row as the job's schema has it.
type mapped struct {
	Row
	target   target
	fixed    bool // the value is a constant
	constant string
}

// entraLink is what the service remembers of a user that it created or found.
type entraLink struct {
	id       string
	userName string
	active   bool
	sent     []string // by row; "" when nothing was sent
	manager  string   // id of the manager, as last pushed
	released bool     // left the scope: not looked after any more
}

// NewEntra makes a client that has pushed nothing.
func NewEntra(o EntraOptions) *Entra {
	if o.Mapping == nil {
		o.Mapping = SeedMapping()
	}
	e := &Entra{client: newClient(o.Options, http.Header{"User-Agent": {""}, "Accept": {"application/scim+json"}}), options: o}
	if o.Match == nil {
		e.options.Match = []string{"userName"}
	}
	e.startAnew()
	e.describe()
	return e
}

// Restart makes the next cycle an initial one: nothing is remembered, everything is looked up again. A job in quarantine leaves it.
func (e *Entra) Restart() {
	e.rounds.one.Lock()
	defer e.rounds.one.Unlock()
	e.startAnew()
	e.Population.ChangeProvisioning(func(j *idpsim.Provisioning) {
		if j.State == idpsim.JobQuarantine {
			j.State, j.Reason, j.Attempts = idpsim.JobActive, "", 0
		}
	})
}

func (e *Entra) startAnew() {
	e.rounds.restart()
	e.waiting = escrow{}
	e.people, e.groups, e.forgotten = map[int]*entraLink{}, map[int]*entraGroup{}, map[string]bool{}
}

// neverThere is what Test Connection asks for.
const neverThere = "8f0a3c5e-6d1b-4f7e-9a52-1c3b7d9e0f24"

// Test is the button Test Connection: users and groups that do not exist are looked up, and must be answered with empty lists.
func (e *Entra) Test(ctx context.Context) error {
	for _, target := range []string{
		"/Users" + query("filter", equals("userName", neverThere)),
		"/Groups" + query("excludedAttributes", "members", "filter", equals("displayName", neverThere)),
	} {
		found, err := e.find(ctx, "", target)
		if err == nil && len(found) > 0 {
			err = fmt.Errorf("push: %s was answered with %d resources, for something that does not exist", target, len(found))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Cycle is the initial cycle when called first and an incremental one after that: users, then groups, then members. What fails for
// one object is tried again in the next cycle, later with growing gaps, and does not end this one. How the cycle went stands in the
// population's provisioning job; a job that is paused or in quarantine does not run, which is an error. The error joins a line for
// each object that failed; it is alone when the receiver cannot be spoken to at all.
func (e *Entra) Cycle(ctx context.Context) error {
	e.rounds.one.Lock()
	defer e.rounds.one.Unlock()
	if err := e.readRules(); err != nil {
		return err
	}
	if err := e.Test(ctx); err != nil {
		if ctx.Err() == nil {
			e.record(err, idpsim.QuarantineError, false)
		}
		return err
	}
	if err := e.guard(); err != nil {
		return err
	}
	e.allowed = false
	group := e.pushGroup
	if !e.Groups || !e.rules.groups {
		group = nil
	}
	before := e.writes()
	o, err := e.round(ctx, &e.rounds, e.pushPerson, group)
	if err != nil {
		return err
	}
	failures := e.pushManagers(ctx, o.people)
	if err := ctx.Err(); err != nil {
		return err
	}
	reason := ""
	if e.options.Limits != nil {
		reason = e.options.Limits.judge(len(o.people), o.failed, o.references+len(failures))
	}
	e.record(nil, reason, e.writes() > before)
	return errors.Join(append(failures, o.err)...)
}

func (e *Entra) pushPerson(ctx context.Context, n int) error { return e.export(ctx, e.subject(n)) }

// subject is what the service knows of somebody in the directory.
type subject struct {
	number   int
	userName string
	values   []string // by row; "" is absent
	scope    bool
	active   bool // not IsSoftDeleted
	gone     bool
}

func (e *Entra) subject(n int) (s subject) {
	e.Population.Read(func(v *idpsim.View) {
		x := v.Person(n)
		s = subject{number: n, userName: withoutGuestTail(x.Text(idpsim.UserName)), gone: x.Gone()}
		s.scope = (e.rules.everyone || x.Direct() || x.ViaGroup()) && passes(e.filters, x)
		s.active = s.scope && x.Present() && x.Enabled()
		for _, row := range e.rows {
			if row.fixed {
				s.values = append(s.values, row.constant)
				continue
			}
			s.values = append(s.values, x.Text(row.Source))
		}
	})
	return s
}

// withoutGuestTail gives a guest the name they have at home: what stands before #EXT#, with the last underscore an @ again.
func withoutGuestTail(name string) string {
	home, _, guest := strings.Cut(name, "#EXT#")
	at := strings.LastIndexByte(home, '_')
	if !guest || at < 0 {
		return name
	}
	return home[:at] + "@" + home[at+1:]
}

func (e *Entra) link(n int) *entraLink {
	e.links.Lock()
	defer e.links.Unlock()
	return e.people[n]
}

func (e *Entra) setLink(n int, l *entraLink) {
	e.links.Lock()
	defer e.links.Unlock()
	e.people[n] = l
}

// forget drops the link to a user who is gone.
func (e *Entra) forget(n int, l *entraLink) {
	e.links.Lock()
	defer e.links.Unlock()
	delete(e.people, n)
	e.forgotten[l.id] = true
}

// export brings one user of the receiver in line with the directory.
func (e *Entra) export(ctx context.Context, s subject) error {
	l := e.link(s.number)
	switch {
	case s.gone:
		return e.exportGone(ctx, s, l)
	case l == nil && !s.scope, l != nil && l.released && !s.scope, !s.scope && e.rules.skip:
		return nil
	case l == nil:
		var err error
		if l, err = e.match(ctx, s); err != nil || l == nil {
			return err
		}
	}
	if err := e.update(ctx, s, l, e.options.Flag); err != nil {
		return err
	}
	l.released = !s.scope
	return nil
}

// exportGone: a user who is purged while in scope is deleted; one who had left the scope before is left alone.
func (e *Entra) exportGone(ctx context.Context, s subject, l *entraLink) error {
	if l == nil {
		return nil
	}
	if !l.released && e.rules.remove {
		x, err := e.send(ctx, personName(s.number), http.MethodDelete, "/Users/"+l.id, nil)
		if err != nil && x.Status != http.StatusNotFound {
			return err
		}
	}
	e.forget(s.number, l)
	return nil
}

// match looks a user up and creates it when it is not there. It returns nil when there is nothing to look after: a user who is
// disabled from the start is not created, and a lost create leaves no trace.
func (e *Entra) match(ctx context.Context, s subject) (*entraLink, error) {
	who := personName(s.number)
	found, err := e.lookUp(ctx, s)
	if err != nil {
		return nil, err
	}
	l := &entraLink{userName: s.userName, active: true, sent: make([]string, len(e.rows))}
	switch {
	case len(found) > 1:
		return nil, fmt.Errorf("push %s: DuplicateTargetEntries: %d users have the name", who, len(found))
	case len(found) == 1:
		l.id, l.userName, l.active = id(found[0]), parseTarget("userName").get(found[0]), found[0]["active"] != false
		for i, row := range e.rows {
			l.sent[i] = row.target.get(found[0])
		}
	case !s.active || !e.rules.add:
		return nil, nil
	default:
		x, err := e.send(ctx, who, http.MethodPost, "/Users", e.newUser(s))
		if err != nil || x.Lost {
			return nil, err
		}
		if l.id, err = created(x); err != nil {
			return nil, err
		}
		copy(l.sent, s.values)
	}
	e.setLink(s.number, l)
	return l, nil
}

// lookUp asks by one matching attribute after the other, until somebody is found.
func (e *Entra) lookUp(ctx context.Context, s subject) (found []object, err error) {
	for _, attribute := range e.options.Match {
		value := s.userName
		if attribute != "userName" {
			value = e.valueOf(s, attribute)
		}
		filter := equals(attribute, value)
		if e.options.Unquoted && attribute == "externalId" {
			filter = attribute + " eq " + value
		}
		if value == "" {
			continue
		}
		found, err = e.find(ctx, personName(s.number), "/Users"+query("filter", filter))
		if err != nil || len(found) > 0 {
			break
		}
	}
	return found, err
}

// valueOf is what a person's mapping gives for a target.
func (e *Entra) valueOf(s subject, target string) string {
	for i, row := range e.rows {
		if row.Target == target {
			return s.values[i]
		}
	}
	return ""
}

// newUser is the body of a create.
func (e *Entra) newUser(s subject) object {
	user := object{
		"schemas": []string{userURN, entURN}, "userName": s.userName, "active": true,
		"meta": object{"resourceType": "User"}, "roles": []any{},
	}
	if e.options.Nulls {
		for _, name := range []string{"addresses", "department", "manager", "phoneNumbers", "title"} {
			user[name] = nil
		}
	}
	for i, row := range e.rows {
		if s.values[i] != "" {
			row.target.put(user, s.values[i])
		}
	}
	return user
}

// update sends what changed. A value that became absent is not sent; what flows at creation only is not either.
func (e *Entra) update(ctx context.Context, s subject, l *entraLink, flag bool) error {
	if !e.rules.update {
		return nil
	}
	var changes []change
	if s.active != l.active && e.rules.active {
		changes = append(changes, change{target: parseTarget("active"), flag: true, on: s.active})
	}
	if s.userName != l.userName {
		changes = append(changes, change{target: parseTarget("userName"), value: s.userName, replaces: true})
	}
	for i, row := range e.rows {
		if !row.CreateOnly && s.values[i] != "" && s.values[i] != l.sent[i] {
			changes = append(changes, change{target: row.target, value: s.values[i], replaces: l.sent[i] != ""})
		}
	}
	if len(changes) == 0 {
		return nil
	}
	body := object{"schemas": []string{patchURN}, "Operations": operations(changes, flag)}
	if _, err := e.send(ctx, personName(s.number), http.MethodPatch, "/Users/"+l.id, body); err != nil {
		return err
	}
	l.active, l.userName = s.active, s.userName
	for i, row := range e.rows {
		if !row.CreateOnly && s.values[i] != "" {
			l.sent[i] = s.values[i]
		}
	}
	return nil
}
