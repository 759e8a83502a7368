package mapping

import (
	"encoding/hex"
	"io"
	"strings"
)

// chance fills b with random bytes.
func chance(e env, b []byte) error {
	if e.moment.random == nil {
		return failf("there is no source of chance here")
	}
	if _, err := io.ReadFull(e.moment.random, b); err != nil {
		return failf("the source of chance has run dry")
	}
	return nil
}

// callGuid makes a random UUID (RFC 9562, version 4).
func callGuid(e env, _ []node) (value, error) {
	var b [16]byte
	if err := chance(e, b[:]); err != nil {
		return value{}, err
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return textValue(strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")), nil
}

// alphabets are what RandomString draws from, in the order in which its arguments ask for a least number of each.
var alphabets = [...]string{"0123456789", "!@#$%^&*()-_=+[]{}|;:,.<>?/~", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"}

const maxRandom = 256

// callRandomString draws a text of a length that has at least so many digits, special characters, capitals and small letters.
func callRandomString(e env, args []node) (value, error) {
	var counts [1 + len(alphabets)]int64
	total := int64(0)
	for i := range counts {
		n, ok, err := number(e, args[i])
		if err != nil || !ok {
			return value{}, err
		}
		if n < 0 || n > maxRandom {
			return value{}, failf("length and counts are 0 to %d", maxRandom)
		}
		if counts[i] = n; i > 0 {
			total += n
		}
	}
	if total > counts[0] {
		return value{}, failf("the counts add up to more than the length")
	}
	avoid := ""
	if args[len(counts)] != nil {
		var err error
		if avoid, _, err = text(e, args[len(counts)]); err != nil {
			return value{}, err
		}
	}
	var drawn []byte
	all := ""
	for i, alphabet := range alphabets {
		alphabet = strings.Map(func(r rune) rune {
			if strings.ContainsRune(avoid, r) {
				return -1
			}
			return r
		}, alphabet)
		all += alphabet
		for range counts[i+1] {
			c, err := draw(e, alphabet)
			if err != nil {
				return value{}, err
			}
			drawn = append(drawn, c)
		}
	}
	for range counts[0] - total {
		c, err := draw(e, all)
		if err != nil {
			return value{}, err
		}
		drawn = append(drawn, c)
	}
	if err := shuffle(e, drawn); err != nil {
		return value{}, err
	}
	return textValue(string(drawn)), nil
}

// draw takes one character of an alphabet, each as likely as the others.
func draw(e env, alphabet string) (byte, error) {
	if alphabet == "" {
		return 0, failf("no character is left that may be used")
	}
	i, err := below(e, len(alphabet))
	return alphabet[i], err
}

func shuffle(e env, b []byte) error {
	for i := len(b) - 1; i > 0; i-- {
		j, err := below(e, i+1)
		if err != nil {
			return err
		}
		b[i], b[j] = b[j], b[i]
	}
	return nil
}

// below draws a number below n, which is at most 256. Bytes that would favour some numbers are drawn again, a bounded number of times.
func below(e env, n int) (int, error) {
	limit := 256 - 256%n
	for range 100 {
		var b [1]byte
		if err := chance(e, b[:]); err != nil {
			return 0, err
		}
		if int(b[0]) < limit {
			return int(b[0]) % n, nil
		}
	}
	return 0, failf("the source of chance gives the same again and again")
}
