// Package drive runs the example services as processes and sends them real HTTP requests,
// for the demos.
package drive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client sends requests, prints what each demonstrates, and keeps the first error in Err.
// After an error its methods do nothing.
type Client struct {
	Base  string // "http://127.0.0.1:8080"
	Token string // the bearer token; empty for none
	Err   error

	viewAs string
}

// ViewAs makes the following requests work in the account of another user, or in the own
// account if user is empty.
func (c *Client) ViewAs(user string) { c.viewAs = user }

// Wait waits until the service answers.
func (c *Client) Wait(ctx context.Context) {
	for c.Err == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Base, nil)
		if err != nil {
			c.Err = err
			return
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			c.Err = resp.Body.Close()
			return
		}
		select {
		case <-ctx.Done():
			c.Err = errors.Join(err, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Do sends a request with a form of alternating names and values, and returns the body of
// the response. A status other than want is an error.
func (c *Client) Do(ctx context.Context, what, method, path string, want int, form ...string) string {
	if c.Err != nil {
		return ""
	}
	values := url.Values{}
	for i := 0; i+1 < len(form); i += 2 {
		values.Set(form[i], form[i+1])
	}
	req, err := http.NewRequestWithContext(ctx, method, c.Base+path, strings.NewReader(values.Encode()))
	if err != nil {
		c.Err = err
		return ""
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	if c.viewAs != "" {
		req.Header.Set("View-As", c.viewAs)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.Err = err
		return ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Printf("%-52s %d  %s %s\n", what, resp.StatusCode, method, path)
	if resp.StatusCode != want {
		err = errors.Join(err, fmt.Errorf("%s %s: got %d, want %d: %s", method, path, resp.StatusCode, want, body))
	}
	c.Err = err
	return string(body)
}
