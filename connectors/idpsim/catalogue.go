package idpsim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// StepHelp says what one step takes and does, for people to read.
type StepHelp struct {
	Topic string `json:"topic"`
	Name  string `json:"do"`
	Takes string `json:"takes,omitempty"` // the members of the JSON object beside do
	Does  string `json:"does"`
}

// StepList lists all steps, topic by topic.
func StepList() []StepHelp { return slices.Clone(stepList) }

// StepNames lists the names of all steps.
func StepNames() []string {
	names := make([]string, len(stepList))
	for i, one := range stepList {
		names[i] = one.Name
	}
	return names
}

const (
	ofPeople = "people"
	ofGroups = "groups"
	ofApp    = "the application"
	ofOkta   = "the Okta org"
	ofEntra  = "the Entra tenant and its provisioning job"
)

var stepList = []StepHelp{
	{ofPeople, "add-person", "attributes: userName and any others", "somebody new, enabled and not assigned"},
	{ofPeople, "assign", "who (or group), roles", "assign to the application"},
	{ofPeople, "unassign", "who (or group)", "take the assignment away"},
	{ofPeople, "disable", "who", "Entra: block sign-in; Okta: deactivate, which ends a direct assignment"},
	{ofPeople, "enable", "who", "the opposite; in Okta assigned again through groups only"},
	{ofPeople, "suspend", "who", "Okta: SUSPENDED, assignments stay; Entra: block sign-in"},
	{ofPeople, "unsuspend", "who", "the opposite"},
	{ofPeople, "soft-delete", "who", "Entra: into the recycle bin; Okta: deactivate, the first of the two steps of a deletion"},
	{ofPeople, "restore", "who", "back, with groups and, in Entra, assignments"},
	{ofPeople, "purge", "who", "gone for good: 404"},
	{ofPeople, "rename", "who, value: the new user name", "another user name, and mail address unless one was set"},
	{ofPeople, "set", "who, attribute, value", "change an attribute"},
	{ofPeople, "clear", "who, attribute", "make an attribute absent"},
	{ofPeople, "join", "who, group", "add to a group"},
	{ofPeople, "leave", "who, group", "remove from a group"},
	{ofPeople, "manager", "who, value: another person, or none", "change the manager"},
	{ofPeople, "guest", "who, value: the domain they have at home", "Entra: a guest, with a guest's user name"},
	{ofPeople, "status", "who, value: ACTIVE, STAGED, PROVISIONED, RECOVERY, LOCKED_OUT, PASSWORD_EXPIRED, SUSPENDED, DEPROVISIONED", "Okta's state of a user"},
	{ofPeople, "moving", "who", "Okta is still carrying out the deactivation: transitioningToStatus"},
	{ofPeople, "app-status", "who, value: ACTIVE, STAGED, PROVISIONED, PENDING, APPROVED, INACTIVE, SUSPENDED, REVOKED, DEPROVISIONED, IMPORTED, MATCHED, UNASSIGNED, IMPLICIT", "Okta's state of an assignment"},
	{ofPeople, "sync-state", "who, value: DISABLED, OUT_OF_SYNC, SYNCING, SYNCHRONIZED, ERROR", "Okta's word for whether the account is up to date"},
	{ofPeople, "external-id", "who, value: the id at the application", "what Okta has learned from a push"},

	{ofGroups, "add-group", "group: its name", "an empty group, not assigned"},
	{ofGroups, "rename-group", "group, value: the new name", "another name"},
	{ofGroups, "purge-group", "group", "gone for good"},
	{ofGroups, "nest", "group, value: another group", "make it a member of the other"},
	{ofGroups, "hide", "group, value: silent or nothing", "Entra: hidden membership; silent: an empty list instead of a refusal"},
	{ofGroups, "unhide", "group", "the opposite"},
	{ofGroups, "rule", "group, value: the membership rule", "Entra: a dynamic group"},
	{ofGroups, "group-kind", "group, value: security, microsoft365, mail-security, distribution", "Entra: what it is for"},
	{ofGroups, "push-group", "group, value: ACTIVE (or nothing), INACTIVE, ERROR; reason: of the error", "Okta: a group push mapping"},
	{ofGroups, "unpush-group", "group", "Okta: no group push mapping any more"},

	{ofApp, "app", "value: active, inactive or gone", "what became of the application"},
	{ofApp, "remember", "", "what a stale replica will show from now on: see the fault stale"},
	{ofApp, "revoke-tokens", "", "all tokens that were issued so far are refused"},

	{ofOkta, "api-token", "value: revoked or valid", "the API token, or the administrator who made it"},
	{ofOkta, "okta-grant", "value: a scope, or admin-role", "grant to the service application"},
	{ofOkta, "okta-revoke", "value: a scope, or admin-role", "revoke; tokens keep their scopes, and the role is looked at each time"},
	{ofOkta, "provisioning", "value: on, off, or create=off update=off deactivate=off", "To App settings"},
	{ofOkta, "push-status", "attribute, value: PUSH or DONT_PUSH", "apply a mapping always, or on create only"},

	{ofEntra, "grant", "value: an application permission", "grant to whoever reads the tenant"},
	{ofEntra, "revoke", "value: an application permission", "revoke"},
	{ofEntra, "sign-in", "value: an AADSTS number, or nothing", "refuse signing in, or let in again"},
	{ofEntra, "job", "value: none, not-configured, not-run, active, paused, or the kinds legacy and current", "the state of the job"},
	{ofEntra, "pause-job", "", "stopped by somebody"},
	{ofEntra, "resume-job", "", "started again"},
	{ofEntra, "quarantine", "reason: such as EncounteredEscrowProportionThreshold", "slowed down, as too much failed"},
	{ofEntra, "job-ran", "value: how long ago, such as 26h; reason: why it failed", "a cycle has ended"},
	{ofEntra, "job-setting", "attribute: such as SyncAll, value", "a setting of the job; none takes it away"},
	{ofEntra, "set-mapping", "object: User unless Group, rows: each with target and source", "put rows into the mapping"},
	{ofEntra, "drop-mapping", "object, value: the target", "take a row out of the mapping"},
	{ofEntra, "set-actions", "object, value: of Add, Update, Delete; or off", "the ticked target object actions"},
	{ofEntra, "set-filters", "object, filters", "the scoping filters"},
}

// nobody is the error for who is not there: it names those who may have been meant.
func (v *View) nobody(who string) error {
	if near := v.namesLike(who); len(near) > 0 {
		return fmt.Errorf("there is nobody called %q; did you mean %s?", who, strings.Join(near, " or "))
	}
	return fmt.Errorf("there is nobody called %q; people are #0 to #%s, user names such as %s, and their ids", who, strconv.Itoa(len(v.people)-1), v.anyName())
}

// mostCompared is how many people are looked at for a name like the one that was given.
const mostCompared = 20_000

func (v *View) namesLike(who string) []string {
	var names []string
	for n := range min(len(v.people), mostCompared) {
		if x := v.Person(n); !x.Gone() {
			names = append(names, x.Text(UserName))
		}
	}
	return nearest(who, names)
}

func (v *View) anyName() string {
	for n := range v.people {
		if x := v.Person(n); x.Present() {
			return x.Text(UserName)
		}
	}
	return "nobody@" + v.domain
}

func (v *View) noGroup(name string) error {
	var names []string
	for n := range v.groups {
		if g := v.Group(n); !g.Gone() {
			names = append(names, g.Name())
		}
	}
	near := nearest(name, names)
	switch {
	case len(near) > 0:
		return fmt.Errorf("there is no group called %q; did you mean %s?", name, strings.Join(near, " or "))
	case len(names) == 0:
		return fmt.Errorf("there is no group called %q, and no other", name)
	}
	return fmt.Errorf("there is no group called %q; there are %s", name, strings.Join(names[:min(len(names), 12)], ", "))
}
