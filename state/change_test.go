package state_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/state"
	"rollcall/state/scim"
)

func record(kind state.Kind, resource string, life func(*state.Record)) *state.Record {
	r := &state.Record{ID: "x", Kind: kind, Version: 3, Resource: []byte(resource)}
	if life != nil {
		life(r)
	}
	return r
}

func TestDiff(t *testing.T) {
	active := func(r *state.Record) { r.Said, r.InForce = true, true }
	for _, c := range []struct {
		name          string
		before, after *state.Record
		joined, left  []state.ID
		was, is       string
	}{
		{name: "nothing at all", was: `{}`, is: `{}`},
		{
			name:   "nothing changed",
			before: record(state.KindAccount, `{"a":"1"}`, active), after: record(state.KindAccount, `{"a":"1"}`, active), was: `{}`, is: `{}`,
		},
		{
			name:  "an account appears",
			after: record(state.KindAccount, `{"userName":"a,\"b\":{","emails":[{"value":"]"}]}`, func(r *state.Record) { r.Said, r.Pinned, r.Link = true, true, `p"1` }),
			was:   `{}`, is: `{"userName":"a,\"b\":{","emails":[{"value":"]"}],"said":true,"inForce":false,"pinned":true,"link":"p\"1"}`,
		},
		{
			name:   "an account goes",
			before: record(state.KindAccount, `{}`, func(r *state.Record) { r.InForce, r.Staged, r.Protected = true, true, true }),
			was:    `{"said":false,"inForce":true,"staged":true,"protected":true}`, is: `{}`,
		},
		{
			name:   "some attributes change",
			before: record(state.KindAccount, `{"same":{"x":[1,2]},"old":"o","changed":{"x":1}}`, active),
			after:  record(state.KindAccount, `{"same":{"x":[1,2]},"changed":{"x":2},"new":true}`, active),
			was:    `{"old":"o","changed":{"x":1}}`, is: `{"changed":{"x":2},"new":true}`,
		},
		{
			name:   "another order is no change",
			before: record(state.KindAccount, `{"a":1,"b":2}`, active), after: record(state.KindAccount, `{"b":2,"a":1}`, active), was: `{}`, is: `{}`,
		},
		{
			name:   "life changes",
			before: record(state.KindAccount, `{"a":1}`, active),
			after:  record(state.KindAccount, `{"a":1}`, func(r *state.Record) { r.InForce, r.Staged, r.Link = true, true, "p" }),
			was:    `{"said":true,"staged":false,"link":""}`, is: `{"said":false,"staged":true,"link":"p"}`,
		},
		{
			name:   "members come and go",
			before: record(state.KindGroup, `{"displayName":"g"}`, nil), after: record(state.KindGroup, `{"displayName":"h"}`, nil),
			joined: []state.ID{"1", `"2`}, left: []state.ID{"3"},
			was: `{"displayName":"g","members":{"removed":["3"]}}`, is: `{"displayName":"h","members":{"added":["1","\"2"]}}`,
		},
		{
			name:  "a group appears",
			after: record(state.KindGroup, `{"displayName":"g"}`, nil), joined: []state.ID{"1"},
			was: `{}`, is: `{"displayName":"g","members":{"added":["1"]}}`,
		},
	} {
		was, is := state.Diff(c.before, c.after, c.joined, c.left)
		if string(was) != c.was || string(is) != c.is {
			t.Errorf("%s: Diff = %s → %s, want %s → %s", c.name, was, is, c.was, c.is)
		}
	}
}

// Taking away what was and adding what is makes of one resource the other, whatever is in them.
func TestDiffLeadsFromOneToTheOther(t *testing.T) {
	text := rapid.StringMatching(`[a-z"\\{}\[\],: é\n]{0,6}`)
	value := rapid.Custom(func(r *rapid.T) scim.Value {
		switch rapid.IntRange(0, 3).Draw(r, "kind") {
		case 0:
			return scim.ListOf(scim.StringValue(text.Draw(r, "item")), scim.ObjectOf(scim.Field{Name: text.Draw(r, "name"), Value: scim.BoolValue(true)}))
		case 1:
			return scim.ObjectOf(scim.Field{Name: "a", Value: scim.StringValue(text.Draw(r, "a"))})
		}
		return scim.StringValue(text.Draw(r, "text"))
	})
	resource := rapid.Custom(func(r *rapid.T) []byte {
		v := scim.ObjectOf()
		for _, name := range []string{"one", "two", "urn:x:2.0:y", `"`} {
			if rapid.Bool().Draw(r, "has "+name) {
				v = v.With(name, value.Draw(r, name))
			}
		}
		return v.AppendJSON(nil)
	})
	rapid.Check(t, func(r *rapid.T) {
		before, after := resource.Draw(r, "before"), resource.Draw(r, "after")
		was, is := state.Diff(record(state.KindGroup, string(before), nil), record(state.KindGroup, string(after), nil), nil, nil)
		object := func(text []byte) map[string]string {
			var raw map[string]json.RawMessage
			if err := json.Unmarshal(text, &raw); err != nil {
				r.Fatalf("%s: %v", text, err)
			}
			fields := map[string]string{}
			for name, value := range raw {
				fields[name] = string(value)
			}
			return fields
		}
		got := object(before)
		for name, value := range object(was) {
			if got[name] != value {
				r.Fatalf("%s was %s, not %s", name, got[name], value)
			}
			delete(got, name)
		}
		maps.Copy(got, object(is))
		if diff := cmp.Diff(object(after), got); diff != "" {
			r.Fatalf("Diff(%s, %s) = %s → %s:\n%s", before, after, was, is, diff)
		}
	})
}

// Judge leaves the present record alone, whatever it makes of it.
func TestJudgeChangesNothing(t *testing.T) {
	present := record(state.KindAccount, `{"userName":"a"}`, func(r *state.Record) { r.Said, r.InForce = true, true })
	kept := *present
	for _, m := range []state.Mutation{
		{Life: &state.Life{Said: new(false)}}, {Life: &state.Life{Remove: state.RemoveDelete}}, {Life: &state.Life{Remove: state.RemovePurge}},
		{Put: &state.Put{Base: 3, Resource: scim.ObjectOf()}}, {Put: &state.Put{Base: 2, Resource: scim.ObjectOf()}},
	} {
		m.Kind, m.ID, m.Cause.Kind = state.KindAccount, "x", state.CausePush
		if c, err := state.Judge(present, &m, time.Now()); err == nil {
			c.Finish()
		}
		if diff := cmp.Diff(kept, *present); diff != "" {
			t.Errorf("%+v has changed the present record:\n%s", m, diff)
		}
	}
}

// Keys that are said to be the same are, whatever changes around them and however names are written.
func TestSameKeysAreTheSame(t *testing.T) {
	edit := func(r *rapid.T, v scim.Value) scim.Value {
		name := rapid.SampledFrom([]string{"userName", "USERNAME", "externalId", "emails", "displayName", "title", "locale"}).Draw(r, "name")
		text := scim.StringValue(rapid.SampledFrom([]string{"a", "b"}).Draw(r, "text"))
		switch {
		case rapid.Bool().Draw(r, "goes"):
			return v.With(name, scim.Value{})
		case name == "emails":
			text = scim.ListOf(scim.ObjectOf(scim.Field{Name: "value", Value: text}))
		}
		return v.With(name, text)
	}
	same, others := 0, 0
	rapid.Check(t, func(r *rapid.T) {
		kind := rapid.SampledFrom([]state.Kind{state.KindAccount, state.KindGroup}).Draw(r, "kind")
		resource := scim.ObjectOf()
		for range rapid.IntRange(0, 6).Draw(r, "has") {
			resource = edit(r, resource)
		}
		before := record(kind, string(resource.AppendJSON(nil)), nil)
		m := state.Mutation{Kind: kind, ID: "x", Put: &state.Put{Base: 3, Resource: edit(r, resource)}, Cause: state.Cause{Kind: state.CausePush}}
		c, err := state.Judge(before, &m, time.Now())
		if err != nil {
			r.Fatal(err)
		}
		was, err := c.OldKeys()
		is, err2 := c.Keys()
		if err := errors.Join(err, err2); err != nil {
			r.Fatal(err)
		}
		if !c.SameKeys() {
			others++
			return
		}
		same++
		if !slices.Equal(was, is) {
			r.Fatalf("%s and %s are said to have the same keys; they have %v and %v", before.Resource, c.After.Resource, was, is)
		}
	})
	if same == 0 || others == 0 {
		t.Errorf("%d had the same keys and %d others", same, others)
	}
}

// What is said and what is in force differ only in an account that is staged or pinned, whatever is done to it by whom.
func TestSaidAndInForceDifferOnlyForAReason(t *testing.T) {
	flag := func(r *rapid.T, name string) *bool {
		return rapid.SampledFrom([]*bool{nil, nil, new(true), new(false)}).Draw(r, name)
	}
	rapid.Check(t, func(r *rapid.T) {
		var present *state.Record
		for range rapid.IntRange(1, 12).Draw(r, "steps") {
			m := state.Mutation{Kind: state.KindAccount, ID: "x", Life: &state.Life{
				Said: flag(r, "said"), Stage: rapid.Bool().Draw(r, "stage"), InForce: flag(r, "in force"), Pinned: flag(r, "pinned"),
			}}
			m.Cause.Kind = rapid.SampledFrom([]state.CauseKind{state.CausePush, state.CausePull, state.CauseApproval, state.CauseOperator, state.CauseUndo}).Draw(r, "cause")
			if present == nil {
				m.Put = &state.Put{Resource: scim.ObjectOf()}
			}
			c, err := state.Judge(present, &m, time.Now())
			if err != nil {
				if !errors.Is(err, state.ErrMutation) && !errors.Is(err, state.ErrPinned) {
					r.Fatal(err)
				}
				continue
			}
			before, after := present, c.After
			if after.Said != after.InForce && !after.Staged && !after.Pinned {
				r.Fatalf("%+v made %+v", *m.Life, *after)
			}
			if after.Staged && (after.Said == after.InForce || after.Pinned) {
				r.Fatalf("%+v made %+v: nothing is staged", *m.Life, *after)
			}
			byHand := m.Cause.Kind == state.CauseOperator || m.Cause.Kind == state.CauseUndo
			if before != nil && before.Pinned && !byHand && (before.InForce != after.InForce || !after.Pinned) {
				r.Fatalf("%s has changed the pinned %+v into %+v", m.Cause.Kind, *before, *after)
			}
			if c.Finish() {
				present = after
			}
		}
	})
}

func TestErrorsSayNothingPersonal(t *testing.T) {
	for err, want := range map[error]string{
		&state.UniqueError{Key: state.NewMatchKey(state.MatchUserName, "ada@acme.example"), Holder: "1"}: "another user of this source already has this userName",
		&state.UniqueError{Key: state.NewMatchKey(state.MatchDisplayName, "Staff"), Holder: "1"}:         "another group of this source already has this displayName",
		&state.UniqueError{Key: state.NewMatchKey(state.MatchLink, "p"), Holder: "1"}:                    "another user of this source already has this link",
		&state.MemberError{ID: "1"}: `no user or group of this source has the id "1"`,
	} {
		if err.Error() != want {
			t.Errorf("%T says %q, want %q", err, err, want)
		}
	}
	if text := fmt.Sprint(state.KindAccount, state.KindGroup, state.Kind(9)); text != "User Group unknown" {
		t.Errorf("the kinds are %s", text)
	}
}
