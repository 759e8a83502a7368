package mapping

// Default returns the mapping of a kind of source that configures none, or nil for an unknown kind. The caller owns it.
//
// Entra's is what a provisioning job of a new application is usually set up with. Okta's takes the values of the app-side profile
// as they are, under the names of Okta's standard SCIM application, because Okta has already applied its own mapping to them; what an
// application's profile doesn't have is null and doesn't flow.
func Default(kind string) []Row {
	switch kind {
	case "entra":
		return []Row{
			{Target: "userName", Source: "[userPrincipalName]", Match: 1, Apply: Always},
			{Target: "active", Source: `Switch([IsSoftDeleted], , "False", "True", "True", "False")`, Apply: Always},
			{Target: "displayName", Source: "[displayName]", Apply: Create},
			{Target: `phoneNumbers[type eq "mobile"].value`, Source: "[mobile]", Apply: Create},
		}
	case "okta":
		return []Row{
			{Target: "userName", Source: "[userName]", Match: 1, Apply: Always},
			{Target: "active", Source: "[active]", Apply: Always},
			{Target: "name.givenName", Source: "[givenName]", Apply: Always},
			{Target: "name.familyName", Source: "[familyName]", Apply: Always},
			{Target: "displayName", Source: "[displayName]", Apply: Always},
			{Target: `emails[type eq "work"].value`, Source: "[email]", Apply: Always},
			{Target: `phoneNumbers[type eq "mobile"].value`, Source: "[mobilePhone]", Apply: Always},
		}
	}
	return nil
}
