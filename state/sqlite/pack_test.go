package sqlite_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"rollcall/state"
	"rollcall/state/sqlite"
)

func leased(t testing.TB, store *sqlite.Store) state.Lease {
	t.Helper()
	if _, err := store.EnsureSource(t.Context(), scope, "okta"); err != nil {
		t.Fatal(err)
	}
	lease, err := store.AcquireLease(t.Context(), scope, "test", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return lease
}

func benchPerson(i int) string { return fmt.Sprintf("5d1c7a40-52b1-4f0b-9d7e-%012d", i) }

// longPlan is the body of a plan of so many changes, as plans are.
func longPlan(changes int) []byte {
	body := []byte(`{"format":1,"changes":[`)
	for i := range changes {
		if i > 0 {
			body = append(body, ',')
		}
		body = fmt.Appendf(body, `{"action":"create","person":"%s","name":"person.%06d@acme.example","reason":"missing",`+
			`"witnesses":[{"fact":"missing","how":"pull","run":"0198c1d2-0000-7000-8000-000000000000","at":"2026-03-01T12:00:00Z"}],`+
			`"fields":[{"path":"userName","before":null,"after":"person.%06d@acme.example"},{"path":"active","before":null,"after":true}]}`, benchPerson(i), i, i)
	}
	return append(body, `]}`...)
}

// TestPlansAreKeptPacked: a long plan takes little room, reads as it was written, is found by what is in it, and is blanked.
func TestPlansAreKeptPacked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	store, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	lease := leased(t, store)
	person := accountID(7)
	made := creation(t, 7)
	made.Life = &state.Life{Said: new(false)}
	if results, err := store.Write(state.Urgent, []state.Mutation{made}); err != nil || results[0].Err != nil {
		t.Fatal(err, results)
	}
	long := bytes.Replace(longPlan(1000), []byte(benchPerson(500)), []byte(person), 1)
	long = bytes.ReplaceAll(long, []byte("person.000500@"), []byte("person.7@"))
	odd := []byte{0x1f, 0x8b, 1, 2, 3} // begins as what is packed does
	for id, body := range map[string][]byte{"long": long, "short": []byte(`{}`), "odd": odd, "none": nil} {
		if err := store.HoldPlan(t.Context(), lease.Epoch, state.HeldPlan{ID: id, Scope: scope, CreatedAt: time.Now(), Body: body}); err != nil {
			t.Fatal(err)
		}
		if got, err := store.HeldPlan(t.Context(), id); err != nil || !bytes.Equal(got.Body, body) {
			t.Errorf("%s reads as %d bytes, %v; want %d", id, len(got.Body), err, len(body))
		}
	}
	listed, err := store.ListPlans(t.Context(), scope, 0)
	if err != nil || len(listed) != 4 {
		t.Fatal(len(listed), err)
	}
	for _, p := range listed {
		if p.ID == "long" && !bytes.Equal(p.Body, long) {
			t.Error("listed, the long one is another")
		}
	}
	found, err := store.PlansNaming(t.Context(), scope, []string{string(person)}, 0)
	if err != nil || len(found) != 1 || !bytes.Equal(found[0].Body, long) {
		t.Errorf("%d plans name the person, %v", len(found), err)
	}
	if kept := bodySize(t, path, "long"); kept == 0 || kept > len(long)/5 {
		t.Errorf("%d bytes are kept in %d", len(long), kept)
	}
	if err := store.Erase(t.Context(), scope, person, state.Cause{Kind: state.CauseOperator, Actor: "ops"}); err != nil {
		t.Fatal(err)
	}
	blanked, err := store.HeldPlan(t.Context(), "long")
	if err != nil || bytes.Contains(blanked.Body, []byte("person.7@")) || len(blanked.Body) < len(long)/2 || bodySize(t, path, "long") > len(long)/5 {
		t.Errorf("after an erasure %d bytes are left, packed in %d, %v", len(blanked.Body), bodySize(t, path, "long"), err)
	}
	execute(t, path, `UPDATE plans SET body = x'1f8b00' WHERE id = 'long'`)
	if _, err := store.HeldPlan(t.Context(), "long"); err == nil {
		t.Error("a body that is damaged is read")
	}
	if _, err := store.PlansNaming(t.Context(), scope, []string{"x"}, 0); err == nil {
		t.Error("a body that is damaged names nobody")
	}
}

func bodySize(t *testing.T, path, id string) (n int) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(`SELECT length(body) FROM plans WHERE id = ?`, id).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// BenchmarkHeldPlan measures keeping, reading and deciding on a plan of 100,000 changes. The limit of each is that the receiver must not
// be made to wait: 10 ms under the lock, which deciding takes whole and keeping but for the packing.
func BenchmarkHeldPlan(b *testing.B) {
	store, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "rollcall.db"), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	lease := leased(b, store)
	body := longPlan(100_000)
	var hold, read, decide time.Duration
	for b.Loop() {
		id := string(state.NewID())
		for _, step := range []struct {
			took *time.Duration
			do   func() error
		}{
			{&hold, func() error {
				return store.HoldPlan(b.Context(), lease.Epoch, state.HeldPlan{ID: id, Scope: scope, CreatedAt: time.Now(), Body: body})
			}},
			{&read, func() error {
				_, err := store.HeldPlan(b.Context(), id)
				return err
			}},
			{&decide, func() error { return store.DecidePlan(b.Context(), lease.Epoch, id, state.PlanApproved, "ops") }},
		} {
			began := time.Now()
			if err := step.do(); err != nil {
				b.Fatal(err)
			}
			*step.took += time.Since(began)
		}
	}
	for name, took := range map[string]time.Duration{"hold-ms": hold, "read-ms": read, "decide-ms": decide} {
		b.ReportMetric(float64(took.Microseconds())/1000/float64(b.N), name)
	}
	b.ReportMetric(10, "decide-ms-limit")
}
