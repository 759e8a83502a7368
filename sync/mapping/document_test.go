package mapping_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/sync/mapping"
)

var (
	documentRow    = regexp.MustCompile("(?m)^\\| (.*?) \\| .* \\| (?:`(.*)` )?\\| (?:`(.*)` )?\\|$")
	documentPerson = regexp.MustCompile("(?s)```json\n(.*?)```")
)

// TestDocument evaluates every example of docs/mapping.md, and sees to it that no function is left out there.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/mapping.md")
	if err != nil {
		t.Fatal(err)
	}
	person := in{}
	var given map[string]any
	if err := json.Unmarshal(documentPerson.FindSubmatch(text)[1], &given); err != nil {
		t.Fatal(err)
	}
	for name, value := range given {
		if list, ok := value.([]any); ok {
			texts := []string{}
			for _, item := range list {
				texts = append(texts, item.(string))
			}
			value = texts
		}
		person[name] = value
	}
	var named []string
	for _, row := range documentRow.FindAllStringSubmatch(string(text), -1) {
		name, _, isFunction := strings.Cut(strings.Trim(row[1], "`"), "(")
		if isFunction {
			named = append(named, name)
		}
		if row[2] == "" {
			continue
		}
		example := strings.ReplaceAll(row[2], `\|`, "|")
		t.Run(example, func(t *testing.T) {
			value, err := evaluate(t, example, person, enabled)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row[3], string(value.AppendJSON(nil))); diff != "" {
				t.Errorf("(-documented +evaluated):\n%s", diff)
			}
		})
	}
	slices.Sort(named)
	if diff := cmp.Diff(mapping.FunctionNames(), named); diff != "" {
		t.Errorf("functions (-of the language +documented):\n%s", diff)
	}
}
