package viewer_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/opendeed/audit/test/viewer/trail"
	"github.com/stretchr/testify/require"
)

// shots are the pages of which screenshots are made, by name.
func shots() map[string]string {
	records := trail.Records(1, 30, now)
	newest, edited := records[len(records)-1], records[len(records)-1]
	for _, r := range records {
		if r.Target.ID == trail.Featured.ID {
			newest = r
			if len(r.Changes) > 0 && r.Changes[0].Field == "body" {
				edited = r
			}
		}
	}
	return map[string]string{
		"timeline": "", "filtered": "?outcome=denied&since=7d", "empty": "?text=nothing+has+this",
		"record": "record?id=" + edited.ID.String(), "record-short": "record?id=" + newest.ID.String(),
		"problem": "?since=whenever",
	}
}

// TestScreenshots writes screenshots of all pages into the directory AUDIT_SCREENSHOTS.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("AUDIT_SCREENSHOTS")
	if dir == "" {
		t.Skip("AUDIT_SCREENSHOTS names no directory for them")
	}
	base := serve(t, richReader())
	browser := openBrowser(t)
	for name, page := range shots() {
		for _, width := range []int64{360, 1280, 1920} {
			for _, scheme := range []string{"light", "dark"} {
				if scheme == "dark" && width == 1920 {
					continue
				}
				tab := newTab(t, browser)
				tab.look(width, scheme)
				tab.open(base + page)
				png, err := chromedp.Run(tab.ctx, chromedp.CaptureScreenshot())
				require.NoError(t, err)
				file := filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, width, scheme))
				require.NoError(t, os.WriteFile(file, png, 0o600))
			}
		}
	}
}
