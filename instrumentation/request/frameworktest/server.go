package frameworktest

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
)

// Serve starts a server, which is closed when the test ends. It logs nothing.
func Serve(tb testing.TB, h http.Handler) *httptest.Server {
	tb.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.Start()
	tb.Cleanup(s.Close)
	return s
}

// Send sends a request with the user agent "test/1.0", and with headers that are pairs of a
// name and a value. It returns the status and the body of the response, or the client's error.
func Send(tb testing.TB, s *httptest.Server, method, path string, body io.Reader, header ...string) (status int, answer string, err error) {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), method, s.URL+path, body)
	if err != nil {
		tb.Fatal(err)
	}
	r.Header.Set("User-Agent", "test/1.0")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	response, err := s.Client().Do(r)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}
