package graph_test

import (
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/graph"
)

// metadata holds the properties of entity and complex types as the vendor describes them: type name → property → type.
type metadata map[string]map[string]string

// readMetadata reads the vendor's description, beside the project; without it the test is skipped.
func readMetadata(t *testing.T) metadata {
	t.Helper()
	const file = "../shared/vendor/graph-v1.0-metadata.xml"
	root, err := filepath.Abs("../../..")
	must(t, err)
	f, err := os.Open(filepath.Join(root, file))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("SKIPPED: the vendor's description is not at %s, from the project's root: answers are not held against it", file)
	}
	must(t, err)
	defer func() { _ = f.Close() }()
	types, bases := metadata{}, map[string]string{}
	var namespace, current, enum string
	for d := xml.NewDecoder(f); ; {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		must(t, err)
		element, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		attribute := map[string]string{}
		for _, a := range element.Attr {
			attribute[a.Name.Local] = a.Value
		}
		switch element.Name.Local {
		case "Schema":
			namespace = attribute["Namespace"]
		case "EntityType", "ComplexType":
			if current = attribute["Name"]; namespace != "microsoft.graph" {
				current = ""
				continue
			}
			types[current] = map[string]string{}
			bases[current] = strings.TrimPrefix(attribute["BaseType"], "graph.")
		case "Property", "NavigationProperty":
			if current != "" {
				types[current][attribute["Name"]] = attribute["Type"]
			}
		case "EnumType":
			enum, current = "", ""
			if namespace == "microsoft.graph" {
				enum = attribute["Name"]
				types["enum "+enum] = map[string]string{}
			}
		case "Member":
			if enum != "" {
				types["enum "+enum][attribute["Name"]] = attribute["Value"]
			}
		}
	}
	for name := range types {
		for base := bases[name]; base != ""; base = bases[base] {
			for property, kind := range types[base] {
				types[name][property] = kind
			}
		}
	}
	return types
}

// check holds one answer against a type: every property exists, and its value is of the described kind.
func (m metadata) check(t *testing.T, name string, o object) {
	t.Helper()
	if len(m[name]) == 0 {
		t.Fatalf("the description has no type %s", name)
	}
	for property, value := range o {
		if strings.Contains(property, "@") { // an annotation
			continue
		}
		kind, known := m[name][property]
		if !known {
			t.Errorf("%s has no property %s", name, property)
			continue
		}
		if value != nil && !m.fits(t, kind, value) {
			t.Errorf("%s.%s is %v, which is no %s", name, property, value, kind)
		}
	}
}

func (m metadata) fits(t *testing.T, kind string, value any) bool {
	if inner, ok := strings.CutPrefix(kind, "Collection("); ok {
		list, ok := value.([]any)
		for _, one := range list {
			ok = ok && m.fits(t, strings.TrimSuffix(inner, ")"), one)
		}
		return ok
	}
	switch kind {
	case "Edm.Boolean":
		_, ok := value.(bool)
		return ok
	case "Edm.String":
		_, ok := value.(string)
		return ok
	case "Edm.DateTimeOffset":
		text, _ := value.(string)
		_, err := time.Parse(time.RFC3339, text)
		return err == nil
	case "Edm.Int32", "Edm.Int64":
		_, ok := value.(float64)
		return ok
	case "Edm.Duration":
		text, _ := value.(string)
		return strings.HasPrefix(text, "P")
	case "Edm.Guid":
		text, _ := value.(string)
		_, err := uuid.Parse(text)
		return err == nil
	}
	if members := m["enum "+strings.TrimPrefix(kind, "graph.")]; members != nil {
		text, ok := value.(string)
		for _, one := range strings.Split(text, ", ") { // flags are a list
			_, known := members[one]
			ok = ok && known
		}
		return ok
	}
	inner, ok := value.(object)
	if derived, typed := inner["@odata.type"].(string); typed {
		kind = strings.TrimPrefix(derived, "#microsoft.")
	}
	if ok {
		m.check(t, strings.TrimPrefix(kind, "graph."), inner)
	}
	return ok
}

func TestAnswersAreAsTheVendorDescribes(t *testing.T) {
	m := readMetadata(t)
	x := open(t, idpsim.Options{Seed: 1, People: 6, Groups: 2, Direct: 2, Roles: []string{"Admin"}, Clients: 1, Reports: 2}, graph.Options{Permissions: []string{graph.DirectoryRead}})
	for a := idpsim.DisplayName; a <= idpsim.Extension15; a++ {
		must(t, x.pop.Set("#0", a, a.String()))
	}
	must(t, x.pop.SoftDelete("#1"))
	everything := "?$select=" + strings.Join(graph.PropertyNames(), ",")
	users, _ := x.all("/users" + everything)
	deleted, _ := x.all("/directory/deletedItems/graph.user" + everything)
	byDefault, _ := x.all("/users")
	for _, user := range append(append(users, deleted...), byDefault...) {
		m.check(t, "user", user)
	}
	if len(users[0]) != len(graph.PropertyNames()) {
		t.Errorf("%d of %d properties came", len(users[0]), len(graph.PropertyNames()))
	}
	rows := x.assignments("")
	for _, row := range rows {
		m.check(t, "appRoleAssignment", row)
	}
	m.check(t, "servicePrincipal", x.get("/servicePrincipals(appId='"+x.pop.AppID()+"')"))
	m.check(t, "group", x.get("/groups/"+rows[1]["principalId"].(string)))
	for _, row := range append(x.get("/groups/delta")["value"].([]any), x.get("/users/delta?$select=id,manager")["value"].([]any)...) {
		if row.(object)["groupTypes"] != nil {
			m.check(t, "group", row.(object))
			continue
		}
		m.check(t, "user", row.(object))
	}
	for _, user := range x.get("/users?$select=id&$expand=manager")["value"].([]any) {
		m.check(t, "user", user.(object))
	}
	m.check(t, "organization", x.get("/organization")["value"].([]any)[0].(object))
}

func TestProvisioningIsAsTheVendorDescribes(t *testing.T) {
	m := readMetadata(t)
	x := open(t, idpsim.Options{Seed: 1}, graph.Options{Permissions: []string{graph.ApplicationRead, graph.SynchronizationWrite}})
	for _, reason := range idpsim.QuarantineReasons() {
		x.step(`[{"do":"quarantine","reason":"` + reason + `"},{"do":"job-ran","value":"1h","reason":"failed"}]`)
		m.check(t, "synchronizationJob", x.job())
	}
	for _, state := range []string{"not-configured", "not-run", "active", "paused"} {
		x.step(`[{"do":"job","value":"` + state + `"}]`)
		m.check(t, "synchronizationJob", x.job())
	}
	for _, one := range x.get(x.sync() + "/secrets")["value"].([]any) {
		m.check(t, "synchronizationSecretKeyStringValuePair", one.(object))
	}
	x.step(`[{"do":"set-filters","filters":[{"name":"Sales","clauses":[{"attribute":"department","operator":"EQUALS","values":["Sales"]}]}]},
		{"do":"set-mapping","rows":[{"target":"locale","source":"","default":"en","flow":"AttributeAddOnly"}]},{"do":"set-actions","value":"Add, Update"}]`)
	schema := x.sync() + "/jobs/" + x.job()["id"].(string) + "/schema"
	m.check(t, "synchronizationSchema", x.get(schema))
	for _, expression := range []string{"Mid([mail], 1, 2)", "Mid("} {
		answer := x.decode(x.do("POST", schema+"/parseExpression", `{"expression":"`+expression+`","testInputObject":{"properties":[]}}`).body)
		m.check(t, "parseExpressionResponse", answer)
	}
}

// TestPathsAreAsTheVendorDescribes: every way from one thing to another that is served here is in the description.
func TestPathsAreAsTheVendorDescribes(t *testing.T) {
	m := readMetadata(t)
	for _, path := range []string{
		"servicePrincipal.appRoleAssignedTo", "servicePrincipal.synchronization", "synchronization.jobs", "synchronization.secrets",
		"synchronizationJob.schema", "user.manager", "user.appRoleAssignments", "group.members", "group.transitiveMembers", "directory.deletedItems",
	} {
		if from, to, _ := strings.Cut(path, "."); m[from][to] == "" {
			t.Errorf("there is no %s", path)
		}
	}
	x := open(t, idpsim.Options{Seed: 1, People: 4, Groups: 2, Reports: 1, Roles: []string{"Admin"}}, graph.Options{Permissions: []string{graph.DirectoryRead}})
	must(t, x.pop.Assign("#1", "Admin"))
	must(t, x.pop.SoftDelete("#3"))
	x.step(`[{"do":"nest","group":"Engineering","value":"Everyone"},{"do":"rule","group":"Everyone","value":"x"},{"do":"guest","who":"#2","value":"globex.example"}]`)
	m.check(t, "user", x.get("/users/"+x.pop.EntraID("#1")+"/manager"))
	m.check(t, "user", x.get("/directory/deletedItems/"+x.pop.EntraID("#3")))
	m.check(t, "user", x.get("/users/"+x.pop.EntraID("#2")+"?$select="+strings.Join(graph.PropertyNames(), ",")))
	rows, _ := x.all("/users/" + x.pop.EntraID("#1") + "/appRoleAssignments")
	for _, row := range rows {
		m.check(t, "appRoleAssignment", row)
	}
	members, _ := x.all("/groups/" + x.assignments("")[1]["principalId"].(string) + "/members")
	for _, one := range members {
		m.check(t, strings.TrimPrefix(one["@odata.type"].(string), "#microsoft.graph."), one)
	}
	if len(rows) != 2 || len(members) != 3 {
		t.Errorf("%d rows, %d members", len(rows), len(members))
	}
}
