package statetest

import (
	"context"
	"time"

	"rollcall/state"
)

func (f *faulty) Staged(ctx context.Context, scope state.Scope, yield func(state.Record) bool) error {
	return stopping(f, "Staged", func(yield func(state.Record) bool) error { return f.store.Staged(ctx, scope, yield) }, yield)
}

func (f *faulty) Trim(ctx context.Context, journal, requests time.Time) (state.Trimmed, error) {
	return get(f, "Trim", func() (state.Trimmed, error) { return f.store.Trim(ctx, journal, requests) })
}

func (f *faulty) Cut(ctx context.Context, tenant string) (int64, error) {
	return get(f, "Cut", func() (int64, error) { return f.store.Cut(ctx, tenant) })
}

func (f *faulty) KeepReader(ctx context.Context, reader state.FeedReader) error {
	return f.do("KeepReader", func() error { return f.store.KeepReader(ctx, reader) })
}

func (f *faulty) DropReader(ctx context.Context, tenant, name string) error {
	return f.do("DropReader", func() error { return f.store.DropReader(ctx, tenant, name) })
}

func (f *faulty) Readers(ctx context.Context, tenant string) ([]state.FeedReader, error) {
	return get(f, "Readers", func() ([]state.FeedReader, error) { return f.store.Readers(ctx, tenant) })
}

func (f *faulty) Alarms(ctx context.Context) ([]state.Alarm, error) {
	return get(f, "Alarms", func() ([]state.Alarm, error) { return f.store.Alarms(ctx) })
}

func (f *faulty) PutAlarm(ctx context.Context, alarm state.Alarm) error {
	return f.do("PutAlarm", func() error { return f.store.PutAlarm(ctx, alarm) })
}

func (f *faulty) DropAlarm(ctx context.Context, alarm state.Alarm) error {
	return f.do("DropAlarm", func() error { return f.store.DropAlarm(ctx, alarm) })
}

func (f *faulty) GroupLosses(ctx context.Context, scope state.Scope, after int64, more int) (losses []state.GroupLoss, last int64, err error) {
	err = f.do("GroupLosses", func() (err error) {
		losses, last, err = f.store.GroupLosses(ctx, scope, after, more)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	return losses, last, nil
}

func (f *faulty) Erase(ctx context.Context, scope state.Scope, id state.ID, cause state.Cause) error {
	return f.do("Erase", func() error { return f.store.Erase(ctx, scope, id, cause) })
}

func (f *faulty) BlankTenant(ctx context.Context, tenant string) error {
	return f.do("BlankTenant", func() error { return f.store.BlankTenant(ctx, tenant) })
}

func (f *faulty) RenameSource(ctx context.Context, epoch int64, scope state.Scope, name string) error {
	return f.do("RenameSource", func() error { return f.store.RenameSource(ctx, epoch, scope, name) })
}

func (f *faulty) MoveRecords(ctx context.Context, from, to state.Lease, cause state.Cause) (int, error) {
	return get(f, "MoveRecords", func() (int, error) { return f.store.MoveRecords(ctx, from, to, cause) })
}
