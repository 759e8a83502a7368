package console

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"rollcall/state"
	"rollcall/sync/explain"
)

// What operators do with plans and runs: state.Deed.What.
const (
	DeedApproved  = "plan_approved"
	DeedDiscarded = "plan_discarded"
	DeedUndone    = "run_undone"
	deedPulled    = "source_pulled"
)

// outcomePage tells what something came to that cannot be told in a line, or why nothing was done.
type outcomePage struct {
	Heading string
	Text    string
	Mishaps []string // what was not carried out, a sentence each
	Back    link
}

func (p *outcomePage) Title() string { return p.Heading }

// tell shows what something came to.
func (c *Console) tell(w http.ResponseWriter, r *http.Request, status int, page outcomePage) {
	page.Text = harmless(page.Text)
	for i := range page.Mishaps {
		page.Mishaps[i] = capital(harmless(page.Mishaps[i]))
	}
	c.showStatus(w, r, status, "outcome", &page)
}

// refuse tells that nothing was done, in the words of whoever refused it.
func (c *Console) refuse(w http.ResponseWriter, r *http.Request, heading string, err error, back link) {
	var refusal Refusal
	if errors.As(err, &refusal) {
		c.tell(w, r, http.StatusConflict, outcomePage{Heading: heading, Text: refusal.Error(), Back: back})
		return
	}
	c.fail(w, r, err)
}

// broke tells that something may have been done in part, if it was not refused.
func (c *Console) broke(w http.ResponseWriter, r *http.Request, heading string, err error, back link) {
	var refusal Refusal
	if errors.As(err, &refusal) || errors.Is(err, state.ErrNotFound) || r.Context().Err() != nil {
		c.refuse(w, r, heading, err, back)
		return
	}
	c.Log.Error("what an operator wanted was not done to its end", "path", r.URL.Path, "error", err)
	c.tell(w, r, http.StatusInternalServerError, outcomePage{
		Heading: heading, Back: back, Text: "The record did not answer; the log says why. What was carried out before that stays, and is in the journal. Doing it again does the rest.",
	})
}

// decision is a way to decide on a plan.
type decision struct {
	word    string // "approved"
	deed    string
	removes bool // the number of removals must be typed
	do      func(ctx context.Context, planID, seen, by string) (Done, error)
}

// decide decides on what still stands of a plan that waits.
func (c *Console) decide(d decision) http.HandlerFunc {
	return c.operator(func(w http.ResponseWriter, r *http.Request) {
		id, heading := r.PathValue("id"), "Nothing was "+d.word
		back := link{"/plans/" + id, "To the plan"}
		c.reviews.forget()
		page, _, err := c.readPlan(r.Context(), id)
		switch {
		case err != nil:
			c.refuse(w, r, heading, err, back)
			return
		case !page.Open():
			c.tell(w, r, http.StatusConflict, outcomePage{Heading: heading, Text: page.Title() + ". A plan is decided on once.", Back: back})
			return
		case d.removes && !c.typed(w, r, heading, page.Removals, back):
			return
		}
		by := visitorOf(r).Name
		done, err := d.do(r.Context(), id, r.PostFormValue("seen"), by)
		if err != nil {
			c.broke(w, r, "The plan was not "+d.word, err, back)
			return
		}
		c.decided(r.Context(), state.Deed{Actor: by, What: d.deed, Scope: page.Held.Scope, Subject: id})
		c.tellDone(w, r, done, back)
	})
}

// StagedDigest names a set of staged pushes as they are, in the order in which the record lists them. Pushes come in at any time:
// whoever decides on what waits decides on what they were shown, and on nothing that came, or changed, behind it.
func StagedDigest(staged []state.Record) string {
	sum := sha256.New()
	for i := range staged {
		fmt.Fprintf(sum, "%s %d\n", staged[i].ID, staged[i].Version)
	}
	return base64.RawURLEncoding.EncodeToString(sum.Sum(nil))
}

// typed tells whether the number of removals was typed; where it was not, it says so and that nothing was done.
func (c *Console) typed(w http.ResponseWriter, r *http.Request, heading string, removals int, back link) bool {
	if removals == 0 || strings.TrimSpace(r.PostFormValue("confirm")) == strconv.Itoa(removals) {
		return true
	}
	c.tell(w, r, http.StatusUnprocessableEntity, outcomePage{
		Heading: heading, Back: back,
		Text: explain.Plural(removals, "person or membership would be removed", "people or memberships would be removed") +
			", and the number that was typed is another one, or it has changed since the page was shown. Nothing was changed. Look at it again, then type " + strconv.Itoa(removals) + ".",
	})
	return false
}

// decided notes a deed and has everything read anew.
func (c *Console) decided(ctx context.Context, deed state.Deed) {
	c.note(ctx, deed)
	c.healths.forget()
	c.reviews.forget()
}

// tellDone tells what a piece of work came to: in a line on the page that follows, or, where something was not carried out, on a page
// of its own, for that may name people.
func (c *Console) tellDone(w http.ResponseWriter, r *http.Request, done Done, next link) {
	if len(done.Mishaps) == 0 {
		c.done(w, r, next.URL, harmless(done.Says), "")
		return
	}
	c.tell(w, r, http.StatusOK, outcomePage{Heading: "Not everything was carried out", Text: done.Says, Mishaps: done.Mishaps, Back: next})
}
