package mapping

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// sameTree compares what was written, wherever it stood.
var sameTree = cmp.Options{cmp.AllowUnexported(tree{}), cmpopts.IgnoreFields(tree{}, "at")}

func TestPrint(t *testing.T) {
	for source, want := range map[string]string{
		`[mail]`:                         `[mail]`,
		` "a\"b\\c" `:                    `"a\"b\\c"`,
		"Switch([a],\n,\"b\"\t, \"c\")":  `Switch([a], , "b", "c")`,
		`Replace([a],"b", , ,"c", ,)`:    `Replace([a], "b", , , "c", , )`,
		`BitAnd(&HF,-12)`:                `BitAnd(&HF, -12)`,
		`IIF([a]<>[b],"x",Now( ))`:       `IIF([a] <> [b], "x", Now())`,
		`InStr([a],"b",1,vbTextCompare)`: `InStr([a], "b", 1, vbTextCompare)`,
	} {
		parsed, err := parse(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
		} else if got := parsed.String(); got != want {
			t.Errorf("%s is printed %s, want %s", source, got, want)
		}
	}
}

// TestColumns: every part of a tree knows where it stood, in characters, across lines.
func TestColumns(t *testing.T) {
	parsed, err := parse("Append(\"äö\",\n  [b])")
	if err != nil {
		t.Fatal(err)
	}
	if parsed.at != 1 || parsed.args[0].at != 8 || parsed.args[1].at != 16 {
		t.Errorf("columns %d, %d, %d", parsed.at, parsed.args[0].at, parsed.args[1].at)
	}
}

// TestAbsentIsNotEmpty: f(a, , b) and f(a, "", b) are two expressions.
func TestAbsentIsNotEmpty(t *testing.T) {
	absent, err := parse(`Switch([a], , "b", "c")`)
	if err != nil {
		t.Fatal(err)
	}
	empty, err := parse(`Switch([a], "", "b", "c")`)
	if err != nil {
		t.Fatal(err)
	}
	if cmp.Equal(absent, empty, sameTree) || absent.args[1].kind != treeAbsent || empty.args[1].kind != treeText {
		t.Error("an argument that is left empty counts as the empty text")
	}
}

// trees generates whole expressions.
func trees() *rapid.Generator[*tree] {
	attribute := rapid.Custom(func(t *rapid.T) *tree {
		return &tree{kind: treeAttribute, text: rapid.StringMatching(`[A-Za-z_äø][A-Za-z0-9_.:-]{0,8}`).Draw(t, "attribute")}
	})
	text := rapid.Custom(func(t *rapid.T) *tree { return &tree{kind: treeText, text: rapid.String().Draw(t, "text")} })
	call := rapid.Custom(func(t *rapid.T) *tree { return drawCall(t, 4) })
	return rapid.OneOf(attribute, text, call)
}

func drawCall(t *rapid.T, depth int) *tree {
	call := &tree{kind: treeCall, text: rapid.StringMatching(`[A-Za-z][A-Za-z0-9]{0,6}`).Draw(t, "function")}
	count := rapid.IntRange(0, 4).Draw(t, "count")
	for range count {
		arg := drawOperand(t, depth)
		switch rapid.IntRange(0, 5).Draw(t, "form") {
		case 0:
			arg = &tree{kind: treeCompare, text: rapid.SampledFrom([]string{"=", "<>", "<", ">", "<=", ">="}).Draw(t, "operator"), args: []*tree{arg, drawOperand(t, depth)}}
		case 1:
			if count > 1 { // one absent argument can't be told from none
				arg = &tree{kind: treeAbsent}
			}
		}
		call.args = append(call.args, arg)
	}
	return call
}

func drawOperand(t *rapid.T, depth int) *tree {
	switch kind := rapid.IntRange(0, 5).Draw(t, "kind"); {
	case kind == 0 && depth > 0:
		return drawCall(t, depth-1)
	case kind == 1:
		n := rapid.Int64().Draw(t, "number")
		return &tree{kind: treeNumber, text: value{kind: isNumber, number: n}.String(), number: n}
	case kind == 2:
		return &tree{kind: treeWord, text: rapid.SampledFrom([]string{binaryCompare, textCompare}).Draw(t, "word")}
	case kind == 3:
		return &tree{kind: treeText, text: rapid.String().Draw(t, "text")}
	}
	return &tree{kind: treeAttribute, text: rapid.StringMatching(`[a-zA-Z0-9]{1,5}`).Draw(t, "attribute")}
}

// TestParseReadsWhatIsPrinted for any tree.
func TestParseReadsWhatIsPrinted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := trees().Draw(t, "tree")
		got, err := parse(want.String())
		if err != nil {
			t.Fatalf("%s: %v", want, err)
		}
		if diff := cmp.Diff(want, got, sameTree, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", want, diff)
		}
	})
}

// seeds are expressions that every fuzz target begins with.
var seeds = []string{
	`[mail]`, `"constant"`, `Switch([IsSoftDeleted], , "False", "True", "True", "False")`,
	`Replace([x], , "\\+(?<isdCode>\\d* )(?<phoneNumber>\\d{10})", "phoneNumber" , , [y], )`,
	`Replace([x], , "(?<a>\\w+) (\\w+)", , "$1 ${a} $& $$", , )`,
	`Replace([x], "<u>", , , , , "<u>@acme.example")`,
	`Join(", ", "", [x], Split([y], ","))`, `IIF(DateDiff("d", CDate([x]), CDate([y])) > 5, "False", "True")`,
	`FormatDateTime([x], "AllowWhiteSpaces", "yyyyMMddHHmmss.fZ", "dddd, dd MMMM yyyy hh:mm:ss tt zzz K")`,
	`DateAdd("m", -10, [x])`, `NumFromDate([x])`, `DateFromNum([x])`, `Mid([x], 2, 3)`, `Left([x], -1)`, `Word([x], 2, " ,")`,
	`PCase(NormalizeDiacritics(StripSpaces([x])), " '-")`, `ToUpper([x], "tr-TR")`, `InStr([x], [y], 1, vbTextCompare)`,
	`BitAnd(&HF, &HF7)`, `Item(RemoveDuplicates([l]), 1)`, `Count([l])`, `ConvertToBase64(ConvertToUTF8Hex([x]))`,
	`IgnoreFlowIfNullOrEmpty(Coalesce([x], [y], Redact("z")))`, `RandomString(8, 1, 1, 1, 1, "x")`, `Guid()`, `Now()`,
	`SingleAppRoleAssignment([appRoleAssignments])`, `Not(IsPresent([x]))`, `f(a, ,b)`, `IIF([a]=[b]`, `"\`, "[\n]", `&H`, `“x”`,
}

// FuzzParse: whatever parses prints as something that parses to the same, and prints the same again.
func FuzzParse(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		first, err := parse(source)
		if err != nil {
			if length := len([]rune(source)); err.at < 0 || err.at > length+1 {
				t.Errorf("column %d of %d", err.at, length)
			}
			return
		}
		printed := first.String()
		second, err := parse(printed)
		if err != nil {
			if len([]rune(printed)) > maxLength {
				return // printing adds spaces
			}
			t.Fatalf("%q is printed %q: %v", source, printed, err)
		}
		if diff := cmp.Diff(first, second, sameTree); diff != "" {
			t.Errorf("%q is printed %q (-first +second):\n%s", source, printed, diff)
		}
		if again := second.String(); again != printed {
			t.Errorf("%q is printed %q, then %q", source, printed, again)
		}
	})
}
