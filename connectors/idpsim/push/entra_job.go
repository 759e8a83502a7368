package push

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"rollcall/connectors/idpsim"
)

// rules are what the job's settings and its mapping say about a cycle.
type rules struct {
	everyone            bool // not only the assigned
	skip                bool // who left the scope is left alone
	add, update, remove bool // the ticked target object actions of users
	groups              bool // groups are provisioned
	active              bool // something is mapped to active
}

// readRules reads them, unless the job does not run.
func (e *Entra) readRules() error {
	var j *idpsim.Provisioning
	e.Population.Read(func(v *idpsim.View) { j = v.Provisioning() })
	if err := stopped(j, e.Population.Now()); err != nil {
		return err
	}
	e.applyRules(j)
	return nil
}

func (e *Entra) applyRules(j *idpsim.Provisioning) {
	users, groups := j.Mapping("User"), j.Mapping("Group")
	ticked := func(action string) bool { return users.Enabled && strings.Contains(users.Actions, action) }
	e.rules = rules{
		everyone: e.options.Everyone || strings.EqualFold(j.Secret("SyncAll"), "True"),
		skip:     strings.EqualFold(j.Secret("SkipOutOfScopeDeletions"), "True"),
		add:      ticked("Add"), update: ticked("Update"), remove: ticked("Delete"), groups: groups.Enabled,
		active: slices.ContainsFunc(users.Rows, func(r idpsim.MappingRow) bool { return r.Target == "active" }),
	}
	rows := compile(users.Rows)
	if !slices.Equal(rows, e.rows) || !reflect.DeepEqual(users.Filters, e.filters) {
		e.remap(rows)
		e.rows, e.filters = rows, users.Filters
		e.rounds.seen = -1 // everybody is looked at again, though the ids are kept
	}
}

// remap puts what was sent of each person into the order of other rows.
func (e *Entra) remap(rows []mapped) {
	for _, l := range e.people {
		sent := make([]string, len(rows))
		for i, row := range rows {
			if at := slices.IndexFunc(e.rows, func(old mapped) bool { return old.Target == row.Target }); at >= 0 {
				sent[i] = l.sent[at]
			}
		}
		l.sent = sent
	}
}

// compile reads the rows of a mapping of users, but for the user name, active and the manager, which have their own ways. What is
// neither an attribute that is known here nor a constant is not pushed.
func compile(rows []idpsim.MappingRow) (all []mapped) {
	for _, row := range rows {
		one := mapped{Row: Row{Target: row.Target, CreateOnly: row.Flow == "ObjectAddOnly"}, target: parseTarget(row.Target)}
		if row.Target == "userName" || row.Target == "active" || strings.HasSuffix(row.Target, ":manager") {
			continue
		}
		switch quoted := len(row.Source) > 1 && row.Source[0] == '"' && row.Source[len(row.Source)-1] == '"'; {
		case quoted:
			one.fixed, one.constant = true, row.Source[1:len(row.Source)-1]
		case row.Source == "":
			one.fixed, one.constant = true, row.Default
		default:
			var known bool
			if one.Source, known = attributeNamed(row.Source); !known {
				continue
			}
		}
		all = append(all, one)
	}
	return all
}

// attributeNamed finds the attribute that the mapping calls [name].
func attributeNamed(source string) (idpsim.Attribute, bool) {
	name := strings.TrimSuffix(strings.TrimPrefix(source, "["), "]")
	for a := idpsim.UserName; a <= idpsim.Extension15; a++ {
		if sources[a] == name || a >= idpsim.Extension1 && a.String() == name {
			return a, true
		}
	}
	return 0, false
}

// sources are the names that the mapping has for attributes.
var sources = map[idpsim.Attribute]string{
	idpsim.UserName: "userPrincipalName", idpsim.DisplayName: "displayName", idpsim.GivenName: "givenName", idpsim.FamilyName: "surname",
	idpsim.Mail: "mail", idpsim.Mobile: "mobile", idpsim.Telephone: "telephoneNumber", idpsim.Title: "jobTitle", idpsim.Department: "department",
	idpsim.Division: "division", idpsim.Company: "companyName", idpsim.EmployeeNumber: "employeeId", idpsim.CostCenter: "costCenter",
	idpsim.City: "city", idpsim.State: "state", idpsim.Country: "country", idpsim.PostalCode: "postalCode", idpsim.Street: "streetAddress",
	idpsim.Office: "physicalDeliveryOfficeName", idpsim.Fax: "facsimileTelephoneNumber", idpsim.Language: "preferredLanguage",
	idpsim.UsageLocation: "usageLocation", idpsim.UserType: "userType", idpsim.MailNickname: "mailNickname", idpsim.AppUserName: "userPrincipalName",
}

// describe puts the mapping and the receiver into the job, where each cycle reads the mapping again: whoever reads the job's schema is
// told what is pushed, and a step that changes the mapping changes that.
func (e *Entra) describe() {
	rows := []idpsim.MappingRow{
		{Target: "userName", Source: "[userPrincipalName]", Match: 1 + slices.Index(e.options.Match, "userName")},
		{Target: "active", Source: `Switch([IsSoftDeleted], , "False", "True", "True", "False")`},
	}
	for _, row := range e.options.Mapping {
		shown := idpsim.MappingRow{Target: row.Target, Source: "[" + row.Source.String() + "]", Match: 1 + slices.Index(e.options.Match, row.Target)}
		if name := sources[row.Source]; name != "" {
			shown.Source = "[" + name + "]"
		}
		if row.CreateOnly {
			shown.Flow = "ObjectAddOnly"
		}
		rows = append(rows, shown)
	}
	if e.options.Managers {
		rows = append(rows, idpsim.MappingRow{Target: entURN + ":manager", Source: "[manager]"})
	}
	e.Population.ChangeProvisioning(func(j *idpsim.Provisioning) {
		j.Mapping("User").Rows = rows
		j.Mapping("Group").Enabled = e.Groups
		for i := range j.Secrets {
			if j.Secrets[i].Key == "BaseAddress" {
				j.Secrets[i].Value = e.URL
			}
		}
	})
}

// pushManagers sends the managers of those whom a cycle was about, and of those who wait for theirs to be created. References come
// after all objects.
func (e *Entra) pushManagers(ctx context.Context, people []int) (failures []error) {
	if !e.options.Managers || !e.rules.update {
		return nil
	}
	for _, n := range unique(append(slices.Clone(people), e.waiting.due(e.rounds.cycle)...)) {
		if ctx.Err() != nil {
			break
		}
		done, err := e.pushManager(ctx, n)
		e.waiting.note(n, e.rounds.cycle, !done)
		if err != nil {
			failures = append(failures, err)
		}
	}
	return failures
}

// pushManager sends one manager; not done, it is to be tried again. One who was taken away is not sent, like everything that became
// empty.
func (e *Entra) pushManager(ctx context.Context, n int) (done bool, err error) {
	boss := -1
	e.Population.Read(func(v *idpsim.View) {
		if m, ok := v.Person(n).Manager(); ok && m.Present() && v.Person(n).Present() {
			boss = m.Number()
		}
	})
	l := e.link(n)
	if boss < 0 || l == nil || l.released {
		return true, nil
	}
	to := e.link(boss)
	if to == nil {
		return false, nil
	}
	if l.manager == to.id {
		return true, nil
	}
	filter := equals("id", l.id) + " and " + equals("manager", to.id)
	found, err := e.find(ctx, personName(n), "/Users"+query("filter", filter, "attributes", "id"))
	if err == nil && len(found) == 0 {
		verb := "Add"
		if l.manager != "" {
			verb = "Replace"
		}
		operation := object{"op": verb, "path": "manager", "value": []object{{"$ref": "../Users/" + to.id, "value": to.id}}}
		if e.options.Flag {
			operation = object{"op": strings.ToLower(verb), "path": entURN + ":manager", "value": to.id}
		}
		body := object{"schemas": []string{patchURN}, "Operations": []object{operation}}
		_, err = e.send(ctx, personName(n), http.MethodPatch, "/Users/"+l.id, body)
	}
	if err != nil {
		return false, err
	}
	l.manager = to.id
	return true, nil
}
