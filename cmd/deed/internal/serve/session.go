// Package serve serves the viewer to one person on this machine: who has the link that the
// terminal shows, once.
package serve

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	_ "embed"
	"encoding/base64"
	"errors"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// ErrNotLoopback means that an address is not one of this machine alone.
var ErrNotLoopback = errors.New("it is not an address of this machine alone; use 127.0.0.1:PORT or [::1]:PORT")

// CheckLoopback returns ErrNotLoopback for an address that other machines reach.
func CheckLoopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return ErrNotLoopback
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return ErrNotLoopback
	}
	return nil
}

// session lets one browser in. Its link has a token that is valid once, and is traded for a
// cookie: the address bar, the history and a log have nothing that lets somebody in.
type session struct {
	hosts  map[string]bool // which the requests may name
	secret string          // the value of the cookie
	next   http.Handler

	mu    sync.Mutex
	token string // "" once it was used
}

// cookieName is that of the cookie. It has no prefix __Host-, which needs https.
const cookieName = "deed_session"

// Guard returns a handler that serves next to the browser that opens the link first, and the
// link. Address is that on which it listens.
func Guard(next http.Handler, address net.Addr) (handler http.Handler, link string) {
	_, port, _ := net.SplitHostPort(address.String()) // it is one
	s := &session{next: next, secret: random(), token: random(), hosts: map[string]bool{
		address.String(): true, net.JoinHostPort("localhost", port): true,
	}}
	u := url.URL{Scheme: "http", Host: address.String(), Path: "/", RawQuery: url.Values{"token": {s.token}}.Encode()}
	return s, u.String()
}

func random() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// ServeHTTP implements http.Handler.
func (s *session) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch token := r.URL.Query().Get("token"); {
	case !s.hosts[r.Host]: // another name that leads to this machine, as in DNS rebinding
		http.Error(w, "This name is not that of deed serve.", http.StatusMisdirectedRequest)
	case token != "" && r.URL.Path == "/":
		s.trade(w, r, token)
	case !s.isIn(r):
		forbid(w, "Open the link that deed serve has printed", "It lets one browser in. To let another one in, start deed serve again.")
	default:
		s.next.ServeHTTP(w, r)
	}
}

// trade gives the cookie for the token, and leads to the address without it.
func (s *session) trade(w http.ResponseWriter, r *http.Request, token string) {
	s.mu.Lock()
	valid := r.Method == http.MethodGet && s.token != "" && subtle.ConstantTimeCompare([]byte(token), []byte(s.token)) == 1
	if valid {
		s.token = ""
	}
	s.mu.Unlock()
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	if !valid && !s.isIn(r) {
		forbid(w, "This link was used before, or is wrong", "It lets one browser in, once. If that was this browser, its cookie is gone. Start deed serve again for another link.")
		return
	}
	if valid {
		// Over http, a cookie must not be Secure.
		http.SetCookie(w, &http.Cookie{Name: cookieName, Value: s.secret, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// forbidden is the page of forbid. It loads nothing.
//
//go:embed forbidden.html
var forbidden string

var (
	forbiddenPage = template.Must(template.New("forbidden.html").Parse(forbidden))
	stylePolicy   = policyOf(forbidden)
)

// policyOf returns a Content-Security-Policy that allows the style of a page and nothing else.
func policyOf(page string) string {
	_, page, _ = strings.Cut(page, "<style>")
	style, _, _ := strings.Cut(page, "</style>")
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; frame-ancestors 'none'"
}

// forbid answers with a page that says why, and what to do.
func forbid(w http.ResponseWriter, why, what string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", stylePolicy)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusForbidden)
	_ = forbiddenPage.Execute(w, struct{ Why, What string }{why, what}) // the client may have left
}

func (s *session) isIn(r *http.Request) bool {
	c, err := r.Cookie(cookieName)
	return err == nil && subtle.ConstantTimeCompare([]byte(c.Value), []byte(s.secret)) == 1
}
