package mapping

import (
	"strings"
	"time"
)

// dateReader is how far a text has been read as a date.
type dateReader struct {
	rest                     string
	year, month, day         int
	hour, minute, second     int
	nanosecond, offset       int // offset in seconds east of UTC
	weekday                  int // -1: not read
	twelve, afternoon, valid bool
}

// parse reads a whole text exactly as the format says, as UTC. Month and day that the format leaves out are the first.
func (f dateFormat) parse(s string) (time.Time, bool) {
	r := dateReader{rest: s, year: 1, month: 1, day: 1, weekday: -1, valid: true}
	for i := 0; i < len(f) && r.valid; i++ {
		r.read(f, i)
	}
	if !r.valid || r.rest != "" {
		return time.Time{}, false
	}
	if r.twelve {
		if r.hour < 1 || r.hour > 12 {
			return time.Time{}, false
		}
		r.hour %= 12
	}
	if r.afternoon && r.hour < 12 {
		r.hour += 12
	}
	t := time.Date(r.year, time.Month(r.month), r.day, r.hour, r.minute, r.second, r.nanosecond, time.UTC)
	same := t.Year() == r.year && int(t.Month()) == r.month && t.Day() == r.day && t.Hour() == r.hour && t.Minute() == r.minute && t.Second() == r.second
	if !same || r.year == 0 || r.weekday >= 0 && int(t.Weekday()) != r.weekday {
		return time.Time{}, false
	}
	t = t.Add(-time.Duration(r.offset) * time.Second)
	return t, t.Year() >= 1 && t.Year() <= 9999
}

// read reads what one piece of a format stands for. A single letter takes one digit or two.
func (r *dateReader) read(f dateFormat, i int) {
	p := f[i]
	two := max(p.count, 2)
	switch p.letter {
	case 0:
		literal := p.literal
		if i+1 < len(f) && f[i+1].letter == 'F' && strings.HasSuffix(literal, ".") && !strings.HasPrefix(r.rest, literal) {
			literal = literal[:len(literal)-1] // the point belongs to a fraction that may be missing
		}
		r.literal(literal)
	case 'y':
		switch {
		case p.count > 2:
			r.year = r.digits(p.count, max(p.count, 4))
		default:
			if r.year = r.digits(p.count, 2); r.year < 50 {
				r.year += 2000 // .NET's window for years of two digits ends in 2049
			} else {
				r.year += 1900
			}
		}
	case 'M':
		if p.count > 2 {
			r.month = 1 + r.name(p.count == 3, 12, func(n int) string { return time.Month(n + 1).String() })
		} else {
			r.month = r.digits(p.count, two)
		}
	case 'd':
		if p.count > 2 {
			r.weekday = r.name(p.count == 3, 7, func(n int) string { return time.Weekday(n).String() })
		} else {
			r.day = r.digits(p.count, two)
		}
	case 'h':
		r.hour, r.twelve = r.digits(p.count, two), true
	case 'H':
		r.hour = r.digits(p.count, two)
	case 'm':
		r.minute = r.digits(p.count, two)
	case 's':
		r.second = r.digits(p.count, two)
	case 't':
		half := r.name(false, 2, func(n int) string { return halves[n][:p.count] })
		r.afternoon = half == 1
	case 'f':
		r.fraction(p.count, p.count)
	case 'F':
		r.fraction(0, p.count)
	case 'K':
		switch {
		case strings.HasPrefix(r.rest, "Z"):
			r.rest = r.rest[1:]
		case r.rest != "" && (r.rest[0] == '+' || r.rest[0] == '-'):
			r.zone(3)
		}
	case 'z':
		r.zone(p.count)
	}
}

func (r *dateReader) literal(text string) {
	rest, ok := strings.CutPrefix(r.rest, text)
	r.rest, r.valid = rest, r.valid && ok
}

// digits reads a number of so many digits.
func (r *dateReader) digits(least, most int) int {
	n, count := 0, 0
	for count < most && count < len(r.rest) && isDigit(rune(r.rest[count])) {
		n = n*10 + int(r.rest[count]-'0')
		count++
	}
	r.rest, r.valid = r.rest[count:], r.valid && count >= least
	return n
}

// name reads one of count names without regard to case, or what its first three letters are, and returns which.
func (r *dateReader) name(short bool, count int, name func(int) string) int {
	for i := range count {
		n := name(i)
		if short {
			n = n[:3]
		}
		if len(r.rest) >= len(n) && strings.EqualFold(r.rest[:len(n)], n) {
			r.rest = r.rest[len(n):]
			return i
		}
	}
	r.valid = false
	return 0
}

func (r *dateReader) fraction(least, most int) {
	before := len(r.rest)
	n := r.digits(least, most)
	for range 9 - (before - len(r.rest)) {
		n *= 10
	}
	r.nanosecond = n
}

// zone reads an offset: hours for z and zz, hours and minutes for zzz.
func (r *dateReader) zone(count int) {
	if r.rest == "" || r.rest[0] != '+' && r.rest[0] != '-' {
		r.valid = false
		return
	}
	sign := 1
	if r.rest[0] == '-' {
		sign = -1
	}
	r.rest = r.rest[1:]
	hours, minutes := r.digits(min(count, 2), 2), 0
	if count == 3 {
		r.rest = strings.TrimPrefix(r.rest, ":")
		minutes = r.digits(2, 2)
	}
	r.valid = r.valid && hours <= 14 && minutes < 60
	r.offset = sign * (hours*60 + minutes) * 60
}
