package main

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// guideStep is what a guide's request line leaves out: the body, and what the answer has to hold beside its status.
type guideStep struct {
	body string // $user and $group are the ids that the receiver gave
	want string // a part of the answer
}

const patchHead = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`

// entraGuide has a step for each request line of docs/setup-entra.md, in order, with the bodies that Entra sends.
var entraGuide = []guideStep{
	{want: `"totalResults":0`},
	{want: `"totalResults":0`},
	{want: `"totalResults":0`},
	{
		body: `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"externalId":"ada",
			"userName":"ada@acme.example","active":true,"displayName":"Ada Acker","phoneNumbers":[{"type":"mobile","value":"+43 1 0"}],
			"meta":{"resourceType":"User"}}`,
		want: `"userName":"ada@acme.example"`,
	},
	{
		body: patchHead + `{"op":"Replace","path":"displayName","value":"Ada Acker-Bauer"},{"op":"Replace","path":"phoneNumbers[type eq \"mobile\"].value","value":"+43 1 1"}]}`,
		want: `"displayName":"Ada Acker-Bauer"`,
	},
	{body: patchHead + `{"op":"Replace","path":"active","value":"False"}]}`, want: `"active":false`},
	{body: patchHead + `{"op":"Replace","path":"active","value":"True"}]}`, want: `"active":true`},
	{want: `"totalResults":0`},
	{
		body: `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group","http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
			"externalId":"sales","displayName":"Sales","members":[],"meta":{"resourceType":"Group"}}`,
		want: `"displayName":"Sales"`,
	},
	{body: patchHead + `{"op":"Replace","path":"displayName","value":"Sales and service"}]}`},
	{body: patchHead + `{"op":"Add","path":"members","value":[{"value":"$user"}]}]}`},
	{body: patchHead + `{"op":"Remove","path":"members","value":[{"value":"$user"}]}]}`},
	{},
	{},
}

const oktaUser = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada@acme.example","name":{"givenName":"Ada","familyName":"Acker"},
	"emails":[{"primary":true,"value":"ada@acme.example","type":"work"}],"displayName":"Ada Acker","locale":"en-US","externalId":"00u1","groups":[]`

// oktaGuide is the same for docs/setup-okta.md.
var oktaGuide = []guideStep{
	{want: `"totalResults":0`},
	{want: `"totalResults":0`},
	{want: `"totalResults":0`},
	{body: oktaUser + `,"password":"Rn3k-9dTq","active":true}`, want: `"userName":"ada@acme.example"`},
	{want: `"displayName":"Ada Acker"`},
	{body: strings.Replace(oktaUser, "Ada Acker", "Ada Bauer", 1) + `,"id":"$user","active":true}`, want: `"displayName":"Ada Bauer"`},
	{body: oktaUser + `,"id":"$user","active":false}`, want: `"active":false`},
	{body: patchHead + `{"op":"replace","value":{"active":false}}]}`, want: `"active":false`},
	{want: `"id":"$user"`},
	{body: oktaUser + `,"id":"$user","active":true}`, want: `"active":true`},
	{want: `"totalResults":0`},
	{body: `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Sales","members":[]}`, want: `"displayName":"Sales"`},
	{
		body: `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"id":"$group","displayName":"Sales","members":[{"value":"$user","display":"ada@acme.example"}]}`,
		want: `"value":"$user"`,
	},
	{body: patchHead + `{"op":"replace","value":{"id":"$group","displayName":"Sales and service"}},{"op":"remove","path":"members[value eq \"$user\"]"}]}`},
	{},
}

// guideLine is a row of a table of requests: METHOD and target in one span of code, and an answer that begins with the status.
var guideLine = regexp.MustCompile("(?m)^\\|.*`((?:GET|POST|PUT|PATCH|DELETE) [^`]+)`.*\\| (\\d{3})\\b.*\\|$")

// guideSpan is a request wherever it stands.
var guideSpan = regexp.MustCompile("`(?:GET|POST|PUT|PATCH|DELETE)\\b")

// TestGuidesAreTrue plays every request line of the set-up guides, in order, against a running receiver and wants the answers that they
// promise.
func TestGuidesAreTrue(t *testing.T) {
	for kind, steps := range map[string][]guideStep{"entra": entraGuide, "okta": oktaGuide} {
		t.Run(kind, func(t *testing.T) {
			guide, err := os.ReadFile("../../docs/setup-" + kind + ".md")
			if err != nil {
				t.Fatal(err)
			}
			lines := guideLine.FindAllStringSubmatch(string(guide), -1)
			if spans := len(guideSpan.FindAll(guide, -1)); len(lines) != len(steps) || spans != len(lines) {
				t.Fatalf("the guide has %d request lines and %d requests, and there are steps for %d: a row says one request, and there is a step for each", len(lines), spans, len(steps))
			}
			s := startServe(t, "listen: 127.0.0.1:0\n")
			origin := strings.TrimSuffix(s.Receiver, "/auth/scim")
			if status, _, err := request(http.MethodGet, s.Receiver+"/Users", "cut", nil); err != nil || status != http.StatusUnauthorized {
				t.Errorf("a wrong key: %d, %v; want 401, as the guide says", status, err)
			}
			known := map[string]string{}
			for i, line := range lines {
				playGuideLine(t, origin, s.key, line[1], line[2], steps[i], known)
			}
		})
	}
}

// playGuideLine sends one request of a guide. known are the ids that the receiver gave so far.
func playGuideLine(t *testing.T, origin, key, line, status string, step guideStep, known map[string]string) {
	t.Helper()
	method, target, _ := strings.Cut(line, " ")
	kind := "user"
	if strings.Contains(target, "/Groups") {
		kind = "group"
	}
	target = strings.NewReplacer("(id)", known[kind], "(a random GUID)", "6f1d1c0e-8f1b-4f6f-9c3e-0d6d8f1b4f6f", "(user principal name)", "ada@acme.example",
		"(user name)", "ada@acme.example", "(name)", "Sales", " ", "+", `"`, "%22").Replace(target)
	fill := strings.NewReplacer("$user", known["user"], "$group", known["group"])
	got, answer, err := request(method, origin+target, key, strings.NewReader(fill.Replace(step.body)))
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if strconv.Itoa(got) != status {
		t.Fatalf("%s was answered %d, and the guide says %s: %s", line, got, status, answer)
	}
	if want := fill.Replace(step.want); !strings.Contains(string(answer), want) {
		t.Errorf("%s was answered without %s: %s", line, want, answer)
	}
	if got == http.StatusCreated {
		var made struct{ ID string }
		if err := json.Unmarshal(answer, &made); err != nil || made.ID == "" {
			t.Fatalf("%s made nothing with an id: %s", line, answer)
		}
		known[kind] = made.ID
	}
}
