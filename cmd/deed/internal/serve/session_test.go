package serve_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/opendeed/audit/cmd/deed/internal/serve"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var address = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}

func request(t *testing.T, handler http.Handler, target string, cookies ...*http.Cookie) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	for _, c := range cookies {
		req.AddCookie(c)
	}
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, req)
	return answer
}

// TestGuard: the link lets one browser in, once; after that only the cookie does.
func TestGuard(t *testing.T) {
	handler, link := serve.Guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("the trail")) }), address)
	const base = "http://127.0.0.1:8080"
	assert.Equal(t, http.StatusForbidden, request(t, handler, base+"/").Code)
	assert.Equal(t, http.StatusForbidden, request(t, handler, base+"/?token=wrong").Code)

	answer := request(t, handler, link)
	assert.Equal(t, http.StatusSeeOther, answer.Code)
	assert.Equal(t, "/", answer.Header().Get("Location"))
	cookie, err := http.ParseSetCookie(answer.Header().Get("Set-Cookie"))
	require.NoError(t, err)
	assert.True(t, cookie.HttpOnly)
	assert.Equal(t, http.SameSiteStrictMode, cookie.SameSite)
	u, err := url.Parse(link)
	require.NoError(t, err)
	assert.NotEqual(t, u.Query().Get("token"), cookie.Value)

	assert.Equal(t, http.StatusOK, request(t, handler, base+"/record", cookie).Code)
	assert.Equal(t, http.StatusOK, request(t, handler, "http://localhost:8080/", cookie).Code)
	again := request(t, handler, link)
	assert.Equal(t, http.StatusForbidden, again.Code, "the link was used")
	assert.Contains(t, again.Body.String(), "<h1>This link was used before, or is wrong</h1>")
	assert.Contains(t, again.Header().Get("Content-Security-Policy"), "default-src 'none'")
	_, style, _ := strings.Cut(again.Body.String(), "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	assert.Contains(t, again.Header().Get("Content-Security-Policy"), "style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"';")
	assert.NotContains(t, again.Body.String(), u.Query().Get("token"))
	assert.Empty(t, again.Header().Get("Set-Cookie"))
	assert.Equal(t, http.StatusSeeOther, request(t, handler, link, cookie).Code, "by the browser that is in")
	assert.Equal(t, http.StatusForbidden, request(t, handler, base+"/", &http.Cookie{Name: cookie.Name, Value: "x"}).Code)
	assert.Equal(t, http.StatusMisdirectedRequest, request(t, handler, "http://attacker.example:8080/", cookie).Code, "DNS rebinding")
}

func TestCheckLoopback(t *testing.T) {
	for _, good := range []string{"127.0.0.1:0", "127.0.0.2:80", "[::1]:8080", "localhost:0"} {
		assert.NoError(t, serve.CheckLoopback(good))
	}
	for _, bad := range []string{":8080", "0.0.0.0:80", "10.0.0.1:80", "[::]:80", "example.com:80", "127.0.0.1", ""} {
		assert.ErrorIs(t, serve.CheckLoopback(bad), serve.ErrNotLoopback, bad)
	}
}
