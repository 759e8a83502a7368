package mapping_test

import (
	"strings"
	"testing"

	"rollcall/sync/mapping"
)

// TestExpressionFaults lists what is refused when a mapping is loaded, with the column and the hint that a person gets.
func TestExpressionFaults(t *testing.T) {
	tests := []struct {
		source string
		column int
		want   string
	}{
		// Form.
		{``, 1, "the expression ends where"},
		{`  `, 3, "the expression ends where"},
		{`[]`, 1, "an attribute's name stands in square brackets"},
		{`[ mail ]`, 1, "without spaces"},
		{`[mail`, 1, "the bracket opened here is not closed"},
		{`ToLower([mail)`, 9, "the bracket opened here is not closed"},
		{`[a[b]]`, 3, "can't be part of an attribute's name"},
		{`"abc`, 1, "the quote opened here is not closed"},
		{`"a\d"`, 3, `a backslash within text is written twice: \\`},
		{`"a\`, 3, "a backslash within text is written twice"},
		{`“abc”`, 1, "straight double quotes"},
		{`'abc'`, 1, "straight double quotes"},
		{`mail`, 1, `text stands in double quotes ("mail"), an attribute in square brackets ([mail])`},
		{`12`, 1, `a constant stands in double quotes: "12"`},
		{`[a] = [b]`, 5, "a comparison stands only within a function"},
		{`[a] [b]`, 5, "the expression has ended before this"},
		{`ToLower([a]))`, 13, "the expression has ended before this"},
		{`ToLower([a]`, 8, "the parenthesis opened here is not closed"},
		{`ToLower([a] [b])`, 13, "a comma or a closing parenthesis is missing"},
		{`IIF([a] = "b" And [c] = "d", "x", "y")`, 15, "there is no AND; put one IIF into another"},
		{`ToLower(=)`, 9, "an attribute, a text or a function is missing here"},
		{`IIF([a] = , "x", "y")`, 11, "an attribute, a text or a function is missing here"},
		{`IIF([a] = [b] = [c], "x", "y")`, 15, "comparisons can't be chained"},
		{`IIF(([a] = [b]), "x", "y")`, 5, "missing here"},
		{`Append([a] & [b])`, 12, "to join texts use Join or Append"},
		{`Left([a], 1.5)`, 11, "1.5 is no whole number"},
		{`Left([a], 99999999999999999999)`, 11, "at most 64 bits"},
		{`Left([a], &HFG)`, 11, "&HFG is no whole number"},
		{`Left([a], &H)`, 11, "&H is no whole number"},
		{`Left([a], 1_0)`, 11, "1_0 is no whole number"},
		{`Left([a], -)`, 11, "- is no whole number"},
		{`ToLower({a})`, 9, "has no meaning here"},
		{"Append([a],\n  [b)", 15, "the bracket opened here"},
		{"\"\xff\"", 0, "not valid UTF-8"},
		{strings.Repeat("ToLower(", 65) + "[a]" + strings.Repeat(")", 65), 64*8 + 1, "nested more than 64 deep"},
		{`"` + strings.Repeat("ä", 9_999) + `"`, 0, "the expression has 10001 characters"},

		// Functions and attributes.
		{`switch([a], , "b", "c")`, 1, "function names keep their letter case: write Switch, not switch"},
		{`Swich([a], , "b", "c")`, 1, "did you mean Switch?"},
		{`ToLower(Frobnicate([a]))`, 9, "there is no function Frobnicate"},
		{`Right([a], 3)`, 1, "belongs to Entra Connect's rules"},
		{`Trim([a])`, 1, "belongs to Entra Connect's rules"},
		{`SelectUniqueValue([a], [b])`, 1, "works only from HR systems"},
		{`DefaultDomain()`, 1, "no documented function"},
		{`Not([issoftdeleted])`, 5, "write [IsSoftDeleted]"},
		{`AppRoleAssignmentsComplex([x])`, 27, "is written AppRoleAssignmentsComplex([appRoleAssignments])"},

		// Arguments.
		{`Now("x")`, 1, "Now has 1 argument; it is written Now()"},
		{`Left([a])`, 1, "it is written Left(source, count)"},
		{`Mid([a], 1, 2, 3)`, 1, "it is written Mid(source, start, length)"},
		{`PCase([a], " ", "-")`, 1, "PCase(source, [word separators])"},
		{`Switch([a], "b", "c")`, 1, " has 3 arguments; it is written Switch(source, [default], key, value, …)"},
		{`Switch([a], )`, 1, " has 2 arguments"},
		{`Switch([a], , "b", "c", "d")`, 1, " has 5 arguments"},
		{`Join(",")`, 1, "Join has 1 argument;"},
		{`FormatDateTime([a], "yyyy", "yyyy")`, 1, " has 3 arguments"},
		{`Append([a], )`, 13, `the suffix of Append can't be left empty; "" is the empty text`},
		{`Switch([a], , "b", )`, 20, "the value of Switch can't be left empty"},
		{`Left([a], "x")`, 11, "the count of Left has to be a whole number, and this is a text"},
		{`Left([a], vbTextCompare)`, 11, "has to be a whole number"},
		{`Left([a], CDate([b]))`, 11, "has to be a whole number, and this is a date"},
		{`ToLower(Split([a], ","))`, 9, "this is a list; take one element with Item, or all with Join"},
		{`CDate("tomorrow")`, 7, "has to be a date"},
		{`ToLower([a] = [b])`, 13, "this is a comparison"},
		{`IIF("yes", "a", "b")`, 5, `has to be "True" or "False" or a comparison`},
		{`IIF(Split([a], ",") = "b", "c", "d")`, 5, "a list can't be compared"},
		{`InStr([a], "b", 1, vbNullString)`, 20, "vbNullString is no function here"},
		{`InStr([a], "b", 1, "vbTextCompare")`, 20, "vbTextCompare or vbBinaryCompare"},
		{`InStr([a], "b", 0)`, 17, "the start is 1 or more"},
		{`Mid([a], 0, 1)`, 10, "the start is 1 or more"},
		{`Mid([a], 1, -1)`, 13, "the length is 0 or more"},
		{`Item([a], "0")`, 11, "the index is 1 or more"},
		{`Split([a], "")`, 12, "the delimiter is empty"},
		{`DateAdd("day", 1, [a])`, 9, "the interval is one of"},
		{`DateDiff("M", [a], [b])`, 10, "the interval is one of"},
		{`FormatDateTime([a], , "MM-dd", "yyyy")`, 23, "the input format needs a year"},
		{`FormatDateTime([a], , [f], "yyyy")`, 23, "a date format is written as a text"},
		{`FormatDateTime([a], , "yyyy", "yyyy'")`, 31, "a quote in the date format is not closed"},
		{`FormatDateTime([a], , "yyyy", "yyyyyyy")`, 31, "more than 5 times in a row"},
		{`FormatDateTime([a], , "yyyy", "q")`, 31, "no standard date format"},
		{`FormatDateTime([a], , "yyyy", "yyyy gg")`, 31, "eras are not supported"},
		{`FormatDateTime([a], , "yyyy", "yyyy\\")`, 31, "ends with a backslash"},
		{`FormatDateTime([a], , "yyyy", "")`, 31, "the date format is empty"},
		{`FormatDateTime([a], "Local", "yyyy", "yyyy")`, 21, "there is no date style Local"},

		// Conditions that Entra can't see.
		{`IIF([a] = "", "b", "c")`, 11, "IIF can't ask whether a value is empty"},
		{`IIF("" <> [a], "b", "c")`, 5, "IIF can't ask whether a value is empty"},
		{`IIF(IsNullOrEmpty([a]), "b", "c")`, 5, "use Switch"},
		{`IIF(Not(IsPresent([a])), "b", "c")`, 9, "use Switch"},
		{`IIF(IsNull([a]) = "True", "b", "c")`, 5, "use Switch"},

		// Replace.
		{`Replace([a], "b")`, 1, "needs one of: oldValue and replacementValue"},
		{`Replace([a], "b", "c", , "d", , )`, 1, "needs one of"},
		{`Replace([a], "", , , "d", , )`, 14, "the old value is empty"},
		{`Replace([a], , "(", , "d", , )`, 16, "the regular expression is wrong"},
		{`Replace([a], , "", , "d", , )`, 16, "1 to 2000 characters"},
		{`Replace([a], , "` + strings.Repeat("x", 2001) + `", , "d", , )`, 16, "1 to 2000 characters"},
		{`Replace([a], , [b], , "d", , )`, 16, "a regular expression is written as a text"},
		{`Replace([a], , "(?<n>b)", "m", "d", , )`, 27, "no group of this name"},
		{`Replace([a], , "(?<n>b)", [c], "d", , )`, 27, "no group of this name"},
		{`Replace([a], , "(?<n>b", "n", , [c], )`, 16, "the regular expression is wrong"},
	}
	for _, test := range tests {
		name := test.source
		if len(name) > 60 {
			name = name[:60]
		}
		t.Run(name, func(t *testing.T) {
			_, err := mapping.ParseExpression(test.source)
			found := faults(err)
			if len(found) != 1 {
				t.Fatalf("%d faults: %v", len(found), err)
			}
			f := found[0]
			if f.Column != test.column || f.Field != "source" || !strings.Contains(f.Text, test.want) {
				t.Errorf("column %d: %s\nwant column %d: %s", f.Column, f.Text, test.column, test.want)
			}
		})
	}
}

// TestAllFaultsAtOnce: a fault doesn't hide the ones beside it.
func TestAllFaultsAtOnce(t *testing.T) {
	_, err := mapping.Compile([]mapping.Row{
		{Target: "userName", Source: `ToLwer(Left([a], "x"))`},
		{Target: "nowhere", Source: `[a`, Apply: "sometimes"},
		{Target: "active", Source: `Switch([a], Right([b], 1), "x", Trim([c]))`},
	})
	var got []string
	for _, f := range faults(err) {
		got = append(got, f.Error())
	}
	want := []string{
		"row 1, source, column 1: there is no function ToLwer; did you mean ToLower?",
		`row 1, source, column 18: the count of Left has to be a whole number, and this is a text`,
		"row 2, source, column 1: the bracket opened here is not closed",
		"row 2, target: no schema of a user knows nowhere",
		`row 2, apply: there is no way "sometimes" to apply a row; there are always, create, add and never`,
		"row 3, source, column 13: Right belongs to Entra Connect's rules",
		"row 3, source, column 33: Trim belongs to Entra Connect's rules",
	}
	if len(got) != len(want) {
		t.Fatalf("faults:\n%s", strings.Join(got, "\n"))
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("fault %d: %s\nwant %s", i, got[i], want[i])
		}
	}
}

// TestRowFaults lists what is refused of a row beside its expression.
func TestRowFaults(t *testing.T) {
	const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	userName := mapping.Row{Target: "userName", Source: "[u]", Match: 1}
	tests := []struct {
		name string
		rows []mapping.Row
		at   mapping.Fault // its Text a part of the text
	}{
		{"no rows", nil, mapping.Fault{Field: "target", Text: "no row for userName"}},
		{"no userName", []mapping.Row{{Target: "externalId", Source: "[id]", Match: 1}}, mapping.Fault{Field: "target", Text: "no row for userName"}},
		{"userName never flows", []mapping.Row{{Target: "userName", Source: "[u]", Apply: mapping.Never}}, mapping.Fault{Field: "apply", Text: "at least at creation"}},
		{"no source", []mapping.Row{userName, {Target: "title"}}, mapping.Fault{Row: 1, Field: "source", Text: "the source is empty"}},
		{"negative match", []mapping.Row{userName, {Target: "externalId", Source: "[id]", Match: -1}}, mapping.Fault{Row: 1, Field: "match", Text: "1 or more"}},
		{"same precedence", []mapping.Row{userName, {Target: "externalId", Source: "[id]", Match: 1}}, mapping.Fault{Row: 1, Field: "match", Text: "row 1 has the precedence 1 already"}},
		{"unsearchable match", []mapping.Row{userName, {Target: "title", Source: "[t]", Match: 2}}, mapping.Fault{Row: 1, Field: "match", Text: "can't be searched for title"}},
		{"random match", []mapping.Row{userName, {Target: "externalId", Source: "Guid()", Match: 2}}, mapping.Fault{Row: 1, Field: "match", Text: "nothing ever matches"}},
		{"path", []mapping.Row{userName, {Target: "emails[type eq", Source: "[m]"}}, mapping.Fault{Row: 1, Field: "target"}},
		{"unknown target", []mapping.Row{userName, {Target: "shoeSize", Source: "[m]"}}, mapping.Fault{Row: 1, Field: "target", Text: "no schema of a user knows shoeSize"}},
		{"unknown sub-attribute", []mapping.Row{userName, {Target: "name.nick", Source: "[m]"}}, mapping.Fault{Row: 1, Field: "target", Text: "no schema"}},
		{"id", []mapping.Row{userName, {Target: "id", Source: "[m]"}}, mapping.Fault{Row: 1, Field: "target", Text: "read-only"}},
		{"groups", []mapping.Row{userName, {Target: `groups[type eq "direct"].value`, Source: "[m]"}}, mapping.Fault{Row: 1, Field: "target", Text: "read-only"}},
		{"meta", []mapping.Row{userName, {Target: "meta.created", Source: "[m]"}}, mapping.Fault{Row: 1, Field: "target", Text: "read-only"}},
		{"manager's name", []mapping.Row{userName, {Target: enterprise + ":manager.displayName", Source: "[m]"}}, mapping.Fault{Row: 1, Field: "target", Text: "read-only"}},
		{"manager's address", []mapping.Row{userName, {Target: "manager.$ref", Source: "[m]"}}, mapping.Fault{Row: 1, Field: "target", Text: "read-only"}},
		{"password", []mapping.Row{userName, {Target: "password", Source: `"x"`}}, mapping.Fault{Row: 1, Field: "target", Text: "never kept"}},
		{"whole name", []mapping.Row{userName, {Target: "name", Source: "[m]"}}, mapping.Fault{Row: 1, Field: "target", Text: "name one, such as name.formatted"}},
		{"some e-mail", []mapping.Row{userName, {Target: "emails.value", Source: "[m]"}}, mapping.Fault{Row: 1, Field: "target", Text: "say which is meant"}},
		{"all e-mails", []mapping.Row{userName, {Target: "emails", Source: "[m]"}}, mapping.Fault{Row: 1, Field: "target", Text: "say which is meant"}},
		{"an element", []mapping.Row{userName, {Target: `emails[type eq "work"]`, Source: "[m]"}}, mapping.Fault{Row: 1, Field: "target", Text: "name one, such as"}},
		{"a filter of one", []mapping.Row{userName, {Target: `name[givenName eq "x"].familyName`, Source: "[m]"}}, mapping.Fault{Row: 1, Field: "target", Text: "no elements to choose from"}},
		{"a filter that starts", []mapping.Row{userName, {Target: `emails[type sw "w"].value`, Source: "[m]"}}, mapping.Fault{Row: 1, Field: "target", Text: "made of equalities"}},
		{"a filter that chooses", []mapping.Row{userName, {Target: `emails[type eq "a" or type eq "b"].value`, Source: "[m]"}}, mapping.Fault{Row: 1, Field: "target", Text: "made of equalities"}},
		{"a filter on the target", []mapping.Row{userName, {Target: `emails[value eq "a"].value`, Source: "[m]"}}, mapping.Fault{Row: 1, Field: "target", Text: "already says what value is"}},
		{"a filter twice", []mapping.Row{userName, {Target: `emails[type eq "a" and type eq "b"].value`, Source: "[m]"}}, mapping.Fault{Row: 1, Field: "target", Text: "names type twice"}},
		{"a filter of nothing", []mapping.Row{userName, {Target: `emails[kind eq "a"].value`, Source: "[m]"}}, mapping.Fault{Row: 1, Field: "target", Text: "emails has no sub-attribute kind"}},
		{"a filter of another type", []mapping.Row{userName, {Target: `emails[primary eq "main"].value`, Source: "[m]"}}, mapping.Fault{Row: 1, Field: "target", Text: `"True" or "False" is needed`}},
		{"the same target", []mapping.Row{userName, {Target: "USERNAME", Source: "[m]"}}, mapping.Fault{Row: 1, Field: "target", Text: "row 1 writes this target already"}},
		{"the same element", []mapping.Row{userName, {Target: `emails[type eq "work" and primary eq true].value`, Source: "[m]"}, {Target: `EMAILS[primary eq "True" and Type eq "WORK"].value`, Source: "[m]"}},
			mapping.Fault{Row: 2, Field: "target", Text: "row 2 writes this target already"}},
		{"the same manager", []mapping.Row{userName, {Target: "manager", Source: "[m]"}, {Target: enterprise + ":manager.value", Source: "[m]"}},
			mapping.Fault{Row: 2, Field: "target", Text: "row 2 writes this target already"}},
		{"roles, then one", []mapping.Row{userName, {Target: "roles", Source: "AssertiveAppRoleAssignmentsComplex([appRoleAssignments])"}, {Target: "roles[primary eq true].value", Source: "[m]"}},
			mapping.Fault{Row: 2, Field: "target", Text: "row 2 writes this target already"}},
		{"a role, then all", []mapping.Row{userName, {Target: "roles[primary eq true].value", Source: "[m]"}, {Target: "roles", Source: "AssertiveAppRoleAssignmentsComplex([appRoleAssignments])"}},
			mapping.Fault{Row: 2, Field: "target", Text: "row 2 writes this target already"}},
		{"a word for active", []mapping.Row{userName, {Target: "active", Source: `"maybe"`}}, mapping.Fault{Row: 1, Field: "source", Column: 1, Text: `the target takes "True" or "False", and this is a text`}},
		{"a word that may come to be active", []mapping.Row{userName, {Target: "active", Source: `Switch([a], , "x", "True", "y", "enabled")`}},
			mapping.Fault{Row: 1, Field: "source", Column: 33, Text: `"True" or "False" is needed`}},
		{"a number for active", []mapping.Row{userName, {Target: "active", Source: `Count([a])`}}, mapping.Fault{Row: 1, Field: "source", Column: 1, Text: "a whole number"}},
		{"a list for one", []mapping.Row{userName, {Target: "title", Source: `Split([a], ",")`}}, mapping.Fault{Row: 1, Field: "source", Column: 1, Text: "take one element with Item"}},
		{"a text for roles", []mapping.Row{userName, {Target: "roles", Source: `"admin"`}}, mapping.Fault{Row: 1, Field: "source", Column: 1, Text: "app roles"}},
		{"roles for a text", []mapping.Row{userName, {Target: "title", Source: "AppRoleAssignmentsComplex([appRoleAssignments])"}}, mapping.Fault{Row: 1, Field: "source", Column: 1, Text: "app roles"}},
		{"an empty userName", []mapping.Row{{Target: "userName", Source: `Coalesce([u], "")`}}, mapping.Fault{Field: "source", Column: 15, Text: "required"}},
		{"a default of another type", []mapping.Row{userName, {Target: "active", Source: "[a]", Default: "maybe"}}, mapping.Fault{Row: 1, Field: "default", Text: `"True" or "False"`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m, err := mapping.Compile(test.rows)
			found := faults(err)
			if m != nil || len(found) != 1 {
				t.Fatalf("%d faults: %v", len(found), err)
			}
			f := found[0]
			if f.Row != test.at.Row || f.Field != test.at.Field || f.Column != test.at.Column || !strings.Contains(f.Text, test.at.Text) {
				t.Errorf("got  %+v\nwant %+v", f, test.at)
			}
		})
	}
}
