package explain

import (
	"fmt"
	"strings"
	"time"
)

// Ago says how long something is past, in the largest unit that is not zero.
func Ago(now, t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := now.Sub(t)
	if d < time.Minute {
		return "just now"
	}
	return Span(d) + " ago"
}

// Span says a length of time in the largest unit that is not zero.
func Span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return Plural(int(d.Seconds()), "second")
	case d < time.Hour:
		return Plural(int(d.Minutes()), "minute")
	case d < 48*time.Hour:
		return Plural(int(d.Hours()), "hour")
	}
	return Plural(int(d.Hours()/24), "day")
}

// lasting says in a sentence how long something has lasted; "" for what has just begun.
func lasting(d time.Duration) string {
	if d < time.Minute {
		return ""
	}
	return ", for " + Span(d)
}

// Plural counts a thing in words: "1 person" takes its plural as the third argument when it is no plain "s".
func Plural(n int, one string, many ...string) string {
	word := one
	if n != 1 {
		word = one + "s"
		if len(many) > 0 {
			word = many[0]
		}
	}
	return fmt.Sprintf("%d %s", n, word)
}

// When tells a time to people, in UTC, to the second; "never" for none.
func When(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// AwaitingApproval counts what is held: "5 changes await approval, 3 of them removals".
func AwaitingApproval(changes, removals int) string {
	verb := " await"
	if changes == 1 {
		verb = " awaits"
	}
	text := Plural(changes, "change") + verb + " approval"
	switch {
	case removals == changes && changes > 0:
		return Plural(removals, "removal") + verb + " approval"
	case removals == 1:
		text += ", 1 of them a removal"
	case removals > 0:
		text += fmt.Sprintf(", %d of them removals", removals)
	}
	return text
}

func trimPeriod(s string) string { return strings.TrimRight(s, ".") }

// Sentence ends a text with exactly one period.
func Sentence(s string) string { return trimPeriod(s) + "." }
