package checks

import (
	"go/ast"
	"go/types"
	"slices"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/ast/inspector"
)

var noTarget = &analysis.Analyzer{
	Name: "notarget",
	Doc: `check for route intents whose target nobody sets

The record of such a route does not say what was changed.

Wrong, if nothing that h.update calls sets the target:

	e.PUT("/articles/:slug", h.update,
		auditecho.Intent(tracker, audit.Event{Action: "article.update"}))

Right:

	e.PUT("/articles/:slug", h.update,
		auditecho.Intent(tracker, audit.Event{Action: "article.update"},
			auditecho.TargetParam("article", "slug")))

The target can also be in the event, or be set by audit.SetTarget in the handler.
The check says nothing unless it sees the handler and everything that it calls:
not of a handler in another package, nor of one that passes its context to a
function variable or to the method of an interface.`,
	Requires:  []*analysis.Analyzer{inspect.Analyzer},
	FactTypes: []analysis.Fact{(*setsTarget)(nil)},
	Run: func(pass *analysis.Pass) (any, error) {
		r := newReach(pass)
		forEachCall(pass, func(c inspector.Cursor, call *ast.CallExpr) {
			if isIn(calleeOf(pass, call), instrumentationPath, "Intent", "IntentFunc") && r.lacksTarget(c, call) {
				pass.ReportRangef(call, "the route intent has no target: set one in the event, by TargetParam, or by audit.SetTarget in the handler")
			}
		})
		return nil, nil
	},
}

// lacksTarget reports whether nobody sets the target of a route intent.
func (r *reach) lacksTarget(c inspector.Cursor, call *ast.CallExpr) bool {
	f := calleeOf(r.pass, call)
	params := f.Signature().Params()
	fixed := params.Len()
	if f.Signature().Variadic() {
		fixed--
	}
	if call.Ellipsis.IsValid() || len(call.Args) < fixed || r.optionsMaySetTarget(call.Args[fixed:]) {
		return false
	}
	handlers, found := routeHandlers(c)
	for i, arg := range call.Args[:fixed] {
		switch t := params.At(i).Type(); {
		case isNamed(t, auditPath, "Event"):
			if target, isLiteral := eventField(r.pass, arg, "Target"); !isLiteral || target != nil {
				return false
			}
		case isNamed(t, "net/http", "Handler"):
			handlers, found = []ast.Expr{arg}, true
		case f.Name() == "IntentFunc" && isFunc(t):
			if !r.returnsNoTarget(arg) {
				return false
			}
		}
	}
	return found && r.noneSetsTarget(handlers, call)
}

// optionsMaySetTarget reports whether one of the options of a route intent sets the target,
// or is unknown.
func (r *reach) optionsMaySetTarget(options []ast.Expr) bool {
	for _, option := range options {
		call, ok := ast.Unparen(option).(*ast.CallExpr)
		if !ok || !isIn(calleeOf(r.pass, call), instrumentationPath, "ReasonFrom", "MetadataFrom", "OnUnmet") {
			return true
		}
	}
	return false
}

// returnsNoTarget reports whether a function that makes an event is a literal that returns
// events without a target.
func (r *reach) returnsNoTarget(e ast.Expr) bool {
	f, ok := ast.Unparen(e).(*ast.FuncLit)
	if !ok {
		return false
	}
	none := true
	ast.Inspect(f.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			if len(n.Results) != 1 {
				none = false
				return false
			}
			target, isLiteral := eventField(r.pass, n.Results[0], "Target")
			none = none && isLiteral && target == nil
		}
		return true
	})
	return none
}

// registers are the methods of routers that register a handler.
var registers = []string{
	"Add", "Any", "Connect", "CONNECT", "Delete", "DELETE", "Get", "GET", "Handle", "HandleFunc", "Head", "HEAD", "Match", "Method",
	"MethodFunc", "Options", "OPTIONS", "Patch", "PATCH", "Post", "POST", "Put", "PUT", "Trace", "TRACE",
}

// routeHandlers returns the arguments, the handler and its middleware, of the call that
// registers the handler of a route intent which is a middleware:
//
//	e.PUT("/articles/:slug", h.update, auditecho.Intent(...))
//	r.With(auditchi.Intent(...)).Put("/articles/{slug}", h.update)
func routeHandlers(intent inspector.Cursor) (handlers []ast.Expr, found bool) {
	call, ok := intent.Parent().Node().(*ast.CallExpr)
	if !ok {
		return nil, false
	}
	name := methodOf(call)
	if slices.Contains(registers, name) {
		return call.Args, true
	}
	if name != "With" {
		return nil, false
	}
	if outer, ok := intent.Parent().Parent().Parent().Node().(*ast.CallExpr); ok && slices.Contains(registers, methodOf(outer)) {
		return append(append([]ast.Expr{}, call.Args...), outer.Args...), true
	}
	return nil, false
}

func methodOf(call *ast.CallExpr) string {
	if selector, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok {
		return selector.Sel.Name
	}
	return ""
}

func isFunc(t types.Type) bool {
	_, ok := t.Underlying().(*types.Signature)
	return ok
}

// noneSetsTarget reports whether no handler or middleware sets the target, except the route
// intent itself.
func (r *reach) noneSetsTarget(handlers []ast.Expr, intent *ast.CallExpr) bool {
	for _, h := range handlers {
		if ast.Unparen(h) == intent {
			continue
		}
		if r.maySetTarget(h) {
			return false
		}
	}
	return true
}

// maySetTarget reports whether a handler or a middleware sets the target, or is unknown.
func (r *reach) maySetTarget(e ast.Expr) bool {
	e = ast.Unparen(e)
	t := r.pass.TypesInfo.Types[e]
	if !isFunc(t.Type) && !types.IsInterface(t.Type) {
		_, basic := t.Type.Underlying().(*types.Basic)
		_, methods := t.Type.Underlying().(*types.Slice)
		return !basic && !methods // a method or a pattern
	}
	switch e := e.(type) {
	case *ast.FuncLit:
		return r.reaches(e)
	case *ast.Ident, *ast.SelectorExpr:
		f := r.mentioned(e)
		return f == nil || r.bodies[f] == nil || r.setters[f]
	case *ast.CallExpr:
		if r.pass.TypesInfo.Types[e.Fun].IsType() { // http.HandlerFunc(update)
			return r.maySetTarget(e.Args[0])
		}
		return r.madeMaySetTarget(e)
	}
	return true
}

// madeMaySetTarget is maySetTarget for what a function returns: a handler, if the package has
// its source, or a middleware.
func (r *reach) madeMaySetTarget(call *ast.CallExpr) bool {
	f := calleeOf(r.pass, call)
	if f == nil || types.IsInterface(receiverOf(f)) || r.bodies[f] == nil && !isMiddleware(r.pass.TypesInfo.TypeOf(call)) {
		return true
	}
	return r.reaches(call)
}

// isMiddleware reports whether t is a function that returns a handler.
func isMiddleware(t types.Type) bool {
	sig, ok := t.Underlying().(*types.Signature)
	if !ok || sig.Results().Len() != 1 {
		return false
	}
	result := sig.Results().At(0).Type()
	return isFunc(result) || isNamed(result, "net/http", "Handler")
}
