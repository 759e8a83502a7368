package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"rollcall/state"
	dirsync "rollcall/sync"
	"rollcall/sync/explain"
	"rollcall/sync/plan"
)

// clockAhead is how far the clock of the machine that wrote a plan may be ahead of ours.
const clockAhead = 5 * time.Minute

func applyCommand(a *app) *cobra.Command {
	var maxAge time.Duration
	cmd := &cobra.Command{
		Use:   "apply FILE",
		Short: "Carry out a plan that 'sync --out' wrote",
		Long: `Judges each change of a saved plan anew and carries out what still stands: the person is looked
at now, the account is as it was when the plan was made. The rest is listed. What is carried
out counts as approved: somebody has looked at the file, and the gate does not hold it.

The file may come from another machine with the same database and configuration. One that was
changed, is of another database, directory, mapping or scope, or is older than a day, is
refused. Whoever would be let in has to be found by no older pull than that, whatever --max-age
says.

Applied again it does what was left. When nothing is, it says so, asks the provider nothing and
leaves no run in the history.

Exit code 0 when all of it is applied, now or already, 3 when a part is, 1 for an error: then
nothing was.`,
		Example: `  rollcall sync --source acme-entra --out plan.json
  rollcall apply plan.json`,
		Args: wants("FILE"),
	}
	a.outputFlag(cmd)
	cmd.Flags().DurationVar(&maxAge, "max-age", dirsync.MaxSavedAge, "refuse a plan that is older (`DURATION`)")
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, args []string) error {
		p, err := s.savedPlan(ctx, args[0], maxAge)
		if err != nil {
			return err
		}
		src, err := s.configured(p.Source)
		if err != nil {
			return err
		}
		if src.Tenant != p.Tenant {
			return fmt.Errorf("%s is for source %s of tenant %s; %s says that it is of tenant %s", args[0], p.Source, p.Tenant, s.configFile, src.Tenant)
		}
		if err := checkTenant(ctx, s.rec, src); err != nil {
			return err
		}
		sources, broken, err := s.runnables([]*sourceConfig{src})
		if err := errors.Join(err, broken); err != nil {
			return err
		}
		report, err := newEngine(s.rec, s.cfg.Users, s.logger(slog.LevelWarn)).Apply(ctx, sources[0], p, dirsync.Order{Actor: s.operator()})
		switch {
		case errors.Is(err, dirsync.ErrPlanBasis):
			return fmt.Errorf("%s: it was made for another directory, mapping or scope than %s has now; make it anew", args[0], p.Source)
		case errors.Is(err, state.ErrLeased):
			return fmt.Errorf("source %s: another process is working on it; try again when that is done", p.Source)
		case err != nil:
			return fmt.Errorf("apply %s: %w", args[0], err)
		}
		return s.printApplied(report)
	})
	return cmd
}

// printApplied prints what became of a plan that was approved or applied, and ends with the exit code that says so.
func (s *session) printApplied(r dirsync.Report) error {
	if s.output == "json" {
		if err := s.printJSON(newSyncView(r, false)); err != nil {
			return err
		}
	} else {
		so := func(result dirsync.ChangeResult) bool { return result.Outcome == dirsync.ChangeDone }
		s.printFallen("NOT APPLIED", r.Plan, slices.DeleteFunc(slices.Clone(r.Results), so))
		s.line("%s", appliedSum(r))
	}
	if r.Run.Outcome == dirsync.OutcomePartly {
		return exitWith(exitPartly)
	}
	return nil
}

// appliedSum is what became of an earlier plan in a sentence or two.
func appliedSum(r dirsync.Report) string {
	done, all := 0, len(r.Plan.Changes)
	for _, result := range r.Results {
		if result.Outcome == dirsync.ChangeDone {
			done++
		}
	}
	switch {
	case all == 0:
		return "The plan has no changes; nothing was applied."
	case done == all:
		return fmt.Sprintf("Everything in it was applied already: %s. Nothing was changed.", plural(all, "change"))
	}
	sum := fmt.Sprintf("%s of %d applied.", plural(appliedOf(r), "change"), all)
	if done > 0 {
		sum += fmt.Sprintf(" %s so already.", plural(done, "was", "were"))
	}
	return sum
}

// savedPlan reads a plan from a file, and refuses one that is not as it was written, or too old.
func (s *session) savedPlan(ctx context.Context, path string, maxAge time.Duration) (plan.Plan, error) {
	if maxAge <= 0 {
		return plan.Plan{}, usagef("--max-age must be more than 0")
	}
	text, err := readBounded(path, dirsync.MaxSaved)
	if err != nil {
		return plan.Plan{}, fmt.Errorf("read the plan: %w", err)
	}
	saved, err := dirsync.ReadSaved(text)
	if err != nil {
		return plan.Plan{}, fmt.Errorf("%s: %w", path, err)
	}
	key, err := s.rec.SealKey(ctx)
	if err != nil {
		return plan.Plan{}, fmt.Errorf("read the key of seals: %w", err)
	}
	p, err := saved.Unseal(key)
	if err != nil {
		return plan.Plan{}, fmt.Errorf("%s: %w", path, err)
	}
	switch age := s.now().Sub(p.MadeAt); {
	case age > maxAge:
		return plan.Plan{}, fmt.Errorf("%s: it was made %s ago, at %s, and what it says may have changed: make it anew, or say --max-age", path, explain.Span(age), when(p.MadeAt))
	case age < -clockAhead:
		return plan.Plan{}, fmt.Errorf("%s: it says that it was made at %s, which has not been yet: set the clocks", path, when(p.MadeAt))
	}
	return p, nil
}

func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s is larger than %s", path, size(limit))
	}
	return text, err
}

// keeper seals plans for the database that they are made from, and writes them to a file.
type keeper struct {
	path string
	key  []byte
}

// newKeeper makes ready to save the plan of one source: everything that can be refused is, before the provider is asked.
func (s *session) newKeeper(ctx context.Context, path string, chosen []*sourceConfig, sealer any) (*keeper, error) {
	if path == "" {
		return nil, nil
	}
	if len(chosen) != 1 {
		return nil, usagef("--out wants one source, named with --source: a file has the plan of one")
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return nil, fmt.Errorf("write the plan: %w", err)
		}
		return nil, usagef("%s is there already; name another file", path)
	}
	switch there, err := hasRecord(ctx, s.cfg.State); {
	case err != nil:
		return nil, err
	case !there:
		return nil, fmt.Errorf("there is no database yet that the plan could be sealed for; 'rollcall migrate' makes %s", s.cfg.State)
	}
	key, err := sealer.(state.Sealer).SealKey(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the key of seals: %w", err)
	}
	return &keeper{path, key}, nil
}

// keep writes the plan of a dry run. That of a pull which did not see everyone is not worth keeping.
func (k *keeper) keep(r dirsync.Report, madeBy string) error {
	if r.Run.Verdict != state.VerdictComplete {
		return &exitError{code: exitIncomplete, err: errors.New("the pull was not complete: no plan is written")}
	}
	text, err := dirsync.Seal(k.key, r.Plan, madeBy)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(k.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write the plan: %w", errors.Join(err, os.Remove(k.path)))
	}
	return nil
}
