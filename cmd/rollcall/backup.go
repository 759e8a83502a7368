package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
)

func backupCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the database while it is in use",
		Long: `Writes a consistent copy of the database to FILE, which only its owner may read, while 'serve'
goes on. An existing file is never overwritten.

To go back to a copy, stop 'serve', call 'rollcall restore FILE', and start again. In the copy
every source is only observed until somebody has looked.`,
		Example: `  rollcall backup /var/backups/rollcall-$(date +%F).db`,
		Args:    wants("FILE"),
		RunE: a.withRecord(func(ctx context.Context, s *session, args []string) error {
			if _, err := os.Lstat(args[0]); !errors.Is(err, fs.ErrNotExist) {
				if err != nil {
					return fmt.Errorf("back up to %s: %w", args[0], err)
				}
				return usagef("%s is there already; name another file", args[0])
			}
			if err := s.rec.Backup(ctx, args[0]); err != nil {
				return fmt.Errorf("back up: %w", err)
			}
			info, err := os.Stat(args[0])
			if err != nil {
				return fmt.Errorf("back up: %w", err)
			}
			fmt.Fprintf(s.stdout, "%s, %s\n", args[0], size(info.Size()))
			return nil
		}),
	}
}

// size says a number of bytes for people.
func size(n int64) string {
	const unit = 1024
	if n < unit {
		return plural(int(n), "byte")
	}
	value, suffix := float64(n)/unit, "KiB"
	for _, next := range []string{"MiB", "GiB", "TiB"} {
		if value < unit {
			break
		}
		value, suffix = value/unit, next
	}
	return fmt.Sprintf("%.1f %s", value, suffix)
}
