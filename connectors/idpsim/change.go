package idpsim

import (
	"fmt"
	"slices"
	"strings"
)

// What each step does. All of these run under the population's lock and note the change.

func (p *Population) note(x Person) {
	p.alter(x, func(*details) {})
}

// alter replaces the details of a person and notes the change.
func (p *Population) alter(x Person, change func(*details)) {
	next := details{}
	if more := x.more(); more != nil {
		next = *more
	}
	next.updated = p.now().UTC()
	change(&next)
	x.stored().details = &next
	x.v.log = append(x.v.log, Change{Number: int(x.n)})
}

func (p *Population) noteGroup(g Group) {
	g.stored().updated = p.now().UTC()
	g.v.log = append(g.v.log, Change{Group: true, Number: int(g.n)})
}

func (p *Population) addPerson(v *View, step Step) error {
	name := step.Attributes[UserName.String()]
	if name == "" {
		return fmt.Errorf("attributes need a userName")
	}
	if holder, taken := v.PersonByUserName(name); taken && holder.Present() {
		return fmt.Errorf("the user name %q is taken", name)
	}
	values := make([]value, 0, len(step.Attributes))
	for a, text := range step.Attributes {
		attribute, err := ParseAttribute(a)
		if err != nil {
			return err
		}
		values = append(values, value{attribute: attribute, text: text})
	}
	slices.SortFunc(values, func(a, b value) int { return int(a.attribute) - int(b.attribute) })
	v.people = append(v.people, person{})
	x := v.Person(len(v.people) - 1)
	v.nameBy(name, x.n)
	p.alter(x, func(d *details) { d.values = values })
	p.happenTo(x, PersonCreated)
	p.happenTo(x, PersonActivated)
	return nil
}

// nameBy notes that a name was given by hand.
func (v *View) nameBy(name string, n uint32) {
	name = strings.ToLower(name)
	if !slices.Contains(v.named[name], n) {
		v.named[name] = append(v.named[name], n)
	}
}

func (p *Population) addGroup(v *View, step Step) error {
	if step.Group == "" {
		return fmt.Errorf("group is missing")
	}
	if _, taken := v.GroupByName(step.Group); taken {
		return fmt.Errorf("the group name %q is taken", step.Group)
	}
	v.groups = append(v.groups, group{name: step.Group})
	g := v.Group(len(v.groups) - 1)
	p.noteGroup(g)
	p.tellGroup(g, GroupCreated)
	return nil
}

func (p *Population) setApp(v *View, step Step) error {
	state := AppState(step.Value)
	if state != AppActive && state != AppInactive && state != AppGone {
		return fmt.Errorf("value %q is not active, inactive or gone", step.Value)
	}
	if v.app != state {
		p.happen(v, map[AppState]Happening{AppActive: AppActivated, AppInactive: AppDeactivated, AppGone: AppRemoved}[state], Nobody, Nobody)
	}
	v.app = state
	return nil
}

func (p *Population) assign(v *View, x Person, step Step) error {
	roles, err := v.rolesOf(step.Roles)
	if err != nil {
		return err
	}
	x.stored().flags = x.stored().flags&^unlinked | direct
	p.alter(x, func(d *details) { d.roles = roles })
	return nil
}

func (p *Population) unassign(_ *View, x Person, _ Step) error {
	x.stored().flags &^= direct | unlinked
	p.alter(x, func(d *details) { d.roles = nil })
	return nil
}

func (p *Population) assignGroup(v *View, g Group, step Step) error {
	roles, err := v.rolesOf(step.Roles)
	if err != nil {
		return err
	}
	if !g.Assigned() {
		g.each(func(m *person) { m.via++ })
	}
	if !g.Assigned() {
		p.tellGroup(g, GroupAssigned)
	}
	g.stored().flags |= direct
	g.stored().roles = roles
	p.noteGroup(g)
	return nil
}

func (p *Population) unassignGroup(v *View, g Group, _ Step) error {
	if g.Assigned() {
		g.each(func(m *person) { m.via-- })
		p.tellGroup(g, GroupUnassigned)
	}
	g.stored().flags &^= direct
	p.noteGroup(g)
	return nil
}

func (g Group) each(f func(*person)) {
	for _, n := range g.stored().members {
		f(&g.v.people[n])
	}
}

func (p *Population) nest(v *View, g Group, step Step) error {
	into, err := v.group(step.Value)
	if err != nil {
		return err
	}
	if at, found := slices.BinarySearch(into.stored().nested, g.n); !found {
		into.stored().nested = slices.Insert(into.stored().nested, at, g.n)
	}
	p.noteGroup(into)
	return nil
}

func (p *Population) hide(_ *View, g Group, step Step) error {
	if step.Value != "" && step.Value != "silent" {
		return fmt.Errorf("value %q is not silent", step.Value)
	}
	g.stored().hidden, g.stored().silent = true, step.Value == "silent"
	p.noteGroup(g)
	return nil
}

func (p *Population) setRule(_ *View, g Group, step Step) error {
	g.stored().rule = step.Value
	p.noteGroup(g)
	return nil
}

func (p *Population) setKind(_ *View, g Group, step Step) error {
	switch kind := GroupKind(step.Value); kind {
	case Microsoft365Group, MailSecurityGroup, DistributionGroup:
		g.stored().kind = kind
	case "security":
		g.stored().kind = SecurityGroup
	default:
		return fmt.Errorf("value %q is not security, microsoft365, mail-security or distribution", step.Value)
	}
	p.noteGroup(g)
	return nil
}

func (p *Population) setManager(v *View, x Person, step Step) error {
	manager := -1
	if step.Value != "" {
		to, err := v.one(step.Value)
		if err != nil {
			return err
		}
		manager = int(to.n) + 1
	}
	p.alter(x, func(d *details) { d.manager = manager })
	return nil
}

func (p *Population) unhide(_ *View, g Group, _ Step) error {
	g.stored().hidden, g.stored().silent = false, false
	p.noteGroup(g)
	return nil
}

func (p *Population) renameGroup(v *View, g Group, step Step) error {
	if holder, taken := v.GroupByName(step.Value); step.Value == "" || taken && holder.n != g.n {
		return fmt.Errorf("the group name %q is taken or empty", step.Value)
	}
	g.stored().name = step.Value
	p.noteGroup(g)
	p.tellGroup(g, GroupRenamed)
	return nil
}

func (p *Population) purgeGroup(v *View, g Group, step Step) error {
	if err := p.unassignGroup(v, g, step); err != nil {
		return err
	}
	g.stored().flags |= purged
	p.tellGroup(g, GroupGone)
	return nil
}

func (p *Population) join(v *View, x Person, step Step) error {
	g, err := v.group(step.Group)
	if err != nil {
		return err
	}
	at, found := slices.BinarySearch(g.stored().members, x.n)
	if found {
		return nil
	}
	g.stored().members = slices.Insert(g.stored().members, at, x.n)
	if g.Assigned() {
		x.stored().via++
	}
	p.note(x)
	p.noteGroup(g)
	p.happen(v, PersonJoined, int(x.n), int(g.n))
	return nil
}

func (p *Population) leave(v *View, x Person, step Step) error {
	g, err := v.group(step.Group)
	if err != nil {
		return err
	}
	at, found := slices.BinarySearch(g.stored().members, x.n)
	if !found {
		return nil
	}
	g.stored().members = slices.Delete(g.stored().members, at, at+1)
	if g.Assigned() {
		x.stored().via--
	}
	p.note(x)
	p.noteGroup(g)
	p.happen(v, PersonLeft, int(x.n), int(g.n))
	return nil
}

// turn changes the state that a person is in.
func (p *Population) turn(x Person, change func(*person)) {
	change(x.stored())
	p.alter(x, func(d *details) {
		d.turned = d.updated
		d.moving = false
	})
}

// drop is what Okta does to the direct assignment of somebody who is deactivated.
func drop(f flags) flags {
	if f&direct != 0 {
		f |= unlinked
	}
	return f
}

func (p *Population) disable(_ *View, x Person, _ Step) error {
	p.turn(x, func(s *person) { s.flags = drop(s.flags) | blocked })
	return nil
}

func (p *Population) enable(_ *View, x Person, _ Step) error {
	p.turn(x, func(s *person) {
		s.flags &^= blocked
		s.status = 0
	})
	return nil
}

func statusOf(word string) uint8 { return uint8(max(slices.Index(statuses[:], word), 0)) }

func (p *Population) suspend(_ *View, x Person, _ Step) error {
	p.turn(x, func(s *person) { s.status = statusOf(suspended) })
	return nil
}

func (p *Population) unsuspend(_ *View, x Person, _ Step) error {
	p.turn(x, func(s *person) { s.status = 0 })
	return nil
}

func (p *Population) setStatus(v *View, x Person, step Step) error {
	if step.Value == deprovisioned {
		return p.disable(v, x, step)
	}
	if !slices.Contains(statuses[:], step.Value) {
		return fmt.Errorf("value %q is no state of a user; they are %s, %s", step.Value, strings.Join(statuses[:], ", "), deprovisioned)
	}
	p.turn(x, func(s *person) { s.status = statusOf(step.Value) })
	return nil
}

// appStatuses are Okta's words for the state of an assignment.
var appStatuses = []string{
	"ACTIVE", "STAGED", "PROVISIONED", "PENDING", "APPROVED", "INACTIVE", "SUSPENDED", "REVOKED", "DEPROVISIONED", "IMPORTED", "MATCHED",
	"UNASSIGNED", "IMPLICIT",
}

func (p *Population) setAppStatus(_ *View, x Person, step Step) error {
	if !slices.Contains(appStatuses, step.Value) {
		return fmt.Errorf("value %q is no state of an assignment; they are %s", step.Value, strings.Join(appStatuses, ", "))
	}
	p.alter(x, func(d *details) { d.appStatus = step.Value })
	return nil
}

func (p *Population) move(_ *View, x Person, _ Step) error {
	p.alter(x, func(d *details) { d.moving = true })
	return nil
}

func (p *Population) softDelete(_ *View, x Person, _ Step) error {
	if !x.Present() {
		return fmt.Errorf("is not there to be deleted")
	}
	p.turn(x, func(s *person) { s.flags = drop(s.flags) | binned })
	p.alter(x, func(d *details) { d.removed = d.updated })
	return nil
}

func (p *Population) restore(v *View, x Person, _ Step) error {
	if !x.SoftDeleted() {
		return fmt.Errorf("is not in the recycle bin")
	}
	if holder, _ := v.PersonByUserName(x.Text(UserName)); holder.n != x.n {
		return fmt.Errorf("the user name belongs to somebody else now")
	}
	p.turn(x, func(s *person) { s.flags &^= binned })
	return nil
}

func (p *Population) purge(_ *View, x Person, _ Step) error {
	p.turn(x, func(s *person) { s.flags |= purged })
	return nil
}

func (p *Population) rename(v *View, x Person, step Step) error {
	if step.Value == "" {
		return fmt.Errorf("value is missing: the new user name")
	}
	if holder, taken := v.PersonByUserName(step.Value); taken && holder.Present() && holder.n != x.n {
		return fmt.Errorf("the user name %q is taken", step.Value)
	}
	v.nameBy(step.Value, x.n)
	p.put(x, value{attribute: UserName, text: step.Value})
	return nil
}

// invite makes somebody a guest from another organisation, whose domain is the step's value.
func (p *Population) invite(v *View, x Person, step Step) error {
	if x.Guest() {
		return fmt.Errorf("is a guest already")
	}
	if step.Value == "" {
		return fmt.Errorf("value is missing: the domain that the guest has at home")
	}
	local, _, _ := strings.Cut(x.Text(UserName), "@")
	step.Value = local + "_" + step.Value + guestMark + "@" + v.domain
	return p.rename(v, x, step)
}

func (p *Population) set(v *View, x Person, step Step) error {
	a, err := ParseAttribute(step.Attribute)
	if err != nil {
		return err
	}
	if a == UserName {
		return p.rename(v, x, step)
	}
	p.put(x, value{attribute: a, text: step.Value, null: step.Do == "clear"})
	return nil
}

// put sets one attribute by hand.
func (p *Population) put(x Person, to value) {
	p.alter(x, func(d *details) {
		rest := slices.DeleteFunc(slices.Clone(d.values), func(v value) bool { return v.attribute == to.attribute })
		d.values = append(rest, to)
	})
}

func (p *Population) setExternalID(_ *View, x Person, step Step) error {
	p.alter(x, func(d *details) { d.externalID = step.Value })
	return nil
}
