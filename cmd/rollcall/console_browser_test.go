package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"rollcall/connectors/idpsim"
)

// pages is the demo's stage, story told, with a browser at its console.
type pages struct {
	*browser
	stage *stage
}

// openPages tells the demo's story and opens the console as an operator.
func openPages(t *testing.T) *pages {
	t.Helper()
	dir := t.TempDir()
	st := &stage{app: &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, env: noEnv, now: time.Now, width: func() int { return 0 }}, dir: dir, started: time.Now()}
	p := &pages{stage: st}
	p.browser = newBrowser(t, "") // before the story: without one there is nothing to tell it for
	ctx, err := st.open(t.Context())
	t.Cleanup(func() {
		if err := st.close(); err != nil {
			t.Errorf("close the stage: %v", err)
		}
		if t.Failed() {
			if log, err := os.ReadFile(filepath.Join(dir, "serve.log")); err == nil {
				t.Logf("the log of serve:\n%s", log)
			}
		}
	})
	if err == nil {
		err = st.story(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	p.at = st.console
	p.signIn(p.browser, "operators", "add", "olga@example.com", "--role", "operator")
	return p
}

// command runs a command line on the stage and returns what it prints.
func (p *pages) command(code int, args ...string) string {
	p.t.Helper()
	var out, problems bytes.Buffer
	if got := p.stage.quietly(p.t.Context(), args, &out, &problems); got != code {
		p.t.Fatalf("rollcall %s: exit code %d: %s%s", strings.Join(args, " "), got, out.String(), problems.String())
	}
	return strings.TrimSpace(out.String())
}

// signIn uses the link that a command prints.
func (p *pages) signIn(b *browser, args ...string) {
	p.t.Helper()
	b.visit(p.command(exitDone, args...))
	b.click("Sign in")
	if at := b.path(); at != "/" {
		p.t.Fatalf("signed in, and at %s:\n%s", at, b.text())
	}
}

// missing takes a whole group off the application, so that a plan is held.
func (p *pages) missing() {
	p.t.Helper()
	if err := p.stage.change(&p.stage.acme, idpsim.Step{Do: "unassign", Group: "Engineering"}); err != nil {
		p.t.Fatal(err)
	}
	p.command(exitDone, "sync", "--source", "acme-entra")
	p.command(exitHeld, "sync", "--source", "acme-entra")
}

// TestConsole drives every page and every action of the console in a real browser, at a real serve with simulated providers. Each page
// is looked at wide and narrow, light and dark, for what somebody would stumble over.
func TestConsole(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the console is not driven")
	}
	p := openPages(t)
	for _, part := range []struct {
		name  string
		drive func(*pages, *testing.T)
	}{
		{"overview and search", (*pages).driveOverview},
		{"a person", (*pages).drivePerson},
		{"an operator's hand", (*pages).driveHands},
		{"lists", (*pages).driveLists},
		{"held plans", (*pages).drivePlans},
		{"runs, undo and progress", (*pages).driveRuns},
		{"set-up", (*pages).driveSetUp},
		{"keys and passwords", (*pages).driveKeys},
		{"requests", (*pages).driveRequests},
		{"operators and viewers", (*pages).driveAccess},
		{"without JavaScript", (*pages).driveWithoutScript},
		{"keyboard", (*pages).driveKeyboard},
	} {
		ok := t.Run(part.name, func(t *testing.T) {
			before := p.browser.t
			p.browser.t = t
			defer func() { p.browser.t = before }()
			part.drive(p, t)
		})
		if !ok {
			break // what follows stands on it
		}
	}
}

func (p *pages) driveOverview(t *testing.T) {
	p.visit("/")
	if title := p.title(); title != "Both sources are in step" {
		t.Errorf("title %q", title)
	}
	p.shows("acme-entra", "globex-okta", "in step")
	p.look("overview")
	p.missing()
	p.comes("/", "removals await")
	p.shows("1 of 2 sources needs you", "removals await approval", "Review")
	p.look("overview-held")
	p.click("acme-entra")
	p.shows("Pull now", "Last 30 days", "What operators did here")
	p.look("source")

	p.search("winter")
	p.shows("answers to “winter”", newcomer)
	p.look("search")
	p.search("nobody whatsoever")
	p.shows("Nothing is known of “nobody whatsoever”")
	p.look("search-nothing")
	p.search("Engineering")
	p.shows("Engineering")
	p.visit("/nowhere")
	p.shows("There is no such page")
	p.look("no-page")
}

func (p *pages) drivePerson(t *testing.T) {
	p.search(p.stage.disabled())
	if !strings.HasPrefix(p.path(), "/users/") {
		t.Fatalf("one answer leads to the person's page, not to %s:\n%s", p.path(), p.text())
	}
	p.shows("is inactive because", "disabled at the source", "Sync this person now")
	p.look("user-inactive")
	user := p.path()
	p.click("Sync this person now")
	p.shows("othing to change")
	p.visit(user)
	p.click("Ask the provider now")
	p.shows("What the provider says now")
	p.look("user-asked")
	p.visit(user)
	p.click("Protect…")
	p.look("user-protect")
	p.fill("reason", "the founder's own account")
	p.click("Protect")
	p.shows("protected", "the founder's own account")

	p.visit(user)
	p.click("Pin…")
	p.fill("reason", "on parental leave")
	p.click("Pin")
	p.shows("pinned", "on parental leave")
	p.visit(user + "/raw")
	var raw map[string]any
	if err := json.Unmarshal([]byte(p.text()), &raw); err != nil || raw["userName"] != p.stage.disabled() {
		t.Errorf("the raw resource is %v, %v", raw, err)
	}
	if journal := p.command(exitDone, "explain", p.stage.disabled()); !strings.Contains(journal, "olga@example.com") {
		t.Errorf("the journal does not say who did it:\n%s", journal)
	}
}

func (p *pages) driveLists(t *testing.T) {
	p.visit("/users")
	p.shows("acme-entra", "globex-okta", newcomer)
	p.look("users")
	p.visit("/users?source=acme-entra&status=inactive")
	p.shows(p.stage.disabled())
	p.lacks(newcomer)
	p.visit("/users?status=inactive&reason=unassigned")
	p.shows(p.stage.unassigned())
	p.lacks(p.stage.disabled())
	p.look("users-why")
	csv := read[string](p.browser, `(async () => (await fetch("/users.csv?source=acme-entra&status=inactive")).text())()`)
	if !strings.Contains(csv, p.stage.disabled()) || strings.Contains(csv, newcomer) {
		t.Errorf("the file has:\n%s", csv)
	}
	p.visit("/groups")
	p.shows("Engineering")
	p.look("groups")
	p.click("Engineering")
	p.shows("Engineering", p.stage.disabled())
	p.look("group")
}

func (p *pages) drivePlans(t *testing.T) {
	p.visit("/plans")
	p.look("plans")
	p.click("acme-entra")
	p.shows("no longer assigned", "of", "Approve", "Discard")
	p.look("plan")
	plan := p.path()
	removals := read[string](p.browser, `document.querySelector("input[data-confirm]").dataset.confirm`)
	for _, key := range []struct{ key, to string }{{"d", "Discard the plan"}, {"a", "confirm"}} {
		p.do("press "+key.key, chromedp.KeyEvent(key.key))
		if at := read[string](p.browser, `document.activeElement.name || document.activeElement.innerText`); at != key.to {
			t.Errorf("the key %s leads to %q, not to %q", key.key, at, key.to)
		}
	}
	p.fill("confirm", "1234")
	if !read[bool](p.browser, `document.querySelector("button.danger").disabled`) {
		t.Error("a wrong number lets the button be pressed")
	}
	p.do("remove the confirmation's guard", chromedp.Evaluate[chromedp.Void](`document.querySelector("button.danger").disabled = false`))
	read[bool](p.browser, `(() => { document.querySelector("button.danger").click(); return true; })()`)
	p.shows("Nothing was changed")
	p.visit(plan)
	p.click("Discard the plan")
	p.shows("discarded")
	p.visit("/plans")
	p.shows("discarded", "olga@example.com")

	if err := p.stage.change(&p.stage.acme, idpsim.Step{Do: "assign", Group: "Engineering"}); err != nil {
		t.Fatal(err)
	}
	p.command(exitDone, "sync", "--source", "acme-entra")
	p.missing()
	p.visit("/plans")
	p.click("acme-entra")
	p.fill("confirm", removals)
	p.click("Approve " + removals + " removals")
	p.shows(removals + " changes of " + removals + " applied")
	p.look("plan-approved")
	p.visit("/users?source=acme-entra&status=inactive")
	p.shows(p.stage.acme.userName(demoPeople - 3))
}

func (p *pages) driveRuns(t *testing.T) {
	p.visit("/runs?source=acme-entra")
	p.shows("held")
	p.look("runs")
	// The approval of the plan is taken back with the run that made it.
	p.do("open the newest held run", chromedp.Click(chromedp.CSS(`tr.link a.row`)))
	p.arrive()
	p.shows("What was read", "Take this run back")
	p.look("run")
	p.click("Take this run back")
	p.shows("this is a preview", "activate")
	p.look("undo")
	p.click(read[string](p.browser, `[...document.querySelectorAll("main form button")].at(-1).innerText.trim()`))
	p.shows("applied")
	p.visit("/users?source=acme-entra&status=active")
	p.shows(p.stage.acme.userName(demoPeople - 3))

	if err := p.stage.change(&p.stage.acme, idpsim.Step{Do: "assign", Group: "Engineering"}); err != nil {
		t.Fatal(err)
	}
	// A provider that takes its time: the run is seen as it goes, and the page is read again when it has ended.
	slow(t, p.stage.acme.provider.URL())
	p.visit("/sources/acme-entra")
	p.click("Pull now")
	p.shows("Reading the provider")
	p.look("source-running")
	p.shows("found nothing to change", "by hand, olga@example.com")
	for end := time.Now().Add(pageTime); read[bool](p.browser, `[...document.querySelectorAll("[data-progress]")].some((box) => !box.hidden)`); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the run is over, and shown still:\n%s", p.text())
		}
	}
	p.shows("nothing to change")
}

// slow has a simulated provider answer the next request drop by drop.
func slow(t *testing.T, provider string) {
	t.Helper()
	answer, err := http.Post(provider+"/_control/faults", "application/json", strings.NewReader(`{"name": "slow-drip", "where": {"times": 1, "wait": "6s"}}`))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		t.Fatalf("the provider's fault is answered %d", answer.StatusCode)
	}
}

func (p *pages) driveSetUp(t *testing.T) {
	p.visit("/setup")
	p.look("setup")
	p.click("acme-entra")
	p.shows("How far it is", "Keys", "Set-up links")
	p.click("Make a set-up link")
	link := read[string](p.browser, `[...document.querySelectorAll("[data-copy]")].map((b) => b.dataset.copy).find((text) => text.includes("/setup/"))`)
	p.look("setup-source")
	if !strings.HasPrefix(link, strings.TrimSuffix(p.stage.receiver, "/auth/scim")+"/setup/") {
		t.Fatalf("the link %s is not on the receiver's listener", link)
	}

	admin := p.another()
	admin.visit(link)
	admin.shows("Show the key", "Microsoft Entra ID", "userPrincipalName", p.stage.receiver)
	admin.look("setup-page")
	// The source has two keys in the demo's beginning at most; one makes room.
	admin.click("Show the key")
	admin.shows("Copy it now")
	admin.do("copy the key", chromedp.Click(chromedp.CSS(`[data-copy]`)))
	admin.shows("Copied")
	admin.look("setup-key")
	key := read[string](admin, `[...document.querySelectorAll("[data-copy]")].map((b) => b.dataset.copy).find((text) => text.startsWith("rollcall_")) || ""`)
	if key == "" {
		t.Fatalf("no key is shown:\n%s", admin.text())
	}
	admin.visit(link)
	admin.lacks("Show the key")
	admin.lacks(key)
	if status := pushOnce(t, http.MethodGet, p.stage.receiver+"/Users?filter=userName+eq+%22nobody%22", key, ""); status != http.StatusOK {
		t.Errorf("the key that was shown is answered %d", status)
	}
	admin.shows("first")
	admin.visit(link[:len(link)-1])
	admin.shows("link")
	admin.look("setup-forged")
	admin.visit(p.at + "/")
	admin.shows("Sign in")
}

func (p *pages) driveAccess(t *testing.T) {
	p.visit("/access")
	p.shows("olga@example.com", "What was done", "approved plan", "discarded plan")
	p.look("access")
	p.fill("name", "victor@example.com")
	p.click("Add, and make a link")
	link := read[string](p.browser, `[...document.querySelectorAll("[data-copy]")].map((b) => b.dataset.copy).find((text) => text.includes("/sign-in/link/"))`)
	p.look("access-link")

	viewer := p.another()
	viewer.visit("/users")
	viewer.shows("Sign in", "Password")
	viewer.look("sign-in")
	viewer.fill("name", "victor@example.com")
	viewer.fill("password", "wrong and long enough")
	viewer.click("Sign in")
	viewer.look("sign-in-failed")
	viewer.visit(link)
	viewer.look("sign-in-link")
	viewer.click("Sign in")
	viewer.shows("victor@example.com", "viewer")
	viewer.visit("/sources/acme-entra")
	viewer.lacks("Pull now")
	viewer.visit("/access")
	viewer.lacks("Add, and make a link")
	status := read[int](viewer, `(async () => (await fetch("/sources/acme-entra/pull", { method: "POST", body: new URLSearchParams({ csrf: document.querySelector("[name=csrf]").value }) })).status)()`)
	if status != http.StatusForbidden {
		t.Errorf("a viewer's pull is answered %d", status)
	}
	viewer.visit(link)
	viewer.click("Sign in")
	viewer.shows("used")

	p.command(exitDone, "operators", "disable", "victor@example.com")
	viewer.visit("/")
	viewer.shows("Sign in")
}

// driveWithoutScript does with JavaScript switched off what the console is there for: finding somebody, narrowing a list down, deciding on
// a plan, and seeing a customer's administrator through to a key.
func (p *pages) driveWithoutScript(t *testing.T) {
	off := func(b *browser) *browser {
		b.t = t
		if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
			t.Fatalf("switch JavaScript off: %v", err)
		}
		return b
	}
	b := off(p.another())
	p.signIn(b, "operators", "link", "olga@example.com")
	if read[bool](b, `[...document.querySelectorAll("time")].some((at) => /[0-9]{4}/.test(at.title) && !at.title.endsWith("UTC"))`) {
		t.Fatal("JavaScript is on")
	}
	b.do("search", chromedp.SendKeys(chromedp.CSS("#q"), p.stage.disabled()+"\r"))
	b.shows("is inactive because", p.stage.disabled())

	b.visit("/users")
	b.fill("status", "inactive")
	b.click("Show")
	b.shows(p.stage.disabled())
	b.lacks(newcomer)

	p.missing()
	b.visit("/plans")
	b.click("acme-entra")
	removals := read[string](b, `document.querySelector("input[data-confirm]").dataset.confirm`)
	b.fill("confirm", removals)
	b.look("plan-without-script")
	b.click("Approve " + removals + " removals")
	b.shows(removals + " changes of " + removals + " applied")

	b.visit("/setup/acme-entra")
	if id := read[string](b, `(document.querySelector("input[data-confirm]") || { dataset: { confirm: "" } }).dataset.confirm`); id != "" { // one key makes room for another
		b.click("Revoke " + id)
		b.fill("confirm", id)
		b.click("Revoke for good")
		b.shows("revoked")
	}
	b.click("Make a set-up link")
	admin := off(p.another())
	admin.visit(read[string](b, `[...document.querySelectorAll("code.value")].map((code) => code.innerText).find((text) => text.includes("/setup/"))`))
	admin.click("Show the key")
	admin.shows("Copy it now", "rollcall_")
	b.click("Sign out")
	b.shows("Password")
}

func (p *pages) driveKeyboard(t *testing.T) {
	p.visit("/users")
	p.do("walk", chromedp.KeyEvent("j"), chromedp.KeyEvent("j"))
	if n := read[int](p.browser, `[...document.querySelectorAll("tr.link a.row")].indexOf(document.activeElement)`); n != 1 {
		t.Errorf("j twice leads to row %d", n)
	}
	p.do("open", chromedp.KeyEvent("\r"))
	p.arrive()
	p.shows("What happened")

	p.click("Sign out")
	p.visit("/")
	p.shows("Password")
	p.lacks("acme-entra")
}

// TestPictures takes the README's pictures of the console, where ROLLCALL_PICTURES says.
func TestPictures(t *testing.T) {
	to := os.Getenv("ROLLCALL_PICTURES")
	if to == "" {
		t.Skip("ROLLCALL_PICTURES is not set: 'make screenshots' sets it")
	}
	p := openPages(t)
	p.missing()
	take := func(name string, height int64) {
		p.do("size", chromedp.EmulateViewport(1280, height))
		picture, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name+".png"), picture, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	p.comes("/", "removals await")
	time.Sleep(2 * time.Second) // until the pictures of the days are made, and read anew
	p.visit("/")
	take("overview", 480)
	p.visit("/plans")
	p.click("acme-entra")
	take("plan", 860)
	p.search(p.stage.unassigned())
	take("person", 860)
	p.visit("/setup/acme-entra")
	p.click("Make a set-up link")
	link := read[string](p.browser, `[...document.querySelectorAll("[data-copy]")].map((b) => b.dataset.copy).find((text) => text.includes("/setup/"))`)
	p.visit(link)
	take("setup", 860)
}
