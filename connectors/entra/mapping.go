package entra

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

var _ connectors.Mapper = (*Connector)(nil)

// Mapping implements connectors.Mapper: it reads the schema of the provisioning job, in three or four calls. Scope and SkipOutOfScope
// take a permission of their own and stay unknown without it.
func (c *Connector) Mapping(ctx context.Context) (connectors.Mapping, error) {
	ctx, _ = rest.WithTally(ctx)
	servicePrincipal, job, err := c.configuredJob(ctx)
	if err != nil {
		return connectors.Mapping{}, err
	}
	body, err := c.schema(ctx, servicePrincipal, job)
	if err != nil {
		return connectors.Mapping{}, err
	}
	m, err := mappingOf(body)
	if err != nil {
		return connectors.Mapping{}, fail(ctx, readJob, err)
	}
	if flags, err := c.flags(ctx, servicePrincipal); err == nil {
		m.SkipOutOfScope, m.Scope = flag(flags["SkipOutOfScopeDeletions"]), scopeOf(flags)
	}
	return m, nil
}

// jobSchema is a job's schema, as far as it says how people are provisioned
// (learn.microsoft.com/graph/api/resources/synchronization-synchronizationschema).
type jobSchema struct {
	SynchronizationRules []struct {
		ObjectMappings []struct {
			objectMapping
			Scope             *jobScope
			AttributeMappings []attributeMapping
		}
	}
}

type jobScope struct {
	Groups, InputFilterGroups, CategoryFilterGroups []struct {
		Clauses []struct {
			OperatorName, SourceOperandName string
			TargetOperand                   struct{ Values []string }
		}
	}
}

type attributeMapping struct {
	TargetAttributeName string
	MatchingPriority    int
	FlowType            string
	DefaultValue        string
	Source              *struct{ Expression, Type string }
}

// mappingOf takes a schema apart.
func mappingOf(body []byte) (connectors.Mapping, error) {
	var m connectors.Mapping
	var schema jobSchema
	if err := json.Unmarshal(body, &schema); err != nil {
		return m, fmt.Errorf("the job's schema is not in the usual form")
	}
	left := func(format string, args ...any) { m.Left = append(m.Left, fmt.Sprintf(format, args...)) }
	found := false
	for _, rule := range schema.SynchronizationRules {
		for _, object := range rule.ObjectMappings {
			switch {
			case !strings.EqualFold(object.SourceObjectName, "User"):
				continue
			case found:
				left("The job has a second mapping of users. Only the first is read.")
				continue
			}
			found = true
			m.Create, m.Update = object.does("Add"), object.does("Update")
			m.Deactivate = m.Update // to deactivate is an update; Delete purges
			for _, row := range object.AttributeMappings {
				m.Rows = append(m.Rows, row.row(left))
			}
			if object.Scope != nil {
				var err error
				if m.Scoping, err = object.Scope.filters(left); err != nil {
					return m, err
				}
			}
		}
	}
	if !found {
		return m, fmt.Errorf("the job's schema has no mapping of users")
	}
	return m, nil
}

// row is a line of the mapping in the contract's words.
func (a *attributeMapping) row(left func(string, ...any)) connectors.MappingRow {
	row := connectors.MappingRow{Target: a.TargetAttributeName, Default: a.DefaultValue, Match: a.MatchingPriority, Apply: connectors.ApplyAlways}
	if a.Source != nil {
		row.Source = a.Source.Expression
		if strings.EqualFold(a.Source.Type, "Constant") && !strings.HasPrefix(row.Source, `"`) {
			row.Source = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(row.Source) + `"`
		}
	}
	switch a.FlowType {
	case "", "Always":
	case "ObjectAddOnly":
		row.Apply = connectors.ApplyCreate
	case "AttributeAddOnly":
		row.Apply = connectors.ApplyAdd
	case "ValueAddOnly", "MultiValueAddOnly":
		row.Apply = connectors.ApplyAdd
		left("%s flows as %s, which adds values and takes none away. It is taken as add: it flows where there is no value at all.", a.TargetAttributeName, a.FlowType)
	default:
		row.Apply = connectors.ApplyCreate
		left("%s flows as %s, which is not known. It is taken as create.", a.TargetAttributeName, a.FlowType)
	}
	return row
}

// filters are the scoping filters in the contract's words. One that those have no words for is an error: without it, others would be in
// scope than Entra has there.
func (s *jobScope) filters(left func(string, ...any)) ([][]connectors.ScopingClause, error) {
	if len(s.InputFilterGroups)+len(s.CategoryFilterGroups) > 0 {
		left("The job has filters that people pass before scoping (inputFilterGroups or categoryFilterGroups). They are not taken over.")
	}
	var filters [][]connectors.ScopingClause
	for _, group := range s.Groups {
		var filter []connectors.ScopingClause
		for _, c := range group.Clauses {
			if len(c.TargetOperand.Values) > 1 {
				return nil, &connectors.Error{
					Kind: connectors.ErrMisconfigured, Detail: "a scoping filter compares " + rest.Line(c.SourceOperandName) + " with several values",
					Mend: "write a filter with one value for each of them at " + provisioningPage + " > Mappings > Source Object Scope, or mapping and scoping into the configuration",
				}
			}
			filter = append(filter, connectors.ScopingClause{
				Attribute: c.SourceOperandName, Operator: c.OperatorName, Value: strings.Join(c.TargetOperand.Values[:min(1, len(c.TargetOperand.Values))], ""),
			})
		}
		filters = append(filters, filter)
	}
	return filters, nil
}

// configuredJob finds the application and its job. Without one, ErrGone.
func (c *Connector) configuredJob(ctx context.Context) (servicePrincipal, id string, err error) {
	if servicePrincipal, err = c.resolve(ctx); err != nil {
		return "", "", err
	}
	j, err := c.job(ctx, servicePrincipal)
	if err == nil && j.ID == "" {
		err = &connectors.Error{Kind: connectors.ErrGone, Op: readJob.What, Detail: "it has none", Mend: "provisioning is not set up at Entra ID; set it up at " + provisioningPage}
	}
	return servicePrincipal, j.ID, err
}

// scopeOf is whom the job provisions, as its settings say.
func scopeOf(flags map[string]string) string {
	switch flag(flags["SyncAll"]) {
	case connectors.Yes:
		return connectors.Everyone
	case connectors.No:
		return connectors.Assigned
	}
	return ""
}
