package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/push"
	"rollcall/connectors/idpsim/server"
)

// simulateFlags are the flags of `simulate entra` and `simulate okta`.
type simulateFlags struct {
	listen, domain, push, key string
	people, groups            int
	unassigned                int
	seed                      uint64
	wide                      bool
}

func simulateCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "A simulated Entra ID or Okta as a server, to try things on",
		Long: `Runs an identity provider that does not exist: an organisation of any size, generated from a
seed, behind the vendor's API. It prints the source to put into rollcall.yaml.

People are changed through its control endpoint, with JSON steps:
  curl -X POST URL/_control/steps -d '[{"do": "disable", "who": "#3"}]'
  curl -X POST URL/_control/faults -d '{"name": "throttle", "where": {"times": 2}}'
  curl URL/_control/state

With --push it also provisions its people into a receiver, with the vendor's own habits: once
at the start, and whenever asked with
  curl -X POST URL/_control/cycle -d '{"name": "push"}'`,
		Example: `  rollcall simulate entra --people 1000 --groups 20
  rollcall simulate okta --push http://127.0.0.1:8080/auth/scim --key file:key.txt`,
		Args: wants(),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, kind := range []string{"entra", "okta"} {
		var flags simulateFlags
		vendor := &cobra.Command{
			Use:     kind,
			Short:   "Simulate " + vendorName(kind),
			Long:    "Runs a simulated " + vendorName(kind) + " until a signal. See 'rollcall simulate --help'.",
			Example: "  rollcall simulate " + kind + " --people 100000 --seed 7 --listen 127.0.0.1:9001",
			Args:    wants(),
			RunE:    a.do(func(ctx context.Context, _ []string) error { return a.simulate(ctx, kind, flags) }),
		}
		f := vendor.Flags()
		f.StringVar(&flags.listen, "listen", "127.0.0.1:0", "listen on `ADDRESS`")
		f.StringVar(&flags.domain, "domain", "simulated.example", "end user names in `DOMAIN`")
		f.IntVar(&flags.people, "people", 100, "generate `N` people")
		f.IntVar(&flags.groups, "groups", 5, "assign them through `N` groups; 0 = one by one")
		f.IntVar(&flags.unassigned, "unassigned", 0, "leave `N` of them unassigned")
		f.Uint64Var(&flags.seed, "seed", 1, "generate from seed `N`: the same seed gives the same people")
		f.StringVar(&flags.push, "push", "", "provision into the receiver at `URL`")
		f.StringVar(&flags.key, "key", "", "the receiver's key, as env:NAME or file:PATH (`REF`)")
		if kind == "entra" {
			f.BoolVar(&flags.wide, "wide", false, "push what Entra proposes for an application of one's own, not only what the set-up guide asks for")
		}
		cmd.AddCommand(vendor)
	}
	return cmd
}

func vendorName(kind string) string {
	if kind == "okta" {
		return "Okta"
	}
	return "Entra ID"
}

// simulatedToken opens a simulated provider. It is no secret.
const simulatedToken = "simulated"

func (a *app) simulate(ctx context.Context, kind string, flags simulateFlags) error {
	const most = 5_000_000
	if flags.people < 0 || flags.people > most || flags.groups < 0 || flags.groups > 10_000 || flags.unassigned < 0 || flags.unassigned > flags.people {
		return usagef("--people must be from 0 to %d, --groups from 0 to 10000, --unassigned no more than the people", most)
	}
	if o := address(flags.listen); o.what != "" {
		return usagef("--listen %s; %s", o.what, o.mend)
	}
	population := idpsim.New(idpsim.Options{
		Seed: flags.seed, Domain: flags.domain, People: flags.people, Groups: flags.groups, Unassigned: flags.unassigned,
	})
	options := server.Options{Population: population, Listen: flags.listen, Token: simulatedToken}
	pusher, err := a.pusher(kind, flags, population)
	if err != nil {
		return err
	}
	if pusher != nil {
		options.Pushers = map[string]server.Pusher{"push": pusher}
	}
	provider, err := server.Listen(options)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "# A simulated %s with %s is at %s until it is interrupted.\n# Its token: export SIMULATED_TOKEN=%s\nsources:\n%s",
		vendorName(kind), plural(flags.people, "person", "people"), provider.URL(), simulatedToken,
		simulatedSource(kind, "simulated-"+kind, "simulated", provider, population, "env:SIMULATED_TOKEN"))
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return provider.Run(ctx) })
	if pusher != nil {
		group.Go(func() error { a.pushOnce(ctx, pusher); return nil })
	}
	return group.Wait()
}

// pusher makes the simulated provisioning client, or nil without --push.
func (a *app) pusher(kind string, flags simulateFlags, population *idpsim.Population) (pusher, error) {
	if flags.push == "" {
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

// forgetful is a provisioning client that runs for long: it keeps nothing of a cycle that is over.
type forgetful struct{ pusher }

func (f forgetful) Cycle(ctx context.Context) error {
	defer f.Forget()
	return f.pusher.Cycle(ctx)
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
	Pauses() int // how often the receiver has asked to wait
	Forget()     // drops the requests that it keeps
}

// pushOnce carries out the first cycle, beside the provider.
func (a *app) pushOnce(ctx context.Context, pusher pusher) {
	started := time.Now()
	err := pusher.Cycle(ctx)
	if errors.Is(err, context.Canceled) {
		return
	}
	took := short(time.Since(started).Round(time.Millisecond))
	if n := pusher.Pauses(); n > 0 {
		took += ", told to wait " + plural(n, "time")
	}
	if err != nil {
		fmt.Fprintf(a.stderr, "rollcall: push, in %s: %s\n", took, pushFailure(err))
		return
	}
	fmt.Fprintf(a.stderr, "pushed everyone in %s\n", took)
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

// simulatedSource is an item of sources that pulls from a simulated provider.
func simulatedSource(kind, name, tenant string, provider *server.Server, population *idpsim.Population, token string) string {
	head := fmt.Sprintf("  - name: %s\n    tenant: %s\n    kind: %s\n", name, tenant, kind)
	if kind == "okta" {
		return head + fmt.Sprintf("    okta:\n      org_url: %s\n      app_id: %s\n      api_token: %s\n", provider.URL(), population.OktaAppID(), token)
	}
	return head + fmt.Sprintf("    entra:\n      tenant_id: %s\n      app_id: %s\n      graph_url: %s\n      access_token: %s\n",
		population.TenantID(), population.AppID(), provider.GraphURL(), token)
}
