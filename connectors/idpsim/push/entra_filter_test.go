package push_test

import (
	"context"
	"strings"
	"testing"
)

// TestEntraScopingFilters says of each filter whether Ada, in Sales with number 7 and without a title, is in its scope.
func TestEntraScopingFilters(t *testing.T) {
	clause := func(attribute, operator, value string) string {
		return `{"attribute":"` + attribute + `","operator":"` + operator + `","values":["` + value + `"]}`
	}
	for filters, want := range map[string]bool{
		`[]`: true,
		`[{"clauses":[` + clause("department", "EQUALS", "Sales") + `]}]`:                                                     true,
		`[{"clauses":[` + clause("department", "EQUALS", "sales") + `]}]`:                                                     false,
		`[{"clauses":[` + clause("department", "NOT EQUALS", "Sales") + `]}]`:                                                 false,
		`[{"clauses":[` + clause("department", "NOT EQUALS", "Design") + `]}]`:                                                true,
		`[{"clauses":[` + clause("jobTitle", "NOT EQUALS", "Buyer") + `]}]`:                                                   false, // there is none
		`[{"clauses":[` + clause("jobTitle", "IS NULL", "") + `]}]`:                                                           true,
		`[{"clauses":[` + clause("jobTitle", "IS NOT NULL", "") + `]}]`:                                                       false,
		`[{"clauses":[` + clause("department", "IS NOT NULL", "") + `]}]`:                                                     true,
		`[{"clauses":[` + clause("department", "IS NULL", "") + `]}]`:                                                         false,
		`[{"clauses":[` + clause("accountEnabled", "IS TRUE", "") + `]}]`:                                                     true,
		`[{"clauses":[` + clause("accountEnabled", "IS FALSE", "") + `]}]`:                                                    false,
		`[{"clauses":[` + clause("userPrincipalName", "REGEX MATCH", `.*@acme\\.example`) + `]}]`:                             true,
		`[{"clauses":[` + clause("userPrincipalName", "REGEX MATCH", `acme`) + `]}]`:                                          false,
		`[{"clauses":[` + clause("userPrincipalName", "NOT REGEX MATCH", `.*@globex\\.example`) + `]}]`:                       true,
		`[{"clauses":[` + clause("userPrincipalName", "REGEX MATCH", `(`) + `]}]`:                                             false,
		`[{"clauses":[` + clause("employeeId", "Greater_Than", "7") + `]}]`:                                                   false,
		`[{"clauses":[` + clause("employeeId", "Greater_Than_OR_EQUALS", "7") + `]}]`:                                         true,
		`[{"clauses":[` + clause("department", "Includes", "ale") + `]}]`:                                                     true,
		`[{"clauses":[` + clause("userPrincipalName", "ENDS_WITH", "@acme.example") + `]}]`:                                   true,
		`[{"clauses":[` + clause("department", "SOUNDS LIKE", "Sails") + `]}]`:                                                false,
		`[{"clauses":[` + clause("department", "EQUALS", "Sales") + `,` + clause("jobTitle", "IS NOT NULL", "") + `]}]`:       false,
		`[{"clauses":[` + clause("department", "EQUALS", "X") + `]},{"clauses":[` + clause("jobTitle", "IS NULL", "") + `]}]`: true,
	} {
		s, pop := receive(t), acme(t)
		e := entra(s, pop, nil)
		steps(t, pop, `[{"do":"assign","who":"#0"},{"do":"set","who":"#0","attribute":"department","value":"Sales"},{"do":"set","who":"#0","attribute":"employeeNumber","value":"7"},
			{"do":"set-filters","filters":`+filters+`}]`)
		must(t, e.Cycle(context.Background()))
		if got := len(s.resources) == 1; got != want {
			t.Errorf("%s: in scope %v, want %v", filters, got, want)
		}
	}
}

// TestEntraAFilterTakesAway: who stops passing is deactivated.
func TestEntraAFilterTakesAway(t *testing.T) {
	s, pop := receive(t), acme(t)
	must(t, pop.Assign("ada@acme.example"))
	e := entra(s, pop, nil)
	must(t, e.Cycle(context.Background()))
	steps(t, pop, `[{"do":"set-filters","filters":[{"name":"x","clauses":[{"attribute":"department","operator":"EQUALS","values":["Sales"]}]}]}]`)
	e.Forget()
	must(t, e.Cycle(context.Background()))
	if log := strings.Join(told(e.Log()), "\n"); !strings.Contains(log, `"path":"active","value":"False"`) {
		t.Errorf("%s", log)
	}
}
