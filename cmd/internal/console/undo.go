package console

import (
	"cmp"
	"fmt"
	"net/http"

	"rollcall/state"
	"rollcall/sync/explain"
	"rollcall/sync/plan"
)

// undoPage answers: what would taking this run back change?
type undoPage struct {
	Run      state.Run
	Sum      string
	Gate     string
	All      int // changes
	Removals int
	Changes  changesView
	at       string // when the run began
}

func (p *undoPage) crumbs() []crumb {
	return []crumb{{"Runs", "/runs"}, {p.Run.Scope.Source, listURL("/runs", "source", p.Run.Scope.Source)}, {"The run", "/runs/" + p.Run.ID}}
}

// Title says what it would change.
func (p *undoPage) Title() string {
	what := "Taking back the run of " + p.Run.Scope.Source + " of " + p.at
	if p.All == 0 {
		return what + " would change nothing"
	}
	text := fmt.Sprintf("%s would make %s", what, explain.Plural(p.All, "change"))
	if p.Removals > 0 {
		text += ", " + explain.Plural(p.Removals, "removal") + " among them"
	}
	return text
}

// undoPreview shows what an undo would change. It changes nothing.
func (c *Console) undoPreview(w http.ResponseWriter, r *http.Request) {
	page, p, err := c.readUndo(r)
	if err != nil {
		c.refuse(w, r, "This run cannot be taken back", err, link{"/runs/" + r.PathValue("id"), "To the run"})
		return
	}
	page.Changes = viewChanges(r, entriesOf(p), "")
	c.show(w, r, "undo", page)
}

// readUndo reads a run and plans to take it back.
func (c *Console) readUndo(r *http.Request) (*undoPage, *plan.Plan, error) {
	run, err := c.Store.Run(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, nil, err
	}
	p, _, err := c.Work.Undo(r.Context(), run.ID, visitorOf(r).Name, true)
	if err != nil {
		return nil, nil, err
	}
	run.Report = nil
	return &undoPage{
		Run: run, Sum: explain.UndoSum(&p.Counts, nil), Gate: explain.GateSum(&p.Gate), All: len(p.Changes), Removals: removalsIn(entriesOf(&p)),
		at: explain.When(run.StartedAt),
	}, &p, nil
}

// undo takes a run back. Where that removes somebody, the number must have been typed.
func (c *Console) undo(w http.ResponseWriter, r *http.Request) {
	id, by := r.PathValue("id"), visitorOf(r).Name
	back := link{"/runs/" + id + "/undo", "To the preview"}
	page, _, err := c.readUndo(r)
	if err != nil {
		c.refuse(w, r, "Nothing was taken back", err, back)
		return
	}
	if !c.typed(w, r, "Nothing was taken back", page.Removals, back) {
		return
	}
	_, done, err := c.Work.Undo(r.Context(), id, by, false)
	if err != nil {
		c.broke(w, r, "The run was not taken back", err, back)
		return
	}
	c.decided(r.Context(), state.Deed{Actor: by, What: DeedUndone, Scope: page.Run.Scope, Subject: id, Note: done.Run})
	c.tellDone(w, r, done, link{"/runs/" + cmp.Or(done.Run, id), "To the run that took it back"})
}
