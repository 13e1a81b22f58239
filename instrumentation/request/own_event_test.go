package request

import (
	"testing"

	"github.com/opendeed/audit"
	"github.com/stretchr/testify/assert"
)

func TestRouteNames(t *testing.T) {
	t.Parallel()
	const (
		create = audit.OperationCreate
		update = audit.OperationUpdate
	)
	for _, tt := range []struct {
		route, path string
		operation   audit.Operation
		targetType  string
		targetID    string
		want        bool
	}{
		{"/articles/{id}", "/articles/1", update, "article", "1", true},
		{"/api/articles/:id", "/api/articles/1", update, "article", "1", true},
		{"/article/{id}/", "/article/1/", update, "article", "1", true},
		{"/articles/{id}", "/mounted/articles/1", update, "article", "1", true},
		{"/ledger-entries/{id}", "/ledger-entries/a%2Fb", update, "ledger_entry", "a/b", true},
		{"/addresses/{id}", "/addresses/1", update, "address", "1", true},
		{"/articles", "/articles", create, "article", "1", true},
		{"/articles/{$}", "/articles/", create, "article", "1", true},

		{"/articles/{id}", "/articles/1", update, "article", "2", false},
		{"/articles/{id}", "/articles/1", update, "session", "1", false},
		{"/articles/{id}", "/articles/1", update, "", "", false},
		{"/articles/{id}", "/articles/", update, "article", "", false},
		{"/articles", "/articles", update, "article", "1", false},
		{"/articles", "/articles", create, "session", "1", false},
		{"/users/{id}/articles/{id2}", "/users/1/articles/2", update, "user", "1", false},
		{"/users/{id}/transfers", "/users/1/transfers", update, "user", "1", false},
		{"/users/{id}/transfers", "/users/1/transfers", create, "user", "1", false},
		{"/articles/*", "/articles/1", update, "article", "1", false},
		{"/articles/{rest...}", "/articles/1", update, "article", "1", false},
		{"/{id}", "/1", update, "article", "1", false},
		{"", "/articles/1", update, "article", "1", false},
	} {
		e := audit.Event{Operation: tt.operation, Target: audit.Target{Type: tt.targetType, ID: tt.targetID}}
		assert.Equal(t, tt.want, routeNames(tt.route, tt.path, "POST", &e), "%+v", tt)
	}
	patched := audit.Event{Operation: create, Target: audit.Target{Type: "article", ID: "1"}}
	assert.False(t, routeNames("/articles", "/articles", "PATCH", &patched))
}

func FuzzRouteNames(f *testing.F) {
	f.Add("/articles/{id}", "/articles/1", "article", "1")
	f.Add("", "", "", "")
	f.Fuzz(func(t *testing.T, route, path, targetType, id string) {
		e := audit.Event{Operation: audit.OperationUpdate, Target: audit.Target{Type: targetType, ID: id}}
		if routeNames(route, path, "POST", &e) && (id == "" || targetType == "") {
			t.Errorf("%q names a target without type or ID", route)
		}
	})
}
