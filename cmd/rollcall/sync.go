package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/connectors"
	"rollcall/state"
	dirsync "rollcall/sync"
	"rollcall/sync/plan"
)

type syncFlags struct {
	sources  []string
	user     string
	dryRun   bool
	exitCode bool
	out      string
}

func syncCommand(a *app) *cobra.Command {
	var flags syncFlags
	cmd := &cobra.Command{
		Use:   "sync",
		Short: "Run once now: pull, plan, apply; or only show the plan",
		Long: `Asks each source's provider who should have an account, plans what would make the record
agree, and applies it. What the gate holds waits for 'rollcall plans approve'. It works beside
a running 'serve'; a source that is being worked on is left alone.

With --dry-run the plan is printed and nothing at all is changed or remembered.

With --out it is written to a file as well, sealed, for 'rollcall apply' to carry out later, here
or on another machine with the same database and configuration.

With --user one person alone is asked for and repaired, in seconds, by the same rules: name them
by userName, e-mail address, external id, object id or account id; with --source by an object id
that no account has yet.

Absence removes nobody: somebody who is no longer listed is looked up, and deactivated only by
a positive fact, such as disabled or gone; some of these a second run has to find as well.

` + exitCodesHelp,
		Example: `  rollcall sync --dry-run
  rollcall sync --source acme-entra
  rollcall sync --user ada@acme.example
  rollcall sync --source acme-entra --out plan.json
  rollcall sync --dry-run --exit-code || echo "there is drift"
  rollcall sync --dry-run --output json | jq '.[].plan.counts'`,
		Args: wants(),
	}
	a.outputFlag(cmd)
	cmd.Flags().StringArrayVar(&flags.sources, "source", nil, "only the source `NAME`; may be given more than once")
	a.completeSources(cmd)
	cmd.Flags().StringVar(&flags.user, "user", "", "ask for and repair this `PERSON` alone")
	cmd.Flags().BoolVar(&flags.dryRun, "dry-run", false, "print the plan and change nothing")
	cmd.Flags().BoolVar(&flags.exitCode, "exit-code", false, "exit 5 when drift was found")
	cmd.Flags().StringVar(&flags.out, "out", "", "write the plan to a new `FILE` that 'apply' reads, and change nothing")
	forReal := a.withRecord(func(ctx context.Context, s *session, _ []string) error {
		return s.sync(ctx, flags, newEngine(s.rec, s.cfg.Users, s.logger(slog.LevelWarn)), s.rec)
	})
	dry := a.withReader(func(ctx context.Context, s *session, reader dirsync.Reader) error {
		engine := newEngine(nil, s.cfg.Users, s.logger(slog.LevelWarn))
		engine.Reader = reader
		return s.sync(ctx, flags, engine, reader)
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		flags.dryRun = flags.dryRun || flags.out != ""
		if flags.dryRun {
			return dry(cmd, args)
		}
		return forReal(cmd, args)
	}
	return cmd
}

// syncView is what scripts read of one source's run.
type syncView struct {
	Run     runView                `json:"run"`
	DryRun  bool                   `json:"dry_run"`
	Proof   connectors.Proof       `json:"proof"`
	Plan    plan.Plan              `json:"plan"`
	Results []dirsync.ChangeResult `json:"results"`
}

func newSyncView(r dirsync.Report, dryRun bool) syncView {
	v := syncView{newRunView(r.Run), dryRun, r.Proof, r.Plan, r.Results}
	if v.Plan.Changes == nil {
		v.Plan.Changes = []plan.Change{}
	}
	if v.Plan.Notices == nil {
		v.Plan.Notices = []plan.Notice{}
	}
	if v.Results == nil {
		v.Results = []dirsync.ChangeResult{}
	}
	return v
}

func (s *session) sync(ctx context.Context, flags syncFlags, engine *dirsync.Engine, recorded dirsync.Reader) error {
	chosen, err := s.pulling(flags.sources)
	if err != nil {
		return err
	}
	var person string
	if flags.user != "" {
		src, id, err := s.personToSync(ctx, recorded, chosen, flags.user)
		if err != nil {
			return err
		}
		chosen, person, flags.sources = []*sourceConfig{src}, id, []string{src.Name}
	}
	kept, err := s.newKeeper(ctx, flags.out, chosen, recorded)
	if err != nil {
		return err
	}
	sources, broken, err := s.runnables(chosen)
	if err != nil {
		return err
	}
	code := exitDone
	if broken != nil {
		if len(flags.sources) > 0 {
			return broken
		}
		code = s.report(broken) // the others are run all the same
	}
	views := []syncView{}
	for i, source := range sources {
		report, err := s.syncOne(ctx, engine, recorded, source, person, flags.dryRun)
		if ctx.Err() != nil {
			return errors.New("interrupted; what was applied stays, the next run does the rest")
		}
		if err != nil {
			code = worse(code, s.syncFailed(source, err))
			continue // one failing source stops no other
		}
		code = worse(code, runExitCode(report, source.Policy, flags.exitCode))
		if kept != nil {
			if err := kept.keep(report, s.operator()); err != nil {
				code = worse(code, s.report(fmt.Errorf("source %s: %w", source.Scope.Source, err)))
			}
		}
		if s.output == "json" {
			views = append(views, newSyncView(report, flags.dryRun))
			continue
		}
		if i > 0 {
			fmt.Fprintln(s.stdout)
		}
		s.printReport(report, flags.dryRun)
	}
	if s.output == "json" {
		if err := s.printJSON(views); err != nil {
			return err
		}
	}
	if !flags.dryRun && person == "" {
		if err := s.tidy(ctx, chosen); err != nil {
			code = worse(code, s.report(err))
		}
	}
	return exitWith(code)
}

// personToSync finds whom --user means: the source that they belong to, and their object id there.
func (s *session) personToSync(ctx context.Context, records state.Records, chosen []*sourceConfig, who string) (*sourceConfig, string, error) {
	var all []found
	for _, src := range chosen {
		accounts, err := accountsOf(ctx, records, src.scope(), who)
		if err != nil {
			return nil, "", fmt.Errorf("look up in source %s: %w", src.Name, err)
		}
		for _, r := range accounts {
			all = append(all, found{src.scope(), r})
		}
	}
	switch {
	case len(all) > 1:
		return nil, "", several(all, who)
	case len(all) == 1 && all[0].record.Link == "":
		return nil, "", fmt.Errorf("the account %s is not tied to a person yet: a pull of the whole source ties it, or 'rollcall users link'", all[0].record.ID)
	case len(all) == 1:
		src, err := s.configured(all[0].scope.Source)
		return src, all[0].record.Link, err
	case len(chosen) > 1:
		return nil, "", usagef("no account answers to %q; for somebody who has none yet, name the --source and the person's object id there", who)
	}
	id, err := objectID(chosen[0].Kind, who)
	if err != nil {
		return nil, "", usagef("no account of source %s answers to %q, and it %w", chosen[0].Name, who, err)
	}
	return chosen[0], id, nil
}

// syncOne runs one source, or about one of its people. A dry run leaves no trace, not even that the source was used.
func (s *session) syncOne(
	ctx context.Context, engine *dirsync.Engine, recorded sourceReader, source dirsync.Source, person string, dryRun bool,
) (dirsync.Report, error) {
	src, _ := s.cfg.source(source.Scope.Source)
	if err := checkTenant(ctx, recorded, src); err != nil {
		return dirsync.Report{}, err
	}
	show, done := s.progress(source.Scope.Source)
	defer done()
	order := dirsync.Order{Trigger: dirsync.TriggerHand, Actor: s.operator(), DryRun: dryRun, Progress: show}
	if person != "" {
		return engine.RunPeople(ctx, source, order, []string{person})
	}
	return engine.RunOnce(ctx, source, order)
}

// syncFailed says what kept a source from being run, and returns its exit code.
func (s *session) syncFailed(source dirsync.Source, err error) int {
	var wrong fault
	switch {
	case errors.As(err, &wrong):
		return s.report(wrong)
	case errors.Is(err, state.ErrLeased):
		err = errors.New("another process is working on it; try again when that is done")
	}
	return s.report(fmt.Errorf("source %s: %w", source.Scope.Source, err))
}

// pulling returns the sources named, or all that pull. Naming a push-only one is a fault in the call.
func (s *session) pulling(names []string) ([]*sourceConfig, error) {
	var chosen []*sourceConfig
	for _, name := range names {
		src, err := s.configured(name)
		if err != nil {
			return nil, err
		}
		if !src.pulls() {
			return nil, usagef("source %s is push-only: it has no %s: block to pull with", name, src.Kind)
		}
		chosen = append(chosen, src)
	}
	if len(names) > 0 {
		return chosen, nil
	}
	for i := range s.cfg.Sources {
		if s.cfg.Sources[i].pulls() {
			chosen = append(chosen, &s.cfg.Sources[i])
		}
	}
	if len(chosen) == 0 {
		return nil, usagef("%s has no source that pulls: each would need an entra: or okta: block", s.configFile)
	}
	return chosen, nil
}

// runnables makes sources ready to run. What is wrong with the configuration of some of them, such as a secret that cannot be read, is
// in broken; the others are returned all the same.
func (s *session) runnables(chosen []*sourceConfig) (sources []dirsync.Source, broken error, err error) {
	transport, err := newTransport(s.cfg)
	if err != nil {
		return nil, nil, &exitError{code: exitUsage, err: err}
	}
	var unreadable faults
	for _, src := range chosen {
		source, err := src.runnable(s.env, transport)
		var found faults
		switch {
		case errors.As(err, &found):
			unreadable = append(unreadable, found...)
		case err != nil:
			unreadable = append(unreadable, src.fault(src.Kind, err.Error()))
		default:
			sources = append(sources, source)
		}
	}
	if len(unreadable) > 0 {
		return sources, unreadable.sorted(), nil
	}
	return sources, nil, nil
}

// runExitCode is what one run contributes to the exit code. Where the policy is only to report, what was found is drift, and no gate
// holds it.
func runExitCode(r dirsync.Report, policy string, driftCounts bool) int {
	code := exitDone
	if r.Run.Verdict != state.VerdictComplete {
		code = worse(code, exitIncomplete)
	}
	if r.Plan.Counts.Held > 0 && policy != dirsync.PolicyReport {
		code = worse(code, exitHeld)
	}
	for _, result := range r.Results {
		if result.Outcome != dirsync.ChangeApplied {
			code = worse(code, exitPartly)
		}
	}
	if driftCounts && r.Plan.Counts.Changes() > 0 {
		code = worse(code, exitDrift)
	}
	return code
}

// progress shows how far a long run has come, on standard error, if that is a terminal. Call done to wipe it.
func (s *session) progress(source string) (show func(dirsync.Progress), done func()) {
	if !s.watched {
		return nil, func() {}
	}
	var last time.Time
	width := 0
	show = func(p dirsync.Progress) {
		if now := time.Now(); now.Sub(last) >= 100*time.Millisecond {
			last = now
			line := progressLine(source, p)
			fmt.Fprintf(s.stderr, "\r%s%s", line, strings.Repeat(" ", max(0, width-len(line))))
			width = len(line)
		}
	}
	return show, func() {
		if width > 0 {
			fmt.Fprintf(s.stderr, "\r%s\r", strings.Repeat(" ", width))
		}
	}
}

func progressLine(source string, p dirsync.Progress) string {
	line := source + ": " + p.Step
	if p.People > 0 {
		line += ", " + plural(p.People, "person", "people") + " read"
	}
	switch {
	case p.Of > 0:
		line += fmt.Sprintf(", %d of %d", p.Done, p.Of)
	case p.Done > 0:
		line += fmt.Sprintf(", %d", p.Done)
	}
	return line
}
