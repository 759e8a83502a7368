package explain

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"rollcall/connectors"
	"rollcall/sync/plan"
)

// Now is what the provider says of somebody at this moment, and what a run would make of it.
type Now struct {
	At       time.Time     `json:"at"`
	Answer   string        `json:"answer"` // "seen", "gone" or "none": the provider gave none
	Sentence string        `json:"sentence"`
	Enabled  string        `json:"enabled"` // "yes", "no" or "unknown", like those below
	Assigned string        `json:"assigned"`
	Deleted  string        `json:"soft_deleted"`
	Outside  string        `json:"out_of_scope"`
	Status   string        `json:"status"` // the provider's own word
	Mapped   []Mapped      `json:"mapped"`
	Changes  []plan.Change `json:"changes"` // that a run would make, held or not
	Notices  []plan.Notice `json:"notices"`
	Reason   string        `json:"reason,omitempty"` // why the provider was not read whole
}

// Mapped is what the mapping makes of one target.
type Mapped struct {
	Target string          `json:"target"`
	Value  json.RawMessage `json:"value"`
	Error  string          `json:"error,omitempty"`
}

// Tell fills in what was seen of somebody; nil: the provider gave no answer.
func (n *Now) Tell(s *connectors.Sighting, outOfScope connectors.Answer) {
	n.Answer = "none"
	var f connectors.Facts
	switch {
	case s != nil && s.Gone:
		n.Answer = "gone"
	case s != nil:
		n.Answer, f = "seen", s.Person.Facts
		f.OutOfScope = outOfScope
	}
	n.Enabled, n.Assigned, n.Deleted, n.Outside, n.Status = answerWord(f.Enabled), answerWord(f.Assigned), answerWord(f.SoftDeleted), answerWord(f.OutOfScope), f.Status
}

// Sum sums up, once all else is told, what the provider says and what a run would do.
func (n *Now) Sum() {
	says := map[string]string{
		"gone": "the provider has no such person, not even in its recycle bin", "none": "the provider gave no answer",
	}[n.Answer]
	if says == "" {
		says = n.facts()
	}
	if n.Answer == "none" && n.Reason != "" {
		says += ": " + trimPeriod(n.Reason)
	}
	n.Sentence = "Now " + says + "; " + n.would() + "."
}

// facts says in words what was read.
func (n *Now) facts() string {
	var words []string
	for _, f := range []struct{ answer, yes, no string }{
		{n.Deleted, "deleted, still in the recycle bin", ""}, {n.Enabled, "enabled", "disabled"},
		{n.Assigned, "assigned", "not assigned"}, {n.Outside, "out of scope", ""},
	} {
		switch {
		case f.answer == "yes":
			words = append(words, f.yes)
		case f.answer == "no" && f.no != "":
			words = append(words, f.no)
		}
	}
	if len(words) == 0 {
		return "the provider has them, and tells no state"
	}
	text := "they are " + strings.Join(words, ", ")
	if n.Status != "" && !slices.Contains(words, strings.ToLower(n.Status)) {
		text += " (" + n.Status + ")"
	}
	return text
}

// would says what a run would do.
func (n *Now) would() string {
	var parts []string
	for _, c := range n.Changes {
		text := c.Action.Text() + ": " + c.Reason.Text()
		if c.Held {
			text += ", held: " + c.HeldBecause.Text()
		}
		parts = append(parts, text)
	}
	if len(parts) > 0 {
		return "a run would " + strings.Join(parts, ", and ")
	}
	switch {
	case n.Answer == "none":
		return "a run would change nothing"
	case len(n.Notices) > 0:
		return "a run would change nothing: " + noticeText(&n.Notices[0])
	}
	return "a run would find nothing to change"
}

func answerWord(a connectors.Answer) string {
	switch a {
	case connectors.Yes:
		return "yes"
	case connectors.No:
		return "no"
	}
	return "unknown"
}
