package cli

import (
	"context"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/query"
)

// progress returns a Progress of things such as records, or of bytes if what is empty. It is nil
// where nobody would see it.
func (a *app) progress(what string) *term.Progress {
	if a.quiet || !term.Is(a.stderr) {
		return nil
	}
	return term.NewProgress(a.stderr, what)
}

// partOf returns a function that says which part of the time between the first and the last record
// of an answer is done when a record is.
func partOf(ctx context.Context, reader query.Reader, filter query.Filter) func(time.Time) float64 {
	filter.Ascending, filter.After, filter.Limit = !filter.Ascending, "", 1
	var first, last time.Time
	for r, err := range reader.Find(ctx, filter) {
		if err == nil {
			last = r.Time
		}
	}
	return func(at time.Time) float64 {
		if first.IsZero() {
			first = at
		}
		all := last.Sub(first)
		if all == 0 || last.IsZero() {
			return -1
		}
		return float64(at.Sub(first)) / float64(all)
	}
}

// watchSize shows how much of its bytes a directory has, until stop is called.
func (a *app) watchSize(dir string, all int64) (stop func()) {
	progress := a.progress("")
	if progress == nil {
		return func() {}
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(term.ProgressInterval)
		defer ticker.Stop()
		for {
			select {
			case <-end:
				progress.Clear()
				return
			case <-ticker.C:
				size := sizeOf(dir)
				progress.Update(size, float64(size)/float64(max(1, all)))
			}
		}
	}()
	return func() {
		close(end)
		<-ended
	}
}

// sizeOf returns how many bytes the files in a directory have.
func sizeOf(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() { // files come and go
			if info, err := d.Info(); err == nil {
				n += info.Size()
			}
		}
		return nil
	})
	return n
}
