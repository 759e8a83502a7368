package entra_test

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"rollcall/connectors/connectortest"
	"rollcall/connectors/entra"
	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/graph"
)

// TestThrottledAsDenied: a 403 whose code says that there were too many requests is no missing permission. It is waited out, alone and
// within a batch, and no group is taken for unreadable.
func TestThrottledAsDenied(t *testing.T) {
	p := idpsim.New(idpsim.Options{Seed: 3, People: 60, Groups: 4})
	faults := new(idpsim.Faults)
	server := httptest.NewServer(graph.New(p, graph.Options{Token: connectortest.Token, Faults: faults}))
	defer server.Close()
	c, err := entra.Open(entra.Config{TenantID: p.TenantID(), AppID: p.AppID(), AccessToken: always(connectortest.Token), GraphURL: server.URL + "/v1.0", SleepFunc: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", "/appRoleAssignedTo", "/members/"} {
		if err := faults.Set(idpsim.ThrottleDenied, idpsim.Where{Path: path, Times: 2}); err != nil {
			t.Fatal(err)
		}
		people, proof, err := pull(t, c)
		if err != nil || len(people) != 60 || !proof.Complete || len(proof.Unreadable) > 0 || faults.Hits(idpsim.ThrottleDenied) != 2 {
			t.Errorf("%q: %d people, %d hits, %+v, %v", path, len(people), faults.Hits(idpsim.ThrottleDenied), proof, err)
		}
	}
}
