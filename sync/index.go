package sync

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"sort"

	"rollcall/connectors"
	"rollcall/state"
)

// index is a source's accounts in flat arrays, as they were before a pull's first request. Position i means the same account in each
// of them. It knows accounts by hashes only: a hash spares work, the strings decide.
type index struct {
	seed      maphash.Seed
	rows      []int64 // ascending
	versions  []int64
	stamps    []uint64
	links     []uint64 // 0: not linked
	names     []uint64
	externals []uint64
	flags     []uint8
	ids       []uint64 // only if asked for
	partial   bool     // others are recorded as well: whom it does not have may be there

	byLink, byName, byExternal, byID table
}

// What is known of an account in one byte.
const (
	flagInForce uint8 = 1 << iota
	flagPinned
	flagSeen     // the pull passed the person whom it belongs to
	flagEntitled // as enabled, and in scope
)

// newIndex makes room for about so many accounts; with their ids only if asked for.
func newIndex(n int, ids bool) *index {
	x := &index{
		seed: maphash.MakeSeed(),
		rows: make([]int64, 0, n), versions: make([]int64, 0, n), stamps: make([]uint64, 0, n),
		links: make([]uint64, 0, n), names: make([]uint64, 0, n), externals: make([]uint64, 0, n),
		flags: make([]uint8, 0, n),
	}
	if ids {
		x.ids = make([]uint64, 0, n)
	}
	return x
}

// readIndex reads a source's accounts, about so many; with their ids only if asked for.
func readIndex(ctx context.Context, store Reader, scope state.Scope, n int, ids bool) (*index, error) {
	x := newIndex(n, ids)
	if err := store.Index(ctx, scope, x.add); err != nil {
		return nil, fmt.Errorf("read the index of accounts: %w", err)
	}
	x.finish()
	return x, nil
}

// finish makes what was added findable.
func (x *index) finish() {
	x.byLink, x.byName, x.byExternal = newTable(x.links), newTable(x.names), newTable(x.externals)
	x.byID = newTable(x.ids)
}

func (x *index) add(row state.IndexRow) error {
	var flags uint8
	if row.InForce {
		flags |= flagInForce
	}
	if row.Pinned {
		flags |= flagPinned
	}
	if x.ids != nil {
		x.ids = append(x.ids, x.hash(string(row.ID)))
	}
	x.rows = append(x.rows, row.Row)
	x.versions = append(x.versions, row.Version)
	x.stamps = append(x.stamps, row.Stamp)
	x.links = append(x.links, x.hash(row.Link))
	x.names = append(x.names, x.hash(row.UserName))
	x.externals = append(x.externals, x.hash(row.ExternalID))
	x.flags = append(x.flags, flags)
	return nil
}

// hash returns a text's hash; 0 is the empty text's alone.
func (x *index) hash(text string) uint64 {
	if text == "" {
		return 0
	}
	return maphash.String(x.seed, text) | 1
}

func (x *index) len() int { return len(x.rows) }

// at returns the position of a row, or false if the account was not there when the index was read.
func (x *index) at(row int64) (int, bool) {
	return slices.BinarySearch(x.rows, row)
}

func (x *index) has(i int, flag uint8) bool { return x.flags[i]&flag != 0 }
func (x *index) mark(i int, flag uint8)     { x.flags[i] |= flag }

func (x *index) count(flag uint8) int {
	n := 0
	for _, f := range x.flags {
		if f&flag != 0 {
			n++
		}
	}
	return n
}

// linked appends, for each person of a page, the position of the one account that may be linked to them; -1 if there is none, or more
// than one that may be. A page at a time, the searches need not wait for each other's reads from memory.
func (x *index) linked(dst []int32, page []connectors.Person) []int32 {
	for i := range page {
		dst = append(dst, x.byLink.only(x.links, x.hash(page[i].ID)))
	}
	return dst
}

// table finds positions by hash: open addressing, linear probing, four bytes a slot.
type table struct {
	slots []uint32 // position + 1; 0: free
	shift uint8
}

// newTable indexes those positions of a column that are not 0.
func newTable(column []uint64) table {
	used := 0
	for _, h := range column {
		if h != 0 {
			used++
		}
	}
	bits := sort.Search(32, func(bits int) bool { return 1<<bits >= used+used/2+1 })
	t := table{slots: make([]uint32, 1<<bits), shift: uint8(64 - bits)}
	for i, h := range column {
		if h == 0 {
			continue
		}
		slot := t.slot(h)
		for t.slots[slot] != 0 {
			slot = (slot + 1) & (len(t.slots) - 1)
		}
		t.slots[slot] = uint32(i + 1)
	}
	return t
}

// slot is where the search for a hash begins. The multiplication spreads the lowest bit, which is always set, over all others.
func (t *table) slot(h uint64) int { return int((h * 0x9e3779b97f4a7c15) >> t.shift) }

// find appends the positions of a column's entries that have the hash, in order of insertion along the probe.
func (t *table) find(dst []int, column []uint64, h uint64) []int {
	if h == 0 {
		return dst
	}
	for slot := t.slot(h); t.slots[slot] != 0; slot = (slot + 1) & (len(t.slots) - 1) {
		if i := int(t.slots[slot] - 1); column[i] == h {
			dst = append(dst, i)
		}
	}
	return dst
}

// only returns the position of the one entry of a column that has the hash; -1 if none has it, or several have.
func (t *table) only(column []uint64, h uint64) int32 {
	found := int32(-1)
	for slot := t.slot(h); h != 0 && t.slots[slot] != 0; slot = (slot + 1) & (len(t.slots) - 1) {
		if i := int32(t.slots[slot] - 1); column[i] == h {
			if found >= 0 {
				return -1
			}
			found = i
		}
	}
	return found
}
