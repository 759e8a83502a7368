package push_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/push"
)

// clocked is a population of n people who are assigned, with a clock that the test moves.
func clocked(t *testing.T, n int) (*idpsim.Population, *time.Time) {
	t.Helper()
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	return idpsim.New(idpsim.Options{Seed: 1, People: n, Now: func() time.Time { return now }}), &now
}

// state is the job as the population has it: state, reason, when the last cycle ended and the last good one.
func state(pop *idpsim.Population) (told string) {
	pop.Read(func(v *idpsim.View) {
		j := v.Provisioning()
		told = fmt.Sprint(j.State, " ", j.Reason, " ", j.LastRun.Format("15:04"), " ", j.LastSuccess.Format("15:04"), " ", j.LastExport.Format("15:04"))
	})
	return told
}

func steps(t *testing.T, pop *idpsim.Population, text string) {
	t.Helper()
	list, err := idpsim.DecodeSteps(strings.NewReader(text))
	must(t, err)
	must(t, pop.Do(list...))
}

// fails runs a cycle that must not go well.
func fails(t *testing.T, e *push.Entra, want string) {
	t.Helper()
	if err := e.Cycle(context.Background()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("the cycle says %v, want %s", err, want)
	}
}

func TestEntraQuarantineOfARefusedKey(t *testing.T) {
	s := receive(t)
	pop, now := clocked(t, 2)
	e := entra(s, pop, func(o *push.EntraOptions) { o.Limits = push.VendorLimits() })
	must(t, e.Cycle(context.Background()))
	if got := state(pop); got != "active  12:00 12:00 12:00" {
		t.Errorf("after a good cycle: %s", got)
	}
	*now = now.Add(time.Hour)
	must(t, e.Cycle(context.Background()))
	if got := state(pop); got != "active  13:00 13:00 12:00" {
		t.Errorf("after a cycle that had nothing to send: %s", got)
	}
	s.refuse["GET /Users"] = 401
	*now = now.Add(time.Hour)
	fails(t, e, "401")
	if got := state(pop); got != "quarantine EncounteredQuarantineException 14:00 13:00 12:00" {
		t.Errorf("refused: %s", got)
	}
	s.refuse = map[string]int{}
	fails(t, e, "in quarantine") // as the next attempt is six hours away
	*now = now.Add(6 * time.Hour)
	must(t, e.Cycle(context.Background()))
	if got := state(pop); got != "active  20:00 20:00 12:00" {
		t.Errorf("after the first success: %s", got)
	}
}

func TestEntraQuarantineSlowsDownAndEnds(t *testing.T) {
	s := receive(t)
	pop, now := clocked(t, 1)
	e := entra(s, pop, func(o *push.EntraOptions) { o.Limits = push.VendorLimits() })
	s.refuse["GET /Users"] = 404 // for what is only not there
	began := *now
	var at []string
	for range 40 {
		if err := e.Cycle(context.Background()); err == nil {
			t.Fatal("a cycle went well")
		}
		var j *idpsim.Provisioning
		pop.Read(func(v *idpsim.View) { j = v.Provisioning() })
		if j.State != idpsim.JobQuarantine {
			break
		}
		*now = j.NextAttempt
		at = append(at, now.Sub(began).String())
	}
	if diff := cmp.Diff([]string{"6h0m0s", "12h0m0s", "24h0m0s", "48h0m0s"}, at[:4]); diff != "" {
		t.Error(diff)
	}
	if got := state(pop); !strings.HasPrefix(got, "paused") || now.Sub(began) < 28*24*time.Hour {
		t.Errorf("after %s: %s", now.Sub(began), got)
	}
	fails(t, e, "does not run")
	e.Restart()
	fails(t, e, "does not run") // only quarantine is ended by a restart
}

func TestEntraQuarantineOfManyFailures(t *testing.T) {
	for _, c := range []struct {
		limits push.Limits
		refuse string
		want   string
	}{
		{push.Limits{From: 2, Share: 0.4, Most: 100, All: 100}, "POST /Users", "quarantine EncounteredEscrowProportionThreshold"},
		{push.Limits{From: 4, Share: 0.4, Most: 100, All: 100}, "POST /Users", "active"},
		{push.Limits{From: 4, Share: 0.4, Most: 2, All: 100}, "POST /Users", "quarantine EncounteredBaseEscrowThreshold"},
		{push.Limits{From: 4, Share: 0.4, Most: 2, All: 2}, "POST /Users", "quarantine EncounteredTotalEscrowThreshold"},
		{push.Limits{From: 1, Share: 0.1, Most: 0, All: 0}, "PATCH /Groups", "quarantine EncounteredTotalEscrowThreshold"},
		{push.Limits{From: 1, Share: 0.1, Most: 0, All: 1}, "PATCH /Groups", "active"}, // members are references
	} {
		s := receive(t)
		pop, _ := clocked(t, 3)
		steps(t, pop, `[{"do":"add-group","group":"Sales"},{"do":"assign","group":"Sales"},{"do":"join","who":"*","group":"Sales"}]`)
		e := entra(s, pop, func(o *push.EntraOptions) { o.Limits, o.Groups = &c.limits, true })
		s.refuse[c.refuse] = 500
		if err := e.Cycle(context.Background()); err == nil {
			t.Error("the cycle went well")
		}
		if got := state(pop); !strings.HasPrefix(got, c.want) {
			t.Errorf("%+v: %s, want %s", c.limits, got, c.want)
		}
	}
}

func TestEntraRetriesWithGrowingGaps(t *testing.T) {
	s := receive(t)
	pop, _ := clocked(t, 1)
	s.refuse["POST /Users"] = 500
	e := entra(s, pop, nil)
	var tried []int
	for cycle := range 20 {
		e.Forget()
		_ = e.Cycle(context.Background())
		if strings.Contains(strings.Join(told(e.Log()), "\n"), "POST /Users") {
			tried = append(tried, cycle)
		}
	}
	if diff := cmp.Diff([]int{0, 1, 3, 7, 15}, tried); diff != "" {
		t.Error(diff)
	}
	must(t, pop.Set("#0", idpsim.Title, "Buyer")) // a change is tried at once
	e.Forget()
	if err := e.Cycle(context.Background()); err == nil || len(told(e.Log())) != 2 {
		t.Errorf("%v %v", err, told(e.Log()))
	}
}

func TestEntraAccidentalDeletions(t *testing.T) {
	s := receive(t)
	pop, _ := clocked(t, 4)
	e := entra(s, pop, func(o *push.EntraOptions) { o.DeleteThreshold = 3 })
	must(t, e.Cycle(context.Background()))
	steps(t, pop, `[{"do":"disable","who":"#0"},{"do":"unassign","who":"#1"}]`)
	must(t, e.Cycle(context.Background()))
	steps(t, pop, `[{"do":"enable","who":"#0"},{"do":"assign","who":"#1"}]`)
	must(t, e.Cycle(context.Background()))
	steps(t, pop, `[{"do":"disable","who":"#0"},{"do":"unassign","who":"#1"},{"do":"soft-delete","who":"#2"},{"do":"purge","who":"#2"}]`)
	e.Forget()
	fails(t, e, "threshold of 3")
	if log := told(e.Log()); len(log) != 0 || !strings.HasPrefix(state(pop), "quarantine TooManyDeletes") {
		t.Errorf("%v %s", log, state(pop))
	}
	fails(t, e, "in quarantine")
	e.AllowDeletes()
	must(t, e.Cycle(context.Background()))
	if log := told(e.Log()); len(log) != 3 || !strings.HasPrefix(state(pop), "active") {
		t.Errorf("%v %s", log, state(pop))
	}
}

func TestEntraJobSettings(t *testing.T) {
	off := func(id string) string {
		return `PATCH /Users/` + id + ` {"Operations":[{"op":"Replace","path":"active","value":"False"}],` + patchOp + `}`
	}
	for name, c := range map[string]struct {
		job   string // before the first cycle
		later string
		want  []string
	}{
		"as it is":        {`[]`, `[{"do":"unassign","who":"#0"}]`, []string{off("u1")}},
		"out of scope":    {`[{"do":"job-setting","attribute":"SkipOutOfScopeDeletions","value":"True"}]`, `[{"do":"unassign","who":"#0"}]`, nil},
		"disabled":        {`[{"do":"job-setting","attribute":"SkipOutOfScopeDeletions","value":"True"}]`, `[{"do":"disable","who":"#0"}]`, []string{off("u1")}},
		"everyone":        {`[{"do":"job-setting","attribute":"SyncAll","value":"True"}]`, `[{"do":"unassign","who":"#0"}]`, nil},
		"no update":       {`[{"do":"set-actions","value":"Add, Delete"}]`, `[{"do":"disable","who":"#0"}]`, nil},
		"no delete":       {`[{"do":"set-actions","value":"Add, Update"}]`, `[{"do":"purge","who":"#0"}]`, nil},
		"delete":          {`[]`, `[{"do":"purge","who":"#0"}]`, []string{`DELETE /Users/u1`}},
		"nothing mapped":  {`[{"do":"drop-mapping","value":"active"}]`, `[{"do":"disable","who":"#0"}]`, nil},
		"paused, resumed": {`[]`, `[{"do":"pause-job"},{"do":"disable","who":"#0"},{"do":"resume-job"}]`, []string{off("u1")}},
	} {
		t.Run(name, func(t *testing.T) {
			s := receive(t)
			pop, _ := clocked(t, 1)
			e := entra(s, pop, nil)
			steps(t, pop, c.job)
			must(t, e.Cycle(context.Background()))
			steps(t, pop, c.later)
			pushes(t, e, c.want...)
		})
	}
	pop, _ := clocked(t, 1)
	e := entra(receive(t), pop, nil)
	for _, job := range []string{`{"do":"pause-job"}`, `{"do":"job","value":"none"}`, `{"do":"job","value":"not-configured"}`, `{"do":"quarantine","reason":"IngestionInterrupted"}`} {
		steps(t, pop, `[`+job+`]`)
		e.Forget()
		fails(t, e, "job")
		if len(e.Log()) != 0 {
			t.Errorf("%s: %v", job, e.Log())
		}
	}
	steps(t, pop, `[{"do":"job","value":"not-run"},{"do":"set-actions","value":"Update"}]`)
	pushes(t, e, `GET /Users?filter=userName eq "`+name(pop, 0)+`"`) // nobody is created
}

func name(pop *idpsim.Population, n int) (text string) {
	pop.Read(func(v *idpsim.View) { text = v.Person(n).Text(idpsim.UserName) })
	return text
}

func TestEntraDescribesItsMapping(t *testing.T) {
	pop, _ := clocked(t, 1)
	e := entra(receive(t), pop, func(o *push.EntraOptions) { o.Managers, o.Match = true, []string{"externalId", "userName"} })
	_ = e
	var got []idpsim.MappingRow
	pop.Read(func(v *idpsim.View) { got = v.Provisioning().Mapping("User").Rows })
	want := []idpsim.MappingRow{
		{Target: "userName", Source: "[userPrincipalName]", Match: 2},
		{Target: "active", Source: `Switch([IsSoftDeleted], , "False", "True", "True", "False")`},
		{Target: "displayName", Source: "[displayName]", Flow: "ObjectAddOnly"},
		{Target: `phoneNumbers[type eq "mobile"].value`, Source: "[mobile]", Flow: "ObjectAddOnly"},
		{Target: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", Source: "[manager]"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEntraManagers(t *testing.T) {
	for _, flag := range []bool{false, true} {
		s := receive(t)
		pop := acme(t)
		steps(t, pop, `[{"do":"manager","who":"#0","value":"#1"},{"do":"assign","who":"#0"},{"do":"assign","who":"#2"}]`)
		e := entra(s, pop, func(o *push.EntraOptions) { o.Managers, o.Flag, o.Mapping = true, flag, []push.Row{} })
		must(t, e.Cycle(context.Background())) // ben is not there yet
		steps(t, pop, `[{"do":"assign","who":"#1"}]`)
		reference := func(verb, id string) string {
			if flag {
				return `PATCH /Users/u1 {"Operations":[{"op":"` + strings.ToLower(verb) + `","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager","value":"` + id + `"}],` + patchOp + `}`
			}
			return `PATCH /Users/u1 {"Operations":[{"op":"` + verb + `","path":"manager","value":[{"$ref":"../Users/` + id + `","value":"` + id + `"}]}],` + patchOp + `}`
		}
		pushes(t, e,
			`GET /Users?filter=userName eq "ben@acme.example"`,
			`POST /Users {"active":true,"meta":{"resourceType":"User"},"roles":[],"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"userName":"ben@acme.example"}`,
			`GET /Users?filter=id eq "u1" and manager eq "u3"&attributes=id`, reference("Add", "u3"))
		pushes(t, e)
		steps(t, pop, `[{"do":"manager","who":"#0","value":"#2"}]`)
		pushes(t, e, `GET /Users?filter=id eq "u1" and manager eq "u2"&attributes=id`, reference("Replace", "u2"))
		steps(t, pop, `[{"do":"manager","who":"#0","value":""}]`)
		pushes(t, e) // what became empty is not sent
	}
}

func TestEntraMatches(t *testing.T) {
	s, pop := receive(t), acme(t)
	s.resources["/Users/x1"] = object{"id": "x1", "userName": "ada@acme.example", "externalId": "other", "active": true}
	must(t, pop.Assign("ada@acme.example"))
	for unquoted, first := range map[bool]string{false: `GET /Users?filter=externalId eq "ada"`, true: `GET /Users?filter=externalId eq ada`} {
		e := entra(s, pop, func(o *push.EntraOptions) {
			o.Match, o.Mapping, o.Unquoted = []string{"externalId", "userName"}, []push.Row{{Target: "externalId", Source: idpsim.MailNickname, CreateOnly: true}}, unquoted
		})
		pushes(t, e, first, lookAda)
	}
}

func TestEntraNulls(t *testing.T) {
	s, pop := receive(t), acme(t)
	must(t, pop.Assign("ada@acme.example"))
	e := entra(s, pop, func(o *push.EntraOptions) { o.Nulls = true })
	must(t, e.Cycle(context.Background()))
	got := s.resources["/Users/u1"]
	if title, there := got["title"]; !there || title != nil || got["phoneNumbers"] == nil {
		t.Errorf("%v", got)
	}
}

func TestEntraOnDemand(t *testing.T) {
	s, pop := receive(t), acme(t)
	must(t, pop.Assign("ada@acme.example"))
	steps(t, pop, `[{"do":"pause-job"}]`)
	e := entra(s, pop, func(o *push.EntraOptions) { o.Mapping = []push.Row{{Target: "title", Source: idpsim.Title}} })
	play := func(step string, want ...string) {
		t.Helper()
		e.Forget()
		must(t, e.Play(context.Background(), json.RawMessage(step)))
		if diff := cmp.Diff(want, told(e.Log())); diff != "" {
			t.Error(diff)
		}
	}
	play(`{"do":"on-demand","who":"ada@acme.example"}`, lookAda, `POST /Users {"active":true,"meta":{"resourceType":"User"},"roles":[],"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"userName":"ada@acme.example"}`)
	must(t, pop.Set("#0", idpsim.Title, "Buyer"))
	play(`{"do":"on-demand","who":"#0"}`, lookAda, `PATCH /Users/u1 {"Operations":[{"op":"Add","path":"title","value":"Buyer"}],`+patchOp+`}`)
	must(t, pop.Unassign("#0"))
	s.resources["/Users/u1"]["title"] = "Buyer"
	play(`{"do":"on-demand","who":"#0","flag":true}`, lookAda, `PATCH /Users/u1 {"Operations":[{"op":"replace","path":"active","value":false}],`+patchOp+`}`)
	play(`{"do":"on-demand","who":"ben@acme.example"}`, `GET /Users?filter=userName eq "ben@acme.example"`) // not assigned, and not there
	must(t, pop.Disable("#0"))
	for _, step := range []string{`{"do":"on-demand","who":"#0"}`, `{"do":"on-demand","who":"nobody"}`, `{"do":"on-demand","who":"#9"}`, `{"do":"cycle"}`, `{"do":"jump"}`, `{"to":"x"}`} {
		if err := e.Play(context.Background(), json.RawMessage(step)); err == nil {
			t.Errorf("%s was done", step)
		}
	}
	steps(t, pop, `[{"do":"resume-job"}]`)
	for _, step := range []string{`{"do":"test"}`, `{"do":"restart"}`, `{"do":"allow-deletes"}`, `{"do":"cycle"}`} {
		must(t, e.Play(context.Background(), json.RawMessage(step)))
	}
}

// TestTwins: a create that arrives twice at the same time, once of which is refused, is a create.
func TestTwins(t *testing.T) {
	s, pop := receive(t), acme(t)
	s.unique = true
	must(t, pop.Assign("ada@acme.example"))
	e := entra(s, pop, func(o *push.EntraOptions) { o.Twice = func(x push.Exchange) bool { return x.Method == "POST" } })
	must(t, e.Cycle(context.Background()))
	posts := map[int]int{}
	for _, x := range e.Log() {
		if x.Method == "POST" {
			posts[x.Status]++
		}
	}
	if diff := cmp.Diff(map[int]int{201: 1, 409: 1}, posts); diff != "" || len(s.resources) != 1 {
		t.Errorf("%d users: %s", len(s.resources), diff)
	}
	must(t, pop.Disable("ada@acme.example"))
	pushes(t, e, `PATCH /Users/u1 {"Operations":[{"op":"Replace","path":"active","value":"False"}],`+patchOp+`}`)
}

// TestEntraFollowsTheMapping: a changed row is pushed for everybody.
func TestEntraFollowsTheMapping(t *testing.T) {
	s, pop := receive(t), acme(t)
	must(t, pop.Assign("ada@acme.example"))
	steps(t, pop, `[{"do":"set","who":"#0","attribute":"title","value":"Buyer"},{"do":"set","who":"#0","attribute":"extensionAttribute3","value":"x"}]`)
	e := entra(s, pop, nil)
	must(t, e.Cycle(context.Background()))
	steps(t, pop, `[{"do":"set-mapping","rows":[{"target":"displayName","source":"[mail]"},{"target":"title","source":"[jobTitle]"},
		{"target":"nickName","source":"[extensionAttribute3]"},{"target":"locale","source":"\"nl\""},{"target":"timezone","source":"","default":"UTC"},
		{"target":"profileUrl","source":"Join(\"\", [mail])"}]}]`)
	pushes(t, e, `PATCH /Users/u1 {"Operations":[{"op":"Replace","path":"displayName","value":"ada@acme.example"},`+
		`{"op":"Add","path":"title","value":"Buyer"},{"op":"Add","path":"nickName","value":"x"},{"op":"Add","path":"locale","value":"nl"},{"op":"Add","path":"timezone","value":"UTC"}],`+patchOp+`}`)
	steps(t, pop, `[{"do":"drop-mapping","value":"locale"}]`)
	pushes(t, e)
}
