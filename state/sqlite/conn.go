package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	modernc "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// conn is one connection with its prepared statements. One goroutine at a time may use it.
type conn struct {
	raw   driver.Conn
	stmts map[string]*stmt
}

type stmt struct {
	raw  driver.Stmt
	dest row // of the row at hand, reused
}

// row is the row at hand. Its texts and bytes may be kept.
type row []driver.Value

func (r row) int(i int) int64      { n, _ := r[i].(int64); return n }
func (r row) bool(i int) bool      { return r.int(i) != 0 }
func (r row) text(i int) string    { s, _ := r[i].(string); return s } // "" for NULL
func (r row) bytes(i int) []byte   { b, _ := r[i].([]byte); return b }
func (r row) time(i int) time.Time { return fromMilli(r.int(i)) }

// connect opens a connection and carries out the pragmas.
func connect(path string, pragmas ...string) (*conn, error) {
	return dial(dsn(path), pragmas...)
}

func dial(dsn string, pragmas ...string) (*conn, error) {
	raw, err := new(modernc.Driver).Open(dsn)
	if err != nil {
		return nil, err
	}
	c := &conn{raw: raw, stmts: map[string]*stmt{}}
	for _, pragma := range pragmas {
		if err := c.exec("PRAGMA " + pragma); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

// dsn spells a path so that no character of it means anything else.
func dsn(path string) string { return (&url.URL{Scheme: "file", Path: path}).String() }

func (c *conn) close() error {
	c.forget()
	return c.raw.Close()
}

// forget gives the prepared statements back.
func (c *conn) forget() {
	for _, s := range c.stmts {
		s.raw.Close()
	}
	clear(c.stmts)
}

// exec carries out a statement. Statements are prepared once and kept; every text must come from a constant.
func (c *conn) exec(query string, args ...driver.Value) error {
	_, err := c.change(query, args...)
	return err
}

// change is exec for who asks what became of it.
func (c *conn) change(query string, args ...driver.Value) (driver.Result, error) {
	s, err := c.prepare(query)
	if err != nil {
		return nil, err
	}
	result, err := s.raw.(driver.StmtExecContext).ExecContext(context.Background(), named(args))
	if err != nil {
		return nil, &dbError{query: query, err: err}
	}
	return result, nil
}

// query calls yield with each row until it fails or stops. The row is valid until yield returns.
func (c *conn) query(yield func(row) error, query string, args ...driver.Value) error {
	s, err := c.prepare(query)
	if err != nil {
		return err
	}
	rows, err := s.raw.(driver.StmtQueryContext).QueryContext(context.Background(), named(args))
	if err != nil {
		return &dbError{query: query, err: err}
	}
	defer rows.Close()
	if s.dest == nil {
		s.dest = make(row, len(rows.Columns()))
	}
	for {
		switch err := rows.Next(s.dest); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return &dbError{query: query, err: err}
		}
		if err := yield(s.dest); err != nil {
			return err
		}
	}
}

// one calls scan with the only row and tells whether there is one.
func (c *conn) one(scan func(row), query string, args ...driver.Value) (found bool, err error) {
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
	raw, err := c.raw.Prepare(query)
	if err != nil {
		return nil, &dbError{query: query, err: err}
	}
	s := &stmt{raw: raw}
	c.stmts[query] = s
	return s, nil
}

func named(args []driver.Value) []driver.NamedValue {
	list := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		list[i] = driver.NamedValue{Ordinal: i + 1, Value: arg}
	}
	return list
}

// dbError is a failure of the database, never a refusal of ours.
type dbError struct {
	query string
	err   error
}

func (e *dbError) Error() string {
	query := e.query
	if len(query) > 60 {
		query = query[:60] + "…"
	}
	return fmt.Sprintf("sqlite: %q: %v", query, e.err)
}

func (e *dbError) Unwrap() error { return e.err }

// code returns SQLite's primary result code of an error, 0 if it is none of SQLite's.
func code(err error) int {
	var e *modernc.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
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
func toText(s string) driver.Value {
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
