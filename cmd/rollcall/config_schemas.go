package main

import (
	"regexp"
	"strings"

	"rollcall/scimapi"
	"rollcall/state/scim"
)

// schemaConfig is an extension that the configuration declares (RFC 7643 §3.3, §7). It holds for every source.
type schemaConfig struct {
	scim.Schema
	Extends string // extendsUser or extendsGroup
}

const (
	extendsUser  = "user"
	extendsGroup = "group"
)

func schemaShape(s *schemaConfig) shape {
	s.Extends = extendsUser
	return object(
		field{name: "id", doc: "give it a URN of its own, such as urn:acme:scim:schemas:extension:2.0:User", is: text(&s.ID, extensionURN), required: true},
		field{name: "name", doc: "give it a short name, such as AcmeUser", is: text(&s.Name, filled), required: true},
		field{name: "description", doc: "what it is for", is: text(&s.Description)},
		field{name: "extends", doc: "what has these attributes: user or group", is: word(&s.Extends, extendsUser, extendsGroup)},
		field{name: "attributes", doc: "list the attributes, each with a name", is: list(&s.Attributes, attributeShape), required: true},
	)
}

// attributeShape is an attribute of the schema, with sub-attributes if it is complex.
func attributeShape(a *scim.Attribute) shape {
	return object(append(attributeFields(a, scim.DataComplex),
		field{name: "sub", doc: "attributes of a complex one", is: list(&a.Sub, func(sub *scim.Attribute) shape { return object(attributeFields(sub)...) })},
	)...)
}

// attributeFields are those of every attribute; types are allowed beside the plain ones.
func attributeFields(a *scim.Attribute, types ...scim.DataType) []field {
	a.Type, a.Returned = scim.DataString, scim.ReturnedDefault
	var allowed []string
	for _, t := range append([]scim.DataType{
		scim.DataString, scim.DataBoolean, scim.DataInteger, scim.DataDecimal, scim.DataDateTime, scim.DataReference, scim.DataBinary,
	}, types...) {
		allowed = append(allowed, string(t))
	}
	plain := func(s *string) shape { return text(s, filled) }
	return []field{
		{name: "name", doc: "give the attribute a name, such as badgeNumber", is: text(&a.Name, attributeName), required: true},
		{name: "type", doc: "string unless said otherwise", is: word((*string)(&a.Type), allowed...)},
		{name: "description", doc: "what it says", is: text(&a.Description)},
		{name: "multi_valued", doc: "whether there may be several values", is: boolean(&a.MultiValued)},
		{name: "required", doc: "whether a resource without it is refused", is: boolean(&a.Required)},
		{name: "case_exact", doc: "whether letter case counts in comparisons", is: boolean(&a.CaseExact)},
		{name: "returned", doc: "when it is shown: unless it is left out (default), always, on request only, never",
			is: word((*string)(&a.Returned), string(scim.ReturnedDefault), string(scim.ReturnedAlways), string(scim.ReturnedRequest), string(scim.ReturnedNever))},
		{name: "canonical_values", doc: "values that clients should use; others are taken as well", is: list(&a.CanonicalValues, plain)},
		{name: "reference_types", doc: "of a reference: User, Group, external or uri", is: list(&a.ReferenceTypes, plain)},
	}
}

var urnPattern = regexp.MustCompile(`^(?i:urn):[A-Za-z0-9][A-Za-z0-9-]{0,31}:[A-Za-z0-9._~:-]+$`)

// extensionURN is the id of a schema: a URN (RFC 8141) that stands undisturbed in paths and filters.
func extensionURN(s string) objection {
	if !urnPattern.MatchString(s) {
		return objection{"is not a URN", "write one of your own, such as urn:acme:scim:schemas:extension:2.0:User"}
	}
	if strings.HasPrefix(strings.ToLower(s), "urn:ietf:params:scim:") {
		return objection{"is among the URNs of the RFCs", "write one of your own, such as urn:acme:scim:schemas:extension:2.0:User"}
	}
	return objection{}
}

var attributeNamePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

// attributeName is RFC 7643 §2.1's.
func attributeName(s string) objection {
	if !attributeNamePattern.MatchString(s) {
		return objection{"is not a name for an attribute", "write a letter, then letters, digits, - and _"}
	}
	return objection{}
}

// compileSchemas makes the resource types that all sources have, and adds the faults of schemas that cannot be.
func (c *config) compileSchemas(d *document) {
	before := len(d.faults)
	urns := map[string]bool{}
	byType := map[string][]*scim.Schema{}
	for i := range c.Schemas {
		s := &c.Schemas[i]
		at := itemPath("schemas", i)
		if id := strings.ToLower(s.ID); id != "" && urns[id] {
			d.fault(join(at, "id"), "is the URN of another schema", "give each its own")
		} else {
			urns[id] = true
		}
		if d.given(join(at, "attributes")) && len(s.Attributes) == 0 {
			d.fault(join(at, "attributes"), "is empty", "list the attributes, or take the schema out")
		}
		d.checkAttributes(join(at, "attributes"), s.Attributes)
		byType[s.Extends] = append(byType[s.Extends], &s.Schema)
	}
	if len(c.Schemas) == 0 || len(d.faults) > before {
		return
	}
	var err error
	if c.Types, err = scimapi.NewTypes(byType[extendsUser], byType[extendsGroup]); err != nil {
		d.fault("schemas", err.Error(), "")
		return
	}
	if c.Users, err = scim.UserType().With(byType[extendsUser]...); err != nil {
		d.fault("schemas", err.Error(), "")
	}
}

// checkAttributes adds the faults that lie between the settings of attributes, and those between attributes.
func (d *document) checkAttributes(list string, attributes []scim.Attribute) {
	seen := map[string]bool{}
	for i := range attributes {
		a, at := &attributes[i], itemPath(list, i)
		switch name := strings.ToLower(a.Name); {
		case name != "" && seen[name]:
			d.fault(join(at, "name"), "is the name of another attribute; letter case does not count", "give each its own")
		default:
			seen[name] = true
		}
		switch {
		case a.Type == scim.DataComplex && len(a.Sub) == 0:
			d.fault(join(at, "sub"), "is missing: a complex attribute is made of others", "list them, or choose another type")
		case a.Type != scim.DataComplex && len(a.Sub) > 0:
			d.fault(join(at, "sub"), "belongs to complex attributes alone, and this is a "+string(a.Type), "say type: complex, or take it out")
		}
		if a.Type != scim.DataReference && d.given(join(at, "reference_types")) {
			d.fault(join(at, "reference_types"), "would be ignored: this is a "+string(a.Type), "say type: reference, or take it out")
		}
		d.checkAttributes(join(at, "sub"), a.Sub)
	}
}

// declares returns the declared schema that a mapping's target lies in; nil if it is none's.
func (c *config) declares(target string) *schemaConfig {
	for i := range c.Schemas {
		if s := &c.Schemas[i]; s.ID != "" && len(target) >= len(s.ID) && strings.EqualFold(target[:len(s.ID)], s.ID) {
			return s
		}
	}
	return nil
}
