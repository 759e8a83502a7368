package sqlite

import (
	"context"
	"strings"
	"time"

	"rollcall/state"
	"rollcall/state/scim"
)

const (
	undigested = `SELECT 1 FROM filling WHERE record < last
		UNION ALL SELECT 1 FROM tenants t LEFT JOIN digested d ON d.tenant = t.tenant WHERE t.last_number > coalesce(d.number, 0)
		UNION ALL SELECT 1 FROM runs INDEXED BY runs_to_digest WHERE digested = 0 AND ended_at <> 0 LIMIT 1`

	fillingFrom = `SELECT record, last FROM filling WHERE record < last`
	fillFrom    = `SELECT record, kind, deleted_at, CAST(resource AS BLOB) FROM records WHERE record > ? AND record <= ? ORDER BY record LIMIT 1`
	filledTo    = `UPDATE filling SET record = ? WHERE only = 1`

	journalToDigest = `SELECT t.tenant, coalesce(d.number, 0), coalesce(d.words, 0), t.last_number FROM tenants t LEFT JOIN digested d ON d.tenant = t.tenant
		WHERE t.last_number > coalesce(d.number, 0) LIMIT 1`
	entryToDigest  = `SELECT number, source, at, cause, turn, id, verb FROM journal WHERE tenant = ? AND number > ? ORDER BY number LIMIT 1`
	digestedTo     = `INSERT INTO digested (tenant, number, words) VALUES (?, ?, 0) ON CONFLICT (tenant) DO UPDATE SET number = excluded.number`
	recordToDigest = `SELECT record, kind, deleted_at, CAST(resource AS BLOB) FROM records WHERE id = ?`

	runToDigest = `SELECT run, source, triggered, ended_at, report FROM runs INDEXED BY runs_to_digest WHERE digested = 0 AND ended_at <> 0 ORDER BY run LIMIT 1`
	runDigested = `UPDATE runs SET digested = 1 WHERE run = ?`

	addDay = `INSERT INTO days (source, day, pushes, found, repaired, removals) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (source, day) DO UPDATE SET
		pushes = pushes + excluded.pushes, found = found + excluded.found, repaired = repaired + excluded.repaired, removals = removals + excluded.removals`
	daysSince = `SELECT t.name, s.name, d.day, d.pushes, d.found, d.repaired, d.removals
		FROM sources s JOIN tenants t ON t.tenant = s.tenant CROSS JOIN days d WHERE d.source = s.source AND d.day >= ? ORDER BY s.name, d.day`

	wordsOfRecord = `SELECT words FROM search WHERE rowid = ?`
	insertWords   = `INSERT INTO search (rowid, words) VALUES (?, ?)`
	updateWords   = `UPDATE search SET words = ? WHERE rowid = ?`
	deleteWords   = `DELETE FROM search WHERE rowid = ?`
	mergeWords    = `INSERT INTO search (search, rank) VALUES ('merge', 32)` // so many pages at most
)

const (
	digestSteps = 1000 // of one Digest: a record, an entry or a run each, so that slices are as small as of all bulk work
	dayLength   = 24 * time.Hour
)

var _ state.Digests = (*Store)(nil)

// Digest takes in a share of what is new as bulk work. Without anything new it only reads.
func (s *Store) Digest(ctx context.Context) (more bool, err error) {
	behind, err := list(ctx, s.Reader, func(row row) bool { return row.bool(0) }, undigested)
	if err != nil || len(behind) == 0 {
		return false, err
	}
	var merged *tx // the last transaction in which parts of the index were merged
	err = s.doBulk(ctx, digestSteps, func(t *tx, i int) (err error) {
		switch {
		case i > 0 && !more:
			return nil
		case t != merged:
			if err := t.c.exec(mergeWords); err != nil {
				return err
			}
			merged = t
		}
		more, err = t.digest()
		return err
	})
	return more, err
}

// digest takes in the next of whatever is to be taken in, and tells whether there was anything.
func (t *tx) digest() (more bool, err error) {
	for _, part := range []func() (bool, error){t.fill, t.digestJournal, t.digestRun} {
		if more, err = part(); more || err != nil {
			return more, err
		}
	}
	return false, nil
}

// named is a record whose words are to be kept.
type named struct {
	record int64
	kind   state.Kind
	gone   bool
	text   []byte
}

func scanNamed(row row) named {
	return named{record: row.int(0), kind: state.Kind(row.int(1)), gone: row.int(2) != 0, text: row.bytes(3)}
}

// fill takes in the next record of those that were there before search was.
func (t *tx) fill() (more bool, err error) {
	var record, last int64
	if more, err = t.c.one(func(row row) { record, last = row.int(0), row.int(1) }, fillingFrom); err != nil || !more {
		return false, err
	}
	next := named{record: last, gone: true}
	if _, err := t.c.one(func(row row) { next = scanNamed(row) }, fillFrom, record, last); err != nil {
		return false, err
	}
	if err := t.keepWords(next); err != nil {
		return false, err
	}
	return true, t.c.exec(filledTo, next.record)
}

// keepWords keeps a record's words in search, or none of one that is not live. What has not changed is not written.
func (t *tx) keepWords(r named) error {
	now := ""
	if !r.gone {
		resource, err := scim.Decode(r.text)
		if err != nil {
			return err
		}
		now = strings.Join(state.SearchWords(r.kind, resource), " ")
	}
	kept := ""
	there, err := t.c.one(func(row row) { kept = row.text(0) }, wordsOfRecord, r.record)
	switch {
	case err != nil || kept == now:
		return err
	case now == "":
		return t.c.exec(deleteWords, r.record)
	case there:
		return t.c.exec(updateWords, now, r.record)
	}
	return t.c.exec(insertWords, r.record, now)
}

// dayOf is the day of an instant, in days since 1970.
func dayOf(at time.Time) int64 { return at.UnixMilli() / dayLength.Milliseconds() }

// sums are what a source's day grows by.
type sums struct{ pushes, found, repaired, removals int64 }

func (t *tx) addDay(source, day int64, s sums) error {
	if s == (sums{}) {
		return nil
	}
	return t.c.exec(addDay, source, day, s.pushes, s.found, s.repaired, s.removals)
}

// digestJournal takes in the next entry of a tenant. What is already removed of its journal is passed over.
func (t *tx) digestJournal() (more bool, err error) {
	var tenant, number, words, last int64
	if more, err = t.c.one(func(row row) { tenant, number, words, last = row.int(0), row.int(1), row.int(2), row.int(3) }, journalToDigest); err != nil || !more {
		return false, err
	}
	var e digestedEntry
	found, err := t.c.one(func(row row) { e = scanDigested(row) }, entryToDigest, tenant, number)
	switch {
	case err != nil:
		return false, err
	case !found:
		return true, t.c.exec(digestedTo, tenant, last)
	}
	var day sums
	day.count(e.cause, e.turn)
	if err := t.addDay(e.source, dayOf(e.at), day); err != nil {
		return false, err
	}
	if e.number > words && e.verb != state.VerbMembers && e.verb != state.VerbLife {
		if err := t.refreshWords(e.id); err != nil {
			return false, err
		}
	}
	return true, t.c.exec(digestedTo, tenant, e.number)
}

// digestedEntry is what is taken in of a journal entry.
type digestedEntry struct {
	number, source int64
	at             time.Time
	cause          state.CauseKind
	turn           int64
	id             string
	verb           state.Verb
}

func scanDigested(row row) digestedEntry {
	return digestedEntry{
		number: row.int(0), source: row.int(1), at: row.time(2), cause: state.CauseKind(row.text(3)), turn: row.int(4), id: row.text(5),
		verb: state.Verb(row.text(6)),
	}
}

// count adds a journal entry.
func (s *sums) count(cause state.CauseKind, turn int64) {
	switch cause {
	case state.CausePush:
		s.pushes++
	case state.CausePull, state.CauseApproval:
		s.repaired++
	}
	if turn < 0 {
		s.removals++
	}
}

// refreshWords takes in what a record is called now. One that was purged is out of search already.
func (t *tx) refreshWords(id string) error {
	var r named
	found, err := t.c.one(func(row row) { r = scanNamed(row) }, recordToDigest, id)
	if err != nil || !found {
		return err
	}
	return t.keepWords(r)
}

// digestRun takes in the next run that has ended.
func (t *tx) digestRun() (more bool, err error) {
	var run state.Run
	var number, source int64
	if more, err = t.c.one(func(row row) {
		number, source = row.int(0), row.int(1)
		run = state.Run{Trigger: row.text(2), EndedAt: row.time(3), Report: row.bytes(4)}
	}, runToDigest); err != nil || !more {
		return false, err
	}
	if err := t.addDay(source, dayOf(run.EndedAt), sums{found: int64(run.Found())}); err != nil {
		return false, err
	}
	return true, t.c.exec(runDigested, number)
}

// Days reads the sums of days.
func (r *Reader) Days(ctx context.Context, since time.Time) ([]state.Day, error) {
	return list(ctx, r, func(row row) state.Day {
		return state.Day{
			Scope:    state.Scope{Tenant: row.text(0), Source: row.text(1)},
			Date:     time.UnixMilli(row.int(2) * dayLength.Milliseconds()).UTC(),
			Pushes:   int(row.int(3)),
			Found:    int(row.int(4)),
			Repaired: int(row.int(5)),
			Removals: int(row.int(6)),
		}
	}, daysSince, dayOf(since))
}
