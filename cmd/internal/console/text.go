package console

import (
	"net/url"
	"unicode"
	"unicode/utf8"

	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/sync/explain"
)

// resourceOf reads a record's resource. One that cannot be read is empty: the store wrote it, and its page is shown all the same.
func resourceOf(resource []byte) scim.Value { return explain.Resource(resource) }

// textOf is one top-level text of a resource.
func textOf(resource []byte, name string) string { return resourceOf(resource).Get(name).Text }

// harmless makes a text from outside safe to stand in a line of ours.
func harmless(text string) string { return explain.Harmless(text) }

// pageOf is the page of an account or a group.
func pageOf(account, group state.ID) string {
	switch {
	case account != "":
		return "/users/" + url.PathEscape(string(account))
	case group != "":
		return "/groups/" + url.PathEscape(string(group))
	}
	return ""
}

// listURL is a list's address with those of the names and values that say something.
func listURL(path string, pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	return path
}

// capital begins a text with a capital.
func capital(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return ""
	}
	return string(unicode.ToUpper(first)) + text[size:]
}

// clip cuts a sentence that would fill a list; its own page has all of it.
func clip(text string) string {
	const most = 300
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// cutBytes shortens a text to a number of bytes, the last of them an ellipsis.
func cutBytes(s string, limit int) string {
	const ellipsis = "…"
	if len(s) <= limit {
		return s
	}
	end := limit - len(ellipsis)
	if end <= 0 {
		return ""
	}
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + ellipsis
}
