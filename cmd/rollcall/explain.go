package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/connectors"
	"rollcall/state"
	dirsync "rollcall/sync"
	"rollcall/sync/explain"
	"rollcall/sync/mapping"
	"rollcall/sync/plan"
)

func explainCommand(a *app) *cobra.Command {
	var source string
	var live bool
	var limit int
	cmd := &cobra.Command{
		Use:   "explain PERSON",
		Short: "Why somebody is active, inactive or not here: everything that happened, on one time line",
		Long: `Says in one sentence why somebody is active, inactive or not here, and lists what led to it: the
pushes and what they changed, those that were refused, what pulls decided and by which witnesses,
what was held, approved or discarded and by whom, an operator's hand, and what is suspected now.

PERSON is a userName, an e-mail address, an external id, an object id at the provider or an
account id. Deleted accounts are found too, and people without an account by the name or object
id that runs or refused pushes gave them.

With --live the provider is asked now: what it says, what the mapping makes of it, and what a run
would do. Nothing is changed. The exit code is 6 when the provider does not answer.`,
		Example: `  rollcall explain ada@acme.example
  rollcall explain ada@acme.example --live
  rollcall explain 7c6f0c0e-0000-4000-8000-000000000000 --source acme-entra --output json`,
		Args: wants("PERSON"),
	}
	a.outputFlag(cmd)
	a.sourceFlag(cmd, &source, "only look in the source `NAME`")
	cmd.Flags().BoolVar(&live, "live", false, "ask the provider now as well")
	cmd.Flags().IntVar(&limit, "limit", 100, "tell the newest `N` events; 0 = all")
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, args []string) error {
		if limit < 0 {
			return usagef("--limit must be 0, which is all, or more")
		}
		return s.explain(ctx, source, args[0], live, limit)
	})
	return cmd
}

func (s *session) explain(ctx context.Context, source, who string, live bool, limit int) error {
	subject, err := s.subject(ctx, source, who, live)
	if err != nil {
		return err
	}
	life, err := explain.ReadLife(ctx, s.rec, subject, limit)
	if err != nil {
		return err
	}
	if live {
		if life.Now, err = s.askNow(ctx, &subject); err != nil {
			return err
		}
	}
	if s.output == "json" {
		if err := s.printJSON(life); err != nil {
			return err
		}
	} else {
		s.printLife(&life)
	}
	if life.Now != nil && life.Now.Answer == "none" {
		return exitWith(exitIncomplete)
	}
	return nil
}

// subject finds whom somebody means: an account, else a tombstone, else somebody who has left traces. With ask it is also whoever is at
// the provider alone, if the source is named and the word is an object id there.
func (s *session) subject(ctx context.Context, source, who string, ask bool) (explain.Subject, error) {
	scopes, err := s.scopes(ctx, source)
	if err != nil {
		return explain.Subject{}, err
	}
	var all []explain.Subject
	for _, scope := range scopes {
		found, err := explain.Find(ctx, s.rec, scope, who)
		if err != nil {
			return explain.Subject{}, err
		}
		for _, subject := range found {
			switch {
			case len(all) > 0 && subject.Rank() > all[0].Rank():
			case len(all) > 0 && subject.Rank() < all[0].Rank():
				all = []explain.Subject{subject}
			default:
				all = append(all, subject)
			}
		}
	}
	switch {
	case len(all) == 1:
		return all[0], nil
	case len(all) > 1:
		lines := make([]string, len(all))
		for i, f := range all {
			lines[i] = fmt.Sprintf("  %-36s  %s  %s", f.Account, clean(f.Name), f.Scope.Source)
		}
		return explain.Subject{}, usagef("%d answer to %q; name one by its id, or narrow it down with --source:\n%s", len(all), who, strings.Join(lines, "\n"))
	case ask && len(scopes) == 1:
		src, err := s.configured(scopes[0].Source)
		if err != nil {
			return explain.Subject{}, err
		}
		if id, err := objectID(src.Kind, who); err == nil {
			return explain.Subject{Scope: scopes[0], Person: id, Name: who}, nil
		}
	}
	return explain.Subject{}, &exitError{code: exitFailed, err: fmt.Errorf(
		"nothing is known of %q, by no userName, e-mail, external id, object id or account id; 'rollcall explain OBJECT-ID --source NAME --live' asks the provider", who)}
}

// askTime is how long somebody waits for a provider's answer about one person. Whatever throttles for longer is told.
const askTime = 30 * time.Second

// askNow asks the provider about somebody, and what a run about them alone would do.
func (s *session) askNow(ctx context.Context, subject *explain.Subject) (*explain.Now, error) {
	if subject.Person == "" {
		return nil, errors.New("--live: which person at the provider this is, is not known: a pull of the whole source ties them, or 'rollcall users link'")
	}
	src, err := s.configured(subject.Scope.Source)
	if err != nil {
		return nil, err
	}
	if !src.pulls() {
		return nil, usagef("--live: source %s is push-only: it has no %s: block to ask with", src.Name, src.Kind)
	}
	sources, broken, err := s.runnables([]*sourceConfig{src})
	if err := errors.Join(err, broken); err != nil {
		return nil, err
	}
	asked := sources[0]
	if asked.Complete != nil {
		if asked, err = asked.Complete(ctx, asked); err != nil {
			return nil, fmt.Errorf("source %s: %w", src.Name, mended(err))
		}
		asked.Complete = nil
	}
	witness := &eyewitness{Connector: asked.Connector, person: subject.Person}
	asked.Connector = witness
	answered, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	report, err := s.syncOne(answered, newEngine(s.rec, s.cfg.Users, s.logger(slog.LevelWarn)), s.rec, asked, subject.Person, true)
	if answered.Err() != nil && ctx.Err() == nil && (err != nil || witness.saw == nil) {
		return nil, fmt.Errorf("source %s: the provider gave no answer within %s: it may be throttling, or out of reach; 'rollcall check --source %s' looks closer", src.Name, explain.Span(askTime), src.Name)
	}
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", src.Name, err)
	}
	return nowOf(&asked, witness, &report), nil
}

// eyewitness remembers what the provider answered about one person when it was last asked for them.
type eyewitness struct {
	connectors.Connector
	person string
	want   connectors.Want
	saw    *connectors.Sighting
}

func (w *eyewitness) Look(ctx context.Context, want connectors.Want, ids []string, found func(connectors.Sighting) error) error {
	w.want = want
	return w.Connector.Look(ctx, want, ids, func(s connectors.Sighting) error {
		if s.ID == w.person {
			w.saw = &s
		}
		return found(s)
	})
}

// nowOf tells what was answered, what the mapping makes of it, and what the run that asked would do.
func nowOf(source *dirsync.Source, w *eyewitness, report *dirsync.Report) *explain.Now {
	now := explain.Now{
		At: report.Run.StartedAt, Mapped: []explain.Mapped{}, Changes: report.Plan.Changes, Notices: report.Plan.Notices, Reason: report.Run.Reason,
	}
	if now.Changes == nil {
		now.Changes = []plan.Change{}
	}
	if now.Notices == nil {
		now.Notices = []plan.Notice{}
	}
	outOfScope := connectors.Unknown
	if w.saw != nil && !w.saw.Gone {
		compiled := source.Mapping.Within(source.Scoping).At(report.Run.StartedAt, rand.Reader)
		outOfScope, _ = compiled.OutOfScope(&w.saw.Person)
		now.Mapped = mapped(compiled, source.People, &w.saw.Person)
	}
	now.Tell(w.saw, outOfScope)
	now.Sum()
	return &now
}

// mapped evaluates a mapping target by target.
func mapped(compiled *mapping.Mapping, people string, person *connectors.Person) []explain.Mapped {
	values, err := compiled.Evaluate(nil, people, person)
	failed := map[int]string{}
	for _, e := range each(err) {
		if personal := (*mapping.PersonError)(nil); errors.As(e, &personal) {
			failed[personal.Row] = personal.Text
		}
	}
	targets := make([]explain.Mapped, len(values))
	for i, t := range compiled.Targets() {
		targets[i] = explain.Mapped{Target: t.Text, Value: raw(values[i]), Error: failed[i]}
	}
	return targets
}

// printLife prints the sentence, who it is about, and the time line.
func (s *session) printLife(l *explain.Life) {
	s.line("%s", l.Sentence)
	line := func(label, value string) {
		if value != "" {
			fmt.Fprintf(s.stdout, "%-12s %s\n", label, clean(value))
		}
	}
	fmt.Fprintln(s.stdout)
	line("userName", l.UserName)
	line("name", l.Name)
	line("state", stateWords(l))
	line("source", l.Source+" (tenant "+l.Tenant+")")
	line("account", string(l.Account))
	line("object id", l.Person)
	if len(l.Open) > 0 {
		fmt.Fprintln(s.stdout, "\nRemembered until it is confirmed or refuted")
		rows := s.newSheet("", "~")
		for _, o := range l.Open {
			rows.add("  "+when(o.At), o.Text)
		}
		rows.flush()
	}
	fmt.Fprintln(s.stdout)
	if l.Older {
		fmt.Fprintln(s.stdout, "There is more before this; --limit 0 shows all.")
	}
	rows := s.newSheet("WHEN", "WHAT", "BY", "WHY~")
	for i := range l.Events {
		e := &l.Events[i]
		why, below := eventWhy(e), s.eventLines(e)
		if columns := s.width(); columns > 0 && displayWidth(why) > columns-besideWhy { // it would be cut
			below = append(strings.Split(wrap(clean(why), valueIndent, columns), "\n"), below...)
			why = ""
		}
		rows.addWith(below, when(e.At), strings.ReplaceAll(e.What, "_", " "), eventBy(e), why)
	}
	if len(l.Events) > 0 {
		rows.flush()
	}
	if l.Now != nil {
		s.printNow(l.Now)
	}
}

// besideWhy is what the other columns of a time line may take.
const besideWhy = 56

// stateWords is the state with what else is true of the account.
func stateWords(l *explain.Life) string {
	words := []string{}
	for _, w := range []struct {
		word string
		is   bool
	}{{"staged", l.Staged}, {"pinned", l.Pinned}, {"protected", l.Protected}} {
		if w.is {
			words = append(words, w.word)
		}
	}
	if len(words) > 0 {
		return l.State + " (" + strings.Join(words, ", ") + ")"
	}
	return l.State
}

func eventBy(e *explain.Event) string {
	switch e.By {
	case state.CausePush:
		return "push, key " + e.Actor
	case state.CauseOperator, state.CauseApproval:
		return e.Actor
	}
	return strings.TrimSuffix(string(e.By)+", "+e.Actor, ", ")
}

func eventWhy(e *explain.Event) string {
	why := e.Why
	if e.Group != nil {
		why = strings.TrimSuffix(e.Group.Name+": "+why, ": ")
	}
	if e.Until != nil {
		why += fmt.Sprintf(" (%d times, until %s)", e.Times, when(*e.Until))
	}
	return why
}

// eventLines are what stands below an event: the request, the values, and what it rests on.
func (s *session) eventLines(e *explain.Event) []string {
	var lines []string
	if r := e.Request; r != nil {
		lines = append(lines, fold(fmt.Sprintf("%s%s %s: %d", valueIndent, r.Method, r.Path, r.Status), valueIndent+"  ", s.width())...)
	}
	for _, c := range e.Changes {
		v := plan.Value{Label: c.Path, Before: jsonWords(c.Before), After: jsonWords(c.After)}
		if string(c.Before) == "null" {
			v.Before = ""
		}
		lines = append(lines, valueLines(v, s.width())...)
	}
	for _, w := range e.Witnesses {
		lines = append(lines, strings.Split(wrap(clean("witness: "+explain.WitnessText(w)), valueIndent, s.width()), "\n")...)
	}
	return lines
}

// jsonWords is a value as people read it: JSON, but for one that is absent.
func jsonWords(value []byte) string {
	if string(value) == "null" {
		return "nothing"
	}
	return string(value)
}

// printNow prints what the provider says at this moment.
func (s *session) printNow(n *explain.Now) {
	fmt.Fprintln(s.stdout)
	s.line("%s, asked at %s", "At the provider now", when(n.At))
	s.line("%s", n.Sentence)
	rows := s.newSheet("  TARGET", "VALUE~")
	for _, m := range n.Mapped {
		value := jsonWords(m.Value)
		if m.Error != "" {
			value = "cannot be evaluated: " + m.Error
		}
		rows.add("  "+m.Target, value)
	}
	if len(n.Mapped) > 0 {
		rows.flush()
	}
}
