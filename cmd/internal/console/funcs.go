package console

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"rollcall/sync/explain"
)

// templateFuncs are what templates can say.
func templateFuncs() template.FuncMap {
	return template.FuncMap{
		"asset":   func(name string) string { return assetNames[name] },
		"count":   count,
		"plural":  explain.Plural,
		"when":    func(t time.Time) template.HTML { return when(time.Now(), t) },
		"exactly": func(t time.Time) template.HTML { return exactly(time.Now(), t) },
		"told":    told,
		"inWords": func(text string) string { return inWords(time.Now(), text) },
		"status":  statusOf,
		"words":   func(code string) string { return strings.ReplaceAll(code, "_", " ") },
		"under":   func(place, at string) bool { return strings.HasPrefix(at, place+"/") },
		"begins":  strings.HasPrefix,
		"dict":    dict,
		"safe":    harmless,
	}
}

// count writes a number with thin separators.
func count(n int) string {
	digits := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, digits = "−", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "\u2009" + digits[i:]
	}
	return sign + digits
}

// when tells a time relative to now, with the exact instant on hover; the script puts that into the viewer's zone.
func when(now, t time.Time) template.HTML {
	if t.IsZero() {
		return `<span class="muted">never</span>`
	}
	text := "in " + explain.Span(nearest(t.Sub(now)))
	if !t.After(now) {
		text = explain.Ago(now, t)
	}
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s">%s</time>`,
		t.UTC().Format(time.RFC3339), t.UTC().Format("2006-01-02 15:04:05 UTC"), template.HTMLEscapeString(text)))
}

// nearest rounds a length of time that lies ahead to the unit that it is told in: what ends in 72 hours does not end in 2 days.
func nearest(d time.Duration) time.Duration {
	for _, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute} {
		if rounded := d.Round(unit); rounded >= 2*unit {
			return rounded
		}
	}
	return d
}

// dict makes a map of pairs, for a part that takes several values.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict: %d values are no pairs", len(pairs))
	}
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		key, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: %v is no name", pairs[i])
		}
		m[key] = pairs[i+1]
	}
	return m, nil
}

// status is a word with a shape and a tone: never a colour alone.
type status struct{ Shape, Tone, Word string }

// statuses are all the words that a thing's state is told in.
var statuses = map[string]status{
	"active": {"●", "ok", "active"}, "inactive": {"○", "off", "inactive"}, "deleted": {"✕", "off", "deleted"}, "purged": {"✕", "off", "purged"},
	"none": {"○", "off", "no account"}, "held": {"▲", "warn", "held"}, "staged": {"◐", "warn", "staged"}, "conflict": {"◆", "bad", "conflict"},
	"unexplained": {"?", "warn", "unexplained"}, "missing": {"＋", "info", "missing"}, "pinned": {"⚑", "info", "pinned"}, "protected": {"◈", "info", "protected"},
	"healthy": {"●", "ok", "in step"}, "differing": {"◐", "info", "not in step yet"}, "waiting": {"▲", "warn", "needs you"}, "failing": {"◆", "bad", "failing"},
	"approved": {"●", "ok", "approved"}, "discarded": {"○", "off", "discarded"}, "replaced": {"○", "off", "replaced"},
	"complete": {"●", "ok", "complete"}, "partial": {"◐", "warn", "partial"}, "failed": {"◆", "bad", "failed"},
	"in_sync": {"●", "ok", "nothing to change"}, "applied": {"●", "ok", "applied"}, "partly_applied": {"◐", "warn", "partly applied"}, "observed": {"○", "info", "observed"},
	"incomplete": {"◐", "warn", "incomplete"}, "running": {"◌", "info", "running"}, "refused": {"◆", "bad", "refused"}, "accepted": {"●", "ok", "accepted"},
	"done": {"✓", "ok", "done"}, "open": {"○", "off", "not yet"}, "expired": {"○", "off", "expired"}, "live": {"●", "ok", "live"}, "revoked": {"✕", "off", "revoked"},
}

// statusOf finds the status of a code; one that is not known is told as it stands.
func statusOf(code any) status {
	text := fmt.Sprint(code)
	if s, ok := statuses[text]; ok {
		return s
	}
	return status{"○", "off", strings.ReplaceAll(text, "_", " ")}
}
