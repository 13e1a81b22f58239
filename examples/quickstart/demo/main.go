// Demo builds the quickstart, runs it, drives it with real HTTP requests, shows
// the trail, and fails if the trail is not what it should be.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "quickstart")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "quickstart")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/opendeed/audit/examples/quickstart")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("the quickstart does not build: %w", err)
	}

	port, err := freePort(ctx)
	if err != nil {
		return err
	}
	var trail bytes.Buffer
	server := exec.CommandContext(ctx, program)
	server.Env = append(os.Environ(), "PORT="+port)
	server.Stdout, server.Stderr = &trail, os.Stderr
	if err := server.Start(); err != nil {
		return err
	}
	driven := drive(ctx, "http://127.0.0.1:"+port)
	stopped := errors.Join(server.Process.Signal(os.Interrupt), server.Wait())

	fmt.Printf("\nThe trail:\n\n%s\n", trail.String())
	return errors.Join(driven, stopped, check(trail.String()))
}

func freePort(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// drive makes the requests, and says what each is to show.
func drive(ctx context.Context, base string) error {
	if err := waitFor(ctx, base); err != nil {
		return err
	}
	c := client{base: base}
	c.do(ctx, "a denied login", "POST", "/login", 401, "name", "alice", "password", "wrong")
	c.token = c.do(ctx, "a login", "POST", "/login", 200, "name", "alice", "password", "correct horse")
	id := c.do(ctx, "an intent; the store's signal is suppressed", "POST", "/articles", 201, "title", "Hello", "body", "first words")
	c.do(ctx, "a redacted diff", "PATCH", "/articles/"+id, 204, "title", "Hello, world", "body", "secret words", "reason", "typo; old token=abcdef123456")
	c.do(ctx, "a route intent", "POST", "/articles/"+id+"/publish", 200)
	c.do(ctx, "a lone signal", "DELETE", "/articles/"+id, 200)
	c.token = ""
	c.do(ctx, "an anonymous attempt, refused: no actor was allowed", "POST", "/articles/"+id+"/like", 403)
	c.do(ctx, "an anonymous attempt, refused: no token", "POST", "/articles", 401, "title", "Forged")
	return c.err
}

// waitFor waits until the server answers.
func waitFor(ctx context.Context, base string) error {
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, base, nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			return resp.Body.Close()
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// client keeps the first error.
type client struct {
	base, token string
	err         error
}

func (c *client) do(ctx context.Context, what, method, path string, want int, form ...string) string {
	if c.err != nil {
		return ""
	}
	values := url.Values{}
	for i := 0; i+1 < len(form); i += 2 {
		values.Set(form[i], form[i+1])
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, strings.NewReader(values.Encode()))
	if err != nil {
		c.err = err
		return ""
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.err = err
		return ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Printf("%-6s %-24s %d  %s\n", method, path, resp.StatusCode, what)
	if resp.StatusCode != want {
		err = errors.Join(err, fmt.Errorf("%s %s: got %d, want %d: %s", method, path, resp.StatusCode, want, body))
	}
	c.err = err
	return string(body)
}

// check holds the trail against what it must and must not say.
func check(trail string) error {
	var errs []error
	for _, pattern := range []string{
		`article\.purge`, `draft-purge`, `user\.login`, `wrong password`, `article\.create`, `article\.update`,
		`\*\*\*REDACTED\*\*\*`, `article\.publish`, `article\.delete`, `access\.denied`, `anonymous`,
	} {
		if !regexp.MustCompile(pattern).MatchString(trail) {
			errs = append(errs, fmt.Errorf("the trail lacks %s", pattern))
		}
	}
	for action, want := range map[string]int{"article.create": 1, "article.update": 1, "article.publish": 1, "article.delete": 1, "article.purge": 1} {
		if got := strings.Count(trail, action); got != want {
			errs = append(errs, fmt.Errorf("the trail has %s %d times, want %d", action, got, want))
		}
	}
	for _, secret := range []string{"correct horse", "secret words", "first words", "abcdef123456", "eyJ"} {
		if strings.Contains(trail, secret) {
			errs = append(errs, fmt.Errorf("the trail shows the secret %q", secret))
		}
	}
	return errors.Join(errs...)
}
