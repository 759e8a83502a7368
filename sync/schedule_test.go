package sync_test

import (
	"strings"
	"testing"
	"time"

	dirsync "rollcall/sync"
)

func TestParseScheduleRefuses(t *testing.T) {
	for text, says := range map[string]string{
		"":                               "",
		"often":                          "expected exactly 5 fields",
		"CRON_TZ=UTC":                    "a time zone and nothing else",
		"TZ=":                            "a time zone and nothing else",
		"TZ=UTC  ":                       "a time zone and nothing else",
		"CRON_TZ=Mars/Olympus 0 6 * * *": "unknown time zone",
		"0 0 31 2 *":                     "no time ever fits it",
	} {
		if schedule, err := dirsync.ParseSchedule(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, %v; want an error that says %q", text, schedule, err, says)
		}
	}
}

// FuzzParseSchedule: whatever a configuration holds, it is refused or comes due.
func FuzzParseSchedule(f *testing.F) {
	for _, text := range []string{"*/10 * * * *", "@hourly", "@every 1s", "CRON_TZ=UTC", "TZ=Europe/Vienna 0 6 * * 1-5", "0 0 29 2 *", "@every", "1-59/99 * * * *", "TZ=UTC\t* * * * *"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		schedule, err := dirsync.ParseSchedule(text)
		if now := time.Now(); err == nil && !schedule.Next(now).After(now) {
			t.Errorf("%q comes due in the past", text)
		}
	})
}
