package entra_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/connectors/connectortest"
	"rollcall/connectors/entra"
	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/graph"
)

// jobIn opens a connector on a small simulated directory.
func jobIn(t *testing.T) (*idpsim.Population, *entra.Connector) {
	t.Helper()
	p := idpsim.New(idpsim.Options{Seed: 3, People: 5, Groups: 1})
	server := httptest.NewServer(graph.New(p, graph.Options{Token: connectortest.Token}))
	t.Cleanup(server.Close)
	c, err := entra.Open(entra.Config{TenantID: p.TenantID(), AppID: p.AppID(), AccessToken: always(connectortest.Token), GraphURL: server.URL + "/v1.0"})
	if err != nil {
		t.Fatal(err)
	}
	return p, c
}

func do(t *testing.T, p *idpsim.Population, steps ...idpsim.Step) {
	t.Helper()
	if err := p.Do(steps...); err != nil {
		t.Fatal(err)
	}
}

// TestMapping reads the mapping of the provisioning job: of people, with what it does not have words for told.
func TestMapping(t *testing.T) {
	p, c := jobIn(t)
	do(t, p,
		idpsim.Step{Do: "set-mapping", Rows: []idpsim.MappingRow{
			{Target: "displayName", Source: "[displayName]", Flow: "ObjectAddOnly"},
			{Target: "title", Source: "[jobTitle]", Flow: "AttributeAddOnly", Default: "none"},
			{Target: "roles", Source: "AppRoleAssignmentsComplex([appRoleAssignments])", Flow: "ValueAddOnly"},
			{Target: "nickName", Default: "nobody"},
			{Target: "userType", Source: `"a \"guest\""`},
		}},
		idpsim.Step{Do: "set-actions", Value: "Update"},
		idpsim.Step{Do: "set-filters", Filters: []idpsim.FilterGroup{
			{Name: "sales", Clauses: []idpsim.FilterClause{{Attribute: "department", Operator: "EQUALS", Values: []string{"Sales"}}, {Attribute: "country", Operator: "IS NOT NULL"}}},
		}},
		idpsim.Step{Do: "job-setting", Attribute: "SyncAll", Value: "True"},
		idpsim.Step{Do: "job-setting", Attribute: "SkipOutOfScopeDeletions", Value: "True"},
	)
	got, err := c.Mapping(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	byTarget := map[string]connectors.MappingRow{}
	for _, row := range got.Rows {
		byTarget[row.Target] = row
	}
	for target, want := range map[string]connectors.MappingRow{
		"userName":    {Target: "userName", Source: "[userPrincipalName]", Match: 1, Apply: connectors.ApplyAlways},
		"displayName": {Target: "displayName", Source: "[displayName]", Apply: connectors.ApplyCreate},
		"title":       {Target: "title", Source: "[jobTitle]", Default: "none", Apply: connectors.ApplyAdd},
		"roles":       {Target: "roles", Source: "AppRoleAssignmentsComplex([appRoleAssignments])", Apply: connectors.ApplyAdd},
		"nickName":    {Target: "nickName", Default: "nobody", Apply: connectors.ApplyAlways},
		"userType":    {Target: "userType", Source: `"a \"guest\""`, Apply: connectors.ApplyAlways},
	} {
		if diff := cmp.Diff(want, byTarget[target]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", target, diff)
		}
	}
	if _, ok := byTarget["members"]; ok {
		t.Error("a row of the groups' mapping is among those of people")
	}
	got.Rows = nil
	want := connectors.Mapping{
		Scoping: [][]connectors.ScopingClause{{{Attribute: "department", Operator: "EQUALS", Value: "Sales"}, {Attribute: "country", Operator: "IS NOT NULL"}}},
		Scope:   connectors.Everyone, Create: connectors.No, Update: connectors.Yes, Deactivate: connectors.Yes, SkipOutOfScope: connectors.Yes,
		Left: []string{"roles flows as ValueAddOnly, which adds values and takes none away. It is taken as add: it flows where there is no value at all."},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMappingUnreadable(t *testing.T) {
	p, c := jobIn(t)
	do(t, p, idpsim.Step{Do: "job", Value: "none"})
	if _, err := c.Mapping(t.Context()); !errors.Is(err, connectors.ErrGone) {
		t.Errorf("without a job: %v", err)
	}
	do(t, p, idpsim.Step{Do: "job", Value: "active"}, idpsim.Step{Do: "set-filters", Filters: []idpsim.FilterGroup{
		{Name: "two", Clauses: []idpsim.FilterClause{{Attribute: "department", Operator: "EQUALS", Values: []string{"Sales", "Legal"}}}},
	}})
	if _, err := c.Mapping(t.Context()); !errors.Is(err, connectors.ErrMisconfigured) || !strings.Contains(connectors.Reason(err), "department with several values") {
		t.Errorf("with a filter that would keep people out who are in scope: %v", err)
	}
	do(t, p, idpsim.Step{Do: "revoke", Value: "Synchronization.Read.All"})
	if _, err := c.Mapping(t.Context()); !errors.Is(err, connectors.ErrForbidden) || !strings.Contains(connectors.Mend(err), "Synchronization.Read.All") {
		t.Errorf("without the permission: %v", err)
	}
}

// TestEvaluate asks the simulated directory, which evaluates attributes and constants only.
func TestEvaluate(t *testing.T) {
	p, c := jobIn(t)
	given := map[string]connectors.Value{"mail": {Present: true, Text: "ada@acme.example"}, "mobile": {}}
	do(t, p, idpsim.Step{Do: "grant", Value: "Synchronization.ReadWrite.All"})
	for _, test := range []struct {
		expression string
		want       []string
		err        error
	}{
		{"[mail]", []string{"ada@acme.example"}, nil},
		{"[mobile]", []string{}, nil},
		{`"x"`, []string{"x"}, nil},
		{`ToLower([mail])`, nil, connectors.ErrMisconfigured},
		{`ToLower(`, nil, connectors.ErrMisconfigured},
	} {
		got, err := c.Evaluate(t.Context(), test.expression, given)
		if !errors.Is(err, test.err) || (err == nil) != (test.err == nil) {
			t.Errorf("%s: %v, want %v", test.expression, err, test.err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.expression, diff)
		}
	}
	do(t, p, idpsim.Step{Do: "revoke", Value: "Synchronization.ReadWrite.All"})
	if _, err := c.Evaluate(t.Context(), "[mail]", given); !errors.Is(err, connectors.ErrForbidden) {
		t.Errorf("without the permission: %v", err)
	}
}
