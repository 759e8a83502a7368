package scim

// userSchema is the core User of RFC 7643 §4.1. Descriptions are ours.
var userSchema = &Schema{
	ID: UserURN, Name: "User", Description: "An account of a person.",
	Attributes: []Attribute{
		{Name: "userName", Required: true, Uniqueness: UniqueServer,
			Description: "The name by which the person signs in, unique among the accounts of one source. Letter case does not count."},
		{Name: "name", Type: DataComplex, Description: "The parts of the person's name.", Sub: []Attribute{
			{Name: "formatted", Description: "The full name, with titles and suffixes, ready for display."},
			{Name: "familyName", Description: "The family name, or last name."},
			{Name: "givenName", Description: "The given name, or first name."},
			{Name: "middleName", Description: "The middle names."},
			{Name: "honorificPrefix", Description: "Titles before the name, such as Dr."},
			{Name: "honorificSuffix", Description: "Suffixes after the name, such as III."},
		}},
		{Name: "displayName", Description: "The name to show for the person."},
		{Name: "nickName", Description: "The casual name by which the person goes."},
		{Name: "profileUrl", Type: DataReference, ReferenceTypes: []string{"external"}, Description: "The address of the person's profile page."},
		{Name: "title", Description: "The person's title at work, such as Vice President."},
		{Name: "userType", Description: "How the person belongs to the organization, such as Employee or Contractor."},
		{Name: "preferredLanguage", Description: "The languages the person prefers, written as in the HTTP header Accept-Language."},
		{Name: "locale", Description: "The person's locale, such as en-US, for currency, dates and numbers."},
		{Name: "timezone", Description: "The person's time zone by its IANA name, such as Europe/Vienna."},
		{Name: "active", Type: DataBoolean, Description: "Whether the account may be used. False deactivates it and keeps all that belongs to it."},
		{Name: "password", Mutability: WriteOnly, Returned: ReturnedNever, CaseExact: true, Description: "Accepted, never kept and never returned."},
		{Name: "emails", Type: DataComplex, MultiValued: true, Description: "E-mail addresses.",
			Sub: typedValue(Attribute{Description: "An e-mail address."}, "work", "home", "other")},
		{Name: "phoneNumbers", Type: DataComplex, MultiValued: true, Description: "Phone numbers, kept as they are written.",
			Sub: typedValue(Attribute{Description: "A phone number."}, "work", "home", "mobile", "fax", "pager", "other")},
		{Name: "ims", Type: DataComplex, MultiValued: true, Description: "Instant messaging addresses.",
			Sub: typedValue(Attribute{Description: "An instant messaging address."}, "aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo")},
		{Name: "photos", Type: DataComplex, MultiValued: true, Description: "Addresses of pictures of the person.",
			Sub: typedValue(Attribute{Type: DataReference, ReferenceTypes: []string{"external"}, Description: "The address of a picture."}, "photo", "thumbnail")},
		{Name: "addresses", Type: DataComplex, MultiValued: true, Description: "Postal addresses.", Sub: []Attribute{
			{Name: "formatted", Description: "The whole address, ready for display or a label; it may have line breaks."},
			{Name: "streetAddress", Description: "Street, house number, and what else stands above the town; it may have line breaks."},
			{Name: "locality", Description: "The city or town."},
			{Name: "region", Description: "The state or region."},
			{Name: "postalCode", Description: "The postal code."},
			{Name: "country", Description: "The country, by its ISO 3166-1 alpha-2 code where the client keeps to the standard."},
			{Name: "type", CanonicalValues: []string{"work", "home", "other"}, Description: "What the address is for."},
			{Name: "primary", Type: DataBoolean, Description: "Whether this is the preferred one. At most one is."},
		}},
		{Name: "groups", Type: DataComplex, MultiValued: true, Mutability: ReadOnly, Description: "The groups the account is in. They are changed at the group.", Sub: []Attribute{
			{Name: "value", CaseExact: true, Mutability: ReadOnly, Description: "The group's id."},
			{Name: "$ref", Type: DataReference, Mutability: ReadOnly, ReferenceTypes: []string{"User", "Group"}, Description: "The group's address."},
			{Name: "display", Mutability: ReadOnly, Description: "The group's displayName."},
			{Name: "type", Mutability: ReadOnly, CanonicalValues: []string{"direct", "indirect"}, Description: "Whether the membership is the account's own or that of a group it is in."},
		}},
		{Name: "entitlements", Type: DataComplex, MultiValued: true, Description: "Things the person is entitled to.", Sub: typedValue(Attribute{Description: "An entitlement."})},
		{Name: "roles", Type: DataComplex, MultiValued: true, Description: "Roles of the person.", Sub: typedValue(Attribute{Description: "A role."})},
		{Name: "x509Certificates", Type: DataComplex, MultiValued: true, Description: "Certificates of the person.",
			Sub: typedValue(Attribute{Type: DataBinary, Description: "A certificate, DER in base64."})},
	},
}

// typedValue is the usual set of sub-attributes of a multi-valued attribute (RFC 7643 §2.4).
func typedValue(value Attribute, types ...string) []Attribute {
	value.Name = "value"
	return []Attribute{
		value,
		{Name: "display", Description: "The value as it is to be shown."},
		{Name: "type", CanonicalValues: types, Description: "What the value is for."},
		{Name: "primary", Type: DataBoolean, Description: "Whether this is the preferred one. At most one is."},
	}
}

// enterpriseSchema is the extension of RFC 7643 §4.3.
var enterpriseSchema = &Schema{
	ID: EnterpriseURN, Name: "EnterpriseUser", Description: "What an organization knows about those who work for it.",
	Attributes: []Attribute{
		{Name: "employeeNumber", Description: "The organization's number or text for the person."},
		{Name: "costCenter", Description: "The cost center."},
		{Name: "organization", Description: "The organization."},
		{Name: "division", Description: "The division."},
		{Name: "department", Description: "The department."},
		{Name: "manager", Type: DataComplex, Description: "The person's manager.", Sub: []Attribute{
			{Name: "value", CaseExact: true, Description: "The id of the manager's account."},
			{Name: "$ref", Type: DataReference, ReferenceTypes: []string{"User"}, derived: true, Description: "The address of the manager's account."},
			{Name: "displayName", Mutability: ReadOnly, Description: "The manager's displayName."},
		}},
	},
}

// groupSchema is the Group of RFC 7643 §4.2. A member is kept by its value alone.
var groupSchema = &Schema{
	ID: GroupURN, Name: "Group", Description: "A group of accounts and groups.",
	Attributes: []Attribute{
		{Name: "displayName", Required: true, Uniqueness: UniqueServer, Description: "The name to show for the group, unique among the groups of one source. Letter case does not count."},
		{Name: "members", Type: DataComplex, MultiValued: true, Description: "Who is in the group. A member is added or removed as a whole.", Sub: []Attribute{
			{Name: "value", CaseExact: true, Mutability: Immutable, Description: "The member's id."},
			{Name: "$ref", Type: DataReference, Mutability: Immutable, ReferenceTypes: []string{"User", "Group"}, derived: true, Description: "The member's address."},
			{Name: "type", Mutability: Immutable, CanonicalValues: []string{"User", "Group"}, derived: true, Description: "The name of the member's resource type."},
			{Name: "display", Mutability: Immutable, derived: true, Description: "The member's displayName."},
		}},
	},
}
