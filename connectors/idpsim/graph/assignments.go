package graph

import (
	"encoding/base64"
	"slices"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/internal/wire"
)

// row is one app role assignment.
type row struct {
	principal     [16]byte
	principalType string
	role          [16]byte // zero: assigned without a specific role
	name          func(dst []byte) []byte
}

// assignmentProperties are the properties of a row, in the order in which they are shown.
var assignmentProperties = []string{"id", "deletedDateTime", "appRoleId", "createdDateTime", "principalDisplayName", "principalId",
	"principalType", "resourceDisplayName", "resourceId"}

func (a row) append(dst []byte, v *idpsim.View, selected []string, masked bool) []byte {
	dst = append(dst, '{')
	for _, name := range assignmentProperties {
		if selected != nil && !slices.Contains(selected, name) {
			continue
		}
		dst = append(dst, '"')
		dst = append(dst, name...)
		dst = append(dst, `":`...)
		if masked && name != "id" {
			dst = append(dst, "null,"...)
			continue
		}
		dst = append(a.value(dst, v, name), ',')
	}
	dst[len(dst)-1] = '}'
	return dst
}

func (a row) value(dst []byte, v *idpsim.View, name string) []byte {
	switch name {
	case "id":
		var both [32]byte
		copy(both[:], a.principal[:])
		copy(both[16:], a.role[:])
		dst = base64.RawURLEncoding.AppendEncode(append(dst, '"'), both[:])
		return append(dst, '"')
	case "appRoleId":
		return append(idpsim.AppendGUID(append(dst, '"'), a.role), '"')
	case "createdDateTime":
		return wire.AppendTime(dst, v.Created(), false)
	case "principalDisplayName":
		return a.name(dst)
	case "principalId":
		return append(idpsim.AppendGUID(append(dst, '"'), a.principal), '"')
	case "principalType":
		return wire.AppendString(dst, a.principalType)
	case "resourceDisplayName":
		return wire.AppendString(dst, applicationName)
	case "resourceId":
		return append(idpsim.AppendGUID(append(dst, '"'), v.PrincipalID()), '"')
	}
	return append(dst, "null"...)
}

// The key of a row is number and role of the principal: people first, then groups, then other applications.
const (
	roleBits  = 8
	groupRows = 1 << 48
	clientRow = 1 << 56
)

func (c *call) assignmentQuery() (*query, bool) {
	q, err := c.parseQuery()
	if err == nil {
		for _, name := range q.selected {
			if !slices.Contains(assignmentProperties, name) {
				err = refuse("Parsing OData Select and Expand failed: Could not find a property named '%s' on type 'microsoft.graph.appRoleAssignment'.", name)
			}
		}
	}
	if err != nil {
		badRequest(c.w, err.Error())
		return nil, false
	}
	return q, true
}

func (c *call) assignedTo(id string) {
	q, ok := c.assignmentQuery()
	if !ok || !c.needs(ApplicationRead) {
		return
	}
	if len(q.filter) > 0 {
		unsupported(c.w, "A filter on the assignments of a resource is not supported.")
		return
	}
	found := false
	c.read(func(v *idpsim.View) { found = isPrincipal(v, id) })
	if !found {
		notFound(c.w, id)
		return
	}
	masked, ghosts := idpsim.Struck(c.r, idpsim.Nulls), idpsim.Struck(c.r, idpsim.Ghosts)
	c.page(q, func(v *idpsim.View) collection {
		return collection{
			context: q.context("appRoleAssignments"),
			next:    func(after uint64) (uint64, bool) { return nextAssignment(v, after, ghosts) },
			append: func(dst []byte, key uint64) []byte {
				return assignment(v, key).append(dst, v, q.selected, masked)
			},
		}
	})
}

// nextAssignment finds the next row behind a key; ghosts are people in the recycle bin.
func nextAssignment(v *idpsim.View, after uint64, ghosts bool) (uint64, bool) {
	if after < groupRows {
		key, ok := nextRole(0, after, v.People(), func(n int) (int, bool) {
			x := v.Person(n)
			return len(x.Roles()), x.Direct() && (x.Present() || ghosts && x.SoftDeleted())
		})
		if ok {
			return key, true
		}
		after = groupRows
	}
	if after < clientRow {
		key, ok := nextRole(groupRows, after, v.Groups(), func(n int) (int, bool) {
			g := v.Group(n)
			return len(g.Roles()), g.Assigned()
		})
		if ok {
			return key, true
		}
		after = clientRow
	}
	return after + 1, after-clientRow < uint64(v.Clients())
}

// nextRole finds the next row among principals of one kind, whose keys begin at base. assigned says how many roles the n-th has, and
// whether it is assigned at all.
func nextRole(base, after uint64, total int, assigned func(n int) (roles int, ok bool)) (uint64, bool) {
	n, role := int((after-base)>>roleBits)-1, int(after&(1<<roleBits-1))+1
	for ; n < total; n, role = n+1, 0 {
		if n < 0 {
			continue
		}
		if roles, ok := assigned(n); ok && role < max(roles, 1) {
			return base + uint64(n+1)<<roleBits + uint64(role), true
		}
	}
	return 0, false
}

// assignment is the row with a key.
func assignment(v *idpsim.View, key uint64) row {
	if key >= clientRow {
		return row{v.ClientID(int(key - clientRow - 1)), "ServicePrincipal", [16]byte{}, literalName("Client application")}
	}
	role := int(key & (1<<roleBits - 1))
	if key >= groupRows {
		g := v.Group(int((key-groupRows)>>roleBits) - 1)
		return row{g.GUID(), "Group", roleID(v, g.Roles(), role), literalName(g.Name())}
	}
	x := v.Person(int(key>>roleBits) - 1)
	return row{x.GUID(), "User", roleID(v, x.Roles(), role), func(dst []byte) []byte { return text(idpsim.DisplayName)(dst, x) }}
}

func literalName(name string) func([]byte) []byte {
	return func(dst []byte) []byte { return wire.AppendString(dst, name) }
}

func roleID(v *idpsim.View, roles []uint16, at int) (id [16]byte) {
	if at < len(roles) {
		id = v.RoleID(int(roles[at]))
	}
	return id
}

// assignmentsOf answers with the roles of a user: their own and those of the groups they are a direct member of.
func (c *call) assignmentsOf(id string) {
	q, ok := c.assignmentQuery()
	if !ok || !c.needs(DirectoryRead) {
		return
	}
	var rows [][]byte
	found := false
	masked := idpsim.Struck(c.r, idpsim.Nulls)
	c.read(func(v *idpsim.View) {
		x, known := v.PersonByGUID(id)
		found = known && x.Present()
		if !found || v.App() == idpsim.AppGone || !forResource(v, q.filter) {
			return
		}
		show := func(base uint64, roles int) {
			for role := range max(roles, 1) {
				rows = append(rows, assignment(v, base+uint64(role)).append(nil, v, q.selected, masked))
			}
		}
		if x.Direct() {
			show(uint64(x.Number()+1)<<roleBits, len(x.Roles()))
		}
		for n := range v.Groups() {
			if g := v.Group(n); g.Assigned() && g.Has(x) {
				show(groupRows+uint64(n+1)<<roleBits, len(g.Roles()))
			}
		}
	})
	if !found {
		notFound(c.w, id)
		return
	}
	c.page(q, func(*idpsim.View) collection { return fixed(q.context("appRoleAssignments"), rows) })
}

// forResource applies the only filter there is, resourceId eq, to the application's rows.
func forResource(v *idpsim.View, filter []clause) bool {
	for _, one := range filter {
		if one.property != "resourceId" || one.values[0] != string(idpsim.AppendGUID(nil, v.PrincipalID())) {
			return false
		}
	}
	return true
}
