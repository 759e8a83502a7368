package scimapi_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/state/statetest"
)

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

// TestSameEndSameRecord says the same thing in every way a client can, and finds the same user in the end: created whole; created bare and
// replaced; patched without a path; patched attribute by attribute; replaced twice; read and put back; and all this as operations of
// bulk requests.
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
		operations := func(ops ...any) map[string]any { return map[string]any{"Operations": ops} }
		pathless := operations(map[string]any{"op": "replace", "value": whole})
		create := func(body map[string]any) string { return r.must(t, 201, "POST", "/Users", encode(body))["id"].(string) }
		bare := func() string { return create(map[string]any{"userName": "ada@acme.example"}) }
		send := func(method string, body any) func() string {
			return func() string {
				id := bare()
				r.must(t, 200, method, "/Users/"+id, encode(body))
				return id
			}
		}
		inBulk := func(body any, method string) func() string {
			return func() string {
				id := bare()
				r.bulk(t, map[string]any{"method": method, "path": "/Users/" + id, "data": body})
				return id
			}
		}
		ways := map[string]func() string{
			"created whole":  func() string { return create(whole) },
			"replaced":       send("PUT", whole),
			"without a path": send("PATCH", pathless),
			"one by one": func() string {
				if len(each) == 0 {
					return bare()
				}
				return send("PATCH", operations(each...))()
			},
			"twice": func() string {
				id := bare()
				r.must(t, 200, "PUT", "/Users/"+id, encode(map[string]any{"userName": "eve@acme.example", "title": "other", "active": false}))
				r.must(t, 200, "PUT", "/Users/"+id, encode(with(whole, "active", attributes["active"], true)))
				return id
			},
			"read and put back": func() string {
				id := send("PUT", whole)()
				r.must(t, 200, "PUT", "/Users/"+id, encode(r.must(t, 200, "GET", "/Users/"+id, "")))
				return id
			},
			"replaced in bulk":       inBulk(whole, "PUT"),
			"without a path in bulk": inBulk(pathless, "PATCH"),
			"created in bulk": func() string {
				location := r.bulk(t, map[string]any{"method": "POST", "path": "/Users", "bulkId": "a", "data": whole})[0]["location"].(string)
				return location[strings.LastIndexByte(location, '/')+1:]
			},
			"each in bulk": func() string {
				id := ""
				ops := []any{map[string]any{"method": "POST", "path": "/Users", "bulkId": "a", "data": map[string]any{"userName": "ada@acme.example"}}}
				for _, op := range each {
					ops = append(ops, map[string]any{"method": "PATCH", "path": "/Users/bulkId:a", "data": operations(op)})
				}
				for _, op := range r.bulk(t, ops...) {
					location := op["location"].(string)
					id = location[strings.LastIndexByte(location, '/')+1:]
				}
				return id
			},
		}
		var want map[string]any
		for _, way := range append([]string{"created whole"}, slices.Sorted(maps.Keys(ways))...) {
			id := ways[way]()
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

// bulk sends operations that all have to succeed, and returns what became of them.
func (r *receiver) bulk(t *testing.T, operations ...any) []map[string]any {
	t.Helper()
	var done []map[string]any
	for _, op := range r.must(t, 200, "POST", "/Bulk", encode(map[string]any{"Operations": operations}))["Operations"].([]any) {
		result := op.(map[string]any)
		if status := result["status"].(string); status >= "300" {
			t.Fatalf("%v", result)
		}
		done = append(done, result)
	}
	return done
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
