package scimapi

// Deviation is one way in which the receiver takes more, or does otherwise, than the RFCs say, because a provider needs it.
type Deviation struct {
	Name   string // also that of its exchange in testdata/dialect
	What   string
	Why    string
	Source string
	Strict string // what a strict source gets instead
}

// Deviations are all of them, as docs/scim-dialects.md lists them. Where a provider's habit leaves the RFCs room, it is none: see there.
var Deviations = []Deviation{
	{
		Name:   "bare-key",
		What:   "A key may come without the word Bearer in front of it, or with it twice.",
		Why:    "Okta's header mode sends what was typed and nothing else; a key that is pasted together with the word gets a second one.",
		Source: "Okta: SCIM integration concepts and requirements; infrahq 3558, sentry-docs 4165",
		Strict: "401, as for no key",
	},
	{
		Name:   "untyped-body",
		What:   "A body may come without Content-Type, or as text/json.",
		Why:    "Requests without one were seen from Okta and from scripts.",
		Source: "field report of an Okta integration; RFC 7644 §3.1 names application/scim+json and application/json",
		Strict: "415",
	},
	{
		Name:   "missing-schemas",
		What:   "schemas is not read: it may be missing, incomplete, or name schemas that nobody knows.",
		Why:    "Okta's PUT may lack it, Entra sends data of extensions that it does not name, a schema of its own with groups, and a misspelt one in a sample.",
		Source: "Infisical 6552; Microsoft: Customize attribute mappings, Develop and plan provisioning for a SCIM endpoint",
		Strict: "400 invalidSyntax unless schemas names the resource's schema and each extension that is used (of messages: the message), and nothing unknown",
	},
	{
		Name:   "unknown-attribute",
		What:   "An attribute that no schema knows is left out and counted; what else the request says is carried out.",
		Why:    "A custom mapping to something we don't keep would otherwise stop every change of that person.",
		Source: "Microsoft: Develop and plan provisioning for a SCIM endpoint (department and manager at the top level)",
		Strict: "400: invalidSyntax in a body, invalidPath in a patch",
	},
	{
		Name:   "text-boolean",
		What:   "Booleans may be text in any letter case: \"True\", \"false\"; in bodies, patches and filters.",
		Why:    "Entra sends active as \"False\" unless a switch in the tenant URL is set, and primary as \"True\".",
		Source: "Microsoft: Known issues and resolutions with SCIM 2.0 protocol compliance; scimmy 86",
		Strict: "400: invalidValue, invalidFilter in a filter",
	},
	{
		Name:   "loose-shape",
		What:   "One value may stand for a list of one, a plain value for an object with a value, and a list of one for an object.",
		Why:    "Entra sends manager as an id, as an object, or as a list with one object.",
		Source: "Microsoft: Develop and plan provisioning for a SCIM endpoint; apache/directory-scimple 1242, SCIM-SDK 686",
		Strict: "400 invalidValue",
	},
	{
		Name:   "several-primaries",
		What:   "Of several values marked as primary the last one is.",
		Why:    "A provider that adds a new primary address and sends the old one with its mark would be refused for good.",
		Source: "RFC 7643 §2.4 allows one; RFC 7644 §3.5.2 has the same rule for patches",
		Strict: "400 invalidValue",
	},
	{
		Name:   "short-path",
		What:   "An extension's attribute may be named without its URN where no attribute of the resource's own has that name.",
		Why:    "Entra patches and filters manager, and posts department, by the short name.",
		Source: "Microsoft: Develop and plan provisioning for a SCIM endpoint",
		Strict: "400: invalidSyntax in a body, invalidPath in a patch, invalidFilter in a filter",
	},
	{
		Name:   "path-names",
		What:   "In a resource, and in the value of a patch operation without path, names may be paths: dotted, with a URN, with a value filter.",
		Why:    "With its switch set, Entra puts several attributes into one operation so: \"name.givenName\", \"urn:…:User:department\".",
		Source: "Microsoft: Known issues and resolutions with SCIM 2.0 protocol compliance; scimitar 123",
		Strict: "400: invalidSyntax in a body, invalidPath in a patch",
	},
	{
		Name:   "op-case",
		What:   "op may be in any letter case.",
		Why:    "Entra sends Add, Replace and Remove.",
		Source: "Microsoft: Develop and plan provisioning for a SCIM endpoint; langwatch 6972",
		Strict: "400 invalidSyntax",
	},
	{
		Name:   "made-element",
		What:   "A replace by a value filter that nothing matches makes the value that the filter describes.",
		Why:    "Entra and Okta replace emails[type eq \"work\"].value although there is no work address yet, and need it to succeed.",
		Source: "SCIM-SDK 416, scim-patch 176, elimity-com/scim 105; RFC 7644 §3.5.2.3",
		Strict: "400 noTarget",
	},
	{
		Name:   "remove-with-value",
		What:   "A remove with values takes away those values only.",
		Why:    "Entra removes one member so. By the RFC the values mean nothing and the path means everyone: groups were emptied by it.",
		Source: "entra-docs 949, azure-docs 30826",
		Strict: "400 invalidSyntax: nothing is emptied by a misunderstanding",
	},
	{
		Name:   "echoed-names",
		What:   "What is readOnly is passed over among the names in the value of a patch operation without path.",
		Why:    "Okta renames a group with {id, displayName}.",
		Source: "Okta: SCIM 2.0 reference",
		Strict: "400 mutability",
	},
	{
		Name:   "bare-word",
		What:   "A value in a filter may stand without quotes.",
		Why:    "Entra's look-up by externalId does, in its documentation and on the wire; the RFC's own examples have one.",
		Source: "Microsoft: Develop and plan provisioning for a SCIM endpoint; langwatch 6973; RFC 7644 §3.4.2.2",
		Strict: "400 invalidFilter",
	},
	{
		Name:   "loose-filter",
		What:   "In a filter, a value filter may lead on to a sub-attribute, and not may do without parentheses.",
		Why:    "Entra matches people by emails[type eq \"work\"].value eq \"x\".",
		Source: "Microsoft: Develop and plan provisioning for a SCIM endpoint",
		Strict: "400 invalidFilter",
	},
	{
		Name:   "plain-email",
		What:   "email in a filter means emails.",
		Why:    "Where Okta's unique field is called email, older set-ups look people up by that name.",
		Source: "okta-blog PR 356; oktadeveloper/okta-scim-beta",
		Strict: "400 invalidFilter",
	},
	{
		Name:   "mangled-value",
		What:   "A look-up that finds nobody is tried once more with what its value was before it was encoded twice, or before a plus sign became a blank.",
		Why:    "Microsoft's web validator encodes twice; a plus sign in an address that is sent raw arrives as a blank.",
		Source: "ssoready, source comment; appsmith 25452",
		Strict: "nobody is found",
	},
}
