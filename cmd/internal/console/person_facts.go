package console

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"rollcall/state"
	"rollcall/state/scim"
)

// everything asks for all that is ever shown of a resource.
var everything = scim.Projection{}

// What the facts of a page are bounded by. The raw resource has all of them.
const (
	factSize   = 300    // characters of a value
	factValues = 20     // values of an attribute
	factsSize  = 16_000 // bytes of all together
)

// factSection is a schema's part of a resource as people read it.
type factSection struct {
	Title string // "" of the core schema
	Facts []fact
}

// fact is an attribute with its values.
type fact struct {
	Label  string
	Values []factValue
	More   int // values that are left out
}

// factValue is a value, and in a word what kind of it.
type factValue struct{ Text, Note, URL string }

// notFacts are the attributes that a page shows elsewhere, or not at all.
var notFacts = []string{"schemas", "id", "externalId", "active", "groups", "members", "meta"}

// labels are what people call attributes whose name does not say it.
var labels = map[string]string{
	"userName": "userName", "emails": "E-mail", "phoneNumbers": "Phone", "ims": "Messaging", "addresses": "Address", "photos": "Photo",
	"x509Certificates": "Certificate", "roles": "Role", "entitlements": "Entitlement", "profileUrl": "Profile", "locale": "Locale",
}

// labelOf makes a label of an attribute's name: "costCenter" becomes "Cost center".
func labelOf(name string) string {
	if label := labels[name]; label != "" {
		return label
	}
	var b strings.Builder
	runes := []rune(strings.TrimLeft(name, "$"))
	for i, r := range runes {
		inside := i > 0 && unicode.IsUpper(r)
		if inside && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte(' ')
		}
		if inside && i+1 < len(runes) && !unicode.IsUpper(runes[i+1]) {
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return capital(strings.ReplaceAll(b.String(), "_", " "))
}

// factsOf reads a resource, which has schema order, attribute by attribute: those that no schema knows any more as well.
func (c *Console) factsOf(ctx context.Context, scope state.Scope, rt *scim.ResourceType, resource scim.Value) []factSection {
	left := factsSize
	core := factSection{}
	var extensions []factSection
	for _, f := range resource.Fields {
		if slices.ContainsFunc(notFacts, func(name string) bool { return strings.EqualFold(name, f.Name) }) {
			continue
		}
		if !strings.HasPrefix(strings.ToLower(f.Name), "urn:") {
			core.Facts = append(core.Facts, factsIn(f, &left)...)
			continue
		}
		section := factSection{Title: f.Name}
		for _, s := range rt.Extensions {
			if strings.EqualFold(s.ID, f.Name) {
				section.Title = labelOf(cmp.Or(s.Name, s.ID))
			}
		}
		for _, inner := range f.Value.Fields {
			facts := factsIn(inner, &left)
			if strings.EqualFold(inner.Name, "manager") {
				c.linkManager(ctx, scope, inner.Value.Get("value").Text, facts)
			}
			section.Facts = append(section.Facts, facts...)
		}
		extensions = append(extensions, section)
	}
	all := append([]factSection{core}, extensions...)
	return slices.DeleteFunc(all, func(s factSection) bool { return len(s.Facts) == 0 })
}

// linkManager names and links the manager, if that is an account of the same source.
func (c *Console) linkManager(ctx context.Context, scope state.Scope, id string, facts []fact) {
	manager, err := c.Store.Record(ctx, scope, state.KindAccount, state.ID(id))
	if err != nil || len(facts) == 0 || len(facts[0].Values) == 0 {
		return // it is told as it was sent
	}
	facts[0].Values[0] = factValue{Text: harmless(cmp.Or(manager.Name, id)), URL: pageOf(manager.ID, "")}
}

// factsIn tells one attribute: each part of a complex one by itself, unless it has a value of its own.
func factsIn(f scim.Field, left *int) []fact {
	v := f.Value
	if v.Kind == scim.Object && !v.Has("value") {
		var facts []fact
		for _, part := range v.Fields {
			facts = append(facts, factsIn(part, left)...)
		}
		return facts
	}
	values := []scim.Value{v}
	if v.Kind == scim.Array {
		values = v.List
	}
	told := fact{Label: harmless(labelOf(f.Name))}
	for _, one := range values {
		value := factOf(one)
		if value.Text == "" {
			continue
		}
		if *left -= len(value.Text) + len(value.Note); len(told.Values) == factValues || *left < 0 {
			told.More++
			continue
		}
		told.Values = append(told.Values, value)
	}
	if len(told.Values)+told.More == 0 {
		return nil
	}
	return []fact{told}
}

// factOf tells one value: of a complex one what stands for it, with its type beside it.
func factOf(v scim.Value) factValue {
	if v.Kind != scim.Object {
		return factValue{Text: plainText(v)}
	}
	shown := cmp.Or(v.Get("displayName").Text, v.Get("display").Text)
	text := plainText(v.Get("value"))
	var notes []string
	switch {
	case shown != "" && text != "" && shown != text:
		text, notes = plainText(scim.StringValue(shown)), append(notes, text)
	case text == "":
		text = cmp.Or(plainText(v.Get("formatted")), plainText(scim.StringValue(shown)), joinedParts(v))
	}
	if kind := v.Get("type").Text; kind != "" {
		notes = append(notes, plainText(v.Get("type")))
	}
	if v.Get("primary").Bool {
		notes = append(notes, "primary")
	}
	return factValue{Text: text, Note: strings.Join(notes, ", ")}
}

// joinedParts is a complex value that has no text of its own, such as an address.
func joinedParts(v scim.Value) string {
	var parts []string
	for _, f := range v.Fields {
		if !slices.Contains([]string{"type", "primary", "$ref"}, f.Name) && !f.Value.Empty() {
			parts = append(parts, plainText(f.Value))
		}
	}
	return strings.Join(parts, ", ")
}

// plainText is a value as people read it, of a bounded length.
func plainText(v scim.Value) string {
	text := v.Text
	switch v.Kind {
	case scim.Null:
		return ""
	case scim.Bool:
		text = yesNo(v.Bool)
	case scim.Object, scim.Array:
		text = string(v.AppendJSON(nil))
	}
	text = harmless(strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), ", "))
	if n := utf8.RuneCountInString(text); n > factSize {
		return fmt.Sprintf("%s… (%d characters)", string([]rune(text)[:factSize]), n)
	}
	return text
}
