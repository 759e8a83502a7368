package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"rollcall/state"
	dirsync "rollcall/sync"
	"rollcall/sync/plan"
)

func plansCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plans",
		Short: "See, approve or discard what the gate held",
		Long: `A run that would remove too many people, or that nobody has looked at yet, holds that part of
its plan. A source has at most one held plan, the newest. Bare 'plans' lists them.

Removals that a provider pushed and the gate holds (push_gate: hold) are listed beside them, as
staged:SOURCE, and are shown, approved and discarded by that name.`,
		Example: `  rollcall plans list
  rollcall plans show 0198c1d2-0000-7000-8000-000000000000
  rollcall plans approve 0198c1d2-0000-7000-8000-000000000000`,
		Args: wants(),
	}
	list := plansListCommand(a)
	cmd.Flags().AddFlagSet(list.Flags())
	cmd.RunE = list.RunE
	cmd.AddCommand(list, plansShowCommand(a), plansApproveCommand(a), plansDiscardCommand(a))
	return cmd
}

// planView is a held plan as scripts read it.
type planView struct {
	ID        string           `json:"id"`
	Tenant    string           `json:"tenant"`
	Source    string           `json:"source"`
	Run       string           `json:"run"`
	Status    state.PlanStatus `json:"status"`
	Reason    string           `json:"reason"`
	Changes   int              `json:"changes"`
	Removals  int              `json:"removals"`
	CreatedAt time.Time        `json:"created_at"`
	DecidedBy string           `json:"decided_by"`
	DecidedAt *time.Time       `json:"decided_at"`
}

func newPlanView(p state.HeldPlan) planView {
	return planView{
		ID: p.ID, Tenant: p.Scope.Tenant, Source: p.Scope.Source, Run: p.Run, Status: p.Status, Reason: p.Reason, Changes: p.Changes,
		Removals: p.Removals, CreatedAt: p.CreatedAt.UTC(), DecidedBy: p.DecidedBy, DecidedAt: optional(p.DecidedAt),
	}
}

func plansListCommand(a *app) *cobra.Command {
	var source string
	var all bool
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List held plans",
		Example: `  rollcall plans list
  rollcall plans list --all --source acme-entra`,
		Args: wants(),
	}
	a.outputFlag(cmd)
	a.sourceFlag(cmd, &source, "only of the source `NAME`")
	cmd.Flags().BoolVar(&all, "all", false, "those that are decided or replaced as well")
	cmd.Flags().IntVar(&limit, "limit", 100, "look at the newest `N`")
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, _ []string) error {
		if limit < 1 {
			return usagef("--limit must be 1 or more")
		}
		scope, err := s.oneOrAll(ctx, source)
		if err != nil {
			return err
		}
		plans, err := s.rec.ListPlans(ctx, scope, limit)
		if err != nil {
			return fmt.Errorf("list plans: %w", err)
		}
		out := s.newLister("MADE?", "SOURCE", "STATUS", "CHANGES", "REMOVALS", "WHY~", "PLAN")
		add := func(v planView) {
			out.add(v, when(v.CreatedAt), v.Source, string(v.Status), fmt.Sprint(v.Changes), fmt.Sprint(v.Removals), v.Reason, v.ID)
		}
		if err := s.eachStagedView(ctx, source, add); err != nil {
			return err
		}
		for _, p := range plans {
			if all || p.Status == state.PlanHeld {
				add(newPlanView(p))
			}
		}
		return out.end("no plan is held")
	})
	return cmd
}

// held reads a plan by its id.
func (s *session) held(ctx context.Context, id string) (state.HeldPlan, error) {
	p, err := s.rec.HeldPlan(ctx, id)
	if errors.Is(err, state.ErrNotFound) {
		return p, fmt.Errorf("there is no plan %q; 'rollcall plans list --all' shows those there are", id)
	}
	if err != nil {
		return p, fmt.Errorf("read plan: %w", err)
	}
	return p, nil
}

func plansShowCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show PLAN",
		Short: "Show what a held plan would change, and why",
		Example: `  rollcall plans show 0198c1d2-0000-7000-8000-000000000000
  rollcall plans show 0198c1d2-0000-7000-8000-000000000000 --output json | jq .details.changes`,
		Args: wants("PLAN"),
	}
	a.outputFlag(cmd)
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, args []string) error {
		if waiting, ok, err := s.stagedIn(ctx, args[0]); ok {
			return s.showStaged(waiting, err)
		}
		p, err := s.held(ctx, args[0])
		if err != nil {
			return err
		}
		details, err := plan.Decode(p.Body)
		if err != nil {
			return err
		}
		if s.output == "json" {
			return s.printJSON(struct {
				planView
				Details plan.Plan `json:"details"`
			}{newPlanView(p), details})
		}
		s.printHeld(p, details)
		return nil
	})
	return cmd
}

func plansApproveCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "approve PLAN",
		Short: "Apply what still stands of a held plan",
		Long: `Applies a held plan, change by change: what still stands on its version and its witnesses is
carried out, the rest is listed and left to the next run. It is journalled under your name, and
does not count against the gate.

Exit code 0 when all of it was applied, 3 when a part was, 1 for an error: then the plan stays
held.`,
		Example: `  rollcall plans approve 0198c1d2-0000-7000-8000-000000000000`,
		Args:    wants("PLAN"),
	}
	a.outputFlag(cmd)
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, args []string) error {
		if waiting, ok, err := s.stagedIn(ctx, args[0]); ok {
			return s.decideStaged(waiting, true, err)
		}
		source, err := s.decidable(ctx, args[0])
		if err != nil {
			return err
		}
		report, err := newEngine(s.rec, s.cfg.Users, s.logger(slog.LevelWarn)).Approve(ctx, source, args[0], s.operator())
		if err != nil {
			return fmt.Errorf("approve: %w", err)
		}
		if s.output == "json" {
			if err := s.printJSON(newSyncView(report, false)); err != nil {
				return err
			}
		} else {
			s.printMishaps(report)
			fmt.Fprintf(s.stdout, "%s of %d applied.\n", plural(appliedOf(report), "change"), len(report.Plan.Changes))
		}
		if appliedOf(report) < len(report.Plan.Changes) {
			return exitWith(exitPartly)
		}
		return nil
	})
	return cmd
}

func plansDiscardCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "discard PLAN",
		Short: "Drop a held plan, and leave these people alone until the facts change",
		Long: `Drops a held plan. For each person in it the fact is remembered: no run proposes the same
change again until the provider says something else about that person.`,
		Example: `  rollcall plans discard 0198c1d2-0000-7000-8000-000000000000`,
		Args:    wants("PLAN"),
		RunE: a.withRecord(func(ctx context.Context, s *session, args []string) error {
			if waiting, ok, err := s.stagedIn(ctx, args[0]); ok {
				return s.decideStaged(waiting, false, err)
			}
			source, err := s.decidable(ctx, args[0])
			if err != nil {
				return err
			}
			if err := newEngine(s.rec, s.cfg.Users, s.logger(slog.LevelWarn)).Discard(ctx, source, args[0], s.operator()); err != nil {
				return fmt.Errorf("discard: %w", err)
			}
			fmt.Fprintf(s.stdout, "plan %s is discarded\n", args[0])
			return nil
		}),
	}
}

// decidable returns the source of a plan, ready to look people up, or says why the plan cannot be decided.
func (s *session) decidable(ctx context.Context, id string) (dirsync.Source, error) {
	p, err := s.held(ctx, id)
	if err != nil {
		return dirsync.Source{}, err
	}
	if p.Status != state.PlanHeld {
		return dirsync.Source{}, fmt.Errorf("plan %s is %s already", id, p.Status)
	}
	src, err := s.configured(p.Scope.Source)
	if err != nil {
		return dirsync.Source{}, err
	}
	sources, broken, err := s.runnables([]*sourceConfig{src})
	if err := errors.Join(err, broken); err != nil {
		return dirsync.Source{}, err
	}
	return sources[0], nil
}
