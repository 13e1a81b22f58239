package request

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/opendeed/audit"
)

// target returns the target of the request: the one that the handler set, also inside an
// inner exchange, or else the route.
func (x *Exchange) target() audit.Target {
	if target := x.handlerTarget(); target != (audit.Target{}) || x.route == "" {
		return target
	}
	return audit.Target{Type: "route", ID: x.route}
}

// handlerTarget returns the target that the handler set, also inside an inner exchange. The
// event that the handler of an inner middleware completes is that of an outer exchange.
func (x *Exchange) handlerTarget() audit.Target {
	if target := x.said().Target; target != (audit.Target{}) {
		return target
	}
	if target := x.inner.lastTarget(); target != (audit.Target{}) || x.outer == nil {
		return target
	}
	for x = x.outer; x.outer != nil && x.said().Target == (audit.Target{}); {
		x = x.outer
	}
	return x.said().Target
}

// ownEvent returns a function that reports whether a signal is about what the request is
// for: its target and its operation are those of the route.
func (x *Exchange) ownEvent() func(*audit.Event) bool {
	operations, target := operationsOf(x.method), x.handlerTarget()
	return func(e *audit.Event) bool {
		switch {
		case !slices.Contains(operations, e.Operation):
			return false
		case target != audit.Target{}:
			return sameTarget(target, e.Target)
		}
		return x.system == "" && routeNames(x.route, x.path, x.method, e)
	}
}

// sameTarget reports whether a and b are one thing, whatever its name was.
func sameTarget(a, b audit.Target) bool { return a.Type == b.Type && a.ID == b.ID }

// operationsOf returns the operations that a request with the method is for.
func operationsOf(method string) []audit.Operation {
	switch method {
	case http.MethodGet, http.MethodHead:
		return []audit.Operation{audit.OperationRead}
	case http.MethodPut:
		return []audit.Operation{audit.OperationCreate, audit.OperationUpdate}
	case http.MethodPatch:
		return []audit.Operation{audit.OperationUpdate}
	case http.MethodDelete:
		return []audit.Operation{audit.OperationDelete}
	}
	return []audit.Operation{
		audit.OperationCreate, audit.OperationUpdate, audit.OperationDelete, audit.OperationExecute,
		audit.OperationLogin, audit.OperationLogout,
	}
}

// routeNames reports whether the end of the route names the event's target. "/articles/{id}"
// names the article whose ID is in the path, and "/articles" the article that the request
// creates. Of any other route, only the handler knows the target.
func routeNames(route, path, method string, e *audit.Event) bool {
	route = strings.TrimSuffix(strings.TrimSuffix(route, "{$}"), "/")
	parent, last := cutLast(route)
	switch name, kind := parameter(last); {
	case kind == literal:
		return e.Operation == audit.OperationCreate && method != http.MethodPatch && namesType(last, e.Target.Type)
	case kind == single && name != "":
		_, id := cutLast(strings.TrimSuffix(path, "/"))
		if unescaped, err := url.PathUnescape(id); err == nil && unescaped == e.Target.ID {
			id = unescaped
		}
		_, before := cutLast(parent)
		return id != "" && id == e.Target.ID && namesType(before, e.Target.Type)
	}
	return false
}

// cutLast returns a path without its last segment, and that segment.
func cutLast(path string) (parent, last string) {
	at := strings.LastIndexByte(path, '/')
	return path[:max(at, 0)], path[at+1:]
}

// namesType reports whether a segment of a route, such as "articles", "article" or
// "order-entries", is the name of a target type or its plural.
func namesType(segment, targetType string) bool {
	if targetType == "" {
		return false
	}
	plain := strings.NewReplacer("-", "", "_", "", ".", "", " ", "")
	segment, targetType = strings.ToLower(plain.Replace(segment)), strings.ToLower(plain.Replace(targetType))
	stem, isY := strings.CutSuffix(targetType, "y")
	return segment == targetType || segment == targetType+"s" || segment == targetType+"es" || isY && segment == stem+"ies"
}
