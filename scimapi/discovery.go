package scimapi

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"rollcall/state/scim"
)

// What the service says of itself (RFC 7644 §4, RFC 7643 §5–§7). Nothing is null here: Entra cannot read nulls in schemas.

const (
	configSchema       = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
	schemaSchema       = "urn:ietf:params:scim:schemas:core:2.0:Schema"
	resourceTypeSchema = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
)

// discovers refuses filters, as RFC 7644 §4 asks; all other parameters are ignored there.
func (c *call) discovers() error {
	asked, err := parseQuery(c.r.URL.RawQuery)
	if err == nil && asked.filtered {
		return errDiscoveryFilter
	}
	return err
}

func (h *Handler) serviceProviderConfig(c *call) error {
	if err := c.discovers(); err != nil {
		return err
	}
	l := &h.limits
	c.answer(http.StatusOK)
	c.out = fmt.Appendf(c.out, `{"schemas":["%s"],"patch":{"supported":true},"bulk":{"supported":true,"maxOperations":%d,"maxPayloadSize":%d},`+
		`"filter":{"supported":true,"maxResults":%d},"changePassword":{"supported":false},"sort":{"supported":true},"etag":{"supported":true},`+
		`"pagination":{"cursor":true,"index":true,"defaultPaginationMethod":"index","defaultPageSize":%d,"maxPageSize":%d,"cursorTimeout":%d},`,
		configSchema, l.Bulk, l.Body, l.MaxPage, l.Page, l.MaxPage, int(l.CursorLife.Seconds()))
	c.out = append(c.out, `"authenticationSchemes":[{"type":"oauthbearertoken","name":"Bearer key",`+
		`"description":"A key issued to the source, sent as Authorization: Bearer <key>","specUri":"https://www.rfc-editor.org/info/rfc6750","primary":true},`+
		`{"type":"oauth2","name":"OAuth 2.0 client credentials","description":`...)
	c.out = appendString(c.out, "Access tokens from "+c.origin()+h.tokens.path+"; client_id is the source's name, client_secret a key issued to it")
	c.out = append(c.out, `,"specUri":"https://www.rfc-editor.org/info/rfc6749","primary":false}]`...)
	c.appendPlace("ServiceProviderConfig", "/ServiceProviderConfig")
	return nil
}

// appendPlace ends a discovery resource with its meta.
func (c *call) appendPlace(resourceType, path string) {
	c.out = append(c.out, `,"meta":{"resourceType":"`+resourceType+`","location":`...)
	c.out = appendString(c.out, c.base()+path)
	c.out = append(c.out, "}}"...)
}

func (h *Handler) listSchemas(c *call) error {
	schemas := c.types.schemas()
	return c.answerDiscovery(len(schemas), func(i int) { c.appendSchema(schemas[i]) })
}

func (h *Handler) readSchema(c *call) error {
	for _, schema := range c.types.schemas() {
		if strings.EqualFold(schema.ID, c.target) {
			return c.answerOne(func() { c.appendSchema(schema) })
		}
	}
	return errNotFound
}

func (h *Handler) listResourceTypes(c *call) error {
	types := c.types.all()
	return c.answerDiscovery(len(types), func(i int) { c.appendResourceType(types[i].rt) })
}

func (h *Handler) readResourceType(c *call) error {
	for _, res := range c.types.all() {
		if strings.EqualFold(res.rt.Name, c.target) {
			return c.answerOne(func() { c.appendResourceType(res.rt) })
		}
	}
	return errNotFound
}

func (c *call) answerDiscovery(items int, appendItem func(i int)) error {
	if err := c.discovers(); err != nil {
		return err
	}
	c.answerListHead(items, 1)
	for i := range items {
		if i > 0 {
			c.out = append(c.out, ',')
		}
		appendItem(i)
	}
	c.appendListTail(items)
	c.out = append(c.out, '}')
	return nil
}

func (c *call) answerOne(appendItem func()) error {
	if err := c.discovers(); err != nil {
		return err
	}
	c.answer(http.StatusOK)
	appendItem()
	return nil
}

// schemas lists every schema in use, each once.
func (t Types) schemas() []*scim.Schema {
	var list []*scim.Schema
	for _, res := range t.all() {
		for _, schema := range append([]*scim.Schema{res.rt.Schema}, res.rt.Extensions...) {
			if !slices.ContainsFunc(list, func(s *scim.Schema) bool { return strings.EqualFold(s.ID, schema.ID) }) {
				list = append(list, schema)
			}
		}
	}
	return list
}

func (c *call) appendResourceType(rt *scim.ResourceType) {
	c.out = append(c.out, `{"schemas":["`+resourceTypeSchema+`"],"id":"`+rt.Name+`","name":"`+rt.Name+`","endpoint":"`+rt.Endpoint+`","description":`...)
	c.out = appendString(c.out, rt.Schema.Description)
	c.out = append(c.out, `,"schema":"`+rt.Schema.ID+`","schemaExtensions":[`...)
	for i, extension := range rt.Extensions {
		if i > 0 {
			c.out = append(c.out, ',')
		}
		c.out = append(c.out, `{"schema":`...)
		c.out = appendString(c.out, extension.ID)
		c.out = append(c.out, `,"required":false}`...)
	}
	c.out = append(c.out, ']')
	c.appendPlace("ResourceType", "/ResourceTypes/"+rt.Name)
}

func (c *call) appendSchema(schema *scim.Schema) {
	c.out = append(c.out, `{"schemas":["`+schemaSchema+`"],"id":`...)
	c.out = appendString(c.out, schema.ID)
	c.out = append(c.out, `,"name":`...)
	c.out = appendString(c.out, cmp.Or(schema.Name, schema.ID))
	c.out = append(c.out, `,"description":`...)
	c.out = appendString(c.out, schema.Description)
	c.out = appendAttributes(c.out, "attributes", schema.Attributes)
	c.appendPlace("Schema", "/Schemas/"+schema.ID)
}

func appendAttributes(dst []byte, name string, attributes []scim.Attribute) []byte {
	dst = append(dst, `,"`+name+`":[`...)
	for i := range attributes {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendAttribute(dst, &attributes[i])
	}
	return append(dst, ']')
}

// appendAttribute renders an attribute's definition (RFC 7643 §7). caseExact means nothing for a complex value.
func appendAttribute(dst []byte, a *scim.Attribute) []byte {
	dst = append(dst, `{"name":`...)
	dst = appendString(dst, a.Name)
	dst = append(dst, `,"type":"`+string(a.Type)+`","multiValued":`...)
	dst = strconv.AppendBool(dst, a.MultiValued)
	dst = append(dst, `,"description":`...)
	dst = appendString(dst, a.Description)
	dst = append(dst, `,"required":`...)
	dst = strconv.AppendBool(dst, a.Required)
	dst = appendTexts(dst, "canonicalValues", a.CanonicalValues)
	if len(a.Sub) == 0 {
		dst = append(dst, `,"caseExact":`...)
		dst = strconv.AppendBool(dst, a.CaseExact)
	}
	dst = append(dst, `,"mutability":"`+string(a.Mutability)+`","returned":"`+string(a.Returned)+`","uniqueness":"`+string(a.Uniqueness)+`"`...)
	dst = appendTexts(dst, "referenceTypes", a.ReferenceTypes)
	if len(a.Sub) > 0 {
		dst = appendAttributes(dst, "subAttributes", a.Sub)
	}
	return append(dst, '}')
}

func appendTexts(dst []byte, name string, texts []string) []byte {
	if len(texts) == 0 {
		return dst
	}
	dst = append(dst, `,"`+name+`":[`...)
	for i, text := range texts {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, text)
	}
	return append(dst, ']')
}
