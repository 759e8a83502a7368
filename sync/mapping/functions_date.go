package mapping

import (
	"math"
	"strings"
	"time"
)

// dateArgument evaluates an argument that is a date. ok is false where it is null or empty.
func dateArgument(e env, n node) (t time.Time, ok bool, err error) {
	s, ok, err := text(e, n)
	if err != nil || !ok || strings.TrimSpace(s) == "" {
		return time.Time{}, false, err
	}
	if t, ok = parseDate(s); !ok {
		return time.Time{}, false, failf("a date such as 2020-03-16, 2020-03-16T07:00:00Z or 3/16/2020 7:00:00 AM is needed, the value is another text; FormatDateTime reads other forms")
	}
	return t, true, nil
}

func callNow(e env, _ []node) (value, error) {
	if e.moment.now.IsZero() {
		return value{}, failf("the time is not known here")
	}
	return dateValue(e.moment.now)
}

func callCDate(e env, args []node) (value, error) {
	t, ok, err := dateArgument(e, args[0])
	if err != nil || !ok {
		return value{}, err
	}
	return dateValue(t)
}

// intervals are what DateAdd and DateDiff count in.
var intervals = map[string]bool{"yyyy": true, "m": true, "d": true, "ww": true, "h": true, "n": true, "s": true}

const intervalHint = "the interval is one of yyyy (years), m (months), d (days), ww (weeks), h (hours), n (minutes) and s (seconds)"

func checkInterval(c *checker, t *tree) {
	if interval := t.args[0]; interval.kind == treeText && !intervals[interval.text] {
		c.fault(interval.at, intervalHint)
	}
}

// lengths are the intervals of a fixed length.
var lengths = map[string]time.Duration{"d": 24 * time.Hour, "ww": 7 * 24 * time.Hour, "h": time.Hour, "n": time.Minute, "s": time.Second}

// callDateAdd adds intervals to a date. A month that is too short gives its last day.
func callDateAdd(e env, args []node) (value, error) {
	interval, known, err := text(e, args[0])
	if err != nil || !known {
		return value{}, err
	}
	n, ok, err := number(e, args[1])
	if err != nil || !ok {
		return value{}, err
	}
	t, ok, err := dateArgument(e, args[2])
	if err != nil || !ok {
		return value{}, err
	}
	switch {
	case !intervals[interval]:
		return value{}, failf(intervalHint)
	case interval == "yyyy" || interval == "m":
		if n < -120_000 || n > 120_000 {
			return value{}, failf("the date is outside the years 1 to 9999")
		}
		months := int(n)
		if interval == "yyyy" {
			months *= 12
		}
		return dateValue(addMonths(t, months))
	}
	seconds := int64(lengths[interval] / time.Second)
	if most := math.MaxInt32 * int64(200); n > most/seconds || n < -most/seconds {
		return value{}, failf("the date is outside the years 1 to 9999")
	}
	return dateValue(time.Unix(t.Unix()+n*seconds, int64(t.Nanosecond())))
}

func addMonths(t time.Time, months int) time.Time {
	first := time.Date(t.Year(), t.Month()+time.Month(months), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	return first.AddDate(0, 0, min(t.Day(), first.AddDate(0, 1, -1).Day())-1)
}

// callDateDiff counts the intervals from one date to another as Visual Basic does: calendar years and months, boundaries between
// weeks that begin on Sunday, and otherwise whole lengths of time, towards zero.
func callDateDiff(e env, args []node) (value, error) {
	interval, known, err := text(e, args[0])
	if err != nil || !known {
		return value{}, err
	}
	from, ok, err := dateArgument(e, args[1])
	if err != nil || !ok {
		return value{}, err
	}
	to, ok, err := dateArgument(e, args[2])
	if err != nil || !ok {
		return value{}, err
	}
	switch interval {
	case "yyyy":
		return numberValue(int64(to.Year() - from.Year())), nil
	case "m":
		return numberValue(int64((to.Year()-from.Year())*12 + int(to.Month()) - int(from.Month()))), nil
	case "ww":
		return numberValue(seconds(weekStart(from), weekStart(to)) / int64(lengths["ww"]/time.Second)), nil
	case "d", "h", "n", "s":
		return numberValue(seconds(from, to) / int64(lengths[interval]/time.Second)), nil
	}
	return value{}, failf(intervalHint)
}

// weekStart moves a date back to its week's first day, the hour kept.
func weekStart(t time.Time) time.Time { return t.AddDate(0, 0, -int(t.Weekday())) }

// seconds is the time from a to b, towards zero. Their distance may be more than a time.Duration holds.
func seconds(a, b time.Time) int64 {
	whole, part := b.Unix()-a.Unix(), b.Nanosecond()-a.Nanosecond()
	switch {
	case whole > 0 && part < 0:
		whole--
	case whole < 0 && part > 0:
		whole++
	}
	return whole
}

// fileEpoch is where Windows file times begin. They count in 100 nanoseconds.
var fileEpoch = time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC)

const fileTicks = 10_000_000 // a second

func callDateFromNum(e env, args []node) (value, error) {
	n, ok, err := number(e, args[0])
	if err != nil || !ok {
		return value{}, err
	}
	if n < 0 {
		return value{}, failf("a file time is not negative")
	}
	return dateValue(time.Unix(fileEpoch.Unix()+n/fileTicks, n%fileTicks*100))
}

func callNumFromDate(e env, args []node) (value, error) {
	t, ok, err := dateArgument(e, args[0])
	if err != nil || !ok {
		return value{}, err
	}
	if t.Before(fileEpoch) {
		return value{}, failf("a file time begins with the year 1601")
	}
	return numberValue((t.Unix()-fileEpoch.Unix())*fileTicks + int64(t.Nanosecond()/100)), nil
}

// dateStyles are .NET's names, and whether white space around the date is allowed with them. Those about zones change nothing here:
// what has no offset is in UTC, and all is written in UTC.
var dateStyles = map[string]struct{ leading, trailing bool }{
	"None": {}, "RoundtripKind": {}, "AssumeLocal": {}, "AssumeUniversal": {}, "AdjustToUniversal": {}, "NoCurrentDateDefault": {},
	"AllowLeadingWhite": {leading: true}, "AllowTrailingWhite": {trailing: true}, "AllowInnerWhite": {},
	"AllowWhiteSpaces": {leading: true, trailing: true},
}

// reformat is FormatDateTime, its formats read at load.
type reformat struct {
	source            node
	leading, trailing bool // white space allowed
	in, out           dateFormat
}

func buildFormatDateTime(c *checker, t *tree, args []node) node {
	r := &reformat{source: args[0], leading: true, trailing: true}
	if args[1] != nil {
		r.leading, r.trailing = false, false
		for name := range strings.FieldsFuncSeq(t.args[1].text, func(c rune) bool { return c == ',' || c == '|' || c == ' ' }) {
			style, ok := dateStyles[name]
			if !ok {
				c.fault(t.args[1].at, "there is no date style %s; left empty, RoundtripKind and white space around the date are allowed", name)
			}
			r.leading, r.trailing = r.leading || style.leading, r.trailing || style.trailing
		}
	}
	for i, into := range []*dateFormat{&r.in, &r.out} {
		arg := t.args[2+i]
		f, err := newDateFormat(arg.text)
		switch {
		case arg.kind != treeText:
			c.fault(arg.at, "a date format is written as a text, so that it can be checked when the mapping is loaded")
		case err != nil:
			c.fault(arg.at, "%s", err)
		}
		*into = f
	}
	if len(r.in) > 0 && !r.in.has('y') {
		c.fault(t.args[2].at, "the input format needs a year, for otherwise the value would change with the day it is read on")
	}
	return r
}

func (r *reformat) eval(e env) (value, error) {
	s, ok, err := text(e, r.source)
	if err != nil || !ok || s == "" {
		return value{}, inFunction("FormatDateTime", err)
	}
	const white = " \t\r\n\v\f"
	if r.leading {
		s = strings.TrimLeft(s, white)
	}
	if r.trailing {
		s = strings.TrimRight(s, white)
	}
	t, ok := r.in.parse(s)
	if !ok {
		return value{}, inFunction("FormatDateTime", failf("the value is no date in the input format"))
	}
	return textValue(r.out.format(t)), nil
}
