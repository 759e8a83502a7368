package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"rollcall/cmd/internal/console"
	"rollcall/state"
)

func operatorsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "operators",
		Short: "Say who may use the console, and how they sign in",
		Long: `An operator signs in to the console by a one-time link, by a password, or through the OpenID
provider that console.oidc names. A viewer sees everything and changes nothing; an operator
approves, discards, takes back, issues keys and lets others in.

What is changed here holds at once for a running 'rollcall serve'. Bare 'operators' lists them.`,
		Example: `  rollcall operators add ann@example.com --role operator
  rollcall operators list
  rollcall operators disable ann@example.com`,
		Args: wants(),
	}
	list := operatorsListCommand(a)
	cmd.Flags().AddFlagSet(list.Flags())
	cmd.RunE = list.RunE
	cmd.AddCommand(operatorsAddCommand(a), list, operatorsLinkCommand(a), operatorsPasswordCommand(a), operatorsDisableCommand(a))
	return cmd
}

// access looks after operators in the name of whoever is at the keyboard.
func (s *session) access() *console.Access {
	return &console.Access{Store: s.rec, By: s.operator(), Now: s.now}
}

// operatorFault names the operator in an error, and the mend of the usual ones.
func operatorFault(name string, err error) error {
	switch {
	case errors.Is(err, console.ErrNoOperator):
		return fmt.Errorf("there is no operator %q; 'rollcall operators list' shows them, 'rollcall operators add NAME' adds one", name)
	case errors.Is(err, console.ErrDisabled):
		return fmt.Errorf("operator %s is disabled; 'rollcall operators add %s' lets them in again", name, name)
	}
	return err
}

func operatorsAddCommand(a *app) *cobra.Command {
	var role string
	var fromStdin, link bool
	var life time.Duration
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Let somebody use the console, or change their role",
		Long: `Adds an operator and prints a link, alone, on standard output, by which they sign in once. With
--password-stdin they get a password instead.

Of somebody who is there already the role changes, if --role says so; they keep their password.
Somebody who was disabled is let in again without the password they had.

For sign-in through an OpenID provider the name has to be what the provider says in the claim
that console.oidc names, a mail address if nothing else is said.`,
		Example: `  rollcall operators add ann@example.com --role operator
  rollcall operators add ops --password-stdin < password.txt`,
		Args: wants("NAME"),
	}
	cmd.Flags().StringVar(&role, "role", "", "give the `ROLE`: viewer or operator (default viewer)")
	cmd.Flags().BoolVar(&fromStdin, "password-stdin", false, "set the password that standard input holds")
	cmd.Flags().BoolVar(&link, "link", false, "print a one-time link; so it is without --password-stdin")
	linkLifeFlag(cmd, &life)
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, args []string) error {
		name := args[0]
		password := ""
		switch err := console.CheckOperatorName(name); {
		case err != nil:
			return usagef("%q: %w", name, err)
		case role != "" && role != string(state.RoleViewer) && role != string(state.RoleOperator):
			return usagef("--role must be viewer or operator")
		case fromStdin && link:
			return usagef("--password-stdin and --link exclude each other")
		case fromStdin:
			if password, err = s.passwordFromStdin(name); err != nil {
				return err
			}
		default:
			if err := s.checkLink(life); err != nil {
				return err
			}
		}
		operator, err := s.access().Add(ctx, name, state.Role(role))
		if err != nil {
			return err
		}
		fmt.Fprintf(s.stderr, "%s may use the console as %s.\n", operator.Name, operator.Role)
		if fromStdin {
			return s.setPassword(ctx, operator.Name, password)
		}
		return s.printLink(ctx, operator.Name, life)
	})
	return cmd
}

func linkLifeFlag(cmd *cobra.Command, life *time.Duration) {
	cmd.Flags().DurationVar(life, "expires", console.LinkLife, "the link works for `TIME`, such as 15m or 24h")
}

// checkLink says what stands in the way of a link before anything is changed.
func (s *session) checkLink(life time.Duration) error {
	if s.cfg.ConsoleListen == "" {
		return usagef("%s has the console off (console.listen): a link would lead nowhere; turn it on, or use --password-stdin", s.configFile)
	}
	if life <= 0 || life > console.MaxLinkLife {
		return usagef("--expires must be from a moment to %s", short(console.MaxLinkLife))
	}
	return nil
}

// printLink makes a one-time link and prints it, alone, on standard output.
func (s *session) printLink(ctx context.Context, name string, life time.Duration) error {
	path, expires, err := s.access().Link(ctx, name, life)
	if err != nil {
		return operatorFault(name, err)
	}
	fmt.Fprintln(s.stdout, s.cfg.consoleAddress()+path)
	fmt.Fprintf(s.stderr, "Whoever opens the link first signs in as %s. It works once, until %s.\n", name, when(expires))
	return nil
}

func operatorsLinkCommand(a *app) *cobra.Command {
	var life time.Duration
	cmd := &cobra.Command{
		Use:     "link NAME",
		Short:   "Print a link by which an operator signs in once",
		Example: `  rollcall operators link ann@example.com --expires 24h`,
		Args:    wants("NAME"),
	}
	linkLifeFlag(cmd, &life)
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, args []string) error {
		if err := s.checkLink(life); err != nil {
			return err
		}
		return s.printLink(ctx, args[0], life)
	})
	return cmd
}

func operatorsPasswordCommand(a *app) *cobra.Command {
	var fromStdin bool
	cmd := &cobra.Command{
		Use:   "password NAME",
		Short: "Set an operator's password",
		Long: `Asks for a new password twice, without showing it, and sets it. It has at least 12 characters
and is not the operator's name. Only a hash of it is kept (argon2id). The operator is signed out
wherever they are signed in.`,
		Example: `  rollcall operators password ann@example.com
  rollcall operators password ann@example.com --password-stdin < password.txt`,
		Args: wants("NAME"),
	}
	cmd.Flags().BoolVar(&fromStdin, "password-stdin", false, "read it from standard input instead")
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, args []string) error {
		operator, err := s.access().Find(ctx, args[0])
		if err == nil && !operator.DisabledAt.IsZero() {
			err = console.ErrDisabled
		}
		if err != nil {
			return operatorFault(args[0], err)
		}
		ask := s.passwordFromTerminal
		if fromStdin {
			ask = s.passwordFromStdin
		}
		password, err := ask(operator.Name)
		if err != nil {
			return err
		}
		return s.setPassword(ctx, operator.Name, password)
	})
	return cmd
}

func (s *session) setPassword(ctx context.Context, name, password string) error {
	if _, err := s.access().SetPassword(ctx, name, password); err != nil {
		return operatorFault(name, err)
	}
	fmt.Fprintf(s.stderr, "The password of %s is set.\n", name)
	return nil
}

// maxPasswordInput is what is read of standard input at most; CheckPassword wants less.
const maxPasswordInput = 4 << 10

// passwordFromStdin reads a password up to the end of the first line.
func (s *session) passwordFromStdin(name string) (string, error) {
	text, err := io.ReadAll(io.LimitReader(s.stdin, maxPasswordInput))
	if err != nil {
		return "", fmt.Errorf("read the password from standard input: %w", err)
	}
	line, rest, _ := bytes.Cut(text, []byte("\n"))
	if len(bytes.TrimSpace(rest)) > 0 {
		return "", errors.New("standard input holds more than one line; a password is one")
	}
	password := strings.TrimSuffix(string(line), "\r")
	return password, console.CheckPassword(name, password)
}

// passwordFromTerminal asks for a password twice, without showing it.
func (s *session) passwordFromTerminal(name string) (string, error) {
	file, ok := s.stdin.(*os.File)
	if !ok || !isTerminal(file) {
		return "", usagef("standard input is no terminal; use --password-stdin")
	}
	ask := func(prompt string) (string, error) {
		fmt.Fprint(s.stderr, prompt)
		text, err := term.ReadPassword(int(file.Fd()))
		fmt.Fprintln(s.stderr)
		if err != nil {
			return "", fmt.Errorf("read the password: %w", err)
		}
		return string(text), nil
	}
	password, err := ask("New password of " + name + ": ")
	if err == nil {
		err = console.CheckPassword(name, password)
	}
	if err != nil {
		return "", err
	}
	again, err := ask("Once more: ")
	if err == nil && again != password {
		err = errors.New("the two passwords differ; nothing was changed")
	}
	return password, err
}

func operatorsDisableCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "disable NAME",
		Short: "Sign somebody out everywhere and let them in no more",
		Long: `Takes every way in from an operator, at once: sessions, links, password and the tie to the
OpenID provider. What they did stays in the journal and the deeds under their name.`,
		Example: `  rollcall operators disable ann@example.com`,
		Args:    wants("NAME"),
		RunE: a.withRecord(func(ctx context.Context, s *session, args []string) error {
			operator, err := s.access().Disable(ctx, args[0])
			if err != nil {
				return operatorFault(args[0], err)
			}
			fmt.Fprintf(s.stdout, "operator %s is disabled\n", operator.Name)
			all, err := s.rec.ListOperators(ctx)
			if err != nil {
				return fmt.Errorf("list operators: %w", err)
			}
			if !slices.ContainsFunc(all, func(o state.Operator) bool { return o.DisabledAt.IsZero() && o.Role == state.RoleOperator }) {
				fmt.Fprintln(s.stderr, "Nobody is left who may change something in the console: 'rollcall operators add NAME --role operator'.")
			}
			return nil
		}),
	}
}

// operatorView is an operator as scripts read it.
type operatorView struct {
	Name       string     `json:"name"`
	Role       string     `json:"role"`
	Password   bool       `json:"password"` // has one
	Tied       bool       `json:"tied"`     // has signed in through the OpenID provider
	CreatedAt  time.Time  `json:"created_at"`
	DisabledAt *time.Time `json:"disabled_at"`
}

func operatorsListCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List operators, those too who are disabled",
		Example: `  rollcall operators list --output json`,
		Args:    wants(),
	}
	a.outputFlag(cmd)
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, _ []string) error {
		all, err := s.rec.ListOperators(ctx)
		if err != nil {
			return fmt.Errorf("list operators: %w", err)
		}
		out := s.newLister("OPERATOR~", "ROLE", "STATE", "SIGNS IN BY", "ADDED?")
		for _, o := range all {
			v := operatorView{Name: o.Name, Role: string(o.Role), Password: o.Password != "", Tied: o.Identity != "", CreatedAt: o.CreatedAt.UTC(), DisabledAt: optional(o.DisabledAt)}
			is := "active"
			if v.DisabledAt != nil {
				is = "disabled"
			}
			out.add(v, v.Name, v.Role, is, v.ways(), when(o.CreatedAt))
		}
		return out.end("no operators; 'rollcall operators add NAME --role operator' adds the first")
	})
	return cmd
}

// ways says how an operator signs in, links apart, which everybody can be given.
func (v operatorView) ways() string {
	switch {
	case v.DisabledAt != nil:
		return "-"
	case v.Password && v.Tied:
		return "password, provider"
	case v.Password:
		return "password"
	case v.Tied:
		return "provider"
	}
	return "link"
}
