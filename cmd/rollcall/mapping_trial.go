package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/state/scim"
	dirsync "rollcall/sync"
	"rollcall/sync/explain"
	"rollcall/sync/mapping"
	"rollcall/sync/plan"
)

func mappingTestCommand(a *app) *cobra.Command {
	var flags struct {
		source, user, input string
		tenant              bool
	}
	cmd := &cobra.Command{
		Use:   "test",
		Short: "Try a source's mapping on one person, step by step",
		Long: `Shows each target of a source's mapping: its expression, what the expression reads, every
step on the way, the value, and what the record has.

The person is read from the provider with --user (a userName, e-mail address, external id,
object id or account id), or from a file with --input (see 'rollcall mapping eval --help').
With both, the file stands for the provider and the record's account is compared.

--against-tenant lets Entra evaluate each expression on the same attributes and says where it
comes to something else. It needs the permission Synchronization.ReadWrite.All; take it away
again afterwards.

Nothing is changed anywhere. Exit code 0 when every target has been evaluated, 1 when one
cannot be or the tenant disagrees, 2 for usage.`,
		Example: `  rollcall mapping test --source acme-entra --user ada@acme.example
  rollcall mapping test --source acme-entra --input person.json --output json`,
		Args: wants(),
		RunE: a.withReader(func(ctx context.Context, s *session, reader dirsync.Reader) error {
			return s.testMapping(ctx, reader, flags.source, flags.user, flags.input, flags.tenant)
		}),
	}
	a.outputFlag(cmd)
	a.sourceFlag(cmd, &flags.source, "the source `NAME`; needed")
	cmd.Flags().StringVar(&flags.user, "user", "", "read this `PERSON` from the provider")
	cmd.Flags().BoolVar(&flags.tenant, "against-tenant", false, "let Entra evaluate each expression too, and compare")
	cmd.Flags().StringVar(&flags.input, "input", "", "read source attributes from the JSON `FILE`; - is standard input")
	return cmd
}

// trial is a mapping tried on one person.
type trial struct {
	Source  string       `json:"source"`
	Person  string       `json:"person,omitempty"`  // object id
	Account state.ID     `json:"account,omitempty"` // of the record, if there is one to compare with
	Note    string       `json:"note,omitempty"`
	Targets []trialRow   `json:"targets"`
	account *scim.Value  // what Account names
	given   attributesOf // what the provider says
	mapping takenOver
}

// trialRow is one target of a trial.
type trialRow struct {
	Target  string                     `json:"target"`
	From    string                     `json:"source"`
	Apply   string                     `json:"apply"`
	Inputs  map[string]json.RawMessage `json:"inputs"`
	Steps   []trialStep                `json:"steps"`
	Value   json.RawMessage            `json:"value"`
	Error   string                     `json:"error,omitempty"`
	Record  json.RawMessage            `json:"record,omitempty"`
	Tenant  string                     `json:"tenant,omitempty"`  // what Entra itself says of the value, in words
	Differs bool                       `json:"differs,omitempty"` // Entra comes to another value
	Outcome string                     `json:"outcome"`           // what a run would make of it, in words

	reads   map[string]connectors.Value // what the expression reads
	untyped []string                    // what it comes to, before the target's type
}

// trialStep is one part of an expression and what it comes to.
type trialStep struct {
	Part  string          `json:"part"`
	Value json.RawMessage `json:"value"`
	Error string          `json:"error,omitempty"`
}

func (s *session) testMapping(ctx context.Context, reader dirsync.Reader, source, who, input string, againstTenant bool) error {
	if source == "" {
		return usagef("--source is needed: whose mapping is it?")
	}
	if who == "" && input == "" {
		return usagef("--user PERSON or --input FILE is needed: on whom is the mapping tried?")
	}
	src, err := s.configured(source)
	if err != nil {
		return err
	}
	t := trial{Source: source}
	if t.mapping, err = s.mappingInForce(ctx, src); err != nil {
		return mended(err)
	}
	if who != "" {
		if err := s.recorded(ctx, reader, src, who, &t); err != nil {
			return err
		}
	}
	if input != "" {
		given, err := s.readInput(input)
		if err != nil {
			return err
		}
		t.given = *given
	} else if err := s.askProvider(ctx, src, who, &t); err != nil {
		return err
	}
	if err := s.tryMapping(src, &t); err != nil {
		return err
	}
	if againstTenant {
		if err := s.askOracle(ctx, src, &t); err != nil {
			return err
		}
	}
	return s.printTrial(&t)
}

// askOracle lets the provider evaluate each row, and compares.
func (s *session) askOracle(ctx context.Context, src *sourceConfig, t *trial) error {
	connector, err := s.connector(src)
	if err != nil {
		return err
	}
	oracle, ok := connector.(connectors.Oracle)
	if !ok {
		return usagef("--against-tenant: the provider of source %s evaluates nothing; only Entra does", src.Name)
	}
	for i := range t.Targets {
		row := &t.Targets[i]
		if row.From == "" {
			continue
		}
		if t.mapping.compiled.Targets()[i].Volatile {
			row.Tenant = "not asked: it is another value each time"
			continue
		}
		told, err := oracle.Evaluate(ctx, row.From, row.reads)
		switch {
		case errors.Is(err, connectors.ErrMisconfigured):
			row.Tenant = connectors.Mend(err) // of this expression alone
		case err != nil:
			return fmt.Errorf("source %s: %s", src.Name, connectors.Mend(err))
		case slices.Equal(told, row.untyped):
			row.Tenant = "the same"
		default:
			row.Differs = true
			row.Tenant = "differs: " + string(raw(textsValue(told)))
		}
	}
	return nil
}

// textsValue is no value, one text or a list of texts.
func textsValue(texts []string) scim.Value {
	switch len(texts) {
	case 0:
		return scim.Value{}
	case 1:
		return scim.StringValue(texts[0])
	}
	list := make([]scim.Value, len(texts))
	for i, text := range texts {
		list[i] = scim.StringValue(text)
	}
	return scim.ListOf(list...)
}

// textsOf is the contrary: the texts of which a value consists.
func textsOf(v scim.Value) []string {
	switch v.Kind {
	case scim.Null:
		return nil
	case scim.Array:
		var texts []string
		for _, item := range v.List {
			texts = append(texts, textsOf(item)...)
		}
		return texts
	case scim.Object:
		return []string{string(raw(v))}
	}
	return []string{v.Text}
}

// recorded finds the account to compare with. Somebody who has none may still be named by object id.
func (s *session) recorded(ctx context.Context, reader dirsync.Reader, src *sourceConfig, who string, t *trial) error {
	all, err := accountsOf(ctx, reader, src.scope(), who)
	if err != nil {
		return fmt.Errorf("look up in source %s: %w", src.Name, err)
	}
	switch len(all) {
	case 0:
		t.Note = "The record has no account for this person."
	case 1:
		resource := explain.Resource(all[0].Resource).With("active", scim.BoolValue(all[0].InForce)) // life is kept beside the resource
		t.Account, t.Person, t.account = all[0].ID, all[0].Link, &resource
	default:
		return usagef("%d accounts answer to %q; name one by its id", len(all), who)
	}
	return nil
}

// askProvider reads the person from the provider.
func (s *session) askProvider(ctx context.Context, src *sourceConfig, who string, t *trial) error {
	if !src.pulls() {
		return usagef("source %s is push-only: nobody can be read from it; give the person's attributes with --input", src.Name)
	}
	connector, err := s.connector(src)
	if err != nil {
		return err
	}
	id := t.Person
	if id == "" {
		if id, err = objectID(src.Kind, who); err != nil {
			return usagef("no account linked to a person answers to %q, and it %w", who, err)
		}
	}
	names := t.mapping.within().Attributes()
	var seen *connectors.Sighting
	err = connector.Look(ctx, connectors.Want{Scope: src.People, Attributes: names}, []string{id}, func(sighting connectors.Sighting) error {
		seen = &sighting
		return nil
	})
	switch {
	case err != nil:
		return fmt.Errorf("source %s: %s", src.Name, connectors.Mend(err))
	case seen == nil || seen.Gone:
		return fmt.Errorf("the provider has nobody with the object id %s, not even in its recycle bin", id)
	}
	t.Person, t.given = id, attributesOf{values: map[string]connectors.Value{}, facts: seen.Person.Facts}
	for i, name := range names {
		t.given.values[name] = seen.Person.Values[i]
	}
	if t.given.facts.Assigned == connectors.Unknown && src.People == connectors.Assigned {
		t.given.facts.Assigned = connectors.Yes
		t.Note = strings.TrimSpace(t.Note + " Only a pull tells whether the person is assigned; it is taken for granted here.")
	}
	return nil
}

// scopeNotes is what there is to say of somebody's place in the scoping filters.
var scopeNotes = map[connectors.Answer]string{
	connectors.Yes:     " The person is outside the scoping filters.",
	connectors.Unknown: " The scoping filters cannot tell whether the person is in scope: a value is not of the kind that an operator is for, or a regular expression fits only a part of it.",
}

// tryMapping evaluates every row, within the scoping filters.
func (s *session) tryMapping(src *sourceConfig, t *trial) error {
	compiled := t.mapping.within().At(s.now(), rand.Reader)
	person := t.given.person(compiled.Attributes())
	if !t.given.told {
		t.given.facts.OutOfScope, _ = compiled.OutOfScope(person)
		t.Note = strings.TrimSpace(t.Note + scopeNotes[t.given.facts.OutOfScope])
	}
	person.Facts = t.given.facts
	values, err := compiled.Evaluate(nil, src.People, person)
	failed := map[int]string{}
	for _, e := range each(err) {
		var personal *mapping.PersonError
		if !errors.As(e, &personal) || personal.Target == "" {
			return fmt.Errorf("evaluate the mapping: %w", e)
		}
		failed[personal.Row] = personal.Text
	}
	for i, target := range compiled.Targets() {
		row := trialRow{Target: target.Text, From: t.mapping.rows[i].Source, Apply: string(target.Apply), Inputs: map[string]json.RawMessage{}, Value: raw(values[i]), Error: failed[i]}
		if err := row.trace(src.People, t, s); err != nil {
			return err
		}
		row.compare(target, t.account, values[i])
		t.Targets = append(t.Targets, row)
	}
	return nil
}

// trace fills in what the row reads and the steps to its value.
func (r *trialRow) trace(scope string, t *trial, s *session) error {
	r.Steps, r.reads = []trialStep{}, map[string]connectors.Value{}
	if r.From == "" {
		return nil
	}
	x, err := mapping.ParseExpression(r.From)
	if err != nil {
		return fmt.Errorf("parse the mapping again: %w", err) // it was compiled from the same text
	}
	x = x.Within(t.mapping.scoping).At(s.now(), rand.Reader)
	person := t.given.person(x.Attributes())
	whole, _ := x.Evaluate(scope, person) // Trace tells its error
	r.untyped = textsOf(whole)
	for _, step := range x.Trace(scope, person) {
		if strings.HasPrefix(step.Part, "[") {
			name := strings.Trim(step.Part, "[]")
			r.Inputs[name] = raw(step.Value)
			r.reads[name], _ = attributeValue(step.Value) // it came from one
			continue
		}
		view := trialStep{Part: step.Part, Value: raw(step.Value)}
		if step.Err != nil {
			view.Error = step.Err.Error()
		}
		r.Steps = append(r.Steps, view)
	}
	return nil
}

// compare says what a run would make of the value.
func (r *trialRow) compare(t mapping.Target, account *scim.Value, value scim.Value) {
	if account != nil {
		switch have := scim.UserType().Select(*account, t.Path); len(have) {
		case 0:
			r.Record = raw(scim.Value{})
		case 1:
			r.Record = raw(have[0])
		default:
			r.Record = raw(scim.ListOf(have...))
		}
	}
	switch {
	case r.Error != "":
		r.Outcome = "cannot be evaluated: nothing but a removal would be decided about this person"
	case t.Apply == mapping.Never:
		r.Outcome = "never flows; it only matches"
	case t.Reference && !value.Empty():
		r.Outcome = "a person's object id: written as the id of that person's account"
	case value.Empty() && !t.Default.Empty():
		r.Outcome = "nothing flows; at creation, the default " + string(raw(t.Default))
	case value.Empty():
		r.Outcome = "nothing flows"
	case account == nil:
		r.Outcome = "flows at creation"
	case t.Apply == mapping.Create:
		r.Outcome = "flowed at creation only; not compared"
	case t.Volatile:
		r.Outcome = "another value each time; not compared"
	default:
		r.Outcome = "in agreement with the record"
		if _, differs := plan.Drift(t, *account, value); differs {
			r.Outcome = "differs from the record: a run would write it"
		}
	}
}

func (s *session) printTrial(t *trial) error {
	code := exitDone
	for _, row := range t.Targets {
		if row.Error != "" || row.Differs {
			code = exitFailed
		}
	}
	if s.output == "json" {
		if err := s.printJSON(t); err != nil {
			return err
		}
		return exitWith(code)
	}
	if t.Note != "" {
		fmt.Fprintln(s.stdout, t.Note)
	}
	for i, row := range t.Targets {
		if i > 0 || t.Note != "" {
			fmt.Fprintln(s.stdout)
		}
		fmt.Fprintf(s.stdout, "%s (%s)\n", clean(row.Target), row.Apply)
		if row.From != "" {
			fmt.Fprintf(s.stdout, "  from    %s\n", clean(row.From))
		}
		for _, name := range slices.Sorted(maps.Keys(row.Inputs)) {
			fmt.Fprintf(s.stdout, "  reads   [%s] = %s\n", clean(name), clean(string(row.Inputs[name])))
		}
		for _, step := range row.Steps {
			if step.Part == row.From && len(row.Steps) == 1 {
				continue
			}
			if step.Error != "" {
				fmt.Fprintf(s.stdout, "  step    %s fails: %s\n", clean(step.Part), clean(step.Error))
				continue
			}
			fmt.Fprintf(s.stdout, "  step    %s = %s\n", clean(step.Part), clean(string(step.Value)))
		}
		fmt.Fprintf(s.stdout, "  value   %s\n", clean(string(row.Value)))
		if row.Record != nil {
			fmt.Fprintf(s.stdout, "  record  %s\n", clean(string(row.Record)))
		}
		if row.Tenant != "" {
			fmt.Fprintf(s.stdout, "  tenant  %s\n", clean(row.Tenant))
		}
		if row.Error != "" {
			row.Outcome += ": " + row.Error
		}
		fmt.Fprintf(s.stdout, "  so      %s\n", clean(row.Outcome))
	}
	return exitWith(code)
}
