package sqlite_test

import (
	"database/sql"
	"fmt"
	"testing"

	_ "modernc.org/sqlite"

	"rollcall/state"
	"rollcall/state/scim"
)

var scope = state.Scope{Tenant: "acme", Source: "acme-okta"}

// creations makes n accounts, of the size that identity providers make.
func creations(t testing.TB, from, n int) []state.Mutation {
	list := make([]state.Mutation, n)
	for i := range list {
		list[i] = creation(t, from+i)
	}
	return list
}

func creation(t testing.TB, i int) state.Mutation {
	return state.Mutation{Scope: scope, Kind: state.KindAccount, ID: accountID(i), Put: &state.Put{Resource: account(t, i, "Engineer")},
		Cause: state.Cause{Kind: state.CausePush, Actor: "key"}}
}

func accountID(i int) state.ID { return state.ID(fmt.Sprintf("01890a5d-ac96-774b-bcce-%012d", i)) }

func account(t testing.TB, i int, title string) scim.Value {
	t.Helper()
	v, err := scim.ReadJSON(fmt.Appendf(nil, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],`+
		`"externalId":"00u%07d","userName":"person.%d@acme.example","name":{"formatted":"Person Number%d","familyName":"Number%d","givenName":"Person"},`+
		`"displayName":"Person Number%d","title":%q,"preferredLanguage":"en-GB","active":true,`+
		`"emails":[{"value":"person.%d@acme.example","type":"work","primary":true}],"phoneNumbers":[{"value":"+44 20 7946 0%03d","type":"mobile"}],`+
		`"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"%d","department":"Research"}}`,
		i, i, i, i, i, title, i, i%1000, i), scim.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// execute carries out statements beside the store.
func execute(t testing.TB, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// query reads one value beside the store.
func query(t testing.TB, path string, value any, text string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(text).Scan(value); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}
