package rest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

// TestListingEnds: whatever a provider's links do, a listing ends, and a whole one is let through.
func TestListingEnds(t *testing.T) {
	for name, test := range map[string]struct {
		page func(n int) (first, link string)
		says string
	}{
		"whole": {func(n int) (string, string) { return fmt.Sprint("id", n), fmt.Sprint("link", n) }, ""},
		"some empty": {func(n int) (string, string) {
			return map[bool]string{true: fmt.Sprint("id", n)}[n%50 == 0], fmt.Sprint("link", n)
		}, ""},
		"an id that is a link":   {func(n int) (string, string) { return fmt.Sprint(n), fmt.Sprint(n) }, ""},
		"the same link":          {func(n int) (string, string) { return fmt.Sprint("id", n), "link" }, "leads back"},
		"the same page":          {func(n int) (string, string) { return "id", fmt.Sprint("link", n) }, "came twice"},
		"a circle":               {func(n int) (string, string) { return "", fmt.Sprint("link", n%7) }, "leads back"},
		"empty ones without end": {func(n int) (string, string) { return "", fmt.Sprint("link", n) }, "does not end"},
	} {
		var l rest.Listing
		var err error
		for n := 0; n < 500 && err == nil; n++ {
			err = l.Next(test.page(n))
		}
		if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
}

func TestPullProof(t *testing.T) {
	mine := errors.New("mine")
	var passed int
	_, p := rest.StartPull(t.Context(), func(people []connectors.Person) error {
		if passed += len(people); passed > 2 {
			return mine
		}
		return nil
	})
	p.Probe(rest.Step{What: "read", Permission: "read.all"})
	p.Probe(rest.Step{What: "read more", Permission: "read.all"})
	if err := errors.Join(p.Pass(make([]connectors.Person, 2)), p.Pass(nil)); err != nil || p.Refused() {
		t.Fatal(err)
	}
	err := p.Pass(make([]connectors.Person, 1))
	if err != mine || !p.Refused() {
		t.Errorf("the caller's own error became %v", err)
	}
	proof, err := p.End(fmt.Errorf("wrapped: %w", err))
	want := connectors.Proof{Pages: 3, People: 3, Probes: []string{"read.all"}, Reason: "The pull was stopped before it had seen everyone."}
	if diff := cmp.Diff(want, proof); diff != "" || err != mine {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	_, p = rest.StartPull(t.Context(), nil)
	if proof, err := p.End(&connectors.Error{Kind: connectors.ErrSourceLost, Op: "x"}); !proof.Lost || proof.Complete || err == nil {
		t.Errorf("a lost source: %+v, %v", proof, err)
	}
	if proof, err := p.End(nil); !proof.Complete || proof.Lost || err != nil {
		t.Errorf("a whole pull: %+v, %v", proof, err)
	}
}

func TestStepFail(t *testing.T) {
	mend := func(s rest.Step, failure *connectors.Error) string { return "ask for " + s.Permission }
	s := rest.Step{What: "read people", Permission: "read.all"}
	told := rest.Said(403, "E1", "not allowed for ada@acme.example")
	for _, test := range []struct {
		err  error
		want connectors.Error
	}{
		{told, connectors.Error{Kind: connectors.ErrForbidden, Op: "read people", Code: "E1", Detail: "E1: not allowed for …", Mend: "ask for read.all"}},
		{rest.Said(502, "", "<html>"), connectors.Error{Kind: connectors.ErrUnreachable, Op: "read people", Mend: "ask for read.all"}},
		{errors.New("odd\nanswer"), connectors.Error{Kind: connectors.ErrIncomplete, Op: "read people", Detail: "odd answer", Mend: "ask for read.all"}},
		{&connectors.Error{Kind: connectors.ErrSourceLost, Mend: "its own"}, connectors.Error{Kind: connectors.ErrSourceLost, Op: "read people", Mend: "its own"}},
	} {
		var got *connectors.Error
		if !errors.As(s.Fail(t.Context(), test.err, mend), &got) || *got != test.want {
			t.Errorf("%v: got %#v, want %#v", test.err, got, test.want)
		}
	}
	if told.Op != "" {
		t.Error("the failure that was told is changed")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Fail(ended, told, mend); err != context.Canceled {
		t.Errorf("after the end: %v", err)
	}
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "LocalHost": true, "127.0.0.1": true, "127.1.2.3": true, "::1": true, "::ffff:127.0.0.1": true,
		"": false, "0.0.0.0": false, "::": false, "10.0.0.1": false, "localhost.example": false, "127.0.0.1.example": false,
	} {
		if got := rest.Loopback(host); got != want {
			t.Errorf("%q: %t", host, got)
		}
	}
}
