package request

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWatch compares the optional methods of a watched writer with those of its writer.
func TestWatch(t *testing.T) {
	t.Parallel()
	check := func(w http.ResponseWriter) http.ResponseWriter {
		watched := new(answer).watch(w)
		assert.Equal(t, optionalMethods(w), optionalMethods(watched), "%T", w)
		assert.Equal(t, w, unwrap(watched))
		return watched
	}
	assert.IsType(t, &writer{}, check(discarder{}))
	check(httptest.NewRecorder())
	check(struct {
		http.ResponseWriter
		http.Hijacker
	}{})
	for _, version := range []int{1, 2} {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			watched := check(w)
			assert.Equal(t, version, r.ProtoMajor)
			if version == 1 {
				assert.IsType(t, &serverWriter{}, watched)
			}
		}))
		s.EnableHTTP2 = version == 2
		s.StartTLS()
		response, err := s.Client().Get(s.URL)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		s.Close()
	}
}

// optionalMethods returns which of the optional methods a writer has.
func optionalMethods(w http.ResponseWriter) (has [9]bool) {
	_, has[0] = w.(io.StringWriter)
	_, has[1] = w.(io.ReaderFrom)
	_, has[2] = w.(http.Flusher)
	_, has[3] = w.(http.Hijacker)
	_, has[4] = w.(http.Pusher)
	_, has[5] = w.(http.CloseNotifier) //nolint:staticcheck // deprecated, but handlers may use it
	_, has[6] = w.(errorFlusher)
	_, has[7] = w.(deadliner)
	_, has[8] = w.(fullDuplexer)
	return has
}

// TestFlushError flushes writers that have no other method for it than FlushError.
func TestFlushError(t *testing.T) {
	t.Parallel()
	flush := func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }
	t.Run("watched", func(t *testing.T) {
		t.Parallel()
		a := &answer{request: t.Context()}
		flush(a.watch(onlyFlushError{httptest.NewRecorder()}))
		assert.Equal(t, http.StatusOK, a.status)
		assert.True(t, a.streaming)
	})
	t.Run("withheld", func(t *testing.T) {
		t.Parallel()
		below := httptest.NewRecorder()
		_, own := hold(onlyFlushError{below}, httptest.NewRequest(http.MethodGet, "/", nil), 100, func() bool { return false })
		_, _ = io.WriteString(own, "hello")
		assert.Empty(t, below.Body)
		flush(own)
		assert.Equal(t, "hello", below.Body.String())
	})
}

type onlyFlushError struct{ http.ResponseWriter }

func (onlyFlushError) FlushError() error { return nil }
