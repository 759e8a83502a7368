package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/push"
	"rollcall/connectors/idpsim/server"
)

// stage is where the demo plays: two simulated providers and a serve, in a folder of its own.
type stage struct {
	app     *app
	dir     string
	started time.Time

	stop    context.CancelFunc
	group   *errgroup.Group // everything that runs on the stage
	logFile *os.File

	acme, globex customer
	receiver     string
	console      string
}

// customer is one simulated organisation with its provider and its provisioning.
type customer struct {
	source     string
	kind       string
	population *idpsim.Population
	provider   *server.Server
	pusher     server.Pusher
	losing     atomic.Bool // pushes get lost on the way
}

const (
	demoPeople = 12
	demoTeam   = 8 // of Acme's people come through a group
)

// open builds the stage: populations, providers, configuration, serve. The context it returns ends when anything of that does.
func (st *stage) open(ctx context.Context) (context.Context, error) {
	ctx, st.stop = context.WithCancel(ctx)
	st.group, ctx = errgroup.WithContext(ctx)
	return ctx, st.build(ctx)
}

func (st *stage) build(ctx context.Context) error {
	st.acme.source, st.acme.kind = "acme-entra", "entra"
	st.globex.source, st.globex.kind = "globex-okta", "okta"
	var err error
	if st.acme.population, err = organisation(7, "acme.example", demoPeople, demoTeam, "Engineering"); err != nil {
		return err
	}
	if st.globex.population, err = organisation(21, "globex.example", demoPeople/2, 4, "Sales"); err != nil {
		return err
	}
	receiver, err := freeAddress()
	if err != nil {
		return err
	}
	pages, err := freeAddress()
	if err != nil {
		return err
	}
	text := "listen: " + receiver + "\nconsole: {listen: '" + pages + "'}\nops: {listen: off}\nstate: rollcall.db\nsources:\n"
	for _, c := range []*customer{&st.acme, &st.globex} {
		if err := st.start(ctx, c); err != nil {
			return err
		}
		text += simulatedSource(c.kind, c.source, strings.TrimSuffix(c.source, "-"+c.kind), c.provider, c.population, "file:token") +
			"    schedule: off          # pulled by hand in this story\n" +
			"    removal: {settle: 0s}  # nor does it wait a quarter of an hour for pushes to settle\n"
	}
	for name, content := range map[string]string{"rollcall.yaml": text, "token": simulatedToken + "\n"} {
		if err := os.WriteFile(filepath.Join(st.dir, name), []byte(content), 0o600); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	}
	return st.serve(ctx)
}

// organisation makes a directory: people assigned to the application one by one, and a team that is assigned as a group.
func organisation(seed uint64, domain string, people, team int, group string) (*idpsim.Population, error) {
	p := idpsim.New(idpsim.Options{Seed: seed, Domain: domain, People: people, Unassigned: team})
	err := p.Do(idpsim.Step{Do: "add-group", Group: group},
		idpsim.Step{Do: "join", Who: fmt.Sprintf("#%d..#%d", people-team, people-1), Group: group},
		idpsim.Step{Do: "assign", Group: group})
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	return p, nil
}

// freeAddress finds a port, which the configuration names so that every command shown speaks of the same one.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("demo: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// start starts a customer's provider.
func (st *stage) start(ctx context.Context, c *customer) error {
	provider, err := server.Listen(server.Options{Population: c.population, Token: simulatedToken, Pushers: map[string]server.Pusher{"push": c}})
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	c.provider = provider
	st.group.Go(func() error { return provider.Run(ctx) })
	return nil
}

// Cycle implements server.Pusher for who plays on with --keep.
func (c *customer) Cycle(ctx context.Context) error {
	if c.pusher == nil {
		return errors.New("the provider has no key yet")
	}
	return c.pusher.Cycle(ctx)
}

// serve starts the real thing and waits until it is up. Its log goes to a file.
func (st *stage) serve(ctx context.Context) error {
	var err error
	if st.logFile, err = os.OpenFile(filepath.Join(st.dir, "serve.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	inner := *st.app
	inner.stderr, inner.configFile = st.logFile, st.configFile()
	up := make(chan boundAddresses, 1)
	st.group.Go(func() error {
		return inner.serve(ctx, nil, func(bound boundAddresses) error {
			up <- bound
			return nil
		})
	})
	select {
	case bound := <-up:
		st.receiver, st.console = bound.Receiver, bound.Console
		return nil
	case <-ctx.Done():
		return errors.Join(errors.New("demo: serve did not come up"), st.group.Wait())
	}
}

// connect gives a customer's provider the key that was issued for it.
func (st *stage) connect(c *customer, keyFile string) error {
	key, err := os.ReadFile(filepath.Join(st.dir, keyFile))
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	c.pusher = newPusher(c.kind, push.Options{
		URL: st.receiver, Key: strings.TrimSpace(string(key)), Population: c.population, Groups: true,
		Lose: func(push.Exchange) bool { return c.losing.Load() },
	})
	return nil
}

// provision lets a customer's provider push what is new.
func (st *stage) provision(ctx context.Context, c *customer) error {
	if err := c.pusher.Cycle(ctx); err != nil {
		return fmt.Errorf("the story did not come true: %s could not provision: %w", vendorName(c.kind), err)
	}
	return nil
}

// change changes a customer's directory.
func (st *stage) change(c *customer, steps ...idpsim.Step) error {
	if err := c.population.Do(steps...); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return nil
}

// userName is the name of a generated person.
func (c *customer) userName(n int) (name string) {
	c.population.Read(func(v *idpsim.View) { name = v.Person(n).Text(idpsim.UserName) })
	return name
}

// users reads the accounts of a source as a script would, by userName.
func (st *stage) users(ctx context.Context, c *customer) (map[string]userView, error) {
	var out, problems bytes.Buffer
	if code := st.quietly(ctx, []string{"users", "list", "--source", c.source, "--output", "json"}, &out, &problems); code != exitDone {
		return nil, fmt.Errorf("demo: users list: exit code %d: %s", code, problems.String())
	}
	var list []userView
	if err := json.Unmarshal(out.Bytes(), &list); err != nil {
		return nil, fmt.Errorf("demo: users list: %w", err)
	}
	users := make(map[string]userView, len(list))
	for _, u := range list {
		users[u.UserName] = u
	}
	return users, nil
}

// inactive is an error unless exactly these of a customer's accounts are inactive, and there are so many in all.
func (st *stage) inactive(ctx context.Context, c *customer, total int, names ...string) error {
	users, err := st.users(ctx, c)
	if err != nil {
		return err
	}
	if err := expect(len(users) == total, "%s has %d accounts instead of %d", c.source, len(users), total); err != nil {
		return err
	}
	out := map[string]bool{}
	for _, name := range names {
		out[name] = true
	}
	for name, u := range users {
		if err := expect(u.Active != out[name], "%s is %s", name, u.state()); err != nil {
			return err
		}
		delete(out, name)
	}
	return expect(len(out) == 0, "%d people have no account", len(out))
}

// close ends everything on the stage and waits for it.
func (st *stage) close() error {
	st.stop()
	err := st.group.Wait()
	if st.logFile != nil {
		err = errors.Join(err, st.logFile.Close())
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
