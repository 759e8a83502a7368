package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func serveCommand(a *app) *cobra.Command {
	var addresses string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Receive pushes, pull on schedule, show the console",
		Long: `Runs the SCIM receiver, the scheduler, the console and the operations listener until SIGINT or
SIGTERM; then it finishes the requests it has and leaves. An older database is upgraded first,
after a copy has been put beside it.

SIGHUP reads the configuration again: it is taken as a whole, or, if anything in it is wrong,
the old one stays and the log says why. Addresses, TLS files' names and the database need a
restart. A certificate that changes on disk is taken up by itself.

A source whose secret cannot be read, or that is wrong in another way, does not stop the
others: its pushes are received, it is not pulled, and 'rollcall status' says why.

The log on standard error holds no names, mail addresses or keys.`,
		Example: `  rollcall serve
  rollcall serve --config /etc/rollcall/rollcall.yaml --log-format json
  kill -HUP $(pidof rollcall)`,
		Args: wants(),
	}
	cmd.Flags().StringVar(&addresses, "addresses", "", "once everything is up, write process id and URLs to `FILE`, as JSON")
	cmd.RunE = a.do(func(ctx context.Context, _ []string) error {
		hangup := make(chan os.Signal, 1)
		signal.Notify(hangup, syscall.SIGHUP)
		defer signal.Stop(hangup)
		return a.serve(ctx, hangup, func(bound boundAddresses) error { return bound.write(addresses) })
	})
	return cmd
}

// serve runs until the context is over. ready is called once everything listens.
func (a *app) serve(ctx context.Context, hangup <-chan os.Signal, ready func(boundAddresses) error) (err error) {
	cfg, err := loadConfig(a.configFile)
	if err != nil {
		return err
	}
	log := a.logger(slog.LevelInfo)
	u, err := upgradeRecord(ctx, cfg.State)
	if err != nil {
		return err
	}
	if u.backup != "" {
		log.Info("database upgraded", logFrom, u.from, logTo, u.to, logBackup, u.backup)
	}
	rec, err := openRecord(ctx, cfg.State)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rec.Close()) }()
	s, err := newService(ctx, a, cfg, rec, log)
	if err != nil {
		return err
	}
	defer s.close()
	log.Info("up", logVersion, programVersion(), logSources, len(cfg.Sources), logReceiver, s.bound.Receiver, logOperations, s.bound.Operations, logConsole, s.bound.Console)
	if err := ready(s.bound); err != nil {
		return err
	}
	err = s.run(ctx, hangup)
	log.Info("down")
	return err
}

// boundAddresses is where a server listens.
type boundAddresses struct {
	Receiver   string // URL, base path included
	Operations string // URL; "" when off
	Console    string // URL; "" when off
}

// write puts the addresses into a file that is whole from the moment it is there. "" is no file.
func (b boundAddresses) write(file string) error {
	if file == "" {
		return nil
	}
	part := file + ".part"
	text := fmt.Sprintf("{\"pid\": %d, \"receiver\": %q, \"operations\": %q, \"console\": %q}\n", os.Getpid(), b.Receiver, b.Operations, b.Console)
	if err := os.WriteFile(part, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write the addresses: %w", err)
	}
	if err := os.Rename(part, file); err != nil {
		return fmt.Errorf("write the addresses: %w", err)
	}
	return nil
}
