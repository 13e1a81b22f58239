package ledgerquery

import (
	"runtime"
	"sync"

	"github.com/opendeed/audit/query/internal/index"
	"github.com/opendeed/audit/sdk/ledger"
)

// sectionReader reads frames, and those that follow them at once. The zero value of all but
// snapshot and buffer is ready.
type sectionReader struct {
	snapshot *snapshot
	buffer   *[]byte // of frameBuffers

	segment uint64 // of section and last
	section ledger.Section
	last    ledger.Frame // that was read, for blocks that share a frame
}

// sectionSize is the most bytes that are read at once, unless a frame is larger. They fit into
// the cache of a processor.
const sectionSize = 256 << 10

// frameBuffers has buffers for sections, of minPooled to maxPooled bytes.
var frameBuffers = sync.Pool{New: func() any { return new([]byte) }}

const (
	minPooled = 64 << 10
	maxPooled = 1 << 20
)

// read returns a frame, which it has checked. It is valid until the next call. Up to the offset
// end of the segment, the caller needs the next frames too.
func (r *sectionReader) read(p *partSearch, frame index.Frame, end int64) (ledger.Frame, error) {
	if r.segment != p.segment.Number {
		r.segment, r.section, r.last = p.segment.Number, ledger.Section{}, ledger.Frame{}
	}
	if r.last.Offset == frame.Offset && r.last.Size == frame.Size {
		return r.last, nil
	}
	giveWay()
	file, err := r.snapshot.segment(p.segment)
	if err != nil {
		return ledger.Frame{}, err
	}
	r.last = ledger.Frame{}
	if !r.section.Has(frame.Offset, frame.Size) {
		r.section, err = file.ReadSection(frame.Offset, min(end-frame.Offset, max(frame.Size, sectionSize)), r.room(max(frame.Size, sectionSize)))
	}
	if err != nil && end-frame.Offset > frame.Size { // maybe of a later frame
		r.section, err = file.ReadSection(frame.Offset, frame.Size, r.room(frame.Size))
	}
	if err != nil {
		r.section = ledger.Section{}
		return ledger.Frame{}, err
	}
	if r.last, err = r.section.Frame(frame.Offset, frame.Size); err != nil {
		r.last = ledger.Frame{}
	}
	return r.last, err
}

// room returns a buffer for that many bytes, if they are not too many to keep.
func (r *sectionReader) room(size int64) []byte {
	if size > maxPooled {
		return nil
	}
	if int64(cap(*r.buffer)) < size {
		*r.buffer = make([]byte, max(size, minPooled))
	}
	return *r.buffer
}

// giveWay lets other goroutines of the process run. A search calls it for each frame and for each
// index, so that a service that also tracks does not wait until the search is preempted, which
// takes up to 10 milliseconds.
func giveWay() { runtime.Gosched() }
