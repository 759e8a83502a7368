package server

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"rollcall/connectors/idpsim"
)

// control moves the organisation from outside:
//
//	POST   /_control/steps    [step, …]                             change the population; see idpsim.Step
//	POST   /_control/faults   {"name": …, "where": {…}}             start a fault; see idpsim.Faults
//	DELETE /_control/faults   ?name=…, or all                       end it
//	POST   /_control/cycle    {"name": …}                           let one of the pushers run one cycle
//	POST   /_control/push     {"name": …, "step": {…}}              let one of the pushers carry out a step; see push.Step
//	GET    /_control/state                                          what there is
func (s *Server) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /_control/steps", s.steps)
	mux.HandleFunc("POST /_control/faults", s.setFault)
	mux.HandleFunc("DELETE /_control/faults", s.clearFault)
	mux.HandleFunc("POST /_control/cycle", s.cycle)
	mux.HandleFunc("POST /_control/push", s.play)
	mux.HandleFunc("GET /_control/state", s.state)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.mayControl(r) {
			reply(w, http.StatusForbidden, map[string]string{"error": "the control token is wrong, or without one you are not on loopback"})
			return
		}
		mux.ServeHTTP(w, r)
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

func (s *Server) cycle(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Name string `json:"name"`
	}
	err := decode(w, r, &asked)
	pusher := s.options.Pushers[asked.Name]
	if err == nil && pusher == nil {
		err = fmt.Errorf("there is no pusher %q", asked.Name)
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
