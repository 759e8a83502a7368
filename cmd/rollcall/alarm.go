package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rollcall/scimapi"
	"rollcall/state"
)

// The conditions of a source that somebody is told of. docs/alarms.md describes them and the notice.
const (
	alarmHeld    = "held"            // a plan waits for an approval
	alarmStaged  = "staged"          // pushed removals wait
	alarmPushed  = "pushed_removals" // pushes removed more than the gate allows a pull, and nothing holds them
	alarmEmptied = "groups_emptied"  // a push took more members out of a group at once than the gate allows a pull
	alarmLost    = "source_lost"     // application or consent are gone at the provider
	alarmStale   = "source_stale"    // no pull for two periods of its schedule
	alarmExpires = "key_expiring"    // the last key ends within scimapi.KeyWarning
)

// notice is what is posted, once when a condition begins and once when it is over. It names no person.
type notice struct {
	ID     string    `json:"id"`    // the same for a repetition, after an answer that was lost
	Event  string    `json:"event"` // one of the conditions
	Phase  string    `json:"phase"` // "began" or "ended"
	Tenant string    `json:"tenant"`
	Source string    `json:"source"`
	Since  time.Time `json:"since"` // when the condition was first seen
	At     time.Time `json:"at"`    // when this was sent
	Count  int       `json:"count"` // of changes, removals or days that it is about; 0 when it ended
	Text   string    `json:"text"`  // one plain sentence

	Console string `json:"console,omitempty"` // the source's page, where console.public_url says how it is reached
}

// condition is what a source is in.
type condition struct {
	alarm state.Alarm
	count int
	text  string
}

// alarms watches the sources and tells of their conditions. What has been told is in the record: the difference is all there is to send,
// so that nothing queues up, and a restart repeats nothing. A condition that is over before anybody could be told is not told.
type alarms struct {
	rec    record
	pushes *pushAlarm
	groups *groupAlarm
	log    *slog.Logger
	now    func() time.Time
	wake   chan struct{}        // of capacity one
	since  map[string]time.Time // by source and condition: when it was first seen, so that a repetition is known as one
}

func newAlarms(rec record, m *metrics, log *slog.Logger, now func() time.Time) *alarms {
	return &alarms{
		rec: rec, log: log, now: now, wake: make(chan struct{}, 1), since: map[string]time.Time{},
		pushes: &pushAlarm{metrics: m, log: log, raised: map[string]bool{}},
		groups: &groupAlarm{rec: rec, metrics: m, log: log, now: now, watched: map[string]*watchedGroups{}},
	}
}

// look has the sources looked at soon. It never blocks.
func (a *alarms) look() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

const (
	alarmInterval = 15 * time.Second
	alarmPatience = 10 * time.Second // for one answer
	alarmBackoff  = 10 * time.Minute // at most, between two attempts
)

// run looks at intervals until the context is over, on the caller's goroutine. What cannot be delivered is tried again after ever longer
// times; nobody waits for it.
func (a *alarms) run(ctx context.Context, current func() *generation) error {
	failures := 0
	for {
		err := a.check(ctx, current())
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			failures = 0
		default:
			if failures == 0 {
				a.log.Warn("alarms are not told; they are tried again", logError, err)
			}
			failures++
		}
		wait := time.NewTimer(min(alarmInterval<<min(failures, 10), alarmBackoff))
		wake := a.wake
		if failures > 0 {
			wake = nil // nothing hurries a receiver that does not answer
		}
		select {
		case <-ctx.Done():
		case <-wait.C:
		case <-wake:
		}
		wait.Stop()
	}
}

// check looks at every source once and tells what is new. Its error is the first of a source that could not be looked at, or of a
// notice that was not taken: the ones after that wait for the next time.
func (a *alarms) check(ctx context.Context, g *generation) error {
	begun := map[string]condition{}
	unknown := map[string]bool{} // sources that could not be looked at: nothing of theirs is over
	var failed error
	for i := range g.cfg.Sources {
		src := &g.cfg.Sources[i]
		found, err := a.conditions(ctx, g, src)
		if err != nil {
			unknown[src.Name], failed = true, errors.Join(failed, err)
		}
		for _, c := range found {
			key := alarmKey(c.alarm)
			if first, seen := a.since[key]; seen {
				c.alarm.Since = first
			}
			a.since[key], begun[key] = c.alarm.Since, c
		}
	}
	maps.DeleteFunc(a.since, func(key string, _ time.Time) bool { _, still := begun[key]; return !still })
	if g.alarmURL == "" || ctx.Err() != nil {
		return failed
	}
	told, err := a.rec.Alarms(ctx)
	if err != nil {
		return errors.Join(failed, fmt.Errorf("read what has been told: %w", err))
	}
	for _, t := range told {
		if _, still := begun[alarmKey(t)]; still || unknown[t.Scope.Source] {
			delete(begun, alarmKey(t))
			continue
		}
		if err := a.tell(ctx, g, condition{alarm: t, text: "It is over."}, "ended"); err != nil {
			return errors.Join(failed, err)
		}
		if err := a.rec.DropAlarm(ctx, t); err != nil {
			return errors.Join(failed, err)
		}
	}
	for _, c := range begun {
		if err := a.tell(ctx, g, c, "began"); err != nil {
			return errors.Join(failed, err)
		}
		if err := a.rec.PutAlarm(ctx, c.alarm); err != nil {
			return errors.Join(failed, err)
		}
	}
	return failed
}

func alarmKey(a state.Alarm) string { return a.Scope.Source + " " + a.Condition }

// conditions reads what a source is in.
func (a *alarms) conditions(ctx context.Context, g *generation, src *sourceConfig) (all []condition, err error) {
	now := a.now()
	sums, err := a.rec.Ledger(ctx, src.scope(), now.Add(-state.GateWindow))
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", src.Name, err)
	}
	over := a.pushes.check(ctx, src, sums)
	emptied, err := a.groups.check(ctx, src)
	if err != nil {
		return nil, err
	}
	if g.alarmURL == "" {
		return nil, nil // the metrics and the log are all there is to tell
	}
	h, err := health(ctx, a.rec, src.scope(), src, g.whyNot(src), now)
	if err != nil {
		return nil, err
	}
	waiting := 0
	if err := a.rec.Staged(ctx, src.scope(), func(state.Record) bool { waiting++; return true }); err != nil {
		return nil, fmt.Errorf("source %s: %w", src.Name, err)
	}
	end := h.KeysEnd(now)
	for _, c := range []struct {
		is        bool
		condition string
		count     int
		text      string
	}{
		{h.Held.ID != "", alarmHeld, h.Held.Changes, fmt.Sprintf("A plan awaits approval: 'rollcall plans show %s'.", h.Held.ID)},
		{waiting > 0, alarmStaged, waiting, fmt.Sprintf("Pushed removals wait: 'rollcall plans show %s%s'.", stagedPlan, src.Name)},
		{over, alarmPushed, sums.Pushed, "Pushes of 24 hours removed more people than the gate allows: 'rollcall users list --inactive'."},
		{emptied.members > 0, alarmEmptied, emptied.members, fmt.Sprintf("A push took many members out of a group at once: 'rollcall undo --since %s --source %s --pushes --dry-run'.",
			emptied.since.UTC().Format(time.RFC3339), src.Name)},
		{h.Lost, alarmLost, 0, "The application or the consent to read it is gone at the provider. Nobody is removed for that."},
		{h.Pulls && h.Overdue(now), alarmStale, 0, "Two scheduled pulls were missed."},
		{!end.IsZero() && end.Sub(now) < scimapi.KeyWarning, alarmExpires, int(end.Sub(now).Hours() / 24), fmt.Sprintf("The last key expires soon: 'rollcall keys issue --source %s'.", src.Name)},
	} {
		if c.is {
			all = append(all, condition{state.Alarm{Scope: src.scope(), Condition: c.condition, Since: now.UTC()}, c.count, c.text})
		}
	}
	return all, nil
}

// tell posts one notice. Whatever is not answered with a 2xx is an error.
func (a *alarms) tell(ctx context.Context, g *generation, c condition, phase string) error {
	since := c.alarm.Since.UTC().Truncate(time.Millisecond)
	page := ""
	if g.cfg.ConsoleListen != "" && g.cfg.ConsoleURL != "" {
		page = strings.TrimSuffix(g.cfg.ConsoleURL, "/") + "/sources/" + c.alarm.Scope.Source
	}
	body, err := json.Marshal(notice{
		ID:    fmt.Sprintf("%s/%s/%s/%d", c.alarm.Scope.Source, c.alarm.Condition, phase, since.UnixMilli()),
		Event: c.alarm.Condition, Phase: phase, Tenant: c.alarm.Scope.Tenant, Source: c.alarm.Scope.Source, Since: since, At: a.now().UTC(), Count: c.count, Text: c.text, Console: page,
	})
	if err != nil {
		return fmt.Errorf("write an alarm: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, alarmPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.alarmURL, bytes.NewReader(body))
	if err != nil {
		return errors.New("post an alarm: alarm.url is no URL")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "rollcall/"+programVersion())
	resp, err := g.alarmClient.Do(req)
	if err != nil {
		return fmt.Errorf("post an alarm: %w", unaddressed(err))
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("post an alarm: the receiver answers %d", resp.StatusCode)
	}
	a.log.Info("alarm told", logSource, c.alarm.Scope.Source, logCondition, c.alarm.Condition, logPhase, phase)
	return nil
}

// unaddressed is an error of a request without its URL, which often holds a key.
func unaddressed(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

// alarmURL reads where alarms are posted; "" for nowhere. Errors are a fault with its place.
func (c *config) alarmURL(env lookupEnv) (string, error) {
	if c.AlarmURL == (secret{}) {
		return "", nil
	}
	text, err := c.AlarmURL.read(env)
	if err == nil {
		if u, wrong := url.Parse(text); wrong != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			err = errors.New("does not lead to a URL of the form https://host/path")
		}
	}
	if err == nil {
		return text, nil
	}
	at := c.main.position("alarm.url")
	return "", fault{File: c.main.file, Line: at.Line, Column: at.Column, Path: "alarm.url", What: err.Error()}
}

// newAlarmClient makes what posts alarms. A redirect is no delivery.
func newAlarmClient(transport http.RoundTripper) *http.Client {
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}
