package console

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"rollcall/state"
	"rollcall/sync/explain"
)

// daysShown is how far back the small pictures go.
const daysShown = 30

// firstDay is the first of the days that are shown.
func firstDay(now time.Time) time.Time {
	return now.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1-daysShown)
}

// days is what happened to a source on each of the last thirty days, the oldest first.
type days struct {
	days [daysShown]state.Day
	any  bool
}

func (d *days) add(since time.Time, day state.Day) {
	i := int(day.Date.Sub(since) / (24 * time.Hour))
	if i < 0 || i >= daysShown {
		return
	}
	d.days[i], d.any = day, true
}

// Any tells whether anything happened.
func (d days) Any() bool { return d.any }

// rows are the days on which anything happened, the newest first.
func (d days) rows(since time.Time) []state.Day {
	var rows []state.Day
	for i, day := range slices.Backward(d.days[:]) {
		if day != (state.Day{}) {
			day.Date = since.AddDate(0, 0, i)
			rows = append(rows, day)
		}
	}
	return rows
}

// Sum tells the picture in words.
func (d days) Sum() string {
	var sum state.Day
	for _, day := range d.days {
		sum.Pushes += day.Pushes
		sum.Found += day.Found
		sum.Repaired += day.Repaired
		sum.Removals += day.Removals
	}
	return fmt.Sprintf("Last %d days: %s pushed, %s found by pulls, %s repaired, %s", daysShown, explain.Plural(sum.Pushes, "change"),
		explain.Plural(sum.Found, "difference"), count(sum.Repaired), explain.Plural(sum.Removals, "removal"))
}

// The picture's measures: a day each four units, the line across at 14.
const (
	dayWidth = 4
	dayLine  = 14
)

// Pushes, Found, Repaired and Removed are the bars of the picture as the path of a stroke: pushes stand above the line and drift found
// in front of them, repairs hang below it and removals in front of them; what stands in front is narrower, so that both are seen. Heights
// are by the square root, so that one change is seen beside a thousand.
func (d days) Pushes() string   { return d.bars(-1, func(day state.Day) int { return day.Pushes }) }
func (d days) Found() string    { return d.bars(-1, func(day state.Day) int { return day.Found }) }
func (d days) Repaired() string { return d.bars(1, func(day state.Day) int { return day.Repaired }) }
func (d days) Removed() string  { return d.bars(1, func(day state.Day) int { return day.Removals }) }

func (d days) bars(direction int, of func(state.Day) int) string {
	top := 1
	for _, day := range d.days {
		top = max(top, day.Pushes, day.Found, day.Repaired, day.Removals)
	}
	var path strings.Builder
	for i, day := range d.days {
		n := of(day)
		if n == 0 {
			continue
		}
		height := 1 + int(11*root(n, top))
		fmt.Fprintf(&path, "M%d %dv%d", dayWidth/2+i*dayWidth, dayLine+direction, direction*height)
	}
	return path.String()
}

// root is the share of the square roots, between 0 and 1.
func root(n, top int) float64 { return math.Sqrt(float64(n) / float64(top)) }

// month is the picture with its days, for a page that has room for them.
type month struct {
	days
	since time.Time
}

// monthDay is a day on which something happened: where it stands in the picture, and its numbers in words.
type monthDay struct {
	X    int
	Text string
}

// Each are the days on which anything happened.
func (m month) Each() []monthDay {
	var each []monthDay
	for i, day := range m.days.days {
		if day != (state.Day{}) {
			each = append(each, monthDay{i * dayWidth, fmt.Sprintf("%s: %s pushed, %s found, %s repaired, %s", m.date(i), count(day.Pushes),
				explain.Plural(day.Found, "difference"), count(day.Repaired), explain.Plural(day.Removals, "removal"))})
		}
	}
	return each
}

// dates label the picture's line.
type dates struct{ First, Middle, Last string }

// Dates are the picture's first day, that in its middle, and today.
func (m month) Dates() dates {
	return dates{m.date(0), m.date(daysShown / 2), "today (UTC)"}
}

func (m month) date(i int) string { return m.since.AddDate(0, 0, i).Format("2 Jan") }
