package checks

import (
	"go/ast"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/ast/edge"
	"golang.org/x/tools/go/ast/inspector"
)

var discarded = &analysis.Analyzer{
	Name: "discarded",
	Doc: `check for discarded errors of Track and its siblings

A record that could not be stored is an error of Track, and of nothing else. The
same holds for TrackCreate, TrackUpdate, TrackDelete, Begin, Finish, Do, Run and
Scope.End, for the functions of package session, and for the end of a unit of
work.

Wrong, because nobody learns that the record is missing:

	_ = tracker.Track(ctx, event)
	defer scope.End(ctx)

Right:

	if err := tracker.Track(ctx, event); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, scope.End(ctx)) }()`,
	Requires: []*analysis.Analyzer{inspect.Analyzer},
	Run: func(pass *analysis.Pass) (any, error) {
		forEachCall(pass, func(c inspector.Cursor, call *ast.CallExpr) {
			f := calleeOf(pass, call)
			if f != nil && isTracker(f) && isDiscarded(c) {
				pass.ReportRangef(call, "the error of %s is discarded: without it nobody learns that the record is missing", qualified(f))
			}
		})
		return nil, nil
	},
}

// isDiscarded reports whether nobody gets the error of a call, its last result.
func isDiscarded(call inspector.Cursor) bool {
	for kind, _ := call.ParentEdge(); kind == edge.ParenExpr_X; kind, _ = call.ParentEdge() {
		call = call.Parent()
	}
	kind, index := call.ParentEdge()
	switch parent := call.Parent().Node().(type) {
	case *ast.ExprStmt, *ast.GoStmt, *ast.DeferStmt:
		return true
	case *ast.AssignStmt:
		return kind == edge.AssignStmt_Rhs && isBlank(assigned(parent.Lhs, len(parent.Rhs), index))
	case *ast.ValueSpec:
		if kind != edge.ValueSpec_Values {
			return false
		}
		names := make([]ast.Expr, len(parent.Names))
		for i, name := range parent.Names {
			names[i] = name
		}
		return isBlank(assigned(names, len(parent.Values), index))
	}
	return false
}

// assigned returns what gets the last result of the value of that index.
func assigned(left []ast.Expr, values, index int) ast.Expr {
	if values == 1 {
		return left[len(left)-1]
	}
	return left[index]
}

func isBlank(e ast.Expr) bool {
	name, ok := e.(*ast.Ident)
	return ok && name.Name == "_"
}
