// Package scim is the language of the record (RFC 7643): JSON values, schemas, resources in canonical form, attribute paths and
// filters. It is pure: it reads no clock, no file and no network, starts nothing and keeps nothing from one call to the next but empty buffers. Everything in it is safe for
// concurrent use, as nothing is changed once it is made.
//
// What an identity provider sends goes one way: ReadJSON makes a Value of the bytes, ResourceType.Normalize a canonical resource
// of the Value, and Value.AppendJSON the bytes that are kept. Decode reads those back.
//
// Whatever is wrong with a request is told as an *Error. Its Detail names the attribute, the shape that was found and the shape that
// is wanted, never the value, which may be personal.
package scim
