package sqlite

import (
	"fmt"
	"time"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// stmt is a prepared statement of a connection. Only one look at a time can be under way with it.
type stmt struct {
	tls    *libc.TLS
	handle uintptr
	params int

	// The texts and bytes bound to it lie here, in memory that Go does not move, until it is bound again.
	room uintptr
	size int
}

const (
	smallRoom = 256     // what a statement gets with its first text
	largeRoom = 1 << 16 // what is given back at once
)

// bind sets all parameters.
func (s *stmt) bind(args []any) int32 {
	if len(args) != s.params {
		panic(fmt.Sprintf("sqlite: %d arguments for a statement with %d parameters", len(args), s.params))
	}
	size := 0
	for _, arg := range args {
		switch v := arg.(type) {
		case string:
			size += len(v)
		case []byte:
			size += len(v)
		}
	}
	if rc := s.makeRoom(size); rc != sqlite3.SQLITE_OK {
		return rc
	}
	free := libc.GoBytes(s.room, s.size)
	at := s.room
	put := func(n int) (from uintptr, size int32) {
		from, at, free = at, at+uintptr(n), free[n:]
		return from, int32(n)
	}
	for i, arg := range args {
		param, rc := int32(i+1), int32(sqlite3.SQLITE_OK)
		switch v := arg.(type) {
		case int64:
			rc = sqlite3.Xsqlite3_bind_int64(s.tls, s.handle, param, v)
		case string:
			from, n := put(copy(free, v))
			rc = sqlite3.Xsqlite3_bind_text(s.tls, s.handle, param, from, n, sqlite3.SQLITE_STATIC)
		case []byte:
			from, n := put(copy(free, v))
			rc = sqlite3.Xsqlite3_bind_blob(s.tls, s.handle, param, from, n, sqlite3.SQLITE_STATIC)
		case nil:
			rc = sqlite3.Xsqlite3_bind_null(s.tls, s.handle, param)
		default:
			panic(fmt.Sprintf("sqlite: an argument of type %T", arg))
		}
		if rc != sqlite3.SQLITE_OK {
			return rc
		}
	}
	return sqlite3.SQLITE_OK
}

// makeRoom sees to it that texts of so many bytes have room. There is always some: a text without an address would be NULL.
func (s *stmt) makeRoom(size int) int32 {
	if size <= s.size && s.room != 0 {
		return sqlite3.SQLITE_OK
	}
	s.release()
	size = max(size, smallRoom)
	if s.room = sqlite3.Xsqlite3_malloc64(s.tls, uint64(size)); s.room == 0 {
		return sqlite3.SQLITE_NOMEM
	}
	s.size = size
	return sqlite3.SQLITE_OK
}

// release gives the room back. Nothing stays bound to it.
func (s *stmt) release() {
	sqlite3.Xsqlite3_clear_bindings(s.tls, s.handle)
	sqlite3.Xsqlite3_free(s.tls, s.room)
	s.room, s.size = 0, 0
}

// reset ends a look.
func (s *stmt) reset() {
	sqlite3.Xsqlite3_reset(s.tls, s.handle) // it repeats what the last step said
	if s.size > largeRoom {
		s.release()
	}
}

func (s *stmt) finalize() {
	s.release()
	sqlite3.Xsqlite3_finalize(s.tls, s.handle)
}

// row is the row at hand. Its texts and bytes may be kept.
type row struct{ s *stmt }

func (r row) int(i int) int64      { return sqlite3.Xsqlite3_column_int64(r.s.tls, r.s.handle, int32(i)) } // 0 for NULL
func (r row) bool(i int) bool      { return r.int(i) != 0 }
func (r row) text(i int) string    { return string(r.view(i)) } // "" for NULL
func (r row) bytes(i int) []byte   { return append([]byte(nil), r.view(i)...) }
func (r row) time(i int) time.Time { return fromMilli(r.int(i)) }

// view is a text or bytes where they lie, until the next step.
func (r row) view(i int) []byte {
	from := sqlite3.Xsqlite3_column_blob(r.s.tls, r.s.handle, int32(i))
	if from == 0 {
		return nil
	}
	return libc.GoBytes(from, int(sqlite3.Xsqlite3_column_bytes(r.s.tls, r.s.handle, int32(i))))
}
