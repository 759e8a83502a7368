package graph

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"strings"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/internal/wire"
)

// maxBatch is how many requests one batch may hold.
const maxBatch = 20

type batchItem struct {
	ID        string            `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	Body      json.RawMessage   `json:"body"`
	DependsOn []string          `json:"dependsOn"`
}

type batchAnswer struct {
	ID      string            `json:"id"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body,omitempty"`
}

// batch answers several requests at once, each through the front door, so that faults hit them one by one. The answers come in
// another order than the requests.
func (c *call) batch() {
	body, err := wire.ReadBody(c.r)
	var asked struct {
		Requests []batchItem `json:"requests"`
	}
	if err == nil {
		err = json.Unmarshal(body, &asked)
	}
	if err == nil {
		err = checkBatch(asked.Requests)
	}
	if err != nil {
		fail(c.w, http.StatusBadRequest, "BadRequest", "Invalid batch payload format: "+err.Error())
		return
	}
	answers := make([]batchAnswer, 0, len(asked.Requests))
	for i, item := range asked.Requests {
		if i%2 == 1 && idpsim.Struck(c.r, idpsim.ItemThrottle) {
			answers = append(answers, throttledItem(item))
			continue
		}
		answers = append(answers, c.batchItem(item))
	}
	if idpsim.Struck(c.r, idpsim.ItemLost) {
		answers = answers[:len(answers)-1]
	}
	seed := fnv.New64a()
	_, _ = seed.Write(body)
	shuffle := rand.New(rand.NewPCG(seed.Sum64(), 0))
	shuffle.Shuffle(len(answers), func(i, j int) { answers[i], answers[j] = answers[j], answers[i] })
	out, err := json.Marshal(map[string]any{"responses": answers})
	if err != nil {
		fail(c.w, http.StatusInternalServerError, "InternalServerError", err.Error())
		return
	}
	write(c.w, http.StatusOK, out)
}

func checkBatch(items []batchItem) error {
	if len(items) == 0 || len(items) > maxBatch {
		return fmt.Errorf("the number of requests must be between 1 and %d", maxBatch)
	}
	seen := map[string]bool{}
	for _, item := range items {
		id := strings.ToLower(item.ID)
		switch {
		case id == "" || seen[id]:
			return fmt.Errorf("each request needs an id of its own")
		case item.Method == "" || item.URL == "":
			return fmt.Errorf("each request needs method and url")
		case len(item.Body) > 0 && len(item.Headers) == 0:
			return fmt.Errorf("a request with a body needs headers")
		case strings.Contains(item.URL, "$batch"):
			return fmt.Errorf("a batch holds no batches")
		case len(item.DependsOn) > 0:
			return fmt.Errorf("dependsOn is not supported here")
		}
		seen[id] = true
	}
	return nil
}

// throttledItem refuses one request of a batch for a second.
func throttledItem(item batchItem) batchAnswer {
	var a wire.Answer
	a.Head = http.Header{}
	tooMany(&a, "1")
	return answerOf(item, &a)
}

// batchItem carries out one request of a batch.
func (c *call) batchItem(item batchItem) batchAnswer {
	r, err := http.NewRequestWithContext(c.r.Context(), item.Method, wire.Base(c.r)+"/v1.0/"+strings.TrimPrefix(item.URL, "/"), bytes.NewReader(item.Body))
	if err != nil {
		return batchAnswer{ID: item.ID, Status: http.StatusBadRequest}
	}
	r.Host = c.r.Host
	r.Header.Set("Authorization", c.r.Header.Get("Authorization"))
	for name, value := range item.Headers {
		r.Header.Set(name, value)
	}
	return answerOf(item, wire.Record(c.api, r))
}

// answerOf is how an answer stands in a batch.
func answerOf(item batchItem, a *wire.Answer) batchAnswer {
	answer := batchAnswer{ID: item.ID, Status: a.Status, Headers: map[string]string{}}
	for _, name := range []string{"Content-Type", "Retry-After", "Location", "WWW-Authenticate", "x-ms-resource-unit", "x-ms-throttle-information"} {
		if value := a.Head.Get(name); value != "" {
			answer.Headers[name] = value
		}
	}
	switch body := a.Body.Bytes(); {
	case len(body) == 0:
	case json.Valid(body):
		answer.Body = body
	default:
		answer.Body, _ = json.Marshal(body) // base64, as Graph does with what is not JSON
	}
	return answer
}
