package request

import (
	"hash/maphash"
	"strings"
	"sync/atomic"

	"github.com/opendeed/audit/internal/secretwords"
	"github.com/opendeed/audit/internal/values"
)

// pathMask replaces a secret path parameter.
const pathMask = values.Redacted

// maskPath masks the parameters of path whose names in route indicate secrets, such as
// "/reset/{token}" or "/reset/:token". It masks the whole of a path that does not match
// such a route.
func maskPath(route, path string) string {
	if !hasSecretParameter(route) {
		return path
	}
	var masked strings.Builder
	rest, more := path, true
	left := strings.Count(route, "/") // segments of the route after this one
	for pattern := range strings.SplitSeq(route, "/") {
		if !more {
			return "/" + pathMask
		}
		if masked.Len() > 0 || len(rest) < len(path) {
			masked.WriteByte('/')
		}
		name, kind := parameter(pattern)
		segment := rest
		if kind != tail {
			segment, rest, more = strings.Cut(rest, "/")
		}
		switch {
		case kind != literal && secretwords.IsParameter(name):
			masked.WriteString(pathMask)
		case kind != literal || pattern == segment:
			masked.WriteString(segment)
		default:
			return "/" + pathMask
		}
		if kind == tail && left > 0 {
			return "/" + pathMask // the segments after it cannot be distinguished
		}
		if kind == tail {
			return masked.String()
		}
		left--
	}
	if more {
		return "/" + pathMask
	}
	return masked.String()
}

func hasSecretParameter(route string) bool {
	if !strings.ContainsAny(route, "{:*") {
		return false
	}
	slot := &routes[maphash.String(routeSeed, route)%uint64(len(routes))]
	known := slot.Load()
	if known == nil || known.route != route {
		known = &knownRoute{route: strings.Clone(route), secret: findSecretParameter(route)}
		slot.Store(known)
	}
	return known.secret
}

// routes are the routes that were asked for last, since a service has few, and looking for
// secret words takes a while. A route takes the place of another with the same hash.
var (
	routes    [512]atomic.Pointer[knownRoute]
	routeSeed = maphash.MakeSeed()
)

type knownRoute struct {
	route  string
	secret bool // it has a parameter whose name indicates a secret
}

func findSecretParameter(route string) bool {
	for pattern := range strings.SplitSeq(route, "/") {
		if name, kind := parameter(pattern); kind != literal && secretwords.IsParameter(name) {
			return true
		}
	}
	return false
}

// segmentKind is what one segment of a route matches.
type segmentKind uint8

const (
	literal segmentKind = iota // itself
	single                     // one segment of the path
	tail                       // the rest of the path
)

// parameter returns the name or names of a segment's parameter: {id}, {id...} and {$} of
// http.ServeMux, :id and * of Echo, *rest of gin, {id:[0-9]+} of chi.
func parameter(segment string) (name string, kind segmentKind) {
	if segment == "{$}" {
		return "", single
	}
	if _, name, found := strings.Cut(segment, "{"); found {
		if strings.HasSuffix(name, "...}") {
			return name, tail
		}
		return name, single
	}
	if name, found := strings.CutPrefix(segment, "*"); found {
		return name, tail
	}
	if strings.HasSuffix(segment, "*") {
		return "", tail
	}
	if _, name, found := strings.Cut(segment, ":"); found {
		return name, single
	}
	return "", literal
}
