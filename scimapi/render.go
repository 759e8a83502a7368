package scimapi

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"rollcall/state"
	"rollcall/state/scim"
)

// view is what an answer shows of a resource.
type view struct {
	projection scim.Projection
	whole      bool // the stored bytes are shown as they are
}

// related tells whether the rows that belong to a resource are shown as well: a user's groups, a group's members.
func (v view) related(res *resource) bool { return v.projection.Wants(res.related()) }

func newView(attributes, excluded string) (view, error) {
	projection, err := scim.ParseProjection(attributes, excluded)
	if err != nil {
		return view{}, err
	}
	v := view{projection: projection, whole: len(projection.Only) == 0}
	for _, path := range projection.Without {
		v.whole = v.whole && path.Sub == "" && related(path.Attr)
	}
	return v, nil
}

func related(attr string) bool {
	return strings.EqualFold(attr, "members") || strings.EqualFold(attr, "groups")
}

// answerRecord answers with one resource. Its version does not cover a user's groups: they are the groups' state.
func (c *call) answerRecord(status int, res *resource, rec *state.Record, v view) error {
	c.header("ETag", etag(rec.Version))
	c.answer(status)
	if c.brief {
		return nil
	}
	return c.appendRecord(res, rec, v)
}

// appendRecord renders a resource as far as a view shows it.
func (c *call) appendRecord(res *resource, rec *state.Record, v view) error {
	if v.whole && !res.veiled {
		return c.appendWhole(res, rec, v.related(res))
	}
	value, err := c.value(res, rec, v.related(res))
	if err == nil {
		c.out = res.rt.Project(value, v.projection).AppendJSON(c.out)
	}
	return err
}

// value is a resource as a value, with everything that filters and projections can name. It is read from its rendered form, so that
// there is one form only.
func (c *call) value(res *resource, rec *state.Record, related bool) (scim.Value, error) {
	start, held := len(c.out), c.held
	c.held = true
	err := c.appendWhole(res, rec, related)
	rendered := c.out[start:]
	c.out, c.held = c.out[:start], held
	if err != nil {
		return scim.Value{}, err
	}
	if related {
		return readStored(rec.ID, rendered, readAll)
	}
	return readStored(rec.ID, rendered, scim.Decode)
}

// readStored reads what the store gave. Failing that is our fault, never the client's: no *scim.Error leaves here.
func readStored(id state.ID, data []byte, read func([]byte) (scim.Value, error)) (scim.Value, error) {
	value, err := read(data)
	if err != nil {
		return scim.Value{}, fmt.Errorf("the stored resource %s is damaged: %v", id, err)
	}
	return value, nil
}

// readAll reads what may be larger than a request can be: a group with all its members.
func readAll(data []byte) (scim.Value, error) {
	return scim.ReadJSON(data, scim.Limits{Depth: 100, Nodes: math.MaxInt})
}

// appendWhole renders a resource: its stored bytes, with what is not among them put around.
func (c *call) appendWhole(res *resource, rec *state.Record, related bool) error {
	c.out = append(c.out, `{"id":`...)
	c.out = appendString(c.out, string(rec.ID))
	if len(rec.Resource) > len("{}") {
		c.out = append(c.out, ',')
		c.out = append(c.out, rec.Resource[1:len(rec.Resource)-1]...)
	}
	if res.kind == state.KindAccount {
		c.out = append(c.out, `,"active":`...)
		c.out = strconv.AppendBool(c.out, rec.Said)
	}
	c.appendMeta(res, rec)
	if related {
		if err := c.appendRelated(res, rec); err != nil {
			return err
		}
	}
	c.out = append(c.out, '}')
	return nil
}

func (c *call) appendRelated(res *resource, rec *state.Record) error {
	if res.kind == state.KindAccount {
		return c.appendGroups(rec)
	}
	return c.appendMembers(rec.ID)
}

func (c *call) appendMeta(res *resource, rec *state.Record) {
	c.out = append(c.out, `,"meta":{"resourceType":"`...)
	c.out = append(c.out, res.rt.Name...)
	c.out = append(c.out, `","created":"`...)
	c.out = appendTime(c.out, rec.CreatedAt)
	c.out = append(c.out, `","lastModified":"`...)
	c.out = appendTime(c.out, rec.ModifiedAt)
	c.out = append(c.out, `","location":`...)
	c.appendLocation(res, rec.ID)
	c.out = append(c.out, `,"version":"W/\"`...)
	c.out = strconv.AppendInt(c.out, rec.Version, 10)
	c.out = append(c.out, `\""}`...)
}

// appendRef renders a member of a group, or a group of a user; kind is its type attribute.
func (c *call) appendRef(ref state.Ref, kind string) {
	c.out = append(c.out, `{"value":`...)
	c.out = appendString(c.out, string(ref.ID))
	if ref.Name != "" {
		c.out = append(c.out, `,"display":`...)
		c.out = appendString(c.out, ref.Name)
	}
	c.out = append(c.out, `,"type":"`...)
	c.out = append(c.out, kind...)
	c.out = append(c.out, `","$ref":`...)
	c.appendLocation(c.types.of(ref.Kind), ref.ID)
	c.out = append(c.out, '}')
}

// appendLocation renders an address. Ids are ours and need no escaping; the base, of which a client may have said the host, does, once.
func (c *call) appendLocation(res *resource, id state.ID) {
	if len(c.quoted) == 0 {
		c.quoted = appendString(c.quoted, c.base())
		c.quoted = c.quoted[:len(c.quoted)-1] // it goes on
	}
	c.out = append(c.out, c.quoted...)
	c.out = append(c.out, res.rt.Endpoint...)
	c.out = append(c.out, '/')
	c.out = append(c.out, id...)
	c.out = append(c.out, '"')
}

func (c *call) location(res *resource, id state.ID) string {
	return c.base() + res.rt.Endpoint + "/" + string(id)
}

// appendTime renders an instant in UTC with milliseconds (RFC 7643 §2.3.5).
func appendTime(dst []byte, t time.Time) []byte {
	dst = t.UTC().AppendFormat(dst, time.RFC3339) // which the library is quick at
	milli := t.Nanosecond() / int(time.Millisecond)
	return append(dst[:len(dst)-1], '.', byte('0'+milli/100), byte('0'+milli/10%10), byte('0'+milli%10), 'Z')
}

func appendString(dst []byte, s string) []byte { return scim.StringValue(s).AppendJSON(dst) }
