package drive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Viewer is deed serve, which shows a trail in a browser.
type Viewer struct {
	*Process
	Link string // lets one browser in, once
}

// StartViewer starts deed serve on a store.
func StartViewer(ctx context.Context, deed, store string) (*Viewer, error) {
	process, err := Start(ctx, []string{"DEED_FROM=" + store}, deed, "serve", "--no-open", "--quiet")
	if err != nil {
		return nil, err
	}
	v := &Viewer{Process: process, Link: process.FirstLine()}
	if !strings.HasPrefix(v.Link, "http://127.0.0.1:") {
		process.Kill()
		return nil, errors.New("deed serve printed no link")
	}
	return v, nil
}

// Page opens the link, as a browser does, and returns the timeline. The link is used then.
func (v *Viewer) Page(ctx context.Context) (string, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.Link, nil)
	if err != nil {
		return "", err
	}
	resp, err := (&http.Client{Jar: jar}).Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("the viewer answered %d: %s", resp.StatusCode, body)
	}
	return string(body), err
}

// screenshotTimeout bounds how long a browser may take.
const screenshotTimeout = time.Minute

// Screenshot writes a picture of the link into a file, if Chromium is installed. The link is
// used then. It reports whether it did.
func Screenshot(ctx context.Context, link, file string) (bool, error) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, screenshotTimeout)
	defer cancel()
	profile, err := os.MkdirTemp("", "chromium")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(profile)
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return false, err
	}
	output, err := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--window-size=1280,900",
		"--user-data-dir="+profile, "--screenshot="+file, link).CombinedOutput()
	if err != nil {
		return false, fmt.Errorf("chromium: %w: %s", err, output)
	}
	return true, nil
}
