package okta

import (
	"context"
	"errors"
	"net/http"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

var (
	findApplication = rest.Step{What: "find the application", Permission: "okta.apps.read"}
	listAppUsers    = rest.Step{What: "list who is assigned", Permission: "okta.apps.read"}
	readPeople      = rest.Step{What: "read people", Permission: "okta.users.read"}
)

// fail tells err as a failure of a step, once. The context's own error is returned as it is.
func fail(ctx context.Context, s rest.Step, err error) error { return s.Fail(ctx, err, mend) }

func mend(s rest.Step, failure *connectors.Error) string {
	switch {
	case errors.Is(failure, connectors.ErrForbidden):
		return "the token's administrator lacks " + s.Permission + "; a role such as Read-Only Administrator has it: Okta admin console > Security > Administrators"
	case errors.Is(failure, connectors.ErrUnauthorised):
		return "make a new API token; one dies with the administrator who made it and after 30 days without use: Okta admin console > Security > API > Tokens"
	case errors.Is(failure, connectors.ErrSourceLost):
		return "check the app id and that the application is active: Okta admin console > Applications > Applications"
	}
	return ""
}

// explain reads Okta's error body (developer.okta.com/docs/reference/error-codes).
func explain(status int, _ http.Header, body []byte) *connectors.Error {
	s := rest.Scan(string(body))
	code, summary, err := s.Texts("errorCode", "errorSummary")
	if err != nil {
		code = ""
	}
	return rest.Said(status, code, summary)
}

// notThere tells Okta's positive "there is no such object" (E0000007) from a 404 of a proxy or a wrong address.
func notThere(err error) bool {
	var failure *connectors.Error
	return errors.As(err, &failure) && failure.Status == http.StatusNotFound && failure.Code == "E0000007"
}
