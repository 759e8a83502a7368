package state

import (
	"strings"

	"rollcall/state/scim"
)

// MatchName names one of the indexed ways to find a record.
type MatchName uint8

const (
	MatchID MatchName = iota + 1
	MatchUserName
	MatchExternalID
	MatchEmail
	MatchDisplayName
	MatchLink // Record.Link; unique among a source's live accounts; not part of the resource
)

// String returns the attribute's SCIM name.
func (n MatchName) String() string {
	return [...]string{"", "id", "userName", "externalId", "emails", "displayName", "link"}[n]
}

func (n MatchName) kind() string {
	if n == MatchDisplayName {
		return "group"
	}
	return "user"
}

// MatchKey is a value to find records by, already folded. Make it with NewMatchKey.
type MatchKey struct {
	Name MatchName
	Text string
}

// NewMatchKey folds a value as its attribute is compared: userName, e-mails and displayName without case, id, externalId
// and link exactly (RFC 7643 §3.1, §4.1.1).
func NewMatchKey(name MatchName, text string) MatchKey {
	if name != MatchID && name != MatchExternalID && name != MatchLink {
		text = scim.Fold(text)
	}
	return MatchKey{Name: name, Text: text}
}

// MatchKeys lists the keys under which a resource is found, in the order of MatchName, without repetition.
// userName is unique among a source's accounts, displayName among its groups; the other keys may be shared.
func MatchKeys(kind Kind, resource scim.Value) []MatchKey {
	var keys []MatchKey
	add := func(name MatchName, v scim.Value) {
		if v.Kind == scim.String && strings.TrimSpace(v.Text) != "" {
			if key := NewMatchKey(name, v.Text); !contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	if kind == KindAccount {
		add(MatchUserName, resource.Get("userName"))
	}
	add(MatchExternalID, resource.Get("externalId"))
	if kind == KindAccount {
		for _, email := range resource.Get("emails").List {
			add(MatchEmail, email.Get("value"))
		}
	}
	add(MatchDisplayName, resource.Get("displayName"))
	return keys
}

// keyNames are the attributes that MatchKeys reads, as they are quoted in JSON.
var keyNames = [][]byte{[]byte(`"userName"`), []byte(`"externalId"`), []byte(`"emails"`), []byte(`"displayName"`)}

// UniqueName is the match key of which a source holds each value at most once among its live records of the kind.
func UniqueName(kind Kind) MatchName {
	if kind == KindAccount {
		return MatchUserName
	}
	return MatchDisplayName
}

func contains(keys []MatchKey, key MatchKey) bool {
	for _, k := range keys {
		if k == key {
			return true
		}
	}
	return false
}
