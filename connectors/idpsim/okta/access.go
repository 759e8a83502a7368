package okta

import (
	"net/http"
	"slices"
	"strings"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/internal/wire"
)

// scopesOf are what a service application needs to be granted for a path below /api/v1.
func scopesOf(at []string) []string {
	switch {
	case len(at) > 2 && at[2] == "group-push":
		return []string{"okta.apps.read", "okta.groups.read"}
	case at[0] == "mappings":
		return []string{"okta.profileMappings.read"}
	case at[0] == "meta":
		return []string{"okta.schemas.read"}
	case at[0] == "org":
		return []string{"okta.orgs.read"}
	}
	return []string{"okta." + at[0] + ".read"}
}

// admit says whether the caller may ask for a path. Otherwise the answer has been given.
func (a *API) admit(w http.ResponseWriter, r *http.Request, at []string) bool {
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch kind {
	case "SSWS":
		return a.admitToken(w, token)
	case "Bearer":
		return a.admitService(w, r, token, at)
	}
	fail(w, http.StatusUnauthorized, "E0000011", "Invalid token provided")
	return false
}

// admitToken takes an API token, which may do what the administrator may who made it.
func (a *API) admitToken(w http.ResponseWriter, token string) bool {
	revoked := false
	a.population.Read(func(v *idpsim.View) { revoked = v.APITokenRevoked() })
	if token == "" || revoked || a.options.Token != "" && token != a.options.Token {
		fail(w, http.StatusUnauthorized, "E0000011", "Invalid token provided")
		return false
	}
	return true
}

// admitService takes the token of a service application: issued, not expired, with the scopes that the path needs, and with an admin
// role behind it.
func (a *API) admitService(w http.ResponseWriter, r *http.Request, token string, at []string) bool {
	a.mu.Lock()
	known, ok := a.tokens[token]
	a.mu.Unlock()
	round, role := 0, false
	a.population.Read(func(v *idpsim.View) { round, role = v.Revocations(), v.Scoped(idpsim.AdminRole) })
	needed := scopesOf(at)
	lacks := slices.ContainsFunc(needed, func(scope string) bool { return !slices.Contains(known.scopes, scope) })
	switch {
	case !ok || known.round != round || !a.now().Before(known.expires):
		challenge(w, r, needed, "invalid_token", "The access token is invalid.")
		fail(w, http.StatusUnauthorized, "E0000011", "Invalid token provided")
	case lacks:
		challenge(w, r, needed, "insufficient_scope", "The access token provided does not contain the required scopes.")
		w.WriteHeader(http.StatusForbidden) // without a word in the body
	case !role:
		forbidden(w)
	default:
		return true
	}
	return false
}

// challenge says in the header what was wrong with a bearer token (RFC 6750 §3).
func challenge(w http.ResponseWriter, r *http.Request, scopes []string, code, description string) {
	base := wire.Base(r)
	w.Header().Set("WWW-Authenticate", `Bearer authorization_uri="`+base+`/oauth2/v1/authorize", realm="`+base+`", scope="`+strings.Join(scopes, " ")+
		`", error="`+code+`", error_description="`+description+`", resource="`+r.URL.Path+`"`)
}

func forbidden(w http.ResponseWriter) {
	fail(w, http.StatusForbidden, "E0000006", "You do not have permission to perform the requested action")
}
