package statetest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rollcall/state"
)

func token(text string) state.TokenHash { return sha256.Sum256([]byte(text)) }

// same fails unless two things are alike.
func same(t testing.TB, what string, err error, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
		t.Errorf("%s: %v (-want +got):\n%s", what, err, diff)
	}
}

func testOperators(t *testing.T, f *fixture) {
	ctx := t.Context()
	ann := state.Operator{Name: "ann", Role: state.RoleOperator, Password: "$argon2id$…", CreatedAt: f.clock.Now()}
	zoe := state.Operator{Name: "zoe@acme.example", Role: state.RoleViewer, Identity: "https://login.example#1", CreatedAt: f.clock.Now()}
	same(t, "PutOperator", f.PutOperator(ctx, zoe), nil, nil)
	same(t, "PutOperator", f.PutOperator(ctx, state.Operator{Name: "ann", Role: state.RoleViewer}), nil, nil)
	same(t, "PutOperator again", f.PutOperator(ctx, ann), nil, nil)
	list, err := f.ListOperators(ctx)
	same(t, "ListOperators", err, list, []state.Operator{ann, zoe})
	got, err := f.Operator(ctx, "ann")
	same(t, "Operator", err, got, ann)
	if _, err := f.Operator(ctx, "Ann"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("Operator of another name = %v", err)
	}
	f.clock.Advance(time.Minute)
	disabled, promoted := zoe, zoe
	disabled.DisabledAt, promoted.Role = f.clock.Now(), state.RoleOperator
	same(t, "PutOperator of one who is disabled", f.PutOperator(ctx, disabled), nil, nil)
	if err := f.PutOperator(ctx, promoted); !errors.Is(err, state.ErrVersion) {
		t.Errorf("one who was disabled is let in by who had read them before: %v", err)
	}
	got, err = f.Operator(ctx, zoe.Name)
	same(t, "Operator who is disabled", err, got, disabled)
	promoted.CreatedAt = f.clock.Now()
	same(t, "PutOperator anew", f.PutOperator(ctx, promoted), nil, nil)
}

func testSignInLinks(t *testing.T, f *fixture) {
	ctx, in := t.Context(), f.clock.Now().Add(time.Minute)
	if err := f.PutSignInLink(ctx, token("x"), "ann", in); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("a link for nobody: %v", err)
	}
	ann := state.Operator{Name: "ann", Role: state.RoleOperator, CreatedAt: f.clock.Now()}
	same(t, "PutOperator", f.PutOperator(ctx, ann), nil, nil)
	for _, text := range []string{"once", "late", "barred"} {
		same(t, "PutSignInLink", f.PutSignInLink(ctx, token(text), "ann", in), nil, nil)
	}
	var group sync.WaitGroup
	errs := make([]error, 16)
	for i := range errs {
		group.Go(func() {
			o, err := f.UseSignInLink(ctx, token("once"))
			if errs[i] = err; err == nil && o != ann {
				t.Errorf("UseSignInLink = %+v", o)
			}
		})
	}
	group.Wait()
	if n := succeeded(t, errs, state.ErrUsed); n != 1 {
		t.Errorf("one link was used %d times", n)
	}
	if _, err := f.UseSignInLink(ctx, token("unknown")); !errors.Is(err, state.ErrUsed) {
		t.Errorf("an unknown link: %v", err)
	}
	f.clock.Advance(time.Minute)
	if _, err := f.UseSignInLink(ctx, token("late")); !errors.Is(err, state.ErrUsed) {
		t.Errorf("an expired link: %v", err)
	}
	same(t, "PutSignInLink", f.PutSignInLink(ctx, token("barred"+"!"), "ann", in.Add(time.Hour)), nil, nil)
	barred := ann
	barred.DisabledAt = f.clock.Now()
	same(t, "PutOperator", f.PutOperator(ctx, barred), nil, nil)
	if err := f.PutSignInLink(ctx, token("too late"), "ann", in.Add(time.Hour)); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("a link for one who is disabled: %v", err)
	}
	ann.CreatedAt = f.clock.Now()
	same(t, "PutOperator", f.PutOperator(ctx, ann), nil, nil)
	for _, text := range []string{"barred!", "too late"} {
		if _, err := f.UseSignInLink(ctx, token(text)); !errors.Is(err, state.ErrUsed) {
			t.Errorf("the link %s of one who was disabled meanwhile: %v", text, err)
		}
	}
}

// succeeded counts how many calls succeeded, when all others failed as they should.
func succeeded(t testing.TB, errs []error, want error) (n int) {
	t.Helper()
	for _, err := range errs {
		switch {
		case err == nil:
			n++
		case !errors.Is(err, want):
			t.Errorf("%v, want %v", err, want)
		}
	}
	return n
}

func testSessions(t *testing.T, f *fixture) {
	ctx := t.Context()
	ann := state.Operator{Name: "ann", Role: state.RoleOperator, CreatedAt: f.clock.Now()}
	bob := state.Operator{Name: "bob", Role: state.RoleViewer, CreatedAt: f.clock.Now()}
	session := func(text, operator string, lasts time.Duration) state.Session {
		return state.Session{Hash: token(text), Operator: operator, CreatedAt: f.clock.Now(), ExpiresAt: f.clock.Now().Add(lasts)}
	}
	if err := f.PutSession(ctx, session("x", "ann", time.Hour)); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("a session of nobody: %v", err)
	}
	same(t, "PutOperator", errors.Join(f.PutOperator(ctx, ann), f.PutOperator(ctx, bob)), nil, nil)
	for _, s := range []state.Session{session("a1", "ann", time.Hour), session("a2", "ann", time.Hour), session("short", "ann", time.Minute), session("b", "bob", time.Hour)} {
		f.clock.Advance(time.Second)
		s.CreatedAt = f.clock.Now()
		same(t, "PutSession", f.PutSession(ctx, s), nil, nil)
		got, operator, err := f.Session(ctx, s.Hash)
		same(t, "Session", err, got, s)
		same(t, "Session's operator", err, operator.Name, s.Operator)
	}
	live := func(want ...string) {
		t.Helper()
		var got []string
		for _, text := range []string{"a1", "a2", "short", "b"} {
			switch _, _, err := f.Session(ctx, token(text)); {
			case err == nil:
				got = append(got, text)
			case !errors.Is(err, state.ErrNotFound):
				t.Errorf("Session: %v", err)
			}
		}
		same(t, "live sessions", nil, got, want)
		all, err := f.ListSessions(ctx)
		same(t, "ListSessions", err, len(all), len(want))
		for i, s := range all {
			one, _, err := f.Session(ctx, s.Hash)
			same(t, "a listed session", err, s, one)
			if i > 0 && all[i-1].CreatedAt.Before(s.CreatedAt) {
				t.Errorf("ListSessions: %v stands before %v", all[i-1].CreatedAt, s.CreatedAt)
			}
		}
	}
	f.clock.Advance(time.Minute)
	live("a1", "a2", "b")
	same(t, "DropSession", errors.Join(f.DropSession(ctx, token("a2")), f.DropSession(ctx, token("a2"))), nil, nil)
	live("a1", "b")
	barred := bob
	barred.DisabledAt = f.clock.Now()
	same(t, "PutOperator", f.PutOperator(ctx, barred), nil, nil)
	if err := f.PutSession(ctx, session("late", "bob", time.Hour)); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("a session of one who is disabled: %v", err)
	}
	bob.CreatedAt = f.clock.Now()
	same(t, "PutOperator", f.PutOperator(ctx, bob), nil, nil)
	live("a1")
	same(t, "DropSessionsOf", errors.Join(f.DropSessionsOf(ctx, "ann"), f.DropSessionsOf(ctx, "nobody")), nil, nil)
	live()
}

func testInvites(t *testing.T, f *fixture) {
	ctx := t.Context()
	made := f.clock.Now()
	invite := func(id string, scope state.Scope) state.Invite {
		return state.Invite{ID: id, Scope: scope, CreatedBy: "ann", CreatedAt: made, ExpiresAt: made.Add(72 * time.Hour)}
	}
	for _, i := range []state.Invite{invite("i1", here), invite("i2", here), invite("i3", elsewhere), invite("i4", here), invite("i5", here)} {
		same(t, "PutInvite", f.PutInvite(ctx, i), nil, nil)
	}
	if err := f.PutInvite(ctx, invite("i0", state.Scope{Tenant: "acme", Source: "no"})); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("an invite of no source: %v", err)
	}
	list, err := f.ListInvites(ctx, here)
	same(t, "ListInvites", err, list, []state.Invite{invite("i5", here), invite("i4", here), invite("i2", here), invite("i1", here)})
	if _, err := f.Invite(ctx, "none"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("Invite(none) = %v", err)
	}

	key := func(i int, scope state.Scope) state.Key {
		return state.Key{ID: fmt.Sprint("key-", i), Scope: scope, Hash: state.KeyHash(token(fmt.Sprint("key", i)))}
	}
	var group sync.WaitGroup
	errs := make([]error, 16)
	for i := range errs {
		group.Go(func() { errs[i] = f.ClaimInvite(ctx, "i1", key(i, here)) })
	}
	group.Wait()
	if n := succeeded(t, errs, state.ErrUsed); n != 1 {
		t.Errorf("one invite was claimed %d times", n)
	}
	keys, err := f.ListKeys(ctx, here)
	claimed, err2 := f.Invite(ctx, "i1")
	if err != nil || err2 != nil || len(keys) != 1 || claimed.KeyID != keys[0].ID {
		t.Errorf("the invite says %q, the source has %+v; %v %v", claimed.KeyID, keys, err, err2)
	}
	claim := func(id string, k state.Key, want error) {
		t.Helper()
		if err := f.ClaimInvite(ctx, id, k); !errors.Is(err, want) {
			t.Errorf("ClaimInvite(%s) = %v, want %v", id, err, want)
		}
	}
	claim("none", key(20, here), state.ErrNotFound)
	claim("i2", key(20, elsewhere), state.ErrNotFound)
	claim("i2", key(20, here), nil)
	claim("i4", key(21, here), state.ErrKeyLimit)
	if i, err := f.Invite(ctx, "i4"); i.KeyID != "" || err != nil {
		t.Errorf("a claim that failed is noted: %+v, %v", i, err)
	}
	same(t, "WithdrawInvite", f.WithdrawInvite(ctx, "i5"), nil, nil)
	f.clock.Advance(time.Hour)
	same(t, "WithdrawInvite again", errors.Join(f.WithdrawInvite(ctx, "i5"), f.WithdrawInvite(ctx, "i2")), nil, nil)
	claim("i5", key(22, here), state.ErrUsed)
	if i, err := f.Invite(ctx, "i5"); !i.WithdrawnAt.Equal(made) || err != nil {
		t.Errorf("withdrawn: %+v, %v", i, err)
	}
	if i, err := f.Invite(ctx, "i2"); i.KeyID != "key-20" || err != nil {
		t.Errorf("a withdrawn invite lost its key: %+v, %v", i, err)
	}
	if err := f.WithdrawInvite(ctx, "none"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("WithdrawInvite(none) = %v", err)
	}
	f.clock.Advance(71 * time.Hour)
	claim("i3", key(23, elsewhere), state.ErrUsed)

	lease := f.lease(t, here, "one")
	same(t, "RenameSource", f.RenameSource(ctx, lease.Epoch, here, "acme-new"), nil, nil)
	if list, err := f.ListInvites(ctx, state.Scope{Tenant: "acme", Source: "acme-new"}); len(list) != 4 || err != nil || list[0].Scope.Source != "acme-new" {
		t.Errorf("invites under the new name: %+v, %v", list, err)
	}
}

func testDeeds(t *testing.T, f *fixture) {
	ctx := t.Context()
	var all []state.Deed
	for i, scope := range []state.Scope{here, {}, elsewhere, here} {
		d := state.Deed{At: f.clock.Now(), Actor: "ann", What: "key_issued", Scope: scope, Subject: fmt.Sprint("key-", i), Note: "for okta"}
		same(t, "NoteDeed", f.NoteDeed(ctx, d), nil, nil)
		d.Number = int64(i + 1)
		all = append([]state.Deed{d}, all...)
	}
	if err := f.NoteDeed(ctx, state.Deed{Scope: state.Scope{Tenant: "acme", Source: "no"}}); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("a deed of no source: %v", err)
	}
	for _, c := range []struct {
		scope  state.Scope
		before int64
		limit  int
		want   []state.Deed
	}{
		{state.Scope{}, 0, 0, all}, {state.Scope{}, 4, 2, all[1:3]}, {here, 0, 0, []state.Deed{all[0], all[3]}}, {here, 4, 0, all[3:]}, {beside, 0, 0, nil},
	} {
		got, err := f.ListDeeds(ctx, c.scope, c.before, c.limit)
		same(t, fmt.Sprintf("ListDeeds(%v, %d, %d)", c.scope, c.before, c.limit), err, got, c.want)
	}
	notes := func(want ...string) {
		t.Helper()
		deeds, err := f.ListDeeds(ctx, state.Scope{}, 0, 0)
		var got []string
		for _, d := range deeds {
			got = append(got, d.Note)
		}
		same(t, "notes", err, got, want)
	}
	f.account(t, "account-a", "ada@acme.example")
	same(t, "NoteDeed", f.NoteDeed(ctx, state.Deed{Scope: here, What: "explained", Note: "why ADA@acme.example left"}), nil, nil)
	f.life(t, "account-a", pulled, state.Life{Said: new(false)})
	same(t, "Erase", f.Erase(ctx, here, "account-a", operator), nil, nil)
	notes("", "for okta", "for okta", "for okta", "for okta")
	same(t, "BlankTenant", f.BlankTenant(ctx, elsewhere.Tenant), nil, nil)
	notes("", "for okta", "", "for okta", "for okta")
}
