package sqlite

import (
	"context"
	"encoding/json"
	"fmt"

	"rollcall/state"
)

const (
	lastNumber = `SELECT max(?, coalesce((SELECT last_number FROM tenants WHERE name = ?), 0))`
	// What costs least to ask comes first: of most entries no text is read.
	groupLosses = `SELECT j.number, j.at, j.id, CAST(json_extract(j.before, '$.members.removed') AS BLOB) FROM journal j
		WHERE j.tenant = (SELECT tenant FROM tenants WHERE name = ?) AND j.number > ? AND j.number <= ?
		AND j.kind = 2 AND j.cause = 'push' AND j.source = ` + inScope + `
		AND json_array_length(j.before, '$.members.removed') > ? ORDER BY j.number`
)

// GroupLosses walks through what the journal has got since it was asked last.
func (r *Reader) GroupLosses(ctx context.Context, scope state.Scope, after int64, more int) (losses []state.GroupLoss, last int64, err error) {
	last = after
	if err := r.get(ctx, func(row row) { last = row.int(0) }, lastNumber, after, scope.Tenant); err != nil {
		return nil, 0, err
	}
	var unread error
	losses, err = list(ctx, r, func(row row) state.GroupLoss {
		loss := state.GroupLoss{Number: row.int(0), At: row.time(1), Group: state.ID(row.text(2))}
		if err := json.Unmarshal(row.bytes(3), &loss.Left); err != nil && unread == nil {
			unread = fmt.Errorf("read journal entry %d: %w", loss.Number, err)
		}
		return loss
	}, groupLosses, scope.Tenant, after, last, scope.Source, scope.Tenant, int64(more))
	if err == nil {
		err = unread
	}
	if err != nil {
		return nil, 0, err
	}
	return losses, last, nil
}
