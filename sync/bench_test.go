package sync_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/state/sqlite"
	dirsync "rollcall/sync"
	"rollcall/sync/mapping"
	"rollcall/sync/plan"
)

// replay is a provider that answers over HTTP with the same pages each time, as the member pages of a directory look: what a pull
// cannot be faster than is to fetch and decode them.
type replay struct {
	server *httptest.Server
	pages  int
}

const benchPage = 999 // people on a page, as Microsoft Graph's largest

// wirePerson is one person of a page.
type wirePerson struct {
	Type              string  `json:"@odata.type"`
	ID                string  `json:"id"`
	UserPrincipalName string  `json:"userPrincipalName"`
	DisplayName       string  `json:"displayName"`
	MobilePhone       *string `json:"mobilePhone"`
	AccountEnabled    *bool   `json:"accountEnabled"`
}

func benchName(i int) string { return fmt.Sprintf("person.%06d@acme.example", i) }
func benchID(i int) string   { return fmt.Sprintf("5d1c7a40-52b1-4f0b-9d7e-%012d", i) }

// newReplay makes the pages of so many people.
func newReplay(b *testing.B, people int) *replay {
	var pages [][]byte
	for start := 0; start < people; start += benchPage {
		var page struct {
			Value []wirePerson `json:"value"`
		}
		for i := start; i < min(start+benchPage, people); i++ {
			phone, enabled := fmt.Sprintf("+44 20 %07d", i), true
			page.Value = append(page.Value, wirePerson{
				Type: "#microsoft.graph.user", ID: benchID(i), UserPrincipalName: benchName(i), DisplayName: fmt.Sprintf("Person %06d", i), MobilePhone: &phone, AccountEnabled: &enabled,
			})
		}
		body, err := json.Marshal(page)
		if err != nil {
			b.Fatal(err)
		}
		pages = append(pages, body)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var number int
		fmt.Sscanf(r.URL.Path, "/%d", &number)
		w.Header().Set("Content-Type", "application/json")
		w.Write(pages[number])
	}))
	b.Cleanup(server.Close)
	return &replay{server: server, pages: len(pages)}
}

// fetch fetches and decodes every page.
func (r *replay) fetch(ctx context.Context, page func([]wirePerson) error) error {
	for number := range r.pages {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/%d", r.server.URL, number), nil)
		if err != nil {
			return err
		}
		response, err := r.server.Client().Do(request)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			return err
		}
		var decoded struct {
			Value []wirePerson `json:"value"`
		}
		if err := json.Unmarshal(body, &decoded); err != nil {
			return err
		}
		if err := page(decoded.Value); err != nil {
			return err
		}
	}
	return nil
}

func (r *replay) Identity() string                           { return "replay" }
func (r *replay) Check(context.Context) []connectors.Finding { return nil }

// Look knows everyone by number, without the network.
func (r *replay) Look(_ context.Context, want connectors.Want, ids []string, found func(connectors.Sighting) error) error {
	for _, id := range ids {
		var i int
		if _, err := fmt.Sscanf(id[len(id)-12:], "%d", &i); err != nil {
			return err
		}
		p := connectors.Person{
			ID: id, UserName: benchName(i), Values: make([]connectors.Value, len(want.Attributes)),
			Facts: connectors.Facts{Enabled: connectors.Yes, Assigned: connectors.Yes, SoftDeleted: connectors.No},
		}
		for at, name := range want.Attributes {
			if name == "userPrincipalName" {
				p.Values[at] = connectors.Value{Present: true, Text: benchName(i)}
			}
		}
		if err := found(connectors.Sighting{ID: id, Person: p}); err != nil {
			return err
		}
	}
	return nil
}

func (r *replay) Pull(ctx context.Context, want connectors.Want, page func([]connectors.Person) error) (connectors.Proof, error) {
	people := make([]connectors.Person, 0, benchPage)
	values := make([]connectors.Value, benchPage*len(want.Attributes))
	err := r.fetch(ctx, func(list []wirePerson) error {
		people = people[:0]
		for i, w := range list {
			p := connectors.Person{
				ID: w.ID, UserName: w.UserPrincipalName,
				Facts:  connectors.Facts{Enabled: connectors.No, Assigned: connectors.Yes, SoftDeleted: connectors.No},
				Values: values[i*len(want.Attributes) : (i+1)*len(want.Attributes)],
			}
			if w.AccountEnabled != nil && *w.AccountEnabled {
				p.Facts.Enabled = connectors.Yes
			}
			for at, name := range want.Attributes {
				switch name {
				case "userPrincipalName":
					p.Values[at] = connectors.Value{Present: true, Text: w.UserPrincipalName}
				case "displayName":
					p.Values[at] = connectors.Value{Present: true, Text: w.DisplayName}
				case "mobile":
					p.Values[at] = connectors.Value{Present: w.MobilePhone != nil, Text: *w.MobilePhone}
				}
			}
			people = append(people, p)
		}
		return page(people)
	})
	return connectors.Proof{Complete: err == nil}, err
}

// benchEngine is an empty database, and a source that answers with so many people.
func benchEngine(b *testing.B, people int) (*dirsync.Engine, dirsync.Source, *replay) {
	b.Helper()
	store, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "rollcall.db"), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { store.Close() })
	m, err := mapping.Compile(mapping.Default("entra"))
	if err != nil {
		b.Fatal(err)
	}
	pages := newReplay(b, people)
	source := dirsync.Source{
		Scope: acme, Kind: "entra", Connector: pages, Mapping: m, People: connectors.Assigned, Policy: dirsync.PolicyFull,
		Rules: plan.Rules{GatePercent: 10, GateFloor: 5},
	}
	return &dirsync.Engine{Store: store, Holder: "bench"}, source, pages
}

// benchWorld is a database that agrees with the replayed pages.
func benchWorld(b *testing.B, people int) (*dirsync.Engine, dirsync.Source, *replay) {
	b.Helper()
	engine, source, pages := benchEngine(b, people)
	for range 2 { // create, and find in agreement
		if _, err := engine.RunOnce(b.Context(), source, dirsync.Order{Trigger: dirsync.TriggerHand}); err != nil {
			b.Fatal(err)
		}
	}
	return engine, source, pages
}

// drift changes the userName of every hundredth account behind the provider's back, from an offset on.
func drift(b *testing.B, store dirsync.Store, people, offset int) int {
	b.Helper()
	var mutations []state.Mutation
	for i := offset % 100; i < people; i += 100 {
		found, err := store.Find(b.Context(), acme, state.KindAccount, state.NewMatchKey(state.MatchLink, benchID(i)))
		if err != nil || len(found) != 1 {
			b.Fatal(err, len(found))
		}
		resource, err := scim.ReadJSON(found[0].Resource, scim.DefaultLimits)
		if err != nil {
			b.Fatal(err)
		}
		mutations = append(mutations, state.Mutation{
			Scope: acme, Kind: state.KindAccount, ID: found[0].ID, Cause: state.Cause{Kind: state.CausePush, Actor: "bench"},
			Put: &state.Put{Base: found[0].Version, Resource: resource.With("userName", scim.StringValue("drifted-"+benchName(i)))},
		})
	}
	results, err := store.Write(state.Bulk, mutations)
	if err != nil {
		b.Fatal(err)
	}
	for _, r := range results {
		if r.Err != nil {
			b.Fatal(r.Err)
		}
	}
	return len(mutations)
}

// BenchmarkReconcile measures a whole run on a database against the time to fetch and decode the same pages bare, by turns. The limits,
// which stand beside the ratio, are 1.5 times the bare time without drift, and 2 times with 1 % of drift, every repaired change on disk.
func BenchmarkReconcile(b *testing.B) {
	for _, people := range []int{10_000, 100_000} {
		for _, drifting := range []bool{false, true} {
			name, limit := fmt.Sprintf("people=%d/drift=0", people), 1.5
			if drifting {
				name, limit = fmt.Sprintf("people=%d/drift=1%%", people), 2
			}
			b.Run(name, func(b *testing.B) {
				engine, source, pages := benchWorld(b, people)
				var bare, run time.Duration
				offset := 0
				for b.Loop() {
					b.StopTimer()
					wanted := 0
					if drifting {
						offset++
						wanted = drift(b, engine.Store, people, offset)
					}
					began := time.Now()
					if err := pages.fetch(b.Context(), func([]wirePerson) error { return nil }); err != nil {
						b.Fatal(err)
					}
					bare += time.Since(began)
					b.StartTimer()
					began = time.Now()
					report, err := engine.RunOnce(b.Context(), source, dirsync.Order{Trigger: dirsync.TriggerSchedule})
					run += time.Since(began)
					if err != nil || len(report.Results) != wanted || report.Plan.Counts.Agree != people-wanted {
						b.Fatalf("%v: %d changes tried, want %d: %s %s", err, len(report.Results), wanted, report.Run.Outcome, report.Run.Reason)
					}
				}
				b.ReportMetric(float64(run)/float64(bare), "x-bare")
				b.ReportMetric(limit, "x-bare-limit")
				b.ReportMetric(float64(bare.Nanoseconds())/float64(b.N)/float64(people), "bare-ns/person")
				b.ReportMetric(float64(run.Nanoseconds())/float64(b.N)/float64(people), "ns/person")
			})
		}
	}
}

// BenchmarkFirstSync measures the first run of a source, which creates everyone. The limit, which stands beside it, is 10,000 changes on
// disk a second; plan-bytes/change is what the plan itself holds of each, left-bytes/change what the run leaves behind when its report is
// dropped.
func BenchmarkFirstSync(b *testing.B) {
	const people = 100_000
	engine, source, pages := benchEngine(b, people)
	var applying time.Duration
	var plan, left float64
	for b.Loop() {
		source.Scope.Source += "-next" // one that nobody is recorded of
		var planned, empty runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&empty)
		var began time.Time
		report, err := engine.RunOnce(b.Context(), source, dirsync.Order{Trigger: dirsync.TriggerHand, Progress: func(p dirsync.Progress) {
			if p.Step == dirsync.StepPull && p.People == people {
				b.StopTimer()
				runtime.GC()
				runtime.ReadMemStats(&planned)
				b.StartTimer()
				began = time.Now()
			}
		}})
		applying += time.Since(began)
		if err != nil || report.Run.Outcome != dirsync.OutcomeApplied || len(report.Results) != people {
			b.Fatalf("%v: %d of %d created in %d pages: %s %s", err, len(report.Results), people, pages.pages, report.Run.Outcome, report.Run.Reason)
		}
		plan = float64(planned.HeapAlloc) - float64(empty.HeapAlloc)
		b.StopTimer()
		report = dirsync.Report{}
		runtime.GC()
		runtime.ReadMemStats(&planned)
		left = float64(planned.HeapAlloc) - float64(empty.HeapAlloc)
		b.StartTimer()
	}
	b.ReportMetric(float64(people)*float64(b.N)/applying.Seconds(), "changes/s")
	b.ReportMetric(10_000, "changes/s-limit")
	b.ReportMetric(plan/people, "plan-bytes/change")
	b.ReportMetric(left/people, "left-bytes/change")
}

// BenchmarkOnePerson measures a run about one person, recorded and on disk, without the time of the provider. It is measured against the
// same for every size of the record, but for the ledger of the last 24 hours, within which everyone here was created.
func BenchmarkOnePerson(b *testing.B) {
	for _, people := range []int{10_000, 100_000} {
		b.Run(fmt.Sprintf("people=%d", people), func(b *testing.B) {
			engine, source, _ := benchWorld(b, people)
			for b.Loop() {
				report, err := engine.RunPeople(b.Context(), source, dirsync.Order{Trigger: dirsync.TriggerHand}, []string{benchID(people / 2)})
				if err != nil || report.Run.Outcome != dirsync.OutcomeInSync || report.Plan.Counts.Agree != 1 {
					b.Fatalf("%v: %s %s", err, report.Run.Outcome, report.Run.Reason)
				}
			}
		})
	}
}

// BenchmarkLiveHeap measures what a run keeps of each person when all pages have been read: the limit is 200 bytes beyond a constant.
func BenchmarkLiveHeap(b *testing.B) {
	for _, people := range []int{10_000, 100_000} {
		for _, drifting := range []bool{false, true} {
			b.Run(fmt.Sprintf("people=%d/drift=%v", people, drifting), func(b *testing.B) {
				engine, source, _ := benchWorld(b, people)
				live := func() uint64 {
					runtime.GC()
					runtime.GC()
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					return m.HeapAlloc
				}
				var kept float64
				for b.Loop() {
					if drifting {
						drift(b, engine.Store, people, b.N)
					}
					before := live()
					var during uint64
					_, err := engine.RunOnce(b.Context(), source, dirsync.Order{Trigger: dirsync.TriggerSchedule, Progress: func(p dirsync.Progress) {
						if p.Step == dirsync.StepPull && p.People == people {
							during = live()
						}
					}})
					if err != nil {
						b.Fatal(err)
					}
					kept = float64(int64(during) - int64(before))
				}
				b.ReportMetric(kept/float64(people), "bytes/person")
			})
		}
	}
}
