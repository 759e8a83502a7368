// Package plan compares people with accounts and says, as plain sorted data, what would make them agree. It is pure: no clock, no
// network, no store. The engine of package sync gathers what is known, this package decides.
package plan

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/state"
	"rollcall/state/scim"
)

// Format is the version of a plan's JSON form. A plan of another format is refused, never guessed at.
const Format = 1

// MaxNotices bounds how many notices of one kind a plan lists; Counts.Notices counts them all.
const MaxNotices = 1000

// Plan is the changes that would remove the drift, and what was noticed on the way. Its JSON form is what is saved, held, approved and
// shown; the names of its fields are stable.
type Plan struct {
	Format  int       `json:"format"`
	ID      string    `json:"id,omitempty"` // of a held or saved plan
	Tenant  string    `json:"tenant"`
	Source  string    `json:"source"`
	Run     string    `json:"run"`
	MadeAt  time.Time `json:"made_at"`
	Basis   string    `json:"basis"`          // of the directory, mapping and scope that it was made with; it stands only on the same
	Undo    string    `json:"undo,omitempty"` // what it takes back, in words; its changes rest on the journal and on no witness
	Changes []Change  `json:"changes"`
	Notices []Notice  `json:"notices"`
	Counts  Counts    `json:"counts"`
	Gate    Gate      `json:"gate"`
}

// Change is what would become of one account, or of the memberships of one group. What belongs to one account is one change: a
// deactivation that also renames is one.
type Change struct {
	Action      Action    `json:"action"`
	Account     state.ID  `json:"account,omitempty"` // "" of a creation
	Version     int64     `json:"version,omitempty"` // of the account, read before the pull's first request; 0 of a creation
	Person      string    `json:"person,omitempty"`  // object id; "" of an account that nobody explains
	Name        string    `json:"name"`              // what an operator recognises
	Reason      Reason    `json:"reason"`
	Link        bool      `json:"link,omitempty"` // the account is tied to the person as well
	Witnesses   []Witness `json:"witnesses"`
	Fields      []Field   `json:"fields,omitempty"` // in the order of the mapping; path "active" is the account's active state
	Group       *Group    `json:"group,omitempty"`  // of the actions on groups, which are about no account: Account, Version and Person are empty, and Fields but of UpdateGroup
	Held        bool      `json:"held,omitempty"`
	HeldBecause Hold      `json:"held_because,omitempty"`

	// Stamp is the account's once the change has been carried out, if it then is as the mapping wants it (see Settles); 0: who knows. It
	// is never saved: what is carried out later is found in agreement by a later run.
	Stamp uint64 `json:"-"`
}

// Removal tells whether the change takes somebody's access away.
func (c *Change) Removal() bool { return slices.Contains(removing, c.Action) }

// Action is what a change does.
type Action string

const (
	Deactivate Action = "deactivate"
	Update     Action = "update"
	Reactivate Action = "reactivate"
	Link       Action = "link" // nothing but the tie between account and person
	Create     Action = "create"

	UpdateGroup   Action = "update_group" // what is said of the group itself: by an undo alone, and each value only where it is still what Before says
	AddMembers    Action = "add_members"  // to a group that the provider pushed
	RemoveMembers Action = "remove_members"
)

// Actions lists all actions in the order in which plans are sorted and applied: names are freed before they are taken.
var Actions = []Action{Deactivate, Update, Reactivate, Link, Create, UpdateGroup, RemoveMembers, AddMembers}

// removing are the actions that take somebody's access away.
var removing = []Action{Deactivate, RemoveMembers}

func (a Action) rank() int { return slices.Index(Actions, a) }

// Text says the action in words.
func (a Action) Text() string { return strings.ReplaceAll(string(a), "_", " ") }

// Field is one value that changes. Before and After are JSON; null is absent.
type Field struct {
	Path   string          `json:"path"`
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`

	Volatile bool `json:"volatile,omitempty"` // another evaluation gives another value: which one it is makes no difference
}

// Witness is one fact that a change rests on, and how it came to be known.
type Witness struct {
	Fact Fact      `json:"fact"`
	How  How       `json:"how"`
	Run  string    `json:"run"`
	At   time.Time `json:"at"`
}

// How says in which way a fact was learnt.
type How string

const (
	ByPull    How = "pull"    // the person was read in a pull
	ByLook    How = "look"    // the person was read directly, by object id
	ByAbsence How = "absence" // a complete snapshot did not have the person: a suspicion, never enough alone

	// How a person was found to belong to an account that is not linked yet.
	ByAccount    How = "account_id"  // the provider keeps our id
	ByExternalID How = "external_id" // the account keeps the object id
	ByMatch      How = "match"       // the mapping's match attributes, unique on both sides
)

// Notice is something that a person should know of and that the plan does not change.
type Notice struct {
	Kind    NoticeKind `json:"kind"`
	Person  string     `json:"person,omitempty"`
	Account state.ID   `json:"account,omitempty"`
	Group   state.ID   `json:"group,omitempty"` // recorded
	Name    string     `json:"name,omitempty"`
	Since   time.Time  `json:"since,omitzero"`   // of what an earlier run noticed already: when it was noticed first
	Detail  string     `json:"detail,omitempty"` // one plain sentence
}

// Counts sum a plan up.
type Counts struct {
	People   int                `json:"people"`   // read in the pull
	Accounts int                `json:"accounts"` // recorded
	Active   int                `json:"active"`   // of them in force
	Suspects int                `json:"suspects"` // of these: missing at the source, and nothing could be decided about them yet
	Agree    int                `json:"agree"`    // accounts found just as the mapping wants them
	Groups   GroupCounts        `json:"groups,omitzero"`
	Actions  map[Action]int     `json:"actions"`  // planned, held ones included
	Held     int                `json:"held"`     // of the planned
	Removals int                `json:"removals"` // held removals, of the held
	Notices  map[NoticeKind]int `json:"notices"`
}

// GroupCounts sum up what was read of pushed groups.
type GroupCounts struct {
	Compared int `json:"compared"` // recorded groups whose members were compared with the source's
	Members  int `json:"members"`  // recorded in these
	Extra    int `json:"extra"`    // of them people whom the source's group has not, also those who are not confirmed yet
	Waiting  int `json:"waiting"`  // of these: to be confirmed by another run
}

// Changes returns how many changes are planned, held ones included.
func (c Counts) Changes() int {
	n := 0
	for _, count := range c.Actions {
		n += count
	}
	return n
}

// Add appends a change. Most changes of a run rest on the same readings: those share their witnesses, which nobody may change.
func (p *Plan) Add(c Change) {
	if n := len(p.Changes); n > 0 && slices.Equal(p.Changes[n-1].Witnesses, c.Witnesses) {
		c.Witnesses = p.Changes[n-1].Witnesses
	}
	p.Changes = append(p.Changes, c)
}

// Notice counts a notice and, within MaxNotices, lists it.
func (p *Plan) Notice(n Notice) {
	if p.Counts.Notices == nil {
		p.Counts.Notices = make(map[NoticeKind]int)
	}
	p.Counts.Notices[n.Kind]++
	if p.Counts.Notices[n.Kind] <= MaxNotices {
		p.Notices = append(p.Notices, n)
	}
}

// Finish sorts the plan and counts its changes. The same changes and notices give the same bytes, in whichever order they were added.
func (p *Plan) Finish() {
	if p.Changes == nil {
		p.Changes = []Change{} // [] in JSON, not null
	}
	if p.Notices == nil {
		p.Notices = []Notice{}
	}
	if p.Counts.Notices == nil {
		p.Counts.Notices = make(map[NoticeKind]int)
	}
	for i := range p.Changes {
		if g := p.Changes[i].Group; g != nil {
			g.sort()
		}
	}
	slices.SortFunc(p.Changes, func(a, b Change) int {
		if d := a.Action.rank() - b.Action.rank(); d != 0 {
			return d
		}
		if d := strings.Compare(scim.Fold(a.Name), scim.Fold(b.Name)); d != 0 {
			return d
		}
		if d := strings.Compare(a.Person, b.Person); d != 0 {
			return d
		}
		return cmp.Or(strings.Compare(string(a.Account), string(b.Account)), compareGroups(a.Group, b.Group))
	})
	slices.SortFunc(p.Notices, func(a, b Notice) int {
		return slices.Compare(
			[]string{string(a.Kind), scim.Fold(a.Name), a.Person, string(a.Account), string(a.Group), a.Detail},
			[]string{string(b.Kind), scim.Fold(b.Name), b.Person, string(b.Account), string(b.Group), b.Detail})
	})
	p.Counts.Actions = make(map[Action]int)
	p.Counts.Held, p.Counts.Removals = 0, 0
	for i := range p.Changes {
		c := &p.Changes[i]
		p.Counts.Actions[c.Action]++
		if c.Held {
			p.Counts.Held++
			if c.Removal() {
				p.Counts.Removals++
			}
		}
	}
}

// Held returns the part of a finished plan that is held, as a plan of its own; its notices are left out. Where that is all of it, which
// may be a whole source, both have the same changes in common, and nobody may alter them.
func (p *Plan) Held() Plan {
	held := *p
	held.Changes, held.Notices = slices.Clip(p.Changes), nil
	if slices.ContainsFunc(p.Changes, func(c Change) bool { return !c.Held }) {
		held.Changes = nil
		for i := range p.Changes {
			if p.Changes[i].Held {
				held.Changes = append(held.Changes, p.Changes[i])
			}
		}
	}
	held.Finish()
	return held
}

// Encode returns the plan's JSON form. Its changes, which may be a whole source's, are written one by one into their place: a look for
// room and a copy of all of them cost several times as much memory.
func (p *Plan) Encode() ([]byte, error) {
	bare := *p
	if len(p.Changes) > 0 {
		bare.Changes = []Change{}
	}
	frame, err := json.Marshal(&bare)
	if err != nil || len(p.Changes) == 0 {
		return frame, err
	}
	place := []byte(`"changes":[`) // in no text, where a quote is escaped
	head, tail, _ := bytes.Cut(frame, place)
	body := append(head[:len(head):len(head)], place...)
	for i := range p.Changes {
		change, err := json.Marshal(&p.Changes[i])
		switch {
		case err != nil:
			return nil, err
		case i == 0:
			body = slices.Grow(body, len(tail)+len(p.Changes)*min(len(change)+1, mostRoom))
		default:
			body = append(body, ',')
		}
		body = append(body, change...)
	}
	return append(body, tail...), nil
}

// mostRoom is how many bytes a change is taken to need at most, when the first tells how many all of them do.
const mostRoom = 1 << 10

// Decode reads a plan's JSON form. What could not be judged and applied as it stands is refused.
func Decode(body []byte) (Plan, error) {
	var p Plan
	if err := json.Unmarshal(body, &p); err != nil {
		return Plan{}, fmt.Errorf("read plan: %w", err)
	}
	if p.Format != Format {
		return Plan{}, fmt.Errorf("read plan: its format is %d, this program reads %d; make the plan anew", p.Format, Format)
	}
	for i := range p.Changes {
		if fault := p.Changes[i].fault(); fault != "" {
			return Plan{}, fmt.Errorf("read plan: change %d %s; make the plan anew", i+1, fault)
		}
	}
	return p, nil
}

// fault says what keeps a change that was read from being one.
func (c *Change) fault() string {
	switch {
	case c.Action.rank() < 0:
		return "names no action that is known"
	case c.Held != (c.HeldBecause != ""):
		return "does not say why it is held"
	case (c.Group != nil) != c.Action.ofGroup():
		return "does not name a group just where there is one"
	case c.Group != nil && (c.Person != "" || c.Account != "" || c.Version != 0 || c.Link || len(c.Fields) > 0 && c.Action != UpdateGroup):
		return "is about a group and an account"
	case c.Action == UpdateGroup && (c.Reason != ReasonUndone || c.Group.ID == "" || len(c.Group.Members) > 0 || len(c.Fields) == 0):
		return "does more to a group, or less, than an undo"
	case c.Group != nil && c.Action != UpdateGroup:
		return c.Group.fault(c.Reason == ReasonUndone)
	case c.Group != nil:
	case c.Reason != ReasonUndone && (c.Person == "") != (c.Reason == ReasonUnexplained):
		return "does not name a person just where there is one"
	case c.Reason == ReasonUnexplained && (c.Action != Deactivate || c.Link):
		return "does more than a deactivation, for nobody"
	case (c.Account == "") != (c.Action == Create), (c.Version == 0) != (c.Action == Create):
		return "does not name an account and its version just where there is one"
	}
	for _, f := range c.Fields {
		if _, err := scim.ParsePath(f.Path, scim.DefaultLimits); err != nil && c.Reason != ReasonUndone { // which names whole attributes
			return "has a field with a path that cannot be read"
		}
		if f.Before == nil || f.After == nil {
			return "has a field without its values"
		}
	}
	return ""
}
