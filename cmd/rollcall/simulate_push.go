package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/push"
	"rollcall/connectors/idpsim/server"
)

// pusher makes the simulated provisioning client, or nil without --push.
func (a *app) pusher(kind string, flags simulateFlags, population *idpsim.Population) (pusher, error) {
	if flags.push == "" {
		if flags.every != 0 || flags.key != "" {
			return nil, usagef("--every and --key are about pushing; name the receiver with --push")
		}
		return nil, nil
	}
	if o := webURL(flags.push); o.what != "" {
		return nil, usagef("--push %s; %s", o.what, o.mend)
	}
	ref, ok := parseSecret(flags.key)
	if !ok {
		return nil, usagef("--key must be env:NAME or file:PATH")
	}
	key, err := ref.read(a.env)
	if err != nil {
		return nil, usagef("--key: %w", err)
	}
	o := push.Options{URL: flags.push, Key: key, Population: population, Groups: true, Workers: 4}
	if flags.wide {
		return forgetful{push.NewEntra(push.EntraOptions{Options: o, Mapping: push.WideMapping()})}, nil
	}
	return forgetful{newPusher(kind, o)}, nil
}

// forgetful is a provisioning client that runs for long: it keeps nothing of what is over.
type forgetful struct{ pusher }

func (f forgetful) Cycle(ctx context.Context) error {
	defer f.Forget()
	return f.pusher.Cycle(ctx)
}

// Play is part of server.Player.
func (f forgetful) Play(ctx context.Context, step json.RawMessage) error {
	defer f.Forget()
	return f.pusher.Play(ctx, step)
}

// newPusher makes the provisioning client of a vendor, with the mapping of the set-up guide.
func newPusher(kind string, o push.Options) pusher {
	if kind == "okta" {
		return push.NewOkta(push.OktaOptions{Options: o})
	}
	return push.NewEntra(push.EntraOptions{Options: o})
}

// pusher is a simulated provisioning client.
type pusher interface {
	server.Pusher
	server.Player
	Pauses() int // how often the receiver has asked to wait
	Forget()     // drops the requests that it keeps
}

// pushAll carries out the first cycle, beside the provider, and with every one more from time to time. It says how the first went, and of
// the others what failed.
func (a *app) pushAll(ctx context.Context, pusher pusher, every time.Duration) {
	started := time.Now()
	if a.pushOnce(ctx, pusher) {
		fmt.Fprintf(a.stderr, "pushed everyone in %s%s\n", short(time.Since(started).Round(time.Millisecond)), pauses(pusher))
	}
	if every == 0 {
		return
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			a.pushOnce(ctx, pusher)
		}
	}
}

// pushOnce carries out one cycle and says what failed.
func (a *app) pushOnce(ctx context.Context, pusher pusher) bool {
	started := time.Now()
	err := pusher.Cycle(ctx)
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintf(a.stderr, "rollcall: push, in %s%s: %s\n", short(time.Since(started).Round(time.Millisecond)), pauses(pusher), pushFailure(err))
	}
	return err == nil
}

// pauses says how often the receiver has asked to wait so far, if it has.
func pauses(pusher pusher) string {
	if n := pusher.Pauses(); n > 0 {
		return ", told to wait " + plural(n, "time")
	}
	return ""
}

// pushFailure sums up in one line what failed for one object after another.
func pushFailure(err error) string {
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) || len(joined.Unwrap()) == 1 {
		return err.Error()
	}
	all := joined.Unwrap()
	return fmt.Sprintf("%d failed and are tried again in the next cycle; the first: %s", len(all), all[0])
}
