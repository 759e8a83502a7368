package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"sync"

	"rollcall/state"
)

// Reader reads the record and cannot change it. It is safe for concurrent use.
type Reader struct {
	path   string
	free   chan struct{} // holds a token for each connection that nobody uses
	open   int           // connections
	closed chan struct{}
	close  func() error

	mu   sync.Mutex
	idle []*conn // those connections; the one used last goes first, since most of what it has cached still holds
}

var _ interface {
	state.Records
	state.Tombstones
} = (*Reader)(nil)

const busyTimeout = "busy_timeout = 10000"

// mapFile has up to 1 GiB of the file read where the system's own cache has it: to read a whole source costs half. Nothing is written
// that way, and the file never gets shorter while it is open; what the map can't show is read as ever.
const mapFile = "mmap_size = 1073741824"

// OpenReader opens a database to read, for what must not change anything, such as a dry run. A database that is not there yet is
// created, empty; an older or newer schema is refused as by Open. Close it.
func OpenReader(ctx context.Context, path string) (*Reader, error) {
	path, err := prepare(ctx, path, Options{})
	if err != nil {
		return nil, err
	}
	return openReader(path)
}

func openReader(path string) (*Reader, error) {
	n := min(max(4, runtime.GOMAXPROCS(0)), 16) // each has a cache of its own
	r := &Reader{path: path, free: make(chan struct{}, n), closed: make(chan struct{})}
	r.close = sync.OnceValue(r.drain)
	for range n {
		c, err := connect(path, busyTimeout, "query_only = 1", "cache_size = -16000", mapFile)
		if err != nil {
			r.Close()
			return nil, err
		}
		r.open++
		r.give(c)
	}
	return r, nil
}

// Close waits for reads under way and ends all others with ErrClosed. It may be called more than once.
func (r *Reader) Close() error { return r.close() }

func (r *Reader) drain() error {
	close(r.closed)
	var errs []error
	for range r.open {
		<-r.free
		errs = append(errs, r.take().close())
	}
	return errors.Join(errs...)
}

// use lends f a connection.
func (r *Reader) use(ctx context.Context, f func(*conn) error) error {
	select {
	case <-r.closed:
		return state.ErrClosed
	default:
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-r.closed:
		return state.ErrClosed
	case <-r.free:
		c := r.take()
		defer r.give(c)
		if err := ctx.Err(); err != nil {
			return err
		}
		return f(c)
	}
}

// take takes a connection, once there is one.
func (r *Reader) take() *conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := len(r.idle) - 1
	c := r.idle[last]
	r.idle = r.idle[:last]
	return c
}

// give gives a connection back.
func (r *Reader) give(c *conn) {
	r.mu.Lock()
	r.idle = append(r.idle, c)
	r.mu.Unlock()
	r.free <- struct{}{}
}

// get reads one row; ErrNotFound if there is none.
func (r *Reader) get(ctx context.Context, scan func(row), query string, args ...any) error {
	return r.use(ctx, func(c *conn) error {
		found, err := c.one(scan, query, args...)
		if err == nil && !found {
			return state.ErrNotFound
		}
		return err
	})
}

// list reads rows, all in one look.
func list[T any](ctx context.Context, r *Reader, scan func(row) T, query string, args ...any) (items []T, err error) {
	err = r.use(ctx, func(c *conn) error {
		return c.query(func(row row) error {
			items = append(items, scan(row))
			return ctx.Err()
		}, query, args...)
	})
	if err != nil {
		return nil, err
	}
	return items, nil
}

// Size returns how many bytes the database and its log take on disk.
func (r *Reader) Size() (database, log int64, err error) {
	info, err := os.Stat(r.path)
	if err != nil {
		return 0, 0, fmt.Errorf("measure the database: %w", err)
	}
	switch wal, err := os.Stat(r.path + "-wal"); {
	case err == nil:
		return info.Size(), wal.Size(), nil
	case errors.Is(err, fs.ErrNotExist):
		return info.Size(), 0, nil
	default:
		return 0, 0, fmt.Errorf("measure the database: %w", err)
	}
}
