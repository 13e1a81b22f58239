// Package serve publishes a sealed ledger as a log of C2SP's tlog-tiles, over HTTP: its newest
// checkpoint and the tiles of hashes to everybody, and bundles, which hold the records, to those
// whom the application lets in.
//
//	handler := serve.New(seal.OpenDir("/var/lib/shop/audit/seal"), serve.WithBundles(reader, authorize))
//	mux.Handle("/audit-log/", http.StripPrefix("/audit-log", handler))
package serve

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
)

// Option configures New.
type Option func(*handler)

// WithBundles serves the bundles of entries too, from a Reader that stays open as long as the
// handler is used. Authorize is called for each request of a bundle; if it returns an error, the
// request gets the status 403, and not the text of the error. It is needed: a nil one lets nobody
// in.
func WithBundles(r *ledger.Reader, authorize func(*http.Request) error) Option {
	return func(h *handler) { h.reader, h.authorize = r, authorize }
}

// WithErrorHandler calls report with what the client is not told: that files cannot be read, or
// that entries are missing. It may be called from several goroutines.
func WithErrorHandler(report func(error)) Option { return func(h *handler) { h.report = report } }

// New returns a handler that serves the files of a seal, also while the ledger is written. Without
// WithBundles it serves no bundles. Paths begin with a slash: /checkpoint, /tile/...
func New(files seal.Files, opts ...Option) http.Handler {
	h := &handler{files: files, report: func(error) {}}
	for _, opt := range opts {
		opt(h)
	}
	return h
}

type handler struct {
	files     seal.Files
	reader    *ledger.Reader
	authorize func(*http.Request) error
	report    func(error)
}

const tileWidth = 256

// ServeHTTP answers a request.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD are allowed", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	path := strings.TrimPrefix(r.URL.Path, "/")
	if path == "checkpoint" {
		h.checkpoint(w)
		return
	}
	t, ok := parseTile(path)
	switch {
	case !ok:
		http.NotFound(w, r)
	case t.bundle:
		h.bundle(w, r, t)
	default:
		h.tile(w, path, t)
	}
}

func (h *handler) checkpoint(w http.ResponseWriter) {
	signed, err := h.files.Read("checkpoint")
	if err != nil {
		h.fail(w, err)
		return
	}
	write(w, signed, "text/plain; charset=utf-8", "public, max-age=1")
}

func (h *handler) tile(w http.ResponseWriter, path string, t tile) {
	signed, err := h.files.Read("checkpoint")
	if err != nil {
		h.fail(w, err)
		return
	}
	c, err := seal.UnverifiedCheckpoint(signed)
	if err != nil {
		h.fail(w, err)
		return
	}
	if hashes := c.Size >> (8 * t.level); t.number > hashes/tileWidth || t.number*tileWidth+int64(t.width) > hashes {
		http.Error(w, "the checkpoint does not cover the tile", http.StatusNotFound)
		return
	}
	data, err := h.files.Read(path)
	if err != nil {
		h.fail(w, err)
		return
	}
	// An hour, and not for ever: a ledger that was adopted has another tree.
	write(w, data, "application/octet-stream", "public, max-age=3600")
}

func (h *handler) bundle(w http.ResponseWriter, r *http.Request, t tile) {
	if h.reader == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	if h.authorize == nil || h.authorize(r) != nil {
		http.Error(w, "bundles hold records; you are not allowed to read them", http.StatusForbidden)
		return
	}
	data, err := seal.Bundle(r.Context(), h.files, h.reader, t.number, t.width)
	if err != nil {
		h.fail(w, err)
		return
	}
	write(w, data, "application/octet-stream", "no-store")
}

func write(w http.ResponseWriter, data []byte, kind, cache string) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", cache)
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	_, _ = w.Write(data) // the client is gone
}

// fail answers with an error, whose text is for the operator only.
func (h *handler) fail(w http.ResponseWriter, err error) {
	_, removed := errors.AsType[*ledger.RemovedError](err)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, seal.ErrNotSealed), removed:
		http.Error(w, "there is no such file", http.StatusNotFound)
	default:
		h.report(fmt.Errorf("serve: %w", err))
		http.Error(w, "the file cannot be read", http.StatusInternalServerError)
	}
}

// tile is what a path names.
type tile struct {
	bundle bool
	level  int
	number int64
	width  int
}

// tilePath is a level or "entries", the number in groups of three digits, and the width of a
// partial tile.
var tilePath = regexp.MustCompile(`^tile/(entries|[0-7])/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?$`)

// parseTile reads a path. A number has one spelling only.
func parseTile(path string) (t tile, ok bool) {
	m := tilePath.FindStringSubmatch(path)
	if len(m) < 4 || strings.HasPrefix(m[2], "x000/") {
		return t, false
	}
	t = tile{bundle: m[1] == "entries", width: tileWidth}
	if !t.bundle {
		t.level = int(m[1][0] - '0')
	}
	for _, c := range m[2] {
		if c >= '0' && c <= '9' {
			t.number = 10*t.number + int64(c-'0')
		}
	}
	if m[3] != "" {
		t.width, _ = strconv.Atoi(m[3]) // at most three digits
	}
	return t, t.width < tileWidth || m[3] == ""
}
