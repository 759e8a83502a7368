package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/state"
	dirsync "rollcall/sync"
)

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// serving is a serve that runs within the test.
type serving struct {
	boundAddresses
	dir string
	key string
	log *lockedBuffer
	end context.CancelFunc
	out chan error
}

// startServe serves a configuration with the push-only source acme until the test ends.
func startServe(t *testing.T, settings string) *serving {
	t.Helper()
	s := &serving{dir: t.TempDir(), log: &lockedBuffer{}, out: make(chan error, 1)}
	file := filepath.Join(s.dir, "rollcall.yaml")
	text := settings + "ops: {listen: '127.0.0.1:0'}\nsources:\n  - {name: acme, tenant: acme, kind: entra}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var key, problems bytes.Buffer
	if code := run(t.Context(), []string{"keys", "issue", "--source", "acme", "--config", file}, nil, &key, &problems, noEnv); code != 0 {
		t.Fatalf("keys issue: exit code %d: %s", code, problems.String())
	}
	s.key = strings.TrimSpace(key.String())
	ctx, end := context.WithCancel(t.Context())
	s.end = end
	up := make(chan boundAddresses, 1)
	a := &app{stdout: io.Discard, stderr: s.log, env: noEnv, now: time.Now, configFile: file}
	go func() {
		s.out <- a.serve(ctx, nil, func(b boundAddresses) error { up <- b; return nil })
	}()
	select {
	case s.boundAddresses = <-up:
	case err := <-s.out:
		t.Fatalf("serve did not come up: %v\n%s", err, s.log)
	}
	t.Cleanup(end)
	return s
}

func noEnv(string) (string, bool) { return "", false }

// stop ends the serve and returns how.
func (s *serving) stop(t *testing.T) error {
	t.Helper()
	s.end()
	select {
	case err := <-s.out:
		return err
	case <-time.After(patience):
		t.Fatal("serve does not end")
		return nil
	}
}

// TestServeDrains sends half a request, asks serve to leave, and then sends the other half: it is answered, and only then serve ends.
func TestServeDrains(t *testing.T) {
	s := startServe(t, "listen: 127.0.0.1:0\n")
	body, write := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Receiver+"/Users", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.key)
	r.Header.Set("Content-Type", "application/scim+json")
	r.Header.Set("Expect", "100-continue") // nothing of the body is sent before serve asks for it
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: patience}}
	answered := make(chan int, 1)
	go func() {
		answer, err := client.Do(r)
		if err != nil {
			t.Error(err)
			answered <- 0
			return
		}
		answer.Body.Close()
		answered <- answer.StatusCode
	}()
	if _, err := io.WriteString(write, `{"userName": "ada@`); err != nil {
		t.Fatal(err)
	}
	s.end()
	for draining := false; !draining; { // the listener is closed before requests are waited for
		answer, err := http.Get(s.Operations + "/readyz")
		if err != nil {
			break // the operations listener has gone too
		}
		draining = answer.StatusCode == http.StatusServiceUnavailable
		answer.Body.Close()
	}
	select {
	case err := <-s.out:
		t.Fatalf("serve ended with a request under way: %v", err)
	default:
	}
	if _, err := io.WriteString(write, `acme.example"}`); err != nil {
		t.Fatal(err)
	}
	write.Close()
	if status := <-answered; status != http.StatusCreated {
		t.Errorf("the request under way was answered %d", status)
	}
	if err := s.stop(t); err != nil {
		t.Errorf("serve ended with %v", err)
	}
	if strings.Contains(s.log.String(), "cut off") {
		t.Errorf("requests were cut off:\n%s", s.log)
	}
}

// TestServeTLS serves with a certificate, which is replaced while serve goes on.
func TestServeTLS(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeCertificate(t, certFile, keyFile, 1)
	s := startServe(t, "listen: 127.0.0.1:0\ntls: {cert: "+certFile+", key: "+keyFile+"}\n")
	if !strings.HasPrefix(s.Receiver, "https://") {
		t.Fatalf("the receiver is at %s", s.Receiver)
	}
	serial := func() int64 {
		t.Helper()
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
		defer client.CloseIdleConnections()
		answer, err := client.Get(s.Receiver + "/Users")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("without a key: %d", answer.StatusCode)
		}
		return answer.TLS.PeerCertificates[0].SerialNumber.Int64()
	}
	if got := serial(); got != 1 {
		t.Errorf("certificate %d", got)
	}
	writeCertificate(t, certFile, keyFile, 2)
	for deadline := time.Now().Add(patience); serial() != 2; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the new certificate is not taken up")
		}
	}
	_, err := tls.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(s.Receiver, "https://"), "/auth/scim"), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11})
	if err == nil {
		t.Error("TLS 1.1 was accepted")
	}
	if err := s.stop(t); err != nil {
		t.Errorf("serve ended with %v", err)
	}
}

func TestServeRefusesWhatItCannotDo(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"cert.pem", "key.pem"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("no certificate"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct{ settings, says string }{
		"a certificate that is none": {"ops: {listen: off}\ntls: {cert: cert.pem, key: key.pem}\n", "rollcall.yaml:2:1: tls: is no certificate with its key"},
		"trusted certificates":       {"ops: {listen: off}\noutbound: {ca_file: cert.pem}\n", "outbound.ca_file: holds no certificate"},
		"an address":                 {"ops: {listen: '192.0.2.1:1'}\nlisten: 127.0.0.1:0\n", "rollcall: listen for operations (ops.listen): "},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(dir, "rollcall.yaml")
			if err := os.WriteFile(file, []byte(test.settings), 0o600); err != nil {
				t.Fatal(err)
			}
			var out, problems bytes.Buffer
			if code := run(t.Context(), []string{"serve", "--config", file}, nil, &out, &problems, noEnv); code == 0 || !strings.Contains(problems.String(), test.says) {
				t.Errorf("exit code %d, %q; want %q", code, problems.String(), test.says)
			}
		})
	}
}

// TestHoldersAreUnlike: two containers may share a host name and a process id, and a lease is given to its holder a second time.
func TestHoldersAreUnlike(t *testing.T) {
	first, second := newEngine(nil, nil, nil).Holder, newEngine(nil, nil, nil).Holder
	if first == second || !strings.HasPrefix(first, first[:strings.LastIndex(second, "/")]) {
		t.Errorf("holders %q and %q", first, second)
	}
}

// TestTransport: the proxy and the certificates of the configuration reach every call.
func TestTransport(t *testing.T) {
	provider := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	defer provider.Close()
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: provider.Certificate().Raw})
	if err := os.WriteFile(caFile, cert, 0o600); err != nil {
		t.Fatal(err)
	}
	get := func(c config, target string) (int, error) {
		t.Helper()
		transport, err := newTransport(&c)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := (&http.Client{Transport: transport}).Get(target)
		if err != nil {
			return 0, err
		}
		return answer.StatusCode, answer.Body.Close()
	}
	if status, err := get(config{}, provider.URL); err == nil {
		t.Errorf("a certificate that nobody trusts was accepted: %d", status)
	}
	if status, err := get(config{CAFile: caFile}, provider.URL); status != http.StatusTeapot {
		t.Errorf("with the certificate trusted: %d, %v", status, err)
	}

	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Host != "graph.example" {
			t.Errorf("the proxy was asked for %s", r.URL)
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer proxy.Close()
	if status, err := get(config{Proxy: proxy.URL}, "http://graph.example/v1.0"); status != http.StatusNoContent {
		t.Errorf("through the proxy: %d, %v", status, err)
	}
	if _, err := newTransport(&config{CAFile: os.DevNull}); err == nil {
		t.Error("a file without certificates was taken")
	}
}

// TestProgress: progress is for people who watch.
func TestProgress(t *testing.T) {
	a, _, problems := testApp(0)
	show, done := (&session{app: a}).progress("acme")
	if show != nil {
		t.Error("progress is shown though nobody watches")
	}
	done()
	a.watched = true
	show, done = (&session{app: a}).progress("acme")
	show(dirsync.Progress{Step: dirsync.StepPull, People: 999})
	if got := problems.String(); got != "\racme: pull, 999 people read" {
		t.Errorf("%q", got)
	}
	done()
	if lines := strings.Split(problems.String(), "\r"); strings.TrimSpace(lines[len(lines)-2]) != "" || lines[len(lines)-1] != "" {
		t.Errorf("the line is not wiped: %q", problems.String())
	}
	for want, p := range map[string]dirsync.Progress{
		"acme: look up, 3 people read, 1 of 2": {Step: dirsync.StepLook, People: 3, Done: 1, Of: 2},
		"acme: apply, 7":                       {Step: dirsync.StepApply, Done: 7},
	} {
		if got := progressLine("acme", p); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestInterruptedRunsAreNoted: what the end of a generation cuts off is taken up by the next one.
func TestInterruptedRunsAreNoted(t *testing.T) {
	m := newMetrics("test")
	s := &service{metrics: m, alarms: newAlarms(nil, m, slog.New(slog.DiscardHandler), time.Now), progress: newProgressBoard()}
	g := &generation{interrupted: make(chan string, 1)}
	source := dirsync.Source{Scope: state.Scope{Tenant: "acme", Source: "acme"}}
	s.ended(g, source, dirsync.Report{}, state.ErrLeased)
	s.ended(g, source, dirsync.Report{}, nil)
	if len(g.interrupted) != 0 {
		t.Error("a run that was not cut off was noted")
	}
	s.ended(g, source, dirsync.Report{}, context.Canceled)
	s.ended(g, source, dirsync.Report{}, context.Canceled) // there is room for one: no blocking
	if len(g.interrupted) != 1 || <-g.interrupted != "acme" {
		t.Error("a run that was cut off was not noted")
	}
}
