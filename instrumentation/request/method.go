package request

import "net/http"

// isSafe reports whether requests with the method only read, according to RFC 9110. Methods
// are case-sensitive. Those of WebDAV, such as PROPFIND, are not among them: only a handler
// that implements WebDAV makes them safe, and others serve them as they serve POST.
func isSafe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// otherMethod stands for a method that a client made up, as in OpenTelemetry.
const otherMethod = "_OTHER"

// knownMethod returns a method of HTTP or WebDAV as it is, and otherMethod for all others,
// which are values of a client.
func knownMethod(method string) string {
	switch method {
	case "", http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace,
		"QUERY", "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT", "SEARCH", "ACL", "BIND", "REBIND",
		"UNBIND", "LINK", "UNLINK", "CHECKIN", "CHECKOUT", "UNCHECKOUT", "VERSION-CONTROL", "LABEL", "MERGE", "UPDATE", "MKWORKSPACE",
		"MKACTIVITY", "BASELINE-CONTROL", "ORDERPATCH", "MKCALENDAR", "MKREDIRECTREF", "UPDATEREDIRECTREF":
		return method
	}
	return otherMethod
}
