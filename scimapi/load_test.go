//go:build unix

package scimapi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// The load client runs in a process of its own, so that what a benchmark reports as CPU is the server's alone: the test binary starts
// itself once more with loadEnv set.
const loadEnv = "ROLLCALL_TEST_LOAD"

func TestMain(m *testing.M) {
	if order := os.Getenv(loadEnv); order != "" {
		if err := loadClient(order); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if path := os.Getenv(applyEnv); path != "" {
		if err := applyUntilTold(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// load is what a client is asked to send.
type load struct {
	URL      string // of the base
	Key      string
	Task     string // a key of tasks
	Clients  int
	Requests int
	Run      int64    // makes names unique
	Users    []string // ids
	Group    string
	Total    int // users there are
	Rate     int // requests per second, whether the earlier ones have been answered or not; 0: as fast as they are
}

// outcome is what it saw.
type outcome struct {
	Took   time.Duration
	P50    time.Duration
	P99    time.Duration
	Failed int
	First  string // failure
}

// task makes the n-th request.
type task func(l *load, n int) (method, path, body string, status int)

var tasks = map[string]task{
	"bare": func(l *load, n int) (string, string, string, int) { return "GET", "/Users/" + pick(l), "", 200 },
	"create": func(l *load, n int) (string, string, string, int) {
		return "POST", "/Users", userBody(fmt.Sprintf("new%d.%d", l.Run, n)), 201
	},
	"lookup": func(l *load, n int) (string, string, string, int) {
		return "GET", "/Users?filter=" + url.QueryEscape(`userName eq "User`+strconv.Itoa(rand.IntN(l.Total))+`@Acme.example"`) + "&startIndex=1&count=100", "", 200
	},
	"read": func(l *load, n int) (string, string, string, int) { return "GET", "/Users/" + pick(l), "", 200 },
	"patch": func(l *load, n int) (string, string, string, int) {
		return "PATCH", "/Users/" + pick(l), fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Replace","path":"title","value":"t%d.%d"}]}`, l.Run, n), 200
	},
	"put": func(l *load, n int) (string, string, string, int) {
		i := rand.IntN(len(l.Users))
		return "PUT", "/Users/" + l.Users[i], userBody(fmt.Sprintf("put%d.%d", l.Run, n)), 200
	},
	"page": func(l *load, n int) (string, string, string, int) {
		return "GET", "/Users?startIndex=1&count=100", "", 200
	},
	"lastpage": func(l *load, n int) (string, string, string, int) {
		return "GET", fmt.Sprintf("/Users?startIndex=%d&count=100", l.Total-99), "", 200
	},
	"member": func(l *load, n int) (string, string, string, int) {
		user := l.Users[n/2%len(l.Users)]
		if n%2 == 0 {
			return "PATCH", "/Groups/" + l.Group, `{"Operations":[{"op":"remove","path":"members[value eq \"` + user + `\"]"}]}`, 204
		}
		return "PATCH", "/Groups/" + l.Group, `{"Operations":[{"op":"add","path":"members","value":[{"value":"` + user + `"}]}]}`, 204
	},
}

// mixed is what a directory of 20,000 causes on a busy day: mostly look-ups and reads, every fifth request a change.
func mixed(l *load, n int) (method, path, body string, status int) {
	kinds := [...]string{"lookup", "read", "lookup", "patch", "lookup", "read", "lookup", "put", "read", "page"}
	return tasks[kinds[n%len(kinds)]](l, n)
}

func pick(l *load) string { return l.Users[rand.IntN(len(l.Users))] }

func userBody(name string) string {
	return `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","` + enterprise + `"],"userName":"` + name + `@acme.example","externalId":"ext-` + name +
		`","name":{"givenName":"Given","familyName":"Family"},"displayName":"Given Family","emails":[{"primary":true,"type":"work","value":"` + name +
		`@acme.example"}],"phoneNumbers":[{"type":"mobile","value":"+1 555 0100"}],"locale":"en-US","active":true,"` + enterprise + `":{"department":"Sales","employeeNumber":"7"}}`
}

// loadClient carries out an order: it connects, says "ready", waits for a line, sends, and reports.
func loadClient(order string) error {
	var l load
	if err := json.Unmarshal([]byte(order), &l); err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: l.Clients, MaxConnsPerHost: l.Clients, DisableCompression: true}}
	send := func(method, path, body string, status int) error {
		req, err := http.NewRequest(method, l.URL+path, bytes.NewReader([]byte(body)))
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+l.Key)
		if body != "" {
			req.Header.Set("Content-Type", "application/scim+json")
		}
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode != status {
			data, _ := io.ReadAll(res.Body)
			return fmt.Errorf("%s %s: %d, want %d: %s", method, path, res.StatusCode, status, data)
		}
		_, err = io.Copy(io.Discard, res.Body)
		return err
	}
	var warm sync.WaitGroup
	warmErrs := make([]error, l.Clients)
	for i := range l.Clients {
		warm.Go(func() { warmErrs[i] = send("GET", "/ServiceProviderConfig", "", 200) })
	}
	warm.Wait()
	if err := errors.Join(warmErrs...); err != nil {
		return err
	}
	fmt.Println("ready")
	var line [1]byte
	if _, err := os.Stdin.Read(line[:]); err != nil {
		return err
	}

	took := make([]time.Duration, l.Requests)
	request := tasks[l.Task]
	if l.Task == "mixed" {
		request = mixed
	}
	var (
		next  atomic.Int64
		group sync.WaitGroup
		mu    sync.Mutex
		out   outcome
	)
	start := time.Now()
	for range l.Clients {
		group.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= l.Requests {
					return
				}
				method, path, body, status := request(&l, n)
				began := l.wait(start, n)
				if err := send(method, path, body, status); err != nil {
					mu.Lock()
					if out.Failed++; out.First == "" {
						out.First = err.Error()
					}
					mu.Unlock()
				}
				took[n] = time.Since(began)
			}
		})
	}
	group.Wait()
	out.Took = time.Since(start)
	slices.Sort(took)
	out.P50, out.P99 = took[len(took)/2], took[len(took)*99/100]
	return json.NewEncoder(os.Stdout).Encode(out)
}

// wait returns when the n-th request begins, or should have begun: at a fixed rate one that is late has waited already.
func (l *load) wait(start time.Time, n int) time.Time {
	if l.Rate == 0 {
		return time.Now()
	}
	due := start.Add(time.Duration(n) * time.Second / time.Duration(l.Rate))
	time.Sleep(time.Until(due))
	return due
}

// drive has a client process carry out a load against this process, and returns what it saw and the CPU that this process used.
func drive(b *testing.B, l load) (outcome, time.Duration) {
	order, err := json.Marshal(l)
	if err != nil {
		b.Fatal(err)
	}
	client := exec.CommandContext(b.Context(), os.Args[0])
	client.Env = append(os.Environ(), loadEnv+"="+string(order))
	client.Stderr = os.Stderr
	in, err := client.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := client.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := client.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := client.Wait(); err != nil {
			b.Error(err)
		}
	}()
	var ready [6]byte
	if _, err := io.ReadFull(stdout, ready[:]); err != nil {
		b.Fatal("the client did not come up: ", err)
	}
	b.ResetTimer()
	before := cpu(b)
	if _, err := in.Write([]byte("\n")); err != nil {
		b.Fatal(err)
	}
	var out outcome
	if err := json.NewDecoder(stdout).Decode(&out); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	used := cpu(b) - before
	if out.Failed > 0 {
		b.Fatalf("%d requests failed: %s", out.Failed, out.First)
	}
	return out, used
}

// cpu is what this process has used so far.
func cpu(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
