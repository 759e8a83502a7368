package sqlite

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"rollcall/state"
	"rollcall/state/scim"
)

// Looks by key in all sources: a seek in each.
const (
	keyedByID      = `SELECT r.record, r.name FROM records r WHERE r.id = ? AND r.deleted_at = 0`
	keyedByUnique  = `SELECT r.record, r.name FROM sources s CROSS JOIN records r WHERE r.source = s.source AND r.kind IN (1, 2) AND r.unique_key = ? AND r.deleted_at = 0`
	keyedByForeign = `SELECT r.record, r.name FROM sources s CROSS JOIN records r WHERE r.source = s.source AND r.kind IN (1, 2) AND r.external_id = ? AND r.deleted_at = 0`
	keyedByLink    = `SELECT r.record, r.name FROM sources s CROSS JOIN records r WHERE r.source = s.source AND r.link = ? AND r.deleted_at = 0`
	keyedByMatch   = `SELECT r.record, r.name FROM sources s CROSS JOIN match_keys k CROSS JOIN records r
		WHERE k.source = s.source AND k.name IN (4, 5) AND k.text = ? AND r.record = k.record`

	worded = `SELECT r.record, r.name FROM search w CROSS JOIN records r WHERE w.search MATCH ? AND r.record = w.rowid AND r.deleted_at = 0 LIMIT ?`
)

// mostFound is how many records with the words of a search are looked at; the first made among more.
const mostFound = 1000

// hit is a record that may be what somebody searches for.
type hit struct {
	record int64
	name   string // folded
}

// Search finds records by their keys, and by the words that Digest has taken in. What is found by words is looked at once more: a name
// that has changed since is no find.
func (r *Reader) Search(ctx context.Context, text string, limit int) (found []state.Listed, err error) {
	search := state.NewSearch(text)
	if search.Exact == "" {
		return nil, ctx.Err()
	}
	if limit <= 0 {
		limit = mostFound
	}
	err = r.use(ctx, func(c *conn) error {
		return c.look(func() error {
			l := lister{c: c}
			if err := l.sources(func(state.Scope) bool { return true }); err != nil {
				return err
			}
			keyed, err := l.keyed(ctx, search)
			if err != nil {
				return err
			}
			others, err := l.worded(ctx, search, keyed)
			if err != nil {
				return err
			}
			found, err = l.found(ctx, search, keyed, others, limit)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// keyed returns the records of which a key is what was typed, by name.
func (l *lister) keyed(ctx context.Context, search state.Search) ([]hit, error) {
	folded := state.NewMatchKey(state.MatchUserName, search.Exact).Text
	var hits []hit
	for _, by := range []struct{ query, text string }{
		{keyedByID, search.Exact}, {keyedByForeign, search.Exact}, {keyedByLink, search.Exact}, {keyedByUnique, folded}, {keyedByMatch, folded},
	} {
		more, err := l.hits(ctx, by.query, by.text)
		if err != nil {
			return nil, err
		}
		hits = append(hits, more...)
	}
	return sortHits(hits), nil
}

// worded returns the records that have the words, apart from those that were found by key, by name.
func (l *lister) worded(ctx context.Context, search state.Search, keyed []hit) ([]hit, error) {
	if len(search.Terms) == 0 || len(keyed) > 0 && search.Address() {
		return nil, nil
	}
	hits, err := l.hits(ctx, worded, matching(search), int64(mostFound))
	return slices.DeleteFunc(sortHits(hits), func(h hit) bool { return slices.Contains(keyed, h) }), err
}

func (l *lister) hits(ctx context.Context, query string, args ...any) (hits []hit, err error) {
	err = l.c.query(func(row row) error {
		hits = append(hits, hit{row.int(0), scim.Fold(row.text(1))})
		return ctx.Err()
	}, query, args...)
	return hits, err
}

func sortHits(hits []hit) []hit {
	slices.SortFunc(hits, func(a, b hit) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.record, b.record)) })
	return slices.Compact(hits)
}

// matching is a search in the language of FTS5. Its words hold nothing but letters and numbers, and are quoted all the same.
func matching(search state.Search) string {
	terms := make([]string, len(search.Terms))
	for i, term := range search.Terms {
		terms[i] = `("` + strings.Join(term.All, `" * AND "`) + `" *)`
		if term.Or != "" {
			terms[i] = `(` + terms[i] + ` OR "` + term.Or + `" *)`
		}
	}
	return strings.Join(terms, " AND ")
}

// found reads what was found, up to a limit: all that was found by key, and of the rest what still has the words.
func (l *lister) found(ctx context.Context, search state.Search, keyed, others []hit, limit int) ([]state.Listed, error) {
	var found []state.Listed
	for i, hits := range [][]hit{keyed, others} {
		for some := range slices.Chunk(hits, foundBatch) {
			if len(found) >= limit {
				break
			}
			rows := make([]int64, len(some))
			for j, hit := range some {
				rows[j] = hit.record
			}
			read, err := listed(ctx, l.c, rows, l.scopes)
			if err != nil {
				return nil, err
			}
			for _, item := range read {
				if i == 0 || stillHas(&item.Record, search) {
					found = append(found, item)
				}
			}
		}
	}
	return found[:min(len(found), limit)], nil
}

// foundBatch is how many records are read at once.
const foundBatch = 32

func stillHas(r *state.Record, search state.Search) bool {
	resource, err := scim.Decode(r.Resource)
	return err == nil && search.Matches(state.SearchWords(r.Kind, resource))
}
