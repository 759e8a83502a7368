package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"rollcall/connectors"
	"rollcall/sync/mapping"
)

func mappingPullCommand(a *app) *cobra.Command {
	var source string
	cmd := &cobra.Command{
		Use:   "pull",
		Short: "Read the mapping that the provider itself provisions with, and write it as configuration",
		Long: `Reads the mapping of the application's provisioning job from Entra and prints it as it stands in
rollcall.yaml, scoping filters included. What cannot be taken over is said on standard error and
stands as a comment in what is printed.

With 'mapping: tenant' in the configuration, Rollcall reads it by itself.

Needs the permission Synchronization.Read.All. Nothing is changed anywhere. Exit code 0 when the
whole mapping was taken over, 3 when a part was not.`,
		Example: `  rollcall mapping pull --source acme-entra > mapping.yaml`,
		Args:    wants(),
		RunE: a.do(func(ctx context.Context, _ []string) error {
			cfg, err := loadConfig(a.configFile)
			if err != nil {
				return err
			}
			return (&session{app: a, cfg: cfg}).pullMapping(ctx, source)
		}),
	}
	a.sourceFlag(cmd, &source, "the source `NAME`; needed")
	return cmd
}

func (s *session) pullMapping(ctx context.Context, name string) error {
	if name == "" {
		return usagef("--source is needed: whose mapping is it?")
	}
	src, err := s.configured(name)
	if err != nil {
		return err
	}
	transport, err := newTransport(s.cfg)
	if err != nil {
		return err
	}
	connector, err := src.connector(s.env, transport)
	if err != nil {
		return err
	}
	taken, err := tenantMapping(ctx, src, connector)
	if err != nil {
		return err
	}
	text, err := taken.yaml()
	if err != nil {
		return err
	}
	fmt.Fprint(s.stdout, text)
	for _, left := range taken.left {
		fmt.Fprintln(s.stderr, "left: "+left)
	}
	if len(taken.left) > 0 {
		return exitWith(exitPartly)
	}
	return nil
}

// takenOver is a provider's own mapping in the configuration's words.
type takenOver struct {
	rows     []mapping.Row
	compiled *mapping.Mapping
	filters  [][]mapping.Clause
	scoping  *mapping.Scoping
	provider connectors.Mapping
	left     []string // what could not be taken over, a sentence each
}

// tenantMapping reads the mapping that a source's provider provisions with. Rows that this program cannot carry out are left out and
// told; without a row that gives userName there is no mapping, and a filter that cannot be carried out is an error, because without
// it other people would be in scope.
func tenantMapping(ctx context.Context, src *sourceConfig, connector connectors.Connector) (takenOver, error) {
	mapper, ok := connector.(connectors.Mapper)
	if !ok {
		return takenOver{}, usagef("source %s has no mapping to read at its provider: that is possible with an entra: block only", src.Name)
	}
	provider, err := mapper.Mapping(ctx)
	if err != nil {
		return takenOver{}, fmt.Errorf("read the mapping of source %s: %s", src.Name, connectors.Mend(err))
	}
	t := takenOver{provider: provider, left: provider.Left}
	for _, r := range provider.Rows {
		row := mapping.Row{Target: r.Target, Source: r.Source, Default: r.Default, Match: r.Match, Apply: mapping.Apply(r.Apply)}
		if why := rowFault(row); why != "" {
			t.left = append(t.left, fmt.Sprintf("%s from %s: %s.", r.Target, r.Source, trimPeriod(why)))
			continue
		}
		t.rows = append(t.rows, row)
	}
	if t.compiled, err = mapping.Compile(t.rows); err != nil {
		return takenOver{}, fmt.Errorf("the mapping of source %s at its provider cannot be taken over: %w", src.Name, err)
	}
	for _, filter := range provider.Scoping {
		var clauses []mapping.Clause
		for _, c := range filter {
			clauses = append(clauses, mapping.Clause(c))
		}
		t.filters = append(t.filters, clauses)
	}
	if t.scoping, err = mapping.CompileScoping(t.filters); err != nil {
		return takenOver{}, fmt.Errorf("the scoping filters of source %s at its provider cannot be taken over: %w", src.Name, err)
	}
	if provider.Scope != "" && provider.Scope != src.People {
		t.left = append(t.left, fmt.Sprintf("The provider's scope is %s, the source's is %s: set 'scope' to the same.", provider.Scope, src.People))
	}
	return t, nil
}

// rowFault says why a row cannot be carried out, "" if it can. The row is tried beside one for userName, which a mapping must have.
func rowFault(row mapping.Row) string {
	rows := []mapping.Row{row}
	if !strings.EqualFold(row.Target, "userName") {
		rows = append(rows, mapping.Row{Target: "userName", Source: "[userPrincipalName]"})
	}
	_, err := mapping.Compile(rows)
	var texts []string
	for _, f := range mappingFaults(err) {
		texts = append(texts, f.Text)
	}
	return strings.Join(texts, "; ")
}

// yamlRow and yamlClause are rows as the configuration has them.
type yamlRow struct {
	Target  string `yaml:"target"`
	Source  string `yaml:"source,omitempty"`
	Match   int    `yaml:"match,omitempty"`
	Apply   string `yaml:"apply"`
	Default string `yaml:"default,omitempty"`
}

type yamlClause struct {
	Attribute string `yaml:"attribute"`
	Operator  string `yaml:"operator"`
	Value     string `yaml:"value,omitempty"`
}

// yaml writes it as it stands below a source, a row a line.
func (t *takenOver) yaml() (string, error) {
	var b strings.Builder
	for _, left := range t.left {
		b.WriteString("# Left: " + clean(left) + "\n")
	}
	var err error
	list := func(name string, n int, item func(i int) any) {
		if n > 0 {
			b.WriteString(name + ":\n")
		}
		for i := range n {
			line, failed := yaml.MarshalWithOptions(item(i), yaml.Flow(true))
			err = errors.Join(err, failed)
			b.WriteString("  - " + string(line))
		}
	}
	list("scoping", len(t.filters), func(i int) any {
		clauses := make([]yamlClause, len(t.filters[i]))
		for j, c := range t.filters[i] {
			clauses[j] = yamlClause(c)
		}
		return clauses
	})
	list("mapping", len(t.rows), func(i int) any {
		row := t.rows[i]
		return yamlRow{row.Target, row.Source, row.Match, string(row.Apply), row.Default}
	})
	if err != nil {
		return "", fmt.Errorf("write the mapping as YAML: %w", err)
	}
	return b.String(), nil
}
