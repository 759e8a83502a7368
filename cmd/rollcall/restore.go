package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func restoreCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a backup in the database's place",
		Long: `Puts a copy that 'backup' wrote in the database's place. What was there is kept beside it, and
the backup stays where it is. Stop 'serve' first: while another process has the database open,
nothing is changed.

What was pushed and pulled since the backup is no longer known. So every source is only observed
at first: see what would change with 'rollcall sync --dry-run', then approve the plans.`,
		Example: `  rollcall restore /var/backups/rollcall-2026-03-01.db`,
		Args:    wants("FILE"),
		RunE: a.do(func(ctx context.Context, args []string) error {
			cfg, err := loadConfig(a.configFile)
			if err != nil {
				return err
			}
			kept, old, err := restoreRecord(ctx, args[0], cfg.State)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.stdout, "%s is restored from %s; every source is only observed until somebody has looked\n", cfg.State, args[0])
			if kept != "" {
				fmt.Fprintf(a.stdout, "what was there before is in %s\n", kept)
			}
			if old {
				fmt.Fprintln(a.stdout, "it has an older schema: run 'rollcall migrate', or start 'rollcall serve'")
			}
			return nil
		}),
	}
}
