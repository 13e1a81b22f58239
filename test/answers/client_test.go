package answers_test

import (
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// quiet discards the log of servers whose handlers panic.
var quiet = log.New(io.Discard, "", 0)

// answer is what a client got.
type answer struct {
	text   string
	status int // the final one; 0 without one
}

var (
	dateLine   = regexp.MustCompile(`(?m)^Date: .*\r\n`)
	statusLine = regexp.MustCompile(`(?m)^HTTP/1\.1 (\d\d\d) `)
)

// get is a request without a body.
const get = "GET /a HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n"

// post returns a request with a body.
func post(body string) string {
	return lines("POST /a HTTP/1.1", "Host: example.com", "Connection: close", "Content-Length: "+strconv.Itoa(len(body)), "", body)
}

// exchange sends the bytes of a request and returns those of the answer, up to the end of
// the connection.
func exchange(t *testing.T, s *server, request string) answer {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	_, err = io.WriteString(conn, request)
	require.NoError(t, err)
	response, err := io.ReadAll(conn)
	require.NoError(t, err)
	a := answer{text: dateLine.ReplaceAllString(string(response), "")}
	for _, match := range statusLine.FindAllStringSubmatch(a.text, -1) {
		if match[1] == "100" || match[1] == "103" {
			continue
		}
		a.status, err = strconv.Atoi(match[1])
		require.NoError(t, err)
		break
	}
	return a
}

// exchange2 sends a request over HTTP/2 and returns everything that the client sees.
func exchange2(t *testing.T, s *server, method string, body io.Reader) answer {
	t.Helper()
	var text strings.Builder
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			fmt.Fprintln(&text, code, header)
			return nil
		},
	})
	r, err := http.NewRequestWithContext(ctx, method, s.URL+"/a", body)
	require.NoError(t, err)
	client := s.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Do(r)
	if err != nil {
		return answer{text: text.String() + strings.ReplaceAll(err.Error(), s.URL, "")}
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	require.Equal(t, 2, response.ProtoMajor)
	response.Header.Del("Date")
	fmt.Fprintln(&text, response.Proto, response.Status, response.ContentLength)
	for _, header := range []http.Header{response.Header, response.Trailer} {
		for _, key := range slices.Sorted(maps.Keys(header)) {
			fmt.Fprintln(&text, key, header[key])
		}
		fmt.Fprintln(&text)
	}
	fmt.Fprintf(&text, "%s\n%v", b, err)
	return answer{text: text.String(), status: response.StatusCode}
}
