package console

import (
	"bytes"
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"rollcall/state"
)

// serve has the whole console answer on a connection.
func (f *fixture) serve() *httptest.Server {
	f.t.Helper()
	server := httptest.NewServer(f.console.Handler)
	f.t.Cleanup(server.Close)
	return server
}

// TestABrokenAnswerIsNotTakenForTheWhole: whoever takes out a list that cannot be read to its end sees that it broke off, on the
// connection itself.
func TestABrokenAnswerIsNotTakenForTheWhole(t *testing.T) {
	f := newFixture(t)
	f.many(acme, exportPage+1)
	f.join("ann", state.RoleViewer, "")
	cookies := f.signed("ann").cookies
	f.console.Store = &breaking{Store: f.store}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.serve().URL+"/users.csv", nil)
	f.must(err)
	r.AddCookie(&http.Cookie{Name: sessionCookie, Value: cookies[sessionCookie]})
	answer, err := http.DefaultClient.Do(r)
	f.must(err)
	defer answer.Body.Close()
	if got, err := io.ReadAll(answer.Body); err == nil {
		t.Errorf("the file ended after %d bytes as if it were whole", len(got))
	}
}

// falling is a store that falls over at the first or a later page of a list.
type falling struct {
	Store
	pages int
}

func (s *falling) List(ctx context.Context, listing state.Listing) (state.Page, error) {
	if s.pages--; s.pages < 0 {
		panic("the floor is gone")
	}
	return s.Store.List(ctx, listing)
}

// TestAPanicIsAnsweredAndLogged, and harms no other page; what was begun is broken off.
func TestAPanicIsAnsweredAndLogged(t *testing.T) {
	f := newFixture(t)
	f.many(acme, exportPage+1)
	f.join("ann", state.RoleViewer, "")
	b := f.signed("ann")
	var log bytes.Buffer
	f.console.Log = slog.New(slog.NewTextHandler(&log, nil))
	f.console.Store = &falling{Store: f.store}
	if p := b.get("/users"); p.status != http.StatusInternalServerError || !strings.Contains(p.body, "the log says why") {
		t.Errorf("answered %d: %s", p.status, p.body)
	}
	if !strings.Contains(log.String(), "the floor is gone") || !strings.Contains(log.String(), "console_test.go") {
		t.Errorf("logged: %s", log.String())
	}
	b.get("/access").shows(200)

	f.console.Store = &falling{f.store, 1}
	defer func() {
		if fault := recover(); fault != http.ErrAbortHandler {
			t.Errorf("a file of which a part was sent ended with %v", fault)
		}
	}()
	b.get("/users.csv")
}

// TestViewersPostNothing goes through every POST of the console, as its own source has them: those that are not listed here want the
// role of operator.
func TestViewersPostNothing(t *testing.T) {
	f := newFixture(t)
	ada := f.person(acme, "Ada")
	open := []string{"/search", "/sign-out", signInPath, linkPath + "{token}", "/setup/{token}"}
	values := strings.NewReplacer("{source}", acme.Source, "{id}", string(ada.ID), "{person}", "p-1", "{key}", "k", "{link}", "l")
	posts := postsIn(t)
	for _, h := range handWords {
		posts = append(posts, "/users/{id}/"+string(h.Hand))
	}
	if len(posts) < 20 {
		t.Fatalf("the source has only %q", posts)
	}
	for _, path := range posts {
		if slices.Contains(open, path) || path == "/users/{id}/" {
			continue
		}
		f.post(victor, values.Replace(path), "name", "eve", "role", "operator", "version", "1", "reason", "x", "confirm", "0").
			shows(http.StatusForbidden, "You may look, and not change")
	}
	if len(f.deeds()) > 0 || len(f.work.asked) > 0 {
		t.Errorf("a viewer did %q, and had %q done", f.deeds(), f.work.asked)
	}
}

// postsIn reads the paths of all POST patterns out of the package's source.
func postsIn(t *testing.T) (paths []string) {
	t.Helper()
	constants := map[string]string{"signInPath": signInPath, "linkPath": linkPath, "accessPath": accessPath, "h": ""}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var text func(ast.Expr) string
	text = func(e ast.Expr) string {
		switch e := e.(type) {
		case *ast.BasicLit:
			s, _ := strconv.Unquote(e.Value)
			return s
		case *ast.Ident:
			return constants[e.Name]
		case *ast.BinaryExpr:
			return text(e.X) + text(e.Y)
		}
		return ""
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && len(call.Args) == 2 {
				if path, post := strings.CutPrefix(text(call.Args[0]), "POST "); post {
					paths = append(paths, path)
				}
			}
			return true
		})
	}
	return paths
}

// TestNumbersOutOfAnyRangeAreHarmless: an address that somebody made up shows a page all the same.
func TestNumbersOutOfAnyRangeAreHarmless(t *testing.T) {
	f := newFixture(t)
	ada := f.person(acme, "Ada")
	staff := f.group(acme, "Staff", ada.ID)
	for _, path := range []string{"/?page=", "/users/" + string(ada.ID) + "?from=", "/users/" + string(ada.ID) + "?groups=", "/groups/" + string(staff.ID) + "?after=", "/groups/" + string(staff.ID) + "?from=", "/access?before="} {
		for _, number := range []string{"-1", "0", "288230376151711745", "9223372036854775807", "-9223372036854775808", "99999999999999999999", "x"} {
			f.get(olga, path+number).shows(200)
		}
	}
}

// TestAssetsTellStrangersNothing: what is below them and not there is answered without the console's frame.
func TestAssetsTellStrangersNothing(t *testing.T) {
	b := newFixture(t).browser()
	for _, path := range []string{"/assets/", "/assets/console.css", "/assets/x/y", "/assets/..%2fconsole.go", "/assets/%2e%2e/users"} {
		if p := b.get(path); p.status != http.StatusNotFound || p.body != "404 page not found\n" {
			t.Errorf("%s: answered %d: %s", path, p.status, p.body)
		}
	}
}
