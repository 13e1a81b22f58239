package viewer

import (
	"net/http"
	"net/url"
	"strings"
)

// policyHeader allows only what the handler serves itself: no inline code, no third party, no
// frame around it.
const policyHeader = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// setHeaders sets the headers of every answer.
func setHeaders(h http.Header) {
	h.Set("Content-Security-Policy", policyHeader)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	h.Add("Vary", "Sec-Fetch-Site")
}

// fromElsewhere reports whether another site caused the request, as browsers say. A link that
// somebody follows from elsewhere is such a request too. Programs send no such header.
func fromElsewhere(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return false
	}
	return true
}

// serveForeign answers a request that another site caused. It asks the function of Authorize
// nothing, and shows nothing of the trail. Who followed a link gets a page with the same link,
// which they follow themselves.
func (v *viewer) serveForeign(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Sec-Fetch-Mode") != "navigate" || r.Header.Get("Sec-Fetch-Dest") != "document" {
		http.Error(w, "Requests from other sites are not served.", http.StatusForbidden)
		return
	}
	again := url.URL{Path: "./" + strings.TrimPrefix(r.URL.Path, "/"), RawQuery: r.URL.RawQuery}
	v.render(w, r, http.StatusForbidden, v.anybody(r), &content{template: "foreign.html", Title: v.language.word("Open the trail?"), Data: again.String()})
}

// validTraceURL reports whether a URL is a template for links to traces.
func validTraceURL(text string) bool {
	u, err := url.Parse(strings.NewReplacer("{trace_id}", "0", "{span_id}", "0").Replace(text))
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && strings.Contains(text, "{trace_id}")
}
