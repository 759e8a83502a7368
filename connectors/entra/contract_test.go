package entra_test

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"rollcall/connectors"
	"rollcall/connectors/entra"
	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/graph"
)

// model is what the vendor's description says of the addresses and properties of Graph.
type model struct {
	roots     map[string]string            // entity sets and singletons: their types, as Collection(graph.x) or graph.x
	types     map[string]map[string]string // properties and navigation properties by type: their types
	navigates map[string]map[string]bool   // which of them are navigation properties
	bases     map[string]string
	functions map[string]bool // "delta Collection(graph.user)"
}

type described struct {
	Name string `xml:"Name,attr"`
	Type string `xml:"Type,attr"`
}

// readModel reads the vendor's description, beside the project; without it the test is skipped.
func readModel(t *testing.T) *model {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "vendor", "graph-v1.0-metadata.xml"))
	if os.IsNotExist(err) {
		t.Skip("SKIPPED: the vendor's description is not beside the project: requests are not held against it")
	}
	if err != nil {
		t.Fatal(err)
	}
	type kind struct {
		described
		Base        string      `xml:"BaseType,attr"`
		Properties  []described `xml:"Property"`
		Navigations []described `xml:"NavigationProperty"`
	}
	var edmx struct {
		Schemas []struct {
			Namespace string `xml:"Namespace,attr"`
			Entities  []kind `xml:"EntityType"`
			Complex   []kind `xml:"ComplexType"`
			Functions []struct {
				described
				Parameters []described `xml:"Parameter"`
			} `xml:"Function"`
			Containers []struct {
				Sets []struct {
					Name string `xml:"Name,attr"`
					Type string `xml:"EntityType,attr"`
				} `xml:"EntitySet"`
				Singletons []described `xml:"Singleton"`
			} `xml:"EntityContainer"`
		} `xml:"DataServices>Schema"`
	}
	if err := xml.Unmarshal(text, &edmx); err != nil {
		t.Fatal(err)
	}
	m := &model{map[string]string{}, map[string]map[string]string{}, map[string]map[string]bool{}, map[string]string{}, map[string]bool{}}
	short := func(name string) string { return strings.ReplaceAll(name, "microsoft.graph.", "graph.") }
	for _, schema := range edmx.Schemas {
		if schema.Namespace != "microsoft.graph" {
			continue
		}
		for _, k := range append(schema.Entities, schema.Complex...) {
			name := "graph." + k.Name
			m.bases[name], m.types[name], m.navigates[name] = short(k.Base), map[string]string{}, map[string]bool{}
			for _, p := range append(k.Properties, k.Navigations...) {
				m.types[name][p.Name] = short(p.Type)
			}
			for _, p := range k.Navigations {
				m.navigates[name][p.Name] = true
			}
		}
		for _, f := range schema.Functions {
			if len(f.Parameters) > 0 {
				m.functions[f.Name+" "+short(f.Parameters[0].Type)] = true
			}
		}
		for _, c := range schema.Containers {
			for _, s := range c.Sets {
				m.roots[s.Name] = "Collection(" + short(s.Type) + ")"
			}
			for _, s := range c.Singletons {
				m.roots[s.Name] = short(s.Type)
			}
		}
	}
	if len(m.types) < 500 || len(m.roots) < 50 {
		t.Fatalf("only %d types and %d roots found", len(m.types), len(m.roots))
	}
	return m
}

// property is the type of a type's property, its bases' too, and whether it navigates.
func (m *model) property(kind, name string) (found string, navigates bool) {
	for ; kind != ""; kind = m.bases[kind] {
		if found := m.types[kind][name]; found != "" {
			return found, m.navigates[kind][name]
		}
	}
	return "", false
}

// isA tells whether a type is another or derived from it.
func (m *model) isA(kind, base string) bool {
	for ; kind != ""; kind = m.bases[kind] {
		if kind == base {
			return true
		}
	}
	return false
}

func element(kind string) (string, bool) {
	inner, many := strings.CutPrefix(kind, "Collection(")
	return strings.TrimSuffix(inner, ")"), many
}

// walk follows a path and returns the type of what is at its end.
func (m *model) walk(path string) (kind string, err error) {
	segments := strings.Split(strings.Trim(path, "/"), "/")
	root, key, keyed := strings.Cut(segments[0], "(")
	if kind = m.roots[root]; kind == "" {
		return "", fmt.Errorf("there is no %s", root)
	}
	if keyed {
		inner, many := element(kind)
		name, _, _ := strings.Cut(key, "=")
		if found, _ := m.property(inner, name); !many || found == "" {
			return "", fmt.Errorf("%s has no key %s", kind, name)
		}
		kind = inner
	}
	for _, segment := range segments[1:] {
		inner, many := element(kind)
		cast := strings.ReplaceAll(segment, "microsoft.graph.", "graph.")
		found, _ := m.property(inner, segment)
		switch {
		case strings.HasPrefix(cast, "graph.") && m.isA(cast, inner):
			kind = strings.Replace(kind, inner, cast, 1)
		case many && m.functions[strings.TrimSuffix(segment, "()")+" "+kind]:
		case many && !strings.HasPrefix(cast, "graph."):
			kind = inner // a key
		case found != "":
			kind = found
		default:
			return "", fmt.Errorf("%s has no %s", kind, segment)
		}
	}
	return kind, nil
}

// hold holds one request against the description.
func (m *model) hold(s sent) error {
	path, query, _ := strings.Cut(s.uri, "?")
	if path == batchPath {
		if s.method != http.MethodPost || s.batched {
			return fmt.Errorf("a batch is posted, by itself")
		}
		return nil
	}
	if s.method != http.MethodGet {
		return fmt.Errorf("%s changes something", s.method)
	}
	path, err := url.PathUnescape(path)
	if err != nil {
		return err
	}
	kind, err := m.walk(path)
	if err != nil {
		return err
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return err
	}
	inner, many := element(kind)
	advanced := s.header.Get("ConsistencyLevel") == "eventual"
	if advanced != (values.Get("$count") == "true") || advanced && values.Has("$expand") {
		return fmt.Errorf("advanced: %t", advanced)
	}
	if s.header.Get("x-ms-throttle-priority") != "low" && !s.batched {
		return fmt.Errorf("the call does not stand back for others")
	}
	isDelta := strings.HasSuffix(path, "/delta")
	for name := range values {
		switch value := values.Get(name); {
		case name == "$select":
			for _, field := range strings.Split(value, ",") {
				found, navigates := m.property(inner, field)
				if found == "" && !strings.HasPrefix(field, "extension_") || navigates && !isDelta {
					return fmt.Errorf("%s has no property %s to select", inner, field)
				}
			}
		case name == "$expand" && !isDelta:
			field, _, _ := strings.Cut(value, "(")
			if _, navigates := m.property(inner, field); !navigates {
				return fmt.Errorf("%s has no %s to expand", inner, field)
			}
		case name == "$filter" && many && !isDelta:
			field, _, compared := strings.Cut(value, " eq ")
			if found, _ := m.property(inner, field); found == "" || !compared {
				return fmt.Errorf("%s cannot be filtered by %s", inner, value)
			}
		case name == "$top" && many && !isDelta:
			if n, err := strconv.Atoi(value); err != nil || n < 1 || n > 999 {
				return fmt.Errorf("a page of %s", value)
			}
		case name == "$count" && many && value == "true":
		case name == "$skiptoken" && many, name == "$deltatoken" && isDelta:
		default:
			return fmt.Errorf("%s does not take %s=%s", kind, name, value)
		}
	}
	if strings.Contains(inner, "graph.user") && !values.Has("$select") && !values.Has("$skiptoken") && !values.Has("$deltatoken") {
		return fmt.Errorf("nothing is selected of people")
	}
	return nil
}

// TestRequestsAreAsTheVendorDescribes makes every kind of request there is, and holds its method, path, query and headers against the
// vendor's description.
func TestRequestsAreAsTheVendorDescribes(t *testing.T) {
	m := readModel(t)
	population := idpsim.New(idpsim.Options{Seed: 1, People: 1700, Groups: 7, Direct: 300, Unassigned: 40, Reports: 9, Roles: []string{"User", "Admin"}, Clients: 1})
	for _, step := range []idpsim.Step{
		{Do: "soft-delete", Who: "#3"}, {Do: "add-group", Group: "Empty"}, {Do: "assign", Group: "Empty", Roles: []string{"Admin"}},
		{Do: "add-group", Group: "Inner"}, {Do: "nest", Group: "Inner", Value: "Empty"}, {Do: "join", Who: "#1690", Group: "Inner"},
	} {
		if err := population.Do(step); err != nil {
			t.Fatal(err)
		}
	}
	attributes := []string{"manager", "appRoleAssignments", "mobile", "telephoneNumber", "extensionAttribute7", "mail", "proxyAddresses", "employeeId", "userType"}
	passed := 0
	people := func([]connectors.Person) error { passed++; return nil }
	told := func(connectors.GroupPage) error { return nil }
	kinds := map[string]int{}
	for _, transitive := range []bool{false, true} {
		c, r := recorded(t, population, func(c *entra.Config) { c.Transitive = transitive }, graph.Options{Permissions: []string{graph.DirectoryRead, graph.SynchronizationRead}})
		for _, want := range []connectors.Want{
			{Scope: connectors.Assigned, Attributes: attributes, Groups: told}, {Scope: connectors.Assigned, Attributes: attributes[1:]},
			{Scope: connectors.Everyone, Attributes: attributes[2:], Groups: told, GroupIDs: []string{group(1)}}, {Scope: connectors.Everyone, Attributes: attributes[:1]},
		} {
			if proof, err := c.Pull(t.Context(), want, people); err != nil || !proof.Complete {
				t.Fatalf("%+v: %v", want, err)
			}
		}
		ids := []string{population.EntraID("#0"), population.EntraID("#3"), population.EntraID("#1690"), population.EntraID("#1699")}
		if err := c.Look(t.Context(), connectors.Want{Scope: connectors.Assigned, Attributes: attributes}, ids, func(connectors.Sighting) error { return nil }); err != nil {
			t.Fatal(err)
		}
		hints, err := c.Hints(t.Context(), "")
		if err == nil {
			_, err = c.Hints(t.Context(), hints.Cursor)
		}
		if err != nil {
			t.Fatal(err)
		}
		c.Check(t.Context())
		if _, err := c.Mapping(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, s := range r.take() {
			if err := m.hold(s); err != nil {
				t.Errorf("%s %s (batched %t): %v", s.method, s.uri, s.batched, err)
			}
			for _, kind := range []string{"appRoleAssignedTo", "/members/", "/transitiveMembers/", "$batch", "/deletedItems/", "/delta", "/synchronization/jobs", "/schema", "/secrets", "appRoleAssignments", "expand"} {
				if strings.Contains(s.uri, kind) {
					kinds[kind]++
				}
			}
		}
	}
	if len(kinds) != 11 || passed == 0 {
		t.Errorf("not every kind of request was made: %v", kinds)
	}
}

// TestDescriptionRefuses: what is held against the description can fail.
func TestDescriptionRefuses(t *testing.T) {
	m := readModel(t)
	low := http.Header{"X-Ms-Throttle-Priority": {"low"}}
	eventual := http.Header{"X-Ms-Throttle-Priority": {"low"}, "Consistencylevel": {"eventual"}}
	for _, s := range []sent{
		{"GET", "/people?$select=id", low, false}, {"GET", "/users/x/bosses", low, false}, {"GET", "/groups/x/members/graph.hat?$select=id", low, false},
		{"GET", "/users?$select=shoeSize", low, false}, {"GET", "/users?$select=id&$top=1000", low, false}, {"GET", "/users?$select=id&$expand=mail", low, false},
		{"GET", "/users?$select=id&$count=true", low, false}, {"GET", "/users?$select=id&$count=true&$expand=manager", eventual, false}, {"GET", "/users/delta?$top=5", low, false},
		{"GET", "/servicePrincipals(hat='x')", low, false}, {"POST", "/users", low, false}, {"GET", "/users?$select=id", http.Header{}, false}, {"GET", "/users", low, false},
		{"GET", "/servicePrincipals/x/synchronization/hats", low, false}, {"GET", "/users/x/appRoleAssignments?$filter=hat%20eq%20x", low, false},
	} {
		if m.hold(s) == nil {
			t.Errorf("%s %s passes", s.method, s.uri)
		}
	}
}
