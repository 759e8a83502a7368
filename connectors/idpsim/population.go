package idpsim

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// Options say what a population is generated with. The zero Options make an empty organisation.
type Options struct {
	Seed       uint64
	Domain     string   // acme.example unless given; user names end in it
	Name       string   // of the organisation; the domain unless given
	People     int      // how many
	Groups     int      // groups that are assigned to the application; people are spread over them evenly
	Direct     int      // how many of the people are assigned by name instead; all of them when there are no groups
	Unassigned int      // how many of the people, the last ones, are not assigned at all
	Roles      []string // application roles beside the default one
	Clients    int      // other applications that were granted a role, which nobody wants to see provisioned
	Reports    int      // how many people report to one manager; 0: nobody has a manager

	Now func() time.Time // time.Now unless given
}

// epoch is when generated things were created.
var epoch = time.Date(2024, 1, 15, 9, 0, 0, 0, time.UTC)

// Population is an organisation. It is safe for concurrent use.
type Population struct {
	now func() time.Time

	mu         sync.RWMutex
	current    *View
	remembered *View // what a stale replica still shows; nil unless asked for
}

// New generates a population.
func New(o Options) *Population {
	if o.Domain == "" {
		o.Domain = "acme.example"
	}
	if o.Name == "" {
		o.Name = o.Domain
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	v := &View{
		keys: keysOf(o.Seed), domain: strings.ToLower(o.Domain), name: o.Name, generated: uint32(o.People), created: epoch,
		roles: o.Roles, clients: o.Clients, app: AppActive, people: make([]person, o.People), named: map[string][]uint32{},
		reports: uint32(o.Reports), job: proposed(), org: newOrg(), tenant: tenant{permissions: Needed()},
	}
	v.step, v.shift = shuffleOf(o.Seed)
	for n := range o.Groups {
		v.groups = append(v.groups, group{name: generatedGroupName(n), flags: direct, updated: epoch})
	}
	assigned := o.People - min(o.Unassigned, o.People)
	byName := assigned
	if o.Groups > 0 {
		byName = min(o.Direct, assigned)
	}
	for n := range assigned {
		if n < byName {
			v.people[n].flags = direct
			continue
		}
		g := &v.groups[n%o.Groups]
		g.members = append(g.members, uint32(n))
		v.people[n].via = 1
	}
	return &Population{now: o.Now, current: v}
}

func generatedGroupName(n int) string {
	name := groupNames[n%len(groupNames)]
	if round := n / len(groupNames); round > 0 {
		name = fmt.Sprintf("%s %d", name, round+1)
	}
	return name
}

// Read calls f with the population held still, once, on the caller's goroutine. f must not change the population and must not keep
// what it was given.
func (p *Population) Read(f func(*View)) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	f(p.current)
}

// ReadStale is Read from a replica that has not heard of anything since Remember; without Remember it is Read.
func (p *Population) ReadStale(f func(*View)) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.remembered != nil {
		f(p.remembered)
		return
	}
	f(p.current)
}

// Do carries out steps in order. The first that cannot be carried out ends it, with an error that names its place and what is wrong
// with it; the steps before it hold.
func (p *Population) Do(steps ...Step) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, step := range steps {
		if err := p.do(step); err != nil {
			return fmt.Errorf("step %d (%s): %w", i+1, step.Do, err)
		}
	}
	return nil
}

// AddPerson adds somebody who is enabled and not assigned. Attributes left out are absent, except those that follow from others.
func (p *Population) AddPerson(attributes map[string]string) error {
	return p.Do(Step{Do: "add-person", Attributes: attributes})
}

// AddGroup adds an empty group that is not assigned.
func (p *Population) AddGroup(name string) error { return p.Do(Step{Do: "add-group", Group: name}) }

// Assign assigns a person to the application by name, with the default role unless roles are given.
func (p *Population) Assign(who string, roles ...string) error {
	return p.Do(Step{Do: "assign", Who: who, Roles: roles})
}

// AssignGroup assigns a group to the application.
func (p *Population) AssignGroup(group string, roles ...string) error {
	return p.Do(Step{Do: "assign", Group: group, Roles: roles})
}

// Unassign takes away the assignment by name.
func (p *Population) Unassign(who string) error { return p.Do(Step{Do: "unassign", Who: who}) }

// UnassignGroup takes away the assignment of a group.
func (p *Population) UnassignGroup(group string) error {
	return p.Do(Step{Do: "unassign", Group: group})
}

// Join makes a person a member of a group.
func (p *Population) Join(who, group string) error {
	return p.Do(Step{Do: "join", Who: who, Group: group})
}

// Leave ends a membership.
func (p *Population) Leave(who, group string) error {
	return p.Do(Step{Do: "leave", Who: who, Group: group})
}

// Disable blocks sign-in; in Okta it deactivates.
func (p *Population) Disable(who string) error { return p.Do(Step{Do: "disable", Who: who}) }

// Enable is the opposite of Disable.
func (p *Population) Enable(who string) error { return p.Do(Step{Do: "enable", Who: who}) }

// Suspend suspends.
func (p *Population) Suspend(who string) error { return p.Do(Step{Do: "suspend", Who: who}) }

// Unsuspend is the opposite of Suspend.
func (p *Population) Unsuspend(who string) error { return p.Do(Step{Do: "unsuspend", Who: who}) }

// SoftDelete puts a person into the recycle bin; in Okta it deactivates.
func (p *Population) SoftDelete(who string) error { return p.Do(Step{Do: "soft-delete", Who: who}) }

// Restore takes a person out of the recycle bin.
func (p *Population) Restore(who string) error { return p.Do(Step{Do: "restore", Who: who}) }

// Purge removes a person for good.
func (p *Population) Purge(who string) error { return p.Do(Step{Do: "purge", Who: who}) }

// Rename gives a person another user name, and with it another mail address unless one was set.
func (p *Population) Rename(who, userName string) error {
	return p.Do(Step{Do: "rename", Who: who, Value: userName})
}

// Set sets an attribute of a person.
func (p *Population) Set(who string, a Attribute, text string) error {
	return p.Do(Step{Do: "set", Who: who, Attribute: a.String(), Value: text})
}

// Clear makes an attribute of a person absent.
func (p *Population) Clear(who string, a Attribute) error {
	return p.Do(Step{Do: "clear", Who: who, Attribute: a.String()})
}

// SetExternalID notes the id that a person has at the application, as Okta does when a create push was answered.
func (p *Population) SetExternalID(who, id string) error {
	return p.Do(Step{Do: "external-id", Who: who, Value: id})
}

// Remember keeps the population as it is now, for ReadStale.
func (p *Population) Remember() error { return p.Do(Step{Do: "remember"}) }

// EntraID returns the object id of whoever who names, or "".
func (p *Population) EntraID(who string) string {
	return p.id(who, func(x Person) []byte { return AppendGUID(nil, x.GUID()) })
}

// OktaID returns the Okta user id of whoever who names, or "".
func (p *Population) OktaID(who string) string {
	return p.id(who, func(x Person) []byte { return x.AppendOktaID(nil) })
}

func (p *Population) id(who string, of func(Person) []byte) (id string) {
	p.Read(func(v *View) {
		if x, err := v.one(who); err == nil {
			id = string(of(x))
		}
	})
	return id
}

// AppID is what a source calls app_id: the application id in Entra.
func (p *Population) AppID() (id string) {
	p.Read(func(v *View) { id = string(AppendGUID(nil, v.AppID())) })
	return id
}

// OktaAppID is the id of the application in Okta.
func (p *Population) OktaAppID() (id string) {
	p.Read(func(v *View) { id = string(v.AppendOktaAppID(nil)) })
	return id
}

// TenantID is the id of the Entra tenant.
func (p *Population) TenantID() (id string) {
	p.Read(func(v *View) { id = string(AppendGUID(nil, v.TenantID())) })
	return id
}

// Summary counts what a population holds.
type Summary struct {
	People      int `json:"people"` // who are there, in the recycle bin or not
	Assigned    int `json:"assigned"`
	Disabled    int `json:"disabled"`
	SoftDeleted int `json:"soft_deleted"`
	Purged      int `json:"purged"`
	Groups      int `json:"groups"`
	Changes     int `json:"changes"`
}

// Summary counts what there is now.
func (p *Population) Summary() (s Summary) {
	p.Read(func(v *View) {
		for n := range v.People() {
			s.count(v.Person(n))
		}
		for n := range v.Groups() {
			if !v.Group(n).Gone() {
				s.Groups++
			}
		}
		s.Changes = v.Version()
	})
	return s
}

func (s *Summary) count(x Person) {
	if x.Gone() {
		s.Purged++
		return
	}
	s.People++
	if x.SoftDeleted() {
		s.SoftDeleted++
	} else if x.Direct() || x.ViaGroup() {
		s.Assigned++
	}
	if !x.Enabled() {
		s.Disabled++
	}
}
