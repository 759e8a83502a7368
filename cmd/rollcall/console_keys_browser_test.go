package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// driveKeys has an operator replace a key, withdraw a set-up link, and sign in by a password.
func (p *pages) driveKeys(t *testing.T) {
	const page = "/setup/acme-entra"
	p.visit(page)
	p.do("unfold", chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("table details").forEach((fold) => { fold.open = true; })`))
	id := read[string](p.browser, `document.querySelector("main input[data-confirm]").dataset.confirm`)
	p.fill("confirm", "another key")
	if !read[bool](p.browser, `document.querySelector("main input[data-confirm]").form.querySelector("button").disabled`) {
		t.Error("another key's id lets this one be revoked")
	}
	p.fill("confirm", id)
	p.click("Revoke for good")
	p.shows("revoked")
	p.look("setup-revoked")

	p.visit(page)
	p.fill("label", "2027")
	p.click("Issue a key")
	p.shows("Copy it now")
	key := read[string](p.browser, `[...document.querySelectorAll("[data-copy]")].map((b) => b.dataset.copy).find((text) => text.startsWith("rollcall_")) || ""`)
	p.look("setup-issued")
	if status := pushOnce(t, http.MethodGet, p.stage.receiver+"/Users?count=1", key, ""); status != http.StatusOK {
		t.Errorf("the key that was issued is answered %d", status)
	}
	p.visit(page)
	p.lacks(key)

	p.click("Make a set-up link")
	p.do("withdraw", chromedp.Evaluate[chromedp.Void](`document.documentElement.dataset.before = "1"; // arrive waits for the page that comes of it
		[...document.querySelectorAll("main form button")].find((b) => b.innerText.startsWith("Withdraw")).click()`))
	p.arrive()
	p.comes(page, "withdrawn")

	var out, problems strings.Builder
	password := strings.NewReader("a long and quiet word\n")
	if code := run(t.Context(), []string{"operators", "password", "olga@example.com", "--password-stdin", "--config", p.stage.configFile()}, password, &out, &problems, noEnv); code != exitDone {
		t.Fatalf("operators password: exit code %d: %s", code, problems.String())
	}
	p.visit("/")
	p.shows("Password") // a new password ends what was signed in
	p.fill("name", "olga@example.com")
	p.fill("password", "a long and quiet word")
	p.click("Sign in")
	p.shows("olga@example.com", "Sources")
}
