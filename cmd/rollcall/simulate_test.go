package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/push"
	"rollcall/connectors/idpsim/server"
)

// TestSimulatedPushes: --wide sends more attributes, and a provider that runs for long keeps none of its requests.
func TestSimulatedPushes(t *testing.T) {
	var mu sync.Mutex
	var sent strings.Builder
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		sent.Write(body)
		if r.Method != http.MethodGet {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/scim+json")
		_, _ = io.WriteString(w, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0,"Resources":[]}`)
	}))
	defer receiver.Close()
	env := func(string) (string, bool) { return "the-key", true }
	for _, test := range []struct {
		flags simulateFlags
		wide  bool
	}{{simulateFlags{}, false}, {simulateFlags{wide: true}, true}} {
		sent.Reset()
		test.flags.push, test.flags.key = receiver.URL, "env:KEY"
		pusher, err := (&app{env: env}).pusher("entra", test.flags, idpsim.New(idpsim.Options{Seed: 1, People: 5}))
		if err != nil {
			t.Fatal(err)
		}
		_ = pusher.Cycle(t.Context()) // every creation is refused: it is the requests that matter
		if n := len(pusher.(forgetful).pusher.(*push.Entra).Log()); n != 0 {
			t.Errorf("%d requests are kept after the cycle", n)
		}
		if !strings.Contains(sent.String(), `"displayName"`) || strings.Contains(sent.String(), `"department"`) != test.wide {
			t.Errorf("wide %t: another mapping was sent: %.500s", test.wide, &sent)
		}
	}
}

// TestTheSimulatorsGuide plays docs/simulate.md: its file is loaded, its requests are sent in order, and its command lines are known.
func TestTheSimulatorsGuide(t *testing.T) {
	text, err := os.ReadFile("../../docs/simulate.md")
	if err != nil {
		t.Fatal(err)
	}
	_, file, _ := strings.Cut(string(text), "```yaml\n")
	file, _, _ = strings.Cut(file, "```")
	if file != idpsim.FileExample {
		t.Error("the file is not the one that the help shows")
	}
	population := idpsim.New(idpsim.Options{Seed: 1})
	if err := population.Load([]byte(file)); err != nil {
		t.Fatal(err)
	}
	provider, err := server.Listen(server.Options{Population: population, Pushers: map[string]server.Pusher{"push": done{}}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = provider.Close() }()
	request := regexp.MustCompile(`(?m)^curl (?:-X (\w+) )?URL(\S+)(?: -d '(.*)')?$`)
	for _, found := range request.FindAllStringSubmatch(string(text), -1) {
		method := found[1]
		if method == "" {
			method = http.MethodGet
		}
		r := httptest.NewRequest(method, found[2], strings.NewReader(found[3]))
		r.RemoteAddr = "127.0.0.1:1"
		w := httptest.NewRecorder()
		provider.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", found[0], w.Code, w.Body)
		}
	}
	if n := len(request.FindAllString(string(text), -1)); n != strings.Count(string(text), "\ncurl ") || n < 15 {
		t.Errorf("%d requests were understood of %d", n, strings.Count(string(text), "\ncurl "))
	}
	for _, line := range regexp.MustCompile(`(?m)^rollcall simulate .*$`).FindAllString(string(text), -1) {
		command, rest, err := newRoot(&app{env: func(string) (string, bool) { return "", false }}).Find(strings.Fields(line)[1:])
		if err == nil {
			err = command.ParseFlags(rest)
		}
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if given := command.Flags().Lookup("fault"); given != nil {
			for _, text := range given.Value.(pflag.SliceValue).GetSlice() {
				name, where, err := parseFault(text)
				if err == nil {
					err = new(idpsim.Faults).Set(name, where)
				}
				if err != nil {
					t.Errorf("%s: %v", line, err)
				}
			}
		}
	}
}

// done is a pusher that has nothing to do.
type done struct{}

func (done) Cycle(context.Context) error                 { return nil }
func (done) Play(context.Context, json.RawMessage) error { return nil }
func (done) Pauses() int                                 { return 0 }
func (done) Forget()                                     {}

// TestPushesFromTimeToTime: the first cycle comes at once, the next ones until the end.
func TestPushesFromTimeToTime(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cycles := make(chan int)
	var out bytes.Buffer
	ended := make(chan bool)
	go func() {
		(&app{stderr: &out}).pushAll(ctx, &counting{cycles: cycles}, time.Millisecond)
		close(ended)
	}()
	for want := range 3 {
		if got := <-cycles; got != want {
			t.Errorf("cycle %d came as %d", got, want)
		}
	}
	cancel()
	<-ended
	if !strings.HasPrefix(out.String(), "pushed everyone in ") || strings.Count(out.String(), "\n") != 2 || !strings.Contains(out.String(), "rollcall: push, in ") {
		t.Errorf("%s", &out)
	}
}

// counting is a pusher that says how often it was called; its second cycle fails.
type counting struct {
	done
	cycles chan int
	n      int
}

func (c *counting) Cycle(ctx context.Context) error {
	n := c.n
	c.n++
	select {
	case c.cycles <- n:
	case <-ctx.Done():
		return ctx.Err()
	}
	if n == 1 {
		return errors.New("no receiver")
	}
	return nil
}
