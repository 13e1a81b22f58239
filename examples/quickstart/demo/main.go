// Demo builds the quickstart, drives it with real HTTP requests, prints the trail, asks it
// three questions with the command deed, verifies its seal, and fails if the trail or an
// answer is wrong.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/opendeed/audit/examples/internal/drive"
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
	program, err := drive.Build(ctx, dir, "quickstart")
	if err != nil {
		return err
	}
	port, err := drive.FreePort(ctx)
	if err != nil {
		return err
	}
	env := []string{"PORT=" + port, "AUDIT_LEDGER_DIR=" + filepath.Join(dir, "audit-ledger")}
	d := demo{Client: drive.Client{Base: "http://127.0.0.1:" + port}}

	service, err := drive.Start(ctx, env, program)
	if err != nil {
		return err
	}
	d.work(ctx)
	service.Kill() // the ledger is on disk, including records that were not exported yet
	fmt.Println("-- kill -9, then a restart")
	if service, err = drive.Start(ctx, env, program); err != nil {
		return err
	}
	d.intrude(ctx)
	answered := d.ask(ctx, dir) // beside the running service
	stopped := service.Stop()
	answered = errors.Join(answered, d.verify(ctx, dir))

	trail, err := drive.Output(ctx, env, program, "trail")
	fmt.Printf("\nThe trail:\n\n%s\n", trail)
	fmt.Print(d.answers.String())
	return errors.Join(d.Err, answered, stopped, err, wanted.Check(trail))
}

type demo struct {
	drive.Client

	article string
	answers strings.Builder
}

// ask asks the trail three questions with the command deed, as a support engineer does.
func (d *demo) ask(ctx context.Context, dir string) error {
	deed, err := drive.BuildDeed(ctx, dir)
	if err != nil {
		return err
	}
	env := []string{"DEED_FROM=" + filepath.Join(dir, "audit-ledger")}
	for _, question := range []question{
		{"Who was denied what?", []string{"query", "--outcome", "denied", "--format", "table", "--columns", "actor,action,target,why"}, `anonymous +access\.denied`},
		{"What happened to the article?", []string{"history", strings.TrimPrefix(strings.Replace(d.article, "articles", "article", 1), "/"), "--format", "text"}, `title: "Hello" → "Hello, world"`},
		{"Who did how much?", []string{"stats", "--by", "actor,action", "--format", "chart"}, `(?m)^ +article\.publish +1 `},
	} {
		if err := d.question(ctx, env, deed, question); err != nil {
			return err
		}
	}
	return nil
}

// question is one that deed answers.
type question struct {
	text string
	args []string
	want string
}

func (d *demo) question(ctx context.Context, env []string, deed string, q question) error {
	answer, err := drive.Output(ctx, env, deed, q.args...)
	if err != nil {
		return fmt.Errorf("deed %s: %w", q.args[0], err)
	}
	fmt.Fprintf(&d.answers, "%s\n\n$ deed %s\n%s\n", q.text, strings.Join(q.args, " "), answer)
	if !regexp.MustCompile(q.want).MatchString(answer) {
		return fmt.Errorf("deed %s: the answer lacks %s:\n%s", q.args[0], q.want, answer)
	}
	return nil
}

// verify verifies the seal of the ledger, as an auditor does.
func (d *demo) verify(ctx context.Context, dir string) error {
	deed, err := drive.BuildDeed(ctx, dir)
	if err != nil {
		return err
	}
	ledger := filepath.Join(dir, "audit-ledger")
	return d.question(ctx, nil, deed, question{
		"Was anything altered?", []string{"verify", ledger, "--key", ledger + ".key.pub", "--anchor", ledger + ".checkpoint"},
		"intact: nothing that was sealed was changed, removed or put in",
	})
}

// work sends the requests of a user.
func (d *demo) work(ctx context.Context) {
	d.Wait(ctx)
	d.Do(ctx, "a denied login", "POST", "/login", 401, "name", "alice", "password", "wrong")
	d.Token = d.Do(ctx, "a login", "POST", "/login", 200, "name", "alice", "password", "correct horse")
	d.article = "/articles/" + d.Do(ctx, "an intent; the store's signal is suppressed", "POST", "/articles", 201, "title", "Hello", "body", "first words")
	d.Do(ctx, "a redacted diff", "PATCH", d.article, 204, "title", "Hello, world", "body", "secret words", "reason", "typo; old token=abcdef123456")
	d.Do(ctx, "a route intent", "POST", d.article+"/publish", 204)
	d.Do(ctx, "a lone signal", "DELETE", d.article, 204)
}

// intrude sends requests that the service rejects.
func (d *demo) intrude(ctx context.Context) {
	d.Wait(ctx)
	d.Token = ""
	d.Do(ctx, "an anonymous like, rejected: not allowed", "POST", d.article+"/like", 403)
	d.Do(ctx, "an anonymous attempt, rejected: no token", "POST", "/articles", 401, "title", "Forged")
}

var wanted = drive.Trail{
	Has: []string{
		`article\.purge`, `draft-purge`, `user\.login`, `wrong password`, `article\.create`, `article\.update`,
		`\*\*\*REDACTED\*\*\*`, `article\.publish`, `article\.delete`, `access\.denied`, `anonymous`,
	},
	Counts: map[string]int{
		"article.create": 1, "article.update": 1, "article.publish": 1, "article.delete": 1, "article.purge": 2,
	},
	Secrets: []string{"correct horse", "secret words", "first words", "abcdef123456", "eyJ"},
}
