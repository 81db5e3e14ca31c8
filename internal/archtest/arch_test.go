package archtest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "millwright/"

// bands lists every package from the top of the house to its foundations. A
// package imports only from bands below its own; a sub-package may import its
// parents. What is allowed beyond that is in exceptions.
var bands = []struct {
	name     string
	packages []string
}{
	{"main", []string{"cmd/millwright"}},
	{"command line", []string{"internal/cli"}},
	{"wiring", []string{"internal/app"}},
	{"edges", []string{"internal/api", "internal/api/compat", "internal/api/mcp", "internal/demo"}},
	{"workflows", []string{
		"internal/ingest", "internal/ingest/typing", "internal/ingest/spill",
		"internal/lineage/openlineage", "internal/recur", "internal/analyze", "internal/generate", "internal/generate/template", "internal/generate/link", "internal/generate/provider", "internal/generate/ask", "internal/evaluate", "internal/publish", "internal/publish/document", "internal/upkeep",
		"internal/compact", "internal/transfer",
	}},
	{"catalogue", []string{"internal/catalog"}},
	{"concepts", []string{
		"internal/tenant", "internal/project", "internal/schedule", "internal/source", "internal/dataset", "internal/lineage", "internal/explore",
		"internal/profile", "internal/program", "internal/program/store", "internal/job", "internal/upload",
	}},
	{"foreign descriptions of requests", []string{"internal/httpsource/curl", "internal/httpsource/openapi"}},
	{"contracts and tools", []string{
		"internal/httpsource", "internal/httpsource/auth", "internal/httpsource/decode", "internal/httpsource/guard", "internal/httpsource/paginate",
		"internal/engine", "internal/engine/duckdb", "internal/meta", "internal/blob", "internal/secret",
	}},
	{"words", []string{"internal/table", "internal/errs", "internal/jsonscan"}},
}

// exceptions are imports beside the bands, each with its reason.
var exceptions = map[[2]string]string{
	{"internal/generate", "internal/evaluate"}:               "a candidate is tried the way a program is run",
	{"internal/generate", "internal/generate/template"}:      "a parent uses its catalogue",
	{"internal/generate", "internal/generate/link"}:          "a parent uses its parts",
	{"internal/generate/link", "internal/generate/template"}: "a link is what joins of the catalogue are made from",
	{"internal/generate/ask", "internal/generate/template"}:  "an answer is made from the same catalogue",
	{"internal/generate/ask", "internal/evaluate"}:           "an answer is tried the way a program is run",
	{"internal/publish", "internal/evaluate"}:                "an endpoint is run the way a program is",
	{"internal/publish/document", "internal/evaluate"}:       "a document names the formats of answers",
	{"internal/schedule", "internal/program"}:                "the name that was likely meant is found in one way",
	{"internal/ingest", "internal/ingest/typing"}:            "a parent uses its parts",
	{"internal/ingest", "internal/ingest/spill"}:             "a parent uses its parts",
	{"internal/ingest/spill", "internal/ingest/typing"}:      "rewriting a spill needs the normal form",
	{"internal/httpsource", "internal/httpsource/auth"}:      "a parent uses its parts",
	{"internal/httpsource", "internal/httpsource/decode"}:    "a parent uses its parts",
	{"internal/httpsource", "internal/httpsource/guard"}:     "a parent uses its parts",
	{"internal/httpsource", "internal/httpsource/paginate"}:  "a parent uses its parts",
	{"internal/httpsource", "internal/secret"}:               "a request carries secrets",
	{"internal/httpsource/auth", "internal/secret"}:          "a request carries secrets",
	{"internal/api", "internal/api/compat"}:                  "the handler wears the tolerances",
	{"internal/api", "internal/api/mcp"}:                     "the handler answers agents beside clients",
}

// pure packages are held to a shorter list than their band allows.
var pure = map[string][]string{
	"internal/program": {"internal/table", "internal/errs"},
	"internal/profile": {"internal/table", "internal/errs"},
}

// driverOnly says where a foreign module may be imported.
var driverOnly = map[string]string{
	"github.com/duckdb/duckdb-go": "internal/engine/duckdb",
}

type goFile struct {
	pkg  string // folder, relative to the module's root
	path string
	ast  *ast.File
	test bool
}

func files(t *testing.T) []goFile {
	t.Helper()
	root := filepath.Join("..", "..")
	var all []goFile
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 2):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(p, ".go"):
			return nil
		}
		src, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(p))
		if err != nil {
			return err
		}
		all = append(all, goFile{filepath.ToSlash(rel), p, f, strings.HasSuffix(p, "_test.go")})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func bandOf(pkg string) int {
	return slices.IndexFunc(bands, func(b struct {
		name     string
		packages []string
	}) bool {
		return slices.Contains(b.packages, pkg)
	})
}

// isTestOnly reports whether a package exists for tests: a suite, a fake, or a
// folder of end-to-end tests. Those may import what they test.
func isTestOnly(pkg string) bool {
	last := path.Base(pkg)
	return strings.HasSuffix(last, "test") || strings.HasSuffix(last, "fake") || last == "e2e" || last == "evil"
}

func TestImportsGoDownwards(t *testing.T) {
	t.Parallel()
	for _, f := range files(t) {
		if f.test || isTestOnly(f.pkg) {
			continue
		}
		from := bandOf(f.pkg)
		if from < 0 {
			t.Errorf("%s: package %s stands in no band; give it a line in bands", f.path, f.pkg)
			continue
		}
		for _, spec := range f.ast.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			checkForeign(t, f, imported)
			to, ours := strings.CutPrefix(imported, module)
			if !ours {
				continue
			}
			if why := forbidden(f.pkg, from, to); why != "" {
				t.Errorf("%s imports %s: %s", f.path, to, why)
			}
		}
	}
}

func checkForeign(t *testing.T, f goFile, imported string) {
	for foreign, home := range driverOnly {
		if strings.HasPrefix(imported, foreign) && f.pkg != home {
			t.Errorf("%s imports %s; only %s may", f.path, imported, home)
		}
	}
}

// forbidden returns why pkg, in band from, must not import to; "" if it may.
func forbidden(pkg string, from int, to string) string {
	if allowed, ok := pure[pkg]; ok && !slices.Contains(allowed, to) {
		return "it is pure and imports only " + strings.Join(allowed, ", ")
	}
	if isTestOnly(to) {
		return "a test package is for tests"
	}
	if strings.HasPrefix(pkg, to+"/") {
		return ""
	}
	if _, ok := exceptions[[2]string{pkg, to}]; ok {
		return ""
	}
	switch band := bandOf(to); {
	case band < 0:
		return "it stands in no band"
	case band < from:
		return "that is above its band"
	case band == from:
		return "siblings do not import each other"
	}
	return ""
}

func TestRulesCatchViolations(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ pkg, to string }{
		{"internal/errs", "internal/table"},
		{"internal/meta", "internal/dataset"},
		{"internal/dataset", "internal/ingest"},
		{"internal/ingest", "internal/api"},
		{"internal/dataset", "internal/lineage"},
		{"internal/program", "internal/meta"},
		{"internal/analyze", "internal/generate"},
		{"internal/app", "internal/cli"},
	} {
		if forbidden(c.pkg, bandOf(c.pkg), c.to) == "" {
			t.Errorf("%s may import %s, but must not", c.pkg, c.to)
		}
	}
	for _, c := range []struct{ pkg, to string }{
		{"internal/api", "internal/ingest"}, {"internal/program/store", "internal/program"}, {"internal/generate", "internal/evaluate"},
	} {
		if why := forbidden(c.pkg, bandOf(c.pkg), c.to); why != "" {
			t.Errorf("%s must not import %s (%s), but may", c.pkg, c.to, why)
		}
	}
}

func TestExportedNamesSayTheirContract(t *testing.T) {
	t.Parallel()
	documented := map[string]bool{}
	for _, f := range files(t) {
		if f.test {
			continue
		}
		documented[f.pkg] = documented[f.pkg] || f.ast.Doc != nil
		for _, name := range undocumented(f.ast) {
			t.Errorf("%s: %s has no comment", f.path, name)
		}
	}
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("package %s has no package comment", pkg)
		}
	}
}

// undocumented returns the exported top-level names of f without a comment.
func undocumented(f *ast.File) []string {
	var names []string
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
				names = append(names, d.Name.Name)
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					if s.Name.IsExported() && s.Doc == nil && d.Doc == nil {
						names = append(names, s.Name.Name)
					}
				case *ast.ValueSpec:
					if s.Names[0].IsExported() && s.Doc == nil && s.Comment == nil && d.Doc == nil {
						names = append(names, s.Names[0].Name)
					}
				}
			}
		}
	}
	return names
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	t := d.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if index, ok := t.(*ast.IndexExpr); ok {
		t = index.X
	}
	id, ok := t.(*ast.Ident)
	return ok && id.IsExported()
}

func TestOnlyMainReadsTheEnvironment(t *testing.T) {
	t.Parallel()
	for _, f := range files(t) {
		if f.test || f.pkg == "cmd/millwright" || isTestOnly(f.pkg) {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if id, ok := sel.X.(*ast.Ident); ok && id.Name == "os" && (sel.Sel.Name == "Getenv" || sel.Sel.Name == "LookupEnv" || sel.Sel.Name == "Environ") {
				t.Errorf("%s reads the environment; it comes in through app.Config", f.path)
			}
			return true
		})
	}
}
