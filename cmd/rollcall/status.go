package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"rollcall/connectors"
	"rollcall/sync/explain"
)

func statusCommand(a *app) *cobra.Command {
	var source string
	var exitCode bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "One sentence per source: is it well, and if not, why nothing came",
		Long: `Says of each source, in one plain sentence, whether it is well, and if not, what is the matter
and what to do. Nothing is contacted: it is all from the record. With --output json come the
figures behind it.

With --exit-code: 2 a source is misconfigured, 6 its last pull was not complete, 4 changes
await approval, 5 drift was found and not repaired, 1 anything else wants attention, 0 all
is well. The first that applies to any source.`,
		Example: `  rollcall status
  rollcall status --exit-code --source acme-entra || page-somebody`,
		Args: wants(),
	}
	a.outputFlag(cmd)
	a.sourceFlag(cmd, &source, "only of the source `NAME`")
	cmd.Flags().BoolVar(&exitCode, "exit-code", false, "let the exit code say how things are")
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, _ []string) error {
		return s.status(ctx, source, exitCode)
	})
	return cmd
}

// statusView is what scripts read of a source's health.
type statusView struct {
	Source       string            `json:"source"`
	Tenant       string            `json:"tenant"`
	Kind         string            `json:"kind"`
	Condition    explain.Condition `json:"condition"` // "healthy", "waiting" (for somebody) or "failing"
	Sentence     string            `json:"sentence"`
	Active       int               `json:"active"`
	Inactive     int               `json:"inactive"`
	LastPushAt   *time.Time        `json:"last_push_at"`
	LastPullAt   *time.Time        `json:"last_pull_at"`
	LastWholeAt  *time.Time        `json:"last_complete_pull_at"`
	LastRun      string            `json:"last_run"`
	LastOutcome  string            `json:"last_outcome"`
	Drift        int               `json:"drift"`
	HeldPlan     string            `json:"held_plan"`
	HeldChanges  int               `json:"held_changes"`
	HeldRemovals int               `json:"held_removals"`
	Staged       int               `json:"staged"`      // pushed removals that wait
	People       int               `json:"people"`      // whom the last pull read
	RetryAt      *time.Time        `json:"retry_at"`    // before then the provider does not want to be asked again
	UnknownIDs   int               `json:"unknown_ids"` // pushes of the last day to ids that the source does not have
	Observe      string            `json:"observe"`     // why scheduled runs only plan; "" = they apply
}

func (s *session) status(ctx context.Context, source string, exitCode bool) error {
	scopes, err := s.scopes(ctx, source)
	if err != nil {
		return err
	}
	now, code := s.now(), exitDone
	views := []statusView{}
	for _, scope := range scopes {
		cfg, _ := s.cfg.source(scope.Source)
		h, err := health(ctx, s.rec, scope, cfg, "", now)
		if err != nil {
			return err
		}
		// Whoever pulls well has the secrets, even if this shell has not.
		if h.Misconfigured == "" && (h.LastPullAt.IsZero() || h.Failure == connectors.ErrMisconfigured.Error()) {
			h.Misconfigured = cfg.unreadable(s.env)
		}
		code = worse(code, healthCode(&h, now))
		views = append(views, newStatusView(h, now))
	}
	if s.output == "json" {
		if err := s.printJSON(views); err != nil {
			return err
		}
	} else {
		s.printStatus(views, now)
	}
	if !exitCode {
		return nil
	}
	return exitWith(code)
}

func newStatusView(h explain.Health, now time.Time) statusView {
	c, sentence := h.Verdict(now)
	v := statusView{
		Source: h.Scope.Source, Tenant: h.Scope.Tenant, Kind: h.Kind, Condition: c, Sentence: sentence,
		Active: h.Active, Inactive: h.Total - h.Active,
		LastPushAt: optional(h.LastPushAt), LastPullAt: optional(h.LastPullAt), LastWholeAt: optional(h.LastWholeAt),
		Drift: h.Drift, HeldPlan: h.Held.ID, HeldChanges: h.Held.Changes, HeldRemovals: h.Held.Removals, Staged: h.Staged, People: h.People, RetryAt: optional(h.RetryAt), UnknownIDs: h.Unknown, Observe: h.Observe,
	}
	if h.Run != nil {
		v.LastRun, v.LastOutcome = h.Run.ID, h.Run.Outcome
	}
	return v
}

func (s *session) printStatus(views []statusView, now time.Time) {
	if len(views) == 0 {
		fmt.Fprintln(s.stderr, "no sources: the configuration names none")
		return
	}
	columns := s.width()
	for i, v := range views {
		if i > 0 {
			fmt.Fprintln(s.stdout)
		}
		fmt.Fprintf(s.stdout, "%s: %s\n%s\n", v.Source, v.Condition, wrap(clean(v.Sentence), "  ", columns))
		if v.Staged > 0 {
			fmt.Fprintf(s.stdout, "  %s\n", plural(v.Staged, "pushed removal waits", "pushed removals wait"))
		}
		fmt.Fprintf(s.stdout, "  %d active, %d inactive; last push %s, last pull %s\n", v.Active, v.Inactive, agoOf(now, v.LastPushAt), agoOf(now, v.LastPullAt))
	}
}

func agoOf(now time.Time, t *time.Time) string {
	if t == nil {
		return "never"
	}
	return ago(now, *t)
}
