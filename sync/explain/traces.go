package explain

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/sync/plan"
)

// traces is everything that is kept of somebody beside the record, the newest first.
type traces struct {
	entries     []state.Entry // of the account
	memberships []state.Entry // of groups, about joining and leaving
	requests    map[string]state.Request
	failed      []state.Request
	runs        []runTrace
	plans       []planTrace
	open        []state.Suspicion
	more        bool // there is older
}

// runTrace is what one run had to say about somebody.
type runTrace struct {
	state.Run
	changes []RunChange
	notices []plan.Notice
}

// planTrace is what a held plan has about somebody.
type planTrace struct {
	state.HeldPlan
	changes []plan.Change
}

// keptFailures is how many failed requests of a source are looked through; the receiver keeps about as many.
const keptFailures = 1000

// readTraces reads at most limit of each kind; 0 = all.
func readTraces(ctx context.Context, reader Reader, s *Subject, limit int) (*traces, error) {
	t := &traces{requests: make(map[string]state.Request)}
	for _, read := range []func(context.Context, Reader, *Subject, int) error{t.readJournal, t.readRequests, t.readRuns, t.readPlans} {
		if err := read(ctx, reader, s, limit); err != nil {
			return nil, err
		}
	}
	people := slices.DeleteFunc([]string{s.Person, string(s.Account)}, func(id string) bool { return id == "" }) // of an account that nobody explains it is its own id
	var err error
	if t.open, err = reader.SuspicionsOf(ctx, s.Scope, people); err != nil {
		return nil, fmt.Errorf("read the suspicions: %w", err)
	}
	return t, nil
}

// some cuts a list that was read with one more than wanted.
func some[T any](t *traces, list []T, limit int) []T {
	if limit > 0 && len(list) > limit {
		t.more = true
		return list[:limit]
	}
	return list
}

// oneMore is a limit that shows whether there is more.
func oneMore(limit int) int {
	if limit > 0 {
		return limit + 1
	}
	return 0
}

func (t *traces) readJournal(ctx context.Context, reader Reader, s *Subject, limit int) error {
	if s.Account == "" {
		return nil
	}
	entries, err := reader.LastEntries(ctx, s.Scope, s.Account, oneMore(limit))
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	t.entries = some(t, entries, limit)
	if entries, err = reader.MembershipEntries(ctx, s.Scope, s.Account, oneMore(limit)); err != nil {
		return fmt.Errorf("read the journal of groups: %w", err)
	}
	t.memberships = some(t, entries, limit)
	return nil
}

// readRequests reads the requests behind the journal and the failed ones that are about the subject.
func (t *traces) readRequests(ctx context.Context, reader Reader, s *Subject, limit int) error {
	if err := t.readBehind(ctx, reader); err != nil {
		return err
	}
	failed, err := reader.FailedRequests(ctx, s.Scope, keptFailures)
	if err != nil {
		return fmt.Errorf("read the failed requests: %w", err)
	}
	t.failed = some(t, slices.DeleteFunc(failed, func(r state.Request) bool { return !s.asked(&r) }), limit)
	return nil
}

// readBehind reads the requests behind the journal.
func (t *traces) readBehind(ctx context.Context, reader Reader) error {
	for _, e := range slices.Concat(t.entries, t.memberships) {
		if _, known := t.requests[e.Request]; known || e.Request == "" {
			continue
		}
		request, err := reader.Request(ctx, e.Request)
		switch {
		case isNotFound(err): // kept for a shorter time than the entry
		case err != nil:
			return fmt.Errorf("read the request behind entry %d: %w", e.Number, err)
		default:
			t.requests[e.Request] = request
		}
	}
	return nil
}

// asked tells whether a request is about the subject: it names their account, wants to make it, or searches for it by name.
func (s *Subject) asked(r *state.Request) bool {
	place, query, _ := strings.Cut(r.Path, "?")
	if _, id, named := resourceOf(place); named {
		return s.Account != "" && id == s.Account || s.Account == "" && string(id) == s.Name
	}
	if !strings.HasSuffix(strings.TrimRight(place, "/"), "/Users") {
		return false
	}
	names := s.names()
	if body := Resource(r.Body); body.Kind == scim.Object {
		return slices.ContainsFunc(names, func(name string) bool { return answers(body, name) })
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return false
	}
	filter := scim.Fold(values.Get("filter"))
	return slices.ContainsFunc(names, func(name string) bool { return strings.Contains(filter, `"`+scim.Fold(name)+`"`) })
}

// names are what the subject may be called in a request.
func (s *Subject) names() []string {
	names := []string{s.Name, s.Person}
	resource := Resource(s.Record.Resource)
	names = append(names, resource.Get("externalId").Text)
	for _, email := range resource.Get("emails").List {
		names = append(names, email.Get("value").Text)
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

func (t *traces) readRuns(ctx context.Context, reader Reader, s *Subject, limit int) error {
	runs, err := reader.RunsNaming(ctx, s.Scope, s.texts(), oneMore(limit))
	if err != nil {
		return fmt.Errorf("read the runs: %w", err)
	}
	for _, run := range some(t, runs, limit) {
		r, err := ReadReport(&run)
		if err != nil {
			return err
		}
		trace := runTrace{Run: run}
		for _, c := range r.Changes {
			if own, about := s.own(&c.Change); about {
				c.Change = own
				trace.changes = append(trace.changes, c)
			}
		}
		for _, n := range r.Notices {
			if s.is(n.Account, n.Person, n.Name) || n.Account == "" && n.Group == "" && s.is("", n.Person, "") {
				trace.notices = append(trace.notices, n)
			}
		}
		if len(trace.changes)+len(trace.notices) > 0 {
			t.runs = append(t.runs, trace)
		}
	}
	return nil
}

// own returns the part of a change that is about the subject: of memberships, theirs alone.
func (s *Subject) own(c *plan.Change) (plan.Change, bool) {
	if c.Group == nil {
		return *c, s.is(c.Account, c.Person, c.Name)
	}
	for _, m := range c.Group.Members {
		if s.is(m.Account, m.Person, m.Name) {
			own, group := *c, *c.Group
			group.Members, group.LeftOut = []plan.Member{m}, 0
			own.Group = &group
			return own, true
		}
	}
	return plan.Change{}, false
}

func (t *traces) readPlans(ctx context.Context, reader Reader, s *Subject, limit int) error {
	plans, err := reader.PlansNaming(ctx, s.Scope, s.texts(), oneMore(limit))
	if err != nil {
		return fmt.Errorf("read the plans: %w", err)
	}
	for _, held := range some(t, plans, limit) {
		p, err := plan.Decode(held.Body)
		if err != nil {
			continue // another format: what it held cannot be told
		}
		trace := planTrace{HeldPlan: held}
		for i := range p.Changes {
			if own, about := s.own(&p.Changes[i]); about {
				trace.changes = append(trace.changes, own)
			}
		}
		if len(trace.changes) > 0 {
			t.plans = append(t.plans, trace)
		}
	}
	return nil
}

// person is the object id that runs and plans know the subject by, or "".
func (t *traces) person() string {
	for _, r := range t.runs {
		for _, c := range r.changes {
			if c.Group == nil {
				return c.Person
			}
		}
		for _, n := range r.notices {
			if n.Person != "" {
				return n.Person
			}
		}
	}
	for _, p := range t.plans {
		for _, c := range p.changes {
			if c.Group == nil {
				return c.Person
			}
		}
	}
	return ""
}

// witnesses are those of the change that a run or, with somebody's approval, a plan made.
func (t *traces) witnesses(cause state.Cause) []plan.Witness {
	for _, p := range t.plans {
		if cause.Kind == state.CauseApproval && p.Run == cause.Run {
			return accountChange(p.changes).Witnesses
		}
	}
	for _, r := range t.runs {
		if r.ID != cause.Run {
			continue
		}
		for _, c := range r.changes {
			if c.Group == nil && cmp.Or(cause.Reason, string(c.Reason)) == string(c.Reason) {
				return c.Witnesses
			}
		}
	}
	return nil
}

// accountChange is the change, among somebody's, that is about their account; zero without one.
func accountChange(changes []plan.Change) plan.Change {
	for _, c := range changes {
		if c.Group == nil {
			return c
		}
	}
	return plan.Change{}
}
