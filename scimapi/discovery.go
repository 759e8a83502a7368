package scimapi

import (
	"net/http"
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
	c.answer(http.StatusOK)
	c.out = append(c.out, `{"schemas":["`+configSchema+`"],"patch":{"supported":true},`+
		`"bulk":{"supported":false,"maxOperations":0,"maxPayloadSize":0},"filter":{"supported":true,"maxResults":`...)
	c.out = strconv.AppendInt(c.out, int64(h.limits.MaxPage), 10)
	c.out = append(c.out, `},"changePassword":{"supported":false},"sort":{"supported":false},"etag":{"supported":true},`+
		`"pagination":{"cursor":false,"index":true,"defaultPaginationMethod":"index","defaultPageSize":`...)
	c.out = strconv.AppendInt(c.out, int64(h.limits.Page), 10)
	c.out = append(c.out, `,"maxPageSize":`...)
	c.out = strconv.AppendInt(c.out, int64(h.limits.MaxPage), 10)
	c.out = append(c.out, `},"authenticationSchemes":[{"type":"oauthbearertoken","name":"Bearer key",`+
		`"description":"A key issued to the source, sent as Authorization: Bearer <key>","specUri":"https://www.rfc-editor.org/info/rfc6750","primary":true}]`...)
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
	schemas := h.schemas()
	return c.answerDiscovery(len(schemas), func(i int) { c.appendSchema(schemas[i]) })
}

func (h *Handler) readSchema(c *call) error {
	for _, schema := range h.schemas() {
		if strings.EqualFold(schema.ID, c.target) {
			return c.answerOne(func() { c.appendSchema(schema) })
		}
	}
	return errNotFound
}

func (h *Handler) listResourceTypes(c *call) error {
	types := []*resource{h.users, h.groups}
	return c.answerDiscovery(len(types), func(i int) { c.appendResourceType(types[i].rt) })
}

func (h *Handler) readResourceType(c *call) error {
	for _, res := range []*resource{h.users, h.groups} {
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
func (h *Handler) schemas() []*scim.Schema {
	list := append([]*scim.Schema{h.users.rt.Schema}, h.users.rt.Extensions...)
	return append(append(list, h.groups.rt.Schema), h.groups.rt.Extensions...)
}

func (c *call) appendResourceType(rt *scim.ResourceType) {
	c.out = append(c.out, `{"schemas":["`+resourceTypeSchema+`"],"id":"`+rt.Name+`","name":"`+rt.Name+`","endpoint":"`+rt.Endpoint+`","description":`...)
	c.out = appendString(c.out, rt.Schema.Description)
	c.out = append(c.out, `,"schema":"`+rt.Schema.ID+`","schemaExtensions":[`...)
	for i, extension := range rt.Extensions {
		if i > 0 {
			c.out = append(c.out, ',')
		}
		c.out = append(c.out, `{"schema":"`+extension.ID+`","required":false}`...)
	}
	c.out = append(c.out, ']')
	c.appendPlace("ResourceType", "/ResourceTypes/"+rt.Name)
}

func (c *call) appendSchema(schema *scim.Schema) {
	c.out = append(c.out, `{"schemas":["`+schemaSchema+`"],"id":"`+schema.ID+`","name":"`+schema.Name+`","description":`...)
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
