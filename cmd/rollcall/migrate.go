package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func migrateCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database to this version's schema",
		Long: `Brings an older database to the schema of this version, after a copy of it has been put
beside it; makes the database if there is none. 'serve' does the same when it starts; every
other command refuses an older database. A newer one is refused untouched.

No other process may have the database open meanwhile.`,
		Example: `  rollcall migrate --config /etc/rollcall/rollcall.yaml`,
		Args:    wants(),
		RunE: a.do(func(ctx context.Context, _ []string) error {
			cfg, err := loadConfig(a.configFile)
			if err != nil {
				return err
			}
			u, err := upgradeRecord(ctx, cfg.State)
			switch {
			case err != nil:
				return err
			case u.from == 0:
				fmt.Fprintf(a.stdout, "%s made, schema %d\n", cfg.State, u.to)
			case u.backup != "":
				fmt.Fprintf(a.stdout, "%s upgraded from schema %d to %d; what it was is in %s\n", cfg.State, u.from, u.to, u.backup)
			default:
				fmt.Fprintf(a.stdout, "%s is up to date, schema %d\n", cfg.State, u.to)
			}
			return nil
		}),
	}
}
