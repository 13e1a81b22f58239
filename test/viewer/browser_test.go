// Package viewer_test shows the pages of the viewer in a real browser.
package viewer_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/querytest"
	"github.com/opendeed/audit/test/viewer/trail"
	"github.com/opendeed/audit/viewer"
	"github.com/stretchr/testify/require"
)

// now is the time of the pages.
var now = time.Date(2026, 11, 26, 16, 42, 0, 0, time.UTC)

// browsers are the names of Chromium.
var browsers = []string{"chromium", "chromium-browser", "google-chrome"}

// browser is a running browser.
type browser struct{ ctx context.Context }

// openBrowser starts a browser without a profile. Where there is none, the test is skipped,
// except with CI=true.
func openBrowser(t *testing.T) browser {
	t.Helper()
	path := ""
	for _, name := range browsers {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") == "true" {
			require.Fail(t, "Chromium is not installed; .ci/run installs it")
		}
		t.Skip("SKIPPED: Chromium is not installed, so the pages were not tried in a browser; install Debian's package chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-background-networking", true), chromedp.NoFirstRun,
	)
	allocator, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(ctx))
	return browser{ctx}
}

// tab is a tab of a browser.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// newTab opens a tab that closes with the test.
func newTab(t *testing.T, b browser) tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	t.Cleanup(cancel)
	ctx, cancelTime := context.WithTimeout(ctx, 10*time.Minute) // so that a browser that hangs fails the test
	t.Cleanup(cancelTime)
	return tab{t, ctx}
}

func asAuditor(*http.Request) (audit.Actor, viewer.View, error) {
	return audit.User("auditor"), viewer.View{All: true}, nil
}

// handler returns the viewer of a store.
func handler(t *testing.T, reader query.Reader, opts ...viewer.Option) http.Handler {
	t.Helper()
	opts = append([]viewer.Option{
		viewer.Authorize(asAuditor), viewer.WithoutRecording(), viewer.WithClock(func() time.Time { return now }),
		viewer.WithProvers(prover{}), viewer.WithTraceURL("https://traces.example.com/trace/{trace_id}"), viewer.WithSearchLimit(10_000), viewer.WithCountBudget(time.Minute),
		viewer.WithErrorHandler(func(_ context.Context, err error) {
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}),
	}, opts...)
	handler, err := viewer.New(reader, opts...)
	require.NoError(t, err)
	return handler
}

// serve serves the viewer of a store. Its page foreign is asked for by another site, and /noscript/
// has the same pages without their script.
func serve(t *testing.T, reader query.Reader, opts ...viewer.Option) string {
	t.Helper()
	mux, shown := http.NewServeMux(), handler(t, reader, opts...)
	mux.Handle("/audit/", http.StripPrefix("/audit", shown))
	mux.Handle("/audit/foreign", http.StripPrefix("/audit", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		shown.ServeHTTP(w, r)
	})))
	mux.Handle("/noscript/", http.StripPrefix("/noscript", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".js") {
			http.NotFound(w, r)
			return
		}
		shown.ServeHTTP(w, r)
	})))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL + "/audit/"
}

// health is a pipeline with an exporter that is late.
func health(context.Context) (viewer.Health, error) {
	return viewer.Health{
		Records: 1_284_119, Bytes: 412 << 20, LastScrub: now.Add(-7 * time.Hour),
		Exporters: []viewer.ExporterHealth{{Name: "stdout"}, {Name: "mongodb", Undelivered: 1873, Oldest: now.Add(-12 * time.Minute), DeadLetters: 2}},
	}, nil
}

// prover proves every record.
type prover struct{}

var checkpoint = viewer.Checkpoint{Origin: "shop.example.com/audit/2f1c8a6e0b7d4e5f9a3b1c2d4e6f8091", KeyName: "shop.example.com/audit", Size: 1_284_117, Stored: now.Add(-2 * time.Second)}

func (prover) Prove(context.Context, []byte) (viewer.Proof, error) {
	return viewer.Proof{Text: []byte("a proof\n"), Leaf: 1_200_345, Checkpoint: checkpoint}, nil
}

func (prover) Seal(context.Context) (viewer.Seal, error) {
	return viewer.Seal{Ledger: "/var/lib/shop/audit", Checkpoint: checkpoint, Unsealed: 2, Verified: now.Add(-3 * time.Hour)}, nil
}

// days is how long the trail is.
const days = 30

func richReader() query.Reader { return querytest.NewReader(trail.Records(1, days, now)...) }

// call sends a command of the protocol.
func call[P, R any](tab tab, command cdp.Command[P, R], params P) {
	tab.t.Helper()
	_, err := chromedp.Call(tab.ctx, command, params)
	require.NoError(tab.t, err)
}

// look sets the width, and light or dark.
func (tab tab) look(width int64, scheme string) {
	tab.t.Helper()
	call(tab, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 900, DeviceScaleFactor: 1, Mobile: width < 600})
	call(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme},
		{Name: "prefers-reduced-motion", Value: "reduce"}, // no color is on its way in a screenshot
	}})
}

// open opens a page and waits for it.
func (tab tab) open(address string) {
	tab.t.Helper()
	require.NoError(tab.t, chromedp.Do(tab.ctx, chromedp.Navigate(address)))
}

// eval returns the value of an expression in the page.
func eval[T any](tab tab, expression string) T {
	tab.t.Helper()
	value, err := chromedp.Run(tab.ctx, chromedp.Evaluate[T](expression))
	require.NoError(tab.t, err, expression)
	return value
}

// eventually waits until an expression is true, also of the page that replaces this one.
func (tab tab) eventually(expression string) {
	tab.t.Helper()
	require.Eventually(tab.t, func() bool {
		ok, err := chromedp.Run(tab.ctx, chromedp.Evaluate[bool](expression))
		return err == nil && ok
	}, 20*time.Second, 20*time.Millisecond, expression)
}

// press presses a key. The script of the page may handle it instead of the browser.
func (tab tab) press(key string) {
	tab.t.Helper()
	down := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: key, Text: key}
	switch key {
	case "Escape":
		down.Text, down.WindowsVirtualKeyCode = "", 27
	case "Enter":
		down.Text, down.WindowsVirtualKeyCode = "\r", 13
	case "Tab", "ArrowLeft", "ArrowRight", "Home", "End":
		down.Text, down.Code, down.WindowsVirtualKeyCode = "", key, map[string]int64{"Tab": 9, "ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35}[key]
	}
	call(tab, input.DispatchKeyEvent, down)
	call(tab, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyUp, Key: key})
}

// complaints are what a browser reports as wrong with pages: exceptions, violations of the
// Content-Security-Policy, and requests to somewhere else.
type complaints struct {
	base string

	mu   sync.Mutex
	list []string
}

// listen collects the complaints about the pages of a tab. They must load nothing that is not
// below base.
func listen(tab tab, base string) *complaints {
	tab.t.Helper()
	c := &complaints{base: base}
	require.NoError(tab.t, chromedp.Listen(tab.ctx, c.hear))
	call(tab, log.Enable, cdp.Empty{})
	call(tab, network.Enable, network.EnableParams{})
	return c
}

func (c *complaints) hear(event any) {
	text := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text = "exception: " + e.ExceptionDetails.Text
	case *log.EventEntryAdded:
		if e.Entry.Source != log.EntrySourceNetwork { // such as the status of an error page
			text = "log: " + e.Entry.Text
		}
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, c.base) {
			text = "request: " + e.Request.URL
		}
	}
	if text != "" {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.list = append(c.list, text)
	}
}

// all returns the complaints so far.
func (c *complaints) all() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.list)
}
