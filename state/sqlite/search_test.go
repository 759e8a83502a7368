package sqlite

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/state"
	"rollcall/state/scim"
)

func digestAll(t *testing.T, s *Store) (calls int) {
	t.Helper()
	for more := true; more; calls++ {
		var err error
		if more, err = s.Digest(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return calls
}

func finds(t *testing.T, s *Store, text string, want int) {
	t.Helper()
	if found, err := s.Search(t.Context(), text, 0); len(found) != want || err != nil {
		t.Errorf("Search(%q) finds %d, %v; want %d", text, len(found), err, want)
	}
}

func person(scope state.Scope, id, name string) state.Mutation {
	return state.Mutation{Scope: scope, Kind: state.KindAccount, ID: state.ID(id), Cause: state.Cause{Kind: state.CausePush},
		Put: &state.Put{Resource: scim.ObjectOf(scim.Field{Name: "userName", Value: scim.StringValue(name)})}}
}

func mustWrite(t *testing.T, s *Store, mutations ...state.Mutation) {
	t.Helper()
	results, err := s.Write(state.Urgent, mutations)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
}

// A record that was there before search was is taken in after the upgrade, though its journal be gone, in shares that a restart does not
// begin again; and the days of the journal that is left are counted.
func TestSearchIsFilledAfterUpgrade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	all := migrations
	withMigrations(t, until(t, 4))
	scope := state.Scope{Tenant: "acme", Source: "acme-okta"}
	old := opened(t, path, Options{})
	if _, err := old.EnsureSource(t.Context(), scope, "okta"); err != nil {
		t.Fatal(err)
	}
	const people = 3*digestSteps/2 + 5
	var mutations []state.Mutation
	for i := range people {
		mutations = append(mutations, person(scope, fmt.Sprint("id-", i), fmt.Sprintf("person %d", i)))
	}
	mustWrite(t, old, mutations...)
	if err := old.do(t.Context(), func(t *tx) error { return t.c.exec(`DELETE FROM journal WHERE number <= 100`) }); err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}

	migrations = all
	s := opened(t, path, Options{Upgrade: true})
	finds(t, s, "id-7", 1)
	finds(t, s, "person 7", 1) // by its key
	finds(t, s, "7 person", 0)
	mustWrite(t, s, person(scope, "new", "person new"))
	if more, err := s.Digest(t.Context()); !more || err != nil {
		t.Fatalf("Digest = %v, %v; want more to come", more, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = opened(t, path, Options{})
	if calls := digestAll(t, s); calls < 2 {
		t.Errorf("what is left was done at once")
	}
	finds(t, s, "7 person", 1+10+100) // 7, 70 to 79, 700 to 799
	finds(t, s, fmt.Sprintf("%d pers", people-1), 1)
	finds(t, s, "new person", 1)
	if pushes, err := pushesOf(t, s); pushes != people-100+1 || err != nil {
		t.Errorf("%d pushes, %v; want %d", pushes, err, people-100+1)
	}
	sound(t, s)
}

// opened opens a store that the test closes itself, or its end.
func opened(t *testing.T, path string, opts Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// sound has FTS5 prove that its index and the words beside it agree.
func sound(t *testing.T, s *Store) {
	t.Helper()
	if err := s.do(t.Context(), func(t *tx) error {
		return t.c.exec(`INSERT INTO search (search, rank) VALUES ('integrity-check', 1)`)
	}); err != nil {
		t.Errorf("the index of words: %v", err)
	}
}

// What is purged leaves no word in the index: once the file's free pages are gone too, nothing of it is anywhere in the file.
func TestPurgedWordsAreGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	s := opened(t, path, Options{})
	scope := state.Scope{Tenant: "acme", Source: "acme-okta"}
	if _, err := s.EnsureSource(t.Context(), scope, "okta"); err != nil {
		t.Fatal(err)
	}
	for i := range 40 { // so that there are several segments
		mustWrite(t, s, person(scope, fmt.Sprint("id-", i), fmt.Sprintf("common%d kumquatovich%d", i, i)))
		digestAll(t, s)
	}
	finds(t, s, "kumquat", 40)
	for i := range 40 {
		id := state.ID(fmt.Sprint("id-", i))
		life := state.Mutation{Scope: scope, Kind: state.KindAccount, ID: id, Cause: state.Cause{Kind: state.CauseOperator}, Life: &state.Life{Said: new(false)}}
		mustWrite(t, s, life)
		if err := s.Erase(t.Context(), scope, id, state.Cause{Kind: state.CauseOperator}); err != nil {
			t.Fatal(err)
		}
	}
	finds(t, s, "kumquat", 0)
	sound(t, s)
	copied := filepath.Join(t.TempDir(), "copy.db")
	if err := s.Backup(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(copied)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"kumq", "common1"} {
		if bytes.Contains(file, []byte(word)) {
			t.Errorf("%q is in a copy of the file", word)
		}
	}
}

func pushesOf(t *testing.T, s *Store) (pushes int, err error) {
	days, err := s.Days(t.Context(), s.writer.now().AddDate(0, 0, -1))
	for _, day := range days {
		pushes += day.Pushes
	}
	return pushes, err
}

// Two processes that take in at the same time count nothing twice, and a copy of the record goes on where it was.
func TestDigestTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	stores := []*Store{opened(t, path, Options{}), opened(t, path, Options{})}
	scope := state.Scope{Tenant: "acme", Source: "acme-okta"}
	if _, err := stores[0].EnsureSource(t.Context(), scope, "okta"); err != nil {
		t.Fatal(err)
	}
	const people = 600
	done := make(chan error)
	for _, s := range stores {
		go func() {
			pushes, err := 0, error(nil)
			for pushes < people && err == nil {
				if _, err = s.Digest(t.Context()); err == nil {
					pushes, err = pushesOf(t, s)
				}
			}
			if pushes > people {
				err = fmt.Errorf("%d pushes are counted", pushes)
			}
			done <- err
		}()
	}
	for i := range people {
		mustWrite(t, stores[i%2], person(scope, fmt.Sprint("id-", i), fmt.Sprint("person ", i)))
	}
	for range stores {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	finds(t, stores[0], "person", people)
	sound(t, stores[1])

	copied := filepath.Join(t.TempDir(), "copy.db")
	if err := stores[0].Backup(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	restored := opened(t, copied, Options{})
	if more, err := restored.Digest(t.Context()); more || err != nil {
		t.Errorf("in a copy there is something to take in: %v, %v", more, err)
	}
	finds(t, restored, "person", people)
}

// Walks go by the index that they name, and none sorts but those that say so.
func TestWalksGoByIndex(t *testing.T) {
	s := opened(t, filepath.Join(t.TempDir(), "rollcall.db"), Options{})
	err := s.use(t.Context(), func(c *conn) error {
		for show := range shown {
			for _, backwards := range []bool{false, true} {
				walks := []walk{walkRows(show, shown[show].index, backwards), walkReason(show)}
				if show == state.ShowLive || show == state.ShowActive || show == state.ShowInactive {
					walks = append(walks, walkNames(show, backwards))
					nameless := walkNameless(show, backwards).all()
					if plan := planOf(t, c, nameless); strings.Contains(plan, "TEMP B-TREE") || !strings.Contains(plan, "records_nameless (kind=? AND rowid") {
						t.Errorf("%s\n%s", nameless, plan)
					}
				}
				for _, w := range walks {
					for _, query := range []string{w.one(), w.heads()} {
						if plan := planOf(t, c, query); strings.Contains(plan, "TEMP B-TREE") || strings.Contains(plan, "SCAN x") || strings.Contains(plan, "SCAN e") {
							t.Errorf("%s\n%s", query, plan)
						}
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func planOf(t *testing.T, c *conn, query string) string {
	t.Helper()
	p, err := c.prepare(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	args := make([]any, p.params)
	for i := range args {
		args[i] = int64(1)
	}
	var plan []string
	if err := c.query(func(row row) error {
		plan = append(plan, row.text(3))
		return nil
	}, "EXPLAIN QUERY PLAN "+query, args...); err != nil {
		t.Fatal(err)
	}
	return strings.Join(plan, "\n")
}
