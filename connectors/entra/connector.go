package entra

import (
	"context"

	kiota "github.com/microsoft/kiota-http-go"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

// Connector asks one directory about one application.
type Connector struct {
	tenantID   string
	appID      string
	identity   string
	transitive bool
	credential *credential
	scope      string
	adapter    *kiota.NetHttpRequestAdapter
	transport  *rest.Transport
}

var (
	_ connectors.Connector = (*Connector)(nil)
	_ connectors.Hinter    = (*Connector)(nil)
)

// Identity is the directory and the application.
func (c *Connector) Identity() string { return c.identity }

// Pull implements connectors.Connector.
//
// An assigned group whose members may not be read, or are hidden, or that is gone, does not end the pull: Proof.Unreadable names it, and
// the snapshot is complete but for its members. Groups are told by what the assignments call them, or, with Want.GroupIDs, by their
// displayName; what becomes of further groups blocks nothing. How the provisioning job stands is asked for once, in vain or not. Who is assigned directly and in the recycle bin is passed as SoftDeleted; who was assigned through
// a group is not passed any more once deleted, because the directory hides the membership: Look finds them. With the scope Everyone,
// Assigned stays Unknown and nobody from the recycle bin is passed.
func (c *Connector) Pull(ctx context.Context, want connectors.Want, page func([]connectors.Person) error) (connectors.Proof, error) {
	ctx, kept := rest.StartPull(ctx, page)
	p := &pull{Connector: c, Pull: kept, want: want, seen: map[guid]struct{}{}}
	return p.End(p.run(ctx))
}
