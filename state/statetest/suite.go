package statetest

import (
	"sync"
	"testing"
	"time"

	"rollcall/state"
	"rollcall/state/scim"
)

// Open makes an empty store that goes by the clock given and is closed when the test ends.
type Open func(t testing.TB, now func() time.Time) Store

// Run is the suite. Every store passes it; a test of a store is a function that opens it and this call.
func Run(t *testing.T, open Open) {
	for _, part := range []struct {
		name string
		test func(*testing.T, *fixture)
	}{
		{"create and read", testCreate},
		{"replace", testReplace},
		{"no change", testNoChange},
		{"unique names", testUnique},
		{"find", testFind},
		{"scan", testScan},
		{"scopes", testScopes},
		{"callbacks may use the store", testCallbacks},
		{"malformed mutations", testMalformed},
		{"said and in force", testLife},
		{"pins", testPins},
		{"links", testLinks},
		{"delete, restore, purge", testRemoval},
		{"members", testMembers},
		{"members who go and come back", testMembersRemoval},
		{"many members", testManyMembers},
		{"groups of many", testGroups},
		{"members by the page", testSeats},
		{"one refused spares its neighbours", testNeighbours},
		{"bulk", testBulk},
		{"many callers at once", testManyCallers},
		{"index and agreements", testIndex},
		{"stamps", testStamp},
		{"sources", testSources},
		{"leases", testLeases},
		{"stale epochs", testEpochs},
		{"keys", testKeys},
		{"last use of keys", testTouch},
		{"runs", testRuns},
		{"held plans", testPlans},
		{"suspicions", testSuspicions},
		{"cursors", testCursors},
		{"the key of seals", testSealKey},
		{"journal", testJournal},
		{"ledger", testLedger},
		{"requests", testRequests},
		{"what is kept about one", testPast},
		{"gate", testGate},
		{"staged", testStaged},
		{"staged DELETE", testStagedDelete},
		{"retention and readers", testTrim},
		{"alarms", testAlarms},
		{"groups that lose many", testGroupLosses},
		{"erase", testErase},
		{"erase what is old", testEraseOfOld},
		{"erase a tenant", testBlankTenant},
		{"rename a source", testRename},
		{"move records", testMove},
		{"operators", testOperators},
		{"sign-in links", testSignInLinks},
		{"sessions", testSessions},
		{"invites", testInvites},
		{"deeds", testDeeds},
		{"what is listed", testListed},
		{"pages while records change", testPages},
		{"search", testSearch},
		{"search in what moved", testMoved},
		{"days", testDays},
		{"heads of runs, plans and requests", testHeads},
		{"cancelled contexts", testCancelled},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, newFixture(t, open)) })
	}
	t.Run("random lists", func(t *testing.T) { testLists(t, open) })
	t.Run("random histories", func(t *testing.T) { testHistories(t, open) })
}

// Clock is a clock that stands until it is moved. It is safe for concurrent use.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// NewClock returns a clock that shows an hour of no particular meaning.
func NewClock() *Clock { return NewClockAt(time.Date(2031, 4, 5, 6, 7, 8, 9_000_000, time.UTC)) }

// NewClockAt returns a clock that shows a time.
func NewClockAt(at time.Time) *Clock { return &Clock{at: at} }

// Now is the time shown.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// fixture is an empty store with two sources of one tenant and one of another.
type fixture struct {
	Store
	clock *Clock
}

var (
	here      = state.Scope{Tenant: "acme", Source: "acme-entra"}
	beside    = state.Scope{Tenant: "acme", Source: "acme-okta"}
	elsewhere = state.Scope{Tenant: "globex", Source: "globex-okta"}
	pushed    = state.Cause{Kind: state.CausePush, Actor: "key-1"}
	pulled    = state.Cause{Kind: state.CausePull, Actor: "schedule", Run: "run-1", Reason: "disabled_at_source"}
	operator  = state.Cause{Kind: state.CauseOperator, Actor: "olga", Note: "asked for"}
	approved  = state.Cause{Kind: state.CauseApproval, Actor: "olga"}
	undone    = state.Cause{Kind: state.CauseUndo, Actor: "olga"}
)

func newFixture(t testing.TB, open Open) *fixture {
	clock := NewClock()
	f := &fixture{Store: open(t, clock.Now), clock: clock}
	for _, scope := range []state.Scope{here, beside, elsewhere} {
		if _, err := f.EnsureSource(t.Context(), scope, "entra"); err != nil {
			t.Fatalf("EnsureSource: %v", err)
		}
	}
	return f
}

// parse reads a resource for a test.
func parse(t testing.TB, text string) scim.Value {
	t.Helper()
	v, err := scim.ReadJSON([]byte(text), scim.DefaultLimits)
	if err != nil {
		t.Fatalf("ReadJSON(%s): %v", text, err)
	}
	return v
}

// write carries out one mutation, which nothing stands against.
func (f *fixture) write(t testing.TB, m state.Mutation) state.Result {
	t.Helper()
	result := f.try(t, m)
	if result.Err != nil {
		t.Fatalf("Write(%s %s): %v", m.Kind, m.ID, result.Err)
	}
	return result
}

// try carries out one mutation, of which the cause and scope may be left out.
func (f *fixture) try(t testing.TB, m state.Mutation) state.Result {
	t.Helper()
	if m.Scope == (state.Scope{}) {
		m.Scope = here
	}
	if m.Cause.Kind == "" {
		m.Cause = pushed
	}
	results, err := f.Write(state.Urgent, []state.Mutation{m})
	if err != nil || len(results) != 1 {
		t.Fatalf("Write = %d results, %v; want 1", len(results), err)
	}
	return results[0]
}

// account makes an account with a userName, and group a group with a displayName.
func (f *fixture) account(t testing.TB, id state.ID, userName string) state.Record {
	t.Helper()
	return f.write(t, state.Mutation{Kind: state.KindAccount, ID: id,
		Put: &state.Put{Resource: scim.ObjectOf(scim.Field{Name: "userName", Value: scim.StringValue(userName)})}}).Record
}

func (f *fixture) group(t testing.TB, id state.ID, name string, members ...state.ID) state.Record {
	t.Helper()
	m := state.Mutation{Kind: state.KindGroup, ID: id,
		Put: &state.Put{Resource: scim.ObjectOf(scim.Field{Name: "displayName", Value: scim.StringValue(name)})}}
	if len(members) > 0 {
		m.Members = &state.Members{Add: members}
	}
	return f.write(t, m).Record
}

// life changes the life of an account.
func (f *fixture) life(t testing.TB, id state.ID, cause state.Cause, life state.Life) state.Result {
	t.Helper()
	return f.try(t, state.Mutation{Kind: state.KindAccount, ID: id, Life: &life, Cause: cause})
}

func (f *fixture) record(t testing.TB, kind state.Kind, id state.ID) state.Record {
	t.Helper()
	r, err := f.Record(t.Context(), here, kind, id)
	if err != nil {
		t.Fatalf("Record(%s %s): %v", kind, id, err)
	}
	return r
}

func (f *fixture) members(t testing.TB, group state.ID) []state.ID {
	t.Helper()
	var ids []state.ID
	if err := f.Members(t.Context(), here, group, func(r state.Ref) bool { ids = append(ids, r.ID); return true }); err != nil {
		t.Fatalf("Members(%s): %v", group, err)
	}
	return ids
}

func (f *fixture) entries(t testing.TB) []state.Entry {
	t.Helper()
	entries, err := f.Entries(t.Context(), here.Tenant, 0, 0)
	if err != nil {
		t.Fatalf("Entries: %v", err)
	}
	return entries
}

// lease takes the lease on a source.
func (f *fixture) lease(t testing.TB, scope state.Scope, holder string) state.Lease {
	t.Helper()
	lease, err := f.AcquireLease(t.Context(), scope, holder, time.Minute)
	if err != nil {
		t.Fatalf("AcquireLease: %v", err)
	}
	return lease
}
