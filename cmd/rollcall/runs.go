package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"rollcall/state"
)

func runsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "See what runs did: what they read, planned and changed",
		Long: `A run is one pull, its plan, and what was applied of it. It is kept whole. Dry runs are not
recorded. Bare 'runs' lists them, newest first.`,
		Example: `  rollcall runs list --source acme-entra --limit 5
  rollcall runs show 0198c1d2-0000-7000-8000-000000000000`,
		Args: wants(),
	}
	list := runsListCommand(a)
	cmd.Flags().AddFlagSet(list.Flags())
	cmd.RunE = list.RunE
	cmd.AddCommand(list, runsShowCommand(a))
	return cmd
}

// runView is a run as scripts read it.
type runView struct {
	ID        string          `json:"id"`
	Tenant    string          `json:"tenant"`
	Source    string          `json:"source"`
	Trigger   string          `json:"trigger"`
	Actor     string          `json:"actor"`
	StartedAt time.Time       `json:"started_at"`
	EndedAt   *time.Time      `json:"ended_at"`
	Verdict   state.Verdict   `json:"verdict"`
	Outcome   string          `json:"outcome"`
	Reason    string          `json:"reason"`
	Plan      string          `json:"plan"`
	Report    json.RawMessage `json:"report,omitempty"`
}

func newRunView(r state.Run) runView {
	return runView{
		ID: r.ID, Tenant: r.Scope.Tenant, Source: r.Scope.Source, Trigger: r.Trigger, Actor: r.Actor, StartedAt: r.StartedAt.UTC(),
		EndedAt: optional(r.EndedAt), Verdict: r.Verdict, Outcome: r.Outcome, Reason: r.Reason, Plan: r.Plan,
	}
}

func runsListCommand(a *app) *cobra.Command {
	var source string
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List runs, newest first",
		Example: `  rollcall runs list --limit 5 --output json`,
		Args:    wants(),
	}
	a.outputFlag(cmd)
	a.sourceFlag(cmd, &source, "only of the source `NAME`")
	cmd.Flags().IntVar(&limit, "limit", 20, "list at most `N`")
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, _ []string) error {
		if limit < 1 {
			return usagef("--limit must be 1 or more")
		}
		scope, err := s.oneOrAll(ctx, source)
		if err != nil {
			return err
		}
		runs, err := s.rec.ListRuns(ctx, scope, limit)
		if err != nil {
			return fmt.Errorf("list runs: %w", err)
		}
		out := s.newLister("STARTED", "SOURCE", "BY?", "OUTCOME", "READ?", "WHY~", "RUN")
		for _, r := range runs {
			out.add(newRunView(r), when(r.StartedAt), r.Scope.Source, r.Trigger+", "+r.Actor, outcomeWord(r), string(r.Verdict), r.Reason, r.ID)
		}
		return out.end("no runs")
	})
	return cmd
}

// oneOrAll returns the scope of a source, or the zero scope for all.
func (s *session) oneOrAll(ctx context.Context, source string) (state.Scope, error) {
	if source == "" {
		return state.Scope{}, nil
	}
	scopes, err := s.scopes(ctx, source)
	if err != nil {
		return state.Scope{}, err
	}
	return scopes[0], nil
}

func outcomeWord(r state.Run) string {
	if r.EndedAt.IsZero() {
		return "running"
	}
	return r.Outcome
}

func runsShowCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show RUN",
		Short: "Show one run whole: what was read, what was planned, what became of it",
		Example: `  rollcall runs show 0198c1d2-0000-7000-8000-000000000000
  rollcall runs show 0198c1d2-0000-7000-8000-000000000000 --output json | jq .report`,
		Args: wants("RUN"),
	}
	a.outputFlag(cmd)
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, args []string) error {
		r, err := s.rec.Run(ctx, args[0])
		if errors.Is(err, state.ErrNotFound) {
			return fmt.Errorf("there is no run %q; 'rollcall runs list' shows those there are", args[0])
		}
		if err != nil {
			return fmt.Errorf("read run: %w", err)
		}
		if s.output == "json" {
			v := newRunView(r)
			v.Report = r.Report
			return s.printJSON(v)
		}
		return s.printRun(r)
	})
	return cmd
}
