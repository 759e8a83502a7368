package okta

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

// signIn puts credentials on each call, in place of the SDK's. A call that is refused with them is made once more with others, if there
// are any by then.
type signIn struct {
	next        http.RoundTripper
	credentials credentials
}

// credentials are a way to sign in, safe for concurrent use.
type credentials interface {
	// authorization is the header to send with a call to a path. Whoever was refused with one names it, and gets another if there is.
	authorization(ctx context.Context, path, refused string) (string, error)
}

// RoundTrip carries out one call.
func (s *signIn) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, header, err := s.send(req, "")
	if !errors.Is(err, connectors.ErrUnauthorised) || header == "" {
		return resp, err
	}
	again, other, errAgain := s.send(req, header)
	if errAgain == nil && other == header {
		return nil, err
	}
	return again, errAgain
}

// send makes a call with credentials that are not those refused. If there are none, it makes none, and has neither answer nor error.
func (s *signIn) send(req *http.Request, refused string) (_ *http.Response, header string, err error) {
	header, err = s.credentials.authorization(req.Context(), req.URL.Path, refused)
	if err != nil {
		return nil, "", err
	}
	if header == refused {
		return nil, header, nil
	}
	call := req.Clone(req.Context())
	call.Header.Set("Authorization", header)
	resp, err := s.next.RoundTrip(call)
	return resp, header, err
}

// apiToken signs in with an administrator's API token. It is read at the first call, and again when it is refused.
type apiToken struct {
	read func() (string, error)

	mu     sync.Mutex
	header string
}

func (a *apiToken) authorization(_ context.Context, _, refused string) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.header != "" && a.header != refused {
		return a.header, nil
	}
	token, err := a.read()
	switch {
	case err != nil:
		return "", unusable("the API token cannot be read: " + err.Error())
	case token == "":
		return "", unusable("the API token is empty")
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", unusable("the API token has characters that no token has, such as a line break")
	}
	a.header = "SSWS " + token
	return a.header, nil
}

// unusable is the failure of a secret that cannot be used as it is.
func unusable(detail string) error {
	return &connectors.Error{Kind: connectors.ErrMisconfigured, Detail: rest.Line(detail)}
}
