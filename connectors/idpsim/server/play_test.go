package server_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/push"
	"rollcall/connectors/idpsim/server"
)

// player notes the steps that it was given.
type player struct {
	pusher
	told *[]string
}

func (p player) Play(_ context.Context, step json.RawMessage) error {
	*p.told = append(*p.told, string(step))
	return p.err
}

func TestSteppingAPusher(t *testing.T) {
	var told []string
	s := start(t, server.Options{Population: idpsim.New(idpsim.Options{}), Pushers: map[string]server.Pusher{"entra": player{told: &told}, "okta": pusher{}}})
	for body, want := range map[string]string{
		`{"name":"entra","step":{"do":"restart"}}`: `{"done":"entra"}`,
		`{"name":"okta","step":{"do":"restart"}}`:  `no pusher`,
		`{"name":"ldap","step":{}}`:                `no pusher`,
		`{"do":"restart"}`:                         `unknown field`,
	} {
		status, answer := ask(t, "POST", s.URL()+"/_control/push", "", body)
		if !strings.Contains(answer, want) || (status == 200) != (want == `{"done":"entra"}`) {
			t.Errorf("%s: %d %s", body, status, answer)
		}
	}
	if len(told) != 1 || told[0] != `{"do":"restart"}` {
		t.Errorf("%v", told)
	}
}

// TestWhyNoPushCame: a receiver refuses the key, and Graph shows the job in quarantine.
func TestWhyNoPushCame(t *testing.T) {
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	defer receiver.Close()
	pop := idpsim.New(idpsim.Options{Seed: 7, People: 1})
	client := push.NewEntra(push.EntraOptions{Options: push.Options{URL: receiver.URL, Key: "key", Population: pop}, Limits: push.VendorLimits()})
	s := start(t, server.Options{Population: pop, Token: "token", Pushers: map[string]server.Pusher{"push": client}})
	if status, answer := ask(t, "POST", s.URL()+"/_control/cycle", "", `{"name":"push"}`); status != 400 || !strings.Contains(answer, "401") {
		t.Errorf("%d %s", status, answer)
	}
	job := func() string {
		id := ""
		pop.Read(func(v *idpsim.View) { id = string(idpsim.AppendGUID(nil, v.PrincipalID())) })
		_, answer := ask(t, "GET", s.GraphURL()+"/servicePrincipals/"+id+"/synchronization/jobs", "Bearer token", "")
		return answer
	}
	if answer := job(); !strings.Contains(answer, `"code":"Quarantine"`) || !strings.Contains(answer, `"reason":"EncounteredQuarantineException"`) || !strings.Contains(answer, `"state":"Failed"`) {
		t.Error(answer)
	}
	if status, answer := ask(t, "POST", s.URL()+"/_control/push", "", `{"name":"push","step":{"do":"restart"}}`); status != 200 || !strings.Contains(job(), `"code":"Active"`) {
		t.Errorf("%d %s", status, answer)
	}
}

// TestATokenIsRevoked: whoever said that it understands challenges is told what to ask for, with which it is let in again.
func TestATokenIsRevoked(t *testing.T) {
	pop := idpsim.New(idpsim.Options{Seed: 7, People: 1})
	s := start(t, server.Options{Population: pop, Client: "client", Secret: "secret"}) // any token is taken that was not issued here
	token := func() string {
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"client"}, "client_secret": {"secret"},
			"scope": {"https://graph.microsoft.com/.default"}, "claims": {`{"access_token":{"xms_cc":{"values":["CP1"]}}}`}}
		_, body := ask(t, "POST", s.URL()+"/"+pop.TenantID()+"/oauth2/v2.0/token", "", form.Encode())
		var issued struct {
			Token string `json:"access_token"`
		}
		if err := json.Unmarshal([]byte(body), &issued); err != nil {
			t.Fatal(err)
		}
		return issued.Token
	}
	first := token()
	if status, body := ask(t, "GET", s.GraphURL()+"/users", "Bearer "+first, ""); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	for _, c := range []struct {
		steps string
		token func() string
		want  int
	}{
		{`[{"do":"revoke-tokens"}]`, func() string { return first }, 401},
		{`[]`, token, 200},
		{`[{"do":"revoke","value":"User.Read.All"}]`, token, 403},
		{`[{"do":"grant","value":"User.Read.All"}]`, token, 200},
	} {
		if status, body := ask(t, "POST", s.URL()+"/_control/steps", "", c.steps); status != 200 {
			t.Errorf("%d %s", status, body)
		}
		if status, body := ask(t, "GET", s.GraphURL()+"/users", "Bearer "+c.token(), ""); status != c.want {
			t.Errorf("after %s: %d %s", c.steps, status, body)
		}
	}
}
