package entra

import (
	"net/http"
	"strconv"
	"strings"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

// signInFailures are the reasons of the token endpoint that an operator meets, by their number
// (learn.microsoft.com/entra/identity-platform/reference-error-codes), and what to do about each.
var signInFailures = map[string]struct {
	kind error
	mend string
}{
	"7000215": {connectors.ErrUnauthorised, "the client secret is wrong; the secret's value is needed, not its id: " + secrets},
	"7000222": {connectors.ErrUnauthorised, "the client secret has expired; make a new one and put it where the configuration says: " + secrets},
	"700027":  {connectors.ErrUnauthorised, "the registration does not know the certificate; upload its public part: " + secrets + " > Certificates"},
	"700030":  {connectors.ErrUnauthorised, "the directory allows no certificate of this issuer; use one that it allows: Entra admin center > Enterprise applications > Application policies"},
	"700024":  {connectors.ErrUnauthorised, "the sign-in is dated too early or too late; set this machine's clock, or see that the federated token is renewed before it ends"},
	"70021":   {connectors.ErrUnauthorised, "no federated credential fits the token's issuer, subject and audience; compare them, letter by letter: " + federated},
	"700211":  {connectors.ErrUnauthorised, "no federated credential has the token's issuer; compare them, to the last slash: " + federated},
	"700212":  {connectors.ErrUnauthorised, "no federated credential has the token's audience, which usually is api://AzureADTokenExchange: " + federated},
	"700213":  {connectors.ErrUnauthorised, "no federated credential has the token's subject; compare them, letter by letter: " + federated},
	"700021":  {connectors.ErrUnauthorised, "the federated token is of another application: check the client id and the federated token"},
	"700023":  {connectors.ErrUnauthorised, "what the sign-in was made for is not this service: check the cloud and the login URL"},
	"50027":   {connectors.ErrUnauthorised, "the federated token cannot be read; see that the file holds a token of the platform, and nothing else"},
	"53003":   {connectors.ErrUnauthorised, "a Conditional Access policy for workload identities blocks the application from here; allow this machine's address: Entra admin center > Protection > Conditional Access > Policies"},

	"700016":  {connectors.ErrSourceLost, "the application is not in this directory: check client id and tenant id, or let an administrator of the directory consent again: " + consent},
	"7000229": {connectors.ErrSourceLost, "the application has no enterprise application in this directory; an administrator has to consent: " + consent},
	"65001":   {connectors.ErrSourceLost, "nobody has consented to the application in this directory; an administrator has to: " + consent},
	"7000112": {connectors.ErrSourceLost, "the application is disabled in the directory; an administrator can enable it: " + enterprise + " > Properties > Enabled for users to sign in"},
	"5000225": {connectors.ErrSourceLost, "the directory is blocked for want of use; its administrators have to bring it back with Microsoft's support"},

	"90002":  {connectors.ErrMisconfigured, "there is no such directory in this cloud: check the tenant id and the cloud: Entra admin center > Overview > Tenant ID"},
	"900023": {connectors.ErrMisconfigured, "the tenant id is neither a GUID nor a domain name: Entra admin center > Overview > Tenant ID"},
	"90038":  {connectors.ErrMisconfigured, "the directory is in another national cloud: set cloud to that one"},
	"900382": {connectors.ErrMisconfigured, "the directory is in another national cloud: set cloud to that one"},
	"500011": {connectors.ErrMisconfigured, "the directory does not know this Graph: check the cloud and the Graph URL"},

	"50196": {connectors.ErrThrottled, ""},   // the same request too often
	"90033": {connectors.ErrUnreachable, ""}, // temporarily unavailable
}

const (
	secrets   = registrations + " > Certificates & secrets"
	federated = secrets + " > Federated credentials"
	consent   = enterprise + " > Permissions > Grant admin consent"
)

// explainSignIn reads the token endpoint's error body (RFC 6749 §5.2). Its description begins with the number of the reason.
func explainSignIn(status int, _ http.Header, body []byte) *connectors.Error {
	s := rest.Scan(string(body))
	code, description, err := s.Texts("error", "error_description")
	if err != nil || code == "" {
		return rest.Said(status, "", "")
	}
	reason, _, _ := strings.Cut(description, "\n")
	number, said := strings.CutPrefix(reason, "AADSTS")
	failure := &connectors.Error{Kind: rest.KindOf(status), Code: rest.Line(code), Detail: rest.Line(reason)}
	if status >= 400 && status <= 499 && status != http.StatusTooManyRequests && said {
		failure.Kind = connectors.ErrUnauthorised
	}
	number, _, _ = strings.Cut(number, ":")
	if _, err := strconv.ParseUint(number, 10, 32); said && err == nil {
		failure.Code = "AADSTS" + number
	}
	if known, ok := signInFailures[number]; said && ok {
		failure.Kind, failure.Mend = known.kind, known.mend
	}
	return failure
}

// explainIdentity tells why the machine's own identity service gives no token
// (learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token, error handling).
func explainIdentity(status int, header http.Header, body []byte) *connectors.Error {
	failure := explainSignIn(status, header, body)
	switch status {
	case http.StatusBadRequest:
		failure.Kind = connectors.ErrMisconfigured
		failure.Mend = "this machine has no such managed identity; turn it on, or add the user-assigned one: Azure portal > the machine > Security > Identity"
	case http.StatusForbidden:
		failure.Kind = connectors.ErrMisconfigured
		failure.Mend = "what answers here is not the identity service of Azure: use managed_identity only on a machine in Azure"
	case http.StatusNotFound, http.StatusGone:
		failure.Kind = connectors.ErrUnreachable // it is being brought up to date
	}
	return failure
}
