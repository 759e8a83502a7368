package entra

import (
	"context"

	"rollcall/connectors"
)

// Look implements connectors.Connector, in batches of 20. Who is in neither the directory nor the recycle bin is gone. Assigned is told
// as far as people's own assignment lists may be read (see ownLists), and so are their app roles; otherwise it stays Unknown, because a
// person's own record does not say it. An id that is no GUID cannot belong to anyone here: its sighting has no facts.
func (c *Connector) Look(ctx context.Context, want connectors.Want, ids []string, found func(connectors.Sighting) error) error {
	selection, err := selectFor(want.Attributes)
	if err != nil {
		return err
	}
	l := &look{Connector: c, selection: selection, found: found, asked: map[guid]string{}}
	if want.Scope == connectors.Assigned && !c.transitive {
		l.own = &ownLists{Connector: c, selection: selection}
	}
	var chunk []guid
	for i, text := range ids {
		if id, ok := parseGUID(text); ok {
			l.asked[id] = text
			chunk = append(chunk, id)
		} else if err := found(connectors.Sighting{ID: text, Person: connectors.Person{ID: text, Values: make([]connectors.Value, len(want.Attributes))}}); err != nil {
			return err
		}
		if len(chunk) == batchSize || len(chunk) > 0 && i == len(ids)-1 {
			if err := l.chunk(ctx, chunk); err != nil {
				return err
			}
			chunk = chunk[:0]
		}
	}
	return nil
}

// look is one Look on its way.
type look struct {
	*Connector
	selection *selection
	found     func(connectors.Sighting) error
	asked     map[guid]string // ids as the caller spells them
	own       *ownLists       // nil: they would not tell
}

// chunk looks for up to 20 people: in the directory, and those who are not there in the recycle bin.
func (l *look) chunk(ctx context.Context, ids []guid) error {
	for _, facts := range []connectors.Facts{{SoftDeleted: connectors.No}, {SoftDeleted: connectors.Yes}} {
		people := people{selection: l.selection} // sightings may be kept
		missing, err := l.byID(ctx, &people, ids, facts)
		if err != nil {
			return err
		}
		if l.own != nil && facts.SoftDeleted == connectors.No {
			l.own.tell(ctx, &people)
		}
		for i, person := range people.keep(everybody) {
			if err := l.found(connectors.Sighting{ID: l.asked[people.keys[i]], Person: person}); err != nil {
				return err
			}
		}
		if ids = missing; len(ids) == 0 {
			return nil
		}
	}
	for _, id := range ids {
		if err := l.found(connectors.Sighting{ID: l.asked[id], Gone: true}); err != nil {
			return err
		}
	}
	return nil
}
