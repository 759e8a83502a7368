package state

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"rollcall/state/scim"
)

// What is looked at of a text that somebody searches for, and of a record that is to be found.
const (
	searchText  = 256 // bytes of the text
	searchTerms = 8   // words of the text
	searchWord  = 40  // runes of a word
	recordWords = 64  // of a record
)

// SearchWords are the words by which people call an account or a group, each once: of names, userName, mail addresses and telephone
// numbers. They hold letters and numbers only, without case and accents. A telephone number is its digits in one word, and again from
// each of its parts on, as it was written.
func SearchWords(kind Kind, resource scim.Value) []string {
	var words []string
	add := func(more ...string) {
		for _, word := range more {
			if len(words) < recordWords && !slices.Contains(words, word) {
				words = append(words, word)
			}
		}
	}
	add(splitWords(resource.Get("displayName").Text)...)
	if kind != KindAccount {
		return words
	}
	for _, part := range resource.Get("name").Fields {
		add(splitWords(part.Value.Text)...)
	}
	for _, name := range []string{"nickName", "userName"} {
		add(splitWords(resource.Get(name).Text)...)
	}
	for _, address := range resource.Get("emails").List {
		add(splitWords(address.Get("value").Text)...)
	}
	for _, number := range resource.Get("phoneNumbers").List {
		add(dialled(number.Get("value").Text)...)
	}
	return words
}

// dialled are the words of a telephone number.
func dialled(number string) []string {
	parts := strings.FieldsFunc(strings.ReplaceAll(number, "(0)", " "), func(r rune) bool { return r < '0' || r > '9' })
	words := make([]string, len(parts))
	for i := range parts {
		words[i] = clipWord(strings.Join(parts[i:], ""))
	}
	return words
}

// splitWords cuts a text into words.
func splitWords(text string) []string {
	words := strings.FieldsFunc(plain(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) })
	for i := range words {
		words[i] = clipWord(words[i])
	}
	return words
}

// plain is a text without case and accents.
func plain(text string) string {
	ascii := true
	for i := 0; i < len(text) && ascii; i++ {
		ascii = text[i] < utf8.RuneSelf
	}
	if !ascii {
		text = strings.Map(func(r rune) rune {
			if unicode.Is(unicode.Mn, r) {
				return -1
			}
			return r
		}, norm.NFKD.String(text))
	}
	return scim.Fold(text)
}

func clipWord(word string) string {
	runes := 0
	for i := range word {
		if runes == searchWord {
			return word[:i]
		}
		runes++
	}
	return word
}

// Search is a text that somebody searches for.
type Search struct {
	Exact string       // as it was typed, for ids and keys
	Terms []SearchTerm // all of them must be met
}

// SearchTerm is met by words of which some begin with each of All, or one with Or, unless that is "": the same digits in one word.
type SearchTerm struct {
	All []string
	Or  string
}

// NewSearch reads what somebody typed. Its beginning is looked at, and no more than eight words of it.
func NewSearch(text string) Search {
	if len(text) > searchText {
		text = strings.ToValidUTF8(text[:searchText], "")
	}
	text = strings.TrimSpace(text)
	s := Search{Exact: text}
	words := splitWords(strings.ReplaceAll(text, "(0)", " "))
	words = words[:min(len(words), searchTerms)]
	for len(words) > 0 {
		digits := 0
		for digits < len(words) && isDigits(words[digits]) {
			digits++
		}
		term := SearchTerm{All: words[:max(1, digits)]}
		if digits > 0 {
			term.Or = clipWord(strings.TrimLeft(strings.Join(term.All, ""), "0")) // no number is kept with the noughts that one dials first
		}
		if digits == 1 && term.Or == term.All[0] {
			term.Or = ""
		}
		s.Terms = append(s.Terms, term)
		words = words[len(term.All):]
	}
	return s
}

func isDigits(word string) bool {
	return strings.Trim(word, "0123456789") == ""
}

// Address tells whether what was typed is a mail address, or a userName like one. Whoever types it whole means who has it, and nobody else.
func (s Search) Address() bool {
	return strings.Contains(s.Exact, "@") && !strings.ContainsFunc(s.Exact, unicode.IsSpace)
}

// Matches tells whether words meet the search.
func (s Search) Matches(words []string) bool {
	begins := func(with string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(word, with) })
	}
	for _, term := range s.Terms {
		if slices.ContainsFunc(term.All, func(word string) bool { return !begins(word) }) && (term.Or == "" || !begins(term.Or)) {
			return false
		}
	}
	return len(s.Terms) > 0
}

// Keys are the keys by which a record of a kind is found if its id, or another key of it, is just what was typed.
func (s Search) Keys(kind Kind) []MatchKey {
	if s.Exact == "" {
		return nil
	}
	names := []MatchName{MatchID, MatchExternalID, MatchDisplayName}
	if kind == KindAccount {
		names = append(names, MatchLink, MatchUserName, MatchEmail)
	}
	keys := make([]MatchKey, len(names))
	for i, name := range names {
		keys[i] = NewMatchKey(name, s.Exact)
	}
	return keys
}
