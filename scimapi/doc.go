// Package scimapi is the receiver: the SCIM 2.0 service provider (RFC 7643, RFC 7644) that Microsoft Entra ID and Okta push into.
//
// One URL serves every customer. The bearer key of a request names its source, the source its tenant, and nothing outside that
// scope can be seen or changed through it. A request passes, in this order:
//
//  1. authenticate: until a live key is shown, every path and every method gets the same 401;
//  2. the source: one that the configuration no longer knows gets 503, one that asks too fast 429, both with Retry-After;
//  3. route: 404, 405 with Allow, 501 for what is not offered, all as SCIM errors;
//  4. the verb: read the body within its limits, decide, write one state.Mutation, answer from what the store made of it.
//
// Every failure ends in one function (errors.go) and leaves as a JSON SCIM error; what can be large is streamed; a stored resource
// is copied to the wire as the bytes it is kept in, unless a projection asks for less.
//
// # Where the vendors differ from the RFC
//
// Deviations live where they act and name their source. Those of this package: the tolerant Authorization header (auth.go), the
// second look for a value that was encoded twice or lost its plus sign (query.go), and the answers to PATCH: 200 with the user, 204
// for a group, the one choice that suits both vendors (resource.go). What a body or a filter means is state/scim's and patch's.
//
// A filter on userName finds a user by exactly that name, letter case apart, and never by an e-mail address as well: of two people
// who share a text, one as a name and one as an address, the wrong one could otherwise be linked and taken over.
package scimapi
