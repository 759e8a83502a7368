package entra_test

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"rollcall/connectors/connectortest"
	"rollcall/connectors/idpsim"
)

func BenchmarkPull(b *testing.B) { connectortest.Benchmark(b, harness, bare) }

// bare reads the members of all assigned groups.
func bare(b *testing.B, address string, population *idpsim.Population) int {
	address += "/v1.0"
	var application struct{ ID string }
	fetch(b, address+"/servicePrincipals(appId='"+population.AppID()+"')?$select=id", &application)
	var assigned struct {
		Value []struct{ PrincipalID string }
	}
	fetch(b, address+"/servicePrincipals/"+application.ID+"/appRoleAssignedTo?$top=999", &assigned)
	people := 0
	for _, group := range assigned.Value {
		next := address + "/groups/" + group.PrincipalID + "/members/microsoft.graph.user?$top=999&$select=" +
			"accountEnabled,id,userPrincipalName,businessPhones,displayName,jobTitle,mail,mobilePhone,onPremisesExtensionAttributes,surname"
		for next != "" {
			var page struct {
				Next  string `json:"@odata.nextLink"`
				Value []struct {
					ID                                                                   string
					AccountEnabled                                                       *bool
					UserPrincipalName, DisplayName, JobTitle, Mail, MobilePhone, Surname *string
					BusinessPhones                                                       []string
					OnPremisesExtensionAttributes                                        *struct{ ExtensionAttribute1 *string }
				}
			}
			fetch(b, next, &page)
			people += len(page.Value)
			next = page.Next
		}
	}
	return people
}

func fetch(b *testing.B, address string, into any) {
	b.Helper()
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+connectortest.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.Fatalf("%s: %s %v", address, resp.Status, err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		b.Fatal(err)
	}
}
