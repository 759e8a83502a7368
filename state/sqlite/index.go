package sqlite

import (
	"context"
	"math"
	"sync"

	"rollcall/state"
)

// The accounts of a source between two rows. Where most rows are the source's own, to read them all costs less than to go by an index;
// elsewhere it would read everybody else's.
const (
	indexDense  = indexColumns + `FROM records r NOT INDEXED ` + indexRange
	indexSparse = indexColumns + `FROM records r ` + indexRange

	indexColumns = `SELECT r.record, r.version, r.stamp, r.said | (r.in_force << 1) | (r.pinned << 2) | (r.protected << 3),
		r.id, r.link, r.unique_key, r.external_id `
	indexRange = `WHERE r.source = ` + inScope + `AND r.kind = 1 AND r.deleted_at = 0 AND r.record > ? AND r.record <= ? ORDER BY r.record`
)

const (
	indexReaders = 2   // so many stretches of rows are read at once
	indexText    = 120 // bytes of texts of an account, about
)

// Index reads the accounts of a source a stretch of rows at a time, some stretches at once. It yields on the caller's goroutine, and
// what it started has ended when it returns. The texts of a stretch are one string.
func (r *Reader) Index(ctx context.Context, scope state.Scope, yield func(state.IndexRow) error) error {
	stretches, err := r.stretches(ctx, scope)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer cancel()
	var read [indexReaders]chan indexed // reader n has each indexReaders-th stretch, from n on
	for n := range read {
		read[n] = make(chan indexed)
		reading.Go(func() { r.readStretches(ctx, scope, stretches, n, read[n]) })
	}
	for i := range stretches {
		var next indexed
		select {
		case next = <-read[i%indexReaders]:
		case <-ctx.Done():
			return ctx.Err()
		}
		if next.err != nil {
			return next.err
		}
		for j := range next.rows {
			row := &next.rows[j]
			row.ID = state.ID(row.cut(&next.texts, 0))
			row.Link, row.UserName, row.ExternalID = row.cut(&next.texts, 1), row.cut(&next.texts, 2), row.cut(&next.texts, 3)
			if err := yield(row.IndexRow); err != nil {
				return err
			}
		}
	}
	return nil
}

// stretch is the rows behind one, up to another.
type stretch struct {
	after, last int64
	live        int // accounts of the source, about
	query       string
}

// stretches cuts all rows that there are, or will be, into stretches with about a batch of the source's accounts each.
func (r *Reader) stretches(ctx context.Context, scope state.Scope) ([]stretch, error) {
	var cuts []stretch
	after, live := int64(0), int64(0)
	blocks, err := list(ctx, r, func(row row) [2]int64 { return [2]int64{row.int(0), row.int(1)} },
		blocksOf, scope.Source, scope.Tenant, int64(state.KindAccount))
	if err != nil {
		return nil, err
	}
	for _, block := range blocks {
		last := (block[0]+1)*blockRows - 1
		if live += block[1]; live < indexBatch/2 {
			continue
		}
		query := indexSparse
		if live > (last-after)/2 {
			query = indexDense
		}
		cuts = append(cuts, stretch{after: after, last: last, live: int(live), query: query})
		after, live = last, 0
	}
	return append(cuts, stretch{after: after, last: math.MaxInt64, live: int(live), query: indexSparse}), nil
}

// indexed is what was read of a stretch.
type indexed struct {
	rows  []indexRow
	texts string
	err   error
}

// readStretches reads each indexReaders-th stretch from the n-th on, until the context ends. What it hands over is whole until the
// next but one is.
func (r *Reader) readStretches(ctx context.Context, scope state.Scope, stretches []stretch, n int, to chan<- indexed) {
	room := 0
	for _, s := range stretches {
		room = max(room, s.live)
	}
	rooms := [2][]indexRow{make([]indexRow, 0, room), make([]indexRow, 0, room)}
	texts := make([]byte, 0, room*indexText)
	for i := n; i < len(stretches); i += indexReaders {
		s, rows := stretches[i], &rooms[i/indexReaders%2]
		*rows, texts = (*rows)[:0], texts[:0]
		err := r.use(ctx, func(c *conn) error {
			return c.query(func(row row) error {
				var next indexRow
				next, texts = scanIndexRow(row, texts)
				*rows = append(*rows, next)
				return nil
			}, s.query, scope.Source, scope.Tenant, s.after, s.last)
		})
		select {
		case to <- indexed{rows: *rows, texts: string(texts), err: err}:
		case <-ctx.Done():
			return
		}
	}
}

// indexRow is an IndexRow whose texts are still to be cut from those of its stretch.
type indexRow struct {
	state.IndexRow
	lengths [4]int32
}

func (r *indexRow) cut(text *string, i int) string {
	cut := (*text)[:r.lengths[i]]
	*text = (*text)[r.lengths[i]:]
	return cut
}

// scanIndexRow appends the row's texts to those of its stretch.
func scanIndexRow(row row, texts []byte) (indexRow, []byte) {
	life := row.int(3)
	next := indexRow{IndexRow: state.IndexRow{
		Row:       row.int(0),
		Version:   row.int(1),
		Stamp:     uint64(row.int(2)),
		Said:      life&1 != 0,
		InForce:   life&2 != 0,
		Pinned:    life&4 != 0,
		Protected: life&8 != 0,
	}}
	for i := range next.lengths {
		text := row.view(4 + i)
		next.lengths[i] = int32(len(text))
		texts = append(texts, text...)
	}
	return next, texts
}
