package test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fragmentImports are the packages that a fragment may use, by the name that it uses. A fragment
// is a Go block without a package clause: declarations, or statements of a function that returns
// an error. It may use the names of fragmentPrelude too.
var fragmentImports = map[string]string{
	"context": "context", "errors": "errors", "fmt": "fmt", "log": "log", "os": "os", "http": "net/http",
	"httptest": "net/http/httptest", "slog": "log/slog", "sql": "database/sql", "time": "time", "testing": "testing",
	"attribute": "go.opentelemetry.io/otel/attribute",
	"codes":     "google.golang.org/grpc/codes",
	"trace":     "go.opentelemetry.io/otel/trace",
	"echo":      "github.com/labstack/echo/v4",
	"mongo":     "go.mongodb.org/mongo-driver/v2/mongo",
	"options":   "go.mongodb.org/mongo-driver/v2/mongo/options",
	"status":    "google.golang.org/grpc/status",

	"archive":     "github.com/opendeed/audit/archive",
	"audit":       "github.com/opendeed/audit",
	"auditchi":    "github.com/opendeed/audit/instrumentation/chi",
	"auditecho":   "github.com/opendeed/audit/instrumentation/echo",
	"auditgin":    "github.com/opendeed/audit/instrumentation/gin",
	"auditgrpc":   "github.com/opendeed/audit/instrumentation/grpc",
	"audithttp":   "github.com/opendeed/audit/instrumentation/nethttp",
	"auditmongo":  "github.com/opendeed/audit/instrumentation/mongodb",
	"auditrepo":   "github.com/opendeed/audit/instrumentation/repository",
	"audittest":   "github.com/opendeed/audit/audittest",
	"export":      "github.com/opendeed/audit/export",
	"history":     "github.com/opendeed/audit/query/history",
	"viewer":      "github.com/opendeed/audit/viewer",
	"sealed":      "github.com/opendeed/audit/viewer/sealed",
	"seal":        "github.com/opendeed/audit/seal",
	"erasure":     "github.com/opendeed/audit/erasure",
	"witness":     "github.com/opendeed/audit/seal/witness",
	"note":        "golang.org/x/mod/sumdb/note",
	"exporttest":  "github.com/opendeed/audit/export/exporttest",
	"ledger":      "github.com/opendeed/audit/sdk/ledger",
	"ledgerquery": "github.com/opendeed/audit/query/ledgerquery",
	"mongodb":     "github.com/opendeed/audit/exporters/mongodb",
	"otlp":        "github.com/opendeed/audit/exporters/otlp",
	"policy":      "github.com/opendeed/audit/policy",
	"propagation": "github.com/opendeed/audit/propagation",
	"query":       "github.com/opendeed/audit/query",
	"record":      "github.com/opendeed/audit/record",
	"redact":      "github.com/opendeed/audit/sdk/redact",
	"requesttest": "github.com/opendeed/audit/instrumentation/request/requesttest",
	"retention":   "github.com/opendeed/audit/archive/retention",
	"sdk":         "github.com/opendeed/audit/sdk",
	"semconv":     "github.com/opendeed/audit/semconv",
	"sqlunit":     "github.com/opendeed/audit/unit/sqlunit",
	"stdout":      "github.com/opendeed/audit/exporters/stdout",
	"unit":        "github.com/opendeed/audit/unit",
}

// fragmentPrelude declares what fragments use without saying where it comes from.
const fragmentPrelude = `
var (
	ctx      context.Context
	err      error
	tracker  audit.Tracker
	provider *sdk.TrackerProvider
	event    audit.Event
	exporter, mongoExporter, otlpExporter export.Exporter
	handler, sendPayout http.Handler
	mux      *http.ServeMux
	e        *echo.Echo
	t        *testing.T
	key      propagation.Key
	oldKey   propagation.Key
	sealKey  *seal.Key
	keys     *erasure.Dir

	reader, podOne, podTwo, volume query.Reader
	store    archive.Store
	client   *mongo.Client
	rules    *retention.Policy
	attempt  *audit.Attempt
	traceID  trace.TraceID
	cookie   string
	day      time.Time

	before, after Invoice
	invoice       Invoice
	ids           []string
	db            invoiceDB
)

type Invoice struct {
	ID     string
	Status string ` + "`audit:\"status\"`" + `
}

func (Invoice) Target() audit.Target { return audit.Target{} }

// SendRequest is a message of an RPC.
type SendRequest struct{}

func (*SendRequest) GetId() string { return "" }

type invoiceDB struct{}

func (invoiceDB) Get(context.Context, string) (Invoice, error) { return Invoice{}, nil }
func (invoiceDB) Create(context.Context, Invoice) error        { return nil }
func (invoiceDB) Update(context.Context, Invoice) error        { return nil }
func (invoiceDB) Delete(context.Context, string) error         { return nil }

// InTransaction calls f in a transaction, and commits it if f returns nil.
func (invoiceDB) InTransaction(ctx context.Context, f func(context.Context) error) error { return f(ctx) }

// webhook stands for the package of docs/write-an-exporter.md.
var webhook struct{ New func(url string) export.Exporter }

func currentUser(*http.Request) (audit.Actor, error)   { return audit.Actor{}, nil }
func echoUser(echo.Context) (audit.Actor, error)       { return audit.Actor{}, nil }
func approve(context.Context, Invoice) error           { return nil }
func sendMail(context.Context) error                   { return nil }
`

var packageClause = regexp.MustCompile(`(?m)^package [a-z]+$`)

// TestSnippetsCompile compiles every whole Go file and every fragment in the documentation. Files
// that a document tells its reader to save are built by TestDocumentedCommands.
func TestSnippetsCompile(t *testing.T) {
	t.Parallel()
	imports := compiledImports(t)
	files, fragments := 0, 0
	for _, path := range documents(t) {
		doc := filepath.ToSlash(strings.TrimPrefix(path, ".."+string(filepath.Separator)))
		for _, b := range blocksOf(t, doc) {
			switch {
			case b.language != "go":
			case b.excerpt != "": // TestExcerpts
			case b.file != "":
				files++
			case packageClause.MatchString(b.body):
				files++
				assert.NoError(t, compileFile(imports, b))
			default:
				fragments++
				assert.NoError(t, compileFragment(imports, b))
			}
		}
	}
	require.GreaterOrEqual(t, files, 2, "the README has programs")
	require.NotZero(t, fragments)
}

// compiledImports returns an importer of the packages of fragmentImports and of what
// they import.
func compiledImports(t *testing.T) types.Importer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // nothing may be compiled yet
	defer cancel()
	args := append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}"},
		slices.Sorted(maps.Values(fragmentImports))...)
	args = append(args, "os/signal", "syscall", "net/http/httptest", "bufio", "bytes", "strconv", "sync", "flag")
	list := exec.CommandContext(ctx, "go", args...)
	list.Stderr = os.Stderr
	out, err := list.Output()
	require.NoError(t, err)
	exports := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		exports[path] = file
	}
	return importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		if exports[path] == "" {
			return nil, fmt.Errorf("the documentation's tests do not know the package %s", path)
		}
		return os.Open(exports[path])
	})
}

func compileFile(imports types.Importer, b block) error {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, b.doc, b.padded("", ""), parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	return check(imports, fset, false, file)
}

// compileFragment compiles a fragment as declarations or, if it has statements, as the
// body of a function that returns an error.
func compileFragment(imports types.Importer, b block) error {
	fset := token.NewFileSet()
	source := b.padded("package p; ", "")
	if _, err := parser.ParseFile(fset, b.doc, source, parser.SkipObjectResolution); err != nil {
		source = b.padded("package p; func _() error { ", "\nreturn nil }")
	}
	var files []*ast.File
	for name, text := range map[string]string{b.doc: source, "prelude": "package p; " + fragmentPrelude} {
		file, err := withImports(fset, name, text)
		if err != nil {
			return err
		}
		files = append(files, file)
	}
	return check(imports, fset, true, files...)
}

// padded returns the body with text before it, such that the lines have the numbers that
// they have in the document, and text after it.
func (b block) padded(before, after string) string {
	return strings.Repeat("\n", b.line-2) + before + "\n" + b.body + after
}

// withImports parses a file and imports the packages of fragmentImports that it uses.
func withImports(fset *token.FileSet, name, text string) (*ast.File, error) {
	file, err := parser.ParseFile(fset, name, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	used := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := selector.X.(*ast.Ident); ok && fragmentImports[x.Name] != "" {
				used[x.Name] = true
			}
		}
		return true
	})
	var clause strings.Builder
	for _, x := range slices.Sorted(maps.Keys(used)) {
		fmt.Fprintf(&clause, "import %s %q; ", x, fragmentImports[x])
	}
	text = strings.Replace(text, "package p; ", "package p; "+clause.String(), 1)
	return parser.ParseFile(fset, name, text, parser.SkipObjectResolution)
}

// check reports type errors. For a fragment, an unused variable is none: the fragment
// does not show what follows.
func check(imports types.Importer, fset *token.FileSet, fragment bool, files ...*ast.File) error {
	var errs []error
	config := types.Config{
		Importer: imports,
		Error: func(err error) {
			if e, ok := errors.AsType[types.Error](err); !ok || !e.Soft || !fragment {
				errs = append(errs, err)
			}
		},
	}
	_, _ = config.Check("p", fset, files, nil) // the errors are in errs
	return errors.Join(errs...)
}
