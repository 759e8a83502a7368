package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"rollcall/connectors"
	"rollcall/state/scim"
	"rollcall/sync/mapping"
)

func mappingCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "mapping",
		Short: "The mapping language at hand: what accounts should be, and why",
		Long: `A mapping says what an account should be: rows with a target in the record and a source, an
expression in the language of Entra's provisioning. docs/mapping.md explains it whole.

Bare 'mapping' shows the mappings of all sources.`,
		Example: `  rollcall mapping show --source acme-entra
  rollcall mapping eval 'Join("@", [mailNickname], "acme.example")' --input person.json
  rollcall mapping test --source acme-entra --user ada@acme.example`,
		Args: wants(),
	}
	a.outputFlag(cmd)
	cmd.RunE = a.do(func(ctx context.Context, _ []string) error { return a.showMappings(ctx, "") })
	cmd.AddCommand(mappingShowCommand(a), mappingEvalCommand(a), mappingTestCommand(a), mappingPullCommand(a))
	return cmd
}

func mappingShowCommand(a *app) *cobra.Command {
	var source string
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show the rows of a source's mapping",
		Long: `Shows every row in force, the defaults of the kind included: where it flows to, from what, its
precedence as a matching attribute, and when it flows (always, create, add or never). With
'mapping: tenant' it is read from the provider.`,
		Example: `  rollcall mapping show --source acme-entra
  rollcall mapping show --output json`,
		Args: wants(),
		RunE: a.do(func(ctx context.Context, _ []string) error { return a.showMappings(ctx, source) }),
	}
	a.outputFlag(cmd)
	a.sourceFlag(cmd, &source, "only the source `NAME`")
	return cmd
}

// rowView is one row of a mapping as scripts read it.
type rowView struct {
	Source  string `json:"source_name"`
	Target  string `json:"target"`
	From    string `json:"source"`
	Match   int    `json:"match,omitempty"`
	Apply   string `json:"apply"`
	Default string `json:"default,omitempty"`
}

func (a *app) showMappings(ctx context.Context, name string) error {
	cfg, err := loadConfig(a.configFile)
	if err != nil {
		return err
	}
	s := &session{app: a, cfg: cfg}
	if name != "" {
		if _, err := s.configured(name); err != nil {
			return err
		}
	}
	out := a.newLister("SOURCE", "TARGET", "FROM~", "MATCH", "APPLY", "DEFAULT?")
	for i := range cfg.Sources {
		src := &cfg.Sources[i]
		if name != "" && name != src.Name {
			continue
		}
		inForce, err := s.mappingInForce(ctx, src)
		if err != nil {
			return mended(err)
		}
		for _, left := range inForce.left {
			fmt.Fprintf(a.stderr, "%s: left out: %s\n", src.Name, left)
		}
		for j, target := range inForce.compiled.Targets() {
			row := inForce.rows[j]
			match := ""
			if target.Match > 0 {
				match = strconv.Itoa(target.Match)
			}
			out.add(rowView{src.Name, row.Target, row.Source, target.Match, string(target.Apply), row.Default},
				src.Name, row.Target, row.Source, match, string(target.Apply), row.Default)
		}
	}
	return out.end("no source is configured")
}

func mappingEvalCommand(a *app) *cobra.Command {
	var input string
	cmd := &cobra.Command{
		Use:   "eval EXPRESSION",
		Short: "Evaluate one expression and print its value as JSON",
		Long: `Prints the value of an expression as JSON: a text, a number, a list, or null where nothing
flows. Booleans are the texts "True" and "False", as in Entra.

--input names a file, or - for standard input, with a JSON object of source attributes:
  {"userPrincipalName": "ada@acme.example", "IsSoftDeleted": false, "proxyAddresses": ["a", "b"]}
What is not in it, or is null, is absent. Attribute names keep their letter case.

Exit code 2 with position and mend when the expression is refused, 1 when it has no value.`,
		Example: `  rollcall mapping eval 'ToLower("ADA")'
  rollcall mapping eval '[mail]' --input person.json
  echo '{"IsSoftDeleted": true}' | rollcall mapping eval 'Not([IsSoftDeleted])' --input -`,
		Args: wants("EXPRESSION"),
		RunE: a.do(func(_ context.Context, args []string) error { return a.evalMapping(args[0], input) }),
	}
	cmd.Flags().StringVar(&input, "input", "", "read source attributes from the JSON `FILE`; - is standard input")
	return cmd
}

func (a *app) evalMapping(source, input string) error {
	x, err := mapping.ParseExpression(source)
	if err != nil {
		return refusedExpression(source, err)
	}
	given, err := a.readInput(input)
	if err != nil {
		return err
	}
	value, err := x.At(a.now(), rand.Reader).Evaluate(connectors.Assigned, given.person(x.Attributes()))
	if err != nil {
		return fmt.Errorf("the expression has no value here: %w", err)
	}
	fmt.Fprintln(a.stdout, string(value.AppendJSON(nil)))
	return nil
}

// refusedExpression tells every fault of an expression and points at it.
func refusedExpression(source string, err error) error {
	var lines []string
	for _, f := range mappingFaults(err) {
		line := f.Text
		if f.Column > 0 {
			line = fmt.Sprintf("column %d: %s", f.Column, f.Text)
			if !strings.ContainsAny(source, "\n\t") {
				line += "\n  " + source + "\n  " + strings.Repeat(" ", displayWidth(string([]rune(source)[:min(f.Column-1, len([]rune(source)))]))) + "^"
			}
		}
		lines = append(lines, line)
	}
	return usagef("the expression is refused: %s", strings.Join(lines, "\n"))
}

// attributesOf is what is known of somebody at a provider: values by attribute name, and the facts that some attributes are computed from.
type attributesOf struct {
	values map[string]connectors.Value
	facts  connectors.Facts
	told   bool // what follows from the facts was given instead of them
}

// person lays the attributes out for an expression or a mapping.
func (a *attributesOf) person(names []string) *connectors.Person {
	p := &connectors.Person{Facts: a.facts, Values: make([]connectors.Value, len(names))}
	for i, name := range names {
		p.Values[i] = a.values[name]
	}
	return p
}

// readInput reads a JSON object of source attributes; "" is one without any.
func (a *app) readInput(name string) (*attributesOf, error) {
	given := &attributesOf{values: map[string]connectors.Value{}}
	if name == "" {
		return given, nil
	}
	text, err := a.readFile(name)
	if err != nil {
		return nil, usagef("--input: %s cannot be read: %s", name, reason(err))
	}
	object, err := scim.ReadJSON(text, scim.DefaultLimits)
	if err != nil || object.Kind != scim.Object {
		return nil, usagef("--input: %s is not a JSON object of source attributes, such as {\"mail\": \"ada@acme.example\"}%s", name, because(err))
	}
	for _, field := range object.Fields {
		if err := given.take(field.Name, field.Value); err != nil {
			return nil, usagef("--input: %s: %w", field.Name, err)
		}
	}
	return given, nil
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
}

var errInputShape = errors.New("write a text, a number, true or false, null or a list of texts")

// take takes one attribute. IsSoftDeleted and Okta's active are no values: they are computed from facts, and stand for them.
func (a *attributesOf) take(name string, v scim.Value) error {
	value, err := attributeValue(v)
	if err != nil {
		return err
	}
	answer := map[string]connectors.Answer{"True": connectors.Yes, "False": connectors.No}[value.Text]
	switch name {
	case "IsSoftDeleted":
		a.facts = connectors.Facts{SoftDeleted: answer}
		if answer == connectors.No {
			a.facts.Enabled, a.facts.Assigned, a.facts.OutOfScope = connectors.Yes, connectors.Yes, connectors.No
		}
		a.told = true
	case "active":
		a.facts = connectors.Facts{Enabled: answer, Assigned: connectors.Yes, SoftDeleted: connectors.No, OutOfScope: connectors.No}
		a.told = true
	}
	a.values[name] = value
	return nil
}

func attributeValue(v scim.Value) (connectors.Value, error) {
	switch v.Kind {
	case scim.Null:
		return connectors.Value{}, nil
	case scim.String, scim.Number:
		return connectors.Value{Present: true, Text: v.Text}, nil
	case scim.Bool:
		return connectors.Value{Present: true, Text: map[bool]string{true: "True", false: "False"}[v.Bool]}, nil
	case scim.Array:
		list := make([]string, 0, len(v.List))
		for _, item := range v.List {
			switch {
			case item.Kind == scim.Object: // an app role
				list = append(list, string(raw(item)))
			case item.Kind == scim.String || item.Kind == scim.Number:
				list = append(list, item.Text)
			default:
				return connectors.Value{}, errInputShape
			}
		}
		return connectors.Value{Present: true, List: list}, nil
	}
	return connectors.Value{}, errInputShape
}

// maxInput bounds what one person's attributes may take, in bytes.
const maxInput = 1 << 20

// readFile reads a small file, or standard input for "-".
func (a *app) readFile(name string) ([]byte, error) {
	from := a.stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		from = file
	}
	text, err := io.ReadAll(io.LimitReader(from, maxInput+1))
	if err == nil && len(text) > maxInput {
		err = errors.New("it is larger than 1 MiB")
	}
	return text, err
}

// raw is a value as JSON.
func raw(v scim.Value) json.RawMessage { return v.AppendJSON(nil) }
