// Demo builds the quickstart, drives it with real HTTP requests, prints the trail, asks it three
// questions with the command deed, verifies its seal, asks what is missing, shows it in the viewer,
// and fails if the trail or an answer is wrong. With -serve it keeps the viewer up until it is
// interrupted. Where Chromium is installed, it writes a screenshot into the file of -screenshot.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/opendeed/audit/examples/internal/drive"
)

func main() {
	serve := flag.Bool("serve", false, "keep the viewer up")
	screenshot := flag.String("screenshot", "", "the `file` for a picture of the viewer")
	flag.Parse()
	if err := run(*serve, *screenshot); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(serve bool, screenshot string) error {
	interruptible, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(interruptible, 5*time.Minute)
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
	answered = errors.Join(answered, d.verify(ctx, dir), d.missing(ctx, dir))

	trail, err := drive.Output(ctx, env, program, "trail")
	fmt.Printf("\nThe trail:\n\n%s\n", trail)
	fmt.Print(d.answers.String())
	if err := errors.Join(d.Err, answered, stopped, err, wanted.Check(trail)); err != nil {
		return err
	}
	ledger := filepath.Join(dir, "audit-ledger")
	if err := d.show(ctx, ledger, screenshot); err != nil {
		return err
	}
	if !serve {
		fmt.Println("make demo-serve keeps the viewer up.")
		return nil
	}
	return d.serve(interruptible, ledger)
}

type demo struct {
	drive.Client

	article string
	deed    string // the program
	answers strings.Builder
}

// show opens the trail in the viewer.
func (d *demo) show(ctx context.Context, ledger, screenshot string) error {
	v, err := drive.StartViewer(ctx, d.deed, ledger)
	if err != nil {
		return err
	}
	fmt.Printf("deed serve showed the trail in a browser, at %s\n", v.Link)
	page, err := v.Page(ctx)
	if err == nil && (!strings.Contains(page, " published ") || !strings.Contains(page, "was denied access")) {
		err = errors.New("the viewer lacks a sentence")
	}
	if err = errors.Join(err, v.Stop()); err != nil || screenshot == "" {
		return err
	}
	if v, err = drive.StartViewer(ctx, d.deed, ledger); err != nil { // a link is valid once
		return err
	}
	made, err := drive.Screenshot(ctx, v.Link, screenshot)
	if made {
		fmt.Printf("A picture of it: %s\n", screenshot)
	}
	return errors.Join(err, v.Stop())
}

// serve keeps the viewer up until the demo is interrupted.
func (d *demo) serve(ctx context.Context, ledger string) error {
	v, err := drive.StartViewer(context.WithoutCancel(ctx), d.deed, ledger)
	if err != nil {
		return err
	}
	fmt.Printf("\nOpen this link, which is valid once. Interrupt to stop.\n%s\n", v.Link)
	<-ctx.Done()
	return v.Stop()
}

// ask asks the trail three questions with the command deed, as a support engineer does.
func (d *demo) ask(ctx context.Context, dir string) error {
	deed, err := drive.BuildDeed(ctx, dir)
	if err != nil {
		return err
	}
	d.deed = deed
	env := []string{"DEED_FROM=" + filepath.Join(dir, "audit-ledger")}
	for _, question := range []question{
		{"Who was denied what?", []string{"query", "--outcome", "denied", "--format", "table", "--columns", "actor,action,target,why"}, `anonymous +access\.denied`, 0},
		{"What happened to the article?", []string{"history", strings.TrimPrefix(strings.Replace(d.article, "articles", "article", 1), "/"), "--format", "text"}, `title: "Hello" → "Hello, world"`, 0},
		{"Who did how much?", []string{"stats", "--by", "actor,action", "--format", "chart"}, `(?m)^ +article\.publish +1 `, 0},
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
	exit int // the exit code
}

func (d *demo) question(ctx context.Context, env []string, deed string, q question) error {
	answer, err := drive.Output(ctx, env, deed, q.args...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == q.exit {
		err = nil
	}
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
		"Was anything altered?",
		[]string{"verify", ledger, "--key", ledger + ".key.pub", "--anchor", ledger + ".checkpoint"},
		"intact: nothing that was sealed was changed, removed or put in",
		0,
	})
}

// missing asks what is missing in the trail. The service that was killed could not say how its
// counts ended, so that is not known, which is the exit code 3. The one after it has rejected an
// event, and each of its four requests left what it should.
func (d *demo) missing(ctx context.Context, dir string) error {
	return d.question(ctx, []string{"DEED_FROM=" + filepath.Join(dir, "audit-ledger")}, d.deed, question{
		"Is anything missing?", []string{"gaps", "--since", "1h"}, `(?s)rejected .*: anonymous.*requests +4: 1 left an event, 0 should have and left none.*unknown .*killed.*closed `, 3,
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

// intrude sends requests that the service rejects, and then a user comes back.
func (d *demo) intrude(ctx context.Context) {
	d.Wait(ctx)
	d.Token = ""
	d.Do(ctx, "an anonymous like, rejected: not allowed", "POST", d.article+"/like", 403)
	d.Do(ctx, "an anonymous attempt, rejected: no token", "POST", "/articles", 401, "title", "Forged")
	d.Do(ctx, "a login after the restart", "POST", "/login", 200, "name", "alice", "password", "correct horse")
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
