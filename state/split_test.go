package state_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"rollcall/state"
	"rollcall/state/scim"
)

// A look-up by key and what remains to be tested find the same records as testing every record against the whole filter.
func TestSplitFindsWhatAScanFinds(t *testing.T) {
	text := rapid.SampledFrom([]string{"ada", "ADA", "éva", "ÉVA", "a@x.example", "A@x.example", "b@x.example", " ada"})
	resource := rapid.Custom(func(r *rapid.T) scim.Value {
		v := scim.ObjectOf()
		for _, name := range []string{"id", "userName", "externalId", "displayName", "title"} {
			if rapid.IntRange(0, 3).Draw(r, "has "+name) > 0 {
				v = v.With(name, scim.StringValue(text.Draw(r, name)))
			}
		}
		var emails []scim.Value
		for range rapid.IntRange(0, 2).Draw(r, "emails") {
			emails = append(emails, scim.ObjectOf(
				scim.Field{Name: "value", Value: scim.StringValue(text.Draw(r, "email"))},
				scim.Field{Name: "type", Value: scim.StringValue(rapid.SampledFrom([]string{"work", "home"}).Draw(r, "type"))}))
		}
		if len(emails) > 0 {
			v = v.With("emails", scim.ListOf(emails...))
		}
		return v
	})
	term := rapid.Custom(func(r *rapid.T) string {
		path := rapid.SampledFrom([]string{
			"id", "userName", "USERNAME", "externalId", "displayName", "title", "emails", "emails.value", "email", "emails.type",
			"urn:ietf:params:scim:schemas:core:2.0:User:userName",
		}).Draw(r, "path")
		op := rapid.SampledFrom([]string{"eq", "eq", "eq", "ne", "sw"}).Draw(r, "op")
		switch term := fmt.Sprintf("%s %s %q", path, op, text.Draw(r, "text")); rapid.IntRange(0, 5).Draw(r, "form") {
		case 0:
			return fmt.Sprintf("emails[type eq %q and value %s %q]", "work", op, text.Draw(r, "text"))
		case 1:
			return fmt.Sprintf("emails[value %s %q]", op, text.Draw(r, "text"))
		case 2:
			return fmt.Sprintf("emails[type eq %q].value %s %q", "work", op, text.Draw(r, "text"))
		case 3:
			return "not (" + term + ")"
		default:
			return term
		}
	})
	rt := scim.UserType()
	rapid.Check(t, func(r *rapid.T) {
		source := term.Draw(r, "first")
		for range rapid.IntRange(0, 2).Draw(r, "more") {
			source += rapid.SampledFrom([]string{" and ", " or "}).Draw(r, "join") + term.Draw(r, "term")
		}
		filter, err := scim.ParseFilter(source, scim.DefaultLimits)
		if err != nil {
			r.Fatalf("%s: %v", source, err)
		}
		query := state.Split(state.KindAccount, filter)
		for range 8 {
			v := resource.Draw(r, "resource")
			found := query.Key == nil || slices.Contains(state.MatchKeys(state.KindAccount, v), *query.Key) ||
				query.Key.Name == state.MatchID && v.Get("id").Text == query.Key.Text
			found = found && (query.Residual == nil || rt.Matches(query.Residual, v))
			if want := rt.Matches(filter, v); found != want {
				r.Fatalf("%s on %s: by key %+v and residual %v: %t; by a scan: %t", source, v.AppendJSON(nil), query.Key, query.Residual, found, want)
			}
		}
	})
}
