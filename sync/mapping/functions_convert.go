package mapping

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"unicode/utf16"
)

func callCStr(e env, args []node) (value, error) {
	return mapText(e, args[0], func(s string) string { return s })
}

func callBitAnd(e env, args []node) (value, error) {
	a, ok, err := number(e, args[0])
	if err != nil || !ok {
		return value{}, err
	}
	b, ok, err := number(e, args[1])
	if err != nil || !ok {
		return value{}, err
	}
	return numberValue(a & b), nil
}

// callConvertToBase64 encodes a text's UTF-16 units, the low byte first.
func callConvertToBase64(e env, args []node) (value, error) {
	return mapText(e, args[0], func(s string) string {
		units := utf16.Encode([]rune(s))
		raw := make([]byte, 0, 2*len(units))
		for _, unit := range units {
			raw = append(raw, byte(unit), byte(unit>>8))
		}
		return base64.StdEncoding.EncodeToString(raw)
	})
}

func callConvertToUTF8Hex(e env, args []node) (value, error) {
	return mapText(e, args[0], func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) })
}
