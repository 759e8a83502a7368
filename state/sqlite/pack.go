package sqlite

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
)

// Plans are kept packed: their JSON says the same thousands of times, and a row is written whole, under the lock, whenever anything in it
// changes. What is short is kept as it is.
const packFrom = 4 << 10 // bytes

var packMagic = []byte{0x1f, 0x8b} // RFC 1952, section 2.3.1

// pack makes of a body what is kept of it. It is called outside of transactions where it can be.
func pack(body []byte) ([]byte, error) {
	if len(body) < packFrom && !bytes.HasPrefix(body, packMagic) {
		return toBytes(body), nil
	}
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	if err == nil {
		_, err = w.Write(body)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("pack a plan: %w", err)
	}
	return packed.Bytes(), nil
}

// unpack is the body of which something was kept.
func unpack(kept []byte) ([]byte, error) {
	if !bytes.HasPrefix(kept, packMagic) {
		return kept, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(kept))
	if err != nil {
		return nil, fmt.Errorf("unpack a plan: %w", err)
	}
	body, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("unpack a plan: %w", err)
	}
	return body, nil
}
