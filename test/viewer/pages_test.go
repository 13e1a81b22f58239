package viewer_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/querytest"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/test/viewer/trail"
	"github.com/opendeed/audit/viewer"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPagesInABrowser opens every page, with JavaScript and without, and looks at each of them on a
// phone and on a wide screen, light and dark: nothing is wider than the screen, and nothing fails.
// With AUDIT_SCREENSHOTS it writes what it saw into that directory.
func TestPagesInABrowser(t *testing.T) {
	base := serve(t, richReader(), viewer.WithHealth(health))
	browser := openBrowser(t)
	tab := newTab(t, browser)
	wrong := listen(tab, base)
	for name, page := range shots() {
		for _, off := range []bool{true, false} { // JavaScript
			call(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: off})
			tab.open(base + page)
			call(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{})
			assert.NotEmpty(t, eval[string](tab, `document.querySelector("main h1").textContent`), name)
			assert.Equal(t, !off, eval[bool](tab, `document.documentElement.classList.contains("js")`))
			for _, l := range looks() {
				tab.look(l.width, l.scheme)
				seen := eval[[]string](tab, `[String(document.documentElement.scrollWidth), getComputedStyle(document.body).backgroundColor]`)
				width, err := strconv.ParseInt(seen[0], 10, 64)
				require.NoError(t, err)
				assert.LessOrEqual(t, width, l.width, "%s at %d", name, l.width)
				if name == "actor" && l.width == 360 {
					assert.True(t, eval[bool](tab, `document.querySelector(".heat").getBoundingClientRect().bottom < document.querySelector(".facets").getBoundingClientRect().top`))
				}
				assert.Equal(t, l.scheme == "dark", strings.HasPrefix(seen[1], "rgb(1"), seen[1])
				if off == (l.scheme == "dark") {
					tab.shoot(name, l.width, l.scheme)
				}
			}
		}
	}
	assert.Empty(t, wrong.all())
}

// TestWithoutJavaScript follows a link of another site, submits the search and follows older
// records, without the script.
func TestWithoutJavaScript(t *testing.T) {
	base := strings.Replace(serve(t, richReader()), "/audit/", "/noscript/", 1)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`<!DOCTYPE html><title>A wiki</title><a id="link" href="` + base + `">The trail</a>`))
	}))
	t.Cleanup(other.Close)
	tab := newTab(t, openBrowser(t))
	tab.open(other.URL)
	eval[bool](tab, `document.querySelector("#link").click(), true`)
	tab.eventually(`document.querySelector("main h1")?.textContent === "Open the trail?"`)
	assert.Zero(t, eval[int](tab, `document.querySelectorAll(".row").length`))
	eval[bool](tab, `document.querySelector("main a.button").click(), true`)
	tab.eventually(`document.querySelectorAll(".row").length === 50`)
	assert.False(t, eval[bool](tab, `document.documentElement.classList.contains("js")`))
	newest := eval[[]string](tab, `[...document.querySelectorAll("a.open")].map(e => e.href)`)

	eval[bool](tab, `document.querySelector("[data-older]").click(), true`)
	tab.eventually(`location.search.startsWith("?after=") && document.querySelectorAll(".row").length === 50`)
	for _, href := range eval[[]string](tab, `[...document.querySelectorAll("a.open")].map(e => e.href)`) {
		assert.NotContains(t, newest, href)
	}

	eval[bool](tab, `document.getElementById("text").value = "editorial approval", document.getElementById("text").focus(), true`)
	tab.press("Enter")
	tab.eventually(`location.search.includes("text=editorial+approval") && document.querySelectorAll(".row").length === 1`)
}

// TestKeyboard walks through the list with the keyboard alone.
func TestKeyboard(t *testing.T) {
	tab := newTab(t, openBrowser(t))
	tab.open(serve(t, richReader()))
	focused := `document.activeElement.closest(".row") ? [...document.querySelectorAll(".row")].indexOf(document.activeElement.closest(".row")) : -1`
	for _, step := range []struct {
		key  string
		want int
	}{{"j", 0}, {"j", 1}, {"j", 2}, {"k", 1}, {"k", 0}, {"k", 0}} {
		tab.press(step.key)
		assert.Equal(t, step.want, eval[int](tab, focused), step.key)
	}
	tab.press("/")
	assert.Equal(t, "text", eval[string](tab, `document.activeElement.id`))
	for _, typed := range []string{"j", "k", "?"} {
		tab.press(typed)
	}
	assert.Equal(t, "jk?", eval[string](tab, `document.activeElement.value`))
	tab.press("Escape")
	tab.press("?")
	assert.True(t, eval[bool](tab, `document.getElementById("keys").open`))
	tab.press("Escape")
	assert.False(t, eval[bool](tab, `document.getElementById("keys").open`))
	tab.open(eval[string](tab, `location.origin + "/audit/"`))
	tab.press("j")
	tab.press("j")
	href := eval[string](tab, `document.activeElement.href`)
	tab.press("Enter")
	tab.eventually(`location.href === ` + quoted(href))
	tab.eventually(`document.querySelector("article.record") !== null`)
}

// TestChartKeys: a chart is one stop of the tab key, and the arrow keys reach each of its bars that
// has records. Without JavaScript each bar is a stop.
func TestChartKeys(t *testing.T) {
	tab := newTab(t, openBrowser(t))
	base := serve(t, richReader())
	tab.open(base)
	const stops = `document.querySelectorAll("[data-bars] a:not([tabindex='-1'])").length`
	focused := func() string { return eval[string](tab, `document.activeElement.getAttribute("aria-label") ?? ""`) }
	bars := eval[[]string](tab, `[...document.querySelectorAll("[data-bars] a")].map(e => e.getAttribute("aria-label"))`)
	require.Greater(t, len(bars), 20)
	assert.Equal(t, 1, eval[int](tab, stops))
	for n := 0; n < 60 && focused() != bars[len(bars)-1]; n++ {
		tab.press("Tab")
	}
	require.Equal(t, bars[len(bars)-1], focused(), "the newest bar is a stop")
	for n, step := range []struct {
		key  string
		want string
	}{
		{"ArrowRight", bars[len(bars)-1]},
		{"ArrowLeft", bars[len(bars)-2]},
		{"ArrowLeft", bars[len(bars)-3]},
		{"ArrowRight", bars[len(bars)-2]},
		{"Home", bars[0]},
		{"ArrowLeft", bars[0]},
		{"ArrowRight", bars[1]},
	} {
		tab.press(step.key)
		assert.Equal(t, step.want, focused(), "%d %s", n, step.key)
	}
	assert.Equal(t, 1, eval[int](tab, stops))
	assert.Regexp(t, `^[A-Z][a-z]+day, \d+ [A-Z][a-z]+ 2026: [1-9]\d*$`, bars[1])
	href := eval[string](tab, `document.activeElement.href.baseVal`)
	assert.Contains(t, href, "on=2026-")
	tab.press("Enter")
	tab.eventually(`location.href.endsWith(` + quoted(strings.TrimPrefix(href, ".")) + `)`)

	call(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	tab.open(base)
	call(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{})
	assert.Equal(t, len(bars), eval[int](tab, stops))
}

func quoted(text string) string { return `"` + strings.ReplaceAll(text, `"`, `\"`) + `"` }

// TestLiveSearch: what is typed is searched at once, and the address is that of the result.
func TestLiveSearch(t *testing.T) {
	tab := newTab(t, openBrowser(t))
	tab.open(serve(t, richReader()))
	require.NoError(t, chromedp.Do(tab.ctx, chromedp.SendKeys("#text", "editorial approval")))
	tab.eventually(`document.querySelectorAll(".row").length === 1`)
	assert.Equal(t, "?text=editorial+approval", eval[string](tab, `location.search`))
	assert.Equal(t, "text", eval[string](tab, `document.activeElement.id`))
	tab.open(eval[string](tab, `location.href`))
	assert.Equal(t, 1, eval[int](tab, `document.querySelectorAll(".row").length`))
}

// TestZoneAfterLiveSearch: the form of the time zone keeps what was typed since the page was
// opened.
func TestZoneAfterLiveSearch(t *testing.T) {
	tab := newTab(t, openBrowser(t))
	tab.open(serve(t, richReader()))
	require.NoError(t, chromedp.Do(tab.ctx, chromedp.SendKeys("#text", "editorial approval")))
	tab.eventually(`location.search !== ""`)
	require.NoError(t, chromedp.Do(tab.ctx, chromedp.SetValue("#zone", "Asia/Tokyo"), chromedp.Submit("form.zone")))
	tab.eventually(`location.search.includes("zone=")`)
	assert.Equal(t, "?text=editorial+approval&zone=Asia%2FTokyo", eval[string](tab, `location.search`))
}

// TestSessionEnds: somebody who must log in again while they search or scroll gets that page, and
// not a list that seems to end.
func TestSessionEnds(t *testing.T) {
	tab, pages := newTab(t, openBrowser(t)), handler(t, richReader())
	for _, step := range []string{
		`document.getElementById("text").value = "x", document.getElementById("text").dispatchEvent(new Event("input", {bubbles: true}))`,
		`document.querySelector("[data-older]").click(), true`,
	} {
		var ended atomic.Bool
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if ended.Load() {
				_, _ = io.WriteString(w, "<!DOCTYPE html><title>Log in</title>") // the client may have left
				return
			}
			pages.ServeHTTP(w, r)
		}))
		tab.open(server.URL + "/")
		ended.Store(true)
		eval[bool](tab, step)
		tab.eventually(`document.title === "Log in"`)
		server.Close()
	}
}

// TestOlderRecordsAreIncomplete: what a page with older records warns of is said where they are
// appended.
func TestOlderRecordsAreIncomplete(t *testing.T) {
	tab := newTab(t, openBrowser(t))
	tab.open(serve(t, damagedReader{richReader()}, viewer.WithErrorHandler(func(context.Context, error) {})))
	assert.Zero(t, eval[int](tab, `document.querySelectorAll(".warning").length`))
	eval[bool](tab, `document.querySelector("[data-older]").click(), true`)
	tab.eventually(`document.querySelectorAll(".row").length >= 100`)
	assert.Contains(t, eval[string](tab, `document.querySelector(".warning").textContent`), "could not be read")
}

// damagedReader is a store that cannot read all of what is older.
type damagedReader struct{ query.Reader }

// Find returns the records, and an error for what is after a cursor.
func (d damagedReader) Find(ctx context.Context, f query.Filter) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		if f.After != "" && !yield(nil, errors.New("a segment is damaged")) {
			return
		}
		for r, err := range d.Reader.Find(ctx, f) {
			if !yield(r, err) {
				return
			}
		}
	}
}

// TestLiveSearchProblem: while a time is typed, it is wrong. The page says so, and what was typed
// stays. Once it is right, the records are there.
func TestLiveSearchProblem(t *testing.T) {
	tab := newTab(t, openBrowser(t))
	tab.open(serve(t, richReader()))
	require.NoError(t, chromedp.Do(tab.ctx, chromedp.SendKeys("#since", "24")))
	tab.eventually(`document.querySelector("#results .notice-page") !== null`)
	assert.Equal(t, "since", eval[string](tab, `document.activeElement.id`))
	assert.Empty(t, eval[string](tab, `location.search`))
	require.NoError(t, chromedp.Do(tab.ctx, chromedp.SendKeys("#since", "h")))
	tab.eventually(`document.querySelectorAll("#results .row").length > 0`)
	assert.Equal(t, "?since=24h", eval[string](tab, `location.search`))
}

// TestOlderRecords: scrolling appends the next page, in the same days.
func TestOlderRecords(t *testing.T) {
	tab := newTab(t, openBrowser(t))
	tab.open(serve(t, richReader()))
	eval[bool](tab, `window.scrollTo(0, document.body.scrollHeight), true`)
	tab.eventually(`document.querySelectorAll(".row").length >= 100`)
	days := eval[[]string](tab, `[...document.querySelectorAll(".day h2 time")].map(e => e.dateTime)`)
	seen := map[string]bool{}
	for _, d := range days {
		assert.False(t, seen[d], d)
		seen[d] = true
	}
	ids := eval[[]string](tab, `[...document.querySelectorAll("a.open")].map(e => e.href)`)
	unique := map[string]bool{}
	for _, id := range ids {
		unique[id] = true
	}
	assert.Len(t, unique, len(ids))

	// The address is that of the page in view: it leads there.
	eval[bool](tab, `document.querySelectorAll(".row")[60].scrollIntoView({block: "start"}), true`)
	tab.eventually(`location.search.startsWith("?after=")`)
	second := eval[string](tab, `location.href`)
	eval[bool](tab, `window.scrollTo(0, 0), true`)
	tab.eventually(`location.search === ""`)
	tab.open(second)
	assert.Equal(t, ids[50:100], eval[[]string](tab, `[...document.querySelectorAll("a.open")].slice(0, 50).map(e => e.href)`))
	assert.NotEmpty(t, eval[string](tab, `document.querySelector(".newest a").href`))
}

// TestHostileRecords shows records with hostile texts in every field. None of them runs,
// loads anything, or adds an element that a page does not have.
func TestHostileRecords(t *testing.T) {
	records := trail.Hostile(now)
	base := serve(t, querytest.NewReader(records...))
	tab := newTab(t, openBrowser(t))
	wrong := listen(tab, base)
	pages := []string{"", "security?since=900d", "export?format=report"}
	for n, r := range records {
		pages = append(pages, "record?id="+r.ID.String())
		if n%5 > 0 { // the others have the same parts
			continue
		}
		target, actor := url.Values{"type": {r.Target.Type}, "id": {r.Target.ID}}, url.Values{"actor": {"user/" + r.Actor.ID}}
		pages = append(pages, "object?"+target.Encode(), "actor?"+actor.Encode(), "?"+url.Values{"text": {r.Reason}}.Encode())
	}
	for _, page := range pages {
		tab.open(base + page)
		assert.False(t, eval[bool](tab, `"attacked" in window`), page)
		assert.Zero(t, eval[int](tab, `document.querySelectorAll("iframe, base, style, meta[http-equiv], object, embed, main img, [onload], [onerror], [onmouseover], [onfocus]").length`), page)
		assert.Zero(t, eval[int](tab, `[...document.querySelectorAll("a[href], form[action]")].filter(e => !["https://traces.example.com", location.origin].includes(new URL(e.getAttribute("href") ?? e.getAttribute("action"), location).origin)).length`), page)
		assert.LessOrEqual(t, eval[int](tab, `document.documentElement.scrollWidth - innerWidth`), 0, page)
		for _, link := range eval[[]string](tab, `[...document.querySelectorAll("main a[href]")].map(e => new URL(e.getAttribute("href"), location).href)`) {
			assert.True(t, strings.HasPrefix(link, base) || strings.HasPrefix(link, "https://traces.example.com/"), link)
		}
	}
	assert.Empty(t, wrong.all())
}
