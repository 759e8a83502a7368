package scim

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

// StringValue, BoolValue, ListOf and ObjectOf make values.
func StringValue(s string) Value     { return Value{Kind: String, Text: s} }
func BoolValue(b bool) Value         { return Value{Kind: Bool, Bool: b} }
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
