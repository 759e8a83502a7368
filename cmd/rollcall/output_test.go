package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func testApp(columns int) (*app, *bytes.Buffer, *bytes.Buffer) {
	var out, problems bytes.Buffer
	return &app{stdout: &out, stderr: &problems, now: time.Now, width: func() int { return columns }}, &out, &problems
}

func TestSheetFitsTheTerminal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.IntRange(40, 120).Draw(t, "columns")
		a, out, _ := testApp(columns)
		s := a.newSheet("NAME~", "STATE", "WHY~", "ID?")
		for range rapid.IntRange(1, 20).Draw(t, "rows") {
			s.add(rapid.StringOfN(rapid.RuneFrom([]rune("aä漢🙂e\u0301\t\x1b")), 0, 60, -1).Draw(t, "name"), "inactive", rapid.StringN(0, 80, -1).Draw(t, "why"), strings.Repeat("i", 36))
		}
		s.flush()
		for _, line := range strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n") {
			if w := displayWidth(line); w > columns {
				t.Fatalf("a line of %d columns on a terminal of %d: %q", w, columns, line)
			}
			if strings.ContainsAny(line, "\x1b\t\r\u202e") {
				t.Fatalf("a control character got through: %q", line)
			}
		}
	})
}

func TestSheetSparesColumnsBeforeItCuts(t *testing.T) {
	for columns, want := range map[int]string{
		0: "NAME              STATE   ID\nada@acme.example  active  0123456789\n", 40: "NAME              STATE   ID\nada@acme.example  active  0123456789\n",
		30: "NAME              STATE\nada@acme.example  active\n", 20: "NAME          STATE\nada@acme.ex…  active\n",
	} {
		a, out, _ := testApp(columns)
		s := a.newSheet("NAME~", "STATE", "ID?")
		s.add("ada@acme.example", "active", "0123456789")
		s.flush()
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("%d columns (-want +got):\n%s", columns, diff)
		}
	}
}

func TestSheetCutsNothingElsewhere(t *testing.T) {
	a, out, _ := testApp(0)
	s := a.newSheet("NAME~", "WHY~")
	long := strings.Repeat("x", 300)
	for range sampledRows + 2 { // the last ones stream
		s.add(long, long)
	}
	s.flush()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != sampledRows+3 {
		t.Fatalf("%d lines for %d rows", len(lines), sampledRows+2)
	}
	for _, line := range lines[1:] {
		if line != long+"  "+long {
			t.Fatalf("cut or padded: %.80q…", line)
		}
	}
}

func TestCut(t *testing.T) {
	for _, test := range []struct {
		s       string
		columns int
		want    string
	}{
		{"short", 10, "short"}, {"exactly", 7, "exactly"}, {"too long", 7, "too lo…"}, {"漢字漢字", 5, "漢字…"}, {"e\u0301e\u0301e\u0301", 2, "e\u0301…"}, {"abc", 1, "…"},
	} {
		if got := cut(test.s, test.columns); got != test.want {
			t.Errorf("cut(%q, %d) = %q, want %q", test.s, test.columns, got, test.want)
		}
	}
}

func TestListerJSON(t *testing.T) {
	a, out, _ := testApp(0)
	a.output = "json"
	l := a.newLister("NAME")
	l.add(map[string]string{"name": "<a & b>"}, "a")
	l.add(map[string]string{"name": "c"}, "c")
	if err := l.end("none"); err != nil {
		t.Fatal(err)
	}
	want := "[\n  {\n    \"name\": \"<a & b>\"\n  },\n  {\n    \"name\": \"c\"\n  }\n]\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	a, out, _ = testApp(0)
	a.output = "json"
	if err := a.newLister("NAME").end("none"); err != nil || out.String() != "[]\n" {
		t.Errorf("an empty list is %q, %v", out.String(), err)
	}
}

func TestListerEmptyTable(t *testing.T) {
	a, out, problems := testApp(0)
	if err := a.newLister("NAME").end("no names"); err != nil || out.Len() > 0 || problems.String() != "no names\n" {
		t.Errorf("standard output %q, standard error %q, %v", out.String(), problems.String(), err)
	}
}

func TestWrap(t *testing.T) {
	got := wrap("one two three four five six seven eight nine ten", "  ", 30)
	for _, line := range strings.Split(got, "\n") {
		if !strings.HasPrefix(line, "  ") || utf8.RuneCountInString(line) > 30 {
			t.Errorf("%q", line)
		}
	}
	if strings.Join(strings.Fields(got), " ") != "one two three four five six seven eight nine ten" {
		t.Errorf("words got lost: %q", got)
	}
}

func TestTimesForPeople(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		0: "just now", 59 * time.Second: "just now", time.Minute: "1 minute ago", 90 * time.Minute: "1 hour ago", 47 * time.Hour: "47 hours ago", 49 * time.Hour: "2 days ago",
	} {
		if got := ago(now, now.Add(-d)); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
	if got := ago(now, time.Time{}); got != "never" {
		t.Errorf("no time: %q", got)
	}
	if got := when(now.In(time.FixedZone("x", 3600))); got != "2026-03-01 12:00:00Z" {
		t.Errorf("when: %q", got)
	}
}

func TestExitCodesOutrankEachOther(t *testing.T) {
	for i, first := range exitOrder {
		for _, second := range exitOrder[i:] {
			if worse(first, second) != first || worse(second, first) != first {
				t.Errorf("%d does not come before %d", first, second)
			}
		}
	}
	want := []int{2, 1, 6, 4, 3, 5, 0}
	if diff := cmp.Diff(want, exitOrder); diff != "" {
		t.Errorf("the contract's order (-want +got):\n%s", diff)
	}
}

func TestReport(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		ran  bool
		code int
		text string
	}{
		{"none", nil, true, 0, ""},
		{"plain", errors.New("no luck"), true, 1, "rollcall: no luck\n"},
		{"before a command ran", errors.New("no flag"), false, 2, "rollcall: no flag\n"},
		{"usage", usagef("name it"), true, 2, "rollcall: name it\n"},
		{"said already", exitWith(exitHeld), true, 4, ""},
		{"faults", faults{{File: "a.yaml", Line: 1, Column: 2, Path: "x", What: "is wrong", Mend: "mend it"}}, true, 2, "a.yaml:1:2: x: is wrong; mend it\n"},
		{"one fault", fault{File: "a.yaml", What: "is wrong"}, true, 2, "a.yaml: is wrong\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, _, problems := testApp(0)
			a.ran = test.ran
			if code := a.report(test.err); code != test.code || problems.String() != test.text {
				t.Errorf("exit code %d, %q; want %d, %q", code, problems.String(), test.code, test.text)
			}
		})
	}
}

// TestFold: folded lines fit, and hold every character of the text in order.
func TestFold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom([]rune("ab  漢é🙂"))).Draw(t, "text")
		columns := rapid.IntRange(6, 30).Draw(t, "columns")
		lines := fold(text, "  ", columns)
		joined := lines[0]
		for i, line := range lines {
			if w := displayWidth(line); w > columns {
				t.Fatalf("line %d has %d columns of %d: %q", i, w, columns, line)
			}
			if i > 0 {
				joined += strings.TrimPrefix(line, "  ")
			}
		}
		if joined != text {
			t.Fatalf("%q became %q", text, joined)
		}
	})
}
