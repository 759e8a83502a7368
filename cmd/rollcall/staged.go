package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/cmd/internal/console"
	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/sync/explain"
	"rollcall/sync/plan"
)

// staging is a removal that was pushed, and that the gate holds: said, not in force.
type staging struct {
	scope  state.Scope
	record state.Record
	since  time.Time
	cause  state.Cause // of the push
}

// stagingReader is what is read of stagings.
type stagingReader interface {
	state.Stagings
	LastEntries(ctx context.Context, scope state.Scope, id state.ID, limit int) ([]state.Entry, error)
}

// stagings reads what waits in a source, in the order of the accounts.
func stagings(ctx context.Context, rec stagingReader, scope state.Scope) ([]staging, error) {
	var records []state.Record
	if err := rec.Staged(ctx, scope, func(r state.Record) bool { records = append(records, r); return true }); err != nil {
		return nil, fmt.Errorf("read what is staged in source %s: %w", scope.Source, err)
	}
	all := make([]staging, len(records))
	for i, r := range records {
		s := staging{scope: scope, record: r, since: r.ModifiedAt, cause: state.Cause{Kind: state.CausePush}}
		entries, err := rec.LastEntries(ctx, scope, r.ID, historyOfStaging)
		if err != nil {
			return nil, fmt.Errorf("read the journal of account %s: %w", r.ID, err)
		}
		if i := slices.IndexFunc(entries, stages); i >= 0 {
			s.since, s.cause = entries[i].At, entries[i].Cause
		}
		all[i] = s
	}
	return all, nil
}

// historyOfStaging is how far back an account's journal is searched for the push that waits. Behind so many later changes the last one
// has to do for it, and the wait begins anew.
const historyOfStaging = 200

// stages tells whether an entry is the one that made an account wait.
func stages(e state.Entry) bool {
	return slices.ContainsFunc(explain.Resource(e.After).Fields, func(f scim.Field) bool { return f.Name == "staged" && f.Value.Bool })
}

// settle is the mutation that puts a staged removal in force, as it was pushed: of a DELETE the record makes the deletion.
func (s *staging) settle(cause state.Cause) state.Mutation {
	return state.Mutation{
		Scope: s.scope, Kind: state.KindAccount, ID: s.record.ID, Life: &state.Life{Base: s.record.Version, InForce: new(false)}, Cause: cause,
	}
}

// stagedPlan is the beginning of the name by which the staged removals of a source are approved or discarded together.
const stagedPlan = console.StagedPlan

// stagedIn returns the stagings that a plan's name means; ok is false for the name of a real plan. A name that ends in the digest of what
// was shown means just that, and nothing when something was pushed or settled since.
func (s *session) stagedIn(ctx context.Context, name string) (waiting []staging, ok bool, err error) {
	source, ok := strings.CutPrefix(name, stagedPlan)
	if !ok {
		return nil, false, nil
	}
	source, shown, exact := strings.Cut(source, "@")
	if source == "" {
		return nil, true, usagef("name the source: %sNAME", stagedPlan)
	}
	scopes, err := s.scopes(ctx, source)
	if err != nil {
		return nil, true, err
	}
	waiting, err = stagings(ctx, s.rec, scopes[0])
	if err == nil && exact && digestOf(waiting) != shown {
		return nil, true, fmt.Errorf("what waits is not what was shown any more: something was pushed or settled since; look at it again with 'rollcall plans show %s%s'", stagedPlan, source)
	}
	return waiting, true, err
}

func digestOf(waiting []staging) string {
	records := make([]state.Record, len(waiting))
	for i := range waiting {
		records[i] = waiting[i].record
	}
	return console.StagedDigest(records)
}

// stagedView is the staged removals of one source as `plans list` shows them, beside the held plans.
func (s *session) stagedView(ctx context.Context, scope state.Scope) (planView, bool, error) {
	waiting, err := stagings(ctx, s.rec, scope)
	if err != nil || len(waiting) == 0 {
		return planView{}, false, err
	}
	since := slices.MinFunc(waiting, func(a, b staging) int { return a.since.Compare(b.since) }).since
	return planView{
		ID: stagedPlan + scope.Source, Tenant: scope.Tenant, Source: scope.Source, Status: state.PlanHeld,
		Reason: "pushed; waits for a second witness, an approval, or push_hold", Changes: len(waiting), Removals: len(waiting), CreatedAt: since.UTC(),
	}, true, nil
}

// eachStagedView calls add for each of the sources that a --source flag means, if anybody waits there.
func (s *session) eachStagedView(ctx context.Context, source string, add func(planView)) error {
	scopes, err := s.scopes(ctx, source)
	if err != nil {
		return err
	}
	for _, scope := range scopes {
		v, any, err := s.stagedView(ctx, scope)
		if err != nil {
			return err
		}
		if any {
			add(v)
		}
	}
	return nil
}

// showStaged prints who waits, if they could be read.
func (s *session) showStaged(waiting []staging, err error) error {
	if err != nil {
		return err
	}
	out := s.newLister("USERNAME~", "PUSHED", "SINCE", "SOURCE", "ACCOUNT?")
	for _, w := range waiting {
		v := newUserView(w.scope, w.record)
		pushed := "active: false"
		if w.record.Deletes {
			pushed = "DELETE"
		}
		out.add(v, v.UserName, pushed, when(w.since), v.Source, string(v.ID))
	}
	err = out.end("nobody waits")
	if len(waiting) > 0 && s.output != "json" {
		s.line("Approve just these with 'rollcall plans approve %s%s@%s', or discard them.", stagedPlan, waiting[0].scope.Source, digestOf(waiting))
	}
	return err
}

// settled is what became of a decision on staged removals.
type settled struct {
	done    int
	refused []refusal
}

// refusal is a staged removal that could not be decided on, because its account has moved on.
type refusal struct {
	account state.ID
	err     error
}

// settleStaged approves or discards what waits. What has changed since it was read is left.
func settleStaged(rec state.Writer, waiting []staging, approve bool, actor string) (settled, error) {
	mutations := make([]state.Mutation, len(waiting))
	for i := range waiting {
		w := &waiting[i]
		mutations[i] = w.settle(state.Cause{Kind: state.CauseApproval, Actor: actor, Reason: string(plan.ReasonStaged)})
		if !approve {
			mutations[i].Cause = state.Cause{Kind: state.CauseOperator, Actor: actor, Note: "a pushed removal was discarded"}
			mutations[i].Life = &state.Life{Base: w.record.Version, InForce: new(true), Pinned: new(true)}
		}
	}
	results, err := rec.Write(state.Bulk, mutations)
	if err != nil {
		return settled{}, fmt.Errorf("decide what is staged: %w", err)
	}
	var s settled
	for i, r := range results {
		if r.Err == nil {
			s.done++
			continue
		}
		s.refused = append(s.refused, refusal{waiting[i].record.ID, r.Err})
	}
	return s, nil
}

// decideStaged approves or discards everything that waits in a source, and prints what became of it.
func (s *session) decideStaged(ctx context.Context, waiting []staging, approve bool, err error) error {
	var decided settled
	if err == nil {
		decided, err = settleStaged(s.rec, waiting, approve, s.operator())
	}
	if err != nil {
		return err
	}
	if len(waiting) > 0 {
		what := map[bool]string{true: console.DeedApproved, false: console.DeedDiscarded}[approve]
		s.deed(ctx, what, waiting[0].scope, stagedPlan+waiting[0].scope.Source, "")
	}
	for _, r := range decided.refused {
		fmt.Fprintf(s.stderr, "%s: %v\n", r.account, r.err)
	}
	if approve {
		fmt.Fprintf(s.stdout, "%s of %d in force.\n", plural(decided.done, "removal"), len(waiting))
	} else {
		fmt.Fprintf(s.stdout, "%s of %d discarded; the accounts are pinned as active: 'rollcall users unpin' lets pushes and pulls decide again.\n", plural(decided.done, "removal"), len(waiting))
	}
	if decided.done < len(waiting) {
		return exitWith(exitPartly)
	}
	return nil
}
