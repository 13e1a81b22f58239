package viewer_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/viewer"
)

// account is somebody who has logged in to the application.
type account struct {
	ID, Company string
	IsAuditor   bool
}

// sessions are those of the application, by the value of its cookie.
var sessions = map[string]account{
	"s1": {ID: "alice", Company: "acme", IsAuditor: true},
	"s2": {ID: "bob", Company: "acme"},
}

// accountOf returns who sends a request.
func accountOf(r *http.Request) (who account, ok bool) {
	cookie, err := r.Cookie("session")
	if err != nil {
		return who, false
	}
	who, ok = sessions[cookie.Value]
	return who, ok
}

// requireLogin sends those who have not logged in to the login page.
func requireLogin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := accountOf(r); !ok {
			http.Redirect(w, r, "/login", http.StatusSeeOther)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// The trail of a company, for its auditors, in an application that has a login of its own.
func Example() {
	dir, err := os.MkdirTemp("", "audit-ledger")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	provider, err := sdk.NewTrackerProvider(sdk.WithLedger(dir))
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = provider.Shutdown(context.Background()) }()
	reader, err := ledgerquery.NewReader(dir)
	if err != nil {
		log.Fatal(err)
	}

	handler, err := viewer.New(reader,
		viewer.Authorize(func(r *http.Request) (audit.Actor, viewer.View, error) {
			who, ok := accountOf(r)
			if !ok || !who.IsAuditor {
				return audit.Actor{}, viewer.View{}, viewer.ErrForbidden
			}
			return audit.User(who.ID), viewer.View{Within: query.Filter{Tenants: []string{who.Company}}}, nil
		}),
		viewer.WithTracker(provider.Tracker("example.com/shop/audit")),
	)
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/audit/", requireLogin(http.StripPrefix("/audit", handler)))

	for _, session := range []string{"", "s1", "s2"} {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/audit/", nil)
		r.AddCookie(&http.Cookie{Name: "session", Value: session})
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, r)
		fmt.Printf("%q %d %s\n", sessions[session].ID, answer.Code, http.StatusText(answer.Code))
	}
	// Output:
	// "" 303 See Other
	// "alice" 200 OK
	// "bob" 403 Forbidden
}
