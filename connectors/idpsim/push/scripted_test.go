package push_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/push"
)

// object is a JSON object.
type object = map[string]any

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// receiver is a SCIM server of the smallest kind: it keeps what is put into it, finds by one attribute, and answers a PATCH without
// carrying it out. What the clients say is in their own log.
type receiver struct {
	*testing.T
	*httptest.Server

	mu        sync.Mutex
	resources map[string]object // by path: /Users/u1
	made      int
	refuse    map[string]int // status for requests whose method, path and query contain the key
	tooFast   []string       // Retry-After of the 429 that the next requests are answered with
	told      func()         // called with the last of them
	unique    bool           // a name that is taken is refused
	all       bool           // a list without a filter holds everything, page by page
	heads     []http.Header
}

func receive(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{T: t, resources: map[string]object{}, refuse: map[string]int{}}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (s *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heads = append(s.heads, r.Header)
	var body object
	_ = json.NewDecoder(r.Body).Decode(&body)
	for part, status := range s.refuse {
		if query, _ := url.QueryUnescape(r.URL.RawQuery); strings.Contains(r.Method+" "+r.URL.Path+"?"+query, part) {
			s.reply(w, status, object{"detail": "refused by the script"})
			return
		}
	}
	if len(s.tooFast) > 0 {
		w.Header().Set("Retry-After", s.tooFast[0])
		s.tooFast = s.tooFast[1:]
		s.reply(w, http.StatusTooManyRequests, object{"detail": "wait"})
		if len(s.tooFast) == 0 && s.told != nil {
			s.told()
		}
		return
	}
	found := s.resources[r.URL.Path]
	switch {
	case r.Method == "POST" && s.unique && s.taken(body):
		s.reply(w, http.StatusConflict, object{"status": "409", "scimType": "uniqueness"})
	case r.Method == "POST":
		s.made++
		body["id"] = strings.ToLower(r.URL.Path[1:2]) + fmt.Sprint(s.made)
		s.resources[r.URL.Path+"/"+body["id"].(string)] = body
		s.reply(w, http.StatusCreated, body)
	case r.Method == "GET" && strings.Count(r.URL.Path, "/") == 1:
		s.list(w, r)
	case found == nil:
		s.reply(w, http.StatusNotFound, object{"status": "404"})
	case r.Method == "PUT":
		s.resources[r.URL.Path] = body
		s.reply(w, http.StatusOK, body)
	case r.Method == "DELETE":
		delete(s.resources, r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	default:
		s.reply(w, http.StatusOK, found)
	}
}

// taken says whether somebody has the user name.
func (s *receiver) taken(body object) bool {
	for _, one := range s.resources {
		if one["userName"] == body["userName"] {
			return true
		}
	}
	return false
}

// list answers a look-up of the form attribute eq "value".
func (s *receiver) list(w http.ResponseWriter, r *http.Request) {
	attribute, literal, _ := strings.Cut(r.URL.Query().Get("filter"), " eq ")
	value := ""
	_ = json.Unmarshal([]byte(literal), &value)
	hits := []any{}
	if s.all && attribute == "" {
		s.page(w, r)
		return
	}
	for path, one := range s.resources {
		if strings.HasPrefix(path, r.URL.Path+"/") && one[attribute] == value && value != "" {
			hits = append(hits, one)
		}
	}
	s.reply(w, http.StatusOK, object{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:ListResponse"}, "totalResults": len(hits), "Resources": hits})
}

// page answers with a part of everything.
func (s *receiver) page(w http.ResponseWriter, r *http.Request) {
	var start, count int
	_, _ = fmt.Sscan(r.URL.Query().Get("startIndex"), &start)
	_, _ = fmt.Sscan(r.URL.Query().Get("count"), &count)
	rows := []any{}
	paths := slices.Sorted(maps.Keys(s.resources))
	for _, path := range paths[min(start-1, len(paths)):min(start-1+count, len(paths))] {
		rows = append(rows, s.resources[path])
	}
	s.reply(w, http.StatusOK, object{"totalResults": len(paths), "Resources": rows})
}

func (s *receiver) reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/scim+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// told shows a log: one line for each request, without the probes of Test Connection.
func told(log []push.Exchange) (lines []string) {
	for _, x := range log {
		target, _ := url.QueryUnescape(x.Target)
		if strings.Contains(target, "8f0a3c5e-") {
			continue
		}
		line := x.Method + " " + target
		if x.Body != "" {
			line += " " + x.Body
		}
		if x.Lost {
			line += " LOST"
		}
		lines = append(lines, line)
	}
	return lines
}

// acme is a population of three by hand.
func acme(t *testing.T) *idpsim.Population {
	t.Helper()
	pop := idpsim.New(idpsim.Options{Seed: 1})
	for _, name := range []string{"Ada", "Ben", "Cleo"} {
		must(t, pop.AddPerson(map[string]string{
			"userName": strings.ToLower(name) + "@acme.example", "givenName": name, "familyName": "Berg", "mobile": "+1 555 01",
		}))
	}
	return pop
}
