// Package scimapi is the receiver: the SCIM 2.0 service provider (RFC 7643, RFC 7644, RFC 9865) that Microsoft Entra ID and Okta push into.
//
// One URL serves every customer. The bearer key of a request names its source, the source its tenant, and nothing outside that
// scope can be seen or changed through it. A request passes, in this order:
//
//  1. authenticate: until a live key is shown, or an access token of one, every path and every method gets the same 401;
//  2. the source: one that the configuration no longer knows gets 503, one that asks too fast or too much at once 429, both with
//     Retry-After. A source waits for its own requests only;
//  3. route: 404, 405 with Allow, 501 for what is not offered, all as SCIM errors;
//  4. the verb: read the body within its limits, decide, write one state.Mutation, answer from what the store made of it.
//
// An operation of a bulk request enters at 3, so that there is one engine. The token endpoint of OAuth 2.0 stands beside all this
// (oauth.go): it is asked by those who have no token yet.
//
// Every failure ends in one function (errors.go) and leaves as a JSON SCIM error; what can be large is streamed; a stored resource
// is copied to the wire as the bytes it is kept in, unless a projection asks for less.
//
// # Queries
//
// A list, a .search and a query of the base are one search: each type's part of the filter (narrow.go) becomes a key look-up or a scan
// within a budget (query.go), and what matches becomes a page by index or by cursor (page.go, cursor.go).
//
// # Where the vendors differ from the RFCs
//
// Deviations lists every form that is taken although the RFCs do not know it, with its reason and its source; a source whose dialect is
// Strict gets none of them. The body's and the filter's live in state/scim and patch, which refuse them by CheckStrict and ApplyStrict;
// those of this package are the Authorization header's (auth.go), the body's type (call.go) and the second look for a value that was
// mangled on the way (query.go). docs/scim-dialects.md tells the same to people, and what does not depend on the dialect.
package scimapi
