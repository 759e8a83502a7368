package idpsim

import "encoding/binary"

// kind separates the id spaces of one population.
type kind uint64

const (
	personKind kind = iota + 1
	groupKind
	tenantKind
	appKind
	principalKind
	roleKind
	clientKind
	eventKind
	appUserKind
	pushKind
	targetKind
	mappingKind
	kinds
)

// Ids are computed from seed, kind and number and can be turned back into the number, so that nothing has to be stored or searched:
// the first 32 bits are the number under a permutation, the rest proves that the id is one of ours.

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// mix64 is the finaliser of splitmix64.
func mix64(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// scatter is a permutation of 32 bits, and gather its inverse.
func scatter(x uint32) uint32 {
	x = (x ^ x>>16) * 0x7feb352d
	x = (x ^ x>>15) * 0x846ca68b
	return x ^ x>>16
}

func gather(x uint32) uint32 {
	x = (x ^ x>>16) * 0x43021123
	x = (x ^ x>>15 ^ x>>30) * 0x1d69e2a5
	return x ^ x>>16
}

// keysOf derives a key for each kind.
func keysOf(seed uint64) (keys [kinds]uint64) {
	for k := range keys {
		keys[k] = mix64(seed ^ uint64(k)<<56)
	}
	return keys
}

// guid makes a GUID of version 4.
func (v *View) guid(k kind, n uint32) (id [16]byte) {
	key := v.keys[k]
	rest := mix64(key ^ uint64(n))
	binary.BigEndian.PutUint32(id[0:], scatter(n^uint32(key)))
	binary.BigEndian.PutUint64(id[4:], rest)
	binary.BigEndian.PutUint32(id[12:], uint32(mix64(rest)))
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

// fromGUID returns the number of an id made by guid.
func (v *View) fromGUID(k kind, text string) (uint32, bool) {
	var id [16]byte
	if !parseGUID(&id, text) {
		return 0, false
	}
	n := gather(binary.BigEndian.Uint32(id[0:])) ^ uint32(v.keys[k])
	return n, v.guid(k, n) == id
}

// AppendGUID appends id as text.
func AppendGUID(dst []byte, id [16]byte) []byte {
	const digits = "0123456789abcdef"
	for i, b := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, digits[b>>4], digits[b&15])
	}
	return dst
}

func parseGUID(id *[16]byte, text string) bool {
	if len(text) != 36 {
		return false
	}
	at := 0
	for i := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			if text[at] != '-' {
				return false
			}
			at++
		}
		high, low := nibble(text[at]), nibble(text[at+1])
		if high > 15 || low > 15 {
			return false
		}
		id[i] = high<<4 | low
		at += 2
	}
	return true
}

func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// appendOkta appends an id of Okta's shape: three letters for the kind and 17 characters.
func (v *View) appendOkta(dst []byte, prefix string, k kind, n uint32) []byte {
	key := v.keys[k]
	dst = append(dst, prefix...)
	dst = appendBase62(dst, uint64(scatter(n^uint32(key))), 6)
	return appendBase62(dst, mix64(key^uint64(n)), 11)
}

// fromOkta returns the number of an id made by appendOkta.
func (v *View) fromOkta(prefix string, k kind, text string) (uint32, bool) {
	if len(text) != 20 || text[:3] != prefix {
		return 0, false
	}
	var head uint64
	for i := 3; i < 9; i++ {
		d := digit62(text[i])
		if d > 61 {
			return 0, false
		}
		head = head*62 + uint64(d)
	}
	n := gather(uint32(head)) ^ uint32(v.keys[k])
	var made [20]byte
	return n, string(v.appendOkta(made[:0], prefix, k, n)) == text
}

func appendBase62(dst []byte, x uint64, width int) []byte {
	at := len(dst)
	for range width {
		dst = append(dst, '0')
	}
	for i := at + width - 1; i >= at; i-- {
		dst[i] = base62[x%62]
		x /= 62
	}
	return dst
}

func digit62(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'A' && c <= 'Z':
		return c - 'A' + 10
	case c >= 'a' && c <= 'z':
		return c - 'a' + 36
	}
	return 255
}
