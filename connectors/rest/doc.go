// Package rest is what connectors to REST APIs share: a patient transport that talks to one host only and hands on nothing but whole
// JSON answers, a pace that leaves most of the provider's rate limit to others, a scanner that reads a page of JSON without building a
// tree of it, and the bookkeeping of pulls, listings and steps.
//
// The transport exists because no vendor SDK can be trusted with failures: they retry too little, wait too short, lose the status,
// loop on a closed connection or panic on an unexpected error body. Below the transport there are no failures to see: an SDK gets a
// good answer, or an error of the connectors' vocabulary that it passes through.
package rest
