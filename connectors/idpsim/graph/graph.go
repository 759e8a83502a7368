// Package graph shows a population as Microsoft Graph v1.0 shows an Entra tenant: the parts of it that say who is assigned to an
// application. What it does not know it refuses, as Graph would, so that no request succeeds by luck.
package graph

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/internal/wire"
)

// Application permissions that matter here.
const (
	ApplicationRead      = "Application.Read.All"
	GroupMemberRead      = "GroupMember.Read.All"
	UserRead             = "User.Read.All"
	MemberReadHidden     = "Member.Read.Hidden"
	DirectoryRead        = "Directory.Read.All"
	SynchronizationRead  = "Synchronization.Read.All"
	SynchronizationWrite = "Synchronization.ReadWrite.All"
	OwnedBy              = "Application.ReadWrite.OwnedBy" // the applications that one owns, which is taken to be so here
)

// wider are the permissions that include another.
var wider = map[string][]string{
	ApplicationRead: {DirectoryRead, OwnedBy, "Application.ReadWrite.All"},
	GroupMemberRead: {DirectoryRead, "Group.Read.All", "Group.ReadWrite.All", "GroupMember.ReadWrite.All"},
	UserRead:        {DirectoryRead, "User.ReadWrite.All"},
}

// Options of an API. The zero Options make one that wants any bearer token and has granted what a puller needs at least.
type Options struct {
	Token       string                    // the only bearer token that is accepted, unless one of the next is given
	Accept      func(token string) bool   // says whether a token is good, such as login.Server.Valid
	Judge       func(token string) Bearer // says more of a token than Accept
	Permissions []string                  // granted to the caller from now on; nil is what the population says
	Quota       int                       // resource units per 10 seconds; 0: nothing is throttled. The vendor's is 3,500 to 8,000
	Faults      *idpsim.Faults
}

// Bearer is what a token is worth.
type Bearer struct {
	Good   bool
	Roles  []string // the permissions that it carries; nil: whatever is granted by now
	Claims string   // of a token that is not good: what the next one is to be asked for with; "" is a plain refusal
}

// API is the simulated Graph. It is an http.Handler for /v1.0/….
type API struct {
	population *idpsim.Population
	judge      func(string) Bearer
	bucket     bucket
	calls      atomic.Int64
	handler    http.Handler
}

// New makes an API that shows a population.
func New(population *idpsim.Population, o Options) *API {
	a := &API{population: population, judge: o.Judge, bucket: bucket{now: population.Now, quota: float64(o.Quota)}}
	if o.Accept == nil {
		o.Accept = func(token string) bool { return token != "" && (o.Token == "" || token == o.Token) }
	}
	if a.judge == nil {
		a.judge = func(token string) Bearer { return Bearer{Good: o.Accept(token)} }
	}
	if o.Permissions != nil {
		a.Grant(o.Permissions...)
	}
	a.handler = o.Faults.Handler(vendorFault, http.HandlerFunc(a.route))
	return a
}

// Grant replaces the permissions of the caller.
func (a *API) Grant(permissions ...string) { a.population.SetPermissions(permissions...) }

// Calls counts the requests so far. Those within a batch count for themselves, and the batch too.
func (a *API) Calls() int { return int(a.calls.Load()) }

// ServeHTTP is safe for concurrent use.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.calls.Add(1)
	a.handler.ServeHTTP(w, r)
}

// route finds who answers. Faults have been dealt with.
func (a *API) route(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("request-id", requestID)
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	var bearer Bearer
	if ok {
		bearer = a.judge(token)
	}
	if !bearer.Good {
		unauthorised(w, r, bearer.Claims)
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/v1.0/")
	if !ok {
		fail(w, http.StatusNotFound, "InvalidVersion", "Only version v1.0 is here.")
		return
	}
	if bearer.Roles == nil {
		bearer.Roles = a.population.Permissions()
	}
	c := &call{api: a, w: w, r: r, granted: bearer.Roles, stale: idpsim.Struck(r, idpsim.Stale)}
	if at := strings.Split(strings.TrimSuffix(path, "/"), "/"); c.admit(at) {
		c.dispatch(at)
	}
}

// call is one request on its way to an answer.
type call struct {
	api     *API
	w       http.ResponseWriter
	r       *http.Request
	granted []string
	stale   bool
}

// may says whether the caller has a permission, or one that includes it.
func (c *call) may(permission string) bool {
	return slices.Contains(c.granted, permission) || slices.ContainsFunc(wider[permission], func(one string) bool { return slices.Contains(c.granted, one) })
}

// read calls f with the population, or with what a stale replica shows of it.
func (c *call) read(f func(*idpsim.View)) {
	if c.stale {
		c.api.population.ReadStale(f)
		return
	}
	c.api.population.Read(f)
}

func (c *call) dispatch(at []string) {
	method := http.MethodGet
	serve := c.get(at)
	if serve == nil {
		method = http.MethodPost
		serve = c.post(at)
	}
	switch {
	case serve == nil:
		fail(c.w, http.StatusBadRequest, "BadRequest", "Resource not found for the segment '"+at[0]+"'.")
	case c.r.Method != method:
		fail(c.w, http.StatusMethodNotAllowed, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
	default:
		serve()
	}
}

// cast says whether a path segment narrows a collection to users.
func cast(segment string) bool { return segment == "graph.user" || segment == "microsoft.graph.user" }

func (c *call) get(at []string) func() {
	two := func(first string) bool { return len(at) == 2 && at[0] == first }
	three := func(first, last string) bool { return len(at) == 3 && at[0] == first && at[2] == last }
	if id, ok := alternateKey(at[0]); ok {
		at = append([]string{"servicePrincipals", id}, at[1:]...)
	}
	switch {
	case len(at) == 1 && at[0] == "users":
		return c.users
	case len(at) == 1 && at[0] == "servicePrincipals":
		return c.servicePrincipals
	case len(at) == 1 && at[0] == "organization":
		return c.organization
	case two("users") && (at[1] == "delta" || at[1] == "delta()"):
		return func() { c.delta(ofUsers) }
	case two("groups") && (at[1] == "delta" || at[1] == "delta()"):
		return func() { c.delta(ofGroups) }
	case two("users") && at[1] == "$count":
		return c.countUsers
	case two("users"):
		return func() { c.user(at[1]) }
	case three("users", "appRoleAssignments"):
		return func() { c.assignmentsOf(at[1]) }
	case two("servicePrincipals"):
		return func() { c.servicePrincipal(at[1]) }
	case three("users", "manager"):
		return func() { c.manager(at[1]) }
	case three("servicePrincipals", "appRoleAssignedTo"):
		return func() { c.assignedTo(at[1]) }
	case len(at) > 3 && at[0] == "servicePrincipals" && at[2] == "synchronization":
		return c.synchronization(at[1], at[3:])
	case two("groups"):
		return func() { c.group(at[1]) }
	case len(at) >= 3 && at[0] == "groups" && (at[2] == "members" || at[2] == "transitiveMembers"):
		return c.getMembers(membership{group: at[1], transitive: at[2] == "transitiveMembers"}, at[3:])
	case len(at) == 3 && at[0] == "directory" && at[1] == "deletedItems" && cast(at[2]):
		return c.deletedUsers
	case len(at) == 3 && at[0] == "directory" && at[1] == "deletedItems":
		return func() { c.deletedItem(at[2]) }
	}
	return nil
}

// getMembers finds who answers for the members of a group, from what follows in the path.
func (c *call) getMembers(m membership, rest []string) func() {
	switch {
	case len(rest) == 0:
		return func() { c.members(m) }
	case len(rest) == 1 && rest[0] == "$count":
		return func() { c.countMembers(m) }
	case len(rest) == 1 && cast(rest[0]):
		m.onlyUsers = true
		return func() { c.members(m) }
	case len(rest) == 2 && cast(rest[0]) && rest[1] == "$count":
		m.onlyUsers = true
		return func() { c.countMembers(m) }
	}
	return nil
}

func (c *call) post(at []string) func() {
	switch {
	case len(at) == 1 && at[0] == "$batch":
		return c.batch
	case len(at) == 2 && at[0] == "directoryObjects" && at[1] == "getByIds":
		return c.getByIDs
	case len(at) == 3 && at[0] == "users" && at[2] == "checkMemberGroups":
		return func() { c.checkMemberGroups(at[1]) }
	case len(at) == 7 && at[0] == "servicePrincipals" && at[2] == "synchronization" && at[3] == "jobs" && at[5] == "schema" && at[6] == "parseExpression":
		return func() { c.parse(at[1], at[4]) }
	}
	return nil
}

// alternateKey reads servicePrincipals(appId='…') and returns the part between the quotes, marked as such.
func alternateKey(segment string) (string, bool) {
	rest, ok := strings.CutPrefix(segment, "servicePrincipals(appId='")
	if !ok {
		return "", false
	}
	id, ok := strings.CutSuffix(rest, "')")
	return byAppID + id, ok
}

// byAppID marks an id in a path as an application id.
const byAppID = "appId="

// needs answers 403 unless the caller has the permission.
func (c *call) needs(permission string) bool { return c.needsOne([]string{permission}) }

// needsOne answers 403 unless the caller has one of the permissions.
func (c *call) needsOne(permissions []string) bool {
	if slices.ContainsFunc(permissions, c.may) {
		return true
	}
	forbidden(c.w)
	return false
}

// advanced says whether the caller asked for what Graph calls advanced queries.
func (c *call) advanced() bool {
	return strings.EqualFold(c.r.Header.Get("ConsistencyLevel"), "eventual")
}

// requestID stands in every answer; it is the same always, as answers are to be repeatable.
const requestID = "5c1f9a6e-0d4b-4a53-8d0c-6f5a1c2b7e90"

// write sends a whole JSON body.
func write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8")
	w.Header().Set("OData-Version", "4.0")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// fail sends a Graph error.
func fail(w http.ResponseWriter, status int, code, message string) {
	b := []byte(`{"error":{"code":`)
	b = wire.AppendString(b, code)
	b = append(b, `,"message":`...)
	b = wire.AppendString(b, message)
	b = append(b, `,"innerError":{"date":`...)
	b = wire.AppendString(b, time.Now().UTC().Format("2006-01-02T15:04:05"))
	b = append(b, `,"request-id":"`+requestID+`","client-request-id":"`+requestID+`"}}}`...)
	write(w, status, b)
}

// unauthorised refuses a token. With claims it is the challenge of continuous access evaluation.
func unauthorised(w http.ResponseWriter, r *http.Request, claims string) {
	message := "Access token validation failure."
	challenge := `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"`
	switch {
	case r.Header.Get("Authorization") == "":
		message = "Access token is empty."
	case claims != "":
		message = "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp."
		challenge += `, error="insufficient_claims", claims="` + base64.StdEncoding.EncodeToString([]byte(claims)) + `"`
	}
	w.Header().Set("WWW-Authenticate", challenge)
	fail(w, http.StatusUnauthorized, "InvalidAuthenticationToken", message)
}

func forbidden(w http.ResponseWriter) {
	fail(w, http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
}

func notFound(w http.ResponseWriter, id string) {
	fail(w, http.StatusNotFound, "Request_ResourceNotFound",
		"Resource '"+id+"' does not exist or one of its queried reference-property objects are not present.")
}

func badRequest(w http.ResponseWriter, message string) {
	fail(w, http.StatusBadRequest, "Request_BadRequest", message)
}

func unsupported(w http.ResponseWriter, message string) {
	fail(w, http.StatusBadRequest, "Request_UnsupportedQuery", message)
}

// vendorFault answers with a failure in Graph's words.
func vendorFault(w http.ResponseWriter, r *http.Request, name string, wait time.Duration) {
	switch name {
	case idpsim.Throttle:
		tooMany(w, wholeSeconds(wait))
	case idpsim.ThrottleDate:
		tooMany(w, time.Now().Add(wait).UTC().Format(http.TimeFormat))
	case idpsim.ThrottleBare, idpsim.Concurrency:
		fail(w, http.StatusTooManyRequests, "TooManyRequests", "Too many requests.")
	case idpsim.ThrottleDenied:
		w.Header().Set("Retry-After", wholeSeconds(wait))
		fail(w, http.StatusForbidden, "TooManyRequests", "The request has been throttled.")
	case idpsim.Unavailable:
		fail(w, http.StatusServiceUnavailable, "serviceNotAvailable", "The service is temporarily unavailable.")
	case idpsim.GatewayTimeout:
		fail(w, http.StatusGatewayTimeout, "GatewayTimeout", "The request timed out.")
	case idpsim.ServerError:
		fail(w, http.StatusInternalServerError, "InternalServerError", "An unexpected error occurred.")
	case idpsim.Unauthorised:
		unauthorised(w, r, "")
	case idpsim.Challenge:
		unauthorised(w, r, `{"access_token":{"nbf":{"essential":true,"value":"`+strconv.FormatInt(time.Now().Unix(), 10)+`"}}}`)
	case idpsim.Forbidden:
		forbidden(w)
	default:
		idpsim.PlainFault(w, r, name, wait)
	}
}
