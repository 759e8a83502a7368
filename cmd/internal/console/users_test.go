package console

import "testing"

func TestFixture(t *testing.T) {
	f := newFixture(t)
	f.account(acme, `{"userName":"ada@acme.example","displayName":"Ada Acker"}`)
	f.get(olga, "/nowhere").shows(404, "There is no such page")
}
