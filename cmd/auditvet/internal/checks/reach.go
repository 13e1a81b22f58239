package checks

import (
	"go/ast"
	"go/types"

	"golang.org/x/tools/go/analysis"
)

// setsTarget is the fact that a function sets the target of its route's intent, or records
// an event itself, which stands for that intent, or that nobody can know.
type setsTarget struct {
	// Known is false of a function that passes its context to a function variable or to the
	// method of an interface, in a package that does not import the API. That counts in its
	// own module only: a driver of a database that does so calls no handlers.
	Known  bool
	Module string
}

func (*setsTarget) AFact() {}

func (s *setsTarget) String() string {
	if s.Known {
		return "sets the target"
	}
	return "may set the target"
}

// reach knows which functions of a package set the target of a route's intent, also by what
// they call. A function that is only mentioned counts as called: somebody gets it.
type reach struct {
	pass    *analysis.Pass
	bodies  map[*types.Func]*ast.FuncDecl
	setters map[*types.Func]bool
	module  string
}

func newReach(pass *analysis.Pass) *reach {
	r := &reach{pass: pass, bodies: map[*types.Func]*ast.FuncDecl{}, setters: map[*types.Func]bool{}}
	if pass.Module != nil {
		r.module = pass.Module.Path
	}
	if pass.Pkg.Path() == auditPath {
		return r // its functions are known by name
	}
	for _, file := range pass.Files {
		for _, decl := range file.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Body != nil {
				if f, ok := pass.TypesInfo.Defs[fn.Name].(*types.Func); ok {
					r.bodies[f] = fn
				}
			}
		}
	}
	for again := true; again; { // until nothing is added, since functions call one another
		again = false
		for f, fn := range r.bodies {
			if !r.setters[f] && r.reaches(fn.Body) {
				r.setters[f], again = true, true
			}
		}
	}
	fact := &setsTarget{Known: importsAPI(pass.Pkg), Module: r.module}
	for f := range r.setters {
		pass.ExportObjectFact(f, fact)
	}
	return r
}

// importsAPI reports whether a package imports the API.
func importsAPI(pkg *types.Package) bool {
	for _, imported := range pkg.Imports() {
		if isAPI(imported.Path()) {
			return true
		}
	}
	return false
}

// reaches reports whether a node mentions a function that sets the target, or one that gets a
// context and is not known.
func (r *reach) reaches(n ast.Node) bool {
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			found = found || r.sets(r.mentioned(n)) || r.isUnknown(n)
		case *ast.CallExpr:
			found = found || r.isDynamic(n) && r.passesContext(n)
		}
		return !found
	})
	return found
}

// mentioned returns the function that an identifier or a selector names, or nil.
func (r *reach) mentioned(e ast.Expr) *types.Func {
	name, ok := e.(*ast.Ident)
	if selector, isSelector := e.(*ast.SelectorExpr); isSelector {
		name, ok = selector.Sel, true
	}
	if !ok {
		return nil
	}
	f, ok := r.pass.TypesInfo.Uses[name].(*types.Func)
	if !ok {
		return nil
	}
	return f.Origin()
}

// isUnknown reports whether a name is that of a function variable, or of the method of an
// interface, that gets a context.
func (r *reach) isUnknown(name *ast.Ident) bool {
	var sig *types.Signature
	switch used := r.pass.TypesInfo.Uses[name].(type) {
	case *types.Var:
		sig, _ = used.Type().Underlying().(*types.Signature)
	case *types.Func:
		if types.IsInterface(receiverOf(used)) {
			sig = used.Signature()
		}
	}
	if sig == nil {
		return false
	}
	for p := range sig.Params().Variables() {
		if carriesContext(p.Type()) {
			return true
		}
	}
	return false
}

// sets reports whether f sets the target.
func (r *reach) sets(f *types.Func) bool {
	switch {
	case f == nil:
		return false
	case isIn(f, auditPath, "SetTarget"), isTracker(f):
		return true
	case f.Pkg() == r.pass.Pkg:
		return r.setters[f]
	}
	var fact setsTarget
	return r.pass.ImportObjectFact(f, &fact) && (fact.Known || fact.Module == r.module)
}

// isDynamic reports whether a call calls the result of an expression, a function variable or
// the method of an interface.
func (r *reach) isDynamic(call *ast.CallExpr) bool {
	fun := ast.Unparen(call.Fun)
	if t := r.pass.TypesInfo.Types[fun]; t.IsType() || t.IsBuiltin() {
		return false
	}
	if _, ok := fun.(*ast.FuncLit); ok {
		return false
	}
	f := calleeOf(r.pass, call)
	return f == nil || types.IsInterface(receiverOf(f))
}

// receiverOf returns the type of the receiver of f, or an invalid type.
func receiverOf(f *types.Func) types.Type {
	if recv := f.Signature().Recv(); recv != nil {
		return recv.Type()
	}
	return types.Typ[types.Invalid]
}

// passesContext reports whether an argument of a call is, or carries, a context.
func (r *reach) passesContext(call *ast.CallExpr) bool {
	for _, arg := range call.Args {
		if carriesContext(r.pass.TypesInfo.TypeOf(arg)) {
			return true
		}
	}
	return false
}

func carriesContext(t types.Type) bool {
	if t == nil {
		return false
	}
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	named, ok := types.Unalias(t).(*types.Named)
	if !ok {
		return false
	}
	// *http.Request, and the Context of every framework
	return named.Obj().Name() == "Context" || isNamed(named, "net/http", "Request")
}
