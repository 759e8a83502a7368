package console

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"rollcall/sync/explain"
	"rollcall/sync/plan"
)

// sourceHealth is one source as lists show it.
type sourceHealth struct {
	explain.Health
	Condition explain.Condition
	Sentence  string
}

func (s *sourceHealth) Name() string     { return s.Scope.Source }
func (s *sourceHealth) Tenant() string   { return s.Scope.Tenant }
func (s *sourceHealth) Inactive() int    { return s.Total - s.Active }
func (s *sourceHealth) Unexplained() int { return s.Noticed[plan.Unexplained] }
func (s *sourceHealth) Conflicts() int   { return s.Noticed[plan.Conflict] + s.Noticed[plan.NameReused] }

// Shown is the state that the source is shown in. One that needs nobody and where something waits for a later run is not called in step.
func (s *sourceHealth) Shown() string {
	if s.Condition == explain.Healthy && explain.NoticedWords(s.Noticed) != "" {
		return "differing"
	}
	return string(s.Condition)
}

// healthTime is how long what was read of all sources may be shown again. An action of this console forgets it at once.
const healthTime = time.Second

// healths is what was read of all sources a moment ago, so that many viewers cost no more than one.
type healths struct {
	mu  sync.Mutex
	at  time.Time
	all []sourceHealth
}

func (h *healths) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = time.Time{}
}

// health returns how every source is, in the order of their names. The slice is shared: don't change it.
func (c *Console) health(ctx context.Context) ([]sourceHealth, error) {
	c.healths.mu.Lock()
	defer c.healths.mu.Unlock()
	now := c.Now()
	if age := now.Sub(c.healths.at); age >= 0 && age < healthTime {
		return c.healths.all, nil
	}
	var all []sourceHealth
	for _, source := range c.Sources() {
		one, err := c.readHealth(ctx, source, now)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b sourceHealth) int { return strings.Compare(a.Name(), b.Name()) })
	c.healths.at, c.healths.all = now, all
	return all, nil
}

func (c *Console) readHealth(ctx context.Context, source Source, now time.Time) (sourceHealth, error) {
	h, err := explain.ReadHealth(ctx, c.Store, source.Scope, source.Setup, now)
	if err != nil {
		return sourceHealth{}, fmt.Errorf("read how source %s is: %w", source.Scope.Source, err)
	}
	one := sourceHealth{Health: h}
	one.Condition, one.Sentence = h.Verdict(now)
	return one, nil
}

// source returns a source that is configured or recorded.
func (c *Console) source(name string) (Source, bool) {
	sources := c.Sources()
	i := slices.IndexFunc(sources, func(s Source) bool { return s.Scope.Source == name })
	if i < 0 {
		return Source{}, false
	}
	return sources[i], true
}

// urgency sorts what needs somebody: held plans first, then what fails, then what waits.
func (s *sourceHealth) urgency() int {
	switch {
	case s.Held.ID != "" || s.Staged > 0:
		return 0
	case s.Condition == explain.Failing:
		return 1
	case s.Condition == explain.Waiting:
		return 2
	}
	return 3
}

// needing returns the sources that need somebody, the most urgent first.
func needing(all []sourceHealth) []*sourceHealth {
	var some []*sourceHealth
	for i := range all {
		if all[i].urgency() < 3 {
			some = append(some, &all[i])
		}
	}
	slices.SortStableFunc(some, func(a, b *sourceHealth) int { return cmp.Compare(a.urgency(), b.urgency()) })
	return some
}

// Waits tells whether somebody has to decide about something of it.
func (s *sourceHealth) Waits() bool { return s.urgency() == 0 }

// Mark is the status of what needs somebody.
func (s *sourceHealth) Mark() string {
	switch {
	case s.Held.ID != "":
		return "held"
	case s.Staged > 0:
		return "staged"
	}
	return string(s.Condition)
}

// Tone is the tone of what needs somebody.
func (s *sourceHealth) Tone() string {
	if s.Condition == explain.Failing && s.urgency() > 0 {
		return "bad"
	}
	return "warn"
}

// Remedy is where what needs somebody is seen to, and what the link to it says.
func (s *sourceHealth) Remedy() link {
	switch {
	case s.Held.ID != "":
		return link{"/plans/" + s.Held.ID, "Review"}
	case s.Staged > 0:
		return link{"/plans/" + StagedPlan + s.Name(), "Review"}
	}
	return link{"/sources/" + s.Name(), "Look"}
}

// Need says why the source needs somebody.
func (s *sourceHealth) Need() string {
	switch {
	case s.Held.ID != "":
		return explain.AwaitingApproval(s.Held.Changes, s.Held.Removals)
	case s.Staged > 0:
		return explain.Plural(s.Staged, "pushed removal waits for a second witness or an approval", "pushed removals wait for a second witness or an approval")
	}
	return s.Sentence
}

// NeedSince is since when it waits; zero where that is not known.
func (s *sourceHealth) NeedSince() time.Time {
	if s.Held.ID != "" {
		return s.Held.CreatedAt
	}
	return s.StagedAt
}

// link is where something leads, and what it says.
type link struct{ URL, Text string }
