package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"rollcall/cmd/internal/console"
	"rollcall/state"
	"rollcall/sync/plan"
)

func eraseCommand(a *app) *cobra.Command {
	var source, why string
	yes := false
	cmd := &cobra.Command{
		Use:   "erase PERSON|TENANT",
		Short: "Blank what is kept of a person, or of a whole customer, for good",
		Long: `Takes an account away for good and blanks its personal values wherever they are kept: in the record,
the journal, the log of requests, plans and runs. Ids, times and what was done stay, and the
journal tells that it was erased, by whom and why. It cannot be undone.

The account must be inactive: 'rollcall users deactivate' first. A person who is assigned at the
provider still comes back as a new account with the next push or pull. PERSON is who 'rollcall
users show' finds, or the id of an account that was purged.

With a customer's name it erases all of its sources, which have to be out of the configuration;
their keys are revoked. Copies made with 'rollcall backup' and saved plans are not reached.

Bytes that the database has given up stay in its file until they are written over. A new 'rollcall
backup', put in its place with 'rollcall restore', has none of them; remove the old file then.`,
		Example: `  rollcall erase ada@acme.example --reason "request of 1 March"
  rollcall erase acme --reason "contract ended" --yes`,
		Args: wants("PERSON|TENANT"),
	}
	a.sourceFlag(cmd, &source, "only look for a person in the source `NAME`")
	cmd.Flags().StringVar(&why, "reason", "", "why, for the journal, without names (`TEXT`; needed)")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, args []string) error {
		if why == "" {
			return usagef("say why with --reason: the journal keeps it")
		}
		cause := state.Cause{Kind: state.CauseOperator, Actor: s.operator(), Reason: string(plan.ReasonErased), Note: why}
		scopes, err := s.scopes(ctx, "")
		if err != nil {
			return err
		}
		tenant := slices.DeleteFunc(scopes, func(scope state.Scope) bool { return scope.Tenant != args[0] })
		if len(tenant) > 0 && source == "" {
			return s.eraseTenant(ctx, tenant, cause, yes)
		}
		return s.erasePerson(ctx, source, args[0], cause, yes)
	})
	return cmd
}

func (s *session) erasePerson(ctx context.Context, source, who string, cause state.Cause, yes bool) error {
	scope, id, err := s.erasable(ctx, source, who)
	if err != nil {
		return err
	}
	if err := s.sure(yes, string(id), fmt.Sprintf("What is kept of account %s in source %s will be blanked for good.", id, scope.Source)); err != nil {
		return err
	}
	switch err := s.rec.Erase(ctx, scope, id, cause); {
	case errors.Is(err, state.ErrInForce):
		return fmt.Errorf("nothing was erased: account %s has become active since; 'rollcall users deactivate' comes first", id)
	case err != nil:
		return fmt.Errorf("erase account %s: %w", id, err)
	}
	s.deed(ctx, console.DeedErased, scope, string(id), "")
	fmt.Fprintf(s.stdout, "account %s of source %s is erased\n", id, scope.Source)
	return nil
}

// erasable finds the account that is meant, be it purged already, and sees that nobody loses access by an erasure.
func (s *session) erasable(ctx context.Context, source, who string) (state.Scope, state.ID, error) {
	f, err := s.personEver(ctx, source, who)
	if err == nil && f.record.InForce {
		return f.scope, "", usagef("account %s is active; 'rollcall users deactivate' comes first", f.record.ID)
	}
	if err == nil {
		return f.scope, f.record.ID, nil
	}
	scopes, failed := s.scopes(ctx, source)
	if failed != nil {
		return state.Scope{}, "", failed
	}
	for _, scope := range scopes {
		entries, failed := s.rec.LastEntries(ctx, scope, state.ID(who), 1)
		if failed != nil {
			return state.Scope{}, "", fmt.Errorf("read the journal of source %s: %w", scope.Source, failed)
		}
		if len(entries) > 0 && entries[0].Kind == state.KindAccount {
			return scope, state.ID(who), nil
		}
	}
	return state.Scope{}, "", err
}

func (s *session) eraseTenant(ctx context.Context, scopes []state.Scope, cause state.Cause, yes bool) error {
	tenant := scopes[0].Tenant
	for _, scope := range scopes {
		if src, ok := s.cfg.source(scope.Source); ok {
			return usagef("source %s of tenant %s is in the configuration still, %s: take it out there first", scope.Source, tenant, src.where("name"))
		}
	}
	if err := s.sure(yes, tenant, fmt.Sprintf("Everything that is kept of tenant %s, %s, will be blanked for good.", tenant, plural(len(scopes), "source"))); err != nil {
		return err
	}
	purged := 0
	for _, scope := range scopes {
		if err := s.underLease(ctx, scope, func(lease *state.Lease) error {
			n, err := s.purgeAll(ctx, *lease, cause)
			purged += n
			return err
		}); err != nil {
			return fmt.Errorf("erase tenant %s: %w", tenant, err)
		}
	}
	if err := s.rec.BlankTenant(ctx, tenant); err != nil {
		return fmt.Errorf("erase tenant %s: %w", tenant, err)
	}
	s.deed(ctx, console.DeedTenantErased, state.Scope{}, tenant, "")
	fmt.Fprintf(s.stdout, "tenant %s is erased: %s\n", tenant, plural(purged, "account or group", "accounts and groups"))
	return nil
}

// purgeAll revokes a source's keys and takes every record of it away for good.
func (s *session) purgeAll(ctx context.Context, lease state.Lease, cause state.Cause) (purged int, err error) {
	keys, err := s.rec.ListKeys(ctx, lease.Scope)
	if err != nil {
		return 0, err
	}
	for _, k := range keys {
		if err := s.rec.RevokeKey(ctx, lease.Scope, k.ID); err != nil {
			return 0, err
		}
	}
	var purges []state.Mutation
	keep := func(r state.Record) bool {
		purges = append(purges, state.Mutation{
			Scope: lease.Scope, Kind: r.Kind, ID: r.ID, Life: &state.Life{Remove: state.RemovePurge}, Cause: cause,
		})
		return true
	}
	if err := errors.Join(s.rec.Scan(ctx, lease.Scope, state.KindAccount, 0, 0, 0, keep), s.rec.Scan(ctx, lease.Scope, state.KindGroup, 0, 0, 0, keep),
		s.rec.Tombstones(ctx, lease.Scope, keep)); err != nil {
		return 0, err
	}
	for batch := range slices.Chunk(purges, sweepBatch) {
		if lease, err = s.rec.RenewLease(ctx, lease, byHandTTL); err != nil {
			return purged, err
		}
		for i := range batch {
			batch[i].Epoch = lease.Epoch
		}
		results, err := s.rec.Write(state.Bulk, batch)
		if err != nil {
			return purged, err
		}
		for _, r := range results {
			if r.Err != nil {
				return purged, r.Err
			}
			purged++
		}
	}
	return purged, nil
}
