package request

import (
	"testing"

	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/otel/attribute"
)

// The route is found after the path was recorded.
func TestLearn(t *testing.T) {
	t.Parallel()
	const route = "/reset/{token}"
	known := semconv.HTTPRouteKey.String(route)
	masked := func(path string) attribute.KeyValue { return semconv.URLPathKey.String(path) }
	tests := []struct {
		name            string
		recorded, route string // before
		path            string // of the request when the route is found
		found           string
		want            []attribute.KeyValue
	}{
		{"nothing new", "/a", route, "/a", route, nil},
		{"no route", "/a", route, "/a", "", nil},
		{"no secret", "/a/1", "", "/a/1", "/a/{id}", []attribute.KeyValue{semconv.HTTPRouteKey.String("/a/{id}")}},
		{"a secret", "/reset/hunter2", "", "/reset/hunter2", route, []attribute.KeyValue{known, masked("/reset/***REDACTED***")}},
		{"a secret below a mount", "/api/reset/hunter2", "/api/", "/reset/hunter2", route, []attribute.KeyValue{known, masked("/api/reset/***REDACTED***")}},
		{"a secret that is masked already", "/api/reset/***REDACTED***", "/api/reset/{key}", "/reset/hunter2", route, []attribute.KeyValue{known}},
		{"a path that was rewritten", "/r/hunter2", "", "/reset/hunter2", route, []attribute.KeyValue{known, masked("/reset/***REDACTED***")}},
		{"a secret in a request without a path", "/api", "", "", route, []attribute.KeyValue{known, masked("/***REDACTED***")}},
	}
	for _, tt := range tests {
		x := &Exchange{method: "GET", path: tt.recorded, route: tt.route}
		assert.Equal(t, tt.want, x.learn(tt.found, tt.path), tt.name)
	}
}
