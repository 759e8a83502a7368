package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"rollcall/cmd/internal/console"
	"rollcall/state"
	"rollcall/sync/explain"
	"rollcall/sync/plan"
)

func sourcesCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sources",
		Short: "List sources; end, rename or move one",
		Long: `A source is one configured identity provider of a customer. One that is taken out of the
configuration is dormant: nothing is pulled, its pushes are answered 503, its accounts stay as
they are, and 'rollcall status' is red until it comes back, or its accounts are moved or erased
and its keys ended. Bare 'sources' lists them.`,
		Example: `  rollcall sources list
  rollcall sources rename acme-entra acme-emea
  rollcall sources move acme-okta acme-entra`,
		Args: wants(),
	}
	list := sourcesListCommand(a)
	cmd.Flags().AddFlagSet(list.Flags())
	cmd.RunE = list.RunE
	cmd.AddCommand(list, sourcesEndCommand(a), sourcesRenameCommand(a), sourcesMoveCommand(a))
	return cmd
}

// sourceView is a source as scripts read it.
type sourceView struct {
	Source     string     `json:"source"`
	Tenant     string     `json:"tenant"`
	Kind       string     `json:"kind"`
	Configured bool       `json:"configured"` // false: dormant
	Keys       int        `json:"keys"`       // that open something
	Active     int        `json:"active"`
	Inactive   int        `json:"inactive"`
	Groups     int        `json:"groups"`
	LastPushAt *time.Time `json:"last_push_at"`
	LastPullAt *time.Time `json:"last_pull_at"`
}

func sourcesListCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List sources, those too that have left the configuration",
		Example: "  rollcall sources list --output json",
		Args:    wants(),
	}
	a.outputFlag(cmd)
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, _ []string) error {
		scopes, err := s.scopes(ctx, "")
		if err != nil {
			return err
		}
		out := s.newLister("SOURCE", "TENANT", "KIND", "STATE", "KEYS", "ACTIVE", "INACTIVE", "GROUPS", "LAST PUSH?", "LAST PULL?")
		for _, scope := range scopes {
			v, err := s.sourceView(ctx, scope)
			if err != nil {
				return fmt.Errorf("source %s: %w", scope.Source, err)
			}
			is := "dormant"
			if v.Configured {
				is = "configured"
			}
			out.add(v, v.Source, v.Tenant, v.Kind, is, fmt.Sprint(v.Keys), fmt.Sprint(v.Active), fmt.Sprint(v.Inactive), fmt.Sprint(v.Groups),
				agoOf(s.now(), v.LastPushAt), agoOf(s.now(), v.LastPullAt))
		}
		return out.end("no sources")
	})
	return cmd
}

func (s *session) sourceView(ctx context.Context, scope state.Scope) (v sourceView, err error) {
	v = sourceView{Source: scope.Source, Tenant: scope.Tenant}
	if src, ok := s.cfg.source(scope.Source); ok {
		v.Configured, v.Kind = true, src.Kind
	}
	recorded, err := s.rec.Source(ctx, scope.Source)
	if errors.Is(err, state.ErrNotFound) {
		return v, nil
	}
	if err != nil {
		return v, err
	}
	v.Kind, v.LastPushAt, v.LastPullAt = recorded.Kind, optional(recorded.LastPushAt), optional(recorded.LastPullAt)
	ledger, err := s.rec.Ledger(ctx, scope, s.now())
	if err != nil {
		return v, err
	}
	v.Active, v.Inactive = ledger.Active, ledger.Total-ledger.Active
	if v.Groups, err = s.rec.Count(ctx, scope, state.KindGroup); err != nil {
		return v, err
	}
	keys, err := s.rec.ListKeys(ctx, scope)
	for _, k := range keys {
		if k.Live(s.now()) {
			v.Keys++
		}
	}
	return v, err
}

// recordedSource returns a source that the record knows.
func (s *session) recordedSource(ctx context.Context, name string) (state.Source, error) {
	source, err := s.rec.Source(ctx, name)
	if errors.Is(err, state.ErrNotFound) {
		return source, usagef("the record has no source %q; 'rollcall sources list' shows those it has", name)
	}
	if err != nil {
		return source, fmt.Errorf("source %s: %w", name, err)
	}
	return source, nil
}

// dormant returns a recorded source that is not in the configuration any more, or says why that has to come first.
func (s *session) dormant(ctx context.Context, name, why string) (state.Source, error) {
	source, err := s.recordedSource(ctx, name)
	if err != nil {
		return source, err
	}
	if src, ok := s.cfg.source(name); ok {
		return source, usagef("source %s is in the configuration still, %s: %s", name, src.where("name"), why)
	}
	return source, nil
}

const byHandTTL = 5 * time.Minute // of a lease that a command holds

// underLease works while nobody else works on a source. The lease is given back under the scope that it has in the end.
func (s *session) underLease(ctx context.Context, scope state.Scope, work func(*state.Lease) error) (err error) {
	lease, err := s.rec.AcquireLease(ctx, scope, newEngine(s.rec, nil, s.logger(slog.LevelWarn)).Holder, byHandTTL)
	if err != nil {
		return fmt.Errorf("work on source %s: %w", scope.Source, err)
	}
	defer func() {
		released := s.rec.ReleaseLease(context.WithoutCancel(ctx), lease)
		if err == nil && released != nil {
			err = fmt.Errorf("give the lease on source %s back: %w", scope.Source, released)
		}
	}()
	return work(&lease)
}

func sourcesEndCommand(a *app) *cobra.Command {
	yes := false
	cmd := &cobra.Command{
		Use:   "end NAME",
		Short: "End a source: its keys are revoked, its accounts stay as they are",
		Long: `Revokes every key of the source and withdraws its set-up links, which show keys, so that nothing
can be pushed any more. Its accounts, groups and history stay as they are: move them to another
source with 'rollcall sources move', or erase the customer with 'rollcall erase'. Take the source
out of the configuration as well: as long as it is there, it is pulled.`,
		Example: "  rollcall sources end acme-okta",
		Args:    wants("NAME"),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, args []string) error {
		source, err := s.recordedSource(ctx, args[0])
		if err != nil {
			return err
		}
		keys, err := s.rec.ListKeys(ctx, source.Scope)
		if err != nil {
			return fmt.Errorf("list keys: %w", err)
		}
		if err := s.sure(yes, args[0], "Every key of source "+args[0]+" will be revoked."); err != nil {
			return err
		}
		if err := s.withdrawLinks(ctx, source.Scope); err != nil { // before the keys: they show new ones
			return err
		}
		revoked := 0
		for _, k := range keys {
			if !k.RevokedAt.IsZero() {
				continue
			}
			if err := s.rec.RevokeKey(ctx, source.Scope, k.ID); err != nil {
				return fmt.Errorf("revoke key %s: %w", k.ID, err)
			}
			revoked++
		}
		s.deed(ctx, console.DeedSourceEnded, source.Scope, "", "")
		fmt.Fprintf(s.stdout, "%s revoked; the accounts of %s stay as they are.\n", plural(revoked, "key is", "keys are"), args[0])
		if src, ok := s.cfg.source(args[0]); ok {
			fmt.Fprintf(s.stderr, "It is in the configuration still, %s: take it out there, or it is pulled as before.\n", src.where("name"))
		}
		return nil
	})
	return cmd
}

// withdrawLinks ends every set-up link of a source that holds.
func (s *session) withdrawLinks(ctx context.Context, scope state.Scope) error {
	links, err := s.rec.ListInvites(ctx, scope)
	if err != nil {
		return fmt.Errorf("list set-up links: %w", err)
	}
	withdrawn := 0
	for _, link := range links {
		if !link.WithdrawnAt.IsZero() || !s.now().Before(link.ExpiresAt) {
			continue
		}
		if err := s.rec.WithdrawInvite(ctx, link.ID); err != nil {
			return fmt.Errorf("withdraw set-up link %s: %w", link.ID, err)
		}
		withdrawn++
	}
	if withdrawn > 0 {
		fmt.Fprintf(s.stdout, "%s withdrawn.\n", plural(withdrawn, "set-up link is", "set-up links are"))
	}
	return nil
}

func sourcesRenameCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "rename OLD NEW",
		Short: "Give a source another name; ids, keys and history stay",
		Long: `Gives a source another name in the record. Everything of it stays: accounts with their ids, keys,
history, held plans. Change its name in the configuration first, then rename it, then have 'serve'
reload: until then its pushes are answered 503, and nothing is pulled.`,
		Example: "  rollcall sources rename acme-entra acme-emea",
		Args:    wants("OLD", "NEW"),
		RunE: a.withRecord(func(ctx context.Context, s *session, args []string) error {
			if objection := name(args[1]); objection.what != "" {
				return usagef("%q %s: %s", args[1], objection.what, objection.mend)
			}
			source, err := s.dormant(ctx, args[0], "change its name there first, or the next run would make it anew")
			if err != nil {
				return err
			}
			err = s.underLease(ctx, source.Scope, func(lease *state.Lease) error {
				err := s.rec.RenameSource(ctx, lease.Epoch, source.Scope, args[1])
				if err == nil {
					lease.Scope.Source = args[1]
				}
				return err
			})
			if errors.Is(err, state.ErrTaken) {
				return fmt.Errorf("source %s has been used already; 'rollcall sources move %s %s' takes everything there", args[1], args[0], args[1])
			}
			if err != nil {
				return fmt.Errorf("rename source %s: %w", args[0], err)
			}
			s.deed(ctx, console.DeedSourceRenamed, state.Scope{Tenant: source.Scope.Tenant, Source: args[1]}, args[0], "")
			fmt.Fprintf(s.stdout, "%s is %s from now on\n", args[0], args[1])
			if _, ok := s.cfg.source(args[1]); !ok {
				fmt.Fprintf(s.stderr, "The configuration has no source %s yet: until it has, this one is dormant.\n", args[1])
			}
			return nil
		}),
	}
}

func sourcesMoveCommand(a *app) *cobra.Command {
	yes := false
	cmd := &cobra.Command{
		Use:   "move FROM TO",
		Short: "Make everybody of one source people of another, such as when a customer changes its provider",
		Long: `Makes every account and group of a source, with its history, one of another source of the same
customer, such as when the customer goes from Okta to Entra ID. Ids, names, memberships and who is
active stay; the ties to people at the old provider go, and the next pull of the new one ties them
anew by name. It is all or nothing, and refused while both have a live account of the same userName.

Without --yes it prints what it would do. FROM has to be out of the configuration, and TO in it.
Afterwards TO only observes until somebody has looked: see 'rollcall sync --source TO --dry-run'.`,
		Example: `  rollcall sources move acme-okta acme-entra
  rollcall sources move acme-okta acme-entra --yes`,
		Args: wants("FROM", "TO"),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, args []string) error { return s.move(ctx, args[0], args[1], yes) })
	return cmd
}

func (s *session) move(ctx context.Context, fromName, toName string, yes bool) error {
	from, err := s.dormant(ctx, fromName, "take it out there first, or its next pull would make everybody anew")
	if err != nil {
		return err
	}
	src, err := s.configured(toName)
	if err != nil {
		return err
	}
	if src.Tenant != from.Scope.Tenant {
		return usagef("source %s belongs to tenant %s, and %s to %s: nobody ever crosses from one customer to another", fromName, from.Scope.Tenant, toName, src.Tenant)
	}
	to, err := s.ensure(ctx, src)
	if err != nil {
		return err
	}
	found, conflicts, err := s.movePlan(ctx, from.Scope, to.Scope)
	switch {
	case err != nil:
		return err
	case found == 0:
		fmt.Fprintf(s.stdout, "Nothing is left in %s that could be moved. 'rollcall sources end %s' revokes its keys.\n", fromName, fromName)
		return nil
	case conflicts > 0:
		return fmt.Errorf("nothing was moved: both sources have %s; end one of each two, by a DELETE at its provider or 'rollcall erase', and move then",
			plural(conflicts, "live account or group of the same name", "live accounts or groups of the same names"))
	case !yes:
		fmt.Fprintf(s.stdout, "Nothing was changed. To do this: rollcall sources move %s %s --yes\n", fromName, toName)
		return nil
	}
	moved := 0
	err = s.underLease(ctx, from.Scope, func(old *state.Lease) error {
		return s.underLease(ctx, to.Scope, func(lease *state.Lease) (err error) {
			cause := state.Cause{Kind: state.CauseOperator, Actor: s.operator(), Reason: string(plan.ReasonMoved), Note: "from " + fromName + " to " + toName}
			to.Observe = "accounts were moved into it from " + fromName
			if err := s.rec.PutSource(ctx, lease.Epoch, to); err != nil {
				return err
			}
			if err := s.dropHeld(ctx, *old); err != nil {
				return err
			}
			moved, err = s.rec.MoveRecords(ctx, *old, *lease, cause)
			return err
		})
	})
	if err != nil {
		return fmt.Errorf("move %s to %s: %w", fromName, toName, err)
	}
	s.deed(ctx, console.DeedSourceMoved, to.Scope, fromName, "")
	fmt.Fprintf(s.stdout, "%s moved. 'rollcall sources end %s' revokes the old keys.\n", plural(moved, "account or group", "accounts and groups"), fromName)
	return nil
}

// dropHeld discards the plan that a source holds: the accounts that it is about belong to another one soon.
func (s *session) dropHeld(ctx context.Context, lease state.Lease) error {
	plans, err := s.rec.PlanHeads(ctx, lease.Scope, state.PlanHeld, "", 1)
	if err != nil || len(plans) == 0 {
		return err
	}
	return s.rec.DecidePlan(ctx, lease.Epoch, plans[0].ID, state.PlanDiscarded, s.operator())
}

// shownConflicts is how many conflicts are listed one by one.
const shownConflicts = 20

// movePlan prints what a move would do, and counts who would move and the names that both sources have. Of an empty source it prints nothing.
func (s *session) movePlan(ctx context.Context, from, to state.Scope) (found, conflicts int, err error) {
	counts := map[state.Kind]int{}
	active, linked := 0, 0
	for _, kind := range []state.Kind{state.KindAccount, state.KindGroup} {
		var failed error
		err := s.rec.Scan(ctx, from, kind, 0, 0, 0, func(r state.Record) bool {
			counts[kind]++
			if r.InForce {
				active++
			}
			if r.Link != "" {
				linked++
			}
			resource := explain.Resource(r.Resource)
			unique := resource.Get("userName").Text
			if kind == state.KindGroup {
				unique = resource.Get("displayName").Text
			}
			var others []state.Record
			if unique != "" {
				others, failed = s.rec.Find(ctx, to, kind, state.NewMatchKey(state.UniqueName(kind), unique))
			}
			if len(others) > 0 {
				if conflicts++; conflicts <= shownConflicts {
					fmt.Fprintf(s.stdout, "  in both: %s (%s and %s)\n", clean(unique), r.ID, others[0].ID)
				}
			}
			return failed == nil
		})
		if err := errors.Join(err, failed); err != nil {
			return 0, 0, fmt.Errorf("read source %s: %w", from.Source, err)
		}
	}
	if found = counts[state.KindAccount] + counts[state.KindGroup]; found == 0 {
		return 0, 0, nil
	}
	fmt.Fprintf(s.stdout, "%s, %d of them active, and %s go from %s to %s with their ids and history.\n", plural(counts[state.KindAccount], "account"), active,
		plural(counts[state.KindGroup], "group"), from.Source, to.Source)
	fmt.Fprintf(s.stdout, "%s to people at the old provider dropped; the next pull of %s ties them by name.\n", plural(linked, "tie is", "ties are"), to.Source)
	return found, conflicts, nil
}
