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
	"strings"
	"sync"

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

	mu  sync.Mutex
	log []Exchange
}

func newClient(o Options, header http.Header) *client {
	if o.HTTP == nil {
		o.HTTP = http.DefaultClient
	}
	o.URL = strings.TrimSuffix(o.URL, "/")
	o.Workers = max(o.Workers, 1)
	header.Set("Authorization", "Bearer "+o.Key)
	return &client{Options: o, header: header}
}

// Log returns all requests so far, with their answers.
func (c *client) Log() []Exchange {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.log)
}

// Forget empties the log.
func (c *client) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log = nil
}

// object is a JSON object.
type object = map[string]any

// send carries out one request. An answer other than 2xx is an error; so is no answer. A lost request has no answer and no error.
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
	} else {
		c.exchange(ctx, &x)
	}
	c.mu.Lock()
	c.log = append(c.log, x)
	c.mu.Unlock()
	switch {
	case x.Err != nil:
		return x, fmt.Errorf("push %s: %s: %w", who, method, x.Err)
	case !x.Lost && (x.Status < 200 || x.Status > 299):
		return x, fmt.Errorf("push %s: %s was answered %d", who, method, x.Status)
	}
	return x, nil
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
