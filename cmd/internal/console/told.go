package console

import (
	"fmt"
	"html/template"
	"regexp"
	"time"

	"rollcall/sync/plan"
)

// toldPart is a piece of a sentence: a text, a time, or a command line.
type toldPart struct {
	Text    string
	At      time.Time
	Command string
}

// toldMarks are what sentences shared with the command line hold that a page shows better: times to the second, and commands.
var toldMarks = regexp.MustCompile(`(\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ)|'(rollcall [^']+)'`)

// told splits a sentence at its times and commands.
func told(text string) []toldPart {
	var parts []toldPart
	from := 0
	for _, m := range toldMarks.FindAllStringSubmatchIndex(text, -1) {
		part := toldPart{}
		if m[2] >= 0 {
			at, err := time.Parse("2006-01-02 15:04:05Z", text[m[2]:m[3]])
			if err != nil {
				continue // no such day: it stays a text
			}
			part.At = at
		} else {
			part.Command = text[m[4]:m[5]]
		}
		if m[0] > from {
			parts = append(parts, toldPart{Text: text[from:m[0]]})
		}
		parts, from = append(parts, part), m[1]
	}
	if from < len(text) {
		parts = append(parts, toldPart{Text: text[from:]})
	}
	return parts
}

// inWords is a sentence for where there is no markup: its times to the minute, its commands as they are.
func inWords(now time.Time, text string) string {
	return toldMarks.ReplaceAllStringFunc(text, func(mark string) string {
		if at, err := time.Parse("2006-01-02 15:04:05Z", mark); err == nil {
			return instant(now, at)
		}
		return mark
	})
}

// exactly tells a time to the minute; the script puts it into the viewer's zone.
func exactly(now, t time.Time) template.HTML {
	return template.HTML(fmt.Sprintf(`<time datetime="%s" data-exact>%s</time>`, t.UTC().Format(time.RFC3339), instant(now, t)))
}

// witnessLine is one or more witnesses of the same kind: what they say, and when each said it.
type witnessLine struct {
	Text string
	Said []witnessAt
}

// witnessAt is a witness's time, and the run that its statement is in; "" = none.
type witnessAt struct {
	At  time.Time
	Run string
}

// witnessLines tells witnesses in few words, those that say the same together. What they confirm, reason, is not told again.
func witnessLines(reason plan.Reason, witnesses []plan.Witness) []witnessLine {
	var lines []witnessLine
	var last plan.Witness
	for i, w := range witnesses {
		if i == 0 || w.Fact != last.Fact || w.How != last.How {
			lines = append(lines, witnessLine{})
		}
		line := &lines[len(lines)-1]
		line.Said = append(line.Said, witnessAt{w.At, w.Run})
		line.Text = witnessWords(reason, w, len(line.Said))
		last = w
	}
	return lines
}

// witnessWords says what so many witnesses of a kind say, up to the time of it.
func witnessWords(reason plan.Reason, w plan.Witness, n int) string {
	pulls := "the pull of"
	if n > 1 {
		pulls = fmt.Sprintf("%d pulls:", n)
	}
	if w.Fact == plan.FactUnexplained {
		return "explained by nobody in " + pulls
	}
	words := ""
	switch w.How {
	case plan.ByAbsence:
		return "missing from " + pulls
	case plan.ByPull:
		words = "read by " + pulls
	case plan.ByLook:
		words = "looked up by object id"
	case plan.ByAccount:
		words = "the provider keeps the account's id, says " + pulls
	case plan.ByExternalID:
		words = "the account keeps the object id, says " + pulls
	case plan.ByMatch:
		words = "the mapping's match attributes agree, says " + pulls
	default:
		words = "by " + string(w.How)
	}
	if plan.Reason(w.Fact) != reason {
		words = plan.Reason(w.Fact).Text() + ": " + words
	}
	return words
}

// size is about how many bytes of HTML the line takes.
func (l *witnessLine) size() int {
	const markup, saidMarkup = 26, 92
	size := markup + len(l.Text)
	for _, said := range l.Said {
		size += saidMarkup + len(said.Run)
	}
	return size
}
