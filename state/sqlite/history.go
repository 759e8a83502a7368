package sqlite

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"rollcall/state"
)

const (
	lastEntriesOf = `SELECT ` + entryColumns + entryTables + `WHERE j.id = ? AND j.source = ` + inScope + `ORDER BY j.number DESC LIMIT ?`

	groupEntries = `SELECT ` + entryColumns + entryTables + `WHERE j.source = ` + inScope + `AND j.kind = 2 ORDER BY j.entry DESC`

	runsNaming = runColumns + `WHERE u.source = ` + inScope + `AND
		EXISTS (SELECT 1 FROM json_each(?) w WHERE instr(u.report, CAST(w.value AS BLOB))) ORDER BY u.started_at DESC, u.run DESC LIMIT ?`
	plansNewest        = planColumns + `WHERE p.source = ` + inScope + `ORDER BY p.plan DESC`
	suspicionsOfPeople = `SELECT person, fact, run, at FROM suspicions
		WHERE source = ` + inScope + `AND person IN (SELECT w.value FROM json_each(?) w) ORDER BY person, fact`

	failedRequests = requestColumns + `WHERE q.source = ` + inScope + `AND q.changed = 0 ORDER BY q.request DESC LIMIT ?`
)

var _ state.History = (*Reader)(nil)

// LastEntries reads the newest entries of one resource.
func (r *Reader) LastEntries(ctx context.Context, scope state.Scope, id state.ID, limit int) ([]state.Entry, error) {
	return list(ctx, r, scanEntry, lastEntriesOf, string(id), scope.Source, scope.Tenant, atMost(limit))
}

// MembershipEntries reads the entries of groups that name a member. It walks through those of the source's groups, the newest first,
// until it has enough.
func (r *Reader) MembershipEntries(ctx context.Context, scope state.Scope, member state.ID, limit int) (entries []state.Entry, err error) {
	if member == "" {
		return nil, nil
	}
	quoted := []byte(`"` + member + `"`)
	err = r.use(ctx, func(c *conn) error {
		return c.query(func(row row) error {
			if bytes.Contains(row.view(entryAfter), quoted) || bytes.Contains(row.view(entryBefore), quoted) {
				entries = append(entries, scanEntry(row))
			}
			if limit > 0 && len(entries) == limit {
				return errEnough
			}
			return ctx.Err()
		}, groupEntries, scope.Source, scope.Tenant)
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	return entries, nil
}

// RunsNaming reads the newest runs that name somebody.
func (r *Reader) RunsNaming(ctx context.Context, scope state.Scope, texts []string, limit int) ([]state.Run, error) {
	words, err := wordsOf(texts)
	if err != nil {
		return nil, err
	}
	return list(ctx, r, scanRun, runsNaming, scope.Source, scope.Tenant, words, atMost(limit))
}

// PlansNaming reads the newest plans that name somebody. It unpacks one at a time.
func (r *Reader) PlansNaming(ctx context.Context, scope state.Scope, texts []string, limit int) (plans []state.HeldPlan, err error) {
	err = r.use(ctx, func(c *conn) error {
		return c.query(func(row row) error {
			plan := scanPlan(row)
			body, err := unpack(plan.Body)
			if err != nil {
				return err
			}
			if slices.ContainsFunc(texts, func(text string) bool { return text != "" && bytes.Contains(body, []byte(text)) }) {
				plan.Body = body
				plans = append(plans, plan)
			}
			if limit > 0 && len(plans) == limit {
				return errEnough
			}
			return ctx.Err()
		}, plansNewest, scope.Source, scope.Tenant)
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	return plans, nil
}

// SuspicionsOf reads what is remembered of some people.
func (r *Reader) SuspicionsOf(ctx context.Context, scope state.Scope, people []string) ([]state.Suspicion, error) {
	words, err := wordsOf(people)
	if err != nil {
		return nil, err
	}
	return list(ctx, r, func(row row) state.Suspicion {
		return state.Suspicion{Person: row.text(0), Fact: row.text(1), Run: row.text(2), At: row.time(3)}
	}, suspicionsOfPeople, scope.Source, scope.Tenant, words)
}

// FailedRequests reads the newest requests that failed.
func (r *Reader) FailedRequests(ctx context.Context, scope state.Scope, limit int) ([]state.Request, error) {
	return list(ctx, r, scanRequest, failedRequests, scope.Source, scope.Tenant, atMost(limit))
}

// wordsOf is a list of texts as json_each reads it. Empty ones, which everything has, are left out.
func wordsOf(texts []string) (string, error) {
	words := []string{}
	for _, text := range texts {
		if text != "" {
			words = append(words, text)
		}
	}
	list, err := json.Marshal(words)
	if err != nil {
		return "", fmt.Errorf("write the texts to look for: %w", err)
	}
	return string(list), nil
}
