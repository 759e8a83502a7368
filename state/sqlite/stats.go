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

// Health reads from the database and returns what stands in the way of its use: a failed read, or the failure of the last
// transaction, such as a full disk.
func (s *Store) Health(ctx context.Context) error {
	if _, err := list(ctx, s.Reader, func(row row) int64 { return row.int(0) }, "SELECT count(*) FROM leases"); err != nil {
		return err
	}
	if err := s.writer.stats.failed.Load(); err != nil {
		return fmt.Errorf("the last change failed: %w", *err)
	}
	return nil
}
