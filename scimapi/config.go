package scimapi

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"rollcall/state"
)

// Store is what the receiver needs of the record.
type Store interface {
	state.Records
	state.Writer
	KeyStore
	// LogRequest is that of state.Requests.
	LogRequest(state.Request)
}

// KeyStore is the part of state.Keys that opens a door and notes that it was opened.
type KeyStore interface {
	KeyByHash(ctx context.Context, hash state.KeyHash) (state.Key, error)
	ListKeys(ctx context.Context, scope state.Scope) ([]state.Key, error)
	TouchKey(ctx context.Context, key state.Key, at time.Time) error
}

// Source is what the configuration says of a source to the receiver.
type Source struct {
	Tenant  string
	Dialect Dialect
	Types   Types   // zero: Config.Types
	Rate    float64 // requests per second, with bursts of twice as many; 0 = no limit
	// Gate bounds the accounts in force that pushes make inactive or take away: what it holds is staged. nil: all is in force at once.
	Gate state.Gate
	// Protects tells whose removal always waits, by what is recorded of them. The first change by a push makes that a property of the
	// account: a new name takes it from nobody. nil: it is nobody's.
	Protects func(*state.Record) bool
}

// DefaultRate is far above what the vendors ask for: Entra's gallery wants 25 requests per second and tenant.
const DefaultRate = 200

// Metrics counts. Its methods are called concurrently and must not block.
type Metrics interface {
	// Answered is called once for each request. source and endpoint are "" until a key told whose it is; method is a known HTTP method
	// or "other".
	Answered(source, endpoint, method string, status int, took time.Duration)
	// Noticed counts events an operator should hear of.
	Noticed(source string, event Event, n int)
}

// Event is something worth counting that is no failure, or not only.
type Event string

const (
	UnknownAttribute Event = "unknown_attribute" // sent, known to no schema, left out
	UnknownForm      Event = "unknown_form"      // a known attribute was sent in a form that nobody understands: refused
	UnknownID        Event = "unknown_id"        // a request for a resource we don't have: the provider remembers an id that is gone
	Deactivated      Event = "deactivated"       // an account became inactive by a push
	Staged           Event = "staged"            // the gate holds it: said by a push, not in force
	KeyExpiring      Event = "key_expiring"      // a key in use expires within KeyWarning; at most once a day and key
	Crowded          Event = "crowded"           // a request found no turn in time and was told to come back
)

// KeyWarning is how long before its end the use of a key is noticed as KeyExpiring.
const KeyWarning = 14 * 24 * time.Hour

type noMetrics struct{}

func (noMetrics) Answered(string, string, string, int, time.Duration) {}
func (noMetrics) Noticed(string, Event, int)                          {}

// Config is what a Handler is made of.
type Config struct {
	Store   Store
	Sources func(name string) (Source, bool) // asked for each request; false: dormant, not in the configuration
	Types   Types                            // of sources that have none of their own; zero: RFC 7643's

	BasePath       string         // "/auth/scim" when empty
	PublicURL      string         // scheme and host that Location names, "" = those the request came to
	TrustedProxies []netip.Prefix // whose X-Forwarded-Proto and X-Forwarded-Host count

	TokenPath string // where OAuth clients get access tokens; "/auth/token" when empty
	// Staged, unless nil, is called when the gate has held a push, once that is on disk, on the request's goroutine. It must not block.
	Staged func(scope state.Scope, id state.ID)

	// TokenSecret is what access tokens are sealed with, at least 32 bytes. When nil it is drawn at random, once for the process: tokens
	// then end with it, and whoever holds one has to ask for another.
	TokenSecret []byte

	Limits  Limits // zero fields take DefaultLimits
	Metrics Metrics
	Now     func() time.Time // time.Now when nil
	Log     *slog.Logger     // slog.Default() when nil
}
