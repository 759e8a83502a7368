package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"math"

	"rollcall/state"
)

// A list of several sources is woven from one walk per source, each along an index in the list's order: one statement finds where every
// walk begins, and those that the page comes to are followed a few rows at a time.

// spot is where a row stands in a list: by key, then by at.
type spot struct {
	source int64
	key    string // folded name; "" of the nameless, who come first, and where a list does not go by name
	at     int64  // record, or journal entry
	record int64
}

// position is what a page goes on behind.
type position struct {
	key any // text; bytes stand behind every text
	at  int64
}

// start is the position before the first row.
func start(backwards bool) position {
	if backwards {
		return position{key: []byte{}, at: math.MaxInt64}
	}
	return position{key: ""}
}

func (s spot) position() position { return position{key: s.key, at: s.at} }

// walk is a way through the rows of a source, in parts of SQL made of constants alone. In them ?2 is the key and ?3 the at of the
// position to go on behind, ?5 the kind and ?6 the reason.
type walk struct {
	from      string // x is the record
	of        string // the source
	key       string
	at        string
	where     string
	backwards bool
}

// shown are the conditions of what is to be shown, and the index that finds it in row order.
var shown = map[state.Show]struct{ where, index string }{
	state.ShowLive:      {"x.deleted_at = 0", "records_live"},
	state.ShowActive:    {"x.deleted_at = 0 AND x.kind = 1 AND x.in_force = 1", "records_live"},
	state.ShowInactive:  {"x.deleted_at = 0 AND x.kind = 1 AND x.in_force = 0", "records_inactive"},
	state.ShowStaged:    {"x.deleted_at = 0 AND x.kind = 1 AND x.staged <> 0", "records_staged"},
	state.ShowPinned:    {"x.deleted_at = 0 AND x.kind = 1 AND x.pinned | x.protected <> 0 AND x.pinned = 1", "records_guarded"},
	state.ShowProtected: {"x.deleted_at = 0 AND x.kind = 1 AND x.pinned | x.protected <> 0 AND x.protected = 1", "records_guarded"},
	state.ShowDeleted:   {"x.deleted_at <> 0", "records_tombstones"},
}

// walkRows goes in row order.
func walkRows(show state.Show, index string, backwards bool) walk {
	return walk{
		from: "records x INDEXED BY " + index, of: "x.source", key: "''", at: "x.record",
		where: "x.kind = ?5 AND " + shown[show].where, backwards: backwards,
	}
}

// walkNames goes by name, past the nameless.
func walkNames(show state.Show, backwards bool) walk {
	index := "records_unique_key"
	if show == state.ShowInactive {
		index = "records_inactive_name"
	}
	w := walkRows(show, index, backwards)
	w.key = "x.unique_key"
	w.where += " AND x.unique_key IS NOT NULL"
	return w
}

// walkNameless goes through the nameless.
func walkNameless(show state.Show, backwards bool) walk {
	w := walkRows(show, "records_nameless", backwards)
	w.where += " AND x.unique_key IS NULL"
	return w
}

// walkSorted goes by name through all that are to be shown, which are few: it sorts them.
func walkSorted(show state.Show, backwards bool) walk {
	w := walkRows(show, shown[show].index, backwards)
	w.key = "coalesce(x.unique_key, '')"
	return w
}

// walkReason goes from the newest through those who went out of force last for a reason, and still are.
func walkReason(show state.Show) walk {
	return walk{
		from: "journal e INDEXED BY journal_reasons CROSS JOIN records x", of: "e.source", key: "''", at: "e.entry",
		where: `e.turn < 0 AND e.reason = ?6 AND x.id = e.id AND x.source = e.source AND x.kind = 1 AND x.kind = ?5 AND x.in_force = 0 AND ` + shown[show].where + `
			AND NOT EXISTS (SELECT 1 FROM journal l WHERE l.id = e.id AND l.entry > e.entry AND l.turn <> 0)`,
		backwards: true,
	}
}

// named tells whether the walk goes by name.
func (w walk) named() bool { return w.key != "''" }

// sign and direction are how the walk compares and orders.
func (w walk) sign() (sign, direction string) {
	if w.backwards {
		return "<", " DESC"
	}
	return ">", ""
}

// ahead is what lies ahead in the sources that a condition names.
func (w walk) ahead(sources string) string {
	sign, direction := w.sign()
	beyond, order := fmt.Sprintf("%s %s ?3", w.at, sign), w.at+direction
	if w.named() {
		beyond, order = fmt.Sprintf("(%s, %s) %s (?2, ?3)", w.key, w.at, sign), w.key+direction+", "+order
	}
	return fmt.Sprintf("FROM %s WHERE %s %s AND %s AND %s ORDER BY %s LIMIT ?4", w.from, w.of, sources, w.where, beyond, order)
}

func (w walk) columns() string { return fmt.Sprintf("SELECT %s, %s, %s, x.record ", w.of, w.key, w.at) }

// one reads on in the source ?1, and all in the sources of the JSON array ?1 together.
func (w walk) one() string { return w.columns() + w.ahead("= ?1") }
func (w walk) all() string { return w.columns() + w.ahead("IN (SELECT value FROM json_each(?1))") }

// heads reads the first ?4 = 1 of each source of the JSON array ?1.
func (w walk) heads() string {
	found, entry := "records x WHERE x.record", ""
	if w.at == "e.entry" {
		found, entry = "journal e CROSS JOIN records x WHERE e.entry", " AND x.id = e.id"
	}
	return fmt.Sprintf("%s FROM json_each(?1) j CROSS JOIN %s = (SELECT %s %s)%s", w.columns(), found, w.at, w.ahead("= j.value"), entry)
}

// look carries out a statement of the walk.
func (l *lister) look(ctx context.Context, w walk, statement string, sources any, from position, n int) (spots []spot, err error) {
	args := []any{sources, from.key, from.at, int64(n), int64(l.Kind)}
	if w.at == "e.entry" {
		args = append(args, l.Reason)
	}
	err = l.c.query(func(row row) error {
		spots = append(spots, spot{source: row.int(0), key: row.text(1), at: row.int(2), record: row.int(3)})
		return ctx.Err()
	}, statement, args...)
	return spots, err
}

// thread is what was read ahead of a source's walk.
type thread struct {
	source int64
	ahead  []spot
	from   position // behind what was read
	more   bool
}

// weave returns the next n spots of all sources.
func (l *lister) weave(ctx context.Context, w walk, from position, n int) ([]spot, error) {
	threads, err := l.threads(ctx, w, from)
	if err != nil {
		return nil, err
	}
	stride := n/max(1, len(threads)) + 4 // of what lies as evenly as can be, and a little more
	var woven []spot
	for len(woven) < n {
		var first *thread
		for i := range threads {
			next := &threads[i]
			if err := l.follow(ctx, w, next, stride); err != nil {
				return nil, err
			}
			if len(next.ahead) > 0 && (first == nil || w.before(next.ahead[0], first.ahead[0])) {
				first = next
			}
		}
		if first == nil {
			break
		}
		woven = append(woven, first.ahead[0])
		first.ahead = first.ahead[1:]
	}
	return woven, nil
}

// threads returns a thread for each source in which something lies ahead.
func (l *lister) threads(ctx context.Context, w walk, from position) ([]thread, error) {
	if len(l.rows) == 1 {
		return []thread{{source: l.rows[0], from: from, more: true}}, nil
	}
	heads, err := l.look(ctx, w, w.heads(), jsonArray(l.rows), from, 1)
	if err != nil {
		return nil, err
	}
	threads := make([]thread, len(heads))
	for i := range heads {
		threads[i] = thread{source: heads[i].source, ahead: heads[i : i+1], from: heads[i].position(), more: true}
	}
	return threads, nil
}

// follow sees to it that the thread shows its next spot, if there is one.
func (l *lister) follow(ctx context.Context, w walk, t *thread, stride int) (err error) {
	if len(t.ahead) > 0 || !t.more {
		return nil
	}
	if t.ahead, err = l.look(ctx, w, w.one(), t.source, t.from, stride); err != nil {
		return err
	}
	if t.more = len(t.ahead) == stride; t.more {
		t.from = t.ahead[stride-1].position()
	}
	return nil
}

// before tells whether the walk comes by a before b.
func (w walk) before(a, b spot) bool {
	order := cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.at, b.at))
	return order < 0 != w.backwards
}
