package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"rollcall/cmd/internal/console"
	"rollcall/state"
	dirsync "rollcall/sync"
	"rollcall/sync/explain"
)

type undoFlags struct {
	since  string
	source string
	pushes bool
	dryRun bool
}

func undoCommand(a *app) *cobra.Command {
	var flags undoFlags
	cmd := &cobra.Command{
		Use:   "undo [RUN]",
		Short: "Take back what a run did, or everything since a time",
		Long: `Makes the record as it was before a run, by the journal: attributes, whether accounts are
active, links and memberships. What was approved of the run's plan is taken back as well.
Accounts that the run made are deactivated, never purged. Whatever somebody has changed since
stays as it is, and is listed with the reason.

With --since everything that runs did to a source from that time on is taken back; with
--pushes what the provider pushed as well, deletions among it. What operators did stays.

Look at it first with --dry-run. Removals are held by the gate like those of a pull, and wait
for 'rollcall plans approve'. An undo that was cut off is called again, and does the rest; an
undo is a run itself, and can be undone.

The provider still says what it said: scheduled runs would do the same again. So the source is
only observed from then on, until somebody approves a plan of it.

Exit code 0 when all was taken back, 3 when a part was refused, 4 when a part is held.`,
		Example: `  rollcall undo 0198c1d2-0000-7000-8000-000000000000 --dry-run
  rollcall undo 0198c1d2-0000-7000-8000-000000000000
  rollcall undo --since 2026-03-01T12:00:00Z --source acme-entra --dry-run
  rollcall undo --since 2h --source acme-entra --pushes`,
		Args: func(cmd *cobra.Command, args []string) error {
			if flags.since != "" {
				return wants()(cmd, args)
			}
			return wants("RUN")(cmd, args)
		},
	}
	a.outputFlag(cmd)
	a.sourceFlag(cmd, &flags.source, "with --since: of the source `NAME`")
	cmd.Flags().StringVar(&flags.since, "since", "", "everything since `TIME`: as 2026-03-01T12:00:00Z, or so long ago, as 90m or 2h")
	cmd.Flags().BoolVar(&flags.pushes, "pushes", false, "with --since: what was pushed as well")
	cmd.Flags().BoolVar(&flags.dryRun, "dry-run", false, "print what would be taken back and change nothing")
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, args []string) error {
		target, src, err := s.undoTarget(ctx, flags, args)
		if err != nil {
			return err
		}
		if err := checkTenant(ctx, s.rec, src); err != nil {
			return err
		}
		engine := newEngine(s.rec, s.cfg.Users, s.logger(slog.LevelWarn))
		report, err := engine.Undo(ctx, src.ruled(), target, dirsync.Order{Actor: s.operator(), DryRun: flags.dryRun})
		if err != nil {
			return s.undoFailed(src, err)
		}
		if s.output == "json" {
			err = s.printJSON(newSyncView(report, flags.dryRun))
		} else {
			s.printUndo(report, flags.dryRun)
		}
		if flags.dryRun {
			return err
		}
		s.deed(ctx, console.DeedUndone, src.scope(), cmp.Or(target.Run, report.Run.ID), undoNote(target, report.Plan.Undo))
		return errors.Join(err, exitWith(runExitCode(report, dirsync.PolicyFull, false)))
	})
	return cmd
}

// undoNote says what was taken back where that is not one run.
func undoNote(target dirsync.Undo, words string) string {
	if target.Run != "" {
		return ""
	}
	return words
}

// undoTarget reads what is to be taken back, and of which source.
func (s *session) undoTarget(ctx context.Context, flags undoFlags, args []string) (dirsync.Undo, *sourceConfig, error) {
	if flags.since != "" {
		if flags.source == "" {
			return dirsync.Undo{}, nil, usagef("--since wants --source as well: an undo is of one source")
		}
		since, err := s.timeOf(flags.since)
		if err != nil {
			return dirsync.Undo{}, nil, err
		}
		src, err := s.configured(flags.source)
		return dirsync.Undo{Since: since, Pushes: flags.pushes}, src, err
	}
	if flags.source != "" || flags.pushes {
		return dirsync.Undo{}, nil, usagef("--source and --pushes go with --since; a run is of one source and pushes nothing")
	}
	run, err := s.rec.Run(ctx, args[0])
	switch {
	case errors.Is(err, state.ErrNotFound):
		return dirsync.Undo{}, nil, fmt.Errorf("there is no run %q; 'rollcall runs list' shows those there are", args[0])
	case err != nil:
		return dirsync.Undo{}, nil, fmt.Errorf("read run: %w", err)
	}
	src, err := s.configured(run.Scope.Source)
	return dirsync.Undo{Run: run.ID, Since: run.StartedAt}, src, err
}

// timeOf reads a time that has been: as it is, or as so long ago.
func (s *session) timeOf(text string) (time.Time, error) {
	now := s.now().UTC().Truncate(time.Millisecond)
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		ago, err := time.ParseDuration(text)
		if err != nil || ago <= 0 {
			return time.Time{}, usagef("--since %q is no time: write 2026-03-01T12:00:00Z, or how long ago, such as 90m", text)
		}
		at = now.Add(-ago)
	}
	if at.After(now) {
		return time.Time{}, usagef("--since %s has not been yet", text)
	}
	return at.UTC(), nil
}

// undoFailed says what kept an undo from being carried out.
func (s *session) undoFailed(src *sourceConfig, err error) error {
	switch {
	case errors.Is(err, state.ErrLeased):
		return fmt.Errorf("source %s: another process is working on it; try again when that is done", src.Name)
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted; what was taken back stays so, the same command does the rest")
	}
	return fmt.Errorf("source %s: undo: %w", src.Name, err)
}

// printUndo prints what an undo did, or would do.
func (s *session) printUndo(r dirsync.Report, dryRun bool) {
	p := r.Plan
	s.line("%s: %s", p.Source, p.Undo)
	more := len(p.Changes) - shownChanges
	if more > 0 {
		p.Changes = p.Changes[:shownChanges]
	}
	s.printSections(p)
	s.line("")
	s.line("%s", explain.UndoSum(&r.Plan.Counts, &r.Plan.Gate))
	if more > 0 {
		s.line("Only the first %d are shown; --output json shows all.", shownChanges)
	}
	s.printMishaps(r)
	if len(p.Changes) == 0 {
		return
	}
	if dryRun {
		s.line("Nothing was changed: this was a dry run.")
		return
	}
	s.line("%s applied, in run %s.", plural(appliedOf(r), "change"), r.Run.ID)
	if r.Run.Plan != "" {
		s.line("%s. See 'rollcall plans show %s', then approve or discard it.", explain.AwaitingApproval(p.Counts.Held, p.Counts.Removals), r.Run.Plan)
	}
	s.line("The provider still says what it said, and a pull would do the same again: %s is only observed until somebody has looked.", p.Source)
}
