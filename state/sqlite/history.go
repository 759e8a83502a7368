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

// MembershipEntries reads the entries of groups that name a member. It walks through those of the source's groups.
func (r *Reader) MembershipEntries(ctx context.Context, scope state.Scope, member state.ID, limit int) ([]state.Entry, error) {
	if member == "" {
		return nil, nil
	}
	quoted := []byte(`"` + member + `"`)
	return newest(ctx, r, limit, func(row row) (e state.Entry, names bool, err error) {
		if bytes.Contains(row.view(entryAfter), quoted) || bytes.Contains(row.view(entryBefore), quoted) {
			return scanEntry(row), true, nil
		}
		return e, false, nil
	}, groupEntries, scope.Source, scope.Tenant)
}

// RunsNaming reads the newest runs that name somebody.
func (r *Reader) RunsNaming(ctx context.Context, scope state.Scope, texts []string, limit int) ([]state.Run, error) {
	return newest(ctx, r, limit, func(row row) (run state.Run, names bool, err error) {
		if namesOne(row.view(runReport), texts) {
			return scanRun(row), true, nil
		}
		return run, false, nil
	}, runsOf, scope.Source, scope.Tenant, atMost(0))
}

// PlansNaming reads the newest plans that name somebody. It unpacks one at a time.
func (r *Reader) PlansNaming(ctx context.Context, scope state.Scope, texts []string, limit int) ([]state.HeldPlan, error) {
	return newest(ctx, r, limit, func(row row) (state.HeldPlan, bool, error) {
		plan := scanPlan(row)
		var err error
		plan.Body, err = unpack(plan.Body)
		return plan, namesOne(plan.Body, texts), err
	}, plansNewest, scope.Source, scope.Tenant)
}

// newest walks through the rows of a query, the newest first, until it has enough of those that tell of somebody; 0 = all. What a row
// holds is looked at where it lies: most tell of others.
func newest[T any](ctx context.Context, r *Reader, limit int, read func(row) (item T, names bool, err error), query string, args ...any) (items []T, err error) {
	err = r.use(ctx, func(c *conn) error {
		return c.query(func(row row) error {
			item, names, err := read(row)
			if err != nil {
				return err
			}
			if names {
				items = append(items, item)
			}
			if limit > 0 && len(items) == limit {
				return errEnough
			}
			return ctx.Err()
		}, query, args...)
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	return items, nil
}

// namesOne tells whether one of some texts stands in a document.
func namesOne(document []byte, texts []string) bool {
	return slices.ContainsFunc(texts, func(text string) bool { return text != "" && bytes.Contains(document, []byte(text)) })
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
