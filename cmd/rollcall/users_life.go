package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"rollcall/state"
)

// hand is one way in which an operator changes an account's life.
type hand struct {
	verb, short, long string
	args              []string
	life              func(r state.Record, args []string) state.Life
	objectID          bool // the second argument is a person's id at the provider; life gets it in the form that pulls give it
}

var hands = []hand{
	{
		verb: "reactivate", short: "Let somebody in again", args: []string{"PERSON"},
		long: `Makes the account active now. The next push or pull that says otherwise still counts: pin
the account to keep it active.`,
		life: func(r state.Record, _ []string) state.Life { return state.HandReactivate.Life(r) },
	},
	{
		verb: "pin", short: "Keep an account as it is: no pull and no push changes whether it is active", args: []string{"PERSON"},
		long: `Pins the account: whether it is active stays as it is now, whatever is pushed or pulled, until
it is unpinned. What the provider says is still noted.`,
		life: func(r state.Record, _ []string) state.Life { return state.HandPin.Life(r) },
	},
	{
		verb: "unpin", short: "Let pushes and pulls decide again", args: []string{"PERSON"},
		long: `Takes the pin away. What the provider said last comes into force at once.`,
		life: func(r state.Record, _ []string) state.Life { return state.HandUnpin.Life(r) },
	},
	{
		verb: "link", short: "Tie an account to a person at the provider", args: []string{"PERSON", "OBJECT_ID"}, objectID: true,
		long: `Ties the account to the person with this object id. Pulls then compare the two, whatever
their names are. Use it where a plan reports a conflict. At Entra ID it is the Object ID, at
Okta the id of the user (00u…), not that of a group or of an assignment.`,
		life: func(_ state.Record, args []string) state.Life { return state.Life{Link: &args[1]} },
	},
	{
		verb: "release", short: "Undo the tie between an account and a person", args: []string{"PERSON"},
		long: `Unties the account from the person at the provider. The next pull matches it anew.`,
		life: func(state.Record, []string) state.Life { return state.Life{Link: new("")} },
	},
}

func usersLifeCommands(a *app) []*cobra.Command {
	commands := []*cobra.Command{deactivateCommand(a), protectCommand(a)}
	for _, h := range hands {
		commands = append(commands, a.handCommand(h))
	}
	return commands
}

func deactivateCommand(a *app) *cobra.Command {
	pin := false
	cmd := a.handCommand(hand{
		verb: "deactivate", short: "Take somebody's access away now", args: []string{"PERSON"},
		long: `Makes the account inactive now. Groups and attributes are kept. The next push or pull that
says the person is active brings the account back, unless it is pinned as well.`,
		life: func(r state.Record, _ []string) state.Life {
			if pin {
				return state.HandSuspend.Life(r)
			}
			return state.HandDeactivate.Life(r)
		},
	})
	cmd.Flags().BoolVar(&pin, "pin", false, "pin it as well, so that it stays inactive")
	return cmd
}

func protectCommand(a *app) *cobra.Command {
	off := false
	cmd := a.handCommand(hand{
		verb: "protect", short: "Make removals of an account wait for an approval, always", args: []string{"PERSON"},
		long: `A pull that would deactivate a protected account holds that change for an approval, whatever
the gate allows.`,
		life: func(r state.Record, _ []string) state.Life {
			if off {
				return state.HandUnprotect.Life(r)
			}
			return state.HandProtect.Life(r)
		},
	})
	cmd.Flags().BoolVar(&off, "off", false, "take the protection away")
	return cmd
}

// handCommand makes the command of one hand.
func (a *app) handCommand(h hand) *cobra.Command {
	var source, why string
	object := ""
	if h.objectID {
		object = " 7c6f0c0e-0000-4000-8000-000000000000"
	}
	cmd := &cobra.Command{
		Use: h.verb + " " + strings.Join(h.args, " "), Short: h.short, Long: h.long, Args: wants(h.args...),
		Example: "  rollcall users " + h.verb + " ada@acme.example" + object + " --reason \"ticket 4711\"",
	}
	a.outputFlag(cmd)
	a.sourceFlag(cmd, &source, "only look in the source `NAME`")
	cmd.Flags().StringVar(&why, "reason", "", "why, for the journal (`TEXT`; needed)")
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, args []string) error {
		if why == "" {
			return usagef("say why with --reason: the journal keeps it")
		}
		f, err := s.person(ctx, source, args[0])
		if err != nil {
			return err
		}
		if h.objectID {
			if args[1], err = s.objectID(ctx, f.scope, args[1]); err != nil {
				return err
			}
			if err = s.untied(ctx, f, args[1]); err != nil {
				return err
			}
		}
		return s.lay(f, h.life(f.record, args), why)
	})
	return cmd
}

// objectID reads a person's id at the provider of a source.
func (s *session) objectID(ctx context.Context, scope state.Scope, text string) (string, error) {
	source, err := s.rec.Source(ctx, scope.Source)
	if err != nil {
		return "", fmt.Errorf("source %s: %w", scope.Source, err)
	}
	id, err := objectID(source.Kind, text)
	if err != nil {
		return "", usagef("%q %w", text, err)
	}
	return id, nil
}

// untied refuses to tie an account that is another person's, or a person who has another account, and says whose it is.
func (s *session) untied(ctx context.Context, f found, person string) error {
	if f.record.Link != "" && f.record.Link != person {
		return fmt.Errorf("the account is linked to the person %s; if that is wrong, 'rollcall users release %s' first", f.record.Link, f.record.ID)
	}
	held, err := s.rec.Find(ctx, f.scope, state.KindAccount, state.NewMatchKey(state.MatchLink, person))
	if err != nil {
		return fmt.Errorf("find the account that is linked: %w", err)
	}
	for _, other := range held {
		if other.ID != f.record.ID {
			return fmt.Errorf("the person is linked to the account of %s (%s); if that is wrong, 'rollcall users release %s' first", newUserView(f.scope, other).UserName, other.ID, other.ID)
		}
	}
	return nil
}

// lay carries out an operator's change and prints what the account is now.
func (s *session) lay(f found, life state.Life, why string) error {
	life.Base = f.record.Version
	results, err := s.rec.Write(state.Urgent, []state.Mutation{{
		Scope: f.scope, Kind: state.KindAccount, ID: f.record.ID, Life: &life,
		Cause: state.Cause{Kind: state.CauseOperator, Actor: s.operator(), Note: why},
	}})
	if err == nil {
		err = results[0].Err
	}
	if err != nil {
		return fmt.Errorf("change account %s: %w", f.record.ID, err)
	}
	now := newUserView(f.scope, results[0].Record)
	if s.output == "json" {
		return s.printJSON(now)
	}
	if !results[0].Changed {
		fmt.Fprintf(s.stdout, "%s: nothing to change, %s\n", clean(now.UserName), now.state())
		return nil
	}
	fmt.Fprintf(s.stdout, "%s: %s\n", clean(now.UserName), now.state())
	if !now.Pinned && f.record.InForce != now.Active {
		fmt.Fprintf(s.stderr, "The next push or pull that says %s counts again; 'rollcall users pin' keeps it as it is.\n", activeWord(!now.Active))
	}
	return nil
}
