package server

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"rollcall/connectors/idpsim"
)

// endpoint is one thing that /_control can do.
type endpoint struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Body   string `json:"body,omitempty"`
	Does   string `json:"does"`

	serve func(*Server, http.ResponseWriter, *http.Request)
}

// endpoints move the organisation from outside.
var endpoints = []endpoint{
	{"GET", "/_control/state", "", "what there is: people, ids, faults, calls", (*Server).state},
	{"GET", "/_control/person", "", "everything about ?who=, a user name, an id or #number", (*Server).person},
	{"GET", "/_control/steps", "", "all steps", (*Server).listSteps},
	{"POST", "/_control/steps", `[{"do": "disable", "who": "#3"}, …], or one alone`, "change the organisation", (*Server).steps},
	{"GET", "/_control/faults", "", "all faults, and those that are set", (*Server).listFaults},
	{"POST", "/_control/faults", `{"name": "throttle", "where": {"path": "/users", "after": 1, "times": 2, "wait": "5s"}}`, "start a fault", (*Server).setFault},
	{"DELETE", "/_control/faults", "", "end the fault ?name=, or all", (*Server).clearFault},
	{"POST", "/_control/cycle", `{"name": "push"}`, "let a pusher run one cycle", (*Server).cycle},
	{"POST", "/_control/push", `{"name": "push", "step": {"do": "test"}}`, "let a pusher do something else by hand", (*Server).play},
}

// control is the handler of /_control. Pages of other sites that a browser shows cannot use it.
func (s *Server) control() http.Handler {
	mux := http.NewServeMux()
	for _, one := range endpoints {
		mux.HandleFunc(one.Method+" "+one.Path, func(w http.ResponseWriter, r *http.Request) { one.serve(s, w, r) })
	}
	mux.HandleFunc("GET /_control/{$}", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]any{
			"endpoints": endpoints, "steps": idpsim.StepList(), "faults": idpsim.FaultList(), "pushers": slices.Sorted(maps.Keys(s.options.Pushers)),
		})
	})
	mux.HandleFunc("/_control/", func(w http.ResponseWriter, r *http.Request) {
		reply(w, http.StatusNotFound, map[string]string{"error": "there is no " + r.Method + " " + r.URL.Path + "; GET /_control/ lists what there is"})
	})
	same := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.mayControl(r) {
			reply(w, http.StatusForbidden, map[string]string{"error": "the control token is wrong, or without one you are not on loopback"})
			return
		}
		same.ServeHTTP(w, r)
	})
}

func (s *Server) mayControl(r *http.Request) bool {
	if want := s.options.ControlToken; want != "" {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		return subtle.ConstantTimeCompare([]byte(token), []byte(want)) == 1
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	from, err := netip.ParseAddr(host)
	return err == nil && from.IsLoopback()
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (s *Server) refuse(w http.ResponseWriter, err error) {
	reply(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
}

// limit is the largest body that control reads.
const limit = 16 << 20

func (s *Server) steps(w http.ResponseWriter, r *http.Request) {
	steps, err := idpsim.DecodeSteps(http.MaxBytesReader(w, r.Body, limit))
	if err == nil {
		err = s.options.Population.Do(steps...)
	}
	if err != nil {
		s.refuse(w, err)
		return
	}
	reply(w, http.StatusOK, map[string]int{"done": len(steps)})
}

func (s *Server) setFault(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Name  string       `json:"name"`
		Where idpsim.Where `json:"where"`
	}
	err := decode(w, r, &asked)
	if err == nil {
		err = s.options.Faults.Set(asked.Name, asked.Where)
	}
	if err != nil {
		s.refuse(w, err)
		return
	}
	reply(w, http.StatusOK, s.options.Faults)
}

func (s *Server) clearFault(w http.ResponseWriter, r *http.Request) {
	s.options.Faults.Clear(r.URL.Query()["name"]...)
	reply(w, http.StatusOK, s.options.Faults)
}

func (s *Server) pusher(name string) (Pusher, error) {
	if pusher := s.options.Pushers[name]; pusher != nil {
		return pusher, nil
	}
	if len(s.options.Pushers) == 0 {
		return nil, fmt.Errorf("there is no pusher %q: nothing is pushed here", name)
	}
	return nil, fmt.Errorf("there is no pusher %q; there is %s", name, strings.Join(slices.Sorted(maps.Keys(s.options.Pushers)), ", "))
}

func (s *Server) cycle(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Name string `json:"name"`
	}
	err := decode(w, r, &asked)
	var pusher Pusher
	if err == nil {
		pusher, err = s.pusher(asked.Name)
	}
	if err == nil {
		err = pusher.Cycle(r.Context())
	}
	if err != nil {
		s.refuse(w, err)
		return
	}
	reply(w, http.StatusOK, map[string]string{"done": asked.Name})
}

func (s *Server) listSteps(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]any{"steps": idpsim.StepList()})
}

func (s *Server) listFaults(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]any{"faults": idpsim.FaultList(), "set": s.options.Faults})
}

func (s *Server) person(w http.ResponseWriter, r *http.Request) {
	known, err := s.options.Population.Describe(r.URL.Query().Get("who"))
	if err != nil {
		s.refuse(w, err)
		return
	}
	reply(w, http.StatusOK, known)
}

func decode(w http.ResponseWriter, r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	return nil
}

func (s *Server) state(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]any{
		"population": s.options.Population.Summary(),
		"tenant_id":  s.options.Population.TenantID(),
		"app_id":     s.options.Population.AppID(),
		"okta_app":   s.options.Population.OktaAppID(),
		"faults":     s.options.Faults,
		"calls":      map[string]int{"graph": s.Graph.Calls(), "okta": s.Okta.Calls()},
	})
}
