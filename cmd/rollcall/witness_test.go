package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"rollcall/connectors/idpsim"
	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/state/sqlite"
	"rollcall/state/statetest"
	dirsync "rollcall/sync"
	"rollcall/sync/mapping"
)

// TestPushHold: what waits is in force when its time is over, a DELETE as a deletion, and not a moment earlier; a protected account waits
// for somebody's word however long, and what was taken back or pinned meanwhile stays as it is.
func TestPushHold(t *testing.T) {
	cfg, err := loadText(t, `sources:
  - {name: acme, tenant: acme, kind: entra, removal: {push_gate: hold, push_hold: 2h, protect: [owner]}}
`)
	if err != nil {
		t.Fatal(err)
	}
	src := &cfg.Sources[0]
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	rec, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "rollcall.db"), sqlite.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	if _, err := ensureSource(t.Context(), rec, src); err != nil {
		t.Fatal(err)
	}
	write := func(id state.ID, reason string, m state.Mutation) {
		t.Helper()
		m.Scope, m.Kind, m.ID = src.scope(), state.KindAccount, id
		m.Cause = state.Cause{Kind: state.CausePush, Actor: "key-1", Reason: reason}
		if m.Life != nil && m.Life.Pinned != nil {
			m.Cause.Kind = state.CauseOperator
		}
		results, err := rec.Write(state.Urgent, []state.Mutation{m})
		if err != nil || results[0].Err != nil {
			t.Fatal(id, err, results)
		}
	}
	put := func(id state.ID, title string, base int64) state.Mutation {
		return state.Mutation{Put: &state.Put{Base: base, Resource: scim.ObjectOf(
			scim.Field{Name: "userName", Value: scim.StringValue(string(id))}, scim.Field{Name: "title", Value: scim.StringValue(title)})}}
	}
	stage := state.Mutation{Life: &state.Life{Said: new(false), Stage: true}}
	for _, id := range []state.ID{"inactive", "deleted", "both", "owner", "back", "pinned", "late"} {
		write(id, "", put(id, "", 0))
		switch id {
		case "late":
		case "deleted":
			write(id, state.ReasonDelete, state.Mutation{Life: &state.Life{Said: new(false), Stage: true, Deletes: true}})
		default:
			write(id, "", stage)
		}
	}
	write("inactive", "", put("inactive", "changed while it waits", 2)) // which does not make it wait longer
	write("back", "", state.Mutation{Life: &state.Life{Said: new(true)}})
	write("pinned", "", state.Mutation{Life: &state.Life{InForce: new(true), Pinned: new(true)}})
	now = now.Add(time.Hour)
	write("late", "", stage)
	write("both", state.ReasonDelete, state.Mutation{Life: &state.Life{Said: new(false), Stage: true, Deletes: true}}) // a word of its own: its wait begins now

	w := newWitnesses(rec, slog.New(slog.DiscardHandler), func() time.Time { return now })
	attend := func(again time.Time, want map[state.ID]string) {
		t.Helper()
		next, err := w.attend(t.Context(), &generation{cfg: cfg}, src)
		if err != nil || !next.Equal(again) {
			t.Errorf("again at %s, %v; want %s", next, err, again)
		}
		for id, is := range want {
			r, err := rec.Record(t.Context(), src.scope(), state.KindAccount, id)
			got := "deleted"
			if err == nil {
				got = newUserView(src.scope(), r).state()
			}
			if got != is {
				t.Errorf("%s is %s, want %s", id, got, is)
			}
		}
	}
	now = now.Add(time.Hour - time.Second)
	attend(now.Add(time.Second), map[state.ID]string{"inactive": "active (staged)", "deleted": "active (staged)", "owner": "active (staged)"})
	now = now.Add(time.Second)
	attend(now.Add(witnessInterval), map[state.ID]string{
		"inactive": "inactive", "deleted": "deleted", "owner": "active (staged)", "back": "active", "pinned": "active (pinned)", "late": "active (staged)",
		"both": "active (staged)",
	})
	now = now.Add(1000 * time.Hour)
	attend(now.Add(witnessInterval), map[state.ID]string{"owner": "active (staged)", "late": "inactive", "both": "deleted"})

	entries, err := rec.EntriesOf(t.Context(), src.scope(), "inactive")
	last := entries[len(entries)-1]
	if err != nil || last.Verb != state.VerbDeactivate || last.Cause != (state.Cause{Kind: state.CausePush, Actor: "key-1", Reason: "push_held"}) {
		t.Errorf("the journal says %+v, %v", last, err)
	}
}

// TestPushHoldContradicted: a pushed removal, a DELETE the more so, whose time is over stays out of force as long as the source says that
// the person should have access, and comes into force when it says something else.
func TestPushHoldContradicted(t *testing.T) {
	story := newGroupStory(t, "entra")
	cfg, err := loadText(t, `sources:
  - {name: acme-entra, tenant: acme, kind: entra, removal: {push_gate: hold, push_hold: 2h}}
`)
	if err != nil {
		t.Fatal(err)
	}
	src := &cfg.Sources[0]
	name := story.who(0, 0)
	account := func() (found state.Record, there bool) {
		records, err := story.store.Find(t.Context(), src.scope(), state.KindAccount, state.NewMatchKey(state.MatchUserName, name))
		if err != nil {
			t.Fatal(err)
		}
		if len(records) > 0 {
			return records[0], true
		}
		return found, false
	}
	before, _ := account()
	results, err := story.store.Write(state.Urgent, []state.Mutation{{
		Scope: src.scope(), Kind: state.KindAccount, ID: before.ID, Life: &state.Life{Said: new(false), Stage: true, Deletes: true},
		Cause: state.Cause{Kind: state.CausePush, Actor: "key-1", Reason: state.ReasonDelete},
	}})
	if err != nil || results[0].Err != nil {
		t.Fatal(err, results)
	}
	w := newWitnesses(story.store, slog.New(slog.DiscardHandler), story.clock)
	g := &generation{cfg: cfg, engine: story.engine, runnable: map[string]dirsync.Source{src.Name: story.source}}
	attend := func() {
		t.Helper()
		if _, err := w.attend(t.Context(), g, src); err != nil {
			t.Fatal(err)
		}
	}
	for range 5 {
		story.hour()
		attend()
		if now, there := account(); !there || !now.InForce || !now.Staged {
			t.Fatalf("at %s the account is there: %v, in force: %v, staged: %v; the source says that the person should have it",
				story.clock(), there, now.InForce, now.Staged)
		}
	}
	story.do(idpsim.Step{Do: "disable", Who: name})
	story.hour()
	attend()
	if now, there := account(); there {
		t.Errorf("the source has confirmed the DELETE, and the account is still there: %+v", now)
	}
}

// TestPushHoldContradictedBesideAMishap: that the source says of somebody that they should have access counts also where a part of the mapping
// cannot be evaluated on them, or where it has no word on who is active and something else is to be changed first.
func TestPushHoldContradictedBesideAMishap(t *testing.T) {
	cfg, err := loadText(t, `sources:
  - {name: acme-entra, tenant: acme, kind: entra, removal: {push_gate: hold, push_hold: 2h}}
`)
	if err != nil {
		t.Fatal(err)
	}
	src := &cfg.Sources[0]
	title := mapping.Row{Target: "title", Source: `FormatDateTime([extensionAttribute1], , "yyyy-MM-dd", "yyyy")`, Apply: mapping.Always}
	nickname := mapping.Row{Target: "nickName", Source: "[extensionAttribute1]", Apply: mapping.Always}
	unspoken := slices.DeleteFunc(mapping.Default("entra"), func(r mapping.Row) bool { return r.Target == "active" })
	for name, rows := range map[string][]mapping.Row{
		"a value that cannot be evaluated": append(mapping.Default("entra"), title),
		"no word on active, and drift":     append(unspoken, nickname),
	} {
		t.Run(name, func(t *testing.T) {
			story := newGroupStory(t, "entra")
			who := story.who(0, 0)
			if story.source.Mapping, err = mapping.Compile(rows); err != nil {
				t.Fatal(err)
			}
			story.source.Policy = dirsync.PolicyReport // nothing is changed but by pushes, and time
			story.do(idpsim.Step{Do: "set", Who: who, Attribute: "extensionAttribute1", Value: "gone fishing"})
			find := func() state.Record {
				t.Helper()
				found, err := story.store.Find(t.Context(), src.scope(), state.KindAccount, state.NewMatchKey(state.MatchUserName, who))
				if err != nil || len(found) != 1 {
					t.Fatal(found, err)
				}
				return found[0]
			}
			results, err := story.store.Write(state.Urgent, []state.Mutation{{
				Scope: src.scope(), Kind: state.KindAccount, ID: find().ID, Life: &state.Life{Said: new(false), Stage: true},
				Cause: state.Cause{Kind: state.CausePush, Actor: "key-1"},
			}})
			if err != nil || results[0].Err != nil {
				t.Fatal(err, results)
			}
			w := newWitnesses(story.store, slog.New(slog.DiscardHandler), story.clock)
			g := &generation{cfg: cfg, engine: story.engine, runnable: map[string]dirsync.Source{src.Name: story.source}}
			for range 4 {
				story.hour()
				if _, err := w.attend(t.Context(), g, src); err != nil {
					t.Fatal(err)
				}
				if now := find(); !now.InForce || !now.Staged {
					t.Fatalf("in force: %v, staged: %v; the source says that the person should have it", now.InForce, now.Staged)
				}
			}
			story.do(idpsim.Step{Do: "disable", Who: who})
			story.hour()
			if _, err := w.attend(t.Context(), g, src); err != nil {
				t.Fatal(err)
			}
			if now := find(); now.InForce {
				t.Error("the source says no longer that the person should have it, and the time is over")
			}
		})
	}
}

// mortal is a record whose calls fail as planned.
type mortal struct {
	statetest.Store
	file *sqlite.Store
}

func (m mortal) Backup(ctx context.Context, path string) error { return m.file.Backup(ctx, path) }
func (m mortal) Health(ctx context.Context) error              { return m.file.Health(ctx) }
func (m mortal) Close() error                                  { return nil }

// TestConfirmedDeleteSurvivesACrash: wherever a process is killed while it looks somebody up whose DELETE waits, the account is either gone
// or waits as before, and the next look completes the DELETE.
func TestConfirmedDeleteSurvivesACrash(t *testing.T) {
	cfg, err := loadText(t, `sources:
  - {name: acme-entra, tenant: acme, kind: entra, removal: {push_gate: hold, push_hold: 700h}}
`)
	if err != nil {
		t.Fatal(err)
	}
	src := &cfg.Sources[0]
	for when, done := range map[string]int{"before a call": 0, "after a call": 1} {
		t.Run(when, func(t *testing.T) {
			story := newGroupStory(t, "entra")
			var ids []state.ID
			if err := story.store.Scan(t.Context(), src.scope(), state.KindAccount, 0, 0, 0, func(r state.Record) bool {
				if r.InForce {
					ids = append(ids, r.ID)
				}
				return true
			}); err != nil {
				t.Fatal(err)
			}
			attend := func(rec record) {
				engine := &dirsync.Engine{Store: rec, Now: story.clock, Holder: "test"}
				w := newWitnesses(rec, slog.New(slog.DiscardHandler), story.clock)
				_, _ = w.attend(t.Context(), &generation{cfg: cfg, engine: engine, runnable: map[string]dirsync.Source{src.Name: story.source}}, src)
			}
			for calls, crashed := 0, true; crashed; calls++ {
				if calls == len(ids) {
					t.Fatalf("more than %d calls", calls)
				}
				id := ids[calls]
				rec, err := story.store.Record(t.Context(), src.scope(), state.KindAccount, id)
				if err != nil {
					t.Fatal(err)
				}
				story.do(idpsim.Step{Do: "disable", Who: newUserView(src.scope(), rec).UserName})
				results, err := story.store.Write(state.Urgent, []state.Mutation{{
					Scope: src.scope(), Kind: state.KindAccount, ID: id, Life: &state.Life{Said: new(false), Stage: true, Deletes: true},
					Cause: state.Cause{Kind: state.CausePush, Actor: "key-1", Reason: state.ReasonDelete},
				}})
				if err != nil || results[0].Err != nil {
					t.Fatal(err, results)
				}
				var mu sync.Mutex
				made := 0
				crashed = false
				attend(mortal{file: story.store, Store: statetest.Faulty(story.store, func(statetest.Call) *statetest.Fault {
					mu.Lock()
					defer mu.Unlock()
					if made++; made <= calls {
						return nil
					}
					first := !crashed
					if crashed = true; first {
						return &statetest.Fault{Err: state.ErrClosed, Done: done}
					}
					return &statetest.Fault{Err: state.ErrClosed}
				})})
				if now, err := story.store.Record(t.Context(), src.scope(), state.KindAccount, id); err == nil && (!now.InForce || !now.Deletes) {
					t.Errorf("killed at call %d: said %v, in force %v, staged %v, a DELETE %v", calls, now.Said, now.InForce, now.Staged, now.Deletes)
				}
				story.hour()
				attend(story.store)
				if now, err := story.store.Record(t.Context(), src.scope(), state.KindAccount, id); !errors.Is(err, state.ErrNotFound) {
					t.Errorf("killed at call %d, looked up again: %+v, %v", calls, now, err)
				}
			}
		})
	}
}

// TestUndoOfAConfirmedDelete: to take the confirmation back makes the DELETE wait again, and as a DELETE.
func TestUndoOfAConfirmedDelete(t *testing.T) {
	story := newGroupStory(t, "entra")
	scope, name := story.source.Scope, story.who(0, 0)
	find := func() (found []state.Record) {
		t.Helper()
		found, err := story.store.Find(t.Context(), scope, state.KindAccount, state.NewMatchKey(state.MatchUserName, name))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	before := find()[0]
	results, err := story.store.Write(state.Urgent, []state.Mutation{{
		Scope: scope, Kind: state.KindAccount, ID: before.ID, Life: &state.Life{Said: new(false), Stage: true, Deletes: true},
		Cause: state.Cause{Kind: state.CausePush, Actor: "key-1", Reason: state.ReasonDelete},
	}})
	if err != nil || results[0].Err != nil {
		t.Fatal(err, results)
	}
	story.hour()
	confirmed := story.clock()
	story.do(idpsim.Step{Do: "disable", Who: name})
	story.run()
	if found := find(); len(found) != 0 {
		t.Fatalf("a pull has confirmed the DELETE, and there is %+v", found)
	}
	story.hour()
	report, err := story.engine.Undo(t.Context(), story.source, dirsync.Undo{Since: confirmed}, dirsync.Order{Actor: "olga"})
	found := find()
	if err != nil || report.Run.Outcome != dirsync.OutcomeApplied || len(found) != 1 {
		t.Fatalf("undone: %s %s, %v, %+v", report.Run.Outcome, report.Run.Reason, err, found)
	}
	if r := found[0]; r.ID != before.ID || !r.InForce || !r.Staged || !r.Deletes || r.Said {
		t.Errorf("the confirmation is undone: said %v, in force %v, staged %v, a DELETE %v", r.Said, r.InForce, r.Staged, r.Deletes)
	}

	w := newWitnesses(story.store, slog.New(slog.DiscardHandler), story.clock)
	if err := w.outwait(staging{scope: scope, record: found[0]}); err != nil {
		t.Fatal(err)
	}
	if found := find(); len(found) != 0 {
		t.Fatalf("it has waited again, and there is %+v", found)
	}
}
