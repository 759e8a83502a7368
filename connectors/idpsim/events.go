package idpsim

import (
	"slices"
	"time"
)

// Happening is the kind of an Event.
type Happening uint8

// What an organisation's audit log tells of. The names are of neither vendor.
const (
	PersonCreated Happening = iota
	PersonActivated
	PersonDeactivated
	PersonSuspended
	PersonUnsuspended
	PersonLocked
	PersonUnlocked
	PasswordReset
	DeletionBegun
	DeletionDone
	ProfileChanged
	PersonJoined // a group
	PersonLeft   // a group
	PersonAssigned
	PersonUnassigned
	AssignmentChanged
	AppUserNameChanged
	AccountCreated // at the application, by a push
	AccountDeactivated
	AccountReactivated
	AccountUpdated
	GroupCreated
	GroupRenamed
	GroupGone
	GroupAssigned
	GroupUnassigned
	GroupPushed
	GroupPushStarted
	GroupPushStopped
	GroupPushFailed
	AppActivated
	AppDeactivated
	AppRemoved
	MappingChanged
	happenings
)

// Nobody stands in an Event that is about no person, or about no group.
const Nobody = -1

// Event is one line of the audit log.
type Event struct {
	Kind   Happening
	At     time.Time // when it was written down
	Person int       // number, or Nobody
	Group  int       // number, or Nobody
}

// Events are the audit log, oldest first. What the population was generated with left no trace in it.
func (v *View) Events() []Event { return v.events }

// EventID is the id of the n-th event.
func (v *View) EventID(n int) [16]byte { return v.guid(eventKind, uint32(n)) }

// Now is the time by the organisation's own clock.
func (p *Population) Now() time.Time { return p.now().UTC() }

func (p *Population) happen(v *View, kind Happening, person, group int) {
	v.events = append(v.events, Event{kind, p.now().UTC(), person, group})
}

// happenTo writes down something about one person.
func (p *Population) happenTo(x Person, kind Happening) { p.happen(x.v, kind, int(x.n), Nobody) }

// InOktaApp says whether the application's list of users has the person in Okta. The deactivated have left it, wherever they are still
// members.
func (p Person) InOktaApp() bool {
	return p.Present() && p.Status() != deprovisioned && (p.Direct() && !p.Unlinked() || p.ViaGroup())
}

// stand is what the audit log wants to know of a person before and after a step.
type stand struct {
	status    string
	gone      bool
	inApp     bool
	byName    bool
	values    []value
	appStatus string
	appName   string
	account   string
}

func (p Person) stand() stand {
	s := stand{status: p.Status(), gone: p.Gone(), inApp: p.InOktaApp(), byName: p.Direct() && !p.Unlinked(), account: p.ExternalID(), appName: p.Text(AppUserName)}
	if more := p.more(); more != nil {
		s.values, s.appStatus = more.values, more.appStatus
	}
	return s
}

// tell writes down what has become of a person since before.
func (p *Population) tell(x Person, before stand) {
	now := x.stand()
	p.tellProfile(x, before, now)
	p.tellAssignment(x, before, now)
	if before.status != now.status {
		if kind, ok := turned(before.status, now.status); ok {
			p.happenTo(x, kind)
		}
	}
	if now.gone && !before.gone {
		p.happenTo(x, DeletionBegun)
		p.happenTo(x, DeletionDone)
	}
}

func (p *Population) tellProfile(x Person, before, now stand) {
	if slices.Equal(before.values, now.values) {
		return
	}
	p.happenTo(x, ProfileChanged)
	if now.inApp {
		p.happenTo(x, AssignmentChanged)
	}
	if now.inApp && now.appName != before.appName {
		p.happenTo(x, AppUserNameChanged)
	}
}

func (p *Population) tellAssignment(x Person, before, now stand) {
	switch {
	case now.inApp && !before.inApp:
		p.happenTo(x, PersonAssigned)
	case before.inApp && !now.inApp:
		p.happenTo(x, PersonUnassigned)
	case now.inApp && (before.byName != now.byName || before.appStatus != now.appStatus):
		p.happenTo(x, AssignmentChanged)
	}
	if now.account != before.account && now.account != "" {
		p.happenTo(x, AccountCreated)
	}
}

// turned names the step from one state of a user to another. Those that are only noticed when somebody signs in leave no trace.
func turned(from, to string) (Happening, bool) {
	switch {
	case to == deprovisioned:
		return PersonDeactivated, true
	case to == suspended:
		return PersonSuspended, true
	case to == "LOCKED_OUT":
		return PersonLocked, true
	case to == "RECOVERY":
		return PasswordReset, true
	case from == deprovisioned || from == "STAGED":
		return PersonActivated, true
	case from == suspended:
		return PersonUnsuspended, true
	case from == "LOCKED_OUT":
		return PersonUnlocked, true
	}
	return 0, false
}

// assignedMembers are the members of a group who are in the application.
func (g Group) assignedMembers() map[uint32]bool {
	in := map[uint32]bool{}
	for _, n := range g.Members() {
		if g.v.Person(int(n)).InOktaApp() {
			in[n] = true
		}
	}
	return in
}

// tellMembers writes down whose assignment has changed with that of their group.
func (p *Population) tellMembers(g Group, before map[uint32]bool) {
	for _, n := range g.Members() {
		switch x := g.v.Person(int(n)); {
		case x.InOktaApp() && !before[n]:
			p.happenTo(x, PersonAssigned)
		case before[n] && !x.InOktaApp():
			p.happenTo(x, PersonUnassigned)
		}
	}
}

// tellGroup writes down something about a group.
func (p *Population) tellGroup(g Group, kind Happening) { p.happen(g.v, kind, Nobody, int(g.n)) }
