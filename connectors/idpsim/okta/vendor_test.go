package okta_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/okta"
)

// description is the vendor's OpenAPI document, of which only the schemas that are asked for are parsed.
type description struct {
	t     *testing.T
	all   []string
	lines []string // of the schemas
	known map[string]object
}

// readDescription reads the vendor's description, beside the project; without it the test is skipped.
func readDescription(t *testing.T) *description {
	t.Helper()
	const file = "../shared/vendor/okta-management-2026.06.3.yaml"
	root, err := filepath.Abs("../../..")
	must(t, err)
	b, err := os.ReadFile(filepath.Join(root, file))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("SKIPPED: the vendor's description is not at %s, from the project's root: answers are not held against it", file)
	}
	must(t, err)
	lines := strings.Split(string(b), "\n")
	return &description{t: t, all: lines, lines: lines[slices.Index(lines, "  schemas:"):], known: map[string]object{}}
}

// schema parses the schema with a name: the lines below it that stand further in.
func (d *description) schema(name string) object {
	if s := d.known[name]; s != nil {
		return s
	}
	at := slices.Index(d.lines, "    "+name+":")
	if at < 0 {
		d.t.Fatalf("the description has no schema %s", name)
	}
	end := at + 1
	for end < len(d.lines) && (d.lines[end] == "" || strings.HasPrefix(d.lines[end], "     ")) {
		end++
	}
	var s object
	alias := func(line string) bool { return strings.Contains(line, ": *") } // to places outside; only discriminators are written so
	must(d.t, yaml.Unmarshal([]byte(strings.Join(slices.DeleteFunc(slices.Clone(d.lines[at+1:end]), alias), "\n")), &s))
	d.known[name] = s
	return s
}

// parts are a schema and all that it refers to, directly, by allOf or by anyOf.
func (d *description) parts(s object) []object {
	all := []object{s}
	if ref, ok := s["$ref"].(string); ok {
		all = append(all, d.parts(d.schema(strings.TrimPrefix(ref, "#/components/schemas/")))...)
	}
	for _, key := range []string{"allOf", "anyOf"} {
		inner, _ := s[key].([]any)
		for _, one := range inner {
			all = append(all, d.parts(one.(object))...)
		}
	}
	return all
}

// check holds a value against a schema; where says what the value is, for errors. Every key must be a described property, unless the
// schema has none of its own and allows more.
func (d *description) check(where string, s object, value any) {
	if value == nil {
		return // what may be null is not described reliably
	}
	properties, open, kind := object{}, false, ""
	for _, part := range d.parts(s) {
		if list, ok := part["enum"].([]any); ok && !slices.Contains(list, value) {
			d.t.Errorf("%s is %v, which is none of %v", where, value, list)
		}
		if text, ok := part["type"].(string); ok {
			kind = text
		}
		if part["format"] == "date-time" {
			if _, err := time.Parse(time.RFC3339, fmt.Sprint(value)); err != nil {
				d.t.Errorf("%s: %v", where, err)
			}
		}
		inner, _ := part["properties"].(object)
		for name, property := range inner {
			properties[name] = property
		}
		if items, ok := part["items"].(object); ok {
			list, _ := value.([]any)
			for i, one := range list {
				d.check(fmt.Sprintf("%s[%d]", where, i), items, one)
			}
		}
		open = open || part["additionalProperties"] != nil
	}
	o, isObject := value.(object)
	if isObject != (kind == "object" || kind == "") {
		d.t.Errorf("%s is %v, which is no %s", where, value, kind)
	}
	for name, inner := range o {
		property, known := properties[name].(object)
		if !known {
			if !open || len(properties) > 0 {
				d.t.Errorf("%s has no property %s", where, name)
			}
			continue
		}
		d.check(where+"."+name, property, inner)
	}
}

func TestAnswersAreAsTheVendorDescribes(t *testing.T) {
	d := readDescription(t)
	x := open(t, idpsim.Options{Seed: 1, People: 6, Groups: 2, Direct: 2}, okta.Options{})
	for a := idpsim.DisplayName; a < idpsim.Extension1; a++ {
		must(t, x.pop.Set("#0", a, a.String()))
	}
	must(t, x.pop.Suspend("#1"))
	must(t, x.pop.Do(idpsim.Step{Do: "moving", Who: "#2"}))
	must(t, x.pop.SetExternalID("#3", "ours"))
	must(t, x.pop.Disable("#4"))
	users, _ := x.all(`/users?search=status eq "DEPROVISIONED"`)
	assigned, _ := x.all(x.app("/users?expand=user"))
	for _, row := range assigned {
		d.check("AppUser", d.schema("AppUser"), row)
		users = append(users, row["_embedded"].(object)["user"].(object))
	}
	if len(users) != 6 {
		t.Errorf("%d users", len(users))
	}
	for _, row := range users {
		d.check("User", d.schema("User"), row)
	}
	groups, _ := x.all(x.app("/groups?expand=group"))
	for _, row := range groups {
		d.check("ApplicationGroupAssignment", d.schema("ApplicationGroupAssignment"), row)
		d.check("Group", d.schema("Group"), row["_embedded"].(object)["group"])
	}
	for _, row := range groups {
		must(t, x.pop.Do(idpsim.Step{Do: "push-group", Group: row["_embedded"].(object)["group"].(object)["profile"].(object)["name"].(string)}))
	}
	x.pop.SetGroupPushed(0, "ours")
	pushed, _ := x.all(x.app("/group-push/mappings"))
	if len(pushed) != 2 {
		t.Errorf("%d push mappings", len(pushed))
	}
	for _, row := range pushed {
		d.check("GroupPushMapping", d.schema("GroupPushMapping"), row)
	}
	mappings, _ := x.all("/mappings")
	d.check("ListProfileMappings", d.schema("ListProfileMappings"), mappings[0])
	mapping := x.get("/mappings/" + mappings[0]["id"].(string))
	for name, property := range mapping["properties"].(object) { // described as if it were one property
		d.check(name, d.schema("ProfileMappingProperty"), property)
	}
	delete(mapping, "properties")
	d.check("ProfileMapping", d.schema("ProfileMapping"), mapping)
	d.check("UserProvisioningApplicationFeature", d.schema("UserProvisioningApplicationFeature"), x.get(x.app("/features/USER_PROVISIONING")))
	d.check("InboundProvisioningApplicationFeature", d.schema("InboundProvisioningApplicationFeature"), x.get(x.app("/features/INBOUND_PROVISIONING")))
	schema := x.get("/meta/schemas/apps/" + x.pop.OktaAppID() + "/default")
	delete(schema, "properties") // described as if allOf were a property
	for name, inner := range schema["definitions"].(object) {
		for key, one := range inner.(object)["properties"].(object) {
			d.check(name+"."+key, d.schema("UserSchemaAttribute"), one)
		}
		delete(inner.(object), "properties")
	}
	d.check("UserSchema", d.schema("UserSchema"), schema)
	events := x.tail()
	if len(events) < 5 {
		t.Errorf("%d events", len(events))
	}
	for _, row := range events {
		d.check("LogEvent", d.schema("LogEvent"), row)
	}
	d.check("AutoLoginApplication", d.schema("AutoLoginApplication"), x.get(x.app("")))
	var refusal object
	must(t, yaml.Unmarshal([]byte(x.do("GET", "/users/nobody").body), &refusal))
	d.check("Error", d.schema("Error"), refusal)
	must(t, x.pop.Do(idpsim.Step{Do: "provisioning", Value: "off"}))
	must(t, yaml.Unmarshal([]byte(x.do("GET", x.app("/features")).body), &refusal))
	d.check("Error", d.schema("Error"), refusal)
}

// TestWhatIsAskedForIsDescribed holds the paths and parameters that the simulated org takes against the vendor's description, so that
// no request succeeds here that would not be understood there.
func TestWhatIsAskedForIsDescribed(t *testing.T) {
	d := readDescription(t)
	for path, known := range map[string][]string{
		"/api/v1/logs":                                {"since", "until", "after", "filter", "limit", "sortOrder"},
		"/api/v1/users":                               {"search", "filter", "q", "limit", "fields"},
		"/api/v1/mappings":                            {"after", "limit", "sourceId", "targetId"},
		"/api/v1/mappings/{mappingId}":                nil,
		"/api/v1/meta/schemas/apps/{appId}/default":   nil,
		"/api/v1/apps/{appId}":                        nil,
		"/api/v1/apps/{appId}/users":                  nil,
		"/api/v1/apps/{appId}/users/{userId}":         nil,
		"/api/v1/apps/{appId}/groups":                 {"q", "after"},
		"/api/v1/apps/{appId}/group-push/mappings":    {"after", "limit", "lastUpdated", "sourceGroupId", "status"},
		"/api/v1/apps/{appId}/features":               nil,
		"/api/v1/apps/{appId}/features/{featureName}": nil,
		"/api/v1/groups/{groupId}":                    nil,
		"/api/v1/groups/{groupId}/users":              {"limit"},
		"/api/v1/users/{id}":                          nil,
		"/api/v1/groups":                              {"q", "filter", "search", "after", "limit"},
		"/api/v1/org":                                 nil,
	} {
		text := d.path(path)
		if !strings.Contains(text, "    get:") {
			t.Errorf("%s is not described", path)
		}
		for _, name := range known {
			if !strings.Contains(text, "- name: "+name+"\n") {
				t.Errorf("%s has no parameter %s", path, name)
			}
		}
	}
}

// path is the description of a path, as text.
func (d *description) path(name string) string {
	d.t.Helper()
	at := slices.Index(d.all, "  "+name+":")
	if at < 0 {
		return ""
	}
	end := at + 1
	for end < len(d.all) && (d.all[end] == "" || strings.HasPrefix(d.all[end], "   ")) {
		end++
	}
	return strings.Join(d.all[at:end], "\n")
}
