package sync

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"rollcall/state"
	"rollcall/sync/plan"
)

// Saved is a plan as it is kept in a file, to be looked at and carried out elsewhere.
type Saved struct {
	Format int             `json:"rollcall_plan"` // plan.Format
	Tenant string          `json:"tenant"`
	Source string          `json:"source"`
	Basis  string          `json:"basis"` // as plan.Plan.Basis
	MadeAt time.Time       `json:"made_at"`
	MadeBy string          `json:"made_by"`
	Plan   json.RawMessage `json:"plan"`
	Seal   string          `json:"seal"` // HMAC-SHA-256 of everything else, in base64
}

// What keeps a saved plan from being read: not one at all, or changed since it was sealed, or sealed for another record.
var (
	ErrSavedForm = errors.New("it is no saved plan")
	ErrSeal      = errors.New("its seal does not fit: it was changed since it was written, or written for another database")
)

// MaxSaved bounds the bytes of a saved plan that is read.
const MaxSaved = 256 << 20

// Seal writes a plan as a file, sealed with the record's key: whoever has the record can tell whether it was changed.
func Seal(key []byte, p plan.Plan, madeBy string) ([]byte, error) {
	body, err := p.Encode()
	if err != nil {
		return nil, fmt.Errorf("write the plan: %w", err)
	}
	s := Saved{Format: p.Format, Tenant: p.Tenant, Source: p.Source, Basis: p.Basis, MadeAt: p.MadeAt, MadeBy: madeBy, Plan: body}
	if s.Seal, err = s.seal(key); err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(s, "", "  ")
	return append(text, '\n'), err
}

// seal is computed over the compact form: white space may change, nothing else.
func (s Saved) seal(key []byte) (string, error) {
	s.Seal = ""
	text, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("write the plan: %w", err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("rollcall saved plan\n"))
	mac.Write(text)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}

// ReadSaved reads a saved plan as far as is needed to tell whose it is. Nothing of it is proven before Unseal.
func ReadSaved(text []byte) (Saved, error) {
	var s Saved
	from := json.NewDecoder(bytes.NewReader(text))
	from.DisallowUnknownFields()
	if err := from.Decode(&s); err != nil {
		return Saved{}, fmt.Errorf("%w: %w", ErrSavedForm, err)
	}
	if _, err := from.Token(); err != io.EOF {
		return Saved{}, fmt.Errorf("%w: something follows it", ErrSavedForm)
	}
	if s.Format != plan.Format {
		return Saved{}, fmt.Errorf("%w that this program reads: its format is %d and should be %d; make it anew", ErrSavedForm, s.Format, plan.Format)
	}
	return s, nil
}

// Unseal proves that a saved plan is as it was written, and returns the plan.
func (s Saved) Unseal(key []byte) (plan.Plan, error) {
	want, err := s.seal(key)
	if err != nil {
		return plan.Plan{}, fmt.Errorf("%w: %w", ErrSavedForm, err)
	}
	if !hmac.Equal([]byte(want), []byte(s.Seal)) {
		return plan.Plan{}, ErrSeal
	}
	p, err := plan.Decode(s.Plan)
	switch {
	case err != nil:
		return plan.Plan{}, err
	case p.Tenant != s.Tenant || p.Source != s.Source || p.Basis != s.Basis || !p.MadeAt.Equal(s.MadeAt) || p.Undo != "":
		return plan.Plan{}, fmt.Errorf("%w: it says of itself what its plan does not", ErrSavedForm)
	}
	return p, nil
}

// MaxSavedAge is how old a saved plan may be, unless somebody says otherwise.
const MaxSavedAge = 24 * time.Hour

// Apply judges each change of a saved plan anew and applies those that stand, as Approve does: everyone is looked at now, accounts are
// still at the version that was planned for. Somebody has looked, so that removals do not count against the gate. Who is let in, and
// memberships, need a pull of the last 24 hours behind them that nothing newer contradicts: the plan's own, if it was the last one, or a later one
// that holds the same change. The run is recorded with TriggerApply, and can be undone. Where nothing is left to be done, because all of it
// has been applied already, the provider is not asked and no run is recorded: the report's run has no id, and every result is ChangeDone.
//
// ErrPlanBasis, ErrPushOnly and state.ErrLeased mean that nothing was tried. If the provider stops answering, nothing is applied.
func (e *Engine) Apply(ctx context.Context, source Source, p plan.Plan, order Order) (Report, error) {
	if p.Tenant != source.Scope.Tenant || p.Source != source.Scope.Source {
		return Report{}, fmt.Errorf("the plan is of source %s of tenant %s, not of %s of %s", p.Source, p.Tenant, source.Scope.Source, source.Scope.Tenant)
	}
	if source.Policy == PolicyReport {
		return Report{}, ErrReportOnly
	}
	source, err := source.ready(ctx, &p)
	if err != nil {
		return Report{}, err
	}
	if _, err := e.Store.EnsureSource(ctx, source.Scope, source.Kind); err != nil {
		return Report{}, fmt.Errorf("open source %s: %w", source.Scope.Source, err)
	}
	r := &runner{engine: e, source: source, order: order}
	run := &r.report.Run
	*run = state.Run{
		ID: string(state.NewID()), Scope: source.Scope, Trigger: TriggerApply, Actor: order.Actor, StartedAt: e.now(), Verdict: state.VerdictComplete,
	}
	r.report.Plan = p
	if r.lease, err = e.acquire(ctx, source.Scope); err != nil {
		return r.report, err
	}
	defer r.lease.release(ctx)
	switch done, err := e.already(source.Scope).all(ctx, &p); {
	case err != nil:
		return r.report, err
	case done:
		r.report.appliedBefore(e.now())
		return r.report, r.closeOpen(ctx) // which may have applied it, and was killed before it could say so
	}
	if err := r.begin(ctx); err != nil {
		return r.report, err
	}
	recent, err := r.foundLately(ctx)
	if err == nil {
		err = e.carryOut(ctx, source, &r.lease, &r.report, recent)
	}
	if err != nil {
		r.failed(err)
	}
	if err == nil && endsObservation(&r.report) {
		err = e.endObservation(ctx, &r.lease, source)
	}
	run.EndedAt = e.now()
	return r.report, errors.Join(err, r.record(ctx))
}

// appliedBefore says that all of the plan is so already.
func (r *Report) appliedBefore(now time.Time) {
	r.Run.ID, r.Run.EndedAt, r.Run.Outcome = "", now, OutcomeInSync
	for i := range r.Plan.Changes {
		r.Results = append(r.Results, ChangeResult{Change: i, Outcome: ChangeDone})
	}
}

// ErrReportOnly says that a source's policy forbids what was asked for.
var ErrReportOnly = errors.New("the source's policy is to report only: nothing is applied")

// foundLately tells of a change whether a recent pull found it, and no newer pull something else.
func (r *runner) foundLately(ctx context.Context) (func(*plan.Change) bool, error) {
	p, started := &r.report.Plan, r.report.Run.StartedAt
	last, err := LastPull(ctx, r.engine.Store, r.source.Scope)
	switch {
	case errors.Is(err, state.ErrNotFound), err == nil && last.StartedAt.Before(p.MadeAt):
		return func(*plan.Change) bool { return started.Sub(p.MadeAt) <= maxReading }, nil
	case err != nil:
		return nil, err
	case last.Plan == "" || started.Sub(last.StartedAt) > maxReading:
		return func(*plan.Change) bool { return false }, nil
	}
	kept, err := r.engine.Store.HeldPlan(ctx, last.Plan)
	if err != nil {
		return nil, fmt.Errorf("read plan %s: %w", last.Plan, err)
	}
	held, err := plan.Decode(kept.Body)
	if err != nil {
		return nil, err
	}
	return held.Finder(), nil
}

// Reviewed is what would become of a held plan if it were approved now.
type Reviewed struct {
	Plan   plan.Plan
	Moved  []ChangeResult // changes that would no longer stand
	ReadAt time.Time      // when a pull last found what the plan says; zero: not the last one, or there was none
}

// Review tells what has moved since a held plan was made, as the record knows it; with live it asks the provider about everyone as well.
// It takes no lease and changes nothing. A plan that is no longer held is reviewed all the same.
func (e *Engine) Review(ctx context.Context, source Source, held state.HeldPlan, live bool) (Reviewed, error) {
	p, err := plan.Decode(held.Body)
	if err != nil {
		return Reviewed{}, err
	}
	r := Reviewed{Plan: p}
	if r.ReadAt, err = e.lastReading(ctx, source, &p); err != nil {
		return r, err
	}
	if !live || p.Undo != "" {
		_, r.Moved, err = e.restorer(source).standing(ctx, &p)
		return r, err
	}
	if source, err = source.ready(ctx, &p); err != nil {
		return r, err
	}
	report := Report{Plan: p, Run: state.Run{StartedAt: e.now()}}
	recent := func(*plan.Change) bool { return report.Run.StartedAt.Sub(r.ReadAt) <= maxReading }
	_, _, err = e.rejudge(ctx, e.Store, source, &report, recent, func(ctx context.Context) error { return ctx.Err() })
	r.Moved = report.Results
	return r, err
}
