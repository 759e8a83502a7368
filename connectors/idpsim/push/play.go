package push

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
)

// Step is one thing that a person does to a client by hand. Do names it:
//
//	cycle, test
//	restart                         Entra: the next cycle is an initial one
//	on-demand  who, flag            Entra: Provision on demand, in either dialect of PATCH
//	allow-deletes                   Entra: the next cycle may delete as many as it likes
//	push-now   group                Okta
//	import                          Okta: reads everybody
type Step struct {
	Do    string `json:"do"`
	Who   string `json:"who,omitempty"`
	Group string `json:"group,omitempty"`
	Flag  bool   `json:"flag,omitempty"`
}

// Play carries out a step that is given as JSON.
func (e *Entra) Play(ctx context.Context, step json.RawMessage) error {
	s, err := parseStep(step)
	if err != nil {
		return err
	}
	switch s.Do {
	case "cycle":
		return e.Cycle(ctx)
	case "test":
		return e.Test(ctx)
	case "restart":
		e.Restart()
		return nil
	case "on-demand":
		return e.OnDemand(ctx, s.Who, s.Flag)
	case "allow-deletes":
		e.AllowDeletes()
		return nil
	}
	return fmt.Errorf("push: Entra does not know %q; it knows cycle, test, restart, on-demand, allow-deletes", s.Do)
}

// Play carries out a step that is given as JSON.
func (o *Okta) Play(ctx context.Context, step json.RawMessage) error {
	s, err := parseStep(step)
	if err != nil {
		return err
	}
	switch s.Do {
	case "cycle":
		return o.Cycle(ctx)
	case "test":
		return o.Test(ctx)
	case "push-now":
		return o.PushNow(ctx, s.Group)
	case "import":
		_, err := o.Import(ctx)
		return err
	}
	return fmt.Errorf("push: Okta does not know %q; it knows cycle, test, push-now, import", s.Do)
}

func parseStep(b json.RawMessage) (s Step, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return s, fmt.Errorf("push: read step: %w", err)
	}
	return s, nil
}
