// Package push provisions a population into a SCIM receiver the way Microsoft's provisioning service and Okta do: the requests that
// each vendor's documentation and its users' reports show, in their order, with their dialects. NewEntra and NewOkta make the two
// clients; each pushes when Cycle is called, and never by itself.
package push

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"rollcall/connectors/idpsim"
)

// Options are what both clients need.
type Options struct {
	URL        string // of the receiver: what an administrator pastes as tenant URL or base URL
	Key        string // bearer key
	Population *idpsim.Population
	HTTP       *http.Client // http.DefaultClient unless given
	Groups     bool         // push assigned groups too
	Workers    int          // people pushed at a time; 1 unless given, which also makes the order of the log the order of the population

	// Lose is asked before each request that changes something. Where it says true, nothing is sent and the client believes that
	// all went well: the receiver never hears of it. It must be safe for concurrent use when there are several workers.
	Lose func(Exchange) bool

	// Twice is asked like Lose. Where it says true, the request is sent twice at the same time, as after a connection that broke and
	// did not: the first of the two good answers counts.
	Twice func(Exchange) bool

	// Pause waits before a request is repeated, or fails when the context is over. It is a timer unless given, and must be safe for
	// concurrent use when there are several workers.
	Pause func(context.Context, time.Duration) error
}

// Exchange is one request and its answer.
type Exchange struct {
	Who    string // whom it is about: #17 is a person, "group Sales" a group, "" neither
	Method string
	Target string // path and query behind the receiver's URL
	Body   string
	Status int // 0 when there was no answer
	Answer string
	Lost   bool // swallowed by Options.Lose
	Err    error

	after time.Duration // how long the receiver asks to wait before the request is repeated; 0 = it does not ask
	plain bool          // it asks without saying so in whole seconds
}

// Media types and schemas of SCIM.
const (
	scimType   = "application/scim+json; charset=utf-8"
	userURN    = "urn:ietf:params:scim:schemas:core:2.0:User"
	groupURN   = "urn:ietf:params:scim:schemas:core:2.0:Group"
	entURN     = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	patchURN   = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	adGroupURN = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
)

// client sends requests and keeps the log. It is safe for concurrent use.
type client struct {
	Options
	header http.Header

	// again says how long to wait before a request is repeated that was answered for the attempt-th time; 0: it is not.
	again func(attempt int, x Exchange, waited time.Duration) time.Duration

	mu     sync.Mutex
	log    []Exchange
	pauses int
	wrote  int
}

func newClient(o Options, header http.Header) *client {
	if o.HTTP == nil {
		o.HTTP = http.DefaultClient
	}
	o.URL = strings.TrimSuffix(o.URL, "/")
	o.Workers = max(o.Workers, 1)
	if o.Pause == nil {
		o.Pause = pause
	}
	header.Set("Authorization", "Bearer "+o.Key)
	return &client{Options: o, header: header, again: patiently}
}

// Log returns all requests so far, with their answers.
func (c *client) Log() []Exchange {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.log)
}

// Pauses returns how often the receiver has asked to wait, and the request was repeated.
func (c *client) Pauses() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pauses
}

// writes counts the requests so far that changed something, as far as the receiver said.
func (c *client) writes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wrote
}

// Forget empties the log.
func (c *client) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log = nil
}

// object is a JSON object.
type object = map[string]any

// patience is how long the pauses before one request may add up to.
const patience = 5 * time.Minute

// patiently waits for as long as the receiver asks, while the patience lasts.
func patiently(_ int, x Exchange, waited time.Duration) time.Duration {
	if waited+x.after > patience {
		return 0
	}
	return x.after
}

// send carries out one request, again and again while the receiver asks to wait and the client does. An answer other than 2xx is an
// error; so is no answer. A lost request has no answer and no error.
func (c *client) send(ctx context.Context, who, method, target string, body any) (Exchange, error) {
	x := Exchange{Who: who, Method: method, Target: target}
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return x, fmt.Errorf("push %s: %w", who, err)
		}
		x.Body = string(b)
	}
	if method != http.MethodGet && c.Lose != nil && c.Lose(x) {
		x.Lost = true
		c.note(x, false)
		return x, nil
	}
	waited := time.Duration(0)
	for attempt := 1; ; attempt++ {
		answered := c.ask(ctx, x)
		wait := time.Duration(0)
		if answered.after > 0 {
			wait = c.again(attempt, answered, waited)
		}
		waited += wait
		c.note(answered, wait > 0)
		switch {
		case answered.Err != nil:
			return answered, fmt.Errorf("push %s: %s: %w", who, method, answered.Err)
		case answered.Status >= 200 && answered.Status <= 299:
			return answered, nil
		case wait == 0:
			return answered, fmt.Errorf("push %s: %s was answered %d", who, method, answered.Status)
		}
		if err := c.Pause(ctx, wait); err != nil {
			return answered, fmt.Errorf("push %s: %s: %w", who, method, err)
		}
	}
}

// ask sends a request, or the same one twice at the same time.
func (c *client) ask(ctx context.Context, x Exchange) Exchange {
	if x.Method == http.MethodGet || c.Twice == nil || !c.Twice(x) {
		c.exchange(ctx, &x)
		return x
	}
	twin := x
	var both sync.WaitGroup
	both.Go(func() { c.exchange(ctx, &twin) })
	c.exchange(ctx, &x)
	both.Wait()
	if x.Status > 299 && twin.Err == nil && twin.Status <= 299 {
		x, twin = twin, x
	}
	c.note(twin, false)
	return x
}

// note keeps an exchange in the log.
func (c *client) note(x Exchange, again bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log = append(c.log, x)
	if again {
		c.pauses++
	}
	if x.Method != http.MethodGet && x.Status >= 200 && x.Status <= 299 {
		c.wrote++
	}
}

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// retryAfter is how long an answer asks to wait: what Retry-After says, in whole seconds, and for a 429 without it a second.
func retryAfter(status int, header http.Header) time.Duration {
	if status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
		return 0
	}
	if seconds, err := strconv.ParseUint(header.Get("Retry-After"), 10, 31); err == nil {
		return max(time.Duration(seconds)*time.Second, time.Millisecond)
	}
	if status == http.StatusTooManyRequests {
		return time.Second
	}
	return 0
}

func (c *client) exchange(ctx context.Context, x *Exchange) {
	r, err := http.NewRequestWithContext(ctx, x.Method, c.URL+x.Target, bytes.NewReader([]byte(x.Body)))
	if err != nil {
		x.Err = err
		return
	}
	for name, values := range c.header {
		r.Header[name] = values
	}
	if x.Body != "" {
		r.Header.Set("Content-Type", scimType)
	}
	answer, err := c.HTTP.Do(r)
	if err != nil {
		x.Err = err
		return
	}
	defer func() { _ = answer.Body.Close() }()
	b, err := io.ReadAll(answer.Body)
	x.Status, x.Answer, x.Err = answer.StatusCode, string(b), err
	x.after = retryAfter(answer.StatusCode, answer.Header)
	_, unread := strconv.ParseUint(answer.Header.Get("Retry-After"), 10, 31)
	x.plain = unread != nil
}

// find asks for the resources that a query names. It is an error when the answer is not a list.
func (c *client) find(ctx context.Context, who, target string) ([]object, error) {
	x, err := c.send(ctx, who, http.MethodGet, target, nil)
	if err != nil {
		return nil, err
	}
	var list struct {
		TotalResults *int     `json:"totalResults"`
		Resources    []object `json:"Resources"`
	}
	if err := json.Unmarshal([]byte(x.Answer), &list); err != nil {
		return nil, fmt.Errorf("push %s: the answer to a look-up is not JSON: %w", who, err)
	}
	if list.TotalResults == nil {
		return nil, fmt.Errorf("push %s: the answer to a look-up is not a list", who)
	}
	return list.Resources, nil
}

// created returns the id that the answer to a create names.
func created(x Exchange) (string, error) {
	var resource struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal([]byte(x.Answer), &resource); err != nil || resource.ID == "" {
		return "", fmt.Errorf("push %s: the answer to a create names no id", x.Who)
	}
	return resource.ID, nil
}

func id(resource object) string {
	text, _ := resource["id"].(string)
	return text
}

// equals is a filter: attribute eq "value".
func equals(attribute, value string) string {
	quoted, _ := json.Marshal(value) // a string always can be
	return attribute + " eq " + string(quoted)
}

func query(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		b.WriteByte("?&"[min(i, 1)])
		b.WriteString(pairs[i] + "=" + url.QueryEscape(pairs[i+1]))
	}
	return b.String()
}

func personName(n int) string { return fmt.Sprintf("#%d", n) }

func groupName(name string) string { return "group " + name }
