package okta

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

var (
	findApplication  = rest.Step{What: "find the application", Permission: "okta.apps.read"}
	listAppUsers     = rest.Step{What: "list who is assigned", Permission: "okta.apps.read"}
	readPeople       = rest.Step{What: "read people", Permission: "okta.users.read"}
	listGroups       = rest.Step{What: "list the groups that are assigned", Permission: "okta.apps.read"}
	readGroups       = rest.Step{What: "read groups and their members", Permission: "okta.groups.read"}
	readProvisioning = rest.Step{What: "read how provisioning is set up", Permission: "okta.apps.read"}
	listPushes       = rest.Step{What: "list which groups are pushed", Permission: "okta.groups.read"}
	readMappings     = rest.Step{What: "read the attribute mappings", Permission: "okta.profileMappings.read"}
	readSchema       = rest.Step{What: "read where the application's attributes go", Permission: "okta.schemas.read"}
	readLog          = rest.Step{What: "read the System Log", Permission: "okta.logs.read"}
)

// fail tells err as a failure of a step, once. The context's own error is returned as it is.
func (c *Connector) fail(ctx context.Context, s rest.Step, err error) error {
	return s.Fail(ctx, err, c.mend)
}

func (c *Connector) mend(s rest.Step, failure *connectors.Error) string {
	switch {
	case failure.Code == ungranted:
		return grant(s.Permission)
	case errors.Is(failure, connectors.ErrForbidden) && c.serviceApp:
		return "the service app's administrator role does not reach this: give it one with " + s.Permission + ", such as Read-Only Administrator: " + serviceAppPage + " > Admin roles"
	case errors.Is(failure, connectors.ErrForbidden):
		return "the token's administrator lacks " + s.Permission + "; a role such as Read-Only Administrator has it: Okta admin console > Security > Administrators"
	case errors.Is(failure, connectors.ErrUnauthorised) && c.serviceApp:
		return "check that the service app is active and may still use its key: " + serviceAppPage + " > General > Client Credentials"
	case errors.Is(failure, connectors.ErrUnauthorised):
		return "make a new API token; one dies with the administrator who made it and after 30 days without use: Okta admin console > Security > API > Tokens"
	case failure.Status == http.StatusNotFound && failure.Code != "":
		return "Okta does not offer this for the application, or not to these credentials"
	case errors.Is(failure, connectors.ErrSourceLost):
		return "check the app id and that the application is active: Okta admin console > Applications > Applications"
	}
	return ""
}

// ungranted is how a call is refused whose access token lacks a scope (RFC 6750 §3.1). Okta tells it in a header alone.
const ungranted = "insufficient_scope"

// explain reads Okta's error body (developer.okta.com/docs/reference/error-codes).
func explain(status int, header http.Header, body []byte) *connectors.Error {
	code, summary := errorOf(body, "errorCode", "errorSummary")
	if code == "" && strings.Contains(header.Get("WWW-Authenticate"), `error="`+ungranted+`"`) {
		code, summary = ungranted, "the access token lacks a scope"
	}
	return rest.Said(status, code, summary)
}

// errorOf reads the code of an error, and what it says. Without a code the body is not Okta's own.
func errorOf(body []byte, codeName, textName string) (code, text string) {
	s := rest.Scan(string(body))
	code, text, err := s.Texts(codeName, textName)
	if err != nil {
		return "", ""
	}
	return code, text
}

// notThere tells Okta's positive "there is no such object" (E0000007) from a 404 of a proxy or a wrong address.
func notThere(err error) bool {
	var failure *connectors.Error
	return errors.As(err, &failure) && failure.Status == http.StatusNotFound && failure.Code == "E0000007"
}

// withheld tells an answer that may not be read, or is not there, from one that could not be read.
func withheld(err error) bool {
	var failure *connectors.Error
	return errors.As(err, &failure) && (errors.Is(failure, connectors.ErrForbidden) || failure.Status == http.StatusNotFound)
}

// unscoped tells whether a service app lacks a scope: for the call, or already for the token.
func unscoped(err error) bool {
	var failure *connectors.Error
	return errors.As(err, &failure) && (failure.Code == ungranted || unscopedToken[failure.Code])
}

// refusedAs tells whether Okta refused a request itself, with a status.
func refusedAs(err error, status int) bool {
	var failure *connectors.Error
	return errors.As(err, &failure) && failure.Status == status && failure.Code != ""
}
