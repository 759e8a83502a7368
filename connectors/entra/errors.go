package entra

import (
	"context"
	"errors"
	"net/http"

	kiotaabs "github.com/microsoft/kiota-abstractions-go"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

// What is asked of Graph, and the least application permission that it takes (the permission tables of learn.microsoft.com/graph/api).
var (
	signIn           = rest.Step{What: "sign in", Permission: ""}
	findApplication  = rest.Step{What: "find the enterprise application", Permission: "Application.Read.All"}
	listAssignments  = rest.Step{What: "list who is assigned", Permission: "Application.Read.All"}
	readGroupMembers = rest.Step{What: "read the members of an assigned group", Permission: "GroupMember.Read.All"}
	readPeople       = rest.Step{What: "read people", Permission: "User.Read.All"}
	readRecycleBin   = rest.Step{What: "read the recycle bin", Permission: "User.Read.All"}
	readHidden       = rest.Step{What: "read the members of groups that hide them", Permission: "Member.Read.Hidden"}
)

// Screens where an operator mends things.
const (
	registrations = "Entra admin center > App registrations > the registration"
	enterprise    = "Entra admin center > Enterprise applications > the application"
)

// fail tells err as a failure of a step, once, or of the sign-in that it needed. The context's own error is returned as it is.
//
// Error() is never called on an error of the SDK's models: on a body without error.message it panics.
func fail(ctx context.Context, s rest.Step, err error) error {
	var told *connectors.Error
	var answered kiotaabs.ApiErrorable
	switch {
	case errors.As(err, &told):
		if told.Op == signIn.What {
			s = signIn
		}
	case errors.Is(err, errNothing):
		s, err = readPeople, &connectors.Error{Kind: connectors.ErrForbidden, Detail: err.Error()}
	case errors.As(err, &answered):
		status := answered.GetStatusCode()
		err = &connectors.Error{Kind: rest.KindOf(status), Status: status}
	}
	return s.Fail(ctx, err, mend)
}

func mend(s rest.Step, failure *connectors.Error) string {
	switch {
	case errors.Is(failure, connectors.ErrForbidden) && s.Permission != "":
		return "add the application permission " + s.Permission + " for Microsoft Graph and grant admin consent: " + registrations + " > API permissions"
	case errors.Is(failure, connectors.ErrUnauthorised) && s != signIn:
		return "the token was not accepted: check that tenant, cloud and Graph URL belong together"
	case errors.Is(failure, connectors.ErrSourceLost) && s == findApplication:
		return "check the app id: " + enterprise + " > Overview > Application ID"
	}
	return ""
}

// explain reads Graph's error body (learn.microsoft.com/graph/errors).
func explain(status int, _ http.Header, body []byte) *connectors.Error {
	var code, message string
	s := rest.Scan(string(body))
	err := s.Object(func(name string) (err error) {
		if name != "error" {
			return s.Skip()
		}
		code, message, err = s.Texts("code", "message")
		return err
	})
	if err != nil {
		code = ""
	}
	failure := rest.Said(status, code, message)
	if code == "TooManyRequests" { // some of Graph's services say 403 with it
		failure.Kind = connectors.ErrThrottled
	}
	return failure
}

// notThere tells Graph's positive "there is no such object" from a 404 of a proxy or a wrong address.
func notThere(err error) bool {
	var failure *connectors.Error
	return errors.As(err, &failure) && failure.Status == http.StatusNotFound && failure.Code == "Request_ResourceNotFound"
}
