package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"rollcall/cmd/internal/console"
	"rollcall/state"
)

func observeCommand(a *app) *cobra.Command {
	var why string
	cmd := &cobra.Command{
		Use:   "observe NAME",
		Short: "Let a source only plan, and apply nothing, until somebody has looked",
		Long: `From now on scheduled runs of the source plan and hold everything; a run by hand creates and
updates, and holds every removal. It ends when somebody approves a plan of the source, or when
a run by hand finds nobody to remove or to suspect. Pushes go on.

A source is observed by itself at its first pull, after a restore, an undo, and a change of its
directory, mapping or scope.`,
		Example: `  rollcall observe acme-entra --reason "moving to another tenant, ticket 4711"`,
		Args:    wants("NAME"),
	}
	cmd.Flags().StringVar(&why, "reason", "", "why, as 'status' shows it (`TEXT`)")
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, args []string) error {
		src, err := s.configured(args[0])
		if err != nil {
			return err
		}
		if err := checkTenant(ctx, s.rec, src); err != nil {
			return err
		}
		text := s.operator() + " asked for it"
		if why != "" {
			text += ": " + why
		}
		err = newEngine(s.rec, s.cfg.Users, s.logger(slog.LevelWarn)).Observe(ctx, src.ruled(), text)
		if errors.Is(err, state.ErrLeased) {
			err = errors.New("another process is working on it; try again when that is done")
		}
		if err != nil {
			return fmt.Errorf("source %s: %w", src.Name, err)
		}
		s.deed(ctx, console.DeedObserved, src.scope(), "", why)
		fmt.Fprintf(s.stdout, "%s is only observed until somebody has looked\n", src.Name)
		return nil
	})
	return cmd
}
