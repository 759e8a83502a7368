package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// arrows is who may import what of ours. What is not listed is forbidden. A pattern ending in "/..." covers the package and all
// below it.
var arrows = map[string][]string{
	"cmd/rollcall":         {"..."},
	"cmd/internal/console": {"sync/explain", "sync/plan", "state", "state/scim"},

	"scimapi":       {"scimapi/patch", "state", "state/scim"},
	"scimapi/patch": {"state/scim"},

	"sync":         {"sync/plan", "sync/mapping", "connectors", "state", "state/scim"},
	"sync/explain": {"sync/plan", "connectors", "state", "state/scim"},
	"sync/plan":    {"sync/mapping", "connectors", "state", "state/scim"},
	"sync/mapping": {"state/scim", "connectors"},

	"state":        {"state/scim"},
	"state/scim":   {},
	"state/sqlite": {"state", "state/scim"},

	"connectors":       {},
	"connectors/rest":  {"connectors"},
	"connectors/entra": {"connectors", "connectors/rest"},
	"connectors/okta":  {"connectors", "connectors/rest"},

	"connectors/idpsim/...": {"connectors/idpsim/..."},

	// Test support: production code never imports it.
	"state/statetest":          {"state", "state/scim"},
	"connectors/connectortest": {"connectors", "connectors/idpsim/..."},
}

// testArrows are what test files may import besides.
var testArrows = []string{"state/sqlite", "connectors", "connectors/entra", "connectors/okta", "connectors/idpsim/...", "state/statetest", "connectors/connectortest"}

// pure packages touch no file, network, database, log or clock.
var pure = []string{"state/scim", "scimapi/patch", "sync/mapping", "sync/plan"}

var impure = []string{"os", "os/...", "net", "net/...", "database/...", "log", "log/...", "syscall", "io/ioutil", "runtime/..."}

var clocks = []string{"Now", "Since", "Until", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Sleep"}

// listedPackage is the part of `go list -json` that the rules need.
type listedPackage struct {
	ImportPath   string
	Dir          string
	GoFiles      []string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func TestImportArrows(t *testing.T) {
	for _, p := range listPackages(t) {
		from := strings.TrimPrefix(p.ImportPath, "rollcall/")
		allowed, listed := rule(from)
		if !listed {
			t.Errorf("package %s has no arrows: say above what it may import", from)
			continue
		}
		for _, imported := range p.Imports {
			if to, ours := strings.CutPrefix(imported, "rollcall/"); ours && !matches(allowed, to) {
				t.Errorf("%s must not import %s", from, to)
			}
		}
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
			to, ours := strings.CutPrefix(imported, "rollcall/")
			if ours && to != from && !matches(allowed, to) && !matches(testArrows, to) {
				t.Errorf("tests of %s must not import %s", from, to)
			}
		}
	}
}

func TestPurePackages(t *testing.T) {
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, "rollcall/")
		if !slices.Contains(pure, name) {
			continue
		}
		for _, imported := range p.Imports {
			if matches(impure, imported) {
				t.Errorf("%s is pure and must not import %s", name, imported)
			}
		}
		for _, file := range p.GoFiles {
			parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, file), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && slices.Contains(clocks, s.Sel.Name) {
					if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" {
						t.Errorf("%s/%s is pure and must not use time.%s", name, file, s.Sel.Name)
					}
				}
				return true
			})
		}
	}
}

// TestSyncIsImportedByName holds every file that imports our sync package to the name dirsync, so that sync.X always means the
// standard library's.
func TestSyncIsImportedByName(t *testing.T) {
	root := moduleRoot(t)
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			if imported == "rollcall/sync" && (spec.Name == nil || spec.Name.Name != "dirsync") {
				t.Errorf("%s imports rollcall/sync under another name than dirsync", file)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestSyncExportsNoStandardName lets a reader of sync.X be sure which package is meant.
func TestSyncExportsNoStandardName(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(moduleRoot(t), "sync", "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files of package sync: %v", err)
	}
	standard := []string{"Cond", "Locker", "Map", "Mutex", "NewCond", "Once", "OnceFunc", "OnceValue", "OnceValues", "Pool", "RWMutex", "WaitGroup"}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range parsed.Decls {
			var names []string
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					names = append(names, d.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if t, ok := spec.(*ast.TypeSpec); ok {
						names = append(names, t.Name.Name)
					}
				}
			}
			for _, name := range names {
				if slices.Contains(standard, name) {
					t.Errorf("%s exports %s, a name of the standard library's sync", filepath.Base(file), name)
				}
			}
		}
	}
}

// TestTopLevel keeps the first thing that a reader sees as planned.
func TestTopLevel(t *testing.T) {
	planned := []string{"cmd", "connectors", "scimapi", "sync", "state", "docs", "config.example.yaml", "go.mod", "go.sum", "Makefile", "README.md", "CHANGELOG.md"}
	out, err := exec.Command("git", "-C", moduleRoot(t), "ls-files").Output()
	if err != nil {
		t.Skipf("skipped: the tree is not a git checkout (%v)", err)
	}
	for _, file := range strings.Fields(string(out)) {
		top, _, _ := strings.Cut(file, "/")
		if !strings.HasPrefix(top, ".") && !slices.Contains(planned, top) {
			t.Errorf("%s is not planned at the top level", top)
		}
	}
}

func rule(from string) (allowed []string, listed bool) {
	if allowed, listed = arrows[from]; listed {
		return allowed, true
	}
	for pattern, allowed := range arrows {
		if strings.HasSuffix(pattern, "/...") && matches([]string{pattern}, from) {
			return allowed, true
		}
	}
	return nil, false
}

func matches(patterns []string, name string) bool {
	for _, pattern := range patterns {
		base, below := strings.CutSuffix(pattern, "...")
		if below && (strings.HasPrefix(name, base) || name == path.Clean(base)) || name == pattern {
			return true
		}
	}
	return false
}

func listPackages(t *testing.T) []listedPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = moduleRoot(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []listedPackage
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p listedPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	if len(packages) < 10 {
		t.Fatalf("go list found only %d packages: the test sees too little to prove anything", len(packages))
	}
	return packages
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal(fmt.Errorf("no go.mod above the test"))
		}
		dir = parent
	}
}
