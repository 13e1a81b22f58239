package request

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FuzzHeldAnswer lets a handler write in the ways that a script says. A server sends the same
// bytes if the answer is held, and the handler gets the same errors.
func FuzzHeldAnswer(f *testing.F) {
	for _, script := range []string{
		"", "\x01\x05", "\x00\x01\x01\x05\x04\x01\x05\x01", "\x03\xff\x01\x10", "\x01\x20\x03\xff\x03\xff\x02\xff", "\x00\x04\x03\x05",
		"\x01\x05\x06\x00\x02\x10", "\x07\x03\x01\x20", "\x07\xff\x02\xff\x03\xff", "\x02\xff\x02\xff\x02\xff\x02\xff\x01\x01", "\x08\x09\x02\x80\x04\x07",
		"\x07\x20\x03\x08", "\x01\x08\x01\x08\x03\xff\x01\xff",
		"\x00\x03\x01\x01\x02\x00\x03\x01\x01\x05", // empty writes of an answer without a body
	} {
		f.Add([]byte(script), uint16(64))
	}
	server := httptest.NewUnstartedServer(nil)
	calls := make(chan heldCall, 1)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := <-calls
		defer func() {
			c.result <- c.notes.String()
			recover() // what the server would log
		}()
		if c.limit == 0 {
			c.run(w)
			return
		}
		h, held := hold(w, r, c.limit, func() bool { return false })
		defer h.send()
		c.run(held)
	})
	server.Start()
	f.Cleanup(server.Close)
	f.Fuzz(func(t *testing.T, script []byte, limit uint16) {
		if len(script) > 40 {
			return
		}
		serve := func(limit int) (answer, notes string) {
			c := heldCall{script: script, limit: limit, notes: &strings.Builder{}, result: make(chan string, 1)}
			calls <- c
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			require.NoError(t, err)
			defer conn.Close()
			require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
			_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n")
			require.NoError(t, err)
			b, err := io.ReadAll(conn)
			require.NoError(t, err)
			lines := strings.Split(string(b), "\r\n")
			for i, line := range lines {
				if strings.HasPrefix(line, "Date: ") {
					lines[i] = "Date:"
				}
			}
			return strings.Join(lines, "\r\n"), <-c.result
		}
		answer, notes := serve(0)
		heldAnswer, heldNotes := serve(int(limit)*16 + 1)
		assert.Equal(t, answer, heldAnswer)
		assert.Equal(t, notes, heldNotes)
	})
}

// heldCall is one request of the fuzz test.
type heldCall struct {
	script []byte
	limit  int // 0: the answer is not held
	notes  *strings.Builder
	result chan string
}

// run does what the script says: pairs of a method and an argument.
func (c heldCall) run(w http.ResponseWriter) {
	for i := 0; i+1 < len(c.script); i += 2 {
		arg := int(c.script[i+1])
		text := strings.Repeat(string(rune('a'+i%26)), arg*arg/4)
		switch c.script[i] % 9 {
		case 0:
			w.WriteHeader([]int{200, 201, 103, 204, 304, 500, 404}[arg%7])
		case 1:
			n, err := w.Write([]byte(text))
			fmt.Fprintln(c.notes, n, err)
		case 2:
			n, err := io.WriteString(w, text)
			fmt.Fprintln(c.notes, n, err)
		case 3:
			n, err := io.Copy(w, steps{strings.NewReader(text), arg*7 + 1})
			fmt.Fprintln(c.notes, n, err)
		case 4:
			w.Header().Set(fmt.Sprint("X-", arg%3), text[:min(len(text), 5)])
		case 5:
			w.Header().Del(fmt.Sprint("X-", arg%3))
		case 6:
			fmt.Fprintln(c.notes, http.NewResponseController(w).Flush())
		case 7:
			w.Header().Set("Content-Length", fmt.Sprint(arg*arg/4))
		case 8:
			w.Header().Set("Trailer", fmt.Sprint("X-", arg%3))
		}
	}
}

// steps is a reader that returns little at a time and has no other method.
type steps struct {
	r    io.Reader
	step int
}

func (s steps) Read(b []byte) (int, error) { return s.r.Read(b[:min(len(b), s.step)]) }
