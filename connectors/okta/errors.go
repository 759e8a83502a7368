package okta

import (
	"context"
	"errors"
	"net/http"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

// step is something that is asked of Okta: in words, and the permission that it takes.
type step struct{ what, permission string }

var (
	findApplication = step{"find the application", "okta.apps.read"}
	listAppUsers    = step{"list who is assigned", "okta.apps.read"}
	readPeople      = step{"read people", "okta.users.read"}
)

// fail tells err as a failure of a step, once. The context's own error is returned as it is.
func fail(ctx context.Context, s step, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	failure := &connectors.Error{Kind: connectors.ErrIncomplete}
	if told := (*connectors.Error)(nil); errors.As(err, &told) {
		*failure = *told
	} else {
		failure.Detail = rest.Line(err.Error())
	}
	failure.Op = s.what
	if failure.Mend == "" {
		failure.Mend = mend(s, failure)
	}
	return failure
}

func mend(s step, failure *connectors.Error) string {
	switch {
	case errors.Is(failure, connectors.ErrForbidden):
		return "the token's administrator lacks " + s.permission + "; a role such as Read-Only Administrator has it: Okta admin console > Security > Administrators"
	case errors.Is(failure, connectors.ErrUnauthorised):
		return "make a new API token; one dies with the administrator who made it and after 30 days without use: Okta admin console > Security > API > Tokens"
	case errors.Is(failure, connectors.ErrSourceLost):
		return "check the app id and that the application is active: Okta admin console > Applications > Applications"
	}
	return ""
}

// explain reads Okta's error body (developer.okta.com/docs/reference/error-codes).
func explain(status int, _ http.Header, body []byte) *connectors.Error {
	failure := &connectors.Error{Kind: rest.KindOf(status)}
	var summary string
	s := rest.Scan(string(body))
	err := s.Object(func(name string) (err error) {
		switch name {
		case "errorCode":
			failure.Code, err = s.Text()
		case "errorSummary":
			summary, err = s.Text()
		default:
			err = s.Skip()
		}
		return err
	})
	if err != nil || failure.Code == "" {
		failure.Code = ""
		return failure
	}
	failure.Code = rest.Line(failure.Code)
	failure.Detail = rest.Line(failure.Code + ": " + summary)
	return failure
}

// notThere tells Okta's positive "there is no such object" (E0000007) from a 404 of a proxy or a wrong address.
func notThere(err error) bool {
	var failure *connectors.Error
	return errors.As(err, &failure) && failure.Status == http.StatusNotFound && failure.Code == "E0000007"
}
