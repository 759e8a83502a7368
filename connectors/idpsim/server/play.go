package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// Player is a Pusher that can do more than a cycle: push.Entra and push.Okta. What there is, push.Step says.
type Player interface {
	Play(ctx context.Context, step json.RawMessage) error
}

// play lets one of the pushers carry out a step.
func (s *Server) play(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Name string          `json:"name"`
		Step json.RawMessage `json:"step"`
	}
	err := decode(w, r, &asked)
	var pusher Pusher
	if err == nil {
		pusher, err = s.pusher(asked.Name)
	}
	player, able := pusher.(Player)
	if err == nil && !able {
		err = fmt.Errorf("the pusher %q can only run cycles: it is no pusher that takes steps", asked.Name)
	}
	if err == nil {
		err = player.Play(r.Context(), asked.Step)
	}
	if err != nil {
		s.refuse(w, err)
		return
	}
	reply(w, http.StatusOK, map[string]string{"done": asked.Name})
}
