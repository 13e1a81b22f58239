package request

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPathPattern(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		"":                              "",
		"/":                             "/",
		"PATCH /articles/{id}":          "/articles/{id}",
		"GET  example.com/articles/{a}": "/articles/{a}",
		"example.com/":                  "/",
		"/articles/:id":                 "/articles/:id",
	} {
		assert.Equal(t, want, pathPattern(pattern))
	}
}
