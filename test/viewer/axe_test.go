package viewer_test

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/opendeed/audit/viewer"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// axe returns the source of axe-core, which npm installs in the version of the lock file. Where
// there is no npm, the test is skipped, except with CI=true.
func axe(t *testing.T) string {
	t.Helper()
	file := filepath.Join("axe", "node_modules", "axe-core", "axe.min.js")
	source, err := os.ReadFile(file)
	if err == nil {
		return string(source)
	}
	if _, err := exec.LookPath("npm"); err != nil {
		if os.Getenv("CI") == "true" {
			require.Fail(t, "npm is not installed; .ci/run installs it")
		}
		t.Skip("SKIPPED: npm is not installed, so the pages were not checked for accessibility; install Debian's package npm")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	install := exec.CommandContext(ctx, "npm", "ci")
	install.Dir = "axe"
	output, err := install.CombinedOutput()
	require.NoError(t, err, "%s", output)
	source, err = os.ReadFile(file)
	require.NoError(t, err)
	return string(source)
}

// violation is a rule that a page breaks, with some of the elements.
type violation struct {
	ID, Impact, Help string
	Nodes            []struct{ HTML string }
}

// TestAccessibility checks every page with axe-core, and that of deed serve for those whom it does
// not let in, on a phone and a wide screen, light and dark. It accepts no violation, however small.
func TestAccessibility(t *testing.T) {
	source := axe(t)
	base := serve(t, richReader(), viewer.WithHealth(health))
	tab := newTab(t, openBrowser(t))
	pages := map[string]string{"forbidden": serveForbidden(t)}
	for name, page := range shots() {
		pages[name] = base + page
	}
	for name, page := range pages {
		for width, scheme := range map[int64]string{360: "dark", 1280: "light"} {
			tab.look(width, scheme)
			tab.open(page)
			tab.checkAccess(source, fmt.Sprintf("%s at %d, %s", name, width, scheme))
			if name == "forbidden" { // TestPagesInABrowser has the others
				tab.shoot(name, width, scheme)
			}
		}
	}
}

// serveForbidden serves the page of deed serve for a link that is wrong or was used before.
func serveForbidden(t *testing.T) string {
	t.Helper()
	page, err := template.ParseFiles("../../cmd/deed/internal/serve/forbidden.html")
	require.NoError(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		assert.NoError(t, page.Execute(w, map[string]string{"Why": "This link was used before, or is wrong", "What": "Start deed serve again for another link."}))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// checkAccess checks the page that is open. source is that of axe-core.
func (tab tab) checkAccess(source, page string) {
	tab.t.Helper()
	require.NoError(tab.t, chromedp.Do(tab.ctx, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](source+"; true"))
		return err
	})))
	found, err := chromedp.Run(tab.ctx, chromedp.Evaluate[[]violation](
		`axe.run({resultTypes: ["violations"]}).then(r => r.violations.map(v => ({ID: v.id, Impact: v.impact, Help: v.help, Nodes: v.nodes.slice(0, 3).map(n => ({HTML: n.html}))})))`,
		chromedp.EvalAwaitPromise))
	require.NoError(tab.t, err)
	var texts []string
	for _, v := range found {
		texts = append(texts, fmt.Sprintf("%s (%s): %s %v", v.ID, v.Impact, v.Help, v.Nodes))
	}
	assert.Empty(tab.t, strings.Join(texts, "\n"), page)
}
