package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// pushOnce makes one request with a key.
func pushOnce(t *testing.T, method, url, key, body string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/scim+json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

func (p *pages) driveRequests(t *testing.T) {
	p.visit("/requests")
	p.shows("accepted", "POST")
	p.look("requests")
	p.do("open a request", chromedp.Click(chromedp.CSS(`tr.link a.row`)))
	p.arrive()
	p.shows("What was sent")
	p.look("request")

	key, err := os.ReadFile(filepath.Join(p.stage.dir, "globex.key"))
	if err != nil {
		t.Fatal(err)
	}
	nameless := `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"displayName":"Nameless"}`
	if status := pushOnce(t, http.MethodPost, p.stage.receiver+"/Users", strings.TrimSpace(string(key)), nameless); status != http.StatusBadRequest {
		t.Fatalf("somebody without a userName is answered %d", status)
	}
	p.comes("/requests?outcome=refused", "userName")
	p.shows("POST", "refused", "400")
	p.lacks("accepted")
	p.look("requests-refused")
	p.do("open the refused request", chromedp.Click(chromedp.CSS(`tr.link a.row`)))
	p.arrive()
	p.shows("was refused with 400", "Nameless", "What was answered", "userName")
	p.look("request-refused")
}
