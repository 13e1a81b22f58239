package checks

import (
	"go/ast"
	"go/constant"
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/ast/inspector"
)

var repeatedKey = &analysis.Analyzer{
	Name: "repeatedkey",
	Doc: `check for metadata keys that are set twice at one place

Of a key that is repeated, a record keeps the last value and is marked.

Wrong:

	audit.AddMetadata(ctx, attribute.String("ticket", ticket), attribute.String("ticket", comment))

Right:

	audit.AddMetadata(ctx, attribute.String("ticket", ticket), attribute.String("comment", comment))`,
	Requires: []*analysis.Analyzer{inspect.Analyzer},
	Run: func(pass *analysis.Pass) (any, error) {
		forEachCall(pass, func(_ inspector.Cursor, call *ast.CallExpr) {
			if f := calleeOf(pass, call); f != nil && f.Pkg() != nil && isAPI(f.Pkg().Path()) {
				reportRepeated(pass, call.Args)
			}
		})
		files, _ := pass.ResultOf[inspect.Analyzer].(*inspector.Inspector)
		for c := range files.Root().Preorder((*ast.CompositeLit)(nil)) {
			event, _ := c.Node().(*ast.CompositeLit)
			value, _ := eventField(pass, event, "Metadata")
			if metadata, ok := value.(*ast.CompositeLit); ok && !inTest(pass, event) {
				reportRepeated(pass, metadata.Elts)
			}
		}
		return nil, nil
	},
}

// reportRepeated reports the keys that several of the values have.
func reportRepeated(pass *analysis.Pass, values []ast.Expr) {
	seen := map[string]bool{}
	for _, v := range values {
		key, ok := keyOf(pass, v)
		if !ok {
			continue
		}
		if seen[key] {
			pass.ReportRangef(v, "the metadata key %q is repeated: the record keeps the last value only", key)
		}
		seen[key] = true
	}
}

// keyOf returns the constant key of a key and value, such as attribute.String("ticket", t),
// or of an option that takes the value of a key from a request.
func keyOf(pass *analysis.Pass, e ast.Expr) (string, bool) {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok {
		return "", false
	}
	f := calleeOf(pass, call)
	switch {
	case f == nil || f.Pkg() == nil:
		return "", false
	case isIn(f, instrumentationPath, "MetadataFrom"):
		return constantOf(pass, call.Args[0])
	case f.Pkg().Path() != attributePath || !isKeyValue(f):
		return "", false
	case f.Signature().Recv() == nil && len(call.Args) > 0:
		return constantOf(pass, call.Args[0])
	}
	if method, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok {
		return constantOf(pass, method.X) // semconv.RequestIDKey.String(id)
	}
	return "", false
}

func isKeyValue(f *types.Func) bool {
	results := f.Signature().Results()
	return results.Len() == 1 && isNamed(results.At(0).Type(), attributePath, "KeyValue")
}

func constantOf(pass *analysis.Pass, e ast.Expr) (string, bool) {
	v := pass.TypesInfo.Types[e].Value
	if v == nil || v.Kind() != constant.String {
		return "", false
	}
	return constant.StringVal(v), true
}
