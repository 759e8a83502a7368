package login

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// refusal is one of the service's errors.
type refusal struct {
	status int
	code   string // of OAuth
	number int    // AADSTS…
	text   string // %s is filled in
}

// The service's errors, by what leads to them.
var (
	badGrant     = refusal{http.StatusBadRequest, "unsupported_grant_type", 70003, "The app requested an unsupported grant type."}
	noTenant     = refusal{http.StatusBadRequest, "invalid_request", 90002, "Tenant '%s' not found. Check to make sure you have the correct tenant ID."}
	noClient     = refusal{http.StatusBadRequest, "unauthorized_client", 700016, "Application with identifier '%s' was not found in the directory."}
	noScope      = refusal{http.StatusBadRequest, "invalid_request", 90014, "The required field 'scope' is missing from the credential."}
	badScope     = refusal{http.StatusBadRequest, "invalid_scope", 1002012, "The provided value for scope %s is not valid: client credentials want one that ends in /.default."}
	noProof      = refusal{http.StatusUnauthorized, "invalid_client", 7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."}
	badSecret    = refusal{http.StatusUnauthorized, "invalid_client", 7000215, "Invalid client secret provided. Ensure the secret being sent is the client secret value, not the client secret ID."}
	oldSecret    = refusal{http.StatusUnauthorized, "invalid_client", 7000222, "The provided client secret keys for app are expired."}
	badJWT       = refusal{http.StatusUnauthorized, "invalid_client", 50027, "JWT token is invalid or malformed: %s."}
	noKey        = refusal{http.StatusUnauthorized, "invalid_client", 700027, "The certificate used to sign the client assertion is not registered on the application, or its signature is invalid. [Reason - %s.]"}
	badAudience  = refusal{http.StatusUnauthorized, "invalid_client", 700023, "Client assertion audience claim does not match Realm issuer. Presented: '%s'."}
	badTime      = refusal{http.StatusUnauthorized, "invalid_client", 700024, "Client assertion is not within its valid time range."}
	badIssuer    = refusal{http.StatusUnauthorized, "invalid_client", 700021, "Client assertion application identifier doesn't match 'client_id' parameter."}
	noFederation = refusal{http.StatusUnauthorized, "invalid_client", 70021, "No matching federated identity record found for presented assertion. %s"}
	noConsent    = refusal{http.StatusBadRequest, "invalid_grant", 65001, "The user or administrator has not consented to use the application."}
	blocked      = refusal{http.StatusBadRequest, "invalid_grant", 53003, "Access has been blocked by Conditional Access policies."}
	disabled     = refusal{http.StatusBadRequest, "unauthorized_client", 7000112, "The application is disabled."}
	noPrincipal  = refusal{http.StatusBadRequest, "invalid_client", 7000229, "The client application is missing service principal in the tenant."}
	tooBusy      = refusal{http.StatusServiceUnavailable, "temporarily_unavailable", 90033, "A transient error has occurred. Please try again."}
)

var refusals = []refusal{badGrant, noTenant, noClient, noScope, badScope, noProof, badSecret, oldSecret, badJWT, noKey, badAudience, badTime,
	badIssuer, noFederation, noConsent, blocked, disabled, noPrincipal, tooBusy}

// because fills in what a refusal is about.
func because(r refusal, what string) *refusal {
	r.text = fmt.Sprintf(r.text, what)
	return &r
}

// numbered is the refusal with an AADSTS number; one that is not known here is a bad request.
func numbered(number string) *refusal {
	n, _ := strconv.Atoi(number)
	for _, r := range refusals {
		if r.number == n {
			r.text = strings.ReplaceAll(r.text, "%s", "-")
			return &r
		}
	}
	return &refusal{http.StatusBadRequest, "invalid_request", n, "The request was refused."}
}

// traceID stands in every refusal; it is the same always, as answers are to be repeatable.
const traceID = "b7d3e5a0-4c1f-4a8e-9f26-0d5b8c7a6e00"

func (s *Server) refuse(w http.ResponseWriter, r refusal) {
	now := s.options.Now().UTC().Format("2006-01-02 15:04:05Z")
	answer(w, r.status, map[string]any{
		"error":             r.code,
		"error_description": fmt.Sprintf("AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s", r.number, r.text, traceID, traceID, now),
		"error_codes":       []int{r.number}, "timestamp": now, "trace_id": traceID, "correlation_id": traceID,
		"error_uri": fmt.Sprintf("https://login.microsoftonline.com/error?code=%d", r.number),
	})
}
