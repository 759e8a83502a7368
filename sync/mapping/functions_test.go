package mapping_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/sync/mapping"
)

// TestFunctions holds every function to what is documented of it, and to what we chose where nothing is.
func TestFunctions(t *testing.T) {
	tests := []struct {
		source string
		in     in
		want   any
	}{
		// Null and "" are two things, and null goes through a function that has nothing to say of it.
		{source: `[x]`, want: nil},
		{source: `[x]`, in: in{"x": ""}, want: ""},
		{source: `"constant"`, want: "constant"},
		{source: `""`, want: ""},
		{source: `Append([x], ".test")`, want: nil},
		{source: `Append("a", [x])`, want: nil},
		{source: `ToLower([x])`, want: nil},
		{source: `Mid([x], 1, 2)`, want: nil},
		{source: `StripSpaces([x])`, want: nil},
		{source: `Replace([x], "a", , , "b", , )`, want: nil},
		{source: `Replace([x], "a", , , , , "abc")`, want: nil},
		{source: `Replace("abc", "b", , , [x], , )`, want: nil},
		{source: `Split([x], ",")`, want: nil},
		{source: `CDate([x])`, want: nil},
		{source: `CDate([x])`, in: in{"x": ""}, want: nil},
		{source: `FormatDateTime([x], , "yyyy", "yyyy")`, want: nil},
		{source: `DateDiff("d", [x], "2020-01-01")`, want: nil},
		{source: `BitAnd([x], 1)`, want: nil},
		{source: `CBool([x])`, want: nil},
		{source: `CStr([x])`, want: nil},
		{source: `ConvertToBase64([x])`, want: nil},
		{source: `Not([x])`, want: "True"},
		{source: `Count([x])`, want: 0},
		{source: `Word([x], 1, " ")`, want: ""},
		{source: `Join(".", [x], [y])`, want: nil},
		{source: `Join(".", [x], "")`, want: ""},
		{source: `RemoveDuplicates([x])`, want: nil},
		{source: `Item([x], 1)`, want: nil},

		// Conditions.
		{source: `CBool("0")`, want: "False"},
		{source: `CBool("TRUE")`, want: "True"},
		{source: `CBool(-3)`, want: "True"},
		{source: `CBool([a] <> [b])`, in: in{"a": "x", "b": "y"}, want: "True"},
		{source: `CBool([a] <> [b])`, in: in{"a": "x"}, want: "False"},
		{source: `IIF([a] <> "x", "other", "same")`, want: "same"},
		{source: `IIF([a] = "x", "same", "other")`, in: in{"a": ""}, want: "other"},
		{source: `IIF([a] = "x", [a], [b])`, in: in{"a": "X"}, want: nil},
		{source: `IIF([accountEnabled], "on", "off")`, in: in{"accountEnabled": "True"}, want: "on"},
		{source: `IIF([accountEnabled], "on", "off")`, in: in{"accountEnabled": "False"}, want: "off"},
		{source: `IIF([n] > 9, "more", "less")`, in: in{"n": "10"}, want: "more"},
		{source: `IIF([n] >= 10, "more", "less")`, in: in{"n": "10"}, want: "more"},
		{source: `IIF([n] < [m], "less", "more")`, in: in{"n": "9", "m": "10"}, want: "less"},
		{source: `IIF([n] <= [m], "less", "more")`, in: in{"n": "b", "m": "a"}, want: "more"},
		{source: `IIF([n] = [m], "same", "other")`, in: in{"n": "007", "m": "7"}, want: "other"},
		{source: `IIF([n] = 7, "same", "other")`, in: in{"n": "007"}, want: "same"},
		{source: `IIF([n] = 7, "same", "other")`, in: in{"n": "seven"}, want: "other"},
		{source: `IIF(CDate([d]) > CDate("9/1/2020"), "later", "earlier")`, in: in{"d": "12/1/2020"}, want: "later"},
		{source: `IIF(CDate([d]) = CDate([e]), "same", "other")`, in: in{"d": "2020-12-01", "e": "12/1/2020"}, want: "same"},
		{source: `IsNull([x])`, in: in{"x": ""}, want: "False"},
		{source: `IsNullOrEmpty([x])`, want: "True"},
		{source: `IsNullOrEmpty([x])`, in: in{"x": []string{}}, want: "True"},
		{source: `IsPresent([x])`, want: "False"},
		{source: `IsString([x])`, in: in{"x": "a"}, want: "True"},
		{source: `IsString([x])`, in: in{"x": []string{"a"}}, want: "False"},
		{source: `IsString([x])`, want: "False"},
		{source: `IsString(7)`, want: "False"},
		{source: `Not("true")`, want: "True"},
		{source: `Not([a] = "x")`, in: in{"a": "x"}, want: "False"},
		{source: `Redact([x])`, in: in{"x": "secret"}, want: "secret"},
		{source: `Switch(IsPresent([jobTitle]), "Default", "True", [jobTitle])`, in: in{"jobTitle": "Engineer"}, want: "Engineer"},
		{source: `Switch(IsPresent([jobTitle]), "Default", "True", [jobTitle])`, want: "Default"},
		{source: `Switch([x], "default", [y], "equal")`, in: in{"x": "a", "y": "a"}, want: "equal"},
		{source: `Switch([x], "default", [y], "equal")`, in: in{"x": ""}, want: "default"},
		{source: `Switch(Count([x]), "several", 1, "one")`, in: in{"x": []string{"a"}}, want: "one"},
		{source: `Switch([x], , "a", "first", "a", "second")`, in: in{"x": "a"}, want: "first"},
		{source: `Coalesce("", "b")`, want: ""},
		{source: `Coalesce([x], [y])`, in: in{"y": []string{"a", "b"}}, want: []string{"a", "b"}},
		{source: `Coalesce(IgnoreFlowIfNullOrEmpty([x]), "b")`, want: nil},
		{source: `IgnoreFlowIfNullOrEmpty([x])`, in: in{"x": "a"}, want: "a"},
		{source: `IgnoreFlowIfNullOrEmpty([x])`, in: in{"x": ""}, want: nil},

		// Texts. Positions count UTF-16 units, as .NET's do.
		{source: `Left("Zoë", 3)`, want: "Zoë"},
		{source: `Left("👍ab", 3)`, want: "👍a"},
		{source: `Left("👍ab", 1)`, want: "\uFFFD"},
		{source: `Left([x], "2")`, in: in{"x": "abc"}, want: "ab"},
		{source: `Left("abc", [n])`, in: in{"n": "2"}, want: "ab"},
		{source: `Left("abc", [n])`, want: nil},
		{source: `Mid("abc", 4, 1)`, want: ""},
		{source: `Mid("abc", 2, 0)`, want: ""},
		{source: `Mid("abc", 99, 99)`, want: ""},
		{source: `Mid("abc", 2, 9223372036854775807)`, want: "bc"},
		{source: `Mid("Zoë👍!", 3, 4)`, want: "ë👍!"},
		{source: `InStr("abc", "x")`, want: 0},
		{source: `InStr("ABC", "b", 1, vbTextCompare)`, want: 2},
		{source: `InStr("ABC", "b", , vbTextCompare)`, want: 2},
		{source: `InStr("ABC", "b", , vbBinaryCompare)`, want: 0},
		{source: `InStr("abcabc", "b", 3)`, want: 5},
		{source: `InStr("abc", "a", 99)`, want: 0},
		{source: `InStr("abc", "")`, want: 1},
		{source: `InStr("", "")`, want: 0},
		{source: `Word("a,,b", 2, ",")`, want: "b"},
		{source: `Word("abc", 1, ",")`, want: "abc"},
		{source: `Word("abc", -1, ",")`, want: ""},
		{source: "StripSpaces(\" a b\tc \")", want: "ab\tc"},
		{source: `ToLower("ÄÖÜ İI")`, want: "äöü İi"},
		{source: `ToUpper("äöü ßıi")`, want: "ÄÖÜ ßıI"},
		{source: `ToLower("Iİ", "tr-TR")`, want: "ıi"},
		{source: `ToUpper("iı", "tr-TR")`, want: "İI"},
		{source: `ToUpper("i", "en-US")`, want: "I"},
		{source: `PCase("o'NEILL mc-donald 1ST a1b")`, want: "O'neill Mc-Donald 1St A1b"},
		{source: `PCase("JEAN-LUC d'ARC", " ")`, want: "Jean-luc D'arc"},
		{source: `PCase("ÉMILE ZOLA")`, want: "Émile Zola"},
		{source: `NormalizeDiacritics("Zoe\\")`, want: `Zoe\`},
		{source: "NormalizeDiacritics(\"Zoe\u0308 Na\u0303o\")", want: "Zoe Nao"},
		{source: "NormalizeDiacritics(\"œ\u0304 Œ\u0304 œ\")", want: "oe OE œ"},
		{source: "NormalizeDiacritics(\"ṳ\u0304 q\u0308 đ þ 北\")", want: "u q\u0308 đ þ 北"},
		{source: `NormalizeDiacritics("İẞŸŽǢȰ")`, want: "ISSYZAEO"},
		{source: `Append(12, -5)`, want: "12-5"},

		// Lists.
		{source: `Join(";", [x], "c")`, in: in{"x": []string{"a", "", "b"}}, want: "a;b;c"},
		{source: `Join([x], "a", "b")`, want: "ab"},
		{source: `Count([x])`, in: in{"x": []string{"a", "b"}}, want: 2},
		{source: `Count([x])`, in: in{"x": "a"}, want: 1},
		{source: `Item([x], 3)`, in: in{"x": []string{"a", "b"}}, want: nil},
		{source: `Item(Split("a, b ,c", ","), 2)`, want: "b"},
		{source: `Split("a,,b", ",")`, want: []string{"a", "", "b"}},
		{source: `Split("a<>b", "<>")`, want: []string{"a", "b"}},
		{source: `RemoveDuplicates(Split("a,b,A,a", ","))`, want: []string{"a", "b", "A"}},
		{source: `RemoveDuplicates("a")`, want: []string{"a"}},
		{source: `ToLower([x])`, in: in{"x": []string{"A"}}, want: "a"},
		{source: `ToLower([x])`, in: in{"x": []string{}}, want: nil},

		// Numbers and codes.
		{source: `BitAnd([userAccountControl], 2)`, in: in{"userAccountControl": "514"}, want: 2},
		{source: `BitAnd(-1, &hff)`, want: 255},
		{source: `CStr(12)`, want: "12"},
		{source: `ConvertToUTF8Hex("ß")`, want: "C39F"},
		{source: `ConvertToBase64("👍")`, want: "PdhN3A=="},

		// Dates.
		{source: `CDate("2020-03-16T07:08:09.1234567Z")`, want: "3/16/2020 7:08:09 AM"},
		{source: `CDate("3/16/2020 7:08 PM")`, want: "3/16/2020 7:08:00 PM"},
		{source: `CDate("3/16/2020 19:08:01")`, want: "3/16/2020 7:08:01 PM"},
		{source: `CDate("2020-03-16 00:00")`, want: "3/16/2020 12:00:00 AM"},
		{source: `CDate("2020-02-29")`, want: "2/29/2020 12:00:00 AM"},
		{source: `DateAdd("m", 1, "2021-01-31")`, want: "2/28/2021 12:00:00 AM"},
		{source: `DateAdd("m", -1, "2021-03-31")`, want: "2/28/2021 12:00:00 AM"},
		{source: `DateAdd("yyyy", 1, "2020-02-29")`, want: "2/28/2021 12:00:00 AM"},
		{source: `DateAdd("h", 25, "2020-12-31")`, want: "1/1/2021 1:00:00 AM"},
		{source: `DateAdd("n", -1, "2021-01-01")`, want: "12/31/2020 11:59:00 PM"},
		{source: `DateAdd("s", 86400, "2020-02-28")`, want: "2/29/2020 12:00:00 AM"},
		{source: `DateDiff("yyyy", "2020-12-31", "2021-01-01")`, want: 1},
		{source: `DateDiff("ww", "2021-08-28", "2021-08-29")`, want: 1}, // Saturday, Sunday
		{source: `DateDiff("d", "2021-01-01T00:00:00.5Z", "2021-01-02T00:00:00Z")`, want: 0},
		{source: `DateDiff("s", "2021-01-01T00:00:01Z", "2021-01-01T00:00:00.5Z")`, want: 0},
		{source: `DateDiff("s", "2021-01-01T00:00:01.5Z", "2021-01-01T00:00:00.25Z")`, want: -1},
		{source: `DateDiff("s", "0001-01-01", "9999-12-31")`, want: 315537811200},
		{source: `DateDiff("d", Now(), "2026-03-24")`, want: 9},
		{source: `Now()`, want: "3/14/2026 9:30:00 AM"},
		{source: `NumFromDate("1601-01-01T00:00:01.0000003Z")`, want: 10000003},
		{source: `DateFromNum([n])`, in: in{"n": "0"}, want: "1/1/1601 12:00:00 AM"},
		{source: `FormatDateTime([d], , "yyyy-MM-ddzzz", "yyyy-MM-dd HH:mm")`, in: in{"d": "2020-12-31+08:00"}, want: "2020-12-30 16:00"},
		{source: `FormatDateTime(" 16.3.20 ", , "d.M.yy", "dddd, d. MMMM yyyy")`, want: "Monday, 16. March 2020"},
		{source: `FormatDateTime("3/16/2020 7:08:09 PM", , "M/d/yyyy h:mm:ss tt", "s")`, want: "2020-03-16T19:08:09"},
		{source: `FormatDateTime("16 MAR 2020", "None", "dd MMM yyyy", "yyyyMMdd")`, want: "20200316"},
		{source: `FormatDateTime(" 2020", "AllowLeadingWhite, AssumeUniversal", "yyyy", "%d/%M")`, want: "1/1"},
		{source: `FormatDateTime("2020-03-16T01:02:03.120Z", , "yyyy-MM-ddTHH:mm:ss.fffZ", "yy y H h m s t f ff FFF z zz zzz K ddd MMM")`, want: "20 20 1 1 2 3 A 1 12 12 +0 +00 +00:00 Z Mon Mar"},
		{source: `FormatDateTime("2020-03-16T13:00:00Z", , "yyyy-MM-ddTHH:mm:ssK", "h 'o''clock' \"p\" \\h.FF")`, want: "1 oclock p h"},
		{source: `FormatDateTime("12:30 AM 1/2/51", , "h:mm tt M/d/yy", "yyyy-MM-dd HH:mm")`, want: "1951-01-02 00:30"},
		{source: `FormatDateTime("Mon 16 March 2020 -1", , "ddd dd MMMM yyyy z", "o")`, want: "2020-03-16T01:00:00.0000000Z"},
		{source: `FormatDateTime(Now(), , "M/d/yyyy h:mm:ss tt", "r")`, want: "Sat, 14 Mar 2026 09:30:00 GMT"},

		// Replace.
		{source: `Replace("aXbX", "X", , , "$1", , )`, want: "a$1b$1"},
		{source: `Replace("a.b", ".", , , , , "x.y.")`, want: "xa.bya.b"},
		{source: `Replace("no match", , "\\d+", , "x", , )`, want: "no match"},
		{source: `Replace("Ada Lovelace", , "(\\w+) (?<last>\\w+)", , "${last}, $1 $$ $& $9 ${no}", , )`, want: "Lovelace, Ada $ Ada Lovelace $9 ${no}"},
		{source: "Replace(\"axb\", , \"x\", , \"[$`|$'|$_|$+]\", , )", want: "a[a|b|axb|x]b"},
		{source: `Replace("aab", , "(?<=a)b", , "c", , )`, want: "aac"},
		{source: `Replace("abab", , "(ab)\\1", , "x", , )`, want: "x"},
		{source: `Replace("٣3", , "\\d", , "x", , )`, want: "xx"},
		{source: `Replace("a1b22", , "[a-z](?<n>\\d+)", "n", "#", , )`, want: "a#b#"},
		{source: `Replace("ab", , "(?<n>x)?b", "n", "#", , )`, want: "ab"},
		{source: `Replace("ab", , "b", , [y], , )`, in: in{"y": "<$&>"}, want: "a<b>"},
		{source: `Replace([x], , "(?<n>\\d+)", "n", , [y], )`, in: in{"y": "none"}, want: nil},
		{source: `Replace([x], , "(?<n>\\d+)", "n", , [y], )`, want: nil},
		{source: `Replace("x", "x", , , "")`, want: ""},

		// App roles.
		{source: `SingleAppRoleAssignment([appRoleAssignments])`, in: in{"appRoleAssignments": []string{`{"id":"1","value":"admin","displayName":"Admin"}`}}, want: "admin"},
		{source: `SingleAppRoleAssignment([appRoleAssignments])`, in: in{"appRoleAssignments": []string{"admin"}}, want: "admin"},
		{source: `SingleAppRoleAssignment([appRoleAssignments])`, in: in{"appRoleAssignments": []string{"admin", "user"}}, want: nil},
		{source: `SingleAppRoleAssignment([appRoleAssignments])`, want: nil},
	}
	for _, test := range tests {
		t.Run(test.source, func(t *testing.T) {
			got, err := evaluate(t, test.source, test.in, connectors.Facts{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, plain(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestPersonErrors lists what goes wrong with one person's values only, and that no such value is ever quoted.
func TestPersonErrors(t *testing.T) {
	const secret = "Ada-Lovelace"
	long := strings.Repeat("a", 5000)
	tests := []struct {
		source string
		x      any
		want   string
	}{
		{`Left("abc", [x])`, secret, "Left: a whole number is needed"},
		{`CDate([x])`, secret, "CDate: a date such as"},
		{`DateAdd("d", 1, [x])`, "2021-02-29", "DateAdd: a date such as"},
		{`DateAdd([x], 1, "2021-01-01")`, secret, "DateAdd: the interval is one of"},
		{`DateDiff([x], "2021-01-01", "2021-01-01")`, secret, "DateDiff: the interval is one of"},
		{`DateAdd("yyyy", [x], "2021-01-01")`, "9223372036854775807", "years 1 to 9999"},
		{`DateAdd("yyyy", [x], "2021-01-01")`, "-2021", "years 1 to 9999"},
		{`DateAdd("s", [x], "2021-01-01")`, "-9223372036854775808", "years 1 to 9999"},
		{`DateFromNum([x])`, "9223372036854775807", "years 1 to 9999"},
		{`DateFromNum([x])`, "-1", "not negative"},
		{`NumFromDate([x])`, "1600-01-01", "year 1601"},
		{`FormatDateTime([x], , "yyyy-MM-dd", "yyyy")`, "2021-1-1", "FormatDateTime: the value is no date"},
		{`FormatDateTime([x], , "ddd yyyy-MM-dd", "yyyy")`, "Tue 2020-03-16", "FormatDateTime: the value is no date"},
		{`FormatDateTime([x], , "yyyy h tt", "yyyy")`, "2020 13 PM", "FormatDateTime: the value is no date"},
		{`FormatDateTime([x], , "yyyy zzz", "yyyy")`, "2020 08:00", "FormatDateTime: the value is no date"},
		{`FormatDateTime([x], , "yyyy zzz", "yyyy")`, "2020 +15:00", "FormatDateTime: the value is no date"},
		{`FormatDateTime([x], "None", "yyyy", "yyyy")`, " 2021", "FormatDateTime: the value is no date"},
		{`Mid("abc", [x], 1)`, "0", "Mid: the start is 1 or more"},
		{`InStr("abc", "a", [x])`, "0", "InStr: the start is 1 or more"},
		{`Item(Split("a,b", ","), [x])`, "0", "Item: the index is 1 or more"},
		{`Split("a", [x])`, "", "Split: the delimiter is empty"},
		{`Replace("a", [x], , , "b", , )`, "", "Replace: the old value is empty"},
		{`IIF([x], "a", "b")`, secret, `IIF: the condition is neither "True" nor "False"`},
		{`CBool([x])`, secret, "CBool: the value is neither"},
		{`ToLower([x])`, []string{secret, "b"}, "ToLower: one value is needed, the attribute has 2"},
		{`Switch([x], , "a", "b")`, []string{secret, "b"}, "Switch: one value is needed"},
		{`Append(Append([x], [x]), [x])`, strings.Repeat(long, 6), "Append: the result is longer than 65536 bytes"},
		{`Join("", [x], [x], [x])`, strings.Repeat(long, 6), "Join: the result is longer"},
		{`Replace([x], "a", , , [x], , )`, long, "Replace: the result is longer"},
		{`Replace("aaaaaaaaaaaaaaaaaaaa", , "a", , [x], , )`, long, "Replace: the result is longer"},
		{`Replace([x], , "a", , "b", , )`, long, "Replace: the value has 5000 characters"},
		{`Replace([x], , "(a+)+$", , "b", , )`, strings.Repeat("a", 4000) + secret, "Replace: the regular expression takes too long"},
		{`Replace([y], , "(?<n>(a+)+$)", "n", , [x], )`, strings.Repeat("a", 4000) + secret, "Replace: the regular expression takes too long"},
		{`SingleAppRoleAssignment([appRoleAssignments])`, secret, "SingleAppRoleAssignment: an app role is no JSON object"},
		{`RandomString([x], 1, 1, 1, 1)`, "3", "RandomString: the counts add up to more"},
		{`RandomString([x], 1, 1, 1, 1)`, "257", "RandomString: length and counts are 0 to 256"},
		{`RandomString(8, 1, 1, 1, 1, [x])`, "0123456789", "RandomString: no character is left"},
	}
	for _, test := range tests {
		t.Run(test.source, func(t *testing.T) {
			attributes := in{"x": test.x, "appRoleAssignments": []string{"{" + secret}}
			got, err := evaluate(t, test.source, attributes, connectors.Facts{})
			var personal *mapping.PersonError
			if !errors.As(err, &personal) {
				t.Fatalf("value %v, error %v; want a *PersonError", got, err)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q, want %q", err, test.want)
			}
			if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "aaaa") {
				t.Errorf("error %q quotes the value", err)
			}
		})
	}
}

func TestChance(t *testing.T) {
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := make(map[string]bool)
	for range 50 {
		guid, err := evaluate(t, `Guid()`, nil, connectors.Facts{})
		if err != nil {
			t.Fatal(err)
		}
		random, err := evaluate(t, `RandomString(12, 2, 3, 1, 1, "0Oo!")`, nil, connectors.Facts{})
		if err != nil {
			t.Fatal(err)
		}
		if !uuid.MatchString(guid.Text) {
			t.Errorf("Guid: %q", guid.Text)
		}
		count := func(class string) int { return len(regexp.MustCompile(class).FindAllString(random.Text, -1)) }
		if len(random.Text) != 12 || count(`[0-9]`) < 2 || count(`[^0-9A-Za-z]`) < 3 || count(`[A-Z]`) < 1 || count(`[a-z]`) < 1 || count(`[0Oo!]`) > 0 {
			t.Errorf("RandomString: %q", random.Text)
		}
		if seen[guid.Text] || seen[random.Text] {
			t.Error("the same value twice")
		}
		seen[guid.Text], seen[random.Text] = true, true
	}
}

// TestWithoutMoment: who asks for the time or for chance without having been given any is told so.
func TestWithoutMoment(t *testing.T) {
	for source, want := range map[string]string{`Now()`: "Now: the time is not known", `Guid()`: "Guid: there is no source of chance"} {
		x, err := mapping.ParseExpression(source)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.Evaluate(connectors.Assigned, &connectors.Person{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", source, err, want)
		}
	}
	x, err := mapping.ParseExpression(`Guid()`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.At(time.Time{}, strings.NewReader("short")).Evaluate(connectors.Assigned, &connectors.Person{}); err == nil {
		t.Error("a source of chance that runs dry is not noticed")
	}
}
