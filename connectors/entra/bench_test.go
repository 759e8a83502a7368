package entra_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"rollcall/connectors/connectortest"
	"rollcall/connectors/idpsim"
)

// BenchmarkRoutes measures the routes that BenchmarkPull does not take, against the limits of costs. Bare are the requests of the first
// pull, made again.
func BenchmarkRoutes(b *testing.B) {
	for _, cost := range costs {
		b.Run(strings.ReplaceAll(cost.name, " ", "-"), func(b *testing.B) {
			notes, h := new(notes), harness
			h.Serve = func(p *idpsim.Population, f *idpsim.Faults) http.Handler {
				notes.handler = harness.Serve(p, f)
				return notes
			}
			population := idpsim.New(cost.options)
			connectortest.Measure(b, h, population, cost.options.People-cost.options.Unassigned, cost.most, func(b *testing.B, address string, _ *idpsim.Population) (n int) {
				for _, request := range notes.made {
					n += request.bare(b, address)
				}
				return n
			})
		})
	}
}

// notes keep the requests that come to a handler: those of a first pull, as Measure answers what was asked before by itself.
type notes struct {
	handler http.Handler
	mu      sync.Mutex
	made    []request
}

// request is one request, as it can be made again.
type request struct{ method, uri, body string }

func (n *notes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	n.mu.Lock()
	n.made = append(n.made, request{r.Method, r.URL.RequestURI(), string(body)})
	n.mu.Unlock()
	r.Body = io.NopCloser(bytes.NewReader(body))
	n.handler.ServeHTTP(w, r)
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
func (r request) bare(b *testing.B, address string) int {
	req, err := http.NewRequest(r.method, address+r.uri, strings.NewReader(r.body))
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+connectortest.Token)
	req.Header.Set("Content-Type", "application/json")
	if strings.Contains(r.uri, "count=true") {
		req.Header.Set("ConsistencyLevel", "eventual")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK && !strings.Contains(r.uri, "/synchronization/") {
		b.Fatalf("%s: %s %v", r.uri, resp.Status, err)
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
