package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/cmd/internal/console"
	"rollcall/state"
	dirsync "rollcall/sync"
	"rollcall/sync/explain"
	"rollcall/sync/mapping"
	"rollcall/sync/plan"
)

// consoleWork does for the console what takes a provider, a lease or a plan. It goes by the configuration that is in force, and its
// errors are sentences for whoever clicked.
type consoleWork struct {
	service *service
	pulls   *handPulls
}

var _ console.Work = consoleWork{}

// Why a source cannot do what was asked.
const (
	refusedBusy    = console.Refusal("Another run is at work on this source. Nothing was changed; try again when it is done.")
	refusedDormant = console.Refusal("The source is not in the configuration. Nothing was changed; add it again, or end it with 'rollcall sources end'.")
	refusedPush    = console.Refusal("The source is push-only: there is no provider to ask. Nothing was changed.")
)

func refused(format string, args ...any) error { return console.Refusal(fmt.Sprintf(format, args...)) }

// source returns a configured source, ready to run; with ask it must have a provider to ask.
func (w consoleWork) source(name string, ask bool) (*generation, dirsync.Source, error) {
	g := w.service.current.Load()
	src, ok := g.cfg.source(name)
	if !ok {
		return nil, dirsync.Source{}, refusedDormant
	}
	if !ask {
		return g, src.ruled(), nil
	}
	if why := g.whyNot(src); why != "" {
		return nil, dirsync.Source{}, refused("The source is misconfigured: %s Nothing was changed.", sentence(why))
	}
	source := g.runnable[name]
	if source.Connector == nil {
		return nil, dirsync.Source{}, refusedPush
	}
	return g, source, nil
}

func (w consoleWork) Review(ctx context.Context, planID string) (console.Reviewed, error) {
	held, err := w.service.rec.HeldPlan(ctx, planID)
	if err != nil {
		return console.Reviewed{}, err
	}
	r, err := w.service.current.Load().engine.Review(ctx, dirsync.Source{Scope: held.Scope}, held, false)
	if err != nil {
		return console.Reviewed{}, fmt.Errorf("review plan %s: %w", planID, err)
	}
	reviewed := console.Reviewed{Held: held, Plan: r.Plan}
	reviewed.Held.Body = nil
	if held.Status != state.PlanHeld || len(r.Moved) == 0 {
		return reviewed, nil
	}
	moved := map[int]bool{}
	for _, m := range r.Moved {
		moved[m.Change] = true
		reviewed.Moved = append(reviewed.Moved, console.Moved{Change: r.Plan.Changes[m.Change], Why: m.Detail})
	}
	reviewed.Plan.Changes = nil
	for i, c := range r.Plan.Changes {
		if !moved[i] {
			reviewed.Plan.Changes = append(reviewed.Plan.Changes, c)
		}
	}
	return reviewed, nil
}

func (w consoleWork) Approve(ctx context.Context, planID, seen, by string) (console.Done, error) {
	if name, staged := strings.CutPrefix(planID, stagedPlan); staged {
		return w.decideStaged(ctx, name, seen, by, true)
	}
	held, err := w.held(ctx, planID)
	if err != nil {
		return console.Done{}, err
	}
	details, err := plan.Decode(held.Body)
	if err != nil {
		return console.Done{}, refused("The plan cannot be read: %v. Nothing was changed.", err)
	}
	g, source, err := w.source(held.Scope.Source, details.Undo == "")
	if err != nil {
		return console.Done{}, err
	}
	report, err := g.engine.Approve(ctx, source, planID, by)
	if err != nil {
		return console.Done{}, told("approve the plan", err)
	}
	w.service.alarms.look()
	report.Run.Plan = "" // it waits no more
	return doneOf(report), nil
}

func (w consoleWork) Discard(ctx context.Context, planID, seen, by string) (console.Done, error) {
	if name, staged := strings.CutPrefix(planID, stagedPlan); staged {
		return w.decideStaged(ctx, name, seen, by, false)
	}
	held, err := w.held(ctx, planID)
	if err != nil {
		return console.Done{}, err
	}
	if err := w.service.current.Load().engine.Discard(ctx, dirsync.Source{Scope: held.Scope}, planID, by); err != nil {
		return console.Done{}, told("discard the plan", err)
	}
	w.service.alarms.look()
	return console.Done{Says: "The plan is discarded. These people are left alone until the provider says something else about them."}, nil
}

// held reads a plan that still waits for a decision.
func (w consoleWork) held(ctx context.Context, planID string) (state.HeldPlan, error) {
	held, err := w.service.rec.HeldPlan(ctx, planID)
	switch {
	case err != nil:
		return held, err
	case held.Status != state.PlanHeld:
		by := ""
		if held.DecidedBy != "" {
			by = " by " + held.DecidedBy
		}
		return held, refused("The plan is %s already%s. Nothing was changed.", held.Status, by)
	}
	return held, nil
}

// decideStaged decides on every removal that a source's provider pushed and that the gate holds, if these are the ones that were seen. What
// changes after that stays as it is: each is decided on at the version that was seen.
func (w consoleWork) decideStaged(ctx context.Context, name, seen, by string, approve bool) (console.Done, error) {
	recorded, err := w.service.rec.Source(ctx, name)
	if err != nil {
		return console.Done{}, err
	}
	waiting, err := stagings(ctx, w.service.rec, recorded.Scope)
	if err != nil {
		return console.Done{}, err
	}
	if digestOf(waiting) != seen {
		return console.Done{}, refused("What waits is not what the page showed any more: something was pushed or settled since. Nothing was changed; look at it again.")
	}
	decided, err := settleStaged(w.service.rec, waiting, approve, by)
	if err != nil {
		return console.Done{}, told("decide on what was pushed", err)
	}
	w.service.alarms.look()
	done := console.Done{Applied: decided.done}
	if approve {
		done.Says = fmt.Sprintf("%s of %d in force.", plural(decided.done, "removal"), len(waiting))
	} else {
		done.Says = fmt.Sprintf("%s of %d discarded; the accounts are pinned as active until somebody takes the pin away.", plural(decided.done, "removal"), len(waiting))
	}
	for _, f := range decided.refused {
		done.Mishaps = append(done.Mishaps, fmt.Sprintf("Account %s was left as it is: %v.", f.account, f.err))
	}
	return done, nil
}

func (w consoleWork) Undo(ctx context.Context, runID, by string, dryRun bool) (plan.Plan, console.Done, error) {
	run, err := w.service.rec.Run(ctx, runID)
	if err != nil {
		return plan.Plan{}, console.Done{}, err
	}
	g, source, err := w.source(run.Scope.Source, false)
	if err != nil {
		return plan.Plan{}, console.Done{}, err
	}
	report, err := g.engine.Undo(ctx, source, dirsync.Undo{Run: run.ID, Since: run.StartedAt}, dirsync.Order{Actor: by, DryRun: dryRun})
	if err != nil {
		return plan.Plan{}, console.Done{}, told("take the run back", err)
	}
	done := doneOf(report)
	done.Says = explain.UndoSum(&report.Plan.Counts, &report.Plan.Gate)
	if !dryRun && len(report.Plan.Changes) > 0 {
		done.Says += " The provider still says what it said, and a pull would do the same again: the source is only observed until somebody has looked."
	}
	return report.Plan, done, nil
}

// personTime is how long an operator waits for one person's pull.
const personTime = time.Minute

func (w consoleWork) SyncPerson(ctx context.Context, scope state.Scope, account state.ID, by string) (console.Done, error) {
	r, err := w.service.rec.Record(ctx, scope, state.KindAccount, account)
	if err != nil {
		return console.Done{}, err
	}
	if r.Link == "" {
		return console.Done{}, refused("The account is not tied to a person at the provider yet: a pull of the whole source ties it. Nothing was changed.")
	}
	g, source, err := w.source(scope.Source, true)
	if err != nil {
		return console.Done{}, err
	}
	answered, cancel := context.WithTimeout(ctx, personTime)
	defer cancel()
	report, err := g.engine.RunPeople(answered, source, dirsync.Order{Trigger: dirsync.TriggerHand, Actor: by}, []string{r.Link})
	if err != nil && answered.Err() != nil && ctx.Err() == nil {
		return console.Done{}, refused("The provider gave no answer within %s: it may be throttling, or out of reach. Whatever was changed before stands below; the source's page says more.", explain.Span(personTime))
	}
	if err != nil {
		return console.Done{}, told("ask for this person", err)
	}
	w.service.ended(g, source, report, nil)
	return doneOf(report), nil
}

func (w consoleWork) SyncSource(_ context.Context, scope state.Scope, by string) error {
	if _, _, err := w.source(scope.Source, true); err != nil {
		return err
	}
	return w.pulls.order(scope.Source, by)
}

func (w consoleWork) Ask(ctx context.Context, subject explain.Subject) (*explain.Now, error) {
	if subject.Person == "" {
		return nil, refused("Which person at the provider this is, is not known: a pull of the whole source ties them.")
	}
	g, _, err := w.source(subject.Scope.Source, true)
	if err != nil {
		return nil, err
	}
	quiet := *w.service.app
	quiet.watched = false
	now, err := (&session{app: &quiet, cfg: g.cfg, rec: w.service.rec}).askNow(ctx, &subject)
	if err != nil {
		return nil, told("ask the provider", err)
	}
	return now, nil
}

func (w consoleWork) Watch(ctx context.Context, source string, tell func(console.Progress) bool) {
	w.service.progress.watch(ctx, source, tell)
}

// told makes of an error a sentence for an operator.
func told(what string, err error) error {
	switch {
	case errors.Is(err, state.ErrLeased):
		return refusedBusy
	case errors.Is(err, state.ErrNotFound):
		return err
	case errors.Is(err, context.Canceled):
		return refused("It was interrupted. What was applied stays so; doing it again does the rest.")
	}
	return refused("It was not possible to %s: %s", what, sentence(err.Error()))
}

// mishapsTold bounds how many of the changes that were not carried out are told one by one.
const mishapsTold = 20

// doneOf tells what became of a run.
func doneOf(r dirsync.Report) console.Done {
	done := console.Done{Applied: appliedOf(r), Held: r.Plan.Counts.Held, Run: r.Run.ID, Plan: r.Run.Plan}
	left := 0
	for _, result := range r.Results {
		so := result.Outcome == dirsync.ChangeApplied || result.Outcome == dirsync.ChangeDone // or was so already
		if so || result.Change >= len(r.Plan.Changes) {
			continue
		}
		if left++; left <= mishapsTold {
			c := r.Plan.Changes[result.Change]
			done.Mishaps = append(done.Mishaps, fmt.Sprintf("%s was not carried out (%s): %s", c.Action.Text(), c.Name, sentence(cmp.Or(result.Detail, result.Outcome))))
		}
	}
	if left > mishapsTold {
		done.Mishaps = append(done.Mishaps, fmt.Sprintf("%s more were not carried out; the run's page lists them.", plural(left-mishapsTold, "change")))
	}
	switch {
	case r.Unread || r.Run.Verdict != "" && r.Run.Verdict != state.VerdictComplete && len(r.Plan.Changes) == 0:
		done.Says = "Nothing was changed: " + sentence(cmp.Or(r.Run.Reason, "the provider could not be read"))
	case len(r.Plan.Changes) == 0:
		done.Says = explain.PlanSum(&r.Plan.Counts, &r.Plan.Gate)
	default:
		done.Says = fmt.Sprintf("%s of %d applied.", plural(done.Applied, "change"), len(r.Plan.Changes))
	}
	if done.Held > 0 && done.Plan != "" {
		done.Says += " " + explain.AwaitingApproval(r.Plan.Counts.Held, r.Plan.Counts.Removals) + "."
	}
	return done
}

// consoleSources lists the sources as the console shows them: the configured ones, and those that are recorded alone.
func (s *service) consoleSources() []console.Source {
	g := s.current.Load()
	var all []console.Source
	for i := range g.cfg.Sources {
		src := &g.cfg.Sources[i]
		all = append(all, console.Source{
			Scope: src.scope(), Setup: healthSetup(src, g.whyNot(src)), Mapping: mappingRows(src), Groups: src.Groups, People: src.People,
		})
	}
	recorded, err := s.rec.ListSources(context.Background())
	if err != nil {
		s.log.Error("the recorded sources could not be listed", logError, err)
	}
	for _, r := range recorded {
		if _, configured := g.cfg.source(r.Scope.Source); !configured {
			all = append(all, console.Source{Scope: r.Scope, Setup: explain.Setup{Kind: r.Kind}})
		}
	}
	slices.SortFunc(all, func(a, b console.Source) int { return strings.Compare(a.Scope.Source, b.Scope.Source) })
	return all
}

// mappingRows is a source's mapping as the configuration has it, with the kind of each row in the words of its provider's own screen.
func mappingRows(src *sourceConfig) []console.MappingRow {
	var rows []console.MappingRow
	for _, r := range src.Mapping {
		row := console.MappingRow{Target: r.Target, Type: "Expression", Source: r.Source, Match: r.Match, Apply: cmp.Or(string(r.Apply), string(mapping.Always))}
		switch inner := strings.TrimSuffix(strings.TrimPrefix(r.Source, "["), "]"); {
		case "["+inner+"]" == r.Source && !strings.ContainsAny(inner, "[]"):
			row.Type = "Direct"
		case strings.HasPrefix(r.Source, `"`) && strings.HasSuffix(r.Source, `"`) && strings.Count(r.Source, `"`) == 2:
			row.Type = "Constant"
		}
		rows = append(rows, row)
	}
	return rows
}
