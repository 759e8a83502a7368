package idpsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Step is one change of a population as data. Do names it; StepList says what each takes and does.
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

// DecodeSteps reads a JSON array of steps, or one step alone, strictly. Its errors name line and column.
func DecodeSteps(r io.Reader) ([]Step, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read steps: %w", err)
	}
	var steps []Step
	var into any = &steps
	if alone := bytes.TrimLeft(text, " \t\r\n"); len(alone) > 0 && alone[0] == '{' {
		steps = make([]Step, 1)
		into = &steps[0]
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err = d.Decode(into)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = fmt.Errorf("there is more after the steps; several steps are written as one list: [{…}, {…}]")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read steps: %s: %w", position(text, err, d.InputOffset()), err)
	}
	return steps, nil
}

// position is where in a JSON text an error is.
func position(text []byte, err error, offset int64) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset - 1
	case errors.As(err, &kind):
		offset = kind.Offset
	}
	before := text[:min(max(int(offset), 0), len(text))]
	line := bytes.Count(before, []byte("\n")) + 1
	return fmt.Sprintf("line %d, column %d", line, len(before)-bytes.LastIndexByte(before, '\n'))
}

// personSteps change each person that who names.
var personSteps = map[string]func(*Population, *View, Person, Step) error{
	"assign": (*Population).assign, "unassign": (*Population).unassign, "join": (*Population).join, "leave": (*Population).leave,
	"disable": (*Population).disable, "enable": (*Population).enable, "suspend": (*Population).suspend,
	"unsuspend": (*Population).unsuspend, "status": (*Population).setStatus, "app-status": (*Population).setAppStatus,
	"moving": (*Population).move, "soft-delete": (*Population).softDelete, "restore": (*Population).restore,
	"purge": (*Population).purge, "rename": (*Population).rename, "set": (*Population).set, "clear": (*Population).set,
	"external-id": (*Population).setExternalID, "manager": (*Population).setManager,
	"guest": (*Population).invite, "sync-state": (*Population).setSyncState,
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
			err := onPerson(p, v, x, step)
			if err != nil && len(who) > 1 {
				err = fmt.Errorf("#%d: %w", x.n, err)
			}
			if err != nil {
				return err
			}
			p.tell(x, before)
		}
		return nil
	}
	return unknown("step", step.Do, StepNames())
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
	return Person{}, v.nobody(who)
}

func (v *View) group(name string) (Group, error) {
	for _, find := range []func(string) (Group, bool){v.GroupByName, v.GroupByGUID, v.GroupByOktaID} {
		if g, ok := find(name); ok {
			return g, nil
		}
	}
	return Group{}, v.noGroup(name)
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
