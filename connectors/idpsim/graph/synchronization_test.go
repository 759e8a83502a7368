package graph_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/graph"
)

// sync is the path below which an application's provisioning is.
func (x *tenant) sync() string {
	x.Helper()
	return "/servicePrincipals/" + x.get("/servicePrincipals(appId='" + x.pop.AppID() + "')")["id"].(string) + "/synchronization"
}

// job reads the only job.
func (x *tenant) job() object {
	x.Helper()
	list := x.get(x.sync() + "/jobs")["value"].([]any)
	if len(list) != 1 {
		x.Fatalf("%d jobs", len(list))
	}
	return list[0].(object)
}

func (x *tenant) step(steps string) {
	x.Helper()
	list, err := idpsim.DecodeSteps(strings.NewReader(steps))
	must(x, err)
	must(x, x.pop.Do(list...))
}

func TestJobStates(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	x := open(t, idpsim.Options{Seed: 1, People: 1, Now: func() time.Time { return now }}, graph.Options{})
	state := func() string {
		status := x.job()["status"].(object)
		text := fmt.Sprint(status["code"], " ", x.job()["schedule"].(object)["state"])
		if q, ok := status["quarantine"].(object); ok {
			text += fmt.Sprint(" ", q["reason"], " ", q["nextAttempt"], " ", q["seriesCount"])
		}
		return text
	}
	for _, c := range []struct{ step, want string }{
		{`[]`, "Active Active"},
		{`[{"do":"pause-job"}]`, "Paused Paused"},
		{`[{"do":"resume-job"}]`, "Active Active"},
		{`[{"do":"job","value":"not-configured"}]`, "NotConfigured Disabled"},
		{`[{"do":"job","value":"not-run"}]`, "NotRun Disabled"},
		{`[{"do":"quarantine","reason":"TooManyDeletes"}]`, "Quarantine Active TooManyDeletes 2026-03-02T18:00:00Z 1"},
		{`[{"do":"quarantine","reason":"EncounteredQuarantineException"}]`, "Quarantine Active EncounteredQuarantineException 2026-03-03T00:00:00Z 2"},
		{`[{"do":"resume-job"}]`, "Active Active"},
	} {
		x.step(c.step)
		if got := state(); got != c.want {
			t.Errorf("after %s: %s, want %s", c.step, got, c.want)
		}
	}
	for _, reason := range idpsim.QuarantineReasons() {
		x.step(`[{"do":"quarantine","reason":"` + reason + `"}]`)
		if q := x.job()["status"].(object)["quarantine"].(object); q["reason"] != reason {
			t.Errorf("%v, want %s", q, reason)
		}
	}
	x.step(`[{"do":"job-ran","value":"26h"}]`)
	if last := x.job()["status"].(object)["lastSuccessfulExecution"].(object); last["timeEnded"] != "2026-03-01T10:00:00Z" || last["state"] != "Succeeded" {
		t.Errorf("last success: %v", last)
	}
	x.step(`[{"do":"job-ran","value":"1h","reason":"InvalidCredentials"}]`)
	status := x.job()["status"].(object)
	if last := status["lastExecution"].(object); last["timeEnded"] != "2026-03-02T11:00:00Z" || last["state"] != "Failed" || last["error"].(object)["code"] != "InvalidCredentials" {
		t.Errorf("last cycle: %v", last)
	}
	if last := status["lastSuccessfulExecution"].(object); last["timeEnded"] != "2026-03-01T10:00:00Z" {
		t.Errorf("a failure is a success: %v", last)
	}
	x.step(`[{"do":"job","value":"none"}]`)
	if jobs := x.get(x.sync() + "/jobs")["value"].([]any); len(jobs) != 0 {
		t.Errorf("%v", jobs)
	}
}

func TestOneJob(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1}, graph.Options{})
	id := x.job()["id"].(string)
	if one := x.get(x.sync() + "/jobs/" + id); one["id"] != id || one["templateId"] != "scim" || !strings.HasPrefix(id, "scim.") {
		t.Errorf("%v", one)
	}
	x.refused(x.do("GET", x.sync()+"/jobs/other", ""), 404, "Request_ResourceNotFound")
	x.refused(x.do("GET", x.sync()+"/jobs/other/schema", ""), 404, "Request_ResourceNotFound")
	x.refused(x.do("GET", "/servicePrincipals/"+x.pop.AppID()+"/synchronization/jobs", ""), 404, "Request_ResourceNotFound")
	x.refused(x.do("GET", x.sync()+"/jobs?$filter=id eq 'x'", ""), 400, "Request_BadRequest")
	x.step(`[{"do":"job","value":"legacy"}]`)
	if one := x.job(); one["templateId"] != "customappsso" || !strings.HasPrefix(one["id"].(string), "customappsso.") {
		t.Errorf("%v", one)
	}
}

// mapping reads the mapping of an object from the schema.
func (x *tenant) mapping(object_ string) object {
	x.Helper()
	rules := x.get(x.sync() + "/jobs/" + x.job()["id"].(string) + "/schema")["synchronizationRules"].([]any)
	for _, m := range rules[0].(object)["objectMappings"].([]any) {
		if m.(object)["sourceObjectName"] == object_ {
			return m.(object)
		}
	}
	x.Fatalf("no mapping of %s", object_)
	return nil
}

// row finds the row of a mapping that fills a target.
func row(mapping object, target string) object {
	for _, r := range mapping["attributeMappings"].([]any) {
		if r.(object)["targetAttributeName"] == target {
			return r.(object)
		}
	}
	return nil
}

func TestSchema(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1}, graph.Options{})
	users, groups := x.mapping("User"), x.mapping("Group")
	if users["flowTypes"] != "Add, Update, Delete" || users["enabled"] != true || len(users["attributeMappings"].([]any)) != 22 || len(groups["attributeMappings"].([]any)) != 3 {
		t.Errorf("%v %v", users, groups)
	}
	if first := row(users, "userName"); first["matchingPriority"] != 1.0 || first["source"].(object)["expression"] != "[userPrincipalName]" || first["source"].(object)["name"] != "userPrincipalName" {
		t.Errorf("%v", first)
	}
	parameter := func(key, kind, expression, name string) any {
		return object{"key": key, "value": object{"expression": expression, "name": name, "type": kind, "parameters": []any{}}}
	}
	want := object{
		"expression": `Switch([IsSoftDeleted], , "False", "True", "True", "False")`, "name": "Switch", "type": "Function",
		"parameters": []any{
			parameter("source", "Attribute", "[IsSoftDeleted]", "IsSoftDeleted"), // the default was left out, and is not here
			parameter("param2", "Constant", `"False"`, "False"), parameter("param3", "Constant", `"True"`, "True"),
			parameter("param4", "Constant", `"True"`, "True"), parameter("param5", "Constant", `"False"`, "False"),
		},
	}
	if diff := cmp.Diff(want, row(users, "active")["source"].(object)); diff != "" {
		t.Error(diff)
	}
	x.step(`[{"do":"set-mapping","rows":[{"target":"displayName","source":"[displayName]","flow":"ObjectAddOnly"},
		{"target":"nickName","source":"\"x\"","match":2},{"target":"locale","source":"","default":"en"}]},
		{"do":"drop-mapping","value":"title"},{"do":"set-actions","value":"Add, Update"},{"do":"set-actions","object":"Group","value":"off"},
		{"do":"set-filters","filters":[{"name":"Sales","clauses":[{"attribute":"department","operator":"EQUALS","values":["Sales"]}]}]}]`)
	users, groups = x.mapping("User"), x.mapping("Group")
	if len(users["attributeMappings"].([]any)) != 23 || row(users, "title") != nil || row(users, "displayName")["flowType"] != "ObjectAddOnly" ||
		row(users, "nickName")["source"].(object)["type"] != "Constant" || row(users, "nickName")["matchingPriority"] != 2.0 ||
		row(users, "locale")["source"] != nil || row(users, "locale")["defaultValue"] != "en" {
		t.Errorf("%v", users["attributeMappings"])
	}
	clause := users["scope"].(object)["groups"].([]any)[0].(object)["clauses"].([]any)[0].(object)
	if clause["operatorName"] != "EQUALS" || clause["sourceOperandName"] != "department" || clause["targetOperand"].(object)["values"].([]any)[0] != "Sales" {
		t.Errorf("%v", clause)
	}
	if users["flowTypes"] != "Add, Update" || groups["enabled"] != false || groups["scope"] != nil {
		t.Errorf("%v %v", users["flowTypes"], groups)
	}
	schema := x.get(x.sync() + "/jobs/" + x.job()["id"].(string) + "/schema")
	var names []string
	for _, d := range schema["directories"].([]any) {
		names = append(names, d.(object)["name"].(string))
		if len(d.(object)["objects"].([]any)) != 2 {
			t.Errorf("%v", d)
		}
	}
	if !slices.Equal(names, []string{"Microsoft Entra ID", "customappsso"}) {
		t.Errorf("%v", names)
	}
}

func TestSecrets(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1}, graph.Options{})
	secrets := func() map[string]string {
		all := map[string]string{}
		for _, one := range x.get(x.sync() + "/secrets")["value"].([]any) {
			all[one.(object)["key"].(string)] = one.(object)["value"].(string)
		}
		return all
	}
	if all := secrets(); all["SyncAll"] != "False" || all["SecretToken"] != "*" || all["BaseAddress"] == "" {
		t.Errorf("%v", all)
	}
	x.step(`[{"do":"job-setting","attribute":"SyncAll","value":"True"},{"do":"job-setting","attribute":"SkipOutOfScopeDeletions","value":"True"},{"do":"job-setting","attribute":"BaseAddress"}]`)
	if all := secrets(); all["SyncAll"] != "True" || all["SkipOutOfScopeDeletions"] != "True" || all["BaseAddress"] != "" {
		t.Errorf("%v", all)
	}
}

func TestSynchronizationPermissions(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1}, graph.Options{})
	base := x.sync()
	schema := base + "/jobs/" + x.job()["id"].(string) + "/schema"
	for _, c := range []struct {
		method, target string
		permission     string
		want           int
	}{
		{"GET", base + "/jobs", graph.SynchronizationRead, 200},
		{"GET", schema, graph.SynchronizationRead, 200},
		{"GET", base + "/secrets", graph.SynchronizationRead, 200},
		{"GET", base + "/jobs", graph.OwnedBy, 200},
		{"GET", base + "/jobs", graph.DirectoryRead, 403},
		{"GET", base + "/jobs", graph.ApplicationRead, 403},
		{"POST", schema + "/parseExpression", graph.SynchronizationRead, 403},
		{"POST", schema + "/parseExpression", graph.SynchronizationWrite, 200},
		{"GET", schema + "/parseExpression", graph.SynchronizationWrite, 405},
	} {
		x.api.Grant(c.permission)
		if a := x.do(c.method, c.target, `{"expression":"[mail]"}`); a.status != c.want {
			t.Errorf("%s %s with %s: %d %s", c.method, c.target, c.permission, a.status, a.body)
		}
	}
}

func TestParseExpression(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1}, graph.Options{})
	target := x.sync() + "/jobs/" + x.job()["id"].(string) + "/schema/parseExpression"
	x.step(`[{"do":"grant","value":"Synchronization.ReadWrite.All"}]`)
	for _, c := range []struct {
		expression, kind string
		parameters       int
		result           string
	}{
		{`[mail]`, "Attribute", 0, "ada@acme.example"},
		{`[title]`, "Attribute", 0, ""},
		{`"a \"b\""`, "Constant", 0, `a "b"`},
		{`1`, "Constant", 0, "1"},
		{`Mid([mail], 1, 3)`, "Function", 3, "-"},
		{`Replace([preferredLanguage], "-", , , "_", , )`, "Function", 3, "-"},
		{`IIF([country]="USA",[country],[department])`, "Function", 3, "-"},
		{`Now()`, "Function", 0, "-"},
		{`Mid([mail], 1`, "", 0, ""},
		{`"open`, "", 0, ""},
		{`[open`, "", 0, ""},
		{`Mid([mail]) x`, "", 0, ""},
		{``, "", 0, ""},
		{strings.Repeat("Trim(", 60) + "[mail]" + strings.Repeat(")", 60), "", 0, ""},
	} {
		body, _ := json.Marshal(object{"expression": c.expression, "testInputObject": object{"properties": []object{{"key": "mail", "value": "ada@acme.example"}}}})
		answer := x.decode(x.do("POST", target, string(body)).body)
		if c.kind == "" {
			if answer["parsingSucceeded"] != false || answer["error"] == nil || answer["parsedExpression"] != nil {
				t.Errorf("%s was parsed: %v", c.expression, answer)
			}
			continue
		}
		tree := answer["parsedExpression"].(object)
		if tree["type"] != c.kind || len(tree["parameters"].([]any)) != c.parameters || tree["expression"] != c.expression && c.kind != "Constant" {
			t.Errorf("%s: %v", c.expression, tree)
		}
		result, evaluated := "-", answer["evaluationSucceeded"] == true
		if evaluated {
			result = ""
			for _, one := range answer["evaluationResult"].([]any) {
				result += one.(string)
			}
		}
		if result != c.result {
			t.Errorf("%s is evaluated to %q, want %q: %v", c.expression, result, c.result, answer)
		}
	}
	x.refused(x.do("POST", target, "nonsense"), 400, "Request_BadRequest")
}

func FuzzParseExpression(f *testing.F) {
	for _, text := range []string{`Switch([IsSoftDeleted], , "False", "True", "True", "False")`, `IIF([a]="x",1,Not([b]))`, `Join("", "a\"b", [c])`, `F(,,)`, `a(b(c(`, `"`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		again, err := graph.ParseAgain(text)
		if err == nil && again != text {
			t.Errorf("%q is read as %q", text, again)
		}
	})
}
