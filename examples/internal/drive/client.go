// Package drive runs the example services as processes and drives them with real HTTP
// requests, for the demos.
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

// Client makes requests, says what each is to show, and keeps the first error in Err.
// After an error it does nothing.
type Client struct {
	Base  string // "http://127.0.0.1:8080"
	Token string // of the Authorization header, if any
	Err   error

	as string
}

// View has the requests that follow made in the account of somebody else, or of nobody.
func (c *Client) View(as string) { c.as = as }

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

// Do makes a request with a form of names and values and returns the body of the
// response. It is an error if its status is not the one that is wanted.
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
	if c.as != "" {
		req.Header.Set("View-As", c.as)
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
