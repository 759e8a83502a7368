package entra_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/connectors/connectortest"
	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/graph"
)

// BenchmarkRoutes measures each route's calls, time and live heap against the limits of costs, and 100 MB of heap above idle at 50,000
// people, the same per person at 1,000,000; and 1.5 times the time that it takes to make the same requests and decode their answers
// bare. The provider's answers are recorded beforehand, but for the largest population, whose answers would not leave room for sums of
// the heap: there, both pay for making them up, and the ratio says less.
func BenchmarkRoutes(b *testing.B) {
	for _, cost := range costs {
		b.Run(strings.ReplaceAll(cost.name, " ", "-"), func(b *testing.B) {
			if cost.large && testing.Short() {
				b.Skip("skipped in short mode: a million people take minutes")
			}
			population := idpsim.New(cost.options)
			tape := &tape{handler: graph.New(population, graph.Options{Token: connectortest.Token}), live: cost.large, answers: map[request][]byte{}}
			c := openAt(b, tape, population, nil)
			want := connectors.Want{Scope: connectors.Assigned, Attributes: slices.Sorted(maps.Keys(harness.Attributes))}
			pull := func(page func([]connectors.Person) error) connectors.Proof {
				proof, err := c.Pull(b.Context(), want, page)
				if err != nil || proof.People != cost.options.People-cost.options.Unassigned {
					b.Fatalf("%d people: %v", proof.People, err)
				}
				return proof
			}
			nothing := func([]connectors.Person) error { return nil }
			proof := pull(nothing)
			made := tape.stop()
			live := rise(func(sample func()) {
				pages := 0
				pull(func([]connectors.Person) error {
					if pages++; pages%(1+proof.Pages/8) == 0 || pages == proof.Pages {
						sample()
					}
					return nil
				})
			})
			var bareTime, pullTime time.Duration
			for b.Loop() {
				started := time.Now()
				pull(nothing)
				between := time.Now()
				decoded := 0
				for _, request := range made {
					decoded += request.bare(b)
				}
				pullTime, bareTime = pullTime+between.Sub(started), bareTime+time.Since(between)
				if decoded < proof.People {
					b.Fatalf("%d people bare", decoded)
				}
			}
			people := float64(proof.People)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(proof.Calls), "calls")
			b.ReportMetric(float64(cost.most), "calls-limit")
			b.ReportMetric(float64(pullTime.Nanoseconds())/float64(b.N)/people, "pull-ns/person")
			b.ReportMetric(float64(pullTime)/float64(bareTime), "pull/bare")
			b.ReportMetric(float64(live)/people, "live-B/person")
			b.ReportMetric(float64(live)/(1<<20), "live-MB")
		})
	}
}

// rise is how far the live heap rises above what it is now, in the samples that run takes.
func rise(run func(sample func())) int64 {
	measure := func() int64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return int64(stats.HeapAlloc)
	}
	before, most := measure(), int64(0)
	run(func() { most = max(most, measure()) })
	return max(0, most-before)
}

// tape notes the requests that go through it, and answers a request that it has seen before as it did then.
type tape struct {
	handler http.Handler
	live    bool // answers are made up each time
	mu      sync.Mutex
	stopped bool
	made    []request
	answers map[request][]byte
}

// request is one request, as it can be made again.
type request struct{ method, url, body string }

func (t *tape) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	key := request{r.Method, "http://" + r.Host + r.URL.RequestURI(), string(body)}
	t.mu.Lock()
	if !t.stopped {
		t.made = append(t.made, key)
	}
	answer, known := t.answers[key]
	t.mu.Unlock()
	r.Body = io.NopCloser(bytes.NewReader(body))
	if t.live {
		t.handler.ServeHTTP(w, r)
		return
	}
	if !known {
		one := httptest.NewRecorder()
		t.handler.ServeHTTP(one, r)
		if answer = one.Body.Bytes(); one.Code != http.StatusOK {
			http.Error(w, one.Body.String(), one.Code)
			return
		}
		t.mu.Lock()
		t.answers[key] = answer
		t.mu.Unlock()
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(answer)
}

// stop returns the requests that were made so far; no more are noted.
func (t *tape) stop() []request {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
	return t.made
}

// page is whatever an answer may be: a list, somebody, or the answers of a batch.
type page struct {
	Next  string `json:"@odata.nextLink"`
	Value []somebody
	somebody
	Responses []struct {
		Status int
		Body   *page
	}
}

type somebody struct {
	ID, PrincipalID                                                      string
	AccountEnabled                                                       *bool
	UserPrincipalName, DisplayName, JobTitle, Mail, MobilePhone, Surname *string
	BusinessPhones                                                       []string
	OnPremisesExtensionAttributes                                        *struct{ ExtensionAttribute1 *string }
}

// bare makes a request with net/http and encoding/json alone, and returns how many objects came.
func (r request) bare(b *testing.B) int {
	req, err := http.NewRequest(r.method, r.url, strings.NewReader(r.body))
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+connectortest.Token)
	req.Header.Set("Content-Type", "application/json")
	if strings.Contains(r.url, "count=true") {
		req.Header.Set("ConsistencyLevel", "eventual")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK && !strings.Contains(r.url, "/synchronization/") {
		b.Fatalf("%s: %s %v", r.url, resp.Status, err)
	}
	var answer page
	if err := json.Unmarshal(body, &answer); err != nil {
		b.Fatal(err)
	}
	n := len(answer.Value)
	for _, one := range answer.Responses {
		n += max(1, len(one.Body.Value))
	}
	return n
}

func BenchmarkPull(b *testing.B) { connectortest.Benchmark(b, harness, bare) }

// bare reads the members of all assigned groups.
func bare(b *testing.B, address string, population *idpsim.Population) int {
	address += "/v1.0"
	var application struct{ ID string }
	fetch(b, address+"/servicePrincipals(appId='"+population.AppID()+"')?$select=id", &application)
	var assigned struct {
		Value []struct{ PrincipalID string }
	}
	fetch(b, address+"/servicePrincipals/"+application.ID+"/appRoleAssignedTo?$top=999", &assigned)
	people := 0
	for _, group := range assigned.Value {
		next := address + "/groups/" + group.PrincipalID + "/members/microsoft.graph.user?$top=999&$select=" +
			"accountEnabled,id,userPrincipalName,businessPhones,displayName,jobTitle,mail,mobilePhone,onPremisesExtensionAttributes,surname"
		for next != "" {
			var page struct {
				Next  string `json:"@odata.nextLink"`
				Value []struct {
					ID                                                                   string
					AccountEnabled                                                       *bool
					UserPrincipalName, DisplayName, JobTitle, Mail, MobilePhone, Surname *string
					BusinessPhones                                                       []string
					OnPremisesExtensionAttributes                                        *struct{ ExtensionAttribute1 *string }
				}
			}
			fetch(b, next, &page)
			people += len(page.Value)
			next = page.Next
		}
	}
	return people
}

func fetch(b *testing.B, address string, into any) {
	b.Helper()
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+connectortest.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.Fatalf("%s: %s %v", address, resp.Status, err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		b.Fatal(err)
	}
}
