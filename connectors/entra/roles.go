package entra

import (
	"cmp"
	"slices"
	"strings"

	"rollcall/connectors/rest"
)

// roles are the app roles that people have: their own and those of the groups that count for them. Many people have the same ones, so
// each set of names is kept once, and a person has its number. Set 0 is empty.
type roles struct {
	names map[guid]string   // by app role id, as the application declares them
	sets  [][]string        // each sorted, each name once
	known map[string]uint32 // the number of a set, by its names
	of    map[guid]uint32   // set of a principal, person or group
}

// newRoles has nobody yet. names are what the application declares.
func newRoles(names map[guid]string) *roles {
	return &roles{names: names, sets: [][]string{{}}, known: map[string]uint32{"": 0}, of: map[guid]uint32{}}
}

// grant notes a row of the assignments. The zero role, "assigned without a role", has no name, and neither has a role that the
// application does not declare any more: they add none.
func (r *roles) grant(principal, role guid) {
	if name := r.names[role]; name != "" {
		r.of[principal] = r.join(r.of[principal], r.number([]string{name}))
	}
}

// inherit notes that a person has the roles of a group.
func (r *roles) inherit(person, group guid) {
	if set := r.of[group]; set != 0 {
		r.of[person] = r.join(r.of[person], set)
	}
}

// list is what a principal has.
func (r *roles) list(principal guid) []string { return r.sets[r.of[principal]] }

// same tells whether all these groups bring the same roles, so that one of them tells a member's.
func (r *roles) same(groups []assignment) bool {
	return !slices.ContainsFunc(groups, func(g assignment) bool { return r.of[g.id] != r.of[groups[0].id] })
}

// join is the set of two together.
func (r *roles) join(a, b uint32) uint32 {
	switch {
	case a == b || b == 0:
		return a
	case a == 0:
		return b
	}
	names := slices.Concat(r.sets[a], r.sets[b])
	slices.Sort(names)
	return r.number(slices.Compact(names))
}

// number is that of a sorted set.
func (r *roles) number(names []string) uint32 {
	key := strings.Join(names, "\x00")
	number, known := r.known[key]
	if !known {
		number = uint32(len(r.sets))
		r.sets, r.known[key] = append(r.sets, names), number
	}
	return number
}

// scanRoles takes an enterprise application and returns the names of its app roles by their ids: the value, which is what tokens carry,
// or the display name of a role that has none.
func scanRoles(body string) (map[guid]string, error) {
	names := map[guid]string{}
	s := rest.Scan(body)
	err := s.Object(func(field string) error {
		if field != "appRoles" {
			return s.Skip()
		}
		return s.Array(func() error {
			var id, value, shown string
			err := s.Object(func(field string) (err error) {
				switch field {
				case "id":
					id, err = s.Text()
				case "value":
					value, err = s.Text()
				case "displayName":
					shown, err = s.Text()
				default:
					err = s.Skip()
				}
				return err
			})
			if key, ok := parseGUID(id); ok {
				names[key] = strings.Clone(cmp.Or(value, shown))
			}
			return err
		})
	})
	if err == nil {
		err = s.End()
	}
	return names, err
}
