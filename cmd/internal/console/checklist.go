package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rollcall/state"
	"rollcall/sync/explain"
)

// checklist is how far the set-up of a source has come, and what went wrong with it lately.
type checklist struct {
	Refresh  string // where the script asks for it anew
	Steps    []setupStep
	Troubles []trouble
	Linked   bool // troubles lead to their requests, on the console
}

// setupStep is one thing that comes true.
type setupStep struct {
	Name     string
	Wait     string    // what the source waits for until then
	At       time.Time // when it came true; zero: not yet
	Last     bool      // At is only when it was true last
	Text     string
	Optional bool
}

// Done tells whether a step has come true.
func (s setupStep) Done() bool { return !s.At.IsZero() }

// The steps, by their places in the list.
const (
	stepKey = iota
	stepConnection
	stepPerson
	stepGroup
	stepPull
)

// Count returns how many steps have come true.
func (l *checklist) Count() int {
	n := 0
	for _, s := range l.Steps {
		if s.Done() {
			n++
		}
	}
	return n
}

// Next is the step that comes next, or nil once all have come true that have to.
func (l *checklist) Next() *setupStep {
	i := slices.IndexFunc(l.Steps, func(s setupStep) bool { return !s.Done() && !s.Optional })
	if i < 0 {
		return nil
	}
	return &l.Steps[i]
}

// issued notes a key that was issued after the list was read.
func (l *checklist) issued(at time.Time) { l.Steps[stepKey].At, l.Steps[stepKey].Text = at, "" }

// checklist reads how far a source has come: a handful of look-ups, whatever the number of its accounts.
func (c *Console) checklist(ctx context.Context, source Source) (checklist, error) {
	steps, err := c.setupSteps(ctx, source)
	if err != nil {
		return checklist{}, fmt.Errorf("read how far the set-up of source %s is: %w", source.Scope.Source, err)
	}
	list := checklist{Steps: steps}
	list.Troubles, err = c.troubles(ctx, source.Scope)
	return list, err
}

func (c *Console) setupSteps(ctx context.Context, source Source) ([]setupStep, error) {
	keys, err := c.Store.ListKeys(ctx, source.Scope)
	if err != nil {
		return nil, err
	}
	steps := []setupStep{
		stepKey:        {Name: "Key issued", Wait: "key", Text: "There is no live key. Nothing can come in without one."},
		stepConnection: {Name: "Connection test", Wait: "connection test", Last: true, Text: "Nothing has come with a valid key yet. If the provider reports that it is not authorised, the key was cut: enter it once more, whole."},
		stepPerson:     {Name: "First person", Wait: "first person", Text: "Nobody has come yet. Start provisioning, and assign somebody who should have an account."},
		stepGroup:      {Name: "First group", Wait: "first group", Optional: true, Text: "No group has come yet. Groups are optional."},
	}
	for _, key := range keys {
		if key.Live(c.Now()) && (!steps[stepKey].Done() || key.CreatedAt.Before(steps[stepKey].At)) {
			steps[stepKey].At, steps[stepKey].Text = key.CreatedAt, ""
		}
		if key.LastUsedAt.After(steps[stepConnection].At) {
			steps[stepConnection].At, steps[stepConnection].Text = key.LastUsedAt, ""
		}
	}
	for step, kind := range map[int]state.Kind{stepPerson: state.KindAccount, stepGroup: state.KindGroup} {
		err := c.Store.Scan(ctx, source.Scope, kind, 0, 0, 1, func(r state.Record) bool {
			steps[step].At, steps[step].Text = r.CreatedAt, ""
			return false
		})
		if err != nil {
			return nil, err
		}
	}
	if !source.Pulls {
		return steps, nil
	}
	pull, err := c.pullStep(ctx, source)
	return append(steps, pull), err
}

// pullStep is about a source that is also asked by us.
func (c *Console) pullStep(ctx context.Context, source Source) (setupStep, error) {
	step := setupStep{Name: "First pull", Wait: "first pull", Last: true, Text: "Besides taking what is sent, the service reads the directory now and then, to compare. It has not yet; that happens by itself."}
	recorded, err := c.Store.Source(ctx, source.Scope.Source)
	if errors.Is(err, state.ErrNotFound) {
		return step, nil
	}
	switch step.At = recorded.LastWholeAt; {
	case step.Done():
		step.Text = ""
	case !recorded.LastPullAt.IsZero():
		step.Text = "The directory was read " + explain.Ago(c.Now(), recorded.LastPullAt) + ", and not everything could be. It is tried again by itself."
	}
	return step, err
}

// sendChecklist answers with the list alone.
func (c *Console) sendChecklist(w http.ResponseWriter, list checklist) {
	var out bytes.Buffer
	if err := c.pages["bare-setup"].ExecuteTemplate(&out, "checklist", &list); err != nil {
		c.Log.Error("a check list could not be rendered", "error", err)
		http.Error(w, "The check list could not be made.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = out.WriteTo(w)
}

// trouble is a kind of push that failed lately.
type trouble struct {
	ID     string // of the newest such request
	At     time.Time
	Times  int
	Method string
	Shape  string // of its path, without ids and values
	Status int
	Detail string // as it was answered
	Hint   string
}

const (
	troubleTime  = time.Hour
	troublesRead = 50
	troublesMost = 5
)

// troubles returns the kinds of failed pushes of the last hour, the newest first, a few at most.
func (c *Console) troubles(ctx context.Context, scope state.Scope) ([]trouble, error) {
	failed, err := c.Store.RequestHeads(ctx, state.RequestQuery{Scope: scope, Failed: true, Limit: troublesRead})
	if err != nil {
		return nil, fmt.Errorf("list failed requests of source %s: %w", scope.Source, err)
	}
	var list []trouble
	since := c.Now().Add(-troubleTime)
	for _, r := range failed {
		if r.At.Before(since) {
			break
		}
		t := trouble{ID: r.ID, At: r.At, Times: 1, Method: harmless(r.Method), Shape: shapeOf(r.Path, c.ReceiverPath), Status: r.Status, Detail: harmless(r.Detail)}
		same := slices.IndexFunc(list, func(o trouble) bool {
			return o.Method == t.Method && o.Shape == t.Shape && o.Status == t.Status && o.Detail == t.Detail
		})
		if same >= 0 {
			list[same].Times++
		} else if len(list) < troublesMost {
			list = append(list, t)
		}
	}
	for i := range list {
		whole, err := c.Store.Request(ctx, list[i].ID)
		if err != nil && !errors.Is(err, state.ErrNotFound) {
			return nil, fmt.Errorf("read request %s: %w", list[i].ID, err)
		}
		list[i].Hint = hint(list[i].Status, scimTypeOf(whole.Answer), list[i].Shape)
	}
	return list, nil
}

// The parts of a request line that say nothing about anybody.
var (
	shapeParts  = []string{"Users", "Groups", "Bulk", "Schemas", "ResourceTypes", "ServiceProviderConfig", "Me", ".search"}
	shapeParams = []string{"filter", "startIndex", "count", "cursor", "attributes", "excludedAttributes", "sortBy", "sortOrder"}
)

// shapeOf is a request's path below the base, with "(id)" and "(…)" for whatever was its sender's to choose.
func shapeOf(target, base string) string {
	path, query, _ := strings.Cut(target, "?")
	below, inside := strings.CutPrefix(path, base)
	if !inside {
		return "(another address)"
	}
	var b strings.Builder
	for part := range strings.SplitSeq(strings.Trim(below, "/"), "/") {
		if slices.Contains(shapeParts, part) {
			b.WriteString("/" + part)
		} else if part != "" {
			b.WriteString("/(id)")
		}
	}
	values, _ := url.ParseQuery(query) // what can be read of it
	mark := "?"
	for _, name := range shapeParams {
		if values.Has(name) {
			b.WriteString(mark + name + "=(…)")
			mark = "&"
		}
	}
	if b.Len() == 0 {
		return "/"
	}
	return b.String()
}

// scimTypeOf reads the scimType of an error's body; "" if it has none.
func scimTypeOf(answer []byte) string {
	var e struct {
		SCIMType string `json:"scimType"`
	}
	if json.Unmarshal(answer, &e) != nil {
		return ""
	}
	return e.SCIMType
}
