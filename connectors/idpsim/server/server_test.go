package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/server"
)

// start runs a server until the test is over.
func start(t *testing.T, o server.Options) *server.Server {
	t.Helper()
	s, err := server.Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

func ask(t *testing.T, method, target, authorization, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", authorization)
	if strings.Contains(body, "grant_type") {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, strings.TrimSpace(string(b))
}

func TestEverythingBehindOneAddress(t *testing.T) {
	pop := idpsim.New(idpsim.Options{Seed: 7, People: 3})
	s := start(t, server.Options{Population: pop, Token: "token", Client: "client", Secret: "secret"})
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"client"}, "client_secret": {"secret"}, "scope": {"https://graph.microsoft.com/.default"}}
	status, body := ask(t, "POST", s.URL()+"/"+pop.TenantID()+"/oauth2/v2.0/token", "", form.Encode())
	var issued struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &issued); err != nil || status != 200 || issued.Token == "" {
		t.Errorf("login: %d %s", status, body)
	}
	for _, c := range []struct {
		target, authorization string
		want                  int
	}{
		{s.GraphURL() + "/users", "Bearer token", 200},
		{s.GraphURL() + "/users", "Bearer " + issued.Token, 200},
		{s.GraphURL() + "/users", "Bearer other", 401},
		{s.URL() + "/api/v1/apps/" + pop.OktaAppID() + "/users", "SSWS token", 200},
		{s.URL() + "/api/v1/users", "SSWS other", 401},
	} {
		if status, body := ask(t, "GET", c.target, c.authorization, ""); status != c.want {
			t.Errorf("%s with %s: %d %s", c.target, c.authorization, status, body)
		}
	}
	if s.Graph.Calls() != 3 || s.Okta.Calls() != 2 {
		t.Errorf("%d and %d calls", s.Graph.Calls(), s.Okta.Calls())
	}
}

// pusher notes that it was called.
type pusher struct{ err error }

func (p pusher) Cycle(context.Context) error { return p.err }

func TestControl(t *testing.T) {
	pop := idpsim.New(idpsim.Options{Seed: 7, People: 3})
	s := start(t, server.Options{Population: pop, Pushers: map[string]server.Pusher{"entra": pusher{}, "okta": pusher{errors.New("no receiver")}}})
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "steps", `[{"do":"disable","who":"#1"},{"do":"soft-delete","who":"#2"}]`, 200, `{"done":2}`},
		{"POST", "steps", `[{"do":"disable","who":"#9"}]`, 400, `is not one of #0 to #2`},
		{"POST", "steps", `nonsense`, 400, `read steps`},
		{"POST", "faults", `{"name":"throttle","where":{"path":"/users","times":1,"wait":"1s"}}`, 200, `{"throttle":{"where":{"path":"/users","times":1,"wait":"1s"},"hits":0}}`},
		{"POST", "faults", `{"name":"gremlins"}`, 400, `there is no fault`},
		{"POST", "faults", `{"fault":"throttle"}`, 400, `unknown field`},
		{"GET", "state", ``, 200, `"population":{"people":3,"assigned":2,"disabled":1,"soft_deleted":1,"purged":0,"groups":0,"changes":3}`},
		{"DELETE", "faults?name=throttle", ``, 200, `{}`},
		{"POST", "cycle", `{"name":"entra"}`, 200, `{"done":"entra"}`},
		{"POST", "cycle", `{"name":"okta"}`, 400, `no receiver`},
		{"POST", "cycle", `{"name":"ldap"}`, 400, `there is no pusher`},
		{"POST", "steps", `{"do":"enable","who":"#1"}`, 200, `{"done":1}`},
		{"POST", "steps", `{"do":"enabel","who":"#1"}`, 400, `did you mean enable?`},
		{"GET", "steps", ``, 200, `"do":"soft-delete"`},
		{"GET", "faults", ``, 200, `"name":"html-502"`},
		{"GET", "", ``, 200, `"method":"POST","path":"/_control/steps"`},
		{"GET", "person?who=%231", ``, 200, `"number":1,"user_name":"`},
		{"GET", "person?who=nobody", ``, 400, `there is nobody called`},
		{"POST", "push", `{"name":"entra","step":{"do":"test"}}`, 400, `can only run cycles`},
		{"PUT", "steps", ``, 404, `GET /_control/ lists what there is`},
		{"GET", "stats", ``, 404, `there is no GET /_control/stats`},
	} {
		status, body := ask(t, c.method, s.URL()+"/_control/"+c.path, "", c.body)
		if status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, status, body)
		}
	}
}

// TestPagesOfOtherSitesControlNothing: a browser that shows one sends its requests from loopback too.
func TestPagesOfOtherSitesControlNothing(t *testing.T) {
	s, err := server.Listen(server.Options{Population: idpsim.New(idpsim.Options{People: 1})})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	r := httptest.NewRequest("POST", "/_control/steps", strings.NewReader(`[{"do":"disable","who":"#0"}]`))
	r.RemoteAddr = "127.0.0.1:1"
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != 403 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestWhoMayControl(t *testing.T) {
	for _, c := range []struct {
		token, remote, authorization string
		want                         int
	}{
		{"", "127.0.0.1:1", "", 200},
		{"", "[::1]:1", "", 200},
		{"", "192.0.2.1:1", "", 403},
		{"", "nonsense", "", 403},
		{"secret", "192.0.2.1:1", "Bearer secret", 200},
		{"secret", "127.0.0.1:1", "", 403},
		{"secret", "127.0.0.1:1", "Bearer secre", 403},
	} {
		s, err := server.Listen(server.Options{Population: idpsim.New(idpsim.Options{}), ControlToken: c.token})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "/_control/state", nil)
		r.RemoteAddr = c.remote
		r.Header.Set("Authorization", c.authorization)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%+v: %d", c, w.Code)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestATakenAddress(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if _, err := server.Listen(server.Options{Population: idpsim.New(idpsim.Options{}), Listen: l.Addr().String()}); err == nil {
		t.Error("the address was taken twice")
	}
}
