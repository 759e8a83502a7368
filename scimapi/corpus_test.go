package scimapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"rollcall/scimapi"
	"rollcall/state"
	"rollcall/state/statetest"
)

// exchange is one file of testdata: requests as a vendor sends them, and what it has to be answered.
//
// Those of testdata/dialect show a deviation from the RFCs and are named for it; they are played in both dialects.
//
// In paths, headers, bodies and expectations ${name} stands for what an earlier step saved, and for base, key, other (another
// tenant's key), revoked, expired, dormant and unknown. As a whole expectation ${any} is any text that is not empty and ${number} a
// whole number. Expected objects name some of the fields wanted, expected arrays all of the elements.
type exchange struct {
	Name   string `json:"name"`
	Source string `json:"source"` // where it is written that this is sent, or wanted
	Steps  []step `json:"steps"`
}

type step struct {
	Method  string            `json:"method"`
	Path    string            `json:"path"` // below the base, as sent
	URL     string            `json:"url"`  // instead of Path: from the root
	Query   map[string]string `json:"query"`
	Headers map[string]string `json:"headers"` // "" sends none
	Body    json.RawMessage   `json:"body"`
	Raw     *string           `json:"raw"`   // instead of Body: as it is
	Pad     int               `json:"pad"`   // blanks after the body
	Times   int               `json:"times"` // repeated with ${i} from 1
	Save    map[string]string `json:"save"`  // name → JSON pointer into the answer
	Want    wanted            `json:"want"`
	Strict  *wanted           `json:"strict"` // from a source whose dialect is strict, where it differs
}

type wanted struct {
	Status  int               `json:"status"`
	Body    json.RawMessage   `json:"body"`
	Absent  []string          `json:"absent"` // JSON pointers
	Headers map[string]string `json:"headers"`
}

func TestCorpus(t *testing.T) {
	files := corpusFiles(t)
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			for _, file := range files {
				t.Run(strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".json"), func(t *testing.T) {
					t.Parallel()
					play(t, newReceiver(t, open(t)), file, scimapi.Lenient)
				})
			}
		})
	}
}

// TestCorpusOfTheRFCs plays what only the RFCs ask for in a strict source too.
func TestCorpusOfTheRFCs(t *testing.T) {
	for _, file := range corpusFiles(t) {
		if strings.HasPrefix(file, "testdata/rfc/") {
			t.Run(strings.TrimSuffix(strings.TrimPrefix(file, "testdata/rfc/"), ".json"), func(t *testing.T) {
				t.Parallel()
				play(t, newReceiver(t, statetest.NewModel(), speaking(scimapi.Strict)), file, scimapi.Strict)
			})
		}
	}
}

func corpusFiles(t testing.TB) []string {
	files, err := filepath.Glob("testdata/*/*.json")
	if err != nil || len(files) < 140 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	return files
}

func readExchange(t *testing.T, file string) exchange {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var ex exchange
	strict := json.NewDecoder(bytes.NewReader(data))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&ex); err != nil {
		t.Fatal(err)
	}
	if ex.Name == "" || ex.Source == "" || len(ex.Steps) == 0 {
		t.Fatal("an exchange has a name, a source and steps")
	}
	return ex
}

func play(t *testing.T, r *receiver, file string, dialect scimapi.Dialect) {
	ex := readExchange(t, file)
	unknown, _ := state.NewKey(acme)
	vars := map[string]string{
		"base":    r.url + "/auth/scim",
		"key":     r.key,
		"other":   r.issue(t, globex, func(*state.Key) {}),
		"dormant": r.issue(t, former, func(*state.Key) {}),
		"expired": r.issue(t, globex, func(k *state.Key) { k.ExpiresAt = time.Now().Add(-time.Minute) }),
		"unknown": unknown,
	}
	vars["revoked"] = r.issue(t, former, func(k *state.Key) { k.RevokedAt = time.Now().Add(-time.Minute) })
	for i, s := range ex.Steps {
		if dialect == scimapi.Strict && s.Strict != nil {
			s.Want = *s.Strict
		}
		for n := range max(1, s.Times) {
			vars["i"] = strconv.Itoa(n + 1)
			run(t, r, fmt.Sprintf("step %d, %s %s", i+1, s.Method, s.Path+s.URL), s, vars)
		}
	}
}

func run(t *testing.T, r *receiver, what string, s step, vars map[string]string) {
	t.Helper()
	target := s.URL
	if target == "" {
		target = "/auth/scim" + s.Path
	}
	if len(s.Query) > 0 {
		values := url.Values{}
		for name, value := range s.Query {
			values.Set(name, fill(value, vars))
		}
		target += "?" + values.Encode()
	}
	body := fillJSON(s.Body, vars)
	if s.Raw != nil {
		body = fill(*s.Raw, vars)
	}
	var headers []string
	for name, value := range s.Headers {
		headers = append(headers, name, fill(value, vars))
	}
	got := r.do(t, s.Method, fill(target, vars), body+strings.Repeat(" ", s.Pad), headers...)
	if got.status != s.Want.Status {
		t.Fatalf("%s: status %d, want %d: %s", what, got.status, s.Want.Status, got.body)
	}
	if got.status >= 400 && s.Method != http.MethodHead {
		if err := isError(got); err != nil {
			t.Errorf("%s: %v: %s", what, err, got.body)
		}
	}
	var value any
	if len(got.body) > 0 {
		if err := json.Unmarshal(got.body, &value); err != nil {
			t.Fatalf("%s: %v: %s", what, err, got.body)
		}
	}
	for name, pointer := range s.Save {
		found, ok := at(value, pointer)
		if !ok {
			t.Fatalf("%s: nothing at %s to save: %s", what, pointer, got.body)
		}
		if text, ok := found.(string); ok {
			vars[name] = text
		} else {
			encoded, _ := json.Marshal(found)
			vars[name] = string(encoded)
		}
	}
	for name, want := range s.Want.Headers {
		if err := matches(fill(want, vars), got.header.Get(name)); err != nil {
			t.Errorf("%s: header %s: %v", what, name, err)
		}
	}
	for _, pointer := range s.Want.Absent {
		if found, ok := at(value, pointer); ok {
			t.Errorf("%s: %s is %v, and should not be there", what, pointer, found)
		}
	}
	if s.Want.Body == nil {
		return
	}
	var want any
	if err := json.Unmarshal([]byte(fillJSON(s.Want.Body, vars)), &want); err != nil {
		t.Fatal(err)
	}
	if err := matches(want, value); err != nil {
		t.Errorf("%s: %v\nanswer: %s", what, err, got.body)
	}
}

// fill puts saved values in. What it does not know it leaves, for matches to understand.
func fill(text string, vars map[string]string) string {
	return os.Expand(text, func(name string) string {
		if value, ok := vars[name]; ok {
			return value
		}
		if name == "any" || name == "number" {
			return "${" + name + "}"
		}
		return "$" + name // such as $ref
	})
}

// fillJSON puts saved values into the texts of a JSON document.
func fillJSON(document json.RawMessage, vars map[string]string) string {
	escaped := make(map[string]string, len(vars))
	for name, value := range vars {
		text, _ := json.Marshal(value)
		escaped[name] = string(text[1 : len(text)-1])
	}
	return fill(string(document), escaped)
}

// at follows a JSON pointer. URNs have no slash, so none needs escaping.
func at(value any, pointer string) (any, bool) {
	if pointer == "" {
		return value, value != nil
	}
	for part := range strings.SplitSeq(pointer[1:], "/") {
		switch v := value.(type) {
		case map[string]any:
			found, ok := v[part]
			if !ok {
				return nil, false
			}
			value = found
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i >= len(v) {
				return nil, false
			}
			value = v[i]
		default:
			return nil, false
		}
	}
	return value, true
}

// matches says where an answer is not what is wanted.
func matches(want, got any) error {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			return fmt.Errorf("%v, want an object", got)
		}
		for name, value := range want {
			found, ok := object[name]
			if !ok {
				return fmt.Errorf("%s is missing", name)
			}
			if err := matches(value, found); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return fmt.Errorf("%v, want a list of %d", got, len(want))
		}
		for i := range want {
			if err := matches(want[i], list[i]); err != nil {
				return fmt.Errorf("%d: %w", i, err)
			}
		}
		return nil
	case string:
		text, ok := got.(string)
		switch {
		case want == "${any}" && ok && text != "":
			return nil
		case want == "${number}" && ok:
			_, err := strconv.Atoi(text)
			return err
		}
	}
	if want != got {
		return fmt.Errorf("%v, want %v", got, want)
	}
	return nil
}

// isError checks a failure's form (RFC 7644 §3.12): JSON, the right type, status as text, a detail.
func isError(a answer) error {
	var e struct {
		Schemas []string `json:"schemas"`
		Status  string   `json:"status"`
		Detail  string   `json:"detail"`
	}
	if err := json.Unmarshal(a.body, &e); err != nil {
		return err
	}
	switch {
	case a.header.Get("Content-Type") != "application/scim+json":
		return fmt.Errorf("content type %q", a.header.Get("Content-Type"))
	case len(e.Schemas) != 1 || e.Schemas[0] != "urn:ietf:params:scim:api:messages:2.0:Error":
		return fmt.Errorf("schemas %q", e.Schemas)
	case e.Status != strconv.Itoa(a.status):
		return fmt.Errorf("status %q in an answer of %d", e.Status, a.status)
	case e.Detail == "":
		return fmt.Errorf("no detail")
	}
	return nil
}
