package scim

import "strconv"

// Kind is a JSON value's kind.
type Kind uint8

const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// shape returns the kind in words, for details of errors.
func (k Kind) shape() string {
	return [...]string{"null", "a boolean", "a number", "text", "a list", "an object"}[k]
}

// Value is a JSON value. The zero Value is null, which SCIM holds equal to absent (RFC 7643 §2.5).
// Values are treated as immutable: a change makes a new one and may share what did not change.
type Value struct {
	Kind   Kind
	Bool   bool
	Text   string  // of a String, decoded; of a Number, as it was sent
	List   []Value // of an Array
	Fields []Field // of an Object, in the order sent or in schema order
}

// Field is one name and value of an Object.
type Field struct {
	Name  string
	Value Value
}

// StringValue, BoolValue, IntValue, ListOf and ObjectOf make values.
func StringValue(s string) Value     { return Value{Kind: String, Text: s} }
func BoolValue(b bool) Value         { return Value{Kind: Bool, Bool: b} }
func IntValue(n int64) Value         { return Value{Kind: Number, Text: strconv.FormatInt(n, 10)} }
func ListOf(items ...Value) Value    { return Value{Kind: Array, List: items} }
func ObjectOf(fields ...Field) Value { return Value{Kind: Object, Fields: fields} }

// Get returns the value of an object's field, its name matched without case; null when there is none or v is no object.
func (v Value) Get(name string) Value {
	for i := range v.Fields {
		if EqualFold(v.Fields[i].Name, name) {
			return v.Fields[i].Value
		}
	}
	return Value{}
}

// Has reports whether an object has the field at all, null included, its name matched without case.
func (v Value) Has(name string) bool {
	for i := range v.Fields {
		if EqualFold(v.Fields[i].Name, name) {
			return true
		}
	}
	return false
}

// With returns an object like v with the field set, in its present place or at the end; a null value removes it.
func (v Value) With(name string, value Value) Value {
	fields := make([]Field, 0, len(v.Fields)+1)
	placed := value.Kind == Null
	for _, f := range v.Fields {
		switch {
		case !EqualFold(f.Name, name):
			fields = append(fields, f)
		case !placed:
			fields = append(fields, Field{Name: f.Name, Value: value})
			placed = true
		}
	}
	if !placed {
		fields = append(fields, Field{Name: name, Value: value})
	}
	return Value{Kind: Object, Fields: fields}
}

// Equal reports whether two values are the same JSON: names of fields without case, numbers by what they count; the order of an
// object's fields does not matter, an array's does.
func (v Value) Equal(w Value) bool {
	if v.Kind != w.Kind {
		return false
	}
	switch v.Kind {
	case Bool:
		return v.Bool == w.Bool
	case Number:
		return v.Text == w.Text || compareNumbers(v.Text, w.Text) == 0
	case String:
		return v.Text == w.Text
	case Array:
		return equalLists(v.List, w.List)
	case Object:
		return equalFields(v, w)
	}
	return true
}

func equalLists(a, b []Value) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !a[i].Equal(b[i]) {
			return false
		}
	}
	return true
}

func equalFields(v, w Value) bool {
	if len(v.Fields) != len(w.Fields) {
		return false
	}
	for i, f := range v.Fields {
		other := w.Fields[i]
		if !EqualFold(f.Name, other.Name) {
			if !w.Has(f.Name) {
				return false
			}
			other.Value = w.Get(f.Name)
		}
		if !f.Value.Equal(other.Value) {
			return false
		}
	}
	return true
}

// Empty reports whether v is unassigned in SCIM's sense: null, "", [], {} or an object or list of nothing else (RFC 7643 §2.5).
func (v Value) Empty() bool {
	switch v.Kind {
	case Null:
		return true
	case String:
		return v.Text == ""
	case Array:
		for _, item := range v.List {
			if !item.Empty() {
				return false
			}
		}
		return true
	case Object:
		for _, f := range v.Fields {
			if !f.Value.Empty() {
				return false
			}
		}
		return true
	}
	return false
}
