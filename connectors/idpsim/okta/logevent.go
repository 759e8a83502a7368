package okta

import (
	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/internal/wire"
)

// eventKind is how the System Log tells of something: its type, its message and what stands among its targets: u the user, p the app
// user, a the application, g the group.
type eventKind struct{ name, message, targets string }

var eventKinds = map[idpsim.Happening]eventKind{
	idpsim.PersonCreated:      {"user.lifecycle.create", "Create Okta user", "u"},
	idpsim.PersonActivated:    {"user.lifecycle.activate", "Activate Okta user", "u"},
	idpsim.PersonDeactivated:  {"user.lifecycle.deactivate", "Deactivate Okta user", "u"},
	idpsim.PersonSuspended:    {"user.lifecycle.suspend", "Suspend Okta user", "u"},
	idpsim.PersonUnsuspended:  {"user.lifecycle.unsuspend", "Unsuspend Okta user", "u"},
	idpsim.PersonLocked:       {"user.account.lock", "Max sign in attempts exceeded", "u"},
	idpsim.PersonUnlocked:     {"user.account.unlock", "Unlock user account for Okta", "u"},
	idpsim.PasswordReset:      {"user.account.reset_password", "User reset password for Okta (by admin)", "u"},
	idpsim.DeletionBegun:      {"user.lifecycle.delete.initiated", "Delete Okta user initiated", "u"},
	idpsim.DeletionDone:       {"user.lifecycle.delete.completed", "Delete Okta user completed", "u"},
	idpsim.ProfileChanged:     {"user.account.update_profile", "Update user profile for Okta", "u"},
	idpsim.PersonJoined:       {"group.user_membership.add", "Add user to group membership", "ug"},
	idpsim.PersonLeft:         {"group.user_membership.remove", "Remove user from group membership", "ug"},
	idpsim.PersonAssigned:     {"application.user_membership.add", "Add user to application membership", "pau"},
	idpsim.PersonUnassigned:   {"application.user_membership.remove", "Remove user's application membership", "pau"},
	idpsim.AssignmentChanged:  {"application.user_membership.update", "Update user's application property", "pau"},
	idpsim.AppUserNameChanged: {"application.user_membership.change_username", "Change user's application username", "pau"},
	idpsim.AccountCreated:     {"application.provision.user.push", "Push new user to external application", "pau"},
	idpsim.AccountDeactivated: {"application.provision.user.deactivate", "Push user deactivation to external application", "pau"},
	idpsim.AccountReactivated: {"application.provision.user.reactivate", "Push user reactivation to external application", "pau"},
	idpsim.AccountUpdated:     {"application.provision.user.push_profile", "Push user's profile to external application", "pau"},
	idpsim.GroupCreated:       {"group.lifecycle.create", "Create Okta group", "g"},
	idpsim.GroupRenamed:       {"group.profile.update", "Okta group profile updated", "g"},
	idpsim.GroupGone:          {"group.lifecycle.delete", "Delete Okta group", "g"},
	idpsim.GroupAssigned:      {"group.application_assignment.add", "Add assigned application to group", "ga"},
	idpsim.GroupUnassigned:    {"group.application_assignment.remove", "Remove assigned application from group", "ga"},
	idpsim.GroupPushed:        {"application.provision.group_push.pushed", "Push group to external application", "ga"},
	idpsim.GroupPushStarted:   {"application.provision.group_push.activate_mapping", "Activate group push mapping", "ga"},
	idpsim.GroupPushStopped:   {"application.provision.group_push.deactivate_mapping", "Deactivate group push mapping", "ga"},
	idpsim.GroupPushFailed:    {"application.provision.group_push.push_memberships.failed", "Push group memberships failed", "ga"},
	idpsim.AppActivated:       {"application.lifecycle.activate", "Activate application", "a"},
	idpsim.AppDeactivated:     {"application.lifecycle.deactivate", "Deactivate application", "a"},
	idpsim.AppRemoved:         {"application.lifecycle.delete", "Delete application", "a"},
	idpsim.MappingChanged:     {"application.provision.field_mapping_rule.change", "Change of application's field mapping rule", "a"},
}

const adminID = "00uSimulatedAdmin000"

// logTarget is one of the things that an event is about.
type logTarget struct{ id, kind, alternate, name string }

func targetsOf(v *idpsim.View, n int) (all []logTarget) {
	e := v.Events()[n]
	for _, letter := range eventKinds[e.Kind].targets {
		switch letter {
		case 'a':
			all = append(all, logTarget{string(v.AppendOktaAppID(nil)), "AppInstance", "Rollcall", "Rollcall"})
		case 'g':
			g := v.Group(e.Group)
			all = append(all, logTarget{string(g.AppendOktaID(nil)), "UserGroup", "unknown", g.Name()})
		case 'p':
			x := v.Person(e.Person)
			all = append(all, logTarget{string(x.AppendAppUserID(nil)), "AppUser", x.Text(idpsim.AppUserName), x.Text(idpsim.DisplayName)})
		case 'u':
			x := v.Person(e.Person)
			all = append(all, logTarget{string(x.AppendOktaID(nil)), "User", x.Text(idpsim.UserName), x.Text(idpsim.DisplayName)})
		}
	}
	return all
}

// logValues are an event's values of a property that can be filtered by.
func logValues(v *idpsim.View, n int, path string) []string {
	kind := eventKinds[v.Events()[n].Kind]
	each := func(of func(logTarget) string) (values []string) {
		for _, t := range targetsOf(v, n) {
			values = append(values, of(t))
		}
		return values
	}
	switch path {
	case "eventType":
		return []string{kind.name}
	case "displayMessage":
		return []string{kind.message}
	case "severity":
		return []string{"INFO"}
	case "outcome.result":
		return []string{"SUCCESS"}
	case "actor.id":
		return []string{adminID}
	case "actor.type":
		return []string{"User"}
	case "actor.alternateId":
		return []string{"admin@" + v.Domain()}
	case "uuid":
		return []string{string(idpsim.AppendGUID(nil, v.EventID(n)))}
	case "target.id":
		return each(func(t logTarget) string { return t.id })
	case "target.type":
		return each(func(t logTarget) string { return t.kind })
	case "target.alternateId":
		return each(func(t logTarget) string { return t.alternate })
	case "target.displayName":
		return each(func(t logTarget) string { return t.name })
	}
	return nil
}

func (c *call) appendEvents(v *idpsim.View, rows []int) []byte {
	dst := []byte{'['}
	for i, n := range rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendEvent(dst, v, n)
	}
	return append(dst, ']')
}

func appendEvent(dst []byte, v *idpsim.View, n int) []byte {
	kind := eventKinds[v.Events()[n].Kind]
	dst = append(dst, `{"actor":`...)
	dst = appendTarget(dst, logTarget{adminID, "User", "admin@" + v.Domain(), "Simulated Administrator"})
	dst = append(dst, `,"client":{"userAgent":null,"zone":"null","device":"Unknown","id":null,"ipAddress":null,"geographicalContext":null}`...)
	dst = append(dst, `,"authenticationContext":{"authenticationStep":0,"externalSessionId":"simulated"},"displayMessage":`...)
	dst = wire.AppendString(dst, kind.message)
	dst = append(dst, `,"eventType":"`+kind.name+`","outcome":{"result":"SUCCESS","reason":null},"published":`...)
	dst = wire.AppendTime(dst, published(v, n), true)
	dst = append(dst, `,"securityContext":{"asNumber":null,"asOrg":null,"isp":null,"domain":null,"isProxy":null},"severity":"INFO"`...)
	dst = append(dst, `,"debugContext":{"debugData":{}},"legacyEventType":null,"transaction":{"type":"JOB","id":"simulated","detail":{}},"uuid":"`...)
	dst = idpsim.AppendGUID(dst, v.EventID(n))
	dst = append(dst, `","version":"0","request":{"ipChain":[]},"target":[`...)
	for i, t := range targetsOf(v, n) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendTarget(dst, t)
	}
	return append(dst, "]}"...)
}

func appendTarget(dst []byte, t logTarget) []byte {
	dst = append(dst, `{"id":"`+t.id+`","type":"`+t.kind+`","alternateId":`...)
	dst = wire.AppendString(dst, t.alternate)
	dst = append(dst, `,"displayName":`...)
	dst = wire.AppendString(dst, t.name)
	return append(dst, `,"detailEntry":null}`...)
}
