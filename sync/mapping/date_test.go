package mapping

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestDatesComeBack: what a function writes, another reads; and a full format reads what it writes.
func TestDatesComeBack(t *testing.T) {
	formats := []dateFormat{
		dateText, mustDateFormat("o"), mustDateFormat("r"), mustDateFormat("s"), mustDateFormat("F"),
		mustDateFormat("dddd d MMMM yyyy H:m:s"), mustDateFormat("yyyyMMddHHmmss.FZ"), mustDateFormat("s.m.h tt MMM dd yyyy zzz"),
	}
	rapid.Check(t, func(t *rapid.T) {
		first := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
		last := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix()
		want := time.Unix(rapid.Int64Range(first, last).Draw(t, "seconds"), 0).UTC()
		f := rapid.SampledFrom(formats).Draw(t, "format")
		got, ok := f.parse(f.format(want))
		if !ok || !got.Equal(want) {
			t.Fatalf("%s is read as %s, %v", f.format(want), got, ok)
		}
		if got, ok := parseDate(dateText.format(want)); !ok || !got.Equal(want) {
			t.Fatalf("%s is read as %s, %v", dateText.format(want), got, ok)
		}
	})
}

// FuzzDate: any format reads and writes any text without harm, and only dates that a calendar has.
func FuzzDate(f *testing.F) {
	f.Add("M/d/yyyy h:mm:ss tt", "3/16/2020 7:00:00 AM")
	f.Add("yyyy-MM-ddzzz", "2020-12-31-08:00")
	f.Add("yyyyMMddHHmmss.fZ", "20150123105347.1Z")
	f.Add("dddd, dd MMMM yyyy 'at' hh\\h.FFFK", "Monday, 16 March 2020 at 07hZ")
	f.Add("%y", "51")
	f.Fuzz(func(t *testing.T, format, text string) {
		if date, ok := parseDate(text); ok {
			again, ok := parseDate(dateText.format(date))
			if !ok || !again.Equal(date.Truncate(time.Second)) {
				t.Errorf("%q is read as %s, written and read as %s", text, date, again)
			}
		}
		compiled, err := newDateFormat(format)
		if err != nil {
			return
		}
		if date, ok := compiled.parse(text); ok {
			if year := date.Year(); year < 1 || year > 9999 {
				t.Errorf("%q in %q is in the year %d", text, format, year)
			}
			compiled.format(date)
		}
	})
}
