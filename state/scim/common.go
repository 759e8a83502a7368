package scim

// URNs of the schemas that every resource type here is made of (RFC 7643 §8.7).
const (
	UserURN       = "urn:ietf:params:scim:schemas:core:2.0:User"
	GroupURN      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	EnterpriseURN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
)

// common are the attributes that every resource has and no schema lists (RFC 7643 §3, §3.1).
var common = mustComplete([]Attribute{
	{Name: "schemas", MultiValued: true, Required: true, Mutability: ReadOnly, Returned: ReturnedAlways,
		Description: "The URNs of the schemas whose attributes the resource has."},
	{Name: "id", Required: true, CaseExact: true, Mutability: ReadOnly, Returned: ReturnedAlways, Uniqueness: UniqueServer,
		Description: "The resource's identifier here, given at its creation and never changed."},
	{Name: "externalId", CaseExact: true,
		Description: "The resource's identifier at the client."},
	{Name: "meta", Type: DataComplex, Mutability: ReadOnly, Description: "What is recorded about the resource itself.", Sub: []Attribute{
		{Name: "resourceType", CaseExact: true, Mutability: ReadOnly, Description: "The name of the resource's type."},
		{Name: "created", Type: DataDateTime, Mutability: ReadOnly, Description: "When the resource was created."},
		{Name: "lastModified", Type: DataDateTime, Mutability: ReadOnly, Description: "When the resource last changed."},
		{Name: "location", Type: DataReference, Mutability: ReadOnly, ReferenceTypes: []string{"uri"}, Description: "The resource's address."},
		{Name: "version", CaseExact: true, Mutability: ReadOnly, Description: "The resource's version, equal to its entity tag."},
	}},
})

func mustComplete(attributes []Attribute) []Attribute {
	made, err := completeAll(attributes, false)
	if err != nil {
		panic(err) // a constant of this package is faulty
	}
	return made
}

func mustResourceType(name, endpoint string, core *Schema, extensions ...*Schema) *ResourceType {
	rt, err := NewResourceType(name, endpoint, core, extensions...)
	if err != nil {
		panic(err) // a constant of this package is faulty
	}
	return rt
}

var (
	userType  = mustResourceType("User", "/Users", userSchema, enterpriseSchema)
	groupType = mustResourceType("Group", "/Groups", groupSchema)
)

// UserType and GroupType are the resource types of RFC 7643 §4 and §8.7: User with the enterprise extension, and Group. They
// are the same at every call; With adds extensions to them.
func UserType() *ResourceType  { return userType }
func GroupType() *ResourceType { return groupType }
