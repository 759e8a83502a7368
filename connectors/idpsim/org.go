package idpsim

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// What an Okta org keeps beside people and groups: what it has granted to the service application that reads it, what it does with the
// application's provisioning, and which groups it pushes. It is replaced when it changes, never changed in place.
type org struct {
	scopes       []string
	tokenRevoked bool
	provisioning Switches
	createOnly   [attributes]bool
}

// AdminRole is the name under which the role of the service application is granted and revoked, as if it were a scope.
const AdminRole = "admin-role"

// Scopes are what a puller needs to be granted in Okta: from the start all of them are, and the admin role.
func Scopes() []string {
	return []string{"okta.apps.read", "okta.groups.read", "okta.users.read", "okta.logs.read", "okta.profileMappings.read", "okta.schemas.read"}
}

func newOrg() *org {
	return &org{scopes: append(Scopes(), AdminRole), provisioning: Switches{On: true, Create: true, Update: true, Deactivate: true}}
}

// Switches are the provisioning settings of an application in Okta.
type Switches struct {
	On         bool // provisioning is set up at all
	Create     bool // Create Users
	Update     bool // Update User Attributes
	Deactivate bool // Deactivate Users
}

// Scoped says whether the Okta org has granted a scope, or AdminRole, to the service application that reads it.
func (v *View) Scoped(scope string) bool { return slices.Contains(v.org.scopes, scope) }

// APITokenRevoked says whether the Okta org has revoked the API token, or deactivated the administrator who made it.
func (v *View) APITokenRevoked() bool { return v.org.tokenRevoked }

// Switches are the provisioning settings of the application in Okta.
func (v *View) Switches() Switches { return v.org.provisioning }

// CreateOnly says whether an attribute is pushed when an account is created and never again: Okta's push status DONT_PUSH.
func (v *View) CreateOnly(a Attribute) bool { return v.org.createOnly[a] }

// orgSteps change what the Okta org allows and does.
var orgSteps = map[string]func(*Population, *org, Step) error{
	"api-token": (*Population).setAPIToken, "okta-grant": (*Population).grantScope, "okta-revoke": (*Population).revokeScope,
	"provisioning": (*Population).setSwitches, "push-status": (*Population).setPushStatus,
}

// changeOrg replaces the org's settings by a changed copy, unless the change fails. The lock is held.
func (p *Population) changeOrg(step Step, change func(*Population, *org, Step) error) error {
	next := *p.current.org
	if err := change(p, &next, step); err != nil {
		return err
	}
	p.current.org = &next
	return nil
}

func (p *Population) setAPIToken(o *org, step Step) error {
	if step.Value != "revoked" && step.Value != "valid" {
		return fmt.Errorf("value %q is not revoked or valid", step.Value)
	}
	o.tokenRevoked = step.Value == "revoked"
	return nil
}

func (p *Population) grantScope(o *org, step Step) error {
	if step.Value != AdminRole && !strings.HasPrefix(step.Value, "okta.") {
		return fmt.Errorf("value %q is no scope of Okta, such as okta.logs.read, and not %s", step.Value, AdminRole)
	}
	if !slices.Contains(o.scopes, step.Value) {
		o.scopes = append(slices.Clone(o.scopes), step.Value)
	}
	return nil
}

func (p *Population) revokeScope(o *org, step Step) error {
	if !slices.Contains(o.scopes, step.Value) {
		return fmt.Errorf("value %q was not granted; granted are %s", step.Value, strings.Join(o.scopes, ", "))
	}
	o.scopes = slices.DeleteFunc(slices.Clone(o.scopes), func(one string) bool { return one == step.Value })
	return nil
}

// setSwitches reads settings such as "on", "off" or "create=off deactivate=on".
func (p *Population) setSwitches(o *org, step Step) error {
	for word := range strings.FieldsSeq(step.Value) {
		name, state, named := strings.Cut(word, "=")
		if !named {
			name, state = "all", word
		}
		at := map[string]*bool{
			"all": &o.provisioning.On, "create": &o.provisioning.Create, "update": &o.provisioning.Update, "deactivate": &o.provisioning.Deactivate,
		}[name]
		if at == nil || state != "on" && state != "off" {
			return fmt.Errorf("value %q is not on, off, or any of create, update and deactivate, each with =on or =off", step.Value)
		}
		*at = state == "on"
	}
	if step.Value == "" {
		return fmt.Errorf("value is missing: on, off, or any of create, update and deactivate, each with =on or =off")
	}
	return nil
}

func (p *Population) setPushStatus(o *org, step Step) error {
	a, err := ParseAttribute(step.Attribute)
	if err != nil {
		return err
	}
	if step.Value != "PUSH" && step.Value != "DONT_PUSH" {
		return fmt.Errorf("value %q is not PUSH or DONT_PUSH", step.Value)
	}
	o.createOnly[a] = step.Value == "DONT_PUSH"
	p.happen(p.current, MappingChanged, Nobody, Nobody)
	return nil
}

// GroupPush is how a group is pushed to the application in Okta. The zero one is not.
type GroupPush struct {
	Status  string // ACTIVE, INACTIVE or ERROR
	Error   string // of the last push, when Status is ERROR
	Target  string // id of the group at the application; "" before the first push
	Created time.Time
	Updated time.Time
	Last    time.Time // push
}

var groupPushStates = []string{"ACTIVE", "INACTIVE", "ERROR"}

// Push is how the group is pushed in Okta.
func (g Group) Push() GroupPush { return g.stored().push }

// pushGroup makes or changes the mapping of a group: ACTIVE unless the step says otherwise.
func (p *Population) pushGroup(_ *View, g Group, step Step) error {
	state := step.Value
	if state == "" {
		state = "ACTIVE"
	}
	if !slices.Contains(groupPushStates, state) {
		return fmt.Errorf("value %q is not %s", state, strings.Join(groupPushStates, ", "))
	}
	to := &g.stored().push
	now := p.now().UTC()
	if to.Status == "" {
		to.Created = now
	}
	to.Status, to.Updated, to.Error = state, now, ""
	if state == "ERROR" {
		to.Error = "The group could not be pushed."
		if step.Reason != "" {
			to.Error = step.Reason
		}
	}
	p.noteGroup(g)
	p.tellGroup(g, map[string]Happening{"ACTIVE": GroupPushStarted, "INACTIVE": GroupPushStopped, "ERROR": GroupPushFailed}[state])
	return nil
}

// unpushGroup removes the mapping of a group.
func (p *Population) unpushGroup(_ *View, g Group, _ Step) error {
	if g.stored().push.Status == "" {
		return fmt.Errorf("the group is not pushed")
	}
	g.stored().push = GroupPush{}
	p.noteGroup(g)
	p.tellGroup(g, GroupPushStopped)
	return nil
}

// SetGroupPushed notes that Okta has pushed a group, and the id that it has at the application: what an administrator sees under Push
// Groups. It makes the mapping where there was none.
func (p *Population) SetGroupPushed(number int, target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.current.Group(number)
	now := p.now().UTC()
	push := &g.stored().push
	if push.Status == "" {
		push.Created, push.Updated = now, now
	}
	push.Status, push.Error, push.Target, push.Last = "ACTIVE", "", target, now
	p.tellGroup(g, GroupPushed)
}

// AppendAppUserID appends the id that the assignment of a person has in Okta's System Log.
func (p Person) AppendAppUserID(dst []byte) []byte {
	return p.v.appendOkta(dst, "0ua", appUserKind, p.n)
}

// AppendPushMappingID appends the id of the mapping that pushes a group.
func (g Group) AppendPushMappingID(dst []byte) []byte {
	return g.v.appendOkta(dst, "gPm", pushKind, g.n)
}

// AppendTargetGroupID appends the id of the group in Okta that stands for a pushed group at the application.
func (g Group) AppendTargetGroupID(dst []byte) []byte {
	return g.v.appendOkta(dst, "00g", targetKind, g.n)
}

// AppendUserMappingID appends the id of the profile mapping from Okta users to the application's.
func (v *View) AppendUserMappingID(dst []byte) []byte {
	return v.appendOkta(dst, "prm", mappingKind, 0)
}

// syncStates are Okta's words for whether an account at the application is up to date.
var syncStates = []string{"DISABLED", "OUT_OF_SYNC", "SYNCING", "SYNCHRONIZED", "ERROR"}

// SyncState is Okta's word for whether the account at the application is up to date.
func (p Person) SyncState() string {
	switch more := p.more(); {
	case more != nil && more.syncState != "":
		return more.syncState
	case p.ExternalID() != "":
		return "SYNCHRONIZED"
	}
	return "DISABLED"
}

func (p *Population) setSyncState(_ *View, x Person, step Step) error {
	if !slices.Contains(syncStates, step.Value) {
		return fmt.Errorf("value %q is none of %s", step.Value, strings.Join(syncStates, ", "))
	}
	p.alter(x, func(d *details) { d.syncState = step.Value })
	return nil
}
