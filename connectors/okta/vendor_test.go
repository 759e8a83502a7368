package okta

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"rollcall/connectors"
	"rollcall/connectors/idpsim"
	simulated "rollcall/connectors/idpsim/okta"
)

type object = map[string]any

// description is the vendor's OpenAPI document, of which only the pieces that are asked for are parsed.
type description struct {
	t     *testing.T
	lines []string
}

// readDescription reads the vendor's description, beside the project; without it the test is skipped.
func readDescription(t *testing.T) *description {
	t.Helper()
	const file = "../shared/vendor/okta-management-2026.06.3.yaml"
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(root, file))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("SKIPPED: the vendor's description is not at %s, from the project's root: requests are not held against it", file)
	}
	if err != nil {
		t.Fatal(err)
	}
	return &description{t: t, lines: strings.Split(string(content), "\n")}
}

// piece parses what stands below a line; nil if there is no such line.
func (d *description) piece(line string) (o object) {
	at := slices.Index(d.lines, line)
	if at < 0 {
		return nil
	}
	indent := len(line) - len(strings.TrimLeft(line, " "))
	end := at + 1
	for end < len(d.lines) && (d.lines[end] == "" || strings.HasPrefix(d.lines[end], strings.Repeat(" ", indent+1))) {
		end++
	}
	alias := func(line string) bool { return strings.Contains(line, ": *") } // to other pieces; only answers have such
	if err := yaml.Unmarshal([]byte(strings.Join(slices.DeleteFunc(slices.Clone(d.lines[at+1:end]), alias), "\n")), &o); err != nil {
		d.t.Fatal(err)
	}
	return o
}

// operation finds what a request asks for: the description of its path and of its method there.
func (d *description) operation(method, path string) (below, operation object) {
	wanted := strings.Split(path, "/")
	best := ""
	for _, line := range d.lines {
		template, isPath := strings.CutSuffix(line, ":")
		if !isPath || !strings.HasPrefix(template, "  /") {
			continue
		}
		steps := strings.Split(strings.TrimSpace(template), "/")
		fits := len(steps) == len(wanted)
		for i := 0; fits && i < len(steps); i++ {
			fits = steps[i] == wanted[i] || strings.HasPrefix(steps[i], "{")
		}
		if fits && (best == "" || strings.Count(line, "{") < strings.Count(best, "{")) {
			best = line
		}
	}
	below = d.piece(best)
	operation, _ = below[strings.ToLower(method)].(object)
	return below, operation
}

// parameters are those of an operation's query, by name.
func (d *description) parameters(operation object) map[string]object {
	named := map[string]object{}
	list, _ := operation["parameters"].([]any)
	for _, one := range list {
		parameter := one.(object)
		if ref, ok := parameter["$ref"].(string); ok {
			parameter = d.piece("    " + strings.TrimPrefix(ref, "#/components/parameters/") + ":")
		}
		if parameter["in"] == "query" {
			named[parameter["name"].(string)] = parameter["schema"].(object)
		}
	}
	return named
}

// granted tells whether scopes are among those that the operation wants.
func granted(operation object, scopes string) bool {
	ways, _ := operation["security"].([]any)
	return slices.ContainsFunc(ways, func(way any) bool {
		wanted, ok := way.(object)["oauth2"].([]any)
		return ok && !slices.ContainsFunc(wanted, func(scope any) bool { return !slices.Contains(strings.Fields(scopes), scope.(string)) })
	})
}

// check holds one request against the description.
func (d *description) check(method string, u *url.URL) {
	_, operation := d.operation(method, u.Path)
	if operation == nil {
		d.t.Errorf("%s %s is not described", method, u.Path)
		return
	}
	known := d.parameters(operation)
	for name, values := range u.Query() {
		schema, ok := known[name]
		if !ok {
			d.t.Errorf("%s %s has no parameter %s", method, u.Path, name)
		}
		for bound, within := range map[string]func(a, b int) bool{
			"minimum": func(a, b int) bool { return a >= b }, "maximum": func(a, b int) bool { return a <= b },
		} {
			limit, bounded := schema[bound].(uint64)
			if n, err := strconv.Atoi(values[0]); bounded && (err != nil || !within(n, int(limit))) {
				d.t.Errorf("%s %s: %s is %s, the %s is %d", method, u.Path, name, values[0], bound, limit)
			}
		}
	}
	if !granted(operation, scopes(u.Path)) {
		d.t.Errorf("%s %s: %s is not what it takes", method, u.Path, scopes(u.Path))
	}
}

// TestRequestsAreAsTheVendorDescribes makes every kind of call and holds its method, path, query and scopes against the description.
func TestRequestsAreAsTheVendorDescribes(t *testing.T) {
	d := readDescription(t)
	var mu sync.Mutex
	made := map[string]*url.URL{}
	population := idpsim.New(idpsim.Options{Seed: 1, People: 700, Groups: 2})
	api := simulated.New(population, simulated.Options{Token: "token"})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		made[r.Method+" "+r.URL.RequestURI()] = r.URL
		mu.Unlock()
		api.ServeHTTP(w, r)
	}))
	defer server.Close()
	c, err := Open(Config{
		OrgURL: server.URL, AppID: population.OktaAppID(), APIToken: func() (string, error) { return "token", nil },
		SleepFunc: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	})
	if err != nil {
		t.Fatal(err)
	}
	groups := 0
	pull := func() {
		want := connectors.Want{Scope: connectors.Assigned, Groups: func(connectors.GroupPage) error { groups++; return nil }}
		if proof, err := c.Pull(t.Context(), want, func([]connectors.Person) error { return nil }); err != nil || proof.People != 700 || proof.Push == nil && groups > 0 {
			t.Fatalf("%+v, %v", proof, err)
		}
	}
	do := func(steps ...idpsim.Step) {
		if err := population.Do(steps...); err != nil {
			t.Fatal(err)
		}
	}
	var name string
	population.Read(func(v *idpsim.View) { name = v.Group(0).Name() })
	do(idpsim.Step{Do: "provisioning", Value: "off"})
	pull() // of no groups
	do(idpsim.Step{Do: "provisioning", Value: "on"}, idpsim.Step{Do: "push-group", Group: name})
	pull() // of pushed ones
	do(idpsim.Step{Do: "unassign", Who: "#1"}, idpsim.Step{Do: "purge", Who: "#2"})
	if err := c.Look(t.Context(), connectors.Want{}, []string{population.OktaID("#0"), population.OktaID("#1")}, func(connectors.Sighting) error { return nil }); err != nil {
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
	if groups == 0 || len(made) < 15 {
		t.Errorf("%d groups, %d kinds of calls", groups, len(made))
	}
	for _, u := range made {
		if u.Path != "/api/v1/users/me" { // described in words, as a form of /api/v1/users/{id}
			d.check(http.MethodGet, u)
		}
	}
}
