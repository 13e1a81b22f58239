// Demo builds the quickstart, runs it, drives it with real HTTP requests, shows
// the trail, and fails if the trail is not what it should be.
package main

import (
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
	env := append(os.Environ(), "PORT="+port, "AUDIT_LEDGER_DIR="+filepath.Join(dir, "audit-ledger"))
	c := client{base: "http://127.0.0.1:" + port}

	server, err := start(ctx, program, env)
	if err != nil {
		return err
	}
	c.work(ctx)
	_ = server.Process.Kill() // the trail is on disk, also what no exporter has seen
	_ = server.Wait()
	fmt.Println("        kill -9, and a new start")
	if server, err = start(ctx, program, env); err != nil {
		return err
	}
	c.intrude(ctx)
	stopped := errors.Join(server.Process.Signal(os.Interrupt), server.Wait())

	show := exec.CommandContext(ctx, program, "trail")
	show.Env, show.Stderr = env, os.Stderr
	trail, err := show.Output()
	fmt.Printf("\nThe trail:\n\n%s\n", trail)
	return errors.Join(c.err, stopped, err, check(string(trail)))
}

// start runs the service. Its own copy of the trail, on stdout, is not shown.
func start(ctx context.Context, program string, env []string) (*exec.Cmd, error) {
	server := exec.CommandContext(ctx, program)
	server.Env, server.Stderr = env, os.Stderr
	err := server.Start()
	return server, err
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

// client makes requests, says what each is to show, and keeps the first error.
type client struct {
	base, token string
	article     string
	err         error
}

// work is what the service is for.
func (c *client) work(ctx context.Context) {
	c.wait(ctx)
	c.do(ctx, "a denied login", "POST", "/login", 401, "name", "alice", "password", "wrong")
	c.token = c.do(ctx, "a login", "POST", "/login", 200, "name", "alice", "password", "correct horse")
	c.article = "/articles/" + c.do(ctx, "an intent; the store's signal is suppressed", "POST", "/articles", 201, "title", "Hello", "body", "first words")
	c.do(ctx, "a redacted diff", "PATCH", c.article, 204, "title", "Hello, world", "body", "secret words", "reason", "typo; old token=abcdef123456")
	c.do(ctx, "a route intent", "POST", c.article+"/publish", 200)
	c.do(ctx, "a lone signal", "DELETE", c.article, 200)
}

// intrude tries what is refused.
func (c *client) intrude(ctx context.Context) {
	c.wait(ctx)
	c.token = ""
	c.do(ctx, "an anonymous attempt, refused: no actor was allowed", "POST", c.article+"/like", 403)
	c.do(ctx, "an anonymous attempt, refused: no token", "POST", "/articles", 401, "title", "Forged")
}

// wait waits until the server answers.
func (c *client) wait(ctx context.Context) {
	for c.err == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base, nil)
		if err != nil {
			c.err = err
			return
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			c.err = resp.Body.Close()
			return
		}
		select {
		case <-ctx.Done():
			c.err = errors.Join(err, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
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
	for action, want := range map[string]int{"article.create": 1, "article.update": 1, "article.publish": 1, "article.delete": 1, "article.purge": 2} {
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
