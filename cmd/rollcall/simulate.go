package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/server"
)

// simulateFlags are the flags of `simulate entra` and `simulate okta`.
type simulateFlags struct {
	listen, domain, controlToken string
	population, steps            string
	faults                       []string
	people, groups               int
	direct, unassigned           int
	seed                         uint64
	serviceApp, rateLimit        string
	concurrency                  int
	push, key                    string
	every                        time.Duration
	wide                         bool
	peopleGiven, groupsGiven     bool
	signs, dpop                  bool
}

func simulateCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "A simulated Entra ID or Okta as a server, to try things on",
		Long: `Runs an identity provider that does not exist: an organisation of any size, generated from a
seed or read from a file, behind the vendor's API. It prints the source to put into rollcall.yaml.

What happens there is told to its control endpoint, as JSON:
  curl URL/_control/                                              everything it can do
  curl URL/_control/state
  curl URL/_control/person?who=%233
  curl -X POST URL/_control/steps -d '{"do": "disable", "who": "#3"}'
  curl -X POST URL/_control/faults -d '{"name": "throttle", "where": {"times": 2}}'
  curl -X DELETE URL/_control/faults

Steps and faults: 'rollcall simulate steps' and 'rollcall simulate faults' list them all. The steps:
` + wrapWords(idpsim.StepNames()) + `
The faults:
` + wrapWords(idpsim.FaultNames()) + `
With --push it also provisions its people into a receiver, with the vendor's own habits: once
at the start, whenever asked, and with --every from time to time (Entra's own cycle is 40m;
Okta pushes at once, for which 1s will do):
  curl -X POST URL/_control/cycle -d '{"name": "push"}'
  curl -X POST URL/_control/push -d '{"name": "push", "step": {"do": "test"}}'

A file for --population is YAML or JSON:

` + indent(idpsim.FileExample),
		Example: `  rollcall simulate entra --people 1000 --groups 20
  rollcall simulate okta --population acme.yaml --steps monday.json
  rollcall simulate okta --fault throttle:path=/users,times=2,wait=5s
  rollcall simulate okta --push http://127.0.0.1:8080/auth/scim --key file:key.txt`,
		Args: wants(),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(simulateVendorCommand(a, "entra"), simulateVendorCommand(a, "okta"), stepsCommand(a), faultsCommand(a))
	return cmd
}

func simulateVendorCommand(a *app, kind string) *cobra.Command {
	var flags simulateFlags
	vendor := &cobra.Command{
		Use:     kind,
		Short:   "Simulate " + vendorName(kind),
		Long:    "Runs a simulated " + vendorName(kind) + " until a signal. See 'rollcall simulate --help'.",
		Example: "  rollcall simulate " + kind + " --people 100000 --seed 7 --listen 127.0.0.1:9001",
		Args:    wants(),
	}
	f := vendor.Flags()
	f.StringVar(&flags.listen, "listen", "127.0.0.1:0", "listen on `ADDRESS`")
	f.StringVar(&flags.controlToken, "control-token", "", "let the control endpoint be used from anywhere with a bearer token, as env:NAME or file:PATH (`REF`); without it, from this machine only")
	f.StringVar(&flags.domain, "domain", "simulated.example", "end user names in `DOMAIN`")
	f.IntVar(&flags.people, "people", 100, "generate `N` people; 0 when there is a file")
	f.IntVar(&flags.groups, "groups", 5, "assign them through `N` groups; 0 = one by one, and when there is a file")
	f.IntVar(&flags.direct, "direct", 0, "assign `N` of them one by one beside the groups")
	f.IntVar(&flags.unassigned, "unassigned", 0, "leave `N` of them unassigned")
	f.Uint64Var(&flags.seed, "seed", 1, "generate from seed `N`: the same seed gives the same people")
	f.StringVar(&flags.population, "population", "", "people and groups are in `FILE`, YAML or JSON")
	f.StringVar(&flags.steps, "steps", "", "play the steps in `FILE`, a JSON list, at the start")
	f.StringArrayVar(&flags.faults, "fault", nil, "start with a fault, `NAME[:WHERE]`, such as throttle:path=/users,after=1,times=2,wait=5s; may be repeated")
	f.StringVar(&flags.push, "push", "", "provision into the receiver at `URL`")
	f.StringVar(&flags.key, "key", "", "the receiver's key, as env:NAME or file:PATH (`REF`)")
	f.DurationVar(&flags.every, "every", 0, "push what is new every `DURATION`; 0 = only when asked")
	switch kind {
	case "entra":
		f.BoolVar(&flags.wide, "wide", false, "push what Entra proposes for an application of one's own, not only what the set-up guide asks for")
		f.BoolVar(&flags.signs, "sign-in", false, "print a source that signs in with a client secret, instead of one with a fixed token")
	case "okta":
		f.StringVar(&flags.serviceApp, "service-app", "", "let a service app sign in whose private key is in `FILE`, which is made when it is not there; print a source for it")
		f.BoolVar(&flags.dpop, "dpop", false, "ask the service app for proof of possession (DPoP), as Okta does unless that is switched off")
		f.StringVar(&flags.rateLimit, "rate-limit", "0", "allow `N[,FAMILY=N]` requests a minute in each family of endpoints, such as 600,/api/v1/logs=60; 0 = no limit")
		f.IntVar(&flags.concurrency, "concurrency", 0, "allow `N` requests at the same time; 0 = no limit")
	}
	vendor.RunE = a.do(func(ctx context.Context, _ []string) error {
		flags.peopleGiven, flags.groupsGiven = f.Changed("people"), f.Changed("groups")
		return a.simulate(ctx, kind, flags)
	})
	return vendor
}

func vendorName(kind string) string {
	if kind == "okta" {
		return "Okta"
	}
	return "Entra ID"
}

// wrapWords sets words in lines, indented.
func wrapWords(words []string) string {
	var b strings.Builder
	line := " "
	for i, word := range words {
		if i < len(words)-1 {
			word += ","
		}
		if len(line)+len(word) > 92 {
			b.WriteString(line + "\n")
			line = " "
		}
		line += " " + word
	}
	return b.String() + line + "\n"
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ")
}

func stepsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "steps",
		Short:   "List the steps of a simulated provider",
		Long:    "Lists what can happen at a simulated provider: for --steps, and for its control endpoint.\n\nWho is a user name, an Entra or Okta id, the number of a person (#17), several (#100..#199) or\neveryone (*). A group is named or given by its id.",
		Example: "  rollcall simulate steps\n  rollcall simulate steps --output json",
		Args:    wants(),
		RunE:    a.do(func(context.Context, []string) error { return a.listSteps() }),
	}
	a.outputFlag(cmd)
	return cmd
}

func (a *app) listSteps() error {
	if a.output == "json" {
		return a.printJSON(idpsim.StepList())
	}
	topic := ""
	for _, one := range idpsim.StepList() {
		if one.Topic != topic {
			topic = one.Topic
			fmt.Fprintf(a.stdout, "Of %s:\n", topic)
		}
		fmt.Fprintf(a.stdout, "  %-13s %s\n", one.Name, one.Does)
		if one.Takes != "" {
			fmt.Fprintf(a.stdout, "  %-13s with %s\n", "", one.Takes)
		}
	}
	return nil
}

func faultsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "faults",
		Short: "List the faults of a simulated provider",
		Long: `Lists what can go wrong at a simulated provider: for --fault, and for its control endpoint.

A fault hits every request, unless it is told where: path is a part of the request's method, path
and query; after spares so many of those; times is how many are then hit; wait is how long.`,
		Example: "  rollcall simulate faults\n  rollcall simulate faults --output json",
		Args:    wants(),
		RunE:    a.do(func(context.Context, []string) error { return a.listFaults() }),
	}
	a.outputFlag(cmd)
	return cmd
}

func (a *app) listFaults() error {
	if a.output == "json" {
		return a.printJSON(idpsim.FaultList())
	}
	for _, one := range idpsim.FaultList() {
		fmt.Fprintf(a.stdout, "%-15s %s\n", one.Name, one.Does)
	}
	return nil
}

// simulatedToken opens a simulated provider. It is no secret.
const simulatedToken = "simulated"

func (a *app) simulate(ctx context.Context, kind string, flags simulateFlags) error {
	options, err := a.simulated(kind, flags)
	if err != nil {
		return err
	}
	pusher, err := a.pusher(kind, flags, options.Population)
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
	a.announce(kind, flags, provider, options)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return provider.Run(ctx) })
	if pusher != nil {
		group.Go(func() error { a.pushAll(ctx, pusher, flags.every); return nil })
	}
	return group.Wait()
}

// announce prints what to do with a provider that is about to run.
func (a *app) announce(kind string, flags simulateFlags, provider *server.Server, options server.Options) {
	population := options.Population
	people := population.Summary().People
	fmt.Fprintf(a.stdout, "# A simulated %s with %s is at %s until it is interrupted.\n# What it can do: curl %s/_control/\n",
		vendorName(kind), plural(people, "person", "people"), provider.URL(), provider.URL())
	source := simulatedSource(kind, "simulated-"+kind, "simulated", provider, population, "env:SIMULATED_TOKEN")
	switch {
	case flags.serviceApp != "":
		source = strings.Replace(source, "api_token: env:SIMULATED_TOKEN", "client_id: "+options.Service.ClientID+"\n      private_key: file:"+flags.serviceApp, 1)
	case flags.signs:
		fmt.Fprintf(a.stdout, "# Its client secret: export SIMULATED_TOKEN=%s\n", simulatedToken)
		source = strings.Replace(source, "access_token: env:SIMULATED_TOKEN", "login_url: "+provider.URL()+"\n      client_id: "+options.Client+"\n      client_secret: env:SIMULATED_TOKEN", 1)
	default:
		fmt.Fprintf(a.stdout, "# Its token: export SIMULATED_TOKEN=%s\n", simulatedToken)
	}
	fmt.Fprint(a.stdout, "sources:\n"+source)
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

// parseFault reads a --fault such as throttle:path=/users,times=2,wait=5s.
func parseFault(text string) (name string, where idpsim.Where, err error) {
	name, rest, more := strings.Cut(text, ":")
	if !more {
		return name, where, nil
	}
	for pair := range strings.SplitSeq(rest, ",") {
		key, value, _ := strings.Cut(pair, "=")
		var err error
		switch key {
		case "path":
			where.Path = value
		case "after":
			where.After, err = count(value)
		case "times":
			where.Times, err = count(value)
		case "wait":
			where.Wait, err = time.ParseDuration(value)
		default:
			err = fmt.Errorf("it is none of path, after, times, wait")
		}
		if err != nil {
			return name, where, fmt.Errorf("%q: %w; write NAME:path=/users,after=1,times=2,wait=5s", pair, err)
		}
	}
	return name, where, nil
}

func count(text string) (n int, err error) {
	if _, err := fmt.Sscanf(text+"\n", "%d\n", &n); err != nil || n < 0 || slices.Contains([]byte(text), '+') {
		return 0, fmt.Errorf("%q is no number from 0", text)
	}
	return n, nil
}
