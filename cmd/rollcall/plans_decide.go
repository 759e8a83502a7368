package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"rollcall/cmd/internal/console"
	"rollcall/state"
	dirsync "rollcall/sync"
	"rollcall/sync/explain"
	"rollcall/sync/plan"
)

// decision is one way of deciding on held plans.
type decision struct {
	verb, short, long string
	approves          bool
	decide            func(s *session, ctx context.Context, p state.HeldPlan) error // prints what became of it
}

func plansApproveCommand(a *app) *cobra.Command {
	return a.decisionCommand(decision{
		verb: "approve", short: "Apply what still stands of a held plan, or of all",
		long: `Applies a held plan, change by change: what still stands on its version and its witnesses is
carried out, the rest is listed and left to the next run. It is journalled under your name, and
does not count against the gate.

With --all every plan that is held is approved, after a summary and your word for it.

Exit code 0 when all of it was applied, 3 when a part was, 1 for an error: then the plan stays
held.`,
		approves: true, decide: (*session).approve,
	})
}

func plansDiscardCommand(a *app) *cobra.Command {
	return a.decisionCommand(decision{
		verb: "discard", short: "Drop a held plan, or all, and leave these people alone until the facts change",
		long: `Drops a held plan. For each person in it the fact is remembered: no run proposes the same
change again until the provider says something else about that person.

With --all every plan that is held is dropped, after a summary and your word for it.`,
		decide: (*session).discard,
	})
}

func (a *app) decisionCommand(d decision) *cobra.Command {
	var all, yes bool
	var source string
	cmd := &cobra.Command{
		Use: d.verb + " [PLAN]", Short: d.short, Long: d.long,
		Example: "  rollcall plans " + d.verb + " 0198c1d2-0000-7000-8000-000000000000\n  rollcall plans " + d.verb + " --all --source acme-entra",
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case all:
				return wants()(cmd, args)
			case source != "" || yes:
				return usagef("--source and --yes go with --all; see '%s --help'", cmd.CommandPath())
			}
			return wants("PLAN")(cmd, args)
		},
	}
	a.outputFlag(cmd)
	a.sourceFlag(cmd, &source, "with --all: only of the source `NAME`")
	cmd.Flags().BoolVar(&all, "all", false, "every plan that is held")
	cmd.Flags().BoolVar(&yes, "yes", false, "with --all: don't ask")
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, args []string) error {
		if all {
			return s.decideAll(ctx, d, source, yes)
		}
		if waiting, ok, err := s.stagedIn(ctx, args[0]); ok {
			return s.decideStaged(ctx, waiting, d.approves, err)
		}
		p, err := s.held(ctx, args[0])
		if err == nil {
			err = s.stillHeld(ctx, p)
		}
		if err != nil {
			return err
		}
		return d.decide(s, ctx, p)
	})
	return cmd
}

// stillHeld returns an error that says what became of a plan which is no longer held.
func (s *session) stillHeld(ctx context.Context, p state.HeldPlan) error {
	if p.Status != state.PlanReplaced {
		if p.Status == state.PlanHeld {
			return nil
		}
		return fmt.Errorf("plan %s is %s already", p.ID, p.Status)
	}
	list, err := s.rec.PlanHeads(ctx, p.Scope, state.PlanHeld, "", 1)
	if err != nil {
		return fmt.Errorf("list plans: %w", err)
	}
	if len(list) > 0 {
		return fmt.Errorf("plan %s was replaced: the plan of source %s that is held now is %s; look at it with 'rollcall plans show %s'",
			p.ID, p.Scope.Source, list[0].ID, list[0].ID)
	}
	return fmt.Errorf("plan %s was replaced: a later run of source %s asks for none of it", p.ID, p.Scope.Source)
}

// pending is something that waits for a decision: a held plan, or what a source's provider pushed and the gate holds.
type pending struct {
	view    planView
	summary []string
	decide  func() error
}

// pendings lists everything that waits, of one source or all.
func (s *session) pendings(ctx context.Context, d decision, source string) ([]pending, error) {
	scopes, err := s.scopes(ctx, source)
	if err != nil {
		return nil, err
	}
	var all []pending
	for _, scope := range scopes {
		plans, err := s.rec.ListPlans(ctx, scope, 1)
		if err != nil {
			return nil, fmt.Errorf("list plans: %w", err)
		}
		if len(plans) > 0 && plans[0].Status == state.PlanHeld {
			lines, err := summaryOf(plans[0])
			if err != nil {
				return nil, err
			}
			all = append(all, pending{newPlanView(plans[0]), lines, func() error { return d.decide(s, ctx, plans[0]) }})
		}
		waiting, err := stagings(ctx, s.rec, scope)
		if err != nil {
			return nil, err
		}
		view, any, err := s.stagedView(ctx, scope)
		if err != nil {
			return nil, err
		}
		if any {
			names := make([]string, len(waiting))
			for i := range waiting {
				names[i] = explain.UserName(waiting[i].record.Resource)
			}
			all = append(all, pending{view, []string{summaryLine("deactivate, as it was pushed", names)}, func() error { return s.decideStaged(ctx, waiting, d.approves, nil) }})
		}
	}
	return all, nil
}

// decideAll decides on everything that waits, once somebody has given their word for it. One that fails stops no other.
func (s *session) decideAll(ctx context.Context, d decision, source string, yes bool) error {
	all, err := s.pendings(ctx, d, source)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		fmt.Fprintln(s.stderr, "no plan is held")
		return nil
	}
	if !yes {
		if err := s.wordFor(d.verb, all); err != nil {
			return err
		}
	}
	code := exitDone
	for _, p := range all {
		if s.output != "json" {
			fmt.Fprintf(s.stdout, "%s: plan %s\n", p.view.Source, p.view.ID)
		}
		if err := p.decide(); err != nil {
			code = worse(code, s.report(err))
		}
	}
	return exitWith(code)
}

// wordFor shows on standard error what would be decided on, and wants the word for it typed on a terminal.
func (s *session) wordFor(verb string, all []pending) error {
	if !s.asks {
		return usagef("plans %s --all asks before it does anything, and here is nobody to ask; say --yes", verb)
	}
	for _, p := range all {
		fmt.Fprintf(s.stderr, "%s: %s, made %s (%s)\n", p.view.Source, plural(p.view.Changes, "change"), when(p.view.CreatedAt), p.view.ID)
		for _, line := range p.summary {
			fmt.Fprintln(s.stderr, clean(line))
		}
	}
	if !s.typed(verb, verb+" "+plural(len(all), "plan")) {
		return &exitError{code: exitFailed, err: errors.New("nothing is decided: that was not the word")}
	}
	return nil
}

// summaryNames is how many people of each action a summary names.
const summaryNames = 5

// summaryOf counts what a plan does, action by action, and names the first.
func summaryOf(held state.HeldPlan) ([]string, error) {
	p, err := plan.Decode(held.Body)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, action := range plan.Actions {
		var names []string
		for i := range p.Changes {
			if c := &p.Changes[i]; c.Action == action {
				names = append(names, c.Name)
			}
		}
		if len(names) == 0 {
			continue
		}
		lines = append(lines, summaryLine(action.Text(), names))
	}
	return lines, nil
}

func summaryLine(what string, names []string) string {
	line := fmt.Sprintf("  %d to %s: %s", len(names), what, strings.Join(names[:min(len(names), summaryNames)], ", "))
	if more := len(names) - summaryNames; more > 0 {
		line += fmt.Sprintf(" and %d more", more)
	}
	return line
}

// approve applies what stands of a plan and prints what became of it.
func (s *session) approve(ctx context.Context, p state.HeldPlan) error {
	source, err := s.approvable(p)
	if err != nil {
		return err
	}
	report, err := newEngine(s.rec, s.cfg.Users, s.logger(slog.LevelWarn)).Approve(ctx, source, p.ID, s.operator())
	if err != nil {
		return decisionFailed("approve", p, err)
	}
	s.deed(ctx, console.DeedApproved, p.Scope, p.ID, "")
	return s.printApplied(report)
}

func (s *session) discard(ctx context.Context, p state.HeldPlan) error {
	err := newEngine(s.rec, s.cfg.Users, s.logger(slog.LevelWarn)).Discard(ctx, dirsync.Source{Scope: p.Scope}, p.ID, s.operator())
	if err != nil {
		return decisionFailed("discard", p, err)
	}
	s.deed(ctx, console.DeedDiscarded, p.Scope, p.ID, "")
	if s.output == "json" {
		p, err := s.held(ctx, p.ID)
		if err != nil {
			return err
		}
		return s.printJSON(newPlanView(p))
	}
	fmt.Fprintf(s.stdout, "plan %s is discarded\n", p.ID)
	return nil
}

func decisionFailed(verb string, p state.HeldPlan, err error) error {
	if errors.Is(err, state.ErrLeased) {
		return fmt.Errorf("source %s: another process is working on it; try again when that is done", p.Scope.Source)
	}
	return fmt.Errorf("%s plan %s: %w", verb, p.ID, err)
}

// approvable returns the source of a plan, ready to look people up; an undo needs nobody to be looked up.
func (s *session) approvable(p state.HeldPlan) (dirsync.Source, error) {
	src, err := s.configured(p.Scope.Source)
	if err != nil {
		return dirsync.Source{}, err
	}
	if details, err := plan.Decode(p.Body); err != nil || details.Undo != "" {
		return src.ruled(), err
	}
	sources, broken, err := s.runnables([]*sourceConfig{src})
	if err := errors.Join(err, broken); err != nil {
		return dirsync.Source{}, err
	}
	return sources[0], nil
}

// isTerminal tells whether somebody sits at the other end of a stream.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
