package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"rollcall/state"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed assets/*
var assetFiles embed.FS

// assetNames gives every asset a name that changes with what is in it, so that browsers may keep it for good.
var assetNames = nameAssets()

func nameAssets() map[string]string {
	names := map[string]string{}
	entries, err := fs.ReadDir(assetFiles, "assets")
	if err != nil {
		panic(err) // it is embedded
	}
	for _, e := range entries {
		data, err := assetFiles.ReadFile("assets/" + e.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(data)
		stem, ext := strings.TrimSuffix(e.Name(), path.Ext(e.Name())), path.Ext(e.Name())
		names[e.Name()] = stem + "." + base64.RawURLEncoding.EncodeToString(sum[:6]) + ext
	}
	return names
}

// parsePages parses every page with the frame around it. A page's file defines "title" and "main"; files that begin with an underscore
// are shared parts. Pages with a name that begins with "bare-" stand in the frame without navigation.
func parsePages() (map[string]*template.Template, error) {
	shared, err := template.New("").Funcs(templateFuncs()).ParseFS(templateFiles, "templates/_*.html")
	if err != nil {
		return nil, err
	}
	files, err := fs.Glob(templateFiles, "templates/[a-z]*.html")
	if err != nil {
		return nil, err
	}
	pages := map[string]*template.Template{}
	for _, file := range files {
		page, err := shared.Clone()
		if err == nil {
			page, err = page.ParseFS(templateFiles, file)
		}
		if err != nil {
			return nil, err
		}
		pages[strings.TrimSuffix(path.Base(file), ".html")] = page
	}
	return pages, nil
}

// view is what every page's template gets: what the frame shows, and the page's own data.
type view struct {
	Visitor visitor
	Assets  string // where stylesheet and script are served
	Path    string // of the request: the navigation marks where one is
	Crumbs  []crumb
	Plans   int    // that wait for a decision
	Flash   string // what the last action came to
	Alert   string // what went wrong with it
	Version string
	Page    any
}

// crumb is a step of the way back.
type crumb struct{ Text, URL string }

// show renders a page in the frame.
func (c *Console) show(w http.ResponseWriter, r *http.Request, name string, page any) {
	c.showStatus(w, r, http.StatusOK, name, page)
}

func (c *Console) showStatus(w http.ResponseWriter, r *http.Request, status int, name string, page any) {
	v := view{Visitor: visitorOf(r), Assets: "/assets/", Path: r.URL.Path, Version: c.Version, Page: page}
	if v.Visitor.Name != "" {
		v.Plans = c.waiting(r)
		v.Flash, v.Alert = takeFlash(w, r)
	}
	if p, ok := page.(interface{ crumbs() []crumb }); ok {
		v.Crumbs = p.crumbs()
	}
	c.render(w, status, name, &v)
}

// render sends a page in the frame that is meant for it.
func (c *Console) render(w http.ResponseWriter, status int, name string, v *view) {
	frame := "frame"
	if strings.HasPrefix(name, "bare-") {
		frame = "bare"
	}
	var out bytes.Buffer // a template that fails half-way must not have sent a half page
	if err := c.pages[name].ExecuteTemplate(&out, frame, v); err != nil {
		c.Log.Error("a page could not be rendered", "page", name, "error", err)
		http.Error(w, "This page could not be made; the log says why. Nothing was changed.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = out.WriteTo(w)
}

// problem is a page that could not be shown, in words for whoever asked for it.
type problem struct {
	Status int
	Title  string
	Text   string
}

// fail shows what went wrong: that something is not there, or that the record could not be read.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, err error) {
	var p problem
	switch {
	case errors.As(err, &p):
	case errors.Is(err, state.ErrNotFound):
		p = problem{http.StatusNotFound, "There is nothing here", "It may have been erased, or the link is cut. The search finds people and groups by any name or id."}
	case r.Context().Err() != nil:
		return // nobody waits for it any more
	default:
		c.Log.Error("a page could not be shown", "path", r.URL.Path, "error", err)
		p = problem{http.StatusInternalServerError, "This page could not be read", "The record did not answer; the log says why. Nothing was changed. Try again in a moment."}
	}
	c.showStatus(w, r, p.Status, "problem", p)
}

func (p problem) Error() string { return p.Title + ": " + p.Text }

// waiting counts the plans that wait for a decision, for the navigation. A failure shows none: the pages themselves say it.
func (c *Console) waiting(r *http.Request) int {
	plans, err := c.Store.PlanHeads(r.Context(), state.Scope{}, state.PlanHeld, "", 100)
	if err != nil {
		return 0
	}
	return len(plans)
}

// asset serves the stylesheet and the script by their names with a sum in them, for good.
func (c *Console) asset(w http.ResponseWriter, r *http.Request) {
	for name, public := range assetNames {
		if public != r.PathValue("name") {
			continue
		}
		data, err := assetFiles.ReadFile("assets/" + name)
		if err != nil {
			panic(fmt.Errorf("read an embedded file: %w", err))
		}
		h := w.Header()
		h.Set("Content-Type", contentTypes[path.Ext(name)])
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		_, _ = w.Write(data)
		return
	}
	http.NotFound(w, r)
}

var contentTypes = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
