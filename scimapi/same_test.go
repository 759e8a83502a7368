package scimapi_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/state/statetest"
)

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

// TestSameEndSameRecord says the same thing in every way a vendor does, and finds the same user in the end: created whole; created bare
// and replaced; patched without a path; patched attribute by attribute; replaced twice; read and put back.
func TestSameEndSameRecord(t *testing.T) {
	r := newReceiver(t, statetest.NewModel())
	rapid.Check(t, func(rt *rapid.T) {
		attributes := drawAttributes(rt)
		whole := map[string]any{"userName": "ada@acme.example"}
		var each []any
		for name, value := range attributes {
			whole[name] = value
			each = append(each, map[string]any{"op": "Add", "path": name, "value": value})
		}
		ways := map[string]func(id string){
			"created whole": func(string) {},
			"replaced":      func(id string) { r.must(t, 200, "PUT", "/Users/"+id, encode(whole)) },
			"without a path": func(id string) {
				r.must(t, 200, "PATCH", "/Users/"+id, encode(map[string]any{"Operations": []any{map[string]any{"op": "replace", "value": whole}}}))
			},
			"one by one": func(id string) {
				if len(each) > 0 {
					r.must(t, 200, "PATCH", "/Users/"+id, encode(map[string]any{"Operations": each}))
				}
			},
			"twice": func(id string) {
				r.must(t, 200, "PUT", "/Users/"+id, encode(map[string]any{"userName": "eve@acme.example", "title": "other", "active": false}))
				r.must(t, 200, "PUT", "/Users/"+id, encode(with(whole, "active", attributes["active"], true)))
			},
			"read and put back": func(id string) {
				r.must(t, 200, "PUT", "/Users/"+id, encode(whole))
				r.must(t, 200, "PUT", "/Users/"+id, encode(r.must(t, 200, "GET", "/Users/"+id, "")))
			},
		}
		var want map[string]any
		for _, way := range []string{"created whole", "replaced", "without a path", "one by one", "twice", "read and put back"} {
			body := map[string]any{"userName": "ada@acme.example"}
			if way == "created whole" {
				body = whole
			}
			id := r.must(t, 201, "POST", "/Users", encode(body))["id"].(string)
			ways[way](id)
			got := r.must(t, 200, "GET", "/Users/"+id, "")
			r.must(t, 204, "DELETE", "/Users/"+id, "")
			delete(got, "id")
			delete(got, "meta")
			if want == nil {
				want = got
			}
			if diff := cmp.Diff(want, got); diff != "" {
				rt.Fatalf("%s (-created whole +%s):\n%s", way, way, diff)
			}
		}
	})
}

func drawAttributes(rt *rapid.T) map[string]any {
	text := rapid.StringMatching(`[a-zé "\\+]{0,6}[a-z]`)
	all := map[string]any{
		"displayName": text.Draw(rt, "displayName"),
		"title":       text.Draw(rt, "title"),
		"nickName":    text.Draw(rt, "nickName"),
		"externalId":  text.Draw(rt, "externalId"),
		"active":      rapid.SampledFrom([]any{true, false, "True", "False", "false"}).Draw(rt, "active"),
		"name":        map[string]any{"givenName": text.Draw(rt, "givenName"), "familyName": text.Draw(rt, "familyName")},
		"emails": []any{
			map[string]any{"type": "work", "value": text.Draw(rt, "work"), "primary": rapid.SampledFrom([]any{true, "True"}).Draw(rt, "primary")},
			map[string]any{"type": "home", "value": text.Draw(rt, "home")},
		},
		"phoneNumbers": []any{map[string]any{"type": "mobile", "value": text.Draw(rt, "mobile")}},
		enterprise:     map[string]any{"department": text.Draw(rt, "department"), "manager": map[string]any{"value": text.Draw(rt, "manager")}},
	}
	chosen := map[string]any{}
	for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom(slices.Sorted(maps.Keys(all))), rapid.ID).Draw(rt, "attributes") {
		chosen[name] = all[name]
	}
	return chosen
}

// with returns a copy of the map with a name set, to a default where the value is nil.
func with(m map[string]any, name string, value, otherwise any) map[string]any {
	if value == nil {
		value = otherwise
	}
	next := map[string]any{name: value}
	for k, v := range m {
		if k != name {
			next[k] = v
		}
	}
	return next
}

func encode(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}
