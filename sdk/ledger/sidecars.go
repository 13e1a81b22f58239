package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"time"

	"github.com/opendeed/audit/internal/panics"
)

// Keeper keeps sidecars: files beside the segments of a ledger, derived from their entries,
// such as an index. A ledger that has a Keeper calls it, see [WithSidecars].
type Keeper interface {
	// Keep brings the sidecars up to date. It is called once at a time: when the ledger was
	// opened, whenever a segment was closed or has grown by a few megabytes, and again a
	// minute after an error. It must return soon after ctx ends, which is when the ledger is
	// closed, and must not keep s.
	Keep(ctx context.Context, s *Sidecars) error
}

// WithSidecars makes k keep sidecars of the segments. Its work is done in the background:
// neither Append nor Close waits for it, except that Close waits until Keep has returned. The
// handlers of WithErrorHandler get its errors.
//
// Sidecars do not count toward WithMaxSize. They are removed with their segments, also by a
// ledger that is opened without this option. The ledger itself never reads them.
func WithSidecars(k Keeper) Option {
	return func(c *config) { c.keeper = k }
}

// WithErrorHandler calls handle with errors of the ledger's work in the background that no
// caller gets: those of sidecars. With several handlers, each is called.
func WithErrorHandler(handle func(error)) Option {
	return func(c *config) { c.errorHandlers = append(c.errorHandlers, handle) }
}

const (
	// sidecarStep is by how many bytes the active segment grows between two calls of Keep.
	sidecarStep = 4 << 20
	// sidecarRetry is how long after an error Keep is called again.
	sidecarRetry = time.Minute
)

// sidecarLoop calls the Keeper. It runs in its own goroutine.
func (l *Ledger) sidecarLoop() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	l.goroutines.Go(func() {
		<-l.closing
		cancel()
	})
	retry := time.NewTimer(0)
	defer retry.Stop()
	places := &waypoints{}
	for {
		select {
		case <-l.sidecarWake:
		case <-retry.C:
		case <-l.closing:
			return
		}
		if err := l.keepSidecars(ctx, places); err != nil && ctx.Err() == nil {
			for _, handle := range l.config.errorHandlers {
				handle(nameDir(fmt.Errorf("ledger: sidecars: %w", err), l.dir.Path()))
			}
			retry.Reset(sidecarRetry)
		}
	}
}

// keepSidecars calls the Keeper. A panic is an error: it must not stop the process.
func (l *Ledger) keepSidecars(ctx context.Context, places *waypoints) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("Keep: %w", panics.Error(p))
		}
	}()
	return l.config.keeper.Keep(ctx, &Sidecars{ledger: l, waypoints: places})
}

// wakeKeeper wakes sidecarLoop if the active segment, which ends at an offset now, has grown
// enough, or is a new one. mu is held.
func (l *Ledger) wakeKeeper(end int64, isNew bool) {
	if l.config.keeper != nil && (isNew || end >= l.sidecarEnd+sidecarStep) {
		l.sidecarEnd = end
		notify(l.sidecarWake)
	}
}

// Sidecars gives a [Keeper] access to the segments of a ledger and to their sidecars.
type Sidecars struct {
	ledger    *Ledger
	waypoints *waypoints
}

// Segments returns the segments of the ledger, oldest first. Of the last one, Next and End
// tell how far it is on stable storage.
func (s *Sidecars) Segments() []Segment {
	l := s.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	s.waypoints.forget(l.extents[0].number)
	segments := make([]Segment, len(l.extents))
	for i, e := range l.extents {
		if i == len(l.extents)-1 {
			e = l.readable(e)
		}
		segments[i] = e.segment(l.id)
	}
	return segments
}

// Frames is [Reader.Frames]. It ends before the first frame that is not on stable storage.
func (s *Sidecars) Frames(ctx context.Context, from, to uint64) iter.Seq2[Frame, error] {
	return func(yield func(Frame, error) bool) {
		w := walker{source: s.ledger, waypoints: s.waypoints, next: max(from, 1)}
		defer func() { _ = w.closeSegment() }() // only read
		for w.next <= to {
			if err := ctx.Err(); err != nil {
				yield(Frame{}, err)
				return
			}
			frame, h, found, err := w.walk()
			switch {
			case err != nil:
				if !yield(Frame{}, s.locate(err)) || !isLoss(err) {
					return
				}
			case !found || h.first > to || !yield(w.frame(frame, &h), nil):
				return
			}
		}
	}
}

// Resume is [Reader.Resume].
func (s *Sidecars) Resume(f Frame) bool {
	return resume(s.ledger.dir, f, s.waypoints)
}

// Names returns the names of the sidecars of each segment, by its number. Some may be those
// of segments that are gone.
func (s *Sidecars) Names() (map[uint64][]string, error) { return sidecarFiles(s.ledger.dir) }

// Open opens a sidecar for reading. The error matches fs.ErrNotExist if there is none.
func (s *Sidecars) Open(segment uint64, name string) (Sidecar, error) {
	if !ValidSidecar(name) {
		return nil, errSidecarName(name)
	}
	return s.ledger.dir.Open(sidecarName(segment, name))
}

// Write stores a sidecar, in place of an older one. When it returns nil, the file is on
// stable storage; a crash leaves the new file, the old one, or none.
func (s *Sidecars) Write(segment uint64, name string, write func(io.Writer) error) error {
	if !ValidSidecar(name) {
		return errSidecarName(name)
	}
	if err := s.ledger.verify(nil); err != nil {
		return err
	}
	if err := writeSidecar(s.ledger.dir, segment, name, write); err != nil {
		return s.ledger.writeError("write "+sidecarName(segment, name), err)
	}
	s.ledger.mu.Lock()
	removed := segment < s.ledger.extents[0].number
	s.ledger.mu.Unlock()
	if removed { // by retention, meanwhile
		return removeIfExists(s.ledger.dir, sidecarName(segment, name))
	}
	return nil
}

// Remove removes a sidecar, if there is one.
func (s *Sidecars) Remove(segment uint64, name string) error {
	if !ValidSidecar(name) {
		return errSidecarName(name)
	}
	return removeIfExists(s.ledger.dir, sidecarName(segment, name))
}

func (s *Sidecars) locate(err error) error { return locate(err, s.ledger.dir.Path()) }

// errSidecarName returns the error for a name that no sidecar can have.
func errSidecarName(name string) error {
	return fmt.Errorf("ledger: %q is no name of a sidecar, see ValidSidecar: %w", name, fs.ErrNotExist)
}

// removeSidecars removes the sidecars of segments before the oldest one. names are the files
// in the directory.
func removeSidecars(dir fileSystem, names []string, oldest uint64) (err error) {
	for _, file := range names {
		if number, _, ok := parseSidecar(file); ok && number < oldest {
			err = errors.Join(err, removeIfExists(dir, file))
		}
	}
	return err
}
