package scimapi_test

import (
	"fmt"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/scimapi"
	"rollcall/state"
	"rollcall/state/statetest"
)

// fetch asks for a page and returns the names on it.
func (r *receiver) fetch(t testing.TB, path string, query url.Values) (names []string, page map[string]any) {
	t.Helper()
	page = r.must(t, 200, "GET", path+"?"+query.Encode(), "")
	names = []string{}
	for _, resource := range page["Resources"].([]any) {
		name := resource.(map[string]any)["userName"]
		if name == nil {
			name = resource.(map[string]any)["displayName"]
		}
		names = append(names, name.(string))
	}
	return names, page
}

// TestPagesAddUp goes through the matches of a query by index and by cursor, with pages of any size, at each kind of endpoint: both times
// they are those of one large page, in its order, each once. Going back shows the page before.
func TestPagesAddUp(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t, open(t))
			titles := []string{"", "Countess", "Dr", "dr", "émigré", "Dr"}
			for i := range 23 {
				r.must(t, 201, "POST", "/Users", fmt.Sprintf(`{"userName":"u%d","title":%q,"active":%t}`, i*7%23, titles[i%len(titles)], i%3 > 0))
				if i%4 == 0 {
					r.must(t, 201, "POST", "/Groups", fmt.Sprintf(`{"displayName":"g%d"}`, i))
				}
			}
			rapid.Check(t, func(rt *rapid.T) { pagesAddUp(t, rt, r) })
		})
	}
}

func pagesAddUp(t *testing.T, rt *rapid.T, r *receiver) {
	path := rapid.SampledFrom([]string{"/Users", "/Groups", "/"}).Draw(rt, "path")
	query := url.Values{}
	filters := []string{"", `displayName pr or userName pr`, `title sw "d" or displayName co "1"`, `userName eq "u3"`, `not (active eq true)`, `userName eq "nobody"`}
	orders := []string{"", "userName", "displayName", "title", "meta.created", "active"}
	if path == "/Groups" {
		filters, orders = []string{"", `displayName pr`, `displayName co "1"`}, []string{"", "displayName", "externalId"}
	}
	if filter := rapid.SampledFrom(filters).Draw(rt, "filter"); filter != "" {
		query.Set("filter", filter)
	}
	if order := rapid.SampledFrom(orders).Draw(rt, "sortBy"); order != "" {
		query.Set("sortBy", order)
		query.Set("sortOrder", rapid.SampledFrom([]string{"ascending", "descending"}).Draw(rt, "sortOrder"))
	}
	whole, page := r.fetch(t, path, query)
	total := page["totalResults"].(float64)
	if float64(len(whole)) != total {
		rt.Fatalf("%d of %v on one page", len(whole), total)
	}
	size := rapid.IntRange(1, 12).Draw(rt, "size")
	query.Set("count", strconv.Itoa(size))

	byIndex := []string{}
	for start := 1; start <= len(whole); start += size {
		query.Set("startIndex", strconv.Itoa(start))
		names, _ := r.fetch(t, path, query)
		byIndex = append(byIndex, names...)
	}
	query.Del("startIndex")
	if diff := cmp.Diff(whole, byIndex); diff != "" {
		rt.Fatalf("by index:\n%s", diff)
	}

	byCursor := []string{}
	var before []string
	for next := any(""); next != nil; {
		query.Set("cursor", next.(string))
		names, page := r.fetch(t, path, query)
		if page["totalResults"] != total || len(names) > size || page["itemsPerPage"] != float64(len(names)) {
			rt.Fatalf("%v", page)
		}
		if previous := page["previousCursor"]; before == nil {
			if previous != nil {
				rt.Fatal("the first page has one before it")
			}
		} else {
			query.Set("cursor", previous.(string))
			if names, _ := r.fetch(t, path, query); !cmp.Equal(names, before) {
				rt.Fatalf("back to %v, want %v", names, before)
			}
		}
		byCursor, before, next = append(byCursor, names...), names, page["nextCursor"]
	}
	if diff := cmp.Diff(whole, byCursor); diff != "" {
		rt.Fatalf("by cursor:\n%s", diff)
	}
}

// TestCursorGoesOnWhereTheBudgetEnds has a filter look at more records than one request may: by index that is refused, by cursor it comes
// in parts, without a total.
func TestCursorGoesOnWhereTheBudgetEnds(t *testing.T) {
	const budget = 10
	s := &spy{Store: statetest.NewModel()}
	r := newReceiver(t, s, func(c *scimapi.Config) { c.Limits.Scan = budget })
	want := []string{}
	for i := range 35 {
		title := "other"
		if i == 3 || i == 4 || i == 29 {
			title = "wanted"
			want = append(want, fmt.Sprintf("u%d", i))
		}
		r.must(t, 201, "POST", "/Users", fmt.Sprintf(`{"userName":"u%d","title":%q}`, i, title))
	}
	for _, query := range []string{"filter=title+eq+%22wanted%22", "sortBy=title", "cursor=&sortBy=title"} {
		if got := r.must(t, 400, "GET", "/Users?"+query, ""); got["scimType"] != "tooMany" {
			t.Errorf("%s: %v", query, got)
		}
	}
	for count, requests := range map[string]int{"5": 4, "1": 5} {
		got, asked := []string{}, 0
		query := url.Values{"filter": {`title eq "wanted"`}, "count": {count}}
		for next := any(""); next != nil; asked++ {
			query.Set("cursor", next.(string))
			s.yielded = 0
			names, page := r.fetch(t, "/Users", query)
			if s.yielded > budget {
				t.Errorf("one request looked at %d records", s.yielded)
			}
			if page["totalResults"] != nil || page["previousCursor"] != nil {
				t.Errorf("tells what was not counted: %v", page)
			}
			got, next = append(got, names...), page["nextCursor"]
		}
		if diff := cmp.Diff(want, got); diff != "" || asked != requests {
			t.Errorf("%d requests with count %s, want %d:\n%s", asked, count, requests, diff)
		}
	}
}

// TestLastPageCostsAsMuchAsTheFirst counts the records that are read for pages of a list.
func TestLastPageCostsAsMuchAsTheFirst(t *testing.T) {
	s := &spy{Store: statetest.NewModel()}
	r := newReceiver(t, s)
	for i := range 50 {
		r.createUser(t, fmt.Sprintf("u%d", i))
	}
	query := url.Values{"count": {"10"}}
	for next := any(""); next != nil; {
		query.Set("cursor", next.(string))
		s.yielded = 0
		_, page := r.fetch(t, "/Users", query)
		if next = page["nextCursor"]; s.yielded > 11 {
			t.Errorf("%d records read for a page of 10", s.yielded)
		}
	}
	s.yielded = 0
	r.must(t, 200, "GET", "/Users?count=0", "")
	if s.yielded != 0 {
		t.Errorf("%d records read for a number", s.yielded)
	}
}

func TestCursorExpires(t *testing.T) {
	c := newClock()
	r := newReceiver(t, statetest.NewModel(), c.rule, func(c *scimapi.Config) { c.Limits.CursorLife = time.Minute })
	for i := range 6 {
		r.createUser(t, fmt.Sprintf("u%d", i))
	}
	cursor := func(page map[string]any) string { return "/Users?count=2&cursor=" + page["nextCursor"].(string) }
	first := r.must(t, 200, "GET", "/Users?count=2&cursor=", "")
	c.advance(time.Minute)
	second := r.must(t, 200, "GET", cursor(first), "")
	c.advance(time.Second)
	if got := r.must(t, 400, "GET", cursor(first), ""); got["scimType"] != "expiredCursor" {
		t.Errorf("%v", got)
	}
	r.must(t, 200, "GET", cursor(second), "")
	if config := r.must(t, 200, "GET", "/ServiceProviderConfig", "")["pagination"].(map[string]any); config["cursorTimeout"] != 60.0 {
		t.Errorf("%v", config)
	}
}

// TestCursorIsItsKeys has another key of the same source show a cursor.
func TestCursorIsItsKeys(t *testing.T) {
	r := newReceiver(t, statetest.NewModel())
	second := r.issue(t, acme, func(*state.Key) {})
	r.createUser(t, "ada")
	r.createUser(t, "bob")
	next := r.must(t, 200, "GET", "/Users?count=1&cursor=", "")["nextCursor"].(string)
	if got := r.must(t, 400, "GET", "/Users?count=1&cursor="+next, "", "Authorization", second); got["scimType"] != "invalidCursor" {
		t.Errorf("%v", got)
	}
	if len(next) > 120 || next != url.QueryEscape(next) {
		t.Errorf("a cursor of %d characters: %s", len(next), next)
	}
}
