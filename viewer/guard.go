package viewer

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// contentPolicy allows only what the handler serves itself: no inline code, no third party, and
// frames only in pages of the ancestors.
func contentPolicy(ancestors []string) string {
	in := "'none'"
	if len(ancestors) > 0 {
		in = strings.Join(ancestors, " ")
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"form-action 'self'; frame-ancestors " + in + "; base-uri 'none'"
}

// setHeaders sets the headers of every answer.
func (v *viewer) setHeaders(h http.Header) {
	h.Set("Content-Security-Policy", v.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	if len(v.ancestors) == 0 {
		h.Set("X-Frame-Options", "DENY") // it knows no list; browsers prefer frame-ancestors
	}
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	h.Add("Vary", "Sec-Fetch-Site, Origin, Referer")
}

// fromElsewhere reports whether another site caused the request, as browsers say. A link that
// somebody follows from elsewhere is such a request too. Browsers leave Sec-Fetch-Site out on
// plain http, except on the loopback address; then Origin or Referer has the host of the page.
// Programs send none of them, and neither does a page of plain http that hides where it is.
func fromElsewhere(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "none", "same-origin":
		return false
	case "":
		page := cmp.Or(r.Header.Get("Origin"), r.Header.Get("Referer"))
		return page != "" && !hasHost(page, r.Host)
	}
	return true
}

// hasHost reports whether a URL has a host, with its port.
func hasHost(text, host string) bool {
	u, err := url.Parse(text)
	return err == nil && strings.EqualFold(u.Host, host)
}

// serveForeign answers a request that another site caused. It asks the function of Authorize
// nothing, and shows nothing of the trail. Who followed a link gets a page with the same link,
// which they follow themselves.
func (v *viewer) serveForeign(w http.ResponseWriter, r *http.Request) {
	dest, mode := r.Header.Get("Sec-Fetch-Dest"), r.Header.Get("Sec-Fetch-Mode")
	opened := mode == "navigate" && (dest == "document" || dest == "iframe" && len(v.ancestors) > 0)
	unknown := mode == "" && dest == "" // of plain http
	if !opened && !unknown {
		http.Error(w, "Requests from other sites are not served.", http.StatusForbidden)
		return
	}
	again := url.URL{Path: "./" + strings.TrimPrefix(r.URL.Path, "/"), RawQuery: r.URL.RawQuery}
	v.render(w, r, http.StatusForbidden, v.anybody(r), &content{template: "foreign.html", Title: v.language.word("Open the trail?"), Data: again.String()})
}

// validOrigin reports whether a text is an origin as browsers write it: a scheme, a host in
// lower case, and a port unless it is the usual one. There are no wildcards. http is allowed on
// the loopback address only.
func validOrigin(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme+"://"+u.Host != text || strings.ToLower(text) != text {
		return false
	}
	host := u.Hostname()
	if strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789.-:") != "" || host == "" {
		return false
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if (err != nil || port == 0) && u.Port() != "" || u.Port() == "" && strings.HasSuffix(u.Host, ":") {
		return false
	}
	switch u.Scheme {
	case "https":
		return port != 443
	case "http":
		return port != 80 && (host == "localhost" || host == "127.0.0.1" || host == "::1")
	}
	return false
}

// validTraceURL reports whether a URL is a template for links to traces.
func validTraceURL(text string) bool {
	u, err := url.Parse(strings.NewReplacer("{trace_id}", "0", "{span_id}", "0").Replace(text))
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && strings.Contains(text, "{trace_id}")
}
