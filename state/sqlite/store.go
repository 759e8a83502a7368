package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"rollcall/state"
)

// Options of a Store. The zero Options are good.
type Options struct {
	Upgrade  bool             // an older schema is upgraded, after a backup beside the file; otherwise it is refused
	Now      func() time.Time // nil: the machine's clock
	LockWait time.Duration    // for a write lock that another process holds; 0: 10 s
}

// Store reads and changes the record. It is safe for concurrent use.
type Store struct {
	*Reader
	writer *writer
	close  func() error
}

var _ interface {
	state.Records
	state.Tombstones
	state.Writer
	state.Indexer
	state.Sources
	state.Keys
	state.Runs
	state.Suspicions
	state.Cursors
	state.Journal
	state.Requests
	state.Stagings
	state.Retention
	state.Alarms
	state.Eraser
	state.Movers
} = (*Store)(nil)

// Open opens a database, and creates it if it is not there yet; its directory must exist. The files can be read by their owner only.
// It fails with ErrNewerSchema, the file untouched, and with ErrOlderSchema unless it may upgrade. Processes that open at once wait
// for the one that creates or upgrades. Errors do not name the path. The Store's writer runs until Close.
func Open(ctx context.Context, path string, opts Options) (*Store, error) {
	path, err := prepare(ctx, path, opts)
	if err != nil {
		return nil, err
	}
	c, err := connectWriter(path)
	if err != nil {
		return nil, err
	}
	reader, err := openReader(path)
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	s := &Store{Reader: reader, writer: newWriter(c, opts)}
	s.close = sync.OnceValue(func() error {
		s.writer.close()
		return errors.Join(s.Reader.Close(), c.close())
	})
	go s.writer.run()
	return s, nil
}

// Close carries out what has been submitted, writes what it was to write soon, and closes the file. Whatever comes later is ErrClosed.
func (s *Store) Close() error { return s.close() }

// prepare sees to a database of the right schema and returns its absolute path.
func prepare(ctx context.Context, path string, opts Options) (string, error) {
	path, err := locate(path)
	if err != nil {
		return "", err
	}
	_, err = migrate(ctx, path, migrations, opts.Upgrade)
	return path, err
}

// connectWriter opens the connection that writes, and sees to the log-structured journal, which stays with the file.
func connectWriter(path string) (*conn, error) {
	c, err := connect(path, busyTimeout)
	if err != nil {
		return nil, err
	}
	mode := ""
	if _, err = c.one(func(row row) { mode = row.text(0) }, "PRAGMA journal_mode = WAL"); err == nil && mode != "wal" {
		err = fmt.Errorf("the file system allows no write-ahead log (journal mode is %s)", mode)
	}
	for _, pragma := range []string{
		"synchronous = FULL", "foreign_keys = 1", "cache_size = -32000", "journal_size_limit = 67108864",
		"busy_timeout = 0",    // the writer asks again by itself
		"temp_store = memory", // what a savepoint would bring back is written nowhere
	} {
		if err == nil {
			err = c.exec("PRAGMA " + pragma)
		}
	}
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// Write carries out mutations.
func (s *Store) Write(urgency state.Urgency, mutations []state.Mutation) ([]state.Result, error) {
	results := make([]state.Result, len(mutations))
	err := s.writer.submit(urgency, &job{
		size: len(mutations),
		step: func(t *tx, i int) (err error) {
			results[i], err = t.mutate(&mutations[i])
			return err
		},
		fail: func(i int, err error) { results[i] = state.Result{Err: err} },
	})
	return results, err
}

const agree = `UPDATE records SET stamp = ? WHERE record = ? AND version = ? AND source = ? AND kind = 1 AND deleted_at = 0 AND stamp <> ?`

// agreeStep is how many agreements make a step, so that a slice of bulk work holds as many as its time allows.
const agreeStep = 50

// Agree notes agreements a slice at a time, as bulk work.
func (s *Store) Agree(ctx context.Context, scope state.Scope, epoch int64, agreements []state.Agreement) error {
	steps := slices.Collect(slices.Chunk(agreements, agreeStep))
	return s.doBulk(ctx, max(1, len(steps)), func(t *tx, i int) error {
		held, err := t.leased(scope, epoch)
		if err != nil || len(steps) == 0 {
			return err
		}
		for _, a := range steps[i] {
			if err := t.c.exec(agree, int64(a.Stamp), a.Row, a.Version, held.source, int64(a.Stamp)); err != nil {
				return err
			}
		}
		return nil
	})
}

// do has the writer carry out f, urgently, as a step of its own: all or nothing. Once it is submitted, no context stops it.
func (s *Store) do(ctx context.Context, f func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.steps(state.Urgent, 1, func(t *tx, _ int) error { return f(t) })
}

// doBulk is do for many steps, a slice at a time. Its error is the first step's that failed.
func (s *Store) doBulk(ctx context.Context, n int, f func(*tx, int) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.steps(state.Bulk, n, f)
}

func (s *Store) steps(urgency state.Urgency, n int, f func(*tx, int) error) error {
	var refused error
	broken := s.writer.submit(urgency, &job{size: n, step: f, fail: func(_ int, err error) {
		if refused == nil {
			refused = err
		}
	}})
	if broken != nil {
		return broken
	}
	return refused
}
