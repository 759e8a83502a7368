package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// Exit codes, the first that applies. They are part of the command line's contract.
const (
	exitUsage      = 2 // usage or configuration
	exitFailed     = 1
	exitIncomplete = 6 // a source could not be read whole
	exitHeld       = 4 // by the gate
	exitPartly     = 3 // applied in part
	exitDrift      = 5 // found, with --exit-code
	exitDone       = 0 // done, or in sync
)

// exitOrder is the order in which codes outrank each other.
var exitOrder = []int{exitUsage, exitFailed, exitIncomplete, exitHeld, exitPartly, exitDrift, exitDone}

// worse returns the code that applies first.
func worse(a, b int) int {
	if slices.Index(exitOrder, a) < slices.Index(exitOrder, b) {
		return a
	}
	return b
}

// exitError ends the program with a code. Without an error inside everything has been said already.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// exitWith returns nil for 0, otherwise an error that says nothing and ends the program with the code.
func exitWith(code int) error {
	if code == exitDone {
		return nil
	}
	return &exitError{code: code}
}

// usagef is a fault in how the program was called.
func usagef(format string, args ...any) error {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// app is one call of the program: where it reads and writes, and the flags that all commands share.
type app struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	env    lookupEnv
	now    func() time.Time
	width  func() int // columns of the terminal that standard output is; 0 = it is none

	watched bool // standard error is a terminal: progress is shown
	asks    bool // somebody can be asked: standard input is a terminal as well

	configFile string
	logFormat  string
	logLevel   string
	output     string

	ran bool // a command has started: errors are no longer about usage
}

// run carries out one command line and returns its exit code. It is main without the process around it.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env lookupEnv) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, env: env, now: time.Now}
	a.width = func() int { return columnsOf(stdout) }
	a.watched = columnsOf(stderr) > 0
	a.asks = a.watched && isTerminal(stdin)
	return a.run(ctx, args)
}

// run carries out one command line. An app runs once.
func (a *app) run(ctx context.Context, args []string) int {
	root := newRoot(a)
	root.SetArgs(args)
	return a.report(root.ExecuteContext(ctx))
}

// report prints an error and returns the exit code.
func (a *app) report(err error) int {
	if err == nil {
		return exitDone
	}
	var found faults
	var one fault
	if errors.As(err, &one) {
		found = faults{one}
	}
	if found != nil || errors.As(err, &found) {
		for _, f := range found {
			fmt.Fprintln(a.stderr, f.Error())
		}
		return exitUsage
	}
	code := exitFailed
	var exit *exitError
	switch {
	case errors.As(err, &exit):
		code = exit.code
		if exit.err == nil {
			return code
		}
	case !a.ran:
		code = exitUsage
	}
	fmt.Fprintf(a.stderr, "rollcall: %s\n", strings.TrimSpace(err.Error()))
	return code
}

// wants checks that a command was given these arguments, and no more.
func wants(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		see := "; see '" + cmd.CommandPath() + " --help'"
		switch {
		case len(args) < len(names):
			return usagef("%s wants %s%s", cmd.CommandPath(), strings.Join(names, " and "), see)
		case len(args) == len(names):
			return nil
		case len(names) > 0:
			return usagef("%s wants %s and nothing else%s", cmd.CommandPath(), strings.Join(names, " and "), see)
		}
		var known []string
		for _, c := range cmd.Commands() {
			known = append(known, c.Name())
		}
		if len(known) == 0 {
			return usagef("%s wants no arguments%s", cmd.CommandPath(), see)
		}
		if mend := hint(args[0], known); mend != "" {
			see = "; " + mend
		}
		return usagef("%s has no command %q%s", cmd.CommandPath(), args[0], see)
	}
}

const exitCodesHelp = `Exit codes, the first that applies: 2 usage or configuration, 1 error, 6 source
incomplete, 4 held by the gate, 3 partly applied, 5 drift found (--exit-code), 0 done.`

// newRoot builds the command tree.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "rollcall",
		Short: "Who has an account, and who should",
		Long: `Rollcall keeps the record of who has an account, as your customers' identity providers
say. They push changes over SCIM; on a schedule it asks Entra ID and Okta who should have
an account, and repairs what differs. Nobody is removed without a positive fact.

Start with 'rollcall demo' to see it all happen, then write rollcall.yaml and run
'rollcall config validate', 'rollcall keys issue' and 'rollcall serve'.

` + exitCodesHelp,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          wants(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w; see '%s --help'", err, cmd.CommandPath())
	})
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	flags := root.PersistentFlags()
	flags.StringVar(&a.configFile, "config", "rollcall.yaml", "read the configuration `FILE`")
	flags.StringVar(&a.logFormat, "log-format", "text", "write the log on standard error as `FORM`: text or json")
	flags.StringVar(&a.logLevel, "log-level", "", "log nothing below `LEVEL`: debug, info, warn or error (default info for serve, else warn)")

	root.AddGroup(
		&cobra.Group{ID: "work", Title: "Work:"},
		&cobra.Group{ID: "record", Title: "The record:"},
		&cobra.Group{ID: "house", Title: "Housekeeping:"},
		&cobra.Group{ID: "try", Title: "Try it without an account anywhere:"},
	)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("work", serveCommand(a), syncCommand(a), plansCommand(a), applyCommand(a), runsCommand(a), undoCommand(a), statusCommand(a), explainCommand(a), checkCommand(a), mappingCommand(a))
	add("record", usersCommand(a), groupsCommand(a), journalCommand(a), exportCommand(a), eraseCommand(a), keysCommand(a), operatorsCommand(a), sourcesCommand(a), observeCommand(a))
	add("house", configCommand(a), migrateCommand(a), backupCommand(a), restoreCommand(a), versionCommand(a))
	add("try", demoCommand(a), simulateCommand(a))
	root.Version = programVersion()
	root.SetVersionTemplate("rollcall {{.Version}}\n")
	root.SetHelpCommand(helpCommand(root))
	root.SetHelpCommandGroupID("house")
	root.SetCompletionCommandGroupID("house")
	teachCompletion(root)
	return root
}

// teachCompletion makes the library's completion commands now, instead of when they are called, to be strict about shells that it does
// not know and to give examples.
func teachCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd("completion")
	completion, _, err := root.Find([]string{"completion"})
	if err != nil {
		return // the library has made none
	}
	completion.Args = wants()
	completion.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	completion.Example = "  rollcall completion bash > /etc/bash_completion.d/rollcall"
	for _, shell := range completion.Commands() {
		shell.Example = "  rollcall completion " + shell.Name()
	}
}

// helpCommand shows the help of a command; of one that does not exist it says so.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Help about any command",
		Example: "  rollcall help sync",
		RunE: func(_ *cobra.Command, args []string) error {
			found, rest, err := root.Find(args)
			if err == nil && len(rest) > 0 {
				err = wants()(found, rest)
			}
			if err != nil {
				return err
			}
			return found.Help()
		},
	}
}

// do wraps a command's work: from here on errors are not about usage.
func (a *app) do(work func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := a.checkFlags(); err != nil {
			return err
		}
		a.ran = true
		return work(cmd.Context(), args)
	}
}

func (a *app) checkFlags() error {
	if !slices.Contains([]string{"", "table", "json"}, a.output) {
		return usagef("--output must be table or json")
	}
	if !slices.Contains([]string{"text", "json"}, a.logFormat) {
		return usagef("--log-format must be text or json")
	}
	if a.logLevel != "" && !slices.Contains([]string{"debug", "info", "warn", "error"}, a.logLevel) {
		return usagef("--log-level must be debug, info, warn or error")
	}
	return nil
}

// logger makes the log that --log-format and --log-level ask for.
func (a *app) logger(usual slog.Level) *slog.Logger {
	level := usual
	if a.logLevel != "" {
		_ = level.UnmarshalText([]byte(a.logLevel)) // checkFlags has seen to it
	}
	options := &slog.HandlerOptions{Level: level}
	if a.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(a.stderr, options))
	}
	return slog.New(slog.NewTextHandler(a.stderr, options))
}

// outputFlag adds --output to a command that lists something.
func (a *app) outputFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.output, "output", "table", "print as `FORM`: table or json")
}

// sourceFlag adds --source to a command, with the configured names as completions.
func (a *app) sourceFlag(cmd *cobra.Command, into *string, usage string) {
	cmd.Flags().StringVar(into, "source", "", usage)
	a.completeSources(cmd)
}

func (a *app) completeSources(cmd *cobra.Command) {
	// It fails only for a flag that does not exist, which the tests of every command's help would show.
	_ = cmd.RegisterFlagCompletionFunc("source", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		cfg, err := loadConfig(a.configFile)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		names := make([]string, len(cfg.Sources))
		for i := range cfg.Sources {
			names[i] = cfg.Sources[i].Name
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	})
}

// operator names who is at the keyboard, for the journal.
func (a *app) operator() string {
	for _, name := range []string{"SUDO_USER", "USER", "LOGNAME"} {
		if value, ok := a.env(name); ok && value != "" {
			return value
		}
	}
	return "operator"
}
