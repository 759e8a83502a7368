package scimapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"rollcall/state"
	"rollcall/state/scim"
)

// The scimTypes of RFC 9865 §2.1.
const (
	typeInvalidCursor = "invalidCursor"
	typeExpiredCursor = "expiredCursor"
	typeInvalidCount  = "invalidCount"
)

// position is a place in the order of lists: users before groups, each in the order of creation. The zero position is the start.
type position struct {
	kind state.Kind
	row  int64
}

func (p position) before(q position) bool {
	return p.kind < q.kind || p.kind == q.kind && p.row < q.row
}

// cursor says where a page of a query begins (RFC 9865). Nothing is kept for it: what is needed to go on is in its text, sealed for the
// key that asked, so that nobody else can use it and nobody can make one up.
type cursor struct {
	after position // what went before, so that a page far behind costs what the first one costs
	index int      // how many matches lie before the page, as they were when they were read
	back  bool     // the page is found by index: it leads back
	count int
	total int // matches of all pages; -1: not counted
	made  time.Time
	query [8]byte // fingerprint of what is asked
}

const cursorSeal = 16

// fingerprint tells queries apart: a cursor is of use for its own alone.
func (p *params) fingerprint(types []*resource) (print [8]byte) {
	parts := []string{p.filter, strconv.FormatBool(p.filtered), p.sortBy, strconv.FormatBool(p.descending)}
	for _, res := range types {
		parts = append(parts, res.rt.Name)
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	copy(print[:], sum[:])
	return print
}

// text renders a cursor in characters that a URL takes as they are (RFC 9865 §2).
func (cu *cursor) text(key state.KeyHash) string {
	data := append([]byte{byte(cu.after.kind)}, cu.query[:]...)
	if cu.back {
		data[0] |= 0x80
	}
	for _, n := range []int64{cu.after.row, int64(cu.index), int64(cu.count), int64(cu.total), cu.made.Unix()} {
		data = binary.AppendVarint(data, n)
	}
	return base64.RawURLEncoding.EncodeToString(append(sealCursor(key, data), data...))
}

func sealCursor(key state.KeyHash, data []byte) []byte {
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte("cursor "))
	mac.Write(data)
	return mac.Sum(nil)[:cursorSeal]
}

// readCursor reads the cursor that a request goes on with.
func (c *call) readCursor(asked *params, types []*resource) (cursor, error) {
	invalid := scim.BadRequest(typeInvalidCursor, "this is no cursor of this query; send an empty one for its first page")
	sealed, err := base64.RawURLEncoding.DecodeString(asked.cursor)
	if err != nil || len(sealed) < cursorSeal+1+8 {
		return cursor{}, invalid
	}
	data := sealed[cursorSeal:]
	if !hmac.Equal(sealed[:cursorSeal], sealCursor(c.key.Hash, data)) {
		return cursor{}, invalid
	}
	var numbers [5]int64
	for rest, i := data[9:], 0; i < len(numbers); i++ {
		n, size := binary.Varint(rest)
		if size <= 0 {
			return cursor{}, invalid
		}
		numbers[i], rest = n, rest[size:]
	}
	cu := cursor{
		after: position{kind: state.Kind(data[0] &^ 0x80), row: numbers[0]}, back: data[0]&0x80 != 0, query: [8]byte(data[1:9]),
		index: int(numbers[1]), count: int(numbers[2]), total: int(numbers[3]), made: time.Unix(numbers[4], 0),
	}
	switch life := c.h.limits.CursorLife; {
	case cu.query != asked.fingerprint(types):
		return cursor{}, invalid
	case c.start.Sub(cu.made) > life:
		return cursor{}, scim.BadRequest(typeExpiredCursor, "the cursor is older than %d seconds (cursorTimeout); start again with an empty one", int(life.Seconds()))
	case asked.count >= 0 && asked.count != cu.count:
		return cursor{}, scim.BadRequest(typeInvalidCount, "count must stay what it was when the query began: %d", cu.count)
	}
	return cu, nil
}
