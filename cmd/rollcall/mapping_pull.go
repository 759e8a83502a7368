package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"rollcall/connectors"
	dirsync "rollcall/sync"
	"rollcall/sync/mapping"
)

func mappingPullCommand(a *app) *cobra.Command {
	var source string
	cmd := &cobra.Command{
		Use:   "pull",
		Short: "Read the mapping that the provider itself provisions with, and write it as configuration",
		Long: `Reads how the provider provisions the application, and prints it as it stands in rollcall.yaml: from
Entra the mapping of its provisioning job, scoping filters included; from Okta where each attribute
of the application's users goes. What cannot be taken over is said on standard error and stands as
a comment in what is printed.

With 'mapping: tenant' in the configuration, Rollcall reads it by itself.

Needs the permission Synchronization.Read.All in Entra; okta.schemas.read and, for what is pushed at
creation only, okta.profileMappings.read in Okta. Nothing is changed anywhere. Exit code 0 when the
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
	if !src.pulls() {
		return usagef("source %s is push-only: nothing can be read from its provider", name)
	}
	connector, err := s.connector(src)
	if err != nil {
		return err
	}
	taken, err := tenantMapping(ctx, src, connector)
	if err != nil {
		return mended(err)
	}
	text, err := taken.yaml()
	if err != nil {
		return err
	}
	fmt.Fprint(s.stdout, text)
	for _, left := range taken.left {
		fmt.Fprintln(s.stderr, "left out: "+left)
	}
	if len(taken.left) > 0 {
		return exitWith(exitPartly)
	}
	return nil
}

// mended is a provider's failure in the words of what was tried and what to do about it.
func mended(err error) error {
	if told := (*connectors.Error)(nil); errors.As(err, &told) {
		return errors.New(connectors.Advice(err))
	}
	return err
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

// within is the mapping as a run evaluates it.
func (t *takenOver) within() *mapping.Mapping { return t.compiled.Within(t.scoping) }

// tenantMapping reads the mapping that a source's provider provisions with. Rows that this program cannot carry out are left out and
// told; without a row that gives userName there is no mapping, and a filter that cannot be carried out is an error, because without
// it other people would be in scope.
func tenantMapping(ctx context.Context, src *sourceConfig, connector connectors.Connector) (takenOver, error) {
	mapper, ok := connector.(connectors.Mapper)
	if !ok {
		return takenOver{}, untakeable("it tells none to a source of this kind", "write the mapping into the configuration")
	}
	provider, err := mapper.Mapping(ctx)
	if err != nil {
		return takenOver{}, err
	}
	t := takenOver{provider: provider, left: provider.Left}
	if provider.Update == connectors.No {
		t.left = append(t.left, "The provider updates nobody, so every row is taken as create.")
	}
	if provider.Deactivate == connectors.No {
		t.left = append(t.left, "The provider deactivates nobody, so active is taken as create, and nobody is deactivated either.")
	}
	for _, r := range provider.Rows {
		row := mapping.Row{Target: r.Target, Source: r.Source, Default: r.Default, Match: r.Match, Apply: mapping.Apply(r.Apply)}
		flows := provider.Update
		if strings.EqualFold(r.Target, "active") {
			flows = provider.Deactivate
		}
		if flows == connectors.No {
			row.Apply = mapping.Create
		}
		if why := rowFault(row); why != "" {
			t.left = append(t.left, fmt.Sprintf("%s from %s: %s", r.Target, r.Source, ended(why)))
			continue
		}
		t.rows = append(t.rows, row)
	}
	if t.compiled, err = mapping.Compile(t.rows); err != nil {
		why := strings.Join(append([]string{err.Error()}, t.left...), "; ")
		return takenOver{}, untakeable(why, "write the mapping into the configuration, or mend it at the provider")
	}
	for _, filter := range provider.Scoping {
		var clauses []mapping.Clause
		for _, c := range filter {
			clauses = append(clauses, mapping.Clause(c))
		}
		t.filters = append(t.filters, clauses)
	}
	if t.scoping, err = mapping.CompileScoping(t.filters); err != nil {
		return takenOver{}, untakeable(err.Error(), "write mapping and scoping into the configuration, or mend the filters at the provider")
	}
	if provider.Scope != "" && provider.Scope != src.People {
		t.left = append(t.left, fmt.Sprintf("The provider's scope is %s, the source's is %s: set 'scope' to the same.", provider.Scope, src.People))
	}
	return t, nil
}

// untakeable says why a provider's mapping cannot be used, in a connector's words.
func untakeable(why, mend string) error {
	why = strings.ReplaceAll(why, "\n", "; ")
	return &connectors.Error{Kind: connectors.ErrMisconfigured, Op: "take the provider's mapping over", Detail: why, Mend: "its mapping cannot be used, because " + why + ": " + mend}
}

// tenantMappingAge is how long a mapping that was read from a provider serves.
const tenantMappingAge = 15 * time.Minute

// completeFromTenant reads what 'mapping: tenant' leaves to the provider: mapping, scoping filters, and what it does with accounts. A
// source runs on one goroutine at a time; what was read serves for a while, and is never taken when a reading fails.
func (s *sourceConfig) completeFromTenant() func(context.Context, dirsync.Source) (dirsync.Source, error) {
	var mu sync.Mutex
	var taken takenOver
	var readAt time.Time
	return func(ctx context.Context, source dirsync.Source) (dirsync.Source, error) {
		mu.Lock()
		defer mu.Unlock()
		if readAt.IsZero() || time.Since(readAt) > tenantMappingAge {
			var err error
			if taken, err = tenantMapping(ctx, s, source.Connector); err != nil {
				readAt = time.Time{}
				return source, err
			}
			readAt = time.Now()
		}
		source.Mapping, source.Scoping = taken.compiled, taken.scoping
		source.Rules.SkipOutOfScope = source.Rules.SkipOutOfScope || taken.provider.SkipOutOfScope == connectors.Yes
		if taken.provider.Create == connectors.No && source.Policy == dirsync.PolicyFull {
			source.Policy = dirsync.PolicyNoCreate
		}
		return source, nil
	}
}

// mappingInForce is a source's mapping: as configured, or as its provider has it.
func (s *session) mappingInForce(ctx context.Context, src *sourceConfig) (takenOver, error) {
	if !src.TenantMapping {
		return takenOver{rows: src.Mapping, compiled: src.Compiled, filters: src.Filters, scoping: src.Scoping}, nil
	}
	connector, err := s.connector(src)
	if err != nil {
		return takenOver{}, err
	}
	return tenantMapping(ctx, src, connector)
}

// ended ends a sentence that may have its end already.
func ended(s string) string {
	if strings.HasSuffix(s, "?") {
		return s
	}
	return sentence(s)
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
		b.WriteString("# Left out: " + clean(left) + "\n")
	}
	if t.provider.Create == connectors.No {
		b.WriteString("policy: " + dirsync.PolicyNoCreate + "\n")
	}
	if t.provider.SkipOutOfScope == connectors.Yes {
		b.WriteString("removal: {skip_out_of_scope: true}\n")
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
