package console

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// heartbeat is how often something is sent though nothing happens: less than what proxies wait for.
const heartbeat = 15 * time.Second

// streamLife is how long one answer lasts. The browser asks again.
const streamLife = 5 * time.Minute

// writeTime is how long one event may take to be sent. The server's own limit is for whole answers, and this one has no end.
const writeTime = 30 * time.Second

// progressEvent is one event: the names of its fields are known to console.js.
type progressEvent struct {
	Running bool   `json:"running"`
	Text    string `json:"text"`
	Count   int    `json:"count"`
	Of      int    `json:"of"`  // 0 = not known
	Run     string `json:"run"` // that goes on, or ended last; "" = not known
}

// progress tells a source's runs as they go, as server-sent events (WHATWG HTML, section 9.2). It ends with the request, when whoever
// watches for it ends, and after streamLife. Whoever is signed out or disabled meanwhile is told nothing more.
func (c *Console) progress(w http.ResponseWriter, r *http.Request) {
	source, ok := c.source(r.PathValue("source"))
	if !ok {
		c.fail(w, r, noSource)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), streamLife)
	steps := make(chan Progress)
	go func() {
		defer close(steps)
		c.Work.Watch(ctx, source.Scope.Source, func(p Progress) bool {
			select {
			case steps <- p:
				return true
			case <-ctx.Done():
				return false
			}
		})
	}()
	defer func() { // whoever starts a goroutine waits for it
		cancel()
		for range steps {
		}
	}()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	stream := stream{http.NewResponseController(w), w}
	_ = stream.control.SetReadDeadline(time.Time{}) // one that passes ends the request's context
	if stream.send("retry: 3000\n\n") != nil {
		return
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		var err error
		select {
		case p, more := <-steps:
			if !more || !c.stays(r) {
				return
			}
			err = stream.sendEvent(p)
		case <-beat.C:
			if !c.stays(r) {
				return
			}
			err = stream.send(": still here\n\n")
		case <-ctx.Done():
			return
		}
		if err != nil {
			return // nobody listens any more
		}
	}
}

// stays tells whether whoever made a request is signed in still.
func (c *Console) stays(r *http.Request) bool {
	_, err := c.signedIn(r)
	return err == nil
}

// stream sends text as it comes.
type stream struct {
	control *http.ResponseController
	w       http.ResponseWriter
}

func (s *stream) sendEvent(p Progress) error {
	data, err := json.Marshal(progressEvent{Running: p.Running, Text: progressText(p), Count: p.Count, Of: p.Of, Run: p.Run})
	if err != nil {
		return fmt.Errorf("write an event: %w", err)
	}
	return s.send(fmt.Sprintf("data: %s\n\n", data))
}

func (s *stream) send(text string) error {
	_ = s.control.SetWriteDeadline(time.Now().Add(writeTime)) // where there is none to set, there is none to pass
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.control.Flush()
}

// progressText says in words how a source's run stands.
func progressText(p Progress) string {
	switch {
	case p.Running:
		return capital(harmless(p.Step))
	case p.Ended != "":
		return harmless(p.Ended)
	}
	return "No run goes on."
}
