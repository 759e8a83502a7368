package idpsim

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Step is one change of a population as data. Do names it:
//
//	add-person   attributes (userName is needed)     rename       who, value: the new user name
//	add-group    group: its name                     set          who, attribute, value
//	assign       who or group, roles                 clear        who, attribute
//	unassign     who or group                        suspend      who        unsuspend  who
//	join         who, group                          status       who, value: Okta's word for the state of a user
//	leave        who, group                          app-status   who, value: Okta's word for the state of the assignment
//	nest         group into value, another group     external-id  who, value: the id at the application
//	hide         group: hidden membership; value: silent, an empty list instead of a refusal
//	moving       who: Okta is still carrying out the deactivation
//	manager      who, value: another person, or nobody
//	guest        who, value: the domain that they have at home; their user name becomes that of a guest
//	rule         group, value: its membership rule   group-kind   group, value: security, microsoft365, mail-security, distribution
//	purge-group  group                               rename-group group, value: the new name
//	app          value: active, inactive or gone
//	disable      who        enable   who             remember     what a stale replica will show
//	soft-delete  who        restore  who             purge        who
//
// Of the Entra tenant and its provisioning job:
//
//	grant, revoke   value: an application permission of whoever reads the tenant
//	sign-in         value: the AADSTS number that signing in is refused with; none lets in again
//	revoke-tokens   all tokens issued so far
//	job             value: none, not-configured, not-run, active, paused, or the kinds legacy and current
//	pause-job, resume-job
//	quarantine      reason: in the vendor's words, see QuarantineReasons
//	job-ran         value: how long ago a cycle ended, such as 26h; reason: why it failed
//	job-setting     attribute: such as SyncAll or SkipOutOfScopeDeletions, value: True; none takes it away
//	set-mapping     object: User unless Group, rows: put in the place of those with the same target
//	drop-mapping    object, value: the target
//	set-actions     object, value: the ticked ones of Add, Update, Delete; or off, and the object is not provisioned
//	set-filters     object, filters: the scoping filters
//
// Who is a user name, an Entra or Okta id, the number of a person (#17), several (#100..#199) or everyone who is there (*).
// A group is named or given by its id.
type Step struct {
	Do         string            `json:"do"`
	Who        string            `json:"who,omitempty"`
	Group      string            `json:"group,omitempty"`
	Attribute  string            `json:"attribute,omitempty"`
	Value      string            `json:"value,omitempty"`
	Roles      []string          `json:"roles,omitempty"`
	Attributes map[string]string `json:"attributes,omitempty"`
	Reason     string            `json:"reason,omitempty"`
	Object     string            `json:"object,omitempty"`
	Rows       []MappingRow      `json:"rows,omitempty"`
	Filters    []FilterGroup     `json:"filters,omitempty"`
}

// DecodeSteps reads a JSON array of steps, strictly.
func DecodeSteps(r io.Reader) ([]Step, error) {
	var steps []Step
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(&steps); err != nil {
		return nil, fmt.Errorf("read steps: %w", err)
	}
	return steps, nil
}

// personSteps change each person that who names.
var personSteps = map[string]func(*Population, *View, Person, Step) error{
	"assign": (*Population).assign, "unassign": (*Population).unassign, "join": (*Population).join, "leave": (*Population).leave,
	"disable": (*Population).disable, "enable": (*Population).enable, "suspend": (*Population).suspend,
	"unsuspend": (*Population).unsuspend, "status": (*Population).setStatus, "app-status": (*Population).setAppStatus,
	"moving": (*Population).move, "soft-delete": (*Population).softDelete, "restore": (*Population).restore,
	"purge": (*Population).purge, "rename": (*Population).rename, "set": (*Population).set, "clear": (*Population).set,
	"external-id": (*Population).setExternalID, "manager": (*Population).setManager,
	"guest": (*Population).invite,
}

// groupSteps change a group.
var groupSteps = map[string]func(*Population, *View, Group, Step) error{
	"assign": (*Population).assignGroup, "unassign": (*Population).unassignGroup, "nest": (*Population).nest,
	"hide": (*Population).hide, "purge-group": (*Population).purgeGroup, "rename-group": (*Population).renameGroup,
	"push-group": (*Population).pushGroup, "unpush-group": (*Population).unpushGroup, "unhide": (*Population).unhide,
	"rule": (*Population).setRule, "group-kind": (*Population).setKind,
}

// do carries out one step; the lock is held.
func (p *Population) do(step Step) error {
	v := p.current
	onGroup, onPerson := groupSteps[step.Do], personSteps[step.Do]
	onJob, onTenant, onOrg := jobSteps[step.Do], tenantSteps[step.Do], orgSteps[step.Do]
	switch {
	case onJob != nil:
		return p.changeJob(func(j *Provisioning) error { return onJob(p, j, step) })
	case onOrg != nil:
		return p.changeOrg(step, onOrg)
	case onTenant != nil:
		return onTenant(&v.tenant, step)
	case step.Do == "add-person":
		return p.addPerson(v, step)
	case step.Do == "add-group":
		return p.addGroup(v, step)
	case step.Do == "app":
		return p.setApp(v, step)
	case step.Do == "remember":
		p.remembered = v.clone()
		return nil
	case onGroup != nil && step.Who == "":
		g, err := v.group(step.Group)
		if err != nil {
			return err
		}
		assigned := g.assignedMembers()
		if err := onGroup(p, v, g, step); err != nil {
			return err
		}
		p.tellMembers(g, assigned)
		return nil
	case onPerson != nil:
		who, err := v.several(step.Who)
		if err != nil {
			return err
		}
		for _, x := range who {
			before := x.stand()
			if err := onPerson(p, v, x, step); err != nil {
				return fmt.Errorf("#%d: %w", x.n, err)
			}
			p.tell(x, before)
		}
		return nil
	}
	return fmt.Errorf("there is no step %q", step.Do)
}

// several resolves who.
func (v *View) several(who string) ([]Person, error) {
	from, to, ranged := strings.Cut(who, "..")
	switch {
	case who == "":
		return nil, fmt.Errorf("who is missing")
	case who == "*":
		return v.between(0, len(v.people)-1), nil
	case ranged && strings.HasPrefix(from, "#"):
		first, err1 := strconv.Atoi(strings.TrimPrefix(from, "#"))
		last, err2 := strconv.Atoi(strings.TrimPrefix(to, "#"))
		if err1 != nil || err2 != nil || first < 0 || last >= len(v.people) {
			return nil, fmt.Errorf("who %q is not within #0..#%d", who, len(v.people)-1)
		}
		return v.between(first, last), nil
	}
	x, err := v.one(who)
	return []Person{x}, err
}

// between returns those who are not gone.
func (v *View) between(first, last int) []Person {
	var who []Person
	for n := first; n <= last; n++ {
		if x := v.Person(n); !x.Gone() {
			who = append(who, x)
		}
	}
	return who
}

// one resolves who to exactly one person.
func (v *View) one(who string) (Person, error) {
	if digits, ok := strings.CutPrefix(who, "#"); ok {
		n, err := strconv.Atoi(digits)
		if err != nil || n < 0 || n >= len(v.people) {
			return Person{}, fmt.Errorf("who %q is not one of #0 to #%d", who, len(v.people)-1)
		}
		return v.Person(n), nil
	}
	for _, find := range []func(string) (Person, bool){v.PersonByGUID, v.PersonByOktaID, v.PersonByUserName} {
		if x, ok := find(who); ok {
			return x, nil
		}
	}
	return Person{}, fmt.Errorf("there is nobody called %q", who)
}

func (v *View) group(name string) (Group, error) {
	for _, find := range []func(string) (Group, bool){v.GroupByName, v.GroupByGUID, v.GroupByOktaID} {
		if g, ok := find(name); ok {
			return g, nil
		}
	}
	return Group{}, fmt.Errorf("there is no group called %q", name)
}

// rolesOf turns role names into indices.
func (v *View) rolesOf(names []string) ([]uint16, error) {
	var roles []uint16
	for _, name := range names {
		at := slices.Index(v.roles, name)
		if at < 0 {
			return nil, fmt.Errorf("the application has no role %q", name)
		}
		roles = append(roles, uint16(at))
	}
	return roles, nil
}
