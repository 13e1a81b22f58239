package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/cmd/deed/internal/cli"
	"github.com/opendeed/audit/cmd/deed/internal/stamp/stamptest"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"deed": func() { os.Exit(cli.Main()) }})
}

// raceDetector reports whether the tests run with the race detector.
var raceDetector bool

// concurrent are the scripts whose commands do several things at the same time.
var concurrent = []string{"archive", "export", "ledger", "seal-serve", "serve", "service", "tail", "witness"}

// scripts returns the files of the scripts to run. With the race detector, each of some 700
// processes takes 0.1 seconds longer to start, so those that are not concurrent run without it only:
// make test runs both ways, and OPENDEED_SCRIPTS=all runs all with it too, as it is done each night.
func scripts(t *testing.T) (files []string) {
	t.Helper()
	files, err := filepath.Glob("testdata/script/*.txtar")
	require.NoError(t, err)
	if !raceDetector || os.Getenv("OPENDEED_SCRIPTS") == "all" {
		return files
	}
	files = slices.DeleteFunc(files, func(file string) bool {
		return !slices.Contains(concurrent, strings.TrimSuffix(filepath.Base(file), ".txtar"))
	})
	require.Len(t, files, len(concurrent))
	return files
}

// TestScripts runs the scripts, which are the documentation of each command.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Files:         scripts(t),
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			// The variables of whoever runs the tests don't matter.
			for _, name := range []string{"NO_COLOR", "COLUMNS", "DEED_COLUMNS", "DEED_FROM", "DEED_ZONE", "DEED_RECORD_TO", "AUDIT_CONFIG_FILE", "AUDIT_LEDGER_DIR", "AUDIT_MONGODB_URI"} {
				env.Setenv(name, "")
			}
			env.Setenv("TERM", "xterm")
			env.Setenv("DEED_INDEX_CACHE", "none")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"ledger":   makeLedger,
			"personal": trackPersonal,
			"damage":   damageFile,
			"entry":    appendEntry,
			"archive":  makeArchive,
			"fill":     fillLedger,
			"writer":   holdLedger,
			"service":  runService,
			"follow":   follow,
			"copydir":  copyDir,
			"exitcode": exitCode,
			"browse":   browse,
			"witness":  startWitness,
			"join":     join,

			"published": published,
			"tsa":       startAuthority,
			"rejecter":  startRejecter,
		},
	})
}

// makeLedger appends the lines of files to a ledger: ledger DIR FILE... The line before a
// record may begin with #.
func makeLedger(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: ledger DIR FILE...")
	}
	l, err := ledger.Open(ts.MkAbs(args[0]), ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithDenseFrames(), ledger.WithScrub(0))
	ts.Check(err)
	for _, file := range args[1:] {
		for line := range strings.Lines(ts.ReadFile(file)) {
			line = strings.TrimSpace(line)
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			var r record.Record
			if err := r.UnmarshalJSON([]byte(line)); err != nil {
				ts.Fatalf("%s: %v: %s", file, err, line)
			}
			canonical, err := r.AppendJSON(nil)
			ts.Check(err)
			_, err = l.Append(context.Background(), canonical)
			ts.Check(err)
		}
	}
	ts.Check(l.Close())
}

// fillLedger appends large records to a ledger, of which some ten fill a segment: fill DIR
// NUMBER ACTION DAY TENANT.
func fillLedger(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 5 {
		ts.Fatalf("usage: fill DIR NUMBER ACTION DAY TENANT")
	}
	l, err := ledger.Open(ts.MkAbs(args[0]), ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithDenseFrames(), ledger.WithScrub(0))
	ts.Check(err)
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	day, err := time.Parse(time.DateOnly, args[3])
	ts.Check(err)
	for i := range n {
		at := day.Add(time.Duration(i) * time.Minute)
		r := record.Record{ObservedTime: at}
		r.ID, r.Time, r.Action, r.Tenant, r.Outcome = audit.NewID(), at, args[2], args[4], audit.OutcomeSuccess
		r.Actor, r.Target = audit.User("alice"), audit.Target{Type: "thing", ID: strconv.Itoa(i)}
		r.Reason = strings.Repeat("because ", 750)
		b, err := r.AppendJSON(nil)
		ts.Check(err)
		_, err = l.Append(context.Background(), b)
		ts.Check(err)
	}
	ts.Check(l.Close())
}

// holdLedger runs deed while this process has a ledger open: writer DIR ARG... Its output on
// standard error is in the file stderr.txt; deed must fail.
func holdLedger(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: writer DIR ARG...")
	}
	l, err := ledger.Open(ts.MkAbs(args[0]), ledger.WithScrub(0))
	ts.Check(err)
	if err := ts.Exec("deed", args[1:]...); err == nil {
		ts.Fatalf("deed did not fail")
	}
	ts.Check(os.WriteFile(ts.MkAbs("stderr.txt"), []byte(ts.ReadFile("stderr")), 0o600))
	ts.Check(l.Close())
}

// runService runs deed while this process writes a ledger, and listens for commands: service DIR
// ARG...
func runService(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: service DIR ARG...")
	}
	// The path of a socket is short, and that of a script's directory may not be.
	short, err := os.MkdirTemp("", "deed")
	ts.Check(err)
	defer func() { ts.Check(os.RemoveAll(short)) }()
	ts.Check(os.Symlink(ts.MkAbs("."), filepath.Join(short, "w")))
	provider, err := sdk.NewTrackerProvider(sdk.WithLedger(filepath.Join(short, "w", args[0]), sdk.WithControl(), ledger.WithSegmentSize(ledger.MinSegmentSize)))
	ts.Check(err)
	ts.Check(ts.Exec("deed", args[1:]...))
	ts.Check(provider.Shutdown(context.Background()))
}

// appendEntry appends a text that is no record to a ledger: entry DIR TEXT.
func appendEntry(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: entry DIR TEXT")
	}
	l, err := ledger.Open(ts.MkAbs(args[0]), ledger.WithScrub(0))
	ts.Check(err)
	_, err = l.Append(context.Background(), []byte(args[1]))
	ts.Check(err)
	ts.Check(l.Close())
}

// makeArchive makes an archive of the lines of a file: archive DIR FILE.
func makeArchive(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: archive DIR FILE")
	}
	store, err := archive.CreateDir(ts.MkAbs(args[0]))
	ts.Check(err)
	var entries []archive.Entry
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		entries = append(entries, archive.Entry{Seq: uint64(len(entries) + 1), Data: []byte(strings.TrimSpace(line))})
	}
	meta := archive.Meta{Log: "shop", Class: "all", First: 1, Last: uint64(len(entries))}
	_, err = archive.Create(context.Background(), store, meta, func(yield func(archive.Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	})
	ts.Check(err)
	ts.Check(store.Close())
}

// copyDir copies a directory: copydir FROM TO.
func copyDir(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: copydir FROM TO")
	}
	ts.Check(os.CopyFS(ts.MkAbs(args[1]), os.DirFS(ts.MkAbs(args[0]))))
	ts.Check(os.Chmod(ts.MkAbs(args[1]), 0o700))
}

// exitCode runs a program that must end with an exit code: exitcode CODE PROGRAM ARG...
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exitcode CODE PROGRAM ARG...")
	}
	code := 0
	if failed, ok := errors.AsType[*exec.ExitError](ts.Exec(args[1], args[2:]...)); ok {
		code = failed.ExitCode()
	}
	if want, err := strconv.Atoi(args[0]); err != nil || code != want {
		ts.Fatalf("it ended with exit code %d, not %s", code, args[0])
	}
}

// damageFile flips a byte of a file: damage FILE OFFSET.
func damageFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: damage FILE OFFSET")
	}
	offset, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR, 0)
	ts.Check(err)
	var b [1]byte
	_, err = f.ReadAt(b[:], offset)
	ts.Check(err)
	b[0] ^= 0xff
	_, err = f.WriteAt(b[:], offset)
	ts.Check(err)
	ts.Check(f.Close())
}

// follow runs deed tail, and appends records while it runs: follow DIR FILE LINES ARG... When
// deed has printed its first line, the records of FILE are appended to the ledger DIR. When
// it has printed so many lines more, it is interrupted. Its output is in the file followed.
func follow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: follow DIR FILE LINES ARG...")
	}
	lines, err := strconv.Atoi(args[2])
	ts.Check(err)
	program, err := exec.LookPath(filepath.Join(filepath.SplitList(ts.Getenv("PATH"))[0], "deed"))
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args[3:]...)
	cmd.Dir, cmd.Env, cmd.Stderr = ts.MkAbs("."), append(os.Environ(), "PATH="+ts.Getenv("PATH")), ts.Stderr()
	output, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	var printed []byte
	scanner := bufio.NewScanner(output)
	for n := 0; n <= lines && scanner.Scan(); n++ {
		printed = append(append(printed, scanner.Bytes()...), '\n')
		if n == 0 {
			makeLedger(ts, false, args[:2])
		}
	}
	ts.Check(cmd.Process.Signal(os.Interrupt))
	ts.Check(cmd.Wait())
	ts.Check(os.WriteFile(ts.MkAbs("followed"), printed, 0o600))
}

// browse runs deed serve and gets pages from it, as a browser does: browse PAGES ARG... PAGES
// are addresses, separated by commas. The pages are in the file browsed, and what the program
// prints as errors in the file complained.
func browse(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: browse PAGES ARG...")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var complained bytes.Buffer
	cmd, link := startDeed(ctx, ts, &complained, append([]string{"serve", "--no-open"}, args[1:]...))
	jar, err := cookiejar.New(nil)
	ts.Check(err)
	client := &http.Client{Jar: jar}
	base, err := url.Parse(link)
	ts.Check(err)
	pages := []byte(getPage(ctx, ts, client, base.String()))
	for page := range strings.SplitSeq(args[0], ",") {
		address, err := base.Parse(page)
		ts.Check(err)
		pages = append(pages, getPage(ctx, ts, client, address.String())...)
	}
	pages = append(pages, getPage(ctx, ts, &http.Client{}, base.String())...) // the link was used
	ts.Check(cmd.Process.Signal(os.Interrupt))
	ts.Check(cmd.Wait())
	ts.Check(os.WriteFile(ts.MkAbs("browsed"), pages, 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("complained"), complained.Bytes(), 0o600))
}

// join writes files one after another: join FILE FILE...
func join(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: join FILE FILE...")
	}
	text := ""
	for _, file := range args[1:] {
		text += ts.ReadFile(file)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// startDeed starts a command of deed that serves, and returns the first line that it prints.
func startDeed(ctx context.Context, ts *testscript.TestScript, complained io.Writer, args []string) (*exec.Cmd, string) {
	program, err := exec.LookPath(filepath.Join(filepath.SplitList(ts.Getenv("PATH"))[0], "deed"))
	ts.Check(err)
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env, cmd.Stderr = ts.MkAbs("."), append(os.Environ(), "PATH="+ts.Getenv("PATH")), complained
	output, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	line, err := bufio.NewReader(output).ReadString('\n')
	ts.Check(err)
	return cmd, strings.TrimSpace(line)
}

// startWitness runs deed witness with the key DIR.key until the script ends, and appends it to a
// policy: witness POLICY DIR ARG...
func startWitness(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: witness POLICY DIR ARG...")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	var complained strings.Builder // ts.Stderr is reset while the process runs
	cmd, address := startDeed(ctx, ts, &complained, append([]string{"witness", args[1], "--private-key", args[1] + ".key"}, args[2:]...))
	ts.Defer(func() {
		defer cancel()
		ts.Check(cmd.Process.Signal(os.Interrupt))
		err := cmd.Wait()
		ts.Logf("%s", complained.String())
		ts.Check(err)
	})
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	_, err = fmt.Fprintf(f, "witness %s %s %s\n", args[1], strings.TrimSpace(ts.ReadFile(args[1]+".key.pub")), address)
	ts.Check(err)
	ts.Check(f.Close())
}

// published writes the files that deed seal serve serves to the file browsed: published PATHS
// ARG...
func published(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: published PATHS ARG...")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd, address := startDeed(ctx, ts, ts.Stderr(), append([]string{"seal", "serve"}, args[1:]...))
	var pages []byte
	for path := range strings.SplitSeq(args[0], ",") {
		pages = append(pages, getPage(ctx, ts, &http.Client{}, address+"/"+path)...)
	}
	ts.Check(cmd.Process.Signal(os.Interrupt))
	ts.Check(cmd.Wait())
	ts.Check(os.WriteFile(ts.MkAbs("browsed"), pages, 0o600))
}

// startAuthority runs a time-stamp authority until the script ends, and puts its address into a
// variable and its certificates into a directory: tsa VARIABLE DIR.
func startAuthority(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: tsa VARIABLE DIR")
	}
	ts.Check(os.Mkdir(ts.MkAbs(args[1]), 0o700))
	authority, err := stamptest.New(ts.MkAbs(args[1]), x509.ExtKeyUsageTimeStamping)
	ts.Check(err)
	server := httptest.NewServer(stamptest.Handler(authority.Answer))
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.URL)
}

// startRejecter runs a server that rejects every request until the script ends, and puts its
// address into a variable: rejecter VARIABLE.
func startRejecter(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: rejecter VARIABLE")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
	}))
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.URL)
}

func getPage(ctx context.Context, ts *testscript.TestScript, client *http.Client, address string) string {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	ts.Check(err)
	resp, err := client.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	return fmt.Sprintf("%d %s\n%s\n", resp.StatusCode, req.URL.Path, body)
}
