package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser is a real one, headless, at the pages of a running serve. It is driven as a person would: by what is shown.
type browser struct {
	t       *testing.T
	ctx     context.Context
	at      string // where the console is
	shots   string // folder for pictures
	mu      sync.Mutex
	refused []string // what the browser complained of, such as of the Content-Security-Policy
}

//go:embed testdata/browser/accessible.js
var accessible string

// browsers are the names under which the browser is found.
var browsers = []string{"chromium", "chromium-browser", "google-chrome", "chrome"}

// newBrowser starts one, or skips the test aloud where there is none.
func newBrowser(t *testing.T, at string) *browser {
	t.Helper()
	var path string
	for _, name := range browsers {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("no browser: install Debian's chromium (make browser) to drive the console's pages")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("force-prefers-reduced-motion", true), chromedp.UserDataDir(t.TempDir()))
	allocated, free := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(free)
	b := &browser{t: t, at: at, shots: os.Getenv("ROLLCALL_SCREENSHOTS")}
	if b.shots == "" {
		b.shots = t.TempDir()
	}
	b.open(allocated)
	return b
}

// another is a second browser window that knows nothing of the first: no cookies.
func (b *browser) another() *browser {
	b.t.Helper()
	other := &browser{t: b.t, at: b.at, shots: b.shots}
	other.open(b.ctx, chromedp.WithNewBrowserContext())
	return other
}

func (b *browser) open(parent context.Context, options ...chromedp.ContextOption) {
	b.t.Helper()
	var closeTab context.CancelFunc
	b.ctx, closeTab = chromedp.NewContext(parent, options...)
	b.t.Cleanup(closeTab)
	err := chromedp.Listen(b.ctx, func(event any) {
		switch e := event.(type) {
		case *cdplog.EventEntryAdded:
			b.complain(string(e.Entry.Source) + ": " + e.Entry.Text)
		case *runtime.EventExceptionThrown:
			b.complain("script: " + e.ExceptionDetails.Text)
		}
	})
	if err == nil {
		_, err = chromedp.Call(b.ctx, cdplog.Enable, cdp.Empty{})
	}
	if err == nil {
		err = chromedp.Do(b.ctx, chromedp.EmulateViewport(1280, 900))
	}
	if err != nil {
		b.t.Fatalf("start the browser: %v", err)
	}
}

// expected are the complaints that are none: what a page answers with by intent.
var expected = regexp.MustCompile(`the server responded with a status of (4\d\d|503)`)

func (b *browser) complain(text string) {
	if expected.MatchString(text) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refused = append(b.refused, text)
}

// pageTime is what a page may take to show what is waited for.
const pageTime = 20 * time.Second

// do carries out actions.
func (b *browser) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, pageTime)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatalf("%s: %v\nthe page shows:\n%s", what, err, b.text())
	}
}

// read evaluates an expression in the page; a promise is waited for.
func read[T any](b *browser, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, pageTime)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("read %s: %v", expression, err)
	}
	return value
}

// visit opens a page of the console, or an address as it is.
func (b *browser) visit(page string) {
	b.t.Helper()
	if strings.HasPrefix(page, "/") {
		page = b.at + page
	}
	b.do("visit "+page, chromedp.Navigate(page))
}

// path is where the browser is.
func (b *browser) path() string {
	b.t.Helper()
	return read[string](b, `location.pathname + location.search`)
}

// title is the page's answer.
func (b *browser) title() string {
	b.t.Helper()
	return read[string](b, `document.querySelector("h1").innerText`)
}

// text is everything that the page shows.
func (b *browser) text() string {
	ctx, cancel := context.WithTimeout(b.ctx, pageTime)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body ? document.body.innerText : ""`))
	if err != nil {
		return "(" + err.Error() + ")"
	}
	return text
}

// shows fails unless the page shows each of the texts, at once or soon.
func (b *browser) shows(texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		shown := ""
		for end := time.Now().Add(pageTime); !strings.Contains(shown, text); time.Sleep(50 * time.Millisecond) {
			if shown = b.text(); time.Now().After(end) {
				b.t.Fatalf("the page does not show %q but:\n%s", text, shown)
			}
		}
	}
}

// comes visits a page again and again until it shows a text.
func (b *browser) comes(page, text string) {
	b.t.Helper()
	for end := time.Now().Add(pageTime); ; time.Sleep(100 * time.Millisecond) {
		b.visit(page)
		if strings.Contains(b.text(), text) {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("%s does not come to show %q but:\n%s", page, text, b.text())
		}
	}
}

// lacks fails if the page shows a text.
func (b *browser) lacks(text string) {
	b.t.Helper()
	if shown := b.text(); strings.Contains(shown, text) {
		b.t.Fatalf("the page shows %q:\n%s", text, shown)
	}
}

// click presses the first link or button with a text, in the page before the navigation, and waits for the page that comes of it.
func (b *browser) click(text string) {
	b.t.Helper()
	found := read[bool](b, fmt.Sprintf(`(() => {
		const named = (el) => el.innerText.replace(/\s+/g, " ").trim() === %q && el.offsetParent !== null && !el.disabled;
		const all = [...document.querySelectorAll("main a, main button, main summary"), ...document.querySelectorAll("a, button")];
		const el = all.find(named);
		if (!el) return false;
		document.documentElement.dataset.before = "1";
		el.click();
		return true;
	})()`, text))
	if !found {
		b.t.Fatalf("there is no %q to click; the page shows:\n%s", text, b.text())
	}
	b.arrive()
}

// stays is how long a page that was to be left may linger before it counts as one that stays.
const stays = time.Second

// arrive waits until the page that was left for another is gone and that one is there. A page that stays, stays.
func (b *browser) arrive() {
	b.t.Helper()
	began := time.Now()
	for time.Since(began) < pageTime {
		ctx, cancel := context.WithTimeout(b.ctx, pageTime)
		state, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.documentElement.dataset.before ? "old" : document.readyState`))
		cancel()
		if err == nil && (state == "complete" || state == "old" && time.Since(began) > stays) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.t.Fatalf("no page came; what is shown:\n%s", b.text())
}

// fill types a text into the field of the page with a name, or chooses it.
func (b *browser) fill(field, text string) {
	b.t.Helper()
	at := chromedp.CSS(fmt.Sprintf(`main [name=%q]:not([type=hidden])`, field))
	if read[string](b, fmt.Sprintf(`(document.querySelector('main [name=%q]:not([type=hidden])') || {}).tagName || ""`, field)) == "SELECT" {
		b.do("choose "+field, chromedp.SetValue(at, text))
		return
	}
	read[bool](b, fmt.Sprintf(`(() => { document.querySelector('main [name=%q]:not([type=hidden])').value = ""; return true; })()`, field))
	b.do("fill in "+field, chromedp.SendKeys(at, text))
}

// search looks for a text with the frame's search, by the keyboard alone.
func (b *browser) search(text string) {
	b.t.Helper()
	// As a browser does: where the page takes the key for itself, no character is typed.
	read[bool](b, `document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "/", bubbles: true, cancelable: true }))`)
	if !read[bool](b, `document.activeElement.id === "q"`) {
		b.t.Fatal("the key / does not lead to the search")
	}
	b.do("search", chromedp.SendKeys(chromedp.CSS("#q"), text))
	read[bool](b, `(() => { document.documentElement.dataset.before = "1"; return true; })()`)
	b.do("search", chromedp.KeyEvent("\r"))
	b.arrive()
}

// windows are the sizes that a page is looked at in.
var windows = []struct {
	name          string
	width, height int64
}{{"wide", 1280, 900}, {"phone", 390, 844}}

// look checks the page as it is shown, wide and narrow, light and dark: that nobody stumbles over it, and that the browser had nothing to
// complain of. It keeps a picture of each.
func (b *browser) look(name string) {
	b.t.Helper()
	for _, window := range windows {
		for _, scheme := range []string{"light", "dark"} {
			b.do("look at "+name, chromedp.EmulateViewport(window.width, window.height))
			b.scheme(scheme)
			faults := read[[]string](b, accessible)
			picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
			if err != nil {
				b.t.Fatalf("take a picture of %s: %v", name, err)
			}
			for _, fault := range faults {
				b.t.Errorf("%s (%s, %s): %s", name, window.name, scheme, fault)
			}
			file := filepath.Join(b.shots, strings.Join([]string{name, window.name, scheme}, "-")+".png")
			if err := os.WriteFile(file, picture, 0o600); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	b.do("widen again", chromedp.EmulateViewport(1280, 900))
	b.scheme("")
	size := read[int](b, `new Blob([document.documentElement.outerHTML]).size`)
	if size > 100<<10 {
		b.t.Errorf("%s weighs %d bytes, more than 100 KB", name, size)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, text := range b.refused {
		b.t.Errorf("%s: the browser complains: %s", name, text)
	}
	b.refused = nil
}

// scheme has the page be shown to who prefers light or dark; "" to who says nothing.
func (b *browser) scheme(name string) {
	b.t.Helper()
	var params emulation.SetEmulatedMediaParams
	if name != "" {
		params.Features = []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}
	}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, params); err != nil {
		b.t.Fatalf("choose colours: %v", err)
	}
}
