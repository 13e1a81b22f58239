package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"sync"
	"time"
)

// Segment describes the entries that one file of a ledger holds. Two equal values of a
// closed segment describe the same bytes, also if the directory was replaced by an older
// copy meanwhile: the writer has chosen Sealed anew.
type Segment struct {
	// Ledger is the ID of the ledger.
	Ledger [16]byte
	// Number is the number of the segment, which is part of its file's name.
	Number uint64
	// First is the sequence number of the first entry.
	First uint64
	// Next is the sequence number of the entry after the last one. It is zero in the last
	// segment, unless the ledger was closed.
	Next uint64
	// End is the offset after the last frame, in bytes. Where Next is zero, it is only a
	// limit.
	End int64
	// Sealed is when the next segment was created. It is zero in the last segment, and
	// where damage makes the end uncertain.
	Sealed time.Time
}

// Closed reports whether the segment will never change.
func (s Segment) Closed() bool { return !s.Sealed.IsZero() }

// segment returns the extent as a Segment.
func (e extent) segment(id ledgerID) Segment {
	s := Segment{Ledger: id, Number: e.number, First: e.first, Next: e.next, End: e.end}
	if !e.open && !e.loose && e.next != 0 {
		s.Sealed = timeOf(e.sealed)
	}
	return s
}

// Segments returns the segments of the ledger, oldest first, and the sequence number of the
// oldest entry that retention has not removed. Entries that no segment has are lost;
// [Reader.Entries] and [Reader.Frames] report them.
func (r *Reader) Segments() (segments []Segment, first uint64, err error) {
	v, err := r.view(true)
	if err != nil {
		return nil, 0, r.locate(err)
	}
	segments = make([]Segment, len(v.catalog.extents))
	for i, e := range v.catalog.extents {
		segments[i] = e.segment(v.state.id)
	}
	return segments, v.state.first, nil
}

// Frame is a frame of a segment: the entries of one commit.
type Frame struct {
	// Ledger is the ID of the ledger, and Segment the number of the segment.
	Ledger  [16]byte
	Segment uint64
	// Offset is where the frame begins in the file, in bytes.
	Offset int64
	// Size is the size of the frame in the file, in bytes.
	Size int64
	// First is the sequence number of the first entry, and Entries the number of entries.
	First   uint64
	Entries int
	// Checksum covers the content, the place, and the time of the commit.
	Checksum uint32

	body []byte
}

// WithoutEntries returns a frame that has no entries any more, which otherwise stay in memory.
func (f Frame) WithoutEntries() Frame {
	f.body = nil
	return f
}

// newFrame returns the frame at an offset.
func newFrame(ledger ledgerID, number uint64, offset int64, frame []byte, h *frameHeader) Frame {
	return Frame{
		Ledger: ledger, Segment: number, Offset: offset, Size: h.size(), First: h.first, Entries: int(h.entries),
		Checksum: frameChecksum(frame), body: frame[frameHeaderSize : frameHeaderSize+int(h.body)],
	}
}

// All returns an iterator over the entries. Their Data is valid as long as the frame is.
func (f Frame) All() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		body := f.body
		for seq := f.First; len(body) > 0; seq++ {
			var data []byte
			data, body = nextEntry(body)
			if !yield(Entry{Seq: seq, Data: data}) {
				return
			}
		}
	}
}

// Frames is Entries, but returns frames, the first of which holds the entry from. It ends
// before the first frame whose entries are all after the entry to. A frame is valid only
// until the next iteration step.
func (r *Reader) Frames(ctx context.Context, from, to uint64) iter.Seq2[Frame, error] {
	return func(yield func(Frame, error) bool) {
		r.walk(ctx, from, func(f Frame, _ uint64, err error) bool {
			return (err != nil || f.First <= to) && yield(f, err)
		})
	}
}

// Resume reports whether a frame is still in the ledger, as Frames has returned it. If it is,
// later calls of Frames and Entries find their way from there, instead of reading the segment
// from its beginning. The entries of f do not matter.
func (r *Reader) Resume(f Frame) bool {
	return resume(r.dir, f, &r.waypoints)
}

// resume reports whether a frame is still there, and remembers its place.
func resume(dir fileSystem, f Frame, places *waypoints) bool {
	s, err := openSegmentFile(dir, Segment{Ledger: f.Ledger, Number: f.Segment})
	if err != nil {
		return false
	}
	buffer := resumeBuffers.Get().(*[]byte) //nolint:errcheck,forcetypeassert // it has buffers only
	defer resumeBuffers.Put(buffer)
	if f.Size <= maxResumeBuffer && int64(cap(*buffer)) < f.Size {
		*buffer = make([]byte, f.Size)
	}
	found, err := s.ReadFrame(f.Offset, f.Size, *buffer)
	if s.Close() != nil || err != nil || found.Checksum != f.Checksum || found.First != f.First {
		return false
	}
	places.set(f.Segment, waypoint{offset: f.Offset, next: f.First})
	return true
}

// resumeBuffers has buffers of up to maxResumeBuffer bytes for resume, which a reader that follows
// a ledger calls for each search.
var resumeBuffers = sync.Pool{New: func() any { return new([]byte) }}

const maxResumeBuffer = 2 << 20

// SegmentFile is an open segment. Its methods are safe for concurrent use.
type SegmentFile struct {
	dir     string
	segment *segment
}

// OpenSegment opens a segment to read frames anywhere in it. The error matches
// fs.ErrNotExist if retention has removed the segment.
func (r *Reader) OpenSegment(s Segment) (*SegmentFile, error) {
	return openSegmentFile(r.dir, s)
}

func openSegmentFile(dir fileSystem, s Segment) (*SegmentFile, error) {
	opened, err := openFrames(dir, s.Ledger, extent{number: s.Number, first: s.First})
	if err != nil {
		return nil, locate(fmt.Errorf("ledger: %w", err), dir.Path())
	}
	return &SegmentFile{dir: dir.Path(), segment: opened}, nil
}

// Close closes the file. Frames that were read stay valid.
func (s *SegmentFile) Close() error { return s.segment.file.Close() }

// ReadFrame reads the frame of size bytes at an offset, as Frames has returned them, and
// checks it. It uses buffer if that is large enough; the frame refers to it. If no such
// frame is there, the error is a *CorruptError.
func (s *SegmentFile) ReadFrame(offset, size int64, buffer []byte) (Frame, error) {
	section, err := s.ReadSection(offset, size, buffer)
	if err != nil {
		return Frame{}, err
	}
	return section.Frame(offset, size)
}

// Section is a part of a segment that was read at once.
type Section struct {
	file   *SegmentFile
	offset int64
	data   []byte
}

// ReadSection reads size bytes at an offset, to look at all frames that are there. It uses
// buffer if that is large enough; the section refers to it. If the file does not have all of
// them, or the device cannot read one, the error is a *CorruptError.
func (s *SegmentFile) ReadSection(offset, size int64, buffer []byte) (Section, error) {
	if size < frameHeaderSize+frameTrailerSize || size > MaxSegmentSize || offset < segmentHeaderSize {
		return Section{}, s.corrupt(offset, "no frame begins here")
	}
	if int64(cap(buffer)) < size {
		buffer = make([]byte, size)
	}
	buffer = buffer[:size]
	n, err := s.segment.file.ReadAt(buffer, offset)
	switch {
	case int64(n) == size:
		return Section{file: s, offset: offset, data: buffer}, nil
	case isShortRead(err):
		return Section{}, s.corrupt(offset, "the file ends early")
	case isBadSector(err):
		return Section{}, s.corrupt(offset, "the device cannot read it: "+err.Error())
	case errors.Is(err, fs.ErrClosed):
		return Section{}, err
	}
	return Section{}, locate(fmt.Errorf("ledger: read %s: %w", s.segment.name(), err), s.dir)
}

// Has reports whether the section has all size bytes at an offset.
func (s Section) Has(offset, size int64) bool {
	return size > 0 && offset >= s.offset && size <= int64(len(s.data)) && offset-s.offset <= int64(len(s.data))-size
}

// Frame checks the frame of size bytes at an offset, which refers to the section. If no such
// frame is there, the error is a *CorruptError.
func (s Section) Frame(offset, size int64) (Frame, error) {
	if !s.Has(offset, size) {
		return Frame{}, s.file.corrupt(offset, "no frame begins here")
	}
	data := s.data[offset-s.offset:][:size]
	at := s.file.segment.location(offset)
	h, ok := parseFrameHeader(data, at)
	if !ok || h.kind != kindEntries || h.size() != size {
		return Frame{}, s.file.corrupt(offset, "no frame begins here")
	}
	if !checkFrame(data, &h, at) {
		return Frame{}, s.file.corrupt(offset, "the checksum of the frame is wrong")
	}
	return newFrame(s.file.segment.ledger, s.file.segment.number, offset, data, &h), nil
}

func (s *SegmentFile) corrupt(offset int64, reason string) error {
	return locate(&CorruptError{File: s.segment.name(), Offset: offset, Reason: reason}, s.dir)
}

// HasMore reports whether something follows the frame that ends at an offset of a segment.
// It costs one read, and says no only where the file has zeros.
func (s *SegmentFile) HasMore(end int64) bool {
	var b [frameHeaderSize]byte
	n, err := s.segment.file.ReadAt(b[:], end)
	return err != nil && !isShortRead(err) || !allZero(b[:n])
}
