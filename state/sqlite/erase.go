package sqlite

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"rollcall/state"
)

const (
	personalSides = `SELECT name, CAST(before AS BLOB), CAST(after AS BLOB) FROM journal WHERE id = ?1 AND source = ?2
		UNION ALL SELECT name, CAST(json_object('link', coalesce(link, '')) AS BLOB), CAST(resource AS BLOB) FROM records WHERE id = ?1 AND source = ?2`
	accountInForce = `SELECT 1 FROM records WHERE id = ? AND source = ? AND deleted_at = 0 AND in_force = 1`
	lastVersion    = `SELECT kind, max(version) FROM (SELECT kind, version FROM journal WHERE id = ?1 AND source = ?2
		UNION ALL SELECT kind, version FROM records WHERE id = ?1 AND source = ?2) GROUP BY kind`
	entriesToBlank = `SELECT entry, CAST(before AS BLOB), CAST(after AS BLOB) FROM journal WHERE id = ? AND source = ?`
	blankEntry     = `UPDATE journal SET name = '', note = CASE verb WHEN 'purge' THEN note ELSE '' END, before = ?, after = ? WHERE entry = ?`

	requestsToBlank = `SELECT q.request, q.path, q.body, q.answer, q.detail,
		EXISTS (SELECT 1 FROM journal j WHERE j.id = ? AND j.request = q.id AND j.request <> '') FROM requests q WHERE q.source = ?`
	blankRequest = `UPDATE requests SET path = ?, detail = '', body = x'', answer = x'' WHERE request = ?`

	documentsToBlank = `SELECT plan, 0, body FROM plans WHERE source = ?1 UNION ALL SELECT run, 1, report FROM runs WHERE source = ?1`
	blankPlan        = `UPDATE plans SET body = ? WHERE plan = ?`
	blankReport      = `UPDATE runs SET report = ? WHERE run = ?`

	tenantHasRecords = `SELECT 1 FROM records r JOIN sources s ON s.source = r.source JOIN tenants t ON t.tenant = s.tenant WHERE t.name = ? LIMIT 1`
	tenantEntries    = `SELECT j.entry, CAST(j.before AS BLOB), CAST(j.after AS BLOB) FROM journal j JOIN tenants t ON t.tenant = j.tenant
		WHERE t.name = ? AND j.entry > ? ORDER BY j.entry LIMIT ?`
	blankTenantEntry    = `UPDATE journal SET name = '', before = ?, after = ? WHERE entry = ?`
	sourcesOfTenant     = `SELECT s.source FROM sources s JOIN tenants t ON t.tenant = s.tenant WHERE t.name = ?`
	blankTenantRequests = `UPDATE requests SET path = CASE WHEN instr(path, '?') THEN substr(path, 1, instr(path, '?') - 1) ELSE path END,
		detail = '', body = x'', answer = x'' WHERE source = ?`
	blankTenantPlans = `UPDATE plans SET body = x'7b7d', status = CASE WHEN status = 'held' THEN 'discarded' ELSE status END WHERE source = ?`
	blankTenantRuns  = `UPDATE runs SET report = x'7b7d' WHERE source = ?`
)

// Erase purges and blanks in one transaction, in which the account is seen to be out of force. It looks at every request, plan and run that is kept of the source.
func (s *Store) Erase(ctx context.Context, scope state.Scope, id state.ID, cause state.Cause) error {
	return s.do(ctx, func(t *tx) error {
		held, err := t.scope(scope)
		if err != nil {
			return err
		}
		person := state.Personal{IDs: []string{string(id)}}
		inForce, err := t.c.one(func(row) {}, accountInForce, string(id), held.source)
		switch {
		case err != nil:
			return err
		case inForce:
			return state.ErrInForce
		}
		if err := t.c.query(func(row row) error {
			person.NoteName(row.text(0))
			person.Note(row.bytes(1))
			person.Note(row.bytes(2))
			return nil
		}, personalSides, string(id), held.source); err != nil {
			return err
		}
		if err := t.purged(held, scope, id, cause); err != nil {
			return err
		}
		for _, blank := range []func() error{
			func() error { return t.blankEntries(held, id) },
			func() error { return t.blankRequests(held, id, &person) },
			func() error { return t.blankDocuments(held, &person) },
			func() error { return t.blankDeeds(held, &person) },
		} {
			if err := blank(); err != nil {
				return err
			}
		}
		return nil
	})
}

// purged takes a record away for good, and has an entry say so. For one that went before, it is one more.
func (t *tx) purged(held *scopeRow, scope state.Scope, id state.ID, cause state.Cause) error {
	kind, version := state.Kind(0), int64(0)
	found, err := t.c.one(func(row row) { kind, version = state.Kind(row.int(0)), row.int(1) }, lastVersion, string(id), held.source)
	if err != nil {
		return err
	}
	if !found {
		return state.ErrNotFound
	}
	_, err = t.mutate(&state.Mutation{Scope: scope, Kind: kind, ID: id, Life: &state.Life{Remove: state.RemovePurge}, Cause: cause})
	if !errors.Is(err, state.ErrNotFound) {
		return err
	}
	held.tenant.number++
	held.tenant.moved = true
	return t.c.exec(insertEntry, held.tenant.tenant, held.tenant.number, held.source, toMilli(t.now), int64(kind), string(id), "",
		string(state.VerbPurge), version+1, string(cause.Kind), cause.Actor, cause.Run, cause.Reason, cause.Note, "", int64(0), "{}", "{}")
}

func (t *tx) blankEntries(held *scopeRow, id state.ID) error {
	type sides struct {
		entry         int64
		before, after []byte
	}
	var all []sides
	if err := t.c.query(func(row row) error {
		all = append(all, sides{row.int(0), row.bytes(1), row.bytes(2)})
		return nil
	}, entriesToBlank, string(id), held.source); err != nil {
		return err
	}
	for _, e := range all {
		if err := t.c.exec(blankEntry, string(state.Blanked(e.before)), string(state.Blanked(e.after)), e.entry); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) blankRequests(held *scopeRow, id state.ID, person *state.Personal) error {
	type kept struct {
		request int64
		path    string
	}
	var named []kept
	if err := t.c.query(func(row row) error {
		path := row.text(1)
		plain, err := url.PathUnescape(strings.ReplaceAll(path, "+", " "))
		if err != nil {
			plain = path
		}
		if row.bool(5) || person.In(plain) || person.In(row.text(2)) || person.In(row.text(3)) || person.In(row.text(4)) {
			bare, _, _ := strings.Cut(path, "?")
			named = append(named, kept{row.int(0), bare})
		}
		return nil
	}, requestsToBlank, string(id), held.source); err != nil {
		return err
	}
	for _, r := range named {
		if err := t.c.exec(blankRequest, r.path, r.request); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) blankDocuments(held *scopeRow, person *state.Personal) error {
	type document struct {
		row  int64
		run  bool
		text []byte
	}
	var named []document
	if err := t.c.query(func(row row) error {
		kept, err := unpack(row.bytes(2))
		if err != nil {
			return err
		}
		if text, ok := person.Blank(kept); ok {
			named = append(named, document{row.int(0), row.bool(1), text})
		}
		return nil
	}, documentsToBlank, held.source); err != nil {
		return err
	}
	for _, d := range named {
		statement, kept := blankReport, d.text
		if !d.run {
			packed, err := pack(d.text)
			if err != nil {
				return err
			}
			statement, kept = blankPlan, packed
		}
		if err := t.c.exec(statement, kept, d.row); err != nil {
			return err
		}
	}
	return nil
}

// blankStep is how many entries of a tenant are blanked in one step.
const blankStep = 50

// BlankTenant blanks a tenant's past as bulk work. One that is interrupted is carried out again from the start.
func (s *Store) BlankTenant(ctx context.Context, tenant string) error {
	there, err := list(ctx, s.Reader, func(row row) bool { return row.bool(0) }, tenantHasRecords, tenant)
	switch {
	case err != nil:
		return err
	case len(there) > 0:
		return state.ErrVersion
	}
	sources, err := list(ctx, s.Reader, func(row row) int64 { return row.int(0) }, sourcesOfTenant, tenant)
	if err != nil {
		return err
	}
	if len(sources) == 0 {
		return state.ErrNotFound
	}
	statements := []string{blankTenantRequests, blankTenantPlans, blankTenantRuns, blankTenantDeeds}
	if err := s.doBulk(ctx, len(sources)*len(statements), func(t *tx, i int) error {
		return t.c.exec(statements[i%len(statements)], sources[i/len(statements)])
	}); err != nil {
		return err
	}
	for after, last := int64(0), blankStep; last == blankStep; {
		if err := s.doBulk(ctx, 1, func(t *tx, _ int) (err error) {
			after, last, err = t.blankTenant(tenant, after)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) blankTenant(tenant string, after int64) (last int64, n int, err error) {
	type sides struct{ before, after []byte }
	blanked := map[int64]sides{}
	if err := t.c.query(func(row row) error {
		last = row.int(0)
		blanked[last] = sides{state.Blanked(row.bytes(1)), state.Blanked(row.bytes(2))}
		return nil
	}, tenantEntries, tenant, after, int64(blankStep)); err != nil {
		return 0, 0, err
	}
	for entry, is := range blanked {
		if err := t.c.exec(blankTenantEntry, string(is.before), string(is.after), entry); err != nil {
			return 0, 0, err
		}
	}
	return last, len(blanked), nil
}
