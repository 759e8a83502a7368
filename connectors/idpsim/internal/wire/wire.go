// Package wire holds what the simulated vendors share on the wire: JSON by appending, pages of lists, answers recorded to be passed on,
// request bodies that may be compressed.
package wire

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"
)

// AppendString appends text as a JSON string.
func AppendString(dst []byte, text string) []byte {
	dst = append(dst, '"')
	dst = append(dst, text...)
	return Quote(dst, len(dst)-len(text))
}

// Quote escapes what was appended to dst from position start on, where an opening quote stands before it, and closes the string.
func Quote(dst []byte, start int) []byte {
	for _, c := range dst[start:] {
		if !plain[c] {
			return quoteSlowly(dst, start)
		}
	}
	return append(dst, '"')
}

// plain are the bytes that stand for themselves in a JSON string, whatever is around them.
var plain = func() (table [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		table[c] = c != '"' && c != '\\'
	}
	return table
}()

func quoteSlowly(dst []byte, start int) []byte {
	special := func(r rune) bool { return r < ' ' || r == '"' || r == '\\' }
	if text := dst[start:]; utf8.Valid(text) && !bytes.ContainsFunc(text, special) {
		return append(dst, '"')
	}
	return append(escape(dst[:start], string(dst[start:])), '"')
}

func escape(dst []byte, text string) []byte {
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ':
			dst = append(dst, `\u00`...)
			dst = append(dst, "0123456789abcdef"[r>>4], "0123456789abcdef"[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}

// AppendTime appends t as a JSON string, in UTC: with milliseconds as Okta does, without as Graph does.
func AppendTime(dst []byte, t time.Time, milliseconds bool) []byte {
	dst = append(dst, '"')
	dst = t.UTC().AppendFormat(dst, time.RFC3339) // the one layout that is fast
	if milliseconds {
		n := t.Nanosecond() / 1e6
		dst = append(dst[:len(dst)-1], '.', '0'+byte(n/100), '0'+byte(n/10%10), '0'+byte(n%10), 'Z')
	}
	return append(dst, '"')
}

// Answer is a recorded answer.
type Answer struct {
	Status int
	Head   http.Header
	Body   bytes.Buffer
}

// Record lets h answer r.
func Record(h http.Handler, r *http.Request) *Answer {
	a := &Answer{Head: http.Header{}}
	h.ServeHTTP(a, r)
	if a.Status == 0 {
		a.Status = http.StatusOK
	}
	return a
}

// Header is part of http.ResponseWriter.
func (a *Answer) Header() http.Header { return a.Head }

// WriteHeader is part of http.ResponseWriter.
func (a *Answer) WriteHeader(status int) {
	if a.Status == 0 {
		a.Status = status
	}
}

// Write is part of http.ResponseWriter.
func (a *Answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.Body.Write(b)
}

// CopyHeader copies the recorded headers to w, without the length.
func (a *Answer) CopyHeader(w http.ResponseWriter) {
	for name, values := range a.Head {
		if name != "Content-Length" {
			w.Header()[name] = values
		}
	}
}

// maxBody is the largest request body that is read.
const maxBody = 4 << 20

// ReadBody reads a request body, compressed or not.
func ReadBody(r *http.Request) ([]byte, error) {
	body := io.Reader(r.Body)
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, fmt.Errorf("body is said to be gzip: %w", err)
		}
		body = z
	default:
		return nil, fmt.Errorf("content encoding %q is not known", encoding)
	}
	b, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	if err == nil && len(b) > maxBody {
		err = fmt.Errorf("body is larger than %d bytes", maxBody)
	}
	return b, err
}

// Token makes an opaque page token that means the rows after key.
func Token(key uint64) string {
	return base64.RawURLEncoding.EncodeToString(append([]byte("after:"), strconv.FormatUint(key, 36)...))
}

// ParseToken is the inverse of Token.
func ParseToken(token string) (uint64, bool) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return 0, false
	}
	digits, ok := bytes.CutPrefix(b, []byte("after:"))
	if !ok {
		return 0, false
	}
	key, err := strconv.ParseUint(string(digits), 36, 64)
	return key, err == nil && key <= maxKey
}

// maxKey keeps foreign tokens within what can be counted with.
const maxKey = 1 << 60

// Base is scheme and host that the caller asked at.
func Base(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// Keys is one page of a list: up to limit rows after a key, the key of the last of them, and whether there are more. next is the first
// row whose key is greater.
func Keys(next func(after uint64) (key uint64, ok bool), after uint64, limit int) (rows []uint64, last uint64, more bool) {
	rows = make([]uint64, 0, limit)
	last = after
	for len(rows) < limit {
		key, ok := next(last)
		if !ok {
			return rows, last, false
		}
		rows = append(rows, key)
		last = key
	}
	_, more = next(last)
	return rows, last, more
}
