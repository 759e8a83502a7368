package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"rollcall/connectors/idpsim"
)

// story is the demo, chapter by chapter. Its error says which part of it did not come true.
func (st *stage) story(ctx context.Context) error {
	for _, chapter := range []func(context.Context) error{st.beginning, st.pushes, st.firstPull, st.behindTheBack, st.repair, st.confirm, st.massDisappearance, st.ending, st.inBrowser} {
		if err := chapter(ctx); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

func (st *stage) beginning(ctx context.Context) error {
	st.chapter("Two customers")
	st.say("Acme signs in with Entra ID, Globex with Okta. Both are simulated, on this machine; the rest is real: 'rollcall serve' is up at %s, and each command below is run as shown.", st.receiver)
	fmt.Fprintln(st.app.stdout, st.strong("$ cd "+st.dir))
	for _, c := range []*customer{&st.acme, &st.globex} {
		keyFile := strings.TrimSuffix(c.source, "-"+c.kind) + ".key"
		if _, err := st.run(ctx, exitDone, "keys issue --source "+c.source+" > "+keyFile); err != nil {
			return err
		}
		if err := st.connect(c, keyFile); err != nil {
			return err
		}
	}
	return nil
}

func (st *stage) pushes(ctx context.Context) error {
	st.chapter("The providers push")
	st.say("Acme's administrator pastes the key into Entra and starts provisioning; Globex's does the same in Okta. Each sends its people and groups over SCIM, in its own dialect.")
	for _, c := range []*customer{&st.acme, &st.globex} {
		if err := st.provision(ctx, c); err != nil {
			return err
		}
	}
	if _, err := st.run(ctx, exitDone, "groups list"); err != nil {
		return err
	}
	if err := st.inactive(ctx, &st.acme, demoPeople); err != nil {
		return err
	}
	return st.inactive(ctx, &st.globex, demoPeople/2)
}

func (st *stage) firstPull(ctx context.Context) error {
	st.chapter("The first pull")
	st.say("Pushes can get lost, so Rollcall also asks. It only observes a source until somebody has run it once by hand and found nothing to remove. That is this run; it ties each account to its person at the provider.")
	if _, err := st.run(ctx, exitDone, "sync --output json > first-sync.json"); err != nil {
		return err
	}
	_, err := st.run(ctx, exitDone, "status")
	return err
}

// The cast. Acme's first people are assigned by name, the others come through the group.
func (st *stage) disabled() string   { return st.acme.userName(demoPeople - 1) }
func (st *stage) deleted() string    { return st.acme.userName(demoPeople - 2) }
func (st *stage) unassigned() string { return st.acme.userName(0) }
func (st *stage) renamed() string    { return st.acme.userName(1) }
func (st *stage) suspended() string  { return st.globex.userName(0) }
func (st *stage) married() string    { return st.globex.userName(1) }

const newcomer = "grace.winter@acme.example"

// newName is what the renamed person is called afterwards.
func (st *stage) newName() string {
	given, _, _ := strings.Cut(st.acme.userName(1), ".")
	return given + ".winter@acme.example"
}

func (st *stage) behindTheBack(ctx context.Context) error {
	st.chapter("Things change behind the receiver's back")
	renamed, newName := st.renamed(), st.newName()
	st.say("At Acme, provisioning stands still, as it does in quarantine, and in the meantime:")
	for _, line := range []string{
		st.disabled() + " is disabled",
		st.deleted() + " is deleted, into the recycle bin",
		st.unassigned() + " is no longer assigned to the application",
		renamed + " is renamed to " + newName,
		newcomer + " starts work; her creation is pushed, and lost on the way",
	} {
		fmt.Fprintln(st.app.stdout, "  - "+line)
	}
	err := st.lose(ctx, &st.acme,
		idpsim.Step{Do: "add-person", Attributes: map[string]string{"userName": newcomer, "displayName": "Grace Winter"}},
		idpsim.Step{Do: "assign", Who: newcomer})
	if err != nil {
		return err
	}
	err = st.change(&st.acme,
		idpsim.Step{Do: "disable", Who: st.disabled()}, idpsim.Step{Do: "soft-delete", Who: st.deleted()},
		idpsim.Step{Do: "unassign", Who: st.unassigned()}, idpsim.Step{Do: "rename", Who: renamed, Value: newName})
	if err != nil {
		return err
	}
	st.say("At Globex, the push of %s's new family name is lost, and %s is suspended, of which Okta never tells anybody.", st.married(), st.suspended())
	if err := st.lose(ctx, &st.globex, idpsim.Step{Do: "set", Who: st.married(), Attribute: "familyName", Value: "Winter"}); err != nil {
		return err
	}
	return st.change(&st.globex, idpsim.Step{Do: "suspend", Who: st.suspended()})
}

// lose changes a customer's directory and lets the pushes of it get lost on the way.
func (st *stage) lose(ctx context.Context, c *customer, steps ...idpsim.Step) error {
	if err := st.change(c, steps...); err != nil {
		return err
	}
	c.losing.Store(true)
	defer c.losing.Store(false)
	return st.provision(ctx, c)
}

func (st *stage) repair(ctx context.Context) error {
	st.chapter("What has drifted?")
	st.say("A dry run asks both providers and prints the plan, with a reason for everything. It changes and remembers nothing.")
	before, err := st.users(ctx, &st.acme)
	if err != nil {
		return err
	}
	if _, err := st.run(ctx, exitDrift, "sync --dry-run --exit-code"); err != nil {
		return err
	}
	after, err := st.users(ctx, &st.acme)
	if err != nil {
		return err
	}
	for name, u := range before {
		if err := expect(after[name].Version == u.Version, "the dry run changed %s", name); err != nil {
			return err
		}
	}

	st.chapter("Repair")
	if _, err := st.run(ctx, exitDone, "sync"); err != nil {
		return err
	}
	if err := st.inactive(ctx, &st.acme, demoPeople+1, st.disabled(), st.deleted()); err != nil {
		return err
	}
	if err := st.inactive(ctx, &st.globex, demoPeople/2, st.suspended()); err != nil {
		return err
	}
	users, err := st.users(ctx, &st.acme)
	if err != nil {
		return err
	}
	return expect(users[st.newName()].Active && users[newcomer].Active, "the renamed or the new person is missing")
}

func (st *stage) confirm(ctx context.Context) error {
	st.chapter("Absence is only a suspicion")
	gone := st.unassigned()
	st.say("%s is missing from the list of those assigned. That alone removes nobody: lists can be wrong. Only when a second run finds the same, and the person has been read directly, is it believed.", gone)
	if _, err := st.run(ctx, exitDone, "sync --source acme-entra"); err != nil {
		return err
	}
	return st.inactive(ctx, &st.acme, demoPeople+1, st.disabled(), st.deleted(), gone)
}

func (st *stage) massDisappearance(ctx context.Context) error {
	st.chapter("A mass disappearance is refused")
	const team = "Engineering"
	st.say("Somebody takes the whole group %s off the application, by mistake. The first run suspects; the second would remove them all, and the gate holds that.", team)
	if err := st.change(&st.acme, idpsim.Step{Do: "unassign", Group: team}); err != nil {
		return err
	}
	out := []string{st.disabled(), st.deleted(), st.unassigned()}
	if _, err := st.run(ctx, exitDone, "sync --source acme-entra > suspicion.txt"); err != nil {
		return err
	}
	if _, err := st.run(ctx, exitHeld, "sync --source acme-entra"); err != nil {
		return err
	}
	if err := st.inactive(ctx, &st.acme, demoPeople+1, out...); err != nil {
		return err
	}
	st.say("Nobody lost access, and the plan waits for a decision. But the mistake is noticed, the group is assigned again, and the next run finds nothing left to do: the held plan is put away.")
	if err := st.change(&st.acme, idpsim.Step{Do: "assign", Group: team}); err != nil {
		return err
	}
	if _, err := st.run(ctx, exitDone, "sync --source acme-entra"); err != nil {
		return err
	}
	return st.inactive(ctx, &st.acme, demoPeople+1, out...)
}

func (st *stage) ending(ctx context.Context) error {
	st.chapter("The record, as an operator sees it")
	if _, err := st.run(ctx, exitDone, "users list"); err != nil {
		return err
	}
	st.say("And why is %s inactive?", st.unassigned())
	if _, err := st.run(ctx, exitDone, "users show "+st.unassigned()); err != nil {
		return err
	}
	_, err := st.run(ctx, exitDone, "status --exit-code")
	return err
}

// demoOperator is who signs in to the demo's console.
const demoOperator = "you"

func (st *stage) inBrowser(ctx context.Context) error {
	st.chapter("The same in a browser")
	st.say("The console is at %s. Operators sign in with a password, through a provider, or by a link that works once, such as this one:", st.console)
	_, err := st.run(ctx, exitDone, "operators add "+demoOperator+" --role operator")
	return err
}

// goOn says what to do next; what can be done with --keep is also kept in a file on the stage.
func (st *stage) goOn(ctx context.Context, keep bool) error {
	st.chapter("The story came true, in " + time.Since(st.started).Round(100*time.Millisecond).String())
	if !keep {
		if st.app.asks {
			st.say("Everything is still running, the console too, until you press Enter.")
			st.awaitEnter(ctx)
		}
		fmt.Fprintf(st.app.stdout, `Play with it:        %[1]s demo --keep
Set it up for real:  cp config.example.yaml rollcall.yaml, then %[1]s config validate
What else there is:  %[1]s --help
`, os.Args[0])
		return nil
	}
	text := fmt.Sprintf(`Everything is still running, until you press Ctrl-C. In another terminal:

%s  cd %s
  rollcall status
  rollcall runs list
  rollcall users deactivate %s --reason "I said so" --pin
  rollcall operators link %s

Change a directory, then run 'rollcall sync', or let the provider push:

  curl -X POST %s/_control/steps -d '[{"do": "disable", "who": "#5"}]'
  curl -X POST %s/_control/cycle -d '{"name": "push"}'
  curl -X POST %s/_control/steps -d '[{"do": "suspend", "who": "#3"}]'

The console is at %s, the receiver at %s, its keys in acme.key and globex.key, its log in serve.log.
`, alias(), st.dir, st.acme.userName(3), demoOperator, st.acme.provider.URL(), st.acme.provider.URL(), st.globex.provider.URL(), st.console, st.receiver)
	fmt.Fprint(st.app.stdout, text)
	if err := os.WriteFile(filepath.Join(st.dir, "README"), []byte(text), 0o600); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return nil
}

// awaitEnter waits until somebody presses Enter, or the context is over.
func (st *stage) awaitEnter(ctx context.Context) {
	pressed := make(chan struct{})
	go func() { // a terminal cannot be asked to stop: this ends with the process
		defer close(pressed)
		_, _ = bufio.NewReader(st.app.stdin).ReadString('\n')
	}()
	select {
	case <-pressed:
	case <-ctx.Done():
	}
}

// alias makes the commands that are printed work in another terminal, where rollcall is on no path.
func alias() string {
	if _, err := exec.LookPath("rollcall"); err == nil {
		return ""
	}
	self, err := os.Executable()
	if err != nil {
		return ""
	}
	return "  alias rollcall=" + self + "\n"
}
