package entra

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	kiotaabs "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/directory"
	"github.com/microsoftgraph/msgraph-sdk-go/groups"
	"github.com/microsoftgraph/msgraph-sdk-go/serviceprincipals"
	"github.com/microsoftgraph/msgraph-sdk-go/serviceprincipalswithappid"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

const (
	pageSize  = 999 // the most that Graph gives of people
	batchSize = 20  // the most that $batch takes (learn.microsoft.com/graph/json-batching)
)

// The request builders keep the map that they are given, so each gets its own.
func path(pairs ...string) map[string]string {
	parameters := make(map[string]string, len(pairs)/2+1)
	for i := 0; i < len(pairs); i += 2 {
		parameters[pairs[i]] = pairs[i+1]
	}
	return parameters
}

func ptr[T any](value T) *T { return &value }

// application is the request for the enterprise application of this connector.
func (c *Connector) application(ctx context.Context, names ...string) (*kiotaabs.RequestInformation, error) {
	return serviceprincipalswithappid.NewServicePrincipalsWithAppIdRequestBuilderInternal(path(), c.adapter, &c.appID).
		ToGetRequestInformation(ctx, &serviceprincipalswithappid.ServicePrincipalsWithAppIdRequestBuilderGetRequestConfiguration{
			QueryParameters: &serviceprincipalswithappid.ServicePrincipalsWithAppIdRequestBuilderGetQueryParameters{Select: names},
		})
}

func (c *Connector) assignedTo(ctx context.Context, servicePrincipal string) (*kiotaabs.RequestInformation, error) {
	return serviceprincipals.NewItemAppRoleAssignedToRequestBuilderInternal(path("servicePrincipal%2Did", servicePrincipal), c.adapter).
		ToGetRequestInformation(ctx, &serviceprincipals.ItemAppRoleAssignedToRequestBuilderGetRequestConfiguration{
			QueryParameters: &serviceprincipals.ItemAppRoleAssignedToRequestBuilderGetQueryParameters{Top: ptr(int32(pageSize))},
		})
}

// members is the request for the people whom an assigned group brings: its direct members or, where that is configured, also those of
// the groups within it.
func (c *Connector) members(ctx context.Context, group guid, names []string, top int32, expand ...string) (*kiotaabs.RequestInformation, error) {
	if !c.transitive {
		return c.directMembers(ctx, group, names, top, expand...)
	}
	return groups.NewItemTransitiveMembersGraphUserRequestBuilderInternal(path("group%2Did", group.String()), c.adapter).
		ToGetRequestInformation(ctx, &groups.ItemTransitiveMembersGraphUserRequestBuilderGetRequestConfiguration{
			Headers:         eventual(),
			QueryParameters: &groups.ItemTransitiveMembersGraphUserRequestBuilderGetQueryParameters{Select: names, Top: &top, Count: ptr(true)},
		})
}

func (c *Connector) directMembers(ctx context.Context, group guid, names []string, top int32, expand ...string) (*kiotaabs.RequestInformation, error) {
	return groups.NewItemMembersGraphUserRequestBuilderInternal(path("group%2Did", group.String()), c.adapter).
		ToGetRequestInformation(ctx, &groups.ItemMembersGraphUserRequestBuilderGetRequestConfiguration{
			QueryParameters: &groups.ItemMembersGraphUserRequestBuilderGetQueryParameters{Select: names, Top: &top, Expand: expand},
		})
}

func (c *Connector) everyone(ctx context.Context, names []string, top int32, expand ...string) (*kiotaabs.RequestInformation, error) {
	return users.NewUsersRequestBuilderInternal(path(), c.adapter).
		ToGetRequestInformation(ctx, &users.UsersRequestBuilderGetRequestConfiguration{
			QueryParameters: &users.UsersRequestBuilderGetQueryParameters{Select: names, Top: &top, Expand: expand},
		})
}

// directorySize is the request for the number of people in the directory, which comes beside one of them.
func (c *Connector) directorySize(ctx context.Context) (*kiotaabs.RequestInformation, error) {
	return users.NewUsersRequestBuilderInternal(path(), c.adapter).
		ToGetRequestInformation(ctx, &users.UsersRequestBuilderGetRequestConfiguration{
			Headers:         eventual(),
			QueryParameters: &users.UsersRequestBuilderGetQueryParameters{Select: []string{"id"}, Top: ptr(int32(1)), Count: ptr(true)},
		})
}

// assignmentsOf is the request for a person's own assignments to an application. Without the count, lists of people with many
// assignments may not be whole (learn.microsoft.com/graph/api/user-list-approleassignments).
func (c *Connector) assignmentsOf(ctx context.Context, person, application guid) (*kiotaabs.RequestInformation, error) {
	return users.NewItemAppRoleAssignmentsRequestBuilderInternal(path("user%2Did", person.String()), c.adapter).
		ToGetRequestInformation(ctx, &users.ItemAppRoleAssignmentsRequestBuilderGetRequestConfiguration{
			Headers: eventual(),
			QueryParameters: &users.ItemAppRoleAssignmentsRequestBuilderGetQueryParameters{
				Filter: ptr("resourceId eq " + application.String()), Count: ptr(true),
			},
		})
}

// eventual is the header of advanced queries: casts of nested members and counts come from an index that has to be asked for by name,
// and allow no $expand (learn.microsoft.com/graph/aad-advanced-queries).
func eventual() *kiotaabs.RequestHeaders {
	headers := kiotaabs.NewRequestHeaders()
	headers.Add("ConsistencyLevel", "eventual")
	return headers
}

func (c *Connector) recycleBin(ctx context.Context, names []string, top int32) (*kiotaabs.RequestInformation, error) {
	return directory.NewDeletedItemsGraphUserRequestBuilderInternal(path(), c.adapter).
		ToGetRequestInformation(ctx, &directory.DeletedItemsGraphUserRequestBuilderGetRequestConfiguration{
			QueryParameters: &directory.DeletedItemsGraphUserRequestBuilderGetQueryParameters{Select: names, Top: &top},
		})
}

// send makes one call and returns the body of its answer.
func (c *Connector) send(ctx context.Context, request *kiotaabs.RequestInformation) (string, error) {
	request.Headers.TryAdd("x-ms-throttle-priority", "low") // people who work come first
	answer, err := c.adapter.SendPrimitive(ctx, request, "[]byte", nil)
	if err != nil {
		return "", err
	}
	body, ok := answer.([]byte)
	if !ok {
		return "", errors.New("the answer is empty")
	}
	return string(body), nil
}

// pages makes a request and follows its links. read is called with each page, may see an empty one, and returns the next link and a
// word that tells the page from others: its first id. A rest.Listing watches over them.
//
// The SDK's page iterator is not used: it drops the first request's headers on later pages and does not map their errors.
func (c *Connector) pages(ctx context.Context, request *kiotaabs.RequestInformation, read func(page string) (next, first string, err error)) error {
	body, err := c.send(ctx, request)
	if err != nil {
		return err
	}
	return c.follow(ctx, body, request.Headers, read)
}

// follow is pages from the second one on.
func (c *Connector) follow(ctx context.Context, body string, headers *kiotaabs.RequestHeaders, read func(page string) (next, first string, err error)) error {
	var listing rest.Listing
	for {
		next, first, err := read(body)
		if err != nil || next == "" {
			return err
		}
		if err := listing.Next(first, next); err != nil {
			return err
		}
		link, err := url.Parse(strings.Clone(next))
		if err != nil {
			return errors.New("the link to the next page is no URL")
		}
		request := kiotaabs.NewRequestInformation()
		request.Method, request.Headers = kiotaabs.GET, headers
		request.SetUri(*link)
		if body, err = c.send(ctx, request); err != nil {
			return err
		}
	}
}

// get makes one call for what the SDK has no builder of. It is at the configured host, whatever path says.
func (c *Connector) get(ctx context.Context, base, path string) (string, error) {
	link, err := url.Parse(base + path)
	if err != nil {
		return "", errors.New("the address is no URL")
	}
	request := kiotaabs.NewRequestInformation()
	request.Method = kiotaabs.GET
	request.SetUri(*link)
	return c.send(ctx, request)
}

// ask is one request of a batch.
type ask struct {
	path     string // relative to the Graph URL
	eventual bool   // an advanced query
}

// inBatch makes one request of a batch out of a call of its own.
func inBatch(request *kiotaabs.RequestInformation) (ask, error) {
	request.PathParameters["baseurl"] = ""
	uri, err := request.GetUri()
	if err != nil {
		return ask{}, err
	}
	return ask{path: uri.RequestURI(), eventual: request.Headers.ContainsKey("ConsistencyLevel")}, nil
}

// item is the answer to one request of a batch.
type item struct {
	body string
	err  error // a *connectors.Error without Op
}

// batch asks up to 20 things in one call, and returns their answers in the same order. Items that were throttled or failed on the way
// are asked for again, alone, as often and as long as a call would be.
func (c *Connector) batch(ctx context.Context, asks []ask) ([]item, error) {
	items := make([]item, len(asks))
	open := make([]int, len(asks))
	for i := range open {
		open[i] = i
	}
	waited := time.Duration(0)
	for try := 1; ; try++ {
		answers, err := c.sendBatch(ctx, asks, open)
		if err != nil {
			return nil, err
		}
		var again []int
		wait := rest.Backoff(try)
		for i, answer := range answers {
			at := open[i]
			failure, worth := answer.failure()
			if failure == nil {
				items[at] = item{body: answer.body}
				continue
			}
			if failure.Status == http.StatusTooManyRequests {
				c.transport.Hold(failure.RetryAfter)
			}
			if items[at].err = failure; worth {
				wait = max(wait, failure.RetryAfter)
				again = append(again, at)
			}
		}
		if len(again) == 0 {
			return items, nil
		}
		if waited += wait; try == rest.Tries || waited > rest.Patience {
			return nil, items[again[0]].err
		}
		open = again
		if err := c.transport.Pause(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// sendBatch asks asks[open[i]] and returns the answers in that order.
func (c *Connector) sendBatch(ctx context.Context, asks []ask, open []int) ([]batchAnswer, error) {
	var body strings.Builder
	body.WriteString(`{"requests":[`)
	for i, at := range open {
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"id":"%d","method":"GET","url":%q`, i, asks[at].path)
		if asks[at].eventual {
			body.WriteString(`,"headers":{"ConsistencyLevel":"eventual"}`)
		}
		body.WriteByte('}')
	}
	body.WriteString(`]}`)

	request := kiotaabs.NewRequestInformationWithMethodAndUrlTemplateAndPathParameters(kiotaabs.POST, "{+baseurl}/$batch", path())
	request.Headers.Add("Accept", "application/json")
	request.SetStreamContentAndContentType([]byte(body.String()), "application/json")
	answer, err := c.send(ctx, request)
	if err != nil {
		return nil, err
	}
	return scanBatch(answer, len(open))
}

// batchAnswer is one of a batch's responses.
type batchAnswer struct {
	status int
	header http.Header
	body   string
}

// failure is what is wrong with the answer, or nil, and whether to ask again.
func (a *batchAnswer) failure() (failure *connectors.Error, again bool) {
	switch {
	case a.status == 0:
		return &connectors.Error{Kind: connectors.ErrIncomplete, Detail: "the answer to a batch leaves requests out"}, false
	case a.status < 200 || a.status > 299:
		failure = explain(a.status, nil, []byte(a.body))
		failure.Status = a.status
		failure.Detail = cmp.Or(failure.Detail, fmt.Sprintf("HTTP status %d in a batch", a.status))
		failure.RetryAfter = retryAfter(a.header)
		return failure, rest.Worth(a.status) || failure.Kind == connectors.ErrThrottled
	case !strings.HasPrefix(a.body, "{"):
		return &connectors.Error{Kind: connectors.ErrIncomplete, Detail: "an answer in a batch is empty or broken off"}, true
	}
	return nil, false
}

// scanBatch takes the answer to a batch of n requests numbered from 0. Responses come in any order; one that is missing has no status.
func scanBatch(text string, n int) ([]batchAnswer, error) {
	answers := make([]batchAnswer, n)
	s := rest.Scan(text)
	err := s.Object(func(name string) error {
		if name != "responses" {
			return s.Skip()
		}
		return s.Array(func() error {
			var a batchAnswer
			var id, status connectors.Value
			err := s.Object(func(name string) (err error) {
				switch name {
				case "id":
					id, err = s.Value()
				case "status":
					status, err = s.Value()
				case "headers":
					a.header, err = scanHeader(&s)
				case "body":
					a.body, err = s.Raw()
				default:
					err = s.Skip()
				}
				return err
			})
			a.status, _ = strconv.Atoi(status.Text)
			if i, failed := strconv.Atoi(id.Text); failed == nil && i >= 0 && i < n {
				answers[i] = a
			}
			return err
		})
	})
	if err == nil {
		err = s.End()
	}
	return answers, err
}

func scanHeader(s *rest.Scanner) (http.Header, error) {
	header := http.Header{}
	err := s.Object(func(name string) error {
		value, err := s.Value()
		header.Set(name, value.Text)
		return err
	})
	return header, err
}
