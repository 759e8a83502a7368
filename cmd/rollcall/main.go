// Command rollcall is a directory-sync worker: it takes what identity providers push over SCIM, asks them on a schedule who should
// have an account, and keeps the record in agreement with them. This package is the operator's side: configuration, command line,
// wiring.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // schedules may name time zones on machines that know none
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.LookupEnv))
}
