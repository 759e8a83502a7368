package graph

import "strings"

// PropertyNames lists the properties of a user that the simulator knows.
func PropertyNames() (names []string) {
	for _, p := range properties {
		names = append(names, p.name)
	}
	return names
}

// ParseAgain parses an expression and returns it as its nodes remember it; white space around it is kept.
func ParseAgain(text string) (string, error) {
	e, err := parseExpression(text)
	if err != nil {
		return "", err
	}
	kept := e.text
	if e.kind == "Constant" && !strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), `"`) {
		kept = e.name
	}
	at := strings.Index(text, kept)
	if at < 0 || strings.Trim(text[:at]+text[at+len(kept):], " \t\r\n") != "" {
		return kept, nil
	}
	return text, nil
}
