package state

import "context"

// History reads what is kept about one account or group, newest first, for those who explain it. Each call is one look: it costs a walk
// through what the source has kept of the kind asked for, and holds in memory only what it returns. Texts are ids: they are found as
// they stand, quotes and all, and no text finds nothing.
type History interface {
	// LastEntries returns the newest journal entries of one resource.
	LastEntries(ctx context.Context, scope Scope, id ID, limit int) ([]Entry, error)
	// MembershipEntries returns the newest entries of the source's groups by which a resource joined or left one, also of groups that
	// are gone.
	MembershipEntries(ctx context.Context, scope Scope, member ID, limit int) ([]Entry, error)
	// RunsNaming returns the newest runs whose report has one of the texts.
	RunsNaming(ctx context.Context, scope Scope, texts []string, limit int) ([]Run, error)
	// PlansNaming returns the newest plans, whatever has become of them, whose body has one of the texts.
	PlansNaming(ctx context.Context, scope Scope, texts []string, limit int) ([]HeldPlan, error)
	// SuspicionsOf returns what is remembered of some people, by person and fact.
	SuspicionsOf(ctx context.Context, scope Scope, people []string) ([]Suspicion, error)
	// FailedRequests returns the newest requests that were kept because they failed.
	FailedRequests(ctx context.Context, scope Scope, limit int) ([]Request, error)
}
