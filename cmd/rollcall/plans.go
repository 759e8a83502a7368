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
		status := state.PlanHeld
		if all {
			status = ""
		}
		plans, err := s.rec.PlanHeads(ctx, scope, status, "", limit)
		if err != nil {
			return fmt.Errorf("list plans: %w", err)
		}
		out := s.newPlanList()
		add := func(v planView) { addPlan(out, v) }
		if err := s.eachStagedView(ctx, source, add); err != nil {
			return err
		}
		for _, p := range plans {
			add(newPlanView(p))
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

// newPlanList starts a list of plans. Ids are never cut: everything else is called by them.
func (a *app) newPlanList() *lister {
	return a.newLister("SOURCE~", "CHANGES", "WHY~", "PLAN", "MADE?", "STATUS?")
}

func addPlan(list *lister, v planView) {
	list.add(v, v.Source, changesOf(v), v.Reason, v.ID, when(v.CreatedAt), string(v.Status))
}

// changesOf counts what is in a plan, in few letters.
func changesOf(v planView) string {
	if v.Removals == 0 {
		return fmt.Sprint(v.Changes)
	}
	return fmt.Sprintf("%d (%d out)", v.Changes, v.Removals)
}

func plansShowCommand(a *app) *cobra.Command {
	var live bool
	cmd := &cobra.Command{
		Use:   "show PLAN",
		Short: "Show what a held plan would change, why, and what has moved since",
		Long: `Prints a plan, and, while it is held, which of its changes would no longer stand: because the
account has changed since, as the record knows, or, with --live, because the person is another
now, as the provider says when it is asked.`,
		Example: `  rollcall plans show 0198c1d2-0000-7000-8000-000000000000
  rollcall plans show 0198c1d2-0000-7000-8000-000000000000 --live
  rollcall plans show 0198c1d2-0000-7000-8000-000000000000 --output json | jq .details.changes`,
		Args: wants("PLAN"),
	}
	a.outputFlag(cmd)
	cmd.Flags().BoolVar(&live, "live", false, "ask the provider about everyone in it")
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, args []string) error {
		if waiting, ok, err := s.stagedIn(ctx, args[0]); ok {
			return s.showStaged(waiting, err)
		}
		p, err := s.held(ctx, args[0])
		if err != nil {
			return err
		}
		source := dirsync.Source{Scope: p.Scope}
		if live {
			if err := s.stillHeld(ctx, p); err != nil {
				return err
			}
			if source, err = s.approvable(p); err != nil {
				return err
			}
		}
		reviewed, err := newEngine(s.rec, s.cfg.Users, s.logger(slog.LevelWarn)).Review(ctx, source, p, live)
		if err != nil {
			return fmt.Errorf("review plan %s: %w", p.ID, err)
		}
		if s.output == "json" {
			return s.printJSON(newReviewView(p, reviewed))
		}
		s.printHeld(p, reviewed, live)
		return nil
	})
	return cmd
}

// reviewView is a plan with what has moved since, as scripts read it.
type reviewView struct {
	planView
	Details plan.Plan              `json:"details"`
	Moved   []dirsync.ChangeResult `json:"moved"`    // changes that would no longer stand
	FoundAt *time.Time             `json:"found_at"` // when the source's last pull found the same; null: it did not
}

func newReviewView(p state.HeldPlan, r dirsync.Reviewed) reviewView {
	v := reviewView{newPlanView(p), r.Plan, r.Moved, optional(r.ReadAt)}
	if v.Moved == nil {
		v.Moved = []dirsync.ChangeResult{}
	}
	return v
}

// printHeld prints a plan and what has moved since it was made.
func (s *session) printHeld(h state.HeldPlan, r dirsync.Reviewed, live bool) {
	fmt.Fprintf(s.stdout, "plan %s of source %s, made %s, %s\nwhy: %s\n", h.ID, h.Scope.Source, when(h.CreatedAt), h.Status, clean(h.Reason))
	switch {
	case h.DecidedBy != "":
		fmt.Fprintf(s.stdout, "%s by %s, %s\n", h.Status, clean(h.DecidedBy), when(h.DecidedAt))
	case r.Plan.Undo != "":
		fmt.Fprintf(s.stdout, "it takes back %s\n", clean(r.Plan.Undo))
	case r.ReadAt.IsZero():
		s.line("The source's last pull did not find the same.")
	default:
		fmt.Fprintf(s.stdout, "last found so by the pull of %s\n", when(r.ReadAt))
	}
	fmt.Fprintln(s.stdout)
	s.printPlan(r.Plan)
	if h.Status != state.PlanHeld {
		return
	}
	s.printFallen("WOULD NOT STAND", r.Plan, r.Moved)
	as := "as far as the record knows; --live asks the provider"
	if live || r.Plan.Undo != "" {
		as = "as of now"
	}
	s.line("%d of %s would still stand, %s.", len(r.Plan.Changes)-len(r.Moved), plural(len(r.Plan.Changes), "change"), as)
	fmt.Fprintf(s.stdout, "Approve it with 'rollcall plans approve %s', or drop it with 'rollcall plans discard %s'.\n", h.ID, h.ID)
}
