package state

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"rollcall/state/scim"
)

// Erased stands where a personal value was.
const Erased = "erased"

// kept are the parts of a journal entry's sides that are no personal values.
var kept = []string{"schemas", "said", "inForce", "staged", "deletes", "pinned", "protected", "members"}

// Blanked returns one side of a journal entry with Erased in the place of every value but empty ones, those of the record's life, and memberships.
func Blanked(side []byte) []byte {
	v, err := scim.ReadJSON(side, scim.DefaultLimits)
	if err != nil || v.Kind != scim.Object {
		return []byte("{}")
	}
	out := []byte{'{'}
	for _, f := range v.Fields {
		value := scim.StringValue(Erased)
		if empty := f.Value.Kind == scim.String && f.Value.Text == ""; empty || slices.Contains(kept, f.Name) {
			value = f.Value // entries still follow from each other: what was empty stays so
		}
		out = appendField(out, scim.StringValue(f.Name).AppendJSON(nil), value.AppendJSON(nil))
	}
	return append(out, '}')
}

// Personal collects the texts by which somebody can be told in what is kept apart from a record's own journal, from its resource and the
// sides of its entries.
type Personal struct {
	IDs   []string // account and object ids
	Texts []string // folded: values of any attribute
	Keys  []string // folded: those that are looked for anywhere: names, external id, addresses
}

// keyAttributes are the attributes whose texts name one person and nobody else.
var keyAttributes = []string{"username", "externalid", "emails", "displayname", "link"}

// Note adds what a resource, or a side of a journal entry, says.
func (p *Personal) Note(object []byte) {
	v, err := scim.ReadJSON(object, scim.DefaultLimits)
	if err != nil {
		return
	}
	for _, f := range v.Fields {
		name := strings.ToLower(f.Name)
		if slices.Contains(kept, f.Name) {
			continue
		}
		if name == "link" && f.Value.Text != "" {
			p.addID(f.Value.Text)
		}
		p.note(f.Value, slices.Contains(keyAttributes, name))
	}
}

// NoteName adds what a record was called in a list.
func (p *Personal) NoteName(name string) { p.note(scim.StringValue(name), true) }

func (p *Personal) addID(id string) {
	if !slices.Contains(p.IDs, id) {
		p.IDs = append(p.IDs, id)
	}
}

// shortest is the length from which a text is looked for anywhere; shorter ones are in too many others.
const shortest = 4

func (p *Personal) note(v scim.Value, key bool) {
	for _, item := range v.List {
		p.note(item, key)
	}
	for _, f := range v.Fields {
		p.note(f.Value, key && f.Name == "value")
	}
	text := scim.Fold(v.Text)
	if v.Kind != scim.String || text == "" || text == Erased {
		return
	}
	if !slices.Contains(p.Texts, text) {
		p.Texts = append(p.Texts, text)
	}
	if key && len(text) >= shortest && !slices.Contains(p.Keys, text) {
		p.Keys = append(p.Keys, text)
	}
}

// In tells whether a text names the person.
func (p *Personal) In(text string) bool {
	folded := scim.Fold(text)
	named := func(word string) bool { return strings.Contains(folded, word) }
	return slices.ContainsFunc(p.Keys, named) || slices.ContainsFunc(p.IDs, func(id string) bool { return named(scim.Fold(id)) })
}

// Blank returns a JSON document with Erased in the place of each text that tells something of the person: see told. ok is false when nothing had to be blanked, or the document cannot be read.
func (p *Personal) Blank(document []byte) (blanked []byte, ok bool) {
	if !p.In(string(document)) {
		return nil, false
	}
	var v any
	reader := json.NewDecoder(bytes.NewReader(document))
	reader.UseNumber() // hashes do not fit into a float
	if reader.Decode(&v) != nil {
		return nil, false
	}
	if v, ok = p.blank(v, false); !ok {
		return nil, false
	}
	blanked, err := json.Marshal(v)
	return blanked, err == nil
}

func (p *Personal) blank(v any, own bool) (any, bool) {
	changed := false
	switch v := v.(type) {
	case map[string]any:
		for _, value := range v {
			text, isText := value.(string)
			own = own || isText && slices.Contains(p.IDs, text)
		}
		for name, value := range v {
			if next, ok := p.blank(value, own); ok {
				v[name], changed = next, true
			}
		}
		return v, changed
	case []any:
		for i := range v {
			if next, ok := p.blank(v[i], own); ok {
				v[i], changed = next, true
			}
		}
		return v, changed
	case string:
		if v != Erased && !slices.Contains(p.IDs, v) && p.told(scim.Fold(v), own) {
			return Erased, true
		}
	}
	return v, false
}

// told tells whether a text says something personal: one of the person's own, when it stands beside an id of theirs; anywhere what names
// them and nobody else.
func (p *Personal) told(folded string, own bool) bool {
	if slices.Contains(p.Keys, folded) || own && slices.Contains(p.Texts, folded) {
		return true
	}
	return slices.ContainsFunc(p.Keys, func(key string) bool {
		return (own || strings.Contains(key, "@")) && strings.Contains(folded, key)
	})
}
