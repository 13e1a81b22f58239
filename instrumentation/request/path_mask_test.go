package request

import (
	"strings"
	"testing"

	"github.com/opendeed/audit/internal/secretwords"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMaskPath(t *testing.T) {
	t.Parallel()
	tests := []struct{ route, path, want string }{
		{"", "/reset/hunter2", "/reset/hunter2"},
		{"/articles/{id}", "/articles/1", "/articles/1"},
		{"/articles/:id", "/articles/1", "/articles/1"},
		{"/reset/{token}", "/reset/hunter2", "/reset/***REDACTED***"},
		{"/reset/:token", "/reset/hunter2", "/reset/***REDACTED***"},
		{"/reset/{token}/confirm", "/reset/hunter2/confirm", "/reset/***REDACTED***/confirm"},
		{"/u/{id}/k/{key}", "/u/7/k/hunter2", "/u/7/k/***REDACTED***"},
		{"/{token}", "/hunter2", "/***REDACTED***"},
		{"/{token}/", "/hunter2/", "/***REDACTED***/"},
		{"/files/{secret...}", "/files/a/b/c", "/files/***REDACTED***"},
		{"/reset/{token}/*", "/reset/hunter2/a/b", "/reset/***REDACTED***/a/b"},
		{"/reset/{token}/{rest...}", "/reset/hunter2/a/b", "/reset/***REDACTED***/a/b"},
		{"/reset/{token}/{$}", "/reset/hunter2/", "/reset/***REDACTED***/"},
		{"/reset/{token:[a-z]+}", "/reset/hunter2", "/reset/***REDACTED***"},
		{"/reset/{id}-{token}", "/reset/1-hunter2", "/reset/***REDACTED***"},
		{"/reset/v:token", "/reset/vhunter2", "/reset/***REDACTED***"},
		{"/cards/{cardNumber}/accounts/{iban}", "/cards/hunter2/accounts/hunter2", "/cards/***REDACTED***/accounts/***REDACTED***"},
		{"/a%2Fb/{token}", "/a%2Fb/hunter2", "/a%2Fb/***REDACTED***"},
		// A path that does not match may contain the secret anywhere.
		{"/reset/{token}", "/api/reset/hunter2", "/***REDACTED***"},
		{"/reset/{token}", "/reset", "/***REDACTED***"},
		{"/reset/{token}", "/reset/hunter2/more", "/***REDACTED***"},
		{"/reset/{token}", "//reset/hunter2", "/***REDACTED***"},
		{"/reset/{token}", "", "/***REDACTED***"},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, maskPath(tt.route, tt.path), "%s %s", tt.route, tt.path)
	}
}

// FuzzMaskPath looks for a path whose secret segment stays visible.
func FuzzMaskPath(f *testing.F) {
	f.Add("/reset/{token}", "/reset/hunter2")
	f.Add("/a/:id/reset/:token/*", "/a/1/reset/hunter2/b/c")
	f.Add("/{id}/{code...}", "/1/hunter2/3")
	f.Add("*/{token", "0/hunter2")
	f.Fuzz(func(t *testing.T, route, path string) {
		if !strings.Contains(path, "hunter2") || strings.Contains(route, "hunter2") {
			return
		}
		for i, segment := range strings.Split(route, "/") {
			name, kind := parameter(segment)
			segments := strings.Split(path, "/")
			if kind == literal || !secretwords.IsParameter(name) || i >= len(segments) || segments[i] != "hunter2" {
				continue
			}
			shown := strings.Split(maskPath(route, path), "/")
			require.True(t, i >= len(shown) || shown[i] != "hunter2")
		}
	})
}
