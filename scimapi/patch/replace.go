package patch

import "rollcall/state/scim"

// Replace carries out a PUT: the resource as sent takes the place of the old one, which is in canonical form (active included, members
// not). Errors are *scim.Error 400: Normalize's, and mutability for another value of an immutable attribute.
//
// It takes back what a client got from a GET (Okta merges its values into that): readOnly attributes are passed over, and a name.formatted that is still
// the old one although parts of the name changed is composed anew. A readWrite attribute that is absent is cleared (RFC 7644 §3.5.1), with
// two exceptions: an absent or null active keeps its state, and members that are absent are kept (Members is nil). Members as [], null or "" empty the group.
func Replace(rt *scim.ResourceType, old, sent scim.Value) (Outcome, error) {
	n, err := rt.Normalize(sent)
	if err != nil {
		return Outcome{}, err
	}
	out := Outcome{Resource: n.Resource, Dropped: n.Dropped}
	if rt.Schema.Attribute("members") != nil && sendsMembers(rt, sent) {
		out.Members = &Members{Set: true, Add: ids(n.Resource.Get("members"))}
	}
	out.Resource = out.Resource.With("members", scim.Value{})
	if out.Resource, err = keep(rt, old, out.Resource); err != nil {
		return Outcome{}, err
	}
	if err := checkImmutable(rt, old, out.Resource); err != nil {
		return Outcome{}, err
	}
	if out.Resource, err = reformat(rt, old, out.Resource); err != nil {
		return Outcome{}, err
	}
	out.Changed = !old.Equal(out.Resource)
	return out, nil
}

// sendsMembers reports whether a group as sent speaks of members at all.
func sendsMembers(rt *scim.ResourceType, sent scim.Value) bool {
	return sent.Has("members") || sent.Has(rt.Schema.ID+":members") || sent.Get(rt.Schema.ID).Has("members")
}

// keep takes over what a PUT leaves as it is when it is absent: active and what is immutable.
func keep(rt *scim.ResourceType, old, resource scim.Value) (scim.Value, error) {
	for _, s := range schemas(rt) {
		for i := range s.Attributes {
			a := &s.Attributes[i]
			if a.Mutability != scim.Immutable && a.Name != "active" {
				continue
			}
			p := scim.Path{URN: s.ID, Attr: a.Name}
			if was := value(rt, old, p); !was.Empty() && value(rt, resource, p).Empty() {
				changed, err := rt.Assign(resource, p, was)
				if err != nil {
					return scim.Value{}, err
				}
				resource = changed
			}
		}
	}
	return resource, nil
}

// checkImmutable refuses another value of an attribute that may be set only once (RFC 7643 §7).
func checkImmutable(rt *scim.ResourceType, old, resource scim.Value) error {
	for _, s := range schemas(rt) {
		for i := range s.Attributes {
			a := &s.Attributes[i]
			if a.Mutability != scim.Immutable {
				continue
			}
			p := scim.Path{URN: s.ID, Attr: a.Name}
			if was := value(rt, old, p); !was.Empty() && !was.Equal(value(rt, resource, p)) {
				return scim.BadRequest(scim.TypeMutability, "%s is immutable and has a value", p)
			}
		}
	}
	return nil
}

func schemas(rt *scim.ResourceType) []*scim.Schema {
	return append([]*scim.Schema{rt.Schema}, rt.Extensions...)
}

// value returns all that a resource has of an attribute.
func value(rt *scim.ResourceType, resource scim.Value, p scim.Path) scim.Value {
	if scim.EqualFold(p.URN, rt.Schema.ID) {
		return resource.Get(p.Attr)
	}
	return resource.Get(p.URN).Get(p.Attr)
}
