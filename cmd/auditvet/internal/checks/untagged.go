package checks

import (
	"go/ast"
	"go/types"
	"reflect"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/ast/inspector"
)

var untagged = &analysis.Analyzer{
	Name: "untagged",
	Doc: `check for diffs of types of which nothing is recorded

A diff records the fields that have an audit tag, or that diff.WithFields names.
Of a type without either it records nothing, however much changed.

Wrong:

	type Article struct{ Title string }

	audit.SetChanges(ctx, before, article)

Right:

	type Article struct {
		Title string ` + "`audit:\"title\"`" + `
	}`,
	Requires: []*analysis.Analyzer{inspect.Analyzer},
	Run: func(pass *analysis.Pass) (any, error) {
		forEachCall(pass, func(_ inspector.Cursor, call *ast.CallExpr) {
			f := calleeOf(pass, call)
			if !isIn(f, auditPath, "Diff", "SetChanges", "TrackCreate", "TrackUpdate", "TrackDelete") || !takesDiff(pass, call, f) {
				return
			}
			if t := instanceOf(pass, call); t != nil && recordsNothing(t, nil) {
				pass.ReportRangef(call, "nothing of %s is recorded: no field has an audit tag; tag the fields, or name them with diff.WithFields",
					types.TypeString(t, types.RelativeTo(pass.Pkg)))
			}
		})
		return nil, nil
	},
}

// takesDiff reports whether a call certainly takes a diff, and by tags alone.
func takesDiff(pass *analysis.Pass, call *ast.CallExpr, f *types.Func) bool {
	params := f.Signature().Params()
	if call.Ellipsis.IsValid() || len(call.Args) < params.Len()-1 {
		return false
	}
	for _, option := range call.Args[params.Len()-1:] {
		made, ok := ast.Unparen(option).(*ast.CallExpr)
		if !ok || !isIn(calleeOf(pass, made), diffPath, "WithTimePrecision", "NotLoaded") {
			return false
		}
	}
	for i := range params.Len() {
		if isNamed(params.At(i).Type(), auditPath, "Event") {
			changes, isLiteral := eventField(pass, call.Args[i], "Changes")
			return isLiteral && changes == nil // given changes replace the diff
		}
	}
	return true
}

// instanceOf returns the type argument of a call, which may be inferred.
func instanceOf(pass *analysis.Pass, call *ast.CallExpr) types.Type {
	fun := ast.Unparen(call.Fun)
	if index, ok := fun.(*ast.IndexExpr); ok {
		fun = index.X
	}
	var name *ast.Ident
	switch fun := fun.(type) {
	case *ast.Ident:
		name = fun
	case *ast.SelectorExpr:
		name = fun.Sel
	}
	if args := pass.TypesInfo.Instances[name].TypeArgs; args.Len() == 1 {
		return args.At(0)
	}
	return nil
}

// recordsNothing reports whether a diff of t by tags records nothing, whatever the values
// are: see package diff. visited ends recursive types.
func recordsNothing(t types.Type, visited []types.Type) bool {
	for _, v := range visited {
		if types.Identical(v, t) {
			return false
		}
	}
	visited = append(visited, t)
	if _, ok := types.Unalias(t).(*types.TypeParam); ok {
		return false
	}
	switch u := t.Underlying().(type) {
	case *types.Pointer:
		return recordsNothing(u.Elem(), visited)
	case *types.Slice:
		return recordsNothing(u.Elem(), visited)
	case *types.Array:
		return recordsNothing(u.Elem(), visited)
	case *types.Struct:
		return !hasTags(u, visited)
	case *types.Interface:
		return false
	default: // an error of the diff
		return true
	}
}

// hasTags reports whether a struct or one that it embeds without a tag has a field with an
// audit tag.
func hasTags(s *types.Struct, visited []types.Type) bool {
	for i := range s.NumFields() {
		text, found := reflect.StructTag(s.Tag(i)).Lookup("audit")
		if found && text != "-" {
			return true
		}
		if found || !s.Field(i).Embedded() {
			continue
		}
		if !recordsNothing(s.Field(i).Type(), visited) {
			return true
		}
	}
	return false
}
