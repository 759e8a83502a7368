package scimapi

import (
	"slices"
	"strings"

	"rollcall/state/scim"
)

// A reference is the text "bulkId:x" where the id of a resource goes that another operation makes (RFC 7644 §3.7.2): as a whole value
// anywhere in the data, in the path of a request, and inside the value filters of a patch's paths.

const bulkRef = "bulkId:"

// references lists the bulkIds that an operation names, each once.
func (op *bulkOp) references() []string {
	var found []string
	note := func(name string) {
		if !slices.Contains(found, name) {
			found = append(found, name)
		}
	}
	for part := range strings.SplitSeq(op.path, "/") {
		if name, ok := strings.CutPrefix(part, bulkRef); ok {
			note(name)
		}
	}
	eachReference("", op.data, note)
	return found
}

// eachReference calls note with each bulkId that a value refers to. name is that of the field the value is in.
func eachReference(name string, v scim.Value, note func(string)) {
	switch v.Kind {
	case scim.String:
		if ref, ok := strings.CutPrefix(v.Text, bulkRef); ok {
			note(ref)
		} else if strings.EqualFold(name, "path") {
			for _, ref := range quoted(v.Text) {
				note(ref)
			}
		}
	case scim.Array:
		for _, item := range v.List {
			eachReference(name, item, note)
		}
	case scim.Object:
		for _, f := range v.Fields {
			eachReference(f.Name, f.Value, note)
		}
	}
}

// quoted lists the references inside a path such as members[value eq "bulkId:x"].
func quoted(path string) []string {
	var found []string
	for {
		_, rest, ok := strings.Cut(path, `"`+bulkRef)
		if !ok {
			return found
		}
		ref, after, closed := strings.Cut(rest, `"`)
		if !closed {
			return found
		}
		found, path = append(found, ref), after
	}
}

// pending tells whether a value refers to an operation that is being carried out, or that is not whole yet.
func (j *bulkJob) pending(v scim.Value) (yes bool) {
	eachReference("", v, func(name string) {
		op := j.byID[name]
		yes = yes || op.stage != bulkDone || slices.Contains(j.open, op)
	})
	return yes
}

// broken tells whether a value refers to an operation that failed, or was never reached.
func (j *bulkJob) broken(v scim.Value) (yes bool) {
	eachReference("", v, func(name string) {
		op := j.byID[name]
		yes = yes || op.stage != bulkDone || op.failure != nil
	})
	return yes
}

// resolved returns a value with the ids in place of references to operations that are done.
func (j *bulkJob) resolved(name string, v scim.Value) scim.Value {
	switch v.Kind {
	case scim.String:
		if ref, ok := strings.CutPrefix(v.Text, bulkRef); ok {
			return scim.StringValue(string(j.byID[ref].id))
		}
		if strings.EqualFold(name, "path") {
			for _, ref := range quoted(v.Text) {
				v.Text = strings.ReplaceAll(v.Text, `"`+bulkRef+ref+`"`, `"`+string(j.byID[ref].id)+`"`)
			}
		}
	case scim.Array:
		list := make([]scim.Value, len(v.List))
		for i, item := range v.List {
			list[i] = j.resolved(name, item)
		}
		return scim.ListOf(list...)
	case scim.Object:
		fields := make([]scim.Field, len(v.Fields))
		for i, f := range v.Fields {
			fields[i] = scim.Field{Name: f.Name, Value: j.resolved(f.Name, f.Value)}
		}
		return scim.ObjectOf(fields...)
	}
	return v
}

// resolvedPath puts ids into the path of a request.
func (j *bulkJob) resolvedPath(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if ref, ok := strings.CutPrefix(part, bulkRef); ok {
			parts[i] = string(j.byID[ref].id)
		}
	}
	return strings.Join(parts, "/")
}
