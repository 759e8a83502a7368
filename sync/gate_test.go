package sync_test

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestPushesMakeNoRoom: any number of accounts that were pushed within the day let no more of those go who were there before.
func TestPushesMakeNoRoom(t *testing.T) {
	for name, open := range map[string]func(testing.TB) *world{
		"model":  func(t testing.TB) *world { return newWorldOf(t, nil, nil) },
		"sqlite": onSQLite,
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			names := crowd(40)
			w.join(names...)
			w.hand()
			w.clock.hour()
			w.hand()
			w.clock.pass(48 * time.Hour)
			w.scheduled()
			for i := range 400 {
				w.pushNew(fmt.Sprintf(`{"userName":"shadow%d@acme.example"}`, i))
			}
			w.clock.hour()
			for _, name := range names[:6] {
				w.disable(name)
			}
			report := w.scheduled()
			if active := w.active(); !slices.Contains(active, names[0]) || report.Plan.Gate.Active != 40 || report.Plan.Gate.Limit != 5 {
				t.Errorf("%d active, gate %+v", len(active), report.Plan.Gate)
			}
		})
	}
}
