package entra

import (
	"context"
	"slices"
	"strconv"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

// fewBatches is how many batches are made without asking whether pages of the directory would take fewer calls.
const fewBatches = 10

// direct passes those of ids, which are sorted, who were not passed as members of a group: by pages of the whole directory where that
// takes fewer calls, otherwise by batches of 20. Whoever the pages lack is read by id before being taken for absent.
func (p *pull) direct(ctx context.Context, ids []guid) error {
	ids = slices.DeleteFunc(ids, p.passed)
	if p.fewerPages(ctx, len(ids)) {
		if err := p.fromDirectory(ctx, ids); err != nil {
			return err
		}
		ids = slices.DeleteFunc(ids, p.passed)
	}
	for chunk := range slices.Chunk(ids, batchSize) {
		if err := p.chunk(ctx, chunk); err != nil {
			return err
		}
	}
	return nil
}

// fewerPages tells whether n people are read with fewer calls by pages of the directory than by id. The directory's size, one call, is
// an estimate out of an index, and nothing but this choice depends on it: without it, people are read by id.
func (p *pull) fewerPages(ctx context.Context, n int) bool {
	batches, perPage := calls(n, batchSize), p.people.selection.pageSize()
	if batches < max(fewBatches, calls(n, perPage)+1) {
		return false
	}
	request, err := p.directorySize(ctx)
	if err != nil {
		return false
	}
	body, err := p.send(ctx, request)
	if err != nil {
		return false
	}
	size, err := scanCount(body)
	return err == nil && calls(max(size, n), perPage) < batches
}

// calls is how many calls it takes to read n of something.
func calls(n, each int) int { return (n + each - 1) / each }

// scanCount takes a page of a listing and returns how long the listing is.
func scanCount(body string) (int, error) {
	var count connectors.Value
	s := rest.Scan(body)
	err := s.Object(func(name string) (err error) {
		if name != "@odata.count" {
			return s.Skip()
		}
		count, err = s.Value()
		return err
	})
	if err == nil {
		err = s.End()
	}
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(count.Text)
}

// fromDirectory passes those of ids, which are sorted, whom a listing of the whole directory has.
func (p *pull) fromDirectory(ctx context.Context, ids []guid) error {
	selection := p.people.selection
	request, err := p.everyone(ctx, selection.names, pageSize, selection.expand...)
	if err == nil {
		err = p.listing(ctx, request, assignedFacts, func(id guid) bool {
			_, assigned := slices.BinarySearchFunc(ids, id, compareGUID)
			return assigned
		})
	}
	if err != nil {
		return fail(ctx, readPeople, err)
	}
	p.Probe(readPeople)
	return nil
}

// chunk passes up to 20 people who are assigned directly: from the directory, and those who are not there from the recycle bin.
func (p *pull) chunk(ctx context.Context, ids []guid) error {
	for _, facts := range []connectors.Facts{assignedFacts, deletedFacts} {
		missing, err := p.byID(ctx, &p.people, ids, facts)
		if err == nil {
			err = p.pass()
		}
		if err != nil {
			return err
		}
		p.Probe(readPeople)
		if ids = missing; len(ids) == 0 {
			break
		}
	}
	return nil // who is in neither is gone
}

// byID reads up to 20 people into p, in the order of ids: from the recycle bin if facts say SoftDeleted, otherwise from the directory.
// It returns those who are not there. Its errors are told.
func (c *Connector) byID(ctx context.Context, p *people, ids []guid, facts connectors.Facts) (missing []guid, err error) {
	s, one := readPeople, p.selection.user
	if facts.SoftDeleted == connectors.Yes {
		s, one = readRecycleBin, deleted
	}
	asks := make([]ask, len(ids))
	for i, id := range ids {
		asks[i] = one(id)
	}
	items, err := c.batch(ctx, asks)
	if err != nil {
		return nil, fail(ctx, s, err)
	}
	p.start(facts)
	for i, item := range items {
		switch {
		case notThere(item.err):
			missing = append(missing, ids[i])
			continue
		case item.err != nil:
			return nil, fail(ctx, s, item.err)
		}
		scanner := rest.Scan(item.body)
		if err := p.scan(&scanner); err != nil {
			return nil, fail(ctx, s, err)
		}
		if p.keys[len(p.keys)-1] != ids[i] {
			return nil, fail(ctx, s, errOther)
		}
	}
	return missing, nil
}
