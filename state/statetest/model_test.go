package statetest_test

import (
	"testing"
	"time"

	"rollcall/state/statetest"
)

func TestModel(t *testing.T) {
	statetest.Run(t, func(_ testing.TB, now func() time.Time) statetest.Store {
		m := statetest.NewModel()
		m.Now = now
		return m
	})
}
