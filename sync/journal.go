package sync

import (
	"context"
	"fmt"
	"time"

	"rollcall/state"
)

const (
	readBatch = 1000
	clockSlip = time.Hour // by which a machine's clock may have been set back: journal times need not ascend within it
)

// entriesSince calls yield for each entry of a tenant's journal that is not older than a time, and perhaps for some that are, in order.
// An entry is valid until yield returns. A journal that begins only later, because more is not kept, is ErrJournal.
func entriesSince(ctx context.Context, store state.Journal, tenant string, since time.Time, yield func(*state.Entry) error) error {
	after, err := numberBefore(ctx, store, tenant, since.Add(-clockSlip))
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	for first := true; ; first = false {
		entries, err := store.Entries(ctx, tenant, after, readBatch)
		switch {
		case err != nil:
			return fmt.Errorf("read the journal: %w", err)
		case len(entries) == 0:
			return nil
		case first && after == 0 && entries[0].Number > 1 && entries[0].At.After(since):
			return fmt.Errorf("%w: it begins at %s", ErrJournal, entries[0].At.UTC().Format(time.RFC3339))
		}
		for i := range entries {
			if err := yield(&entries[i]); err != nil {
				return err
			}
		}
		after = entries[len(entries)-1].Number
	}
}

// numberBefore returns a number behind which all entries are that are not older than a time. It reads a few.
func numberBefore(ctx context.Context, store state.Journal, tenant string, at time.Time) (int64, error) {
	var failed error
	older := func(after int64) bool {
		entries, err := store.Entries(ctx, tenant, after, 1)
		if err != nil {
			failed = err
		}
		return failed == nil && len(entries) > 0 && entries[0].At.Before(at)
	}
	if !older(0) {
		return 0, failed
	}
	low, high := int64(0), int64(1) // the entry behind low is older, that behind high is not
	for older(high) {
		low, high = high, 2*high
	}
	for high-low > 1 {
		if middle := low + (high-low)/2; older(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return low, failed
}
