package statetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"rollcall/state"
)

// testErase leaves nothing of somebody's words anywhere, and everything about others.
func testErase(t *testing.T, f *fixture) {
	ada := `{"userName":"ada@acme.example","displayName":"Ada Acker","title":"Countess","emails":[{"value":"ada.acker@acme.example","type":"work"}]}`
	request := func(id, method, path, body string) *state.Request {
		return &state.Request{ID: id, Scope: here, At: f.clock.Now(), Method: method, Path: path, Status: 200, Body: []byte(body)}
	}
	f.try(t, state.Mutation{Kind: state.KindAccount, ID: "account-a", Put: &state.Put{Resource: parse(t, ada)}, Request: request("r1", "POST", "/Users", ada)})
	f.account(t, "account-b", "bob@acme.example")
	f.group(t, "g", "Team", "account-a", "account-b")
	f.life(t, "account-a", operator, state.Life{Said: new(false), Link: new("person-a")})
	for _, r := range []*state.Request{
		request("r2", "GET", "/Users?filter=userName%20eq%20%22Ada%40acme.example%22", ""),
		request("r3", "PATCH", "/Users/account-a", `{"title":"x"}`),
		request("r4", "GET", "/Users?filter=userName%20eq%20%22bob%40acme.example%22", `{"title":"Countess"}`),
	} {
		f.try(t, state.Mutation{Kind: state.KindAccount, ID: state.NewID(), Put: &state.Put{Resource: parse(t, `{"userName":"`+r.ID+`"}`)}, Request: r})
	}
	lease := f.lease(t, here, "one")
	if err := f.PutRun(t.Context(), lease.Epoch, state.Run{ID: "run", Scope: here, StartedAt: f.clock.Now(), Report: []byte(
		`{"changes":[{"account":"account-a","name":"Ada Acker","n":18446744073709551615},{"account":"account-b","name":"bob","title":"Countess"}]}`)}); err != nil {
		t.Fatal(err)
	}
	if err := f.HoldPlan(t.Context(), lease.Epoch, state.HeldPlan{ID: "plan", Scope: here, Body: []byte(`{"changes":[{"person":"person-a","fields":{"x":"Countess"}}]}`)}); err != nil {
		t.Fatal(err)
	}
	why := state.Cause{Kind: state.CauseOperator, Actor: "olga", Reason: "erased", Note: "asked for"}
	if err := f.Erase(t.Context(), here, "nobody", why); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("Erase(nobody) = %v", err)
	}
	if err := f.Erase(t.Context(), beside, "account-a", why); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("Erase from another source = %v", err)
	}
	f.life(t, "account-a", pushed, state.Life{Said: new(true)})
	before := f.entries(t)
	if err := f.Erase(t.Context(), here, "account-a", why); !errors.Is(err, state.ErrInForce) {
		t.Errorf("Erase of who came back = %v, want ErrInForce", err)
	}
	f.life(t, "account-a", pushed, state.Life{Said: new(false), Stage: true})
	if err := f.Erase(t.Context(), here, "account-a", why); !errors.Is(err, state.ErrInForce) {
		t.Errorf("Erase of who waits to be deactivated = %v, want ErrInForce", err)
	}
	if now := f.entries(t); len(now) != len(before)+1 || string(now[0].After) != string(before[0].After) {
		t.Errorf("a refused erasure leaves %+v", now[0])
	}
	f.life(t, "account-a", approved, state.Life{InForce: new(false)})
	for range 2 {
		if err := f.Erase(t.Context(), here, "account-a", why); err != nil {
			t.Fatalf("Erase: %v", err)
		}
		if err := CheckReplay(t.Context(), f, here); err != nil {
			t.Errorf("replay: %v", err)
		}
	}
	if _, err := f.Record(t.Context(), here, state.KindAccount, "account-a"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("it is still there: %v", err)
	}
	entries, err := f.EntriesOf(t.Context(), here, "account-a")
	if err != nil || len(entries) != 7 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	for i, e := range entries {
		text := string(e.Before) + string(e.After) + e.Name
		if strings.Contains(text, "Ada") || strings.Contains(text, "ada") || strings.Contains(text, "Countess") {
			t.Errorf("entry %d says %s", e.Number, text)
		}
		if wantNote := i >= 5; (e.Cause.Note != "") != wantNote || wantNote && (e.Verb != state.VerbPurge || e.Cause.Reason != "erased") {
			t.Errorf("entry %d: %s, note %q", e.Number, e.Verb, e.Cause.Note)
		}
	}
	for id, blank := range map[string]bool{"r1": true, "r2": true, "r3": true, "r4": false} {
		r, err := f.Request(t.Context(), id)
		if err != nil || (len(r.Body) == 0 && !strings.Contains(r.Path, "?")) != blank {
			t.Errorf("request %s: %q %q, %v", id, r.Path, r.Body, err)
		}
	}
	run, _ := f.Run(t.Context(), "run")
	if want := `{"changes":[{"account":"account-a","n":18446744073709551615,"name":"erased"},{"account":"account-b","name":"bob","title":"Countess"}]}`; string(run.Report) != want {
		t.Errorf("report %s, want %s", run.Report, want)
	}
	plan, _ := f.HeldPlan(t.Context(), "plan")
	if want := `{"changes":[{"fields":{"x":"erased"},"person":"person-a"}]}`; string(plan.Body) != want {
		t.Errorf("plan %s, want %s", plan.Body, want)
	}
	if f.record(t, state.KindAccount, "account-b").Name != "bob@acme.example" || len(f.members(t, "g")) != 1 {
		t.Error("somebody else was erased as well")
	}
}

// testEraseOfOld erases an account of whose making the journal is no longer kept.
func testEraseOfOld(t *testing.T, f *fixture) {
	f.account(t, "old", "ada@acme.example")
	f.life(t, "old", operator, state.Life{Said: new(false), Link: new("person-a")})
	f.group(t, "g", "Team", "old")
	f.clock.Advance(time.Hour)
	if _, err := f.Trim(t.Context(), f.clock.Now(), f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	lease := f.lease(t, here, "one")
	if err := f.PutRun(t.Context(), lease.Epoch, state.Run{ID: "run", Scope: here, StartedAt: f.clock.Now(), Report: []byte(`{"changes":[{"person":"person-a","name":"ada@acme.example"}]}`)}); err != nil {
		t.Fatal(err)
	}
	if err := f.Erase(t.Context(), here, "old", state.Cause{Kind: state.CauseOperator, Reason: "erased"}); err != nil {
		t.Fatalf("Erase: %v", err)
	}
	if run, err := f.Run(t.Context(), "run"); err != nil || string(run.Report) != `{"changes":[{"name":"erased","person":"person-a"}]}` {
		t.Errorf("the report says %s, %v", run.Report, err)
	}
	if err := CheckReplay(t.Context(), f, here); err != nil {
		t.Error(err)
	}
	for _, e := range f.entries(t) {
		if strings.Contains(string(e.Before)+string(e.After)+e.Name, "ada") {
			t.Errorf("entry %d says %s %s", e.Number, e.Before, e.After)
		}
	}
}

func testBlankTenant(t *testing.T, f *fixture) {
	f.account(t, "a", "ada@acme.example")
	f.group(t, "g", "Team", "a")
	f.try(t, state.Mutation{Scope: elsewhere, Kind: state.KindAccount, ID: "e", Put: &state.Put{Resource: parse(t, `{"userName":"eve@globex.example"}`)}})
	if err := f.BlankTenant(t.Context(), "acme"); !errors.Is(err, state.ErrVersion) {
		t.Errorf("with records left: %v", err)
	}
	if err := f.BlankTenant(t.Context(), "nobody"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("of nobody: %v", err)
	}
	for i := range 120 {
		f.try(t, state.Mutation{Kind: state.KindAccount, ID: "a", Put: &state.Put{Base: int64(i + 1), Resource: parse(t, fmt.Sprintf(`{"userName":"ada@acme.example","title":"T%d"}`, i))}})
	}
	f.life(t, "a", operator, state.Life{Remove: state.RemovePurge})
	f.write(t, state.Mutation{Kind: state.KindGroup, ID: "g", Life: &state.Life{Remove: state.RemovePurge}})
	if err := f.BlankTenant(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	for _, e := range f.entries(t) {
		if text := string(e.Before) + string(e.After) + e.Name; strings.Contains(text, "ada") || strings.Contains(text, "Team") || strings.Contains(text, `"T`) {
			t.Errorf("entry %d says %s", e.Number, text)
		}
	}
	if err := CheckReplay(t.Context(), f, here); err != nil {
		t.Error(err)
	}
	if r, err := f.Record(t.Context(), elsewhere, state.KindAccount, "e"); err != nil || r.Name != "eve@globex.example" {
		t.Errorf("another tenant's: %+v, %v", r, err)
	}
}
