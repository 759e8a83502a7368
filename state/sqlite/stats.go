package sqlite

import (
	"context"
	"fmt"
)

// Stats counts what a Store has done since Open.
type Stats struct {
	Commits  int64 // transactions
	Steps    int64 // mutations and other changes carried out in them
	Refusals int64 // of those, refused
	Retries  int64 // attempts at a lock that another process held
	Dropped  int64 // requests that were not logged
	Waiting  int   // jobs that wait for the writer now
}

// Stats returns the counts so far.
func (s *Store) Stats() Stats {
	w := s.writer
	w.mu.Lock()
	waiting := len(w.urgent) + len(w.bulk)
	w.mu.Unlock()
	return Stats{
		Commits: w.stats.commits.Load(), Steps: w.stats.steps.Load(), Refusals: w.stats.refusals.Load(),
		Retries: w.stats.retries.Load(), Dropped: w.stats.dropped.Load(), Waiting: waiting,
	}
}

// Health returns what stands in the way of the database's use. It reads from it, and if the last transaction failed, for a full disk
// or a lock that somebody kept, it tries a write that changes nothing: who is not sent any work because of a failure long past would
// never learn that it is over.
func (s *Store) Health(ctx context.Context) error {
	if _, err := list(ctx, s.Reader, func(row row) int64 { return row.int(0) }, "SELECT count(*) FROM leases"); err != nil {
		return err
	}
	if s.writer.stats.failed.Load() == nil {
		return nil
	}
	if err := s.do(ctx, func(t *tx) error { return t.c.exec("PRAGMA user_version = 0") }); err != nil {
		return fmt.Errorf("nothing can be written: %w", err)
	}
	return nil
}
