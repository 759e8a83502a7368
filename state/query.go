package state

import "rollcall/state/scim"

// Query is a SCIM filter split for a store: candidates by one key look-up where the filter allows it, then a test of each.
type Query struct {
	Key      *MatchKey    // where every match must be found; nil: scan
	Residual *scim.Filter // what a candidate must still satisfy; nil: nothing
}

// matchPaths are the attribute paths that a key look-up answers, folded. The plain "email" is Okta's unique field in older setups.
var matchPaths = map[Kind]map[string]MatchName{
	KindAccount: {
		"id": MatchID, "username": MatchUserName, "externalid": MatchExternalID, "displayname": MatchDisplayName,
		"email": MatchEmail, "emails": MatchEmail, "emails.value": MatchEmail,
	},
	KindGroup: {"id": MatchID, "externalid": MatchExternalID, "displayname": MatchDisplayName},
}

// Split finds the look-up in a filter: an equality on a match key, alone or as a term of a conjunction, also inside a value
// filter such as emails[type eq "work" and value eq "x"]. The residual repeats the look-up's own term unless the key alone
// proves it, so that a key which is broader than the term never lets a wrong record through.
func Split(kind Kind, filter *scim.Filter) Query {
	if filter == nil {
		return Query{}
	}
	if key, exact := lookup(kind, filter, ""); key != nil {
		if exact {
			return Query{Key: key}
		}
		return Query{Key: key, Residual: filter}
	}
	return Query{Residual: filter}
}

// lookup returns the key that every match of the filter has, and whether having it is all that the filter asks.
func lookup(kind Kind, f *scim.Filter, prefix string) (key *MatchKey, exact bool) {
	switch f.Op {
	case "eq":
		if f.Value.Kind != scim.String || f.Path.Filter != nil && prefix != "" {
			return nil, false
		}
		name, ok := matchPaths[kind][prefix+pathText(f.Path)]
		if !ok {
			return nil, false
		}
		k := NewMatchKey(name, f.Value.Text)
		return &k, f.Path.Filter == nil && prefix == ""
	case "and":
		for _, arg := range f.Args {
			if key, _ := lookup(kind, arg, prefix); key != nil {
				return key, false
			}
		}
	case "path":
		if attr := pathText(f.Path); prefix == "" && attr != "" {
			key, _ := lookup(kind, f.Args[0], attr+".")
			return key, false
		}
	}
	return nil, false
}

// pathText is the path's key in matchPaths, or "" for an attribute of an extension, which is never a match key whatever its name.
func pathText(p scim.Path) string {
	if p.URN != "" && !scim.EqualFold(p.URN, scim.UserURN) && !scim.EqualFold(p.URN, scim.GroupURN) {
		return ""
	}
	text := scim.Fold(p.Attr)
	if p.Sub != "" {
		text += "." + scim.Fold(p.Sub)
	}
	return text
}
