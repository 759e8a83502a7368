// Package state is the record: who has an account, which groups exist, who is in them, and how it came to be so.
//
// It holds the nouns (Record, Mutation, Entry, Source, Key, Run, HeldPlan), the pure rules that every store shares (match keys,
// query splitting, what a mutation really changes) and the contract of a store, cut into small roles. It holds no SQL: a store
// such as state/sqlite implements the roles, and state/statetest is the suite that all of them pass.
//
// # Scope
//
// Every look and every change names a Scope, a tenant and one of its sources. Nothing can be read or written without one, so
// nothing crosses from one tenant to another by an oversight. A miss in a foreign scope is ErrNotFound like any other miss.
//
// # Said and in force
//
// Active state exists twice. Said is what the identity provider told us last and is what SCIM answers show; InForce is what
// holds for the application. They differ only while a change is staged or the account is pinned.
package state
