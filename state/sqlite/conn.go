package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"time"

	"modernc.org/libc"
	modernc "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// conn is one connection with its prepared statements. One goroutine at a time may use it; SQLite's own lock on it is therefore left
// out. It speaks to SQLite itself, beneath the driver for database/sql, which asks for the names and types of all columns at each look
// and locks for each value: that cost as much as the look. Schema changes, which nobody waits for, go through database/sql.
type conn struct {
	tls   *libc.TLS
	db    uintptr
	stmts map[string]*stmt
}

// connect opens a connection and carries out the pragmas.
func connect(path string, pragmas ...string) (*conn, error) {
	c := &conn{tls: libc.NewTLS(), stmts: map[string]*stmt{}}
	err := c.open(dsn(path))
	for _, pragma := range pragmas {
		if err == nil {
			err = c.exec("PRAGMA " + pragma)
		}
	}
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// dsn spells a path so that no character of it means anything else.
func dsn(path string) string { return (&url.URL{Scheme: "file", Path: path}).String() }

func (c *conn) open(dsn string) error {
	name, err := libc.CString(dsn)
	if err != nil {
		return err
	}
	defer libc.Xfree(c.tls, name)
	const flags = sqlite3.SQLITE_OPEN_READWRITE | sqlite3.SQLITE_OPEN_CREATE | sqlite3.SQLITE_OPEN_NOMUTEX | sqlite3.SQLITE_OPEN_URI
	var rc int32
	c.db, rc = c.pointer(func(to uintptr) int32 { return sqlite3.Xsqlite3_open_v2(c.tls, name, to, flags, 0) })
	if rc != sqlite3.SQLITE_OK {
		return c.failure("open", rc)
	}
	sqlite3.Xsqlite3_extended_result_codes(c.tls, c.db, 1)
	return nil
}

// pointer returns the pointer that f writes where it is told to.
func (c *conn) pointer(f func(to uintptr) int32) (uintptr, int32) {
	const size = 8 // of the largest pointers
	to := c.tls.Alloc(size)
	defer c.tls.Free(size)
	room := libc.GoBytes(to, size)
	clear(room)
	rc := f(to)
	return uintptr(binary.NativeEndian.Uint64(room)), rc
}

func (c *conn) close() error {
	for _, s := range c.stmts {
		s.finalize()
	}
	clear(c.stmts)
	rc := sqlite3.Xsqlite3_close_v2(c.tls, c.db)
	c.tls.Close()
	if rc != sqlite3.SQLITE_OK {
		return &dbError{query: "close", code: int(rc), text: "failed"}
	}
	return nil
}

// exec carries out a statement. Statements are prepared once and kept; every text must come from a constant. Arguments are int64,
// string, []byte or nil.
func (c *conn) exec(query string, args ...any) error {
	return c.query(func(row) error { return nil }, query, args...)
}

// changed is how many rows the last statement wrote, written how many all of them did, and inserted the row that the last INSERT made.
func (c *conn) changed() int    { return int(sqlite3.Xsqlite3_changes(c.tls, c.db)) }
func (c *conn) written() int64  { return sqlite3.Xsqlite3_total_changes64(c.tls, c.db) }
func (c *conn) inserted() int64 { return sqlite3.Xsqlite3_last_insert_rowid(c.tls, c.db) }

// query calls yield with each row until it fails or stops. The row is valid until yield returns.
func (c *conn) query(yield func(row) error, query string, args ...any) error {
	s, err := c.prepare(query)
	if err != nil {
		return err
	}
	defer s.reset()
	if rc := s.bind(args); rc != sqlite3.SQLITE_OK {
		return c.failure(query, rc)
	}
	for {
		switch rc := sqlite3.Xsqlite3_step(c.tls, s.handle); rc {
		case sqlite3.SQLITE_ROW:
			if err := yield(row{s}); err != nil {
				return err
			}
		case sqlite3.SQLITE_DONE:
			return nil
		default:
			return c.failure(query, rc)
		}
	}
}

// one calls scan with the only row and tells whether there is one.
func (c *conn) one(scan func(row), query string, args ...any) (found bool, err error) {
	err = c.query(func(r row) error {
		found = true
		scan(r)
		return nil
	}, query, args...)
	return found, err
}

func (c *conn) prepare(query string) (*stmt, error) {
	if s := c.stmts[query]; s != nil {
		return s, nil
	}
	text, err := libc.CString(query)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, text)
	s := &stmt{tls: c.tls}
	var rc int32
	s.handle, rc = c.pointer(func(to uintptr) int32 {
		return sqlite3.Xsqlite3_prepare_v3(c.tls, c.db, text, -1, sqlite3.SQLITE_PREPARE_PERSISTENT, to, 0)
	})
	if rc != sqlite3.SQLITE_OK {
		return nil, c.failure(query, rc)
	}
	s.params = int(sqlite3.Xsqlite3_bind_parameter_count(c.tls, s.handle))
	c.stmts[query] = s
	return s, nil
}

// failure is the error that SQLite has just returned a code for.
func (c *conn) failure(query string, rc int32) error {
	return &dbError{query: query, code: int(rc), text: libc.GoString(sqlite3.Xsqlite3_errmsg(c.tls, c.db))}
}

// dbError is a failure of the database, never a refusal of ours.
type dbError struct {
	query string
	code  int // SQLite's extended result code
	text  string
}

func (e *dbError) Error() string {
	query := e.query
	if len(query) > 60 {
		query = query[:60] + "…"
	}
	return fmt.Sprintf("sqlite: %q: %s (%d)", query, e.text, e.code)
}

// code returns SQLite's primary result code of an error, 0 if it is none of SQLite's.
func code(err error) int {
	var ours *dbError
	var drivers *modernc.Error
	switch {
	case errors.As(err, &ours):
		return ours.code & 0xff
	case errors.As(err, &drivers):
		return drivers.Code() & 0xff
	}
	return 0
}

func isBusy(err error) bool { return code(err) == sqlite3.SQLITE_BUSY }

// toMilli and fromMilli are how times are kept; 0 is the zero time.
func toMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMilli(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// toText keeps "" as NULL where an index leaves it out.
func toText(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func toBool(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// toBytes never is NULL.
func toBytes(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
