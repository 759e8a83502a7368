package mapping

import (
	"slices"
	"strconv"
	"strings"

	"github.com/dlclark/regexp2/v2"
)

// piece is a part of a replacement: literal text, or a part of the match or of the input.
type piece struct {
	literal string
	group   int // with part of a group
	part    part
}

type part uint8

const (
	literally part = iota
	aGroup         // $1, ${1}, ${name}, $&
	lastGroup      // $+
	before         // $`
	after          // $'
	whole          // $_
)

// readReplacement reads .NET's substitutions. What looks like one but names no group is text.
func readReplacement(s string, pattern *regexp2.Regexp) []piece {
	pieces := []piece{}
	for s != "" {
		at := strings.IndexByte(s, '$')
		if at < 0 {
			return append(pieces, piece{literal: s})
		}
		if at > 0 {
			pieces = append(pieces, piece{literal: s[:at]})
		}
		s = s[at:]
		p, length := readSubstitution(s, pattern)
		pieces, s = append(pieces, p), s[length:]
	}
	return pieces
}

// readSubstitution reads what begins with a dollar sign, and says how long it is.
func readSubstitution(s string, pattern *regexp2.Regexp) (piece, int) {
	if len(s) > 1 {
		switch s[1] {
		case '$':
			return piece{literal: "$"}, 2
		case '&':
			return piece{part: aGroup}, 2
		case '+':
			return piece{part: lastGroup, group: len(pattern.GetGroupNumbers()) - 1}, 2
		case '`':
			return piece{part: before}, 2
		case '\'':
			return piece{part: after}, 2
		case '_':
			return piece{part: whole}, 2
		case '{':
			if end := strings.IndexByte(s, '}'); end > 0 {
				if group, ok := groupNamed(s[2:end], pattern); ok {
					return piece{part: aGroup, group: group}, end + 1
				}
			}
			return piece{literal: "$"}, 1
		}
	}
	end := 1
	for end < len(s) && isDigit(rune(s[end])) {
		end++
	}
	if group, ok := groupNamed(s[1:end], pattern); ok {
		return piece{part: aGroup, group: group}, end
	}
	return piece{literal: "$"}, 1
}

// groupNamed finds a group by its number or name.
func groupNamed(name string, pattern *regexp2.Regexp) (int, bool) {
	if number, err := strconv.Atoi(name); err == nil && isDigit(rune(name[0])) {
		return number, slices.Contains(pattern.GetGroupNumbers(), number)
	}
	if name == "" {
		return 0, false
	}
	group := pattern.GroupNumberFromName(name)
	return group, group >= 0
}

func (p piece) write(b *strings.Builder, input []rune, m regexp2.MatchView) {
	if b.Len() > maxText {
		return // too long already; whoever writes reports it
	}
	start, length, _ := m.GroupRange(0)
	switch p.part {
	case literally:
		b.WriteString(p.literal)
	case aGroup:
		if start, length, ok := m.GroupRange(p.group); ok {
			b.WriteString(string(input[start : start+length]))
		}
	case lastGroup:
		for group := p.group; group >= 0; group-- {
			if start, length, ok := m.GroupRange(group); ok {
				b.WriteString(string(input[start : start+length]))
				return
			}
		}
	case before:
		b.WriteString(string(input[:start]))
	case after:
		b.WriteString(string(input[start+length:]))
	case whole:
		b.WriteString(string(input))
	}
}
