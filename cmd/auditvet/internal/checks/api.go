package checks

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/ast/inspector"
	"golang.org/x/tools/go/types/typeutil"
)

// The packages of the API.
const (
	auditPath           = "github.com/opendeed/audit"
	diffPath            = auditPath + "/diff"
	sessionPath         = auditPath + "/session"
	unitPath            = auditPath + "/unit"
	instrumentationPath = auditPath + "/instrumentation/"
	attributePath       = "go.opentelemetry.io/otel/attribute"
)

// trackers are the functions that record an event and return an error, by package and name.
// Methods have the name of their type before their own. The method Track of trackers is
// recognized by its signature.
var trackers = map[string][]string{
	auditPath:   {"TrackCreate", "TrackUpdate", "TrackDelete", "Begin", "Do", "Run", "Attempt.Finish", "Scope.End"},
	sessionPath: {"TrackLogin", "TrackLogout", "TrackLoginFailure"},

	unitPath:              {"Begin", "Run", "Unit.Commit", "Unit.Rollback", "Unit.Unknown"},
	unitPath + "/sqlunit": {"Run", "Savepoint"},
}

// isTracker reports whether f records an event and returns an error.
func isTracker(f *types.Func) bool {
	if f.Name() == "Track" && isTrack(f.Signature()) {
		return true
	}
	return f.Pkg() != nil && slices.Contains(trackers[f.Pkg().Path()], qualified(f))
}

// isTrack reports whether sig is that of audit.Tracker's method Track.
func isTrack(sig *types.Signature) bool {
	return sig.Recv() != nil && sig.Params().Len() == 2 && sig.Results().Len() == 1 &&
		isNamed(sig.Params().At(0).Type(), "context", "Context") && isNamed(sig.Params().At(1).Type(), auditPath, "Event")
}

// qualified returns the name of a function, or of a method with its type, e.g. "Scope.End".
func qualified(f *types.Func) string {
	recv := f.Signature().Recv()
	if recv == nil {
		return f.Name()
	}
	t := recv.Type()
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	if named, ok := t.(*types.Named); ok {
		return named.Obj().Name() + "." + f.Name()
	}
	return f.Name()
}

// isNamed reports whether t is the named type of a package.
func isNamed(t types.Type, path, name string) bool {
	named, ok := types.Unalias(t).(*types.Named)
	return ok && named.Obj().Name() == name && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == path
}

// isIn reports whether f is a function or method of one of the names in a package, or in those
// below it if path ends in a slash.
func isIn(f *types.Func, path string, names ...string) bool {
	if f == nil || f.Pkg() == nil || !slices.Contains(names, f.Name()) {
		return false
	}
	return f.Pkg().Path() == path || strings.HasSuffix(path, "/") && strings.HasPrefix(f.Pkg().Path(), path)
}

// isAPI reports whether a package is the API or below it.
func isAPI(path string) bool { return path == auditPath || strings.HasPrefix(path, auditPath+"/") }

// calleeOf returns the function or method that a call calls, also that of an interface, or
// nil.
func calleeOf(pass *analysis.Pass, call *ast.CallExpr) *types.Func {
	f, _ := typeutil.Callee(pass.TypesInfo, call).(*types.Func)
	if f == nil {
		return nil
	}
	return f.Origin()
}

// forEachCall runs f on each call in the files of the package that are no tests.
func forEachCall(pass *analysis.Pass, f func(c inspector.Cursor, call *ast.CallExpr)) {
	files, _ := pass.ResultOf[inspect.Analyzer].(*inspector.Inspector)
	for c := range files.Root().Preorder((*ast.CallExpr)(nil)) {
		call, _ := c.Node().(*ast.CallExpr)
		if !inTest(pass, call) {
			f(c, call)
		}
	}
}

func inTest(pass *analysis.Pass, n ast.Node) bool {
	return strings.HasSuffix(pass.Fset.File(n.Pos()).Name(), "_test.go")
}

// eventField returns the value of a field in a literal of audit.Event, or nil if the literal
// does not have it. isEvent is false if e is no such literal.
func eventField(pass *analysis.Pass, e ast.Expr, field string) (value ast.Expr, isEvent bool) {
	literal, ok := ast.Unparen(e).(*ast.CompositeLit)
	if !ok || !isNamed(pass.TypesInfo.TypeOf(literal), auditPath, "Event") {
		return nil, false
	}
	for _, element := range literal.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok {
			return element, true // without names, all fields are set
		}
		if name, ok := pair.Key.(*ast.Ident); ok && name.Name == field {
			return pair.Value, true
		}
	}
	return nil, true
}
