package console

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"rollcall/state"
	"rollcall/sync/explain"
)

// handWord is one way in which an operator changes an account's life, in words.
type handWord struct {
	Hand   state.Hand
	Text   string // of the button
	Done   string // what is told afterwards
	Danger bool   // it takes access away
	fits   func(r *state.Record) bool
	says   func(r *state.Record) []string // what will happen
}

var handWords = []*handWord{
	{
		Hand: state.HandDeactivate, Text: "Deactivate", Done: "Deactivated.", Danger: true,
		fits: func(r *state.Record) bool { return r.InForce },
		says: func(r *state.Record) []string {
			return []string{"The account is out of force at once. Groups and attributes are kept.", counts(r, "active")}
		},
	},
	{
		Hand: state.HandReactivate, Text: "Reactivate", Done: "Reactivated.",
		fits: func(r *state.Record) bool { return !r.InForce },
		says: func(r *state.Record) []string {
			return []string{"The account is in force at once, in the groups that it has.", counts(r, "inactive")}
		},
	},
	{
		Hand: state.HandPin, Text: "Pin", Done: "Pinned.",
		fits: func(r *state.Record) bool { return !r.Pinned },
		says: func(r *state.Record) []string {
			return []string{"The account stays " + inForce(r.InForce) + ", whatever is pushed or pulled, until it is unpinned. What the provider says is still noted."}
		},
	},
	{
		Hand: state.HandUnpin, Text: "Unpin", Done: "Unpinned.",
		fits: func(r *state.Record) bool { return r.Pinned },
		says: func(r *state.Record) []string {
			return []string{"Pushes and pulls decide again.", "What the provider said last comes into force at once: " + inForce(r.Said) + "."}
		},
	},
	{
		Hand: state.HandProtect, Text: "Protect", Done: "Protected.",
		fits: func(r *state.Record) bool { return !r.Protected },
		says: func(*state.Record) []string {
			return []string{"A pull that would deactivate the account holds that change for an approval, whatever the gate allows."}
		},
	},
	{
		Hand: state.HandUnprotect, Text: "Take the protection away", Done: "The protection is taken away.",
		fits: func(r *state.Record) bool { return r.Protected },
		says: func(*state.Record) []string {
			return []string{"A pull may deactivate the account again, as far as the gate allows."}
		},
	},
}

// counts says what becomes of an operator's word when the provider says the contrary.
func counts(r *state.Record, contrary string) string {
	if r.Pinned {
		return "The account is pinned: so it stays, whatever is pushed or pulled, until it is unpinned."
	}
	return "The next push or pull that says " + contrary + " counts again, unless the account is pinned as well."
}

// handsFor are what may be done with an account.
func handsFor(r *state.Record) []handWord {
	var list []handWord
	for _, h := range handWords {
		if h.fits(r) {
			list = append(list, *h)
		}
	}
	return list
}

// handPage answers: what will happen, and do I want that?
type handPage struct {
	handWord
	Name     string
	URL      string // of the account
	Says     []string
	Lines    []diffLine
	Sentence string // why the account is what it is
	Version  int64
	MayPin   bool
	Fault    string // what the form lacked
}

func (p *handPage) crumbs() []crumb { return []crumb{{"Users", "/users"}, {p.Name, p.URL}} }

// preview shows what a hand would change.
func (h *handWord) preview(c *Console) func(http.ResponseWriter, *http.Request, *explain.Subject) error {
	return func(w http.ResponseWriter, r *http.Request, s *explain.Subject) error {
		return h.show(c, w, r, s, http.StatusOK, "")
	}
}

func (h *handWord) show(c *Console, w http.ResponseWriter, r *http.Request, s *explain.Subject, status int, fault string) error {
	record := &s.Record
	if record.ID == "" || !record.DeletedAt.IsZero() {
		return problem{http.StatusConflict, "There is no account to change", "The account is gone; only a push or a pull can bring it back. Nothing was changed."}
	}
	if !h.fits(record) {
		c.done(w, r, pageOf(record.ID, ""), "", "There is nothing to do: the account is so already.")
		return nil
	}
	life, err := explain.ReadLife(r.Context(), c.Store, *s, 1)
	if err != nil {
		return err
	}
	after, err := h.after(c, record)
	if err != nil {
		return err
	}
	page := &handPage{
		handWord: *h, Name: harmless(cmp.Or(record.Name, s.Name)), URL: pageOf(record.ID, ""), Says: h.says(record), Sentence: harmless(life.Sentence), Version: record.Version,
		Lines: lifeLines(record, after), MayPin: h.Hand == state.HandDeactivate && !record.Pinned, Fault: fault,
	}
	c.showStatus(w, r, status, "user-change", page)
	return nil
}

// after is what an account would be.
func (h *handWord) after(c *Console, r *state.Record) (*state.Record, error) {
	life := h.Hand.Life(*r)
	change, err := state.Judge(r, &state.Mutation{Kind: state.KindAccount, ID: r.ID, Life: &life, Cause: state.Cause{Kind: state.CauseOperator}}, c.Now())
	if err != nil {
		return nil, fmt.Errorf("foresee what becomes of account %s: %w", r.ID, err)
	}
	return change.After, nil
}

// lifeLines is what changes about an account's life.
func lifeLines(before, after *state.Record) []diffLine {
	var lines []diffLine
	for _, l := range []struct {
		label   string
		was, is string
	}{
		{"in force", inForce(before.InForce), inForce(after.InForce)}, {"said by the provider", inForce(before.Said), inForce(after.Said)},
		{"staged", yesNo(before.Staged), yesNo(after.Staged)}, {"pinned", yesNo(before.Pinned), yesNo(after.Pinned)}, {"protected", yesNo(before.Protected), yesNo(after.Protected)},
	} {
		if l.was != l.is {
			lines = append(lines, diffLine{l.label, l.was, l.is})
		}
	}
	return lines
}

// lay carries out what was shown, if the account is still what it was then.
func (h *handWord) lay(c *Console) func(http.ResponseWriter, *http.Request, *explain.Subject) error {
	return func(w http.ResponseWriter, r *http.Request, s *explain.Subject) error {
		why := strings.TrimSpace(r.PostFormValue("reason"))
		switch {
		case why == "":
			return h.show(c, w, r, s, http.StatusUnprocessableEntity, "Say why: the journal keeps it with your name. Nothing was changed.")
		case len(why) > maxReason:
			return h.show(c, w, r, s, http.StatusUnprocessableEntity, fmt.Sprintf("Say it in at most %d characters. Nothing was changed.", maxReason))
		}
		version, _ := strconv.ParseInt(r.PostFormValue("version"), 10, 64)
		hand := h.Hand
		if hand == state.HandDeactivate && r.PostFormValue("pin") != "" {
			hand = state.HandSuspend
		}
		life, back := hand.Life(s.Record), pageOf(s.Account, "")
		err := state.ErrVersion
		result := state.Result{}
		if version == s.Record.Version {
			result, err = c.write(state.Mutation{
				Scope: s.Scope, Kind: state.KindAccount, ID: s.Account, Life: &life,
				Cause: state.Cause{Kind: state.CauseOperator, Actor: visitorOf(r).Name, Note: why},
			})
		}
		c.healths.forget()
		switch {
		case errors.Is(err, state.ErrVersion):
			c.done(w, r, back, "", "The account has changed since you looked at it. Nothing was changed by you. Look at it again, and decide anew.")
		case err != nil:
			return err
		case !result.Changed:
			c.done(w, r, back, "There was nothing to change: the account was so already.", "")
		default:
			c.done(w, r, back, strings.TrimSpace(h.Done+" "+h.next(hand, &s.Record)), "")
		}
		return nil
	}
}

// maxReason bounds, in bytes, what somebody gives as their reason.
const maxReason = 500

// next says what the provider's word will do to what was done.
func (h *handWord) next(hand state.Hand, before *state.Record) string {
	switch {
	case hand == state.HandSuspend:
		return "The account is pinned as well: so it stays until it is unpinned."
	case hand == state.HandDeactivate:
		return counts(before, "active")
	case hand == state.HandReactivate:
		return counts(before, "inactive")
	}
	return ""
}

// write carries out one change by hand.
func (c *Console) write(m state.Mutation) (state.Result, error) {
	results, err := c.Store.Write(state.Urgent, []state.Mutation{m})
	if err == nil {
		err = results[0].Err
	}
	if err != nil {
		return state.Result{}, fmt.Errorf("change %s: %w", m.ID, err)
	}
	return results[0], nil
}
