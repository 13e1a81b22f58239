package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	"github.com/opendeed/audit/semconv"
)

// client sends requests to a service whose trail the recorder keeps.
type client struct {
	t        *testing.T
	server   *httptest.Server
	recorder *audittest.Recorder
	token    string
}

func newClient(t *testing.T) *client {
	t.Helper()
	options, err := auditOptions()
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, recorder: audittest.NewRecorder(t, options...)}
	c.server = httptest.NewServer(newServer(c.recorder.Tracker("test")))
	t.Cleanup(c.server.Close)
	return c
}

// do sends a request with form values, in pairs, and requires the status.
func (c *client) do(method, path string, status int, form ...string) string {
	c.t.Helper()
	values := url.Values{}
	for i := 0; i < len(form); i += 2 {
		values.Set(form[i], form[i+1])
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.server.URL+path, strings.NewReader(values.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Token "+c.token)
	response, err := c.server.Client().Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if response.StatusCode != status {
		c.t.Fatalf("%s %s: status %d, not %d", method, path, response.StatusCode, status)
	}
	return string(body)
}

// signUp registers a user and signs in, without a trace in the recorder.
func (c *client) signUp(name string) {
	c.t.Helper()
	c.do("POST", "/users", 201, "name", name, "password", "p-"+name)
	c.token = c.do("POST", "/users/login", 200, "name", name, "password", "p-"+name)
	c.recorder.Reset()
}

// TestRoutes requires the one record that each route leaves.
func TestRoutes(t *testing.T) {
	c := newClient(t)
	c.signUp("jane")
	c.signUp("joe")
	joe := audittest.Actor(audit.Actor{Type: audit.ActorUser, ID: "joe", AuthMethod: "token"})
	for _, step := range []struct {
		method, path string
		status       int
		form         []string
		want         []audittest.Matcher
	}{
		{"PUT", "/user", 204, []string{"bio", "writes"}, []audittest.Matcher{audittest.Action("user.update"), audittest.Target("user", "joe"), audittest.Changed("bio")}},
		{"POST", "/profiles/jane/follow", 204, nil, []audittest.Matcher{audittest.Action("user.follow"), audittest.Target("user", "jane")}},
		{"DELETE", "/profiles/jane/follow", 204, nil, []audittest.Matcher{audittest.Action("user.unfollow"), audittest.Target("user", "jane")}},
		{"POST", "/articles", 201, []string{"title", "On Trails", "body", "They lead."}, []audittest.Matcher{audittest.Action("article.create"), audittest.Target("article", "on-trails"), audittest.Changed("title"), audittest.Changed("body")}},
		{"PUT", "/articles/on-trails", 204, []string{"title", "Of Trails", "body", "They lead."}, []audittest.Matcher{audittest.Action("article.update"), audittest.Target("article", "on-trails"), audittest.Changed("title")}},
		{"POST", "/articles/on-trails/favorite", 204, nil, []audittest.Matcher{audittest.Action("article.favorite"), audittest.Target("article", "on-trails")}},
		{"DELETE", "/articles/on-trails/favorite", 204, nil, []audittest.Matcher{audittest.Action("article.unfavorite"), audittest.Target("article", "on-trails")}},
		{"POST", "/articles/on-trails/comments", 201, []string{"body", "Yes"}, []audittest.Matcher{audittest.Action("comment.create"), audittest.Target("comment", "1"), audittest.Changed("body")}},
		{"DELETE", "/articles/on-trails/comments/1", 204, nil, []audittest.Matcher{audittest.Action("comment.delete"), audittest.Target("comment", "1"), audittest.Changed("body")}},
		{"DELETE", "/articles/on-trails?reason=a+duplicate", 204, nil, []audittest.Matcher{audittest.Action("article.delete"), audittest.Target("article", "on-trails"), audittest.Reason("a duplicate")}},
	} {
		c.do(step.method, step.path, step.status, step.form...)
		c.recorder.RequireRecord(t, append(step.want, joe, audittest.Outcome(audit.OutcomeSuccess))...)
		if n := len(c.recorder.Records()); n != 1 {
			t.Errorf("%s %s left %d records", step.method, step.path, n)
		}
		c.recorder.Reset()
	}
}

// TestRefusals requires what remains of requests that changed nothing.
func TestRefusals(t *testing.T) {
	c := newClient(t)
	c.do("POST", "/users", 201, "name", "ann", "password", "p")
	c.recorder.RequireRecord(t, audittest.Action("user.register"), audittest.Actor(audit.Anonymous()), audittest.Target("user", "ann"), audittest.Changed("password"))
	c.do("POST", "/users/login", 401, "name", "ann", "password", "guess")
	c.recorder.RequireRecord(t, audittest.Action("user.login"), audittest.Outcome(audit.OutcomeDenied), audittest.Target("user", "ann"))
	c.do("POST", "/articles", 401, "title", "Spam")
	c.recorder.RequireRecord(t, audittest.Action(semconv.ActionAccessDenied), audittest.Actor(audit.Anonymous()))

	c.signUp("jane")
	c.do("POST", "/articles", 201, "title", "Hello")
	c.signUp("joe")
	c.do("PUT", "/articles/hello", 403, "title", "Mine")
	c.recorder.RequireRecord(t, audittest.Action("article.update"), audittest.Outcome(audit.OutcomeDenied), audittest.Target("article", "hello"))
	c.recorder.Reset()
	c.do("DELETE", "/articles/hello", 422) // the policy requires a reason, so the handler does not run
	c.recorder.RequireRecord(t, audittest.Action(semconv.ActionRejected))
	c.do("DELETE", "/articles/hello?reason=mine", 403)
	c.recorder.RequireRecord(t, audittest.Action("article.delete"), audittest.Outcome(audit.OutcomeDenied), audittest.Reason("mine"))
}
