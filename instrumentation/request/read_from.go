package request

import (
	"errors"
	"io"
	"net/http"
)

// readFrom is the ReadFrom of a writer of net/http's server, whose own one is next. That one
// writes no header before src has returned something: a handler whose source fails at once
// still answers with a status of its own.
func (a *answer) readFrom(src io.Reader, next func(io.Reader) (int64, error)) (int64, error) {
	if a.hasLeft() {
		if !a.leaves(http.StatusOK) {
			return io.Copy(io.Discard, src)
		}
		return next(src)
	}
	first := &firstPart{source: src, answer: a}
	n, err := next(first)
	switch {
	case first.unwanted:
		return first.dropped, first.err
	case !first.ended || err != nil:
		return n, err
	}
	rest, err := next(src)
	return n + rest, err
}

// hasLeft reports whether the header has left, as far as that will ever be known.
func (a *answer) hasLeft() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.isKnown()
}

// firstPart is a source that reports to the answer when it returns the first bytes, which the
// server writes with the header. If the server asks for as much as it needs to find the type of
// the content, firstPart ends there: the server may read the rest from the source itself without
// copying it, and the answer has the same bytes.
type firstPart struct {
	source io.Reader
	answer *answer
	begun  bool
	asked  int   // how much is returned before it ends; 0 for all
	size   int   // how much was returned
	ended  bool  // because of asked
	err    error // of the source, when the rest was dropped

	unwanted bool  // another answer was written instead
	dropped  int64 // how much was read for that
}

// Read implements io.Reader.
func (f *firstPart) Read(b []byte) (int, error) {
	if !f.begun && len(b) <= sniffSize {
		f.asked = sniffSize
	}
	f.begun = true
	if f.unwanted || f.ended {
		return 0, io.EOF
	}
	n, err := f.source.Read(b)
	if n > 0 && f.size == 0 && !f.answer.leaves(http.StatusOK) {
		f.drop(int64(n), err)
		return 0, io.EOF
	}
	f.size += n
	f.ended = f.asked > 0 && f.size >= f.asked
	return n, err
}

// drop reads what is left. n bytes were read before, with err.
func (f *firstPart) drop(n int64, err error) {
	f.unwanted, f.dropped = true, n
	switch {
	case err == nil:
		n, f.err = io.Copy(io.Discard, f.source)
		f.dropped += n
	case !errors.Is(err, io.EOF):
		f.err = err
	}
}
