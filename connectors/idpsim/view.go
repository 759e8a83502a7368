package idpsim

import (
	"slices"
	"strings"
	"time"
)

// View is a population at a moment. Inside Population.Read it holds still; it must not be kept beyond.
type View struct {
	keys      [kinds]uint64 // of the ids
	step      uint32        // of the names
	shift     uint32
	domain    string
	name      string
	generated uint32 // people with smaller numbers were made from the seed
	created   time.Time
	roles     []string
	clients   int
	app       AppState
	reports   uint32        // to one manager
	job       *Provisioning // replaced, never changed
	tenant    tenant

	people []person
	groups []group
	named  map[string][]uint32 // folded user names given by hand, and who has or had them
	log    []Change
	events []Event
	org    *org // replaced, never changed
}

// Change says that something about one person or group changed.
type Change struct {
	Group  bool
	Number int
}

// AppState is what became of the application itself.
type AppState string

const (
	AppActive   AppState = "active"
	AppInactive AppState = "inactive" // disabled by an administrator
	AppGone     AppState = "gone"     // removed
)

// GroupKind is what a group is for.
type GroupKind string

const (
	SecurityGroup     GroupKind = "" // which most are
	Microsoft365Group GroupKind = "microsoft365"
	MailSecurityGroup GroupKind = "mail-security"
	DistributionGroup GroupKind = "distribution"
)

type flags uint8

const (
	direct   flags = 1 << iota // assigned to the application by name
	blocked                    // disabled
	binned                     // in the recycle bin
	purged                     // gone for good
	unlinked                   // Okta took the direct assignment away when it deactivated the person
)

// person is what has to be stored of each; what only few have is in details.
type person struct {
	details *details // replaced, never changed, when something new is known
	via     uint16   // assigned groups they are in
	flags   flags
	status  uint8 // index into statuses
}

type details struct {
	values     []value
	roles      []uint16 // application roles of the direct assignment; none means the default role
	externalID string
	appStatus  string
	syncState  string
	moving     bool // on the way to DEPROVISIONED
	manager    int  // number + 1; 0 is what the seed gives, -1 nobody
	updated    time.Time
	turned     time.Time // status last changed
	removed    time.Time // put into the recycle bin
}

type group struct {
	name    string
	members []uint32 // people, sorted
	nested  []uint32 // groups, sorted
	roles   []uint16
	flags   flags // direct: assigned; purged
	hidden  bool  // hidden membership
	push    GroupPush
	silent  bool // hidden, and an empty list instead of a refusal for who may not see it
	kind    GroupKind
	rule    string // of a dynamic group; "" when members are assigned
	updated time.Time
}

// statuses are Okta's words, of which Entra knows nothing. The zero one is the normal one.
var statuses = [...]string{"ACTIVE", "STAGED", "PROVISIONED", "RECOVERY", "LOCKED_OUT", "PASSWORD_EXPIRED", suspended}

const (
	suspended     = "SUSPENDED"
	deprovisioned = "DEPROVISIONED"
)

// Person is one person in a View.
type Person struct {
	v *View
	n uint32
}

// People is how many people there ever were; their numbers run from 0.
func (v *View) People() int { return len(v.people) }

// Person returns the person with a number below People.
func (v *View) Person(n int) Person { return Person{v, uint32(n)} }

// PersonByGUID finds a person, whatever became of them, by their Entra object id.
func (v *View) PersonByGUID(id string) (Person, bool) {
	n, ok := v.fromGUID(personKind, id)
	return Person{v, n}, ok && int(n) < len(v.people)
}

// PersonByOktaID finds a person, whatever became of them, by their Okta user id.
func (v *View) PersonByOktaID(id string) (Person, bool) {
	n, ok := v.fromOkta("00u", personKind, id)
	return Person{v, n}, ok && int(n) < len(v.people)
}

// PersonByUserName finds who has the name now, in any letter case; people in the recycle bin only when nobody else has it.
func (v *View) PersonByUserName(name string) (found Person, ok bool) {
	name = strings.ToLower(name)
	consider := func(n uint32) {
		p := Person{v, n}
		if p.Gone() || strings.ToLower(p.Text(UserName)) != name {
			return
		}
		if !ok || found.SoftDeleted() {
			found, ok = p, true
		}
	}
	if n, made := v.fromGenerated(name); made {
		consider(n)
	}
	for _, n := range v.named[name] {
		consider(n)
	}
	return found, ok
}

func (p Person) stored() *person { return &p.v.people[p.n] }

func (p Person) more() *details { return p.v.people[p.n].details }

func (p Person) has(f flags) bool { return p.v.people[p.n].flags&f != 0 }

// Number is the person's number in the population.
func (p Person) Number() int { return int(p.n) }

// GUID is the Entra object id.
func (p Person) GUID() [16]byte { return p.v.guid(personKind, p.n) }

// AppendOktaID appends the Okta user id.
func (p Person) AppendOktaID(dst []byte) []byte { return p.v.appendOkta(dst, "00u", personKind, p.n) }

// Gone: purged from the recycle bin, deleted from the org.
func (p Person) Gone() bool { return p.has(purged) }

// SoftDeleted: in the recycle bin.
func (p Person) SoftDeleted() bool { return p.has(binned) && !p.has(purged) }

// Present: neither in the recycle bin nor gone.
func (p Person) Present() bool { return !p.has(binned | purged) }

// Enabled is Entra's accountEnabled.
func (p Person) Enabled() bool { return !p.has(blocked) && p.stored().status != statusOf(suspended) }

// Status is Okta's word for the state of a user.
func (p Person) Status() string {
	if p.has(blocked | binned) {
		return deprovisioned
	}
	return statuses[p.stored().status]
}

// Moving: Okta is still carrying out the deactivation.
func (p Person) Moving() bool { return p.more() != nil && p.more().moving && !p.has(blocked|binned) }

// Direct: assigned to the application by name.
func (p Person) Direct() bool { return p.has(direct) }

// Unlinked: the direct assignment does not hold in Okta, because the person was deactivated since.
func (p Person) Unlinked() bool { return p.has(unlinked) }

// ViaGroup: member of at least one group that is assigned to the application.
func (p Person) ViaGroup() bool { return p.stored().via > 0 }

// Roles are the indices of the application roles of the direct assignment; none means the default role.
func (p Person) Roles() []uint16 {
	if more := p.more(); more != nil {
		return more.roles
	}
	return nil
}

// Manager is the person's manager, whatever became of them.
func (p Person) Manager() (Person, bool) {
	if more := p.more(); more != nil && more.manager != 0 {
		return Person{p.v, uint32(more.manager - 1)}, more.manager > 0
	}
	if p.v.reports == 0 || p.n == 0 || p.n >= p.v.generated {
		return Person{}, false
	}
	return Person{p.v, (p.n - 1) / p.v.reports}, true
}

// ExternalID is the id at the application, known once a create push was answered.
func (p Person) ExternalID() string {
	if more := p.more(); more != nil {
		return more.externalID
	}
	return ""
}

// AppStatus is Okta's word for the state of the assignment.
func (p Person) AppStatus() string {
	switch more := p.more(); {
	case more != nil && more.appStatus != "":
		return more.appStatus
	case more != nil && more.externalID != "":
		return "PROVISIONED"
	}
	return "ACTIVE"
}

// Created is the same for everyone who was generated.
func (p Person) Created() time.Time { return p.v.created }

// Updated is when something was last changed.
func (p Person) Updated() time.Time { return p.since(func(d *details) time.Time { return d.updated }) }

// Turned is when the status last changed.
func (p Person) Turned() time.Time { return p.since(func(d *details) time.Time { return d.turned }) }

// Removed is when the person was put into the recycle bin.
func (p Person) Removed() time.Time { return p.since(func(d *details) time.Time { return d.removed }) }

func (p Person) since(of func(*details) time.Time) time.Time {
	if more := p.more(); more != nil && !of(more).IsZero() {
		return of(more)
	}
	return p.v.created
}

// Group is one group in a View.
type Group struct {
	v *View
	n uint32
}

// Groups is how many groups there ever were; their numbers run from 0.
func (v *View) Groups() int { return len(v.groups) }

// Group returns the group with a number below Groups.
func (v *View) Group(n int) Group { return Group{v, uint32(n)} }

// GroupByGUID finds a group, whatever became of it, by its Entra object id.
func (v *View) GroupByGUID(id string) (Group, bool) {
	n, ok := v.fromGUID(groupKind, id)
	return Group{v, n}, ok && int(n) < len(v.groups)
}

// GroupByOktaID finds a group, whatever became of it, by its Okta id.
func (v *View) GroupByOktaID(id string) (Group, bool) {
	n, ok := v.fromOkta("00g", groupKind, id)
	return Group{v, n}, ok && int(n) < len(v.groups)
}

// GroupByName finds a group that is there by its name.
func (v *View) GroupByName(name string) (Group, bool) {
	at := slices.IndexFunc(v.groups, func(g group) bool { return g.name == name && g.flags&purged == 0 })
	return Group{v, uint32(max(at, 0))}, at >= 0
}

func (g Group) stored() *group { return &g.v.groups[g.n] }

// Number is the group's number in the population.
func (g Group) Number() int { return int(g.n) }

// GUID is the Entra object id.
func (g Group) GUID() [16]byte { return g.v.guid(groupKind, g.n) }

// AppendOktaID appends the Okta group id.
func (g Group) AppendOktaID(dst []byte) []byte { return g.v.appendOkta(dst, "00g", groupKind, g.n) }

// Name is the display name.
func (g Group) Name() string { return g.stored().name }

// Gone: groups of this kind have no recycle bin.
func (g Group) Gone() bool { return g.stored().flags&purged != 0 }

// Assigned to the application.
func (g Group) Assigned() bool { return g.stored().flags&direct != 0 && !g.Gone() }

// Hidden membership.
func (g Group) Hidden() bool { return g.stored().hidden }

// Silent: who may not see the hidden members is told that there are none.
func (g Group) Silent() bool { return g.stored().silent }

// Kind is what the group is for.
func (g Group) Kind() GroupKind { return g.stored().kind }

// Rule is the membership rule of a dynamic group, "" for any other. Nothing here applies it: members join and leave by steps.
func (g Group) Rule() string { return g.stored().rule }

// Roles are the indices of the application roles of the assignment; none means the default role.
func (g Group) Roles() []uint16 { return g.stored().roles }

// Updated is when something was last changed.
func (g Group) Updated() time.Time { return g.stored().updated }

// Members are the numbers of the direct members, sorted, whatever became of them.
func (g Group) Members() []uint32 { return g.stored().members }

// Nested are the numbers of the member groups, sorted.
func (g Group) Nested() []uint32 { return g.stored().nested }

// Has says whether a person is a direct member.
func (g Group) Has(p Person) bool {
	_, found := slices.BinarySearch(g.stored().members, p.n)
	return found
}

// TenantID is the Entra tenant's id.
func (v *View) TenantID() [16]byte { return v.guid(tenantKind, 0) }

// AppID is the application's id, the same in every tenant; PrincipalID is the enterprise application's own.
func (v *View) AppID() [16]byte { return v.guid(appKind, 0) }

// PrincipalID is the object id of the application's service principal.
func (v *View) PrincipalID() [16]byte { return v.guid(principalKind, 0) }

// AppendOktaAppID appends the id of the application in Okta.
func (v *View) AppendOktaAppID(dst []byte) []byte { return v.appendOkta(dst, "0oa", appKind, 0) }

// RoleID is the id of an application role.
func (v *View) RoleID(role int) [16]byte { return v.guid(roleKind, uint32(role)) }

// Roles are the names of the application's roles.
func (v *View) Roles() []string { return v.roles }

// Clients is how many other applications were granted a role of this one.
func (v *View) Clients() int { return v.clients }

// ClientID is the object id of one of the Clients.
func (v *View) ClientID(n int) [16]byte { return v.guid(clientKind, uint32(n)) }

// App is what became of the application.
func (v *View) App() AppState { return v.app }

// Name is the organisation's name; Domain ends the user names of its people.
func (v *View) Name() string { return v.name }

// Domain ends the user names of the people.
func (v *View) Domain() string { return v.domain }

// Created is when everything was generated.
func (v *View) Created() time.Time { return v.created }

// Version counts the changes so far. It is the place to continue from with Changes.
func (v *View) Version() int { return len(v.log) }

// Changes returns the changes after a version, oldest first. What the population was generated with is no change.
func (v *View) Changes(version int) []Change { return v.log[version:] }

// clone copies whatever a later step changes in place.
func (v *View) clone() *View {
	c := *v
	c.people = slices.Clone(v.people)
	c.groups = slices.Clone(v.groups)
	for i := range c.groups {
		c.groups[i].members = slices.Clone(c.groups[i].members)
		c.groups[i].nested = slices.Clone(c.groups[i].nested)
	}
	c.named = make(map[string][]uint32, len(v.named))
	for name, who := range v.named {
		c.named[name] = slices.Clone(who)
	}
	c.log = slices.Clip(v.log)
	c.events = slices.Clip(v.events)
	return &c
}
