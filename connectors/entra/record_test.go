package entra_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/connectors/connectortest"
	"rollcall/connectors/entra"
	"rollcall/connectors/idpsim"
)

// recorder keeps every request that goes through it, and those within batches.
type recorder struct {
	handler http.Handler

	mu   sync.Mutex
	seen []sent
}

// sent is one request.
type sent struct {
	method, uri string // the URI without /v1.0
	header      http.Header
	batched     bool
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	var batch struct {
		Requests []struct {
			Method, URL string
			Headers     map[string]string
		}
	}
	r.mu.Lock()
	r.seen = append(r.seen, sent{req.Method, strings.TrimPrefix(req.URL.RequestURI(), "/v1.0"), req.Header.Clone(), false})
	if strings.HasSuffix(req.URL.Path, batchPath) && json.Unmarshal(body, &batch) == nil {
		for _, one := range batch.Requests {
			header := http.Header{}
			for name, value := range one.Headers {
				header.Set(name, value)
			}
			r.seen = append(r.seen, sent{one.Method, one.URL, header, true})
		}
	}
	r.mu.Unlock()
	r.handler.ServeHTTP(w, req)
}

// take returns what was seen, and forgets it.
func (r *recorder) take() []sent {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.seen
	r.seen = nil
	return seen
}

// calls counts what was sent by itself.
func calls(seen []sent) (n int) {
	for _, s := range seen {
		if !s.batched {
			n++
		}
	}
	return n
}

// openAt makes a connector that asks a handler about a population, and waits for nothing.
func openAt(t testing.TB, h http.Handler, population *idpsim.Population, change func(*entra.Config)) *entra.Connector {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	cfg := entra.Config{
		TenantID: population.TenantID(), AppID: population.AppID(), GraphURL: server.URL + "/v1.0", AccessToken: always(connectortest.Token),
		SleepFunc: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
	if change != nil {
		change(&cfg)
	}
	c, err := entra.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
