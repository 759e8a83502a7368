package entra

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
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
)

const registrations = "Entra admin center > App registrations > the registration"

// fail tells err as a failure of a step, once. The context's own error is returned as it is.
//
// Error() is never called on an error of the SDK's models: on a body without error.message it panics.
func fail(ctx context.Context, s rest.Step, err error) error {
	var told *connectors.Error
	var refused *azidentity.AuthenticationFailedError
	var answered kiotaabs.ApiErrorable
	switch {
	case errors.As(err, &told):
	case errors.Is(err, errNothing):
		s, err = readPeople, &connectors.Error{Kind: connectors.ErrForbidden, Detail: err.Error()}
	case errors.As(err, &refused):
		s, err = signIn, signInFailure(ctx, refused)
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
		return "check the app id: Entra admin center > Enterprise applications > the application > Overview > Application ID"
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
	return rest.Said(status, code, message)
}

// notThere tells Graph's positive "there is no such object" from a 404 of a proxy or a wrong address.
func notThere(err error) bool {
	var failure *connectors.Error
	return errors.As(err, &failure) && failure.Status == http.StatusNotFound && failure.Code == "Request_ResourceNotFound"
}

// signInFailures are the reasons of the token endpoint that an operator meets
// (learn.microsoft.com/entra/identity-platform/reference-error-codes).
var signInFailures = []struct {
	code string
	kind error
	mend string
}{
	{"AADSTS7000215", connectors.ErrUnauthorised, "the client secret is wrong; the secret's value is needed, not its id: " + registrations + " > Certificates & secrets"},
	{"AADSTS7000222", connectors.ErrUnauthorised, "the client secret has expired; make a new one: " + registrations + " > Certificates & secrets"},
	{"AADSTS7000112", connectors.ErrSourceLost, "the application is disabled in the directory; an administrator can enable it: Entra admin center > Enterprise applications > the application > Properties"},
	{"AADSTS700016", connectors.ErrSourceLost, "the application is not in this directory: check client id and tenant id, or let an administrator of the directory consent again"},
	{"AADSTS90002", connectors.ErrMisconfigured, "there is no such directory: check the tenant id and the cloud"},
	{"AADSTS900023", connectors.ErrMisconfigured, "the tenant id is neither a GUID nor a domain name"},
}

// signInFailure tells why no token was given.
func signInFailure(ctx context.Context, refused *azidentity.AuthenticationFailedError) *connectors.Error {
	if refused.RawResponse == nil {
		if seen := rest.TallyOf(ctx).Failure(); seen != nil {
			return seen
		}
		return &connectors.Error{Kind: connectors.ErrUnreachable, Detail: rest.Line(refused.Error())}
	}
	failure := &connectors.Error{Kind: connectors.ErrUnauthorised, Status: refused.RawResponse.StatusCode}
	if failure.Status >= 500 || failure.Status == http.StatusTooManyRequests {
		failure.Kind = rest.KindOf(failure.Status)
	}
	var description string
	if body, err := io.ReadAll(refused.RawResponse.Body); err == nil {
		s := rest.Scan(string(body))
		failure.Code, description, _ = s.Texts("error", "error_description") // what is no JSON has no description
	}
	reason, _, _ := strings.Cut(description, "\n")
	failure.Code, failure.Detail = rest.Line(failure.Code), rest.Line(reason)
	for _, known := range signInFailures {
		if strings.HasPrefix(description, known.code+":") {
			failure.Kind, failure.Mend = known.kind, known.mend
		}
	}
	return failure
}
