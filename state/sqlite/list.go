package sqlite

import (
	"context"
	"errors"
	"fmt"
	"math"

	"rollcall/state"
)

const (
	sourceRows  = `SELECT s.source, t.name, s.name FROM sources s JOIN tenants t ON t.tenant = s.tenant`
	whoseRecord = `SELECT t.name, s.name, r.kind FROM records r JOIN sources s ON s.source = r.source JOIN tenants t ON t.tenant = s.tenant WHERE r.id = ?`

	// The records of a JSON array, in its order, each with the newest entry that is kept of it.
	listedRows = `SELECT ` + recordColumns + `, r.source, l.at, l.cause, l.actor, l.run, l.reason, l.note
		FROM json_each(?) j CROSS JOIN records r
		LEFT JOIN journal l ON l.entry = (SELECT k.entry FROM journal k WHERE k.id = r.id ORDER BY k.entry DESC LIMIT 1)
		WHERE r.record = j.value`

	beginLook = `BEGIN`
)

// lister makes one page, on one connection, of one moment.
type lister struct {
	state.Listing
	c      *conn
	scopes map[int64]state.Scope // the sources that are asked for, by row
	rows   []int64               // of these
}

// List reads one page.
func (r *Reader) List(ctx context.Context, listing state.Listing) (page state.Page, err error) {
	err = r.use(ctx, func(c *conn) error {
		return c.look(func() error {
			l := lister{Listing: listing, c: c}
			page, err = l.page(ctx)
			return err
		})
	})
	if err != nil {
		return state.Page{}, err
	}
	return page, nil
}

// look has everything that f reads be of one moment.
func (c *conn) look(f func() error) (err error) {
	if err := c.exec(beginLook); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.exec(rollbackAll)) }()
	return f()
}

// Locate reads whose a record is.
func (r *Reader) Locate(ctx context.Context, id state.ID) (scope state.Scope, kind state.Kind, err error) {
	err = r.get(ctx, func(row row) {
		scope, kind = state.Scope{Tenant: row.text(0), Source: row.text(1)}, state.Kind(row.int(2))
	}, whoseRecord, string(id))
	return scope, kind, err
}

func (l *lister) page(ctx context.Context) (state.Page, error) {
	asked := make(map[state.Scope]bool, len(l.Scopes))
	for _, scope := range l.Scopes {
		asked[scope] = true
	}
	if err := l.sources(func(scope state.Scope) bool { return asked[scope] }); err != nil || len(l.rows) == 0 {
		return state.Page{}, err
	}
	if _, known := shown[l.Show]; !known {
		return state.Page{}, fmt.Errorf("list: nothing is called %q", l.Show)
	}
	n := math.MaxInt32
	if l.Limit > 0 {
		n = l.Limit
	}
	from, err := l.behind()
	if err != nil {
		return state.Page{}, err
	}
	spots, err := l.spots(ctx, from, n+1)
	if err != nil {
		return state.Page{}, err
	}
	more := len(spots) > n
	if more {
		spots = spots[:n]
	}
	listed, err := l.listed(ctx, spots)
	if err != nil {
		return state.Page{}, err
	}
	page := state.Page{Rows: listed}
	if more {
		page.Next, err = l.next(spots, listed)
	}
	return page, err
}

// sources finds the rows of the sources that are asked for.
func (l *lister) sources(asked func(state.Scope) bool) error {
	l.scopes = map[int64]state.Scope{}
	return l.c.query(func(row row) error {
		if scope := (state.Scope{Tenant: row.text(1), Source: row.text(2)}); asked(scope) {
			l.scopes[row.int(0)] = scope
			l.rows = append(l.rows, row.int(0))
		}
		return nil
	}, sourceRows)
}

// byName tells whether the list goes by name.
func (l *lister) byName() bool {
	return l.Order != state.OrderCreated && l.Show != state.ShowDeleted && l.Reason == ""
}

// backwards tells whether the list goes the other way.
func (l *lister) backwards() bool { return l.Descending || l.Reason != "" }

// spots returns the next n spots behind a position.
func (l *lister) spots(ctx context.Context, from position, n int) ([]spot, error) {
	switch {
	case l.Reason != "":
		return l.weave(ctx, walkReason(l.Show), from, n)
	case !l.byName():
		return l.weave(ctx, walkRows(l.Show, shown[l.Show].index, l.Descending), from, n)
	case l.Show == state.ShowStaged || l.Show == state.ShowPinned || l.Show == state.ShowProtected:
		w := walkSorted(l.Show, l.Descending)
		return l.look(ctx, w, w.all(), jsonArray(l.rows), from, n)
	}
	return l.byNames(ctx, from, n)
}

// byNames returns spots by name: the nameless, who come first, and then the others, or the other way round.
func (l *lister) byNames(ctx context.Context, from position, n int) (spots []spot, err error) {
	nameless := func(from position) error {
		w := walkNameless(l.Show, l.Descending)
		found, err := l.look(ctx, w, w.all(), jsonArray(l.rows), from, n-len(spots))
		spots = append(spots, found...)
		return err
	}
	named := func(from position) error {
		found, err := l.weave(ctx, walkNames(l.Show, l.Descending), from, n-len(spots))
		spots = append(spots, found...)
		return err
	}
	first, then, among := nameless, named, from.key == ""
	if l.Descending {
		first, then, among = named, nameless, from.key != ""
	}
	if among {
		if err := first(from); err != nil || len(spots) == n {
			return spots, err
		}
		from = start(l.Descending)
	}
	err = then(from)
	return spots, err
}

// listed reads the records at some spots.
func (l *lister) listed(ctx context.Context, spots []spot) ([]state.Listed, error) {
	rows := make([]int64, len(spots))
	for i, s := range spots {
		rows[i] = s.record
	}
	return listed(ctx, l.c, rows, l.scopes)
}

// listed reads records with the newest entry of each.
func listed(ctx context.Context, c *conn, rows []int64, scopes map[int64]state.Scope) ([]state.Listed, error) {
	list := make([]state.Listed, 0, len(rows))
	err := c.query(func(row row) error {
		list = append(list, state.Listed{
			Scope:  scopes[row.int(12)],
			Record: scanRecord(row),
			LastAt: row.time(13),
			Last: state.Cause{
				Kind: state.CauseKind(row.text(14)), Actor: row.text(15), Run: row.text(16), Reason: row.text(17), Note: row.text(18),
			},
		})
		return ctx.Err()
	}, listedRows, jsonArray(rows))
	return list, err
}
