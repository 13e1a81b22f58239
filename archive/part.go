package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// decoder returns the decoder of all frames, which may be used concurrently. It makes no more
// bytes than its caller has room for.
var decoder = sync.OnceValues(func() (*zstd.Decoder, error) {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxPart),
		zstd.WithDecoderMaxWindow(1<<26), zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	return d, nil
})

// unpacker reads parts. Its buffers are used again.
type unpacker struct {
	archive *Archive
	zstd    *zstd.Decoder
	frame   []byte
	lines   []byte
}

func newUnpacker(a *Archive) (*unpacker, error) {
	d, err := decoder()
	if err != nil {
		return nil, err
	}
	return &unpacker{archive: a, zstd: d}, nil
}

// read returns the lines of a part, which are valid until the next call. If the part is
// damaged, the error is a *CorruptError.
func (u *unpacker) read(ctx context.Context, index int) ([]byte, error) {
	p := &u.archive.manifest.Parts[index]
	u.frame = resize(u.frame, p.Size)
	if err := u.archive.readAt(ctx, u.frame, p.Offset); err != nil {
		return nil, u.archive.inPart(index, err)
	}
	return u.unpack(index, u.frame)
}

// unpack returns the lines of a frame.
func (u *unpacker) unpack(index int, frame []byte) ([]byte, error) {
	p := &u.archive.manifest.Parts[index]
	if hashOf(frame) != p.Hash {
		return nil, u.archive.corruptPart(index, "the hash is wrong")
	}
	u.lines = resize(u.lines, p.Content)
	lines, err := u.zstd.DecodeAll(frame, u.lines[:0:p.Content])
	if err != nil {
		return nil, u.archive.corruptPart(index, "it cannot be unpacked: "+err.Error())
	}
	if int64(len(lines)) != p.Content || lines[len(lines)-1] != '\n' || int64(bytes.Count(lines, []byte("\n"))) != p.Entries {
		return nil, u.archive.corruptPart(index, "its lines are not those of the manifest")
	}
	return lines, nil
}

// resize returns a buffer of the given size. Its content is undefined. A new one has some room
// more, since each part may be a bit larger than the one before.
func resize(b []byte, size int64) []byte {
	if int64(cap(b)) < size {
		return make([]byte, size, size+size/8)
	}
	return b[:size]
}

// entries calls yield with each entry of a part, until it returns false. The data is valid
// until the next call of read. more is false if yield returned false.
func (u *unpacker) entries(ctx context.Context, index int, yield func(e Entry, canonical bool) bool) (more bool, err error) {
	lines, err := u.read(ctx, index)
	if err != nil {
		return true, err
	}
	return u.split(index, lines, yield)
}

// split calls yield with the entry of each line.
func (u *unpacker) split(index int, lines []byte, yield func(e Entry, canonical bool) bool) (more bool, err error) {
	p := &u.archive.manifest.Parts[index]
	last, first := uint64(0), true
	for line := range bytes.Lines(lines) {
		e, canonical, ok := parseLine(line[:len(line)-1])
		switch {
		case !ok:
			return true, u.archive.corruptPart(index, "a line has another form")
		case p.First == 0 && e.Seq != 0, p.First != 0 && (e.Seq <= last || first && e.Seq != p.First || e.Seq > p.Last):
			return true, u.archive.corruptPart(index, "the sequence numbers are out of order")
		}
		last, first = e.Seq, false
		if !yield(e, canonical) {
			return false, nil
		}
	}
	if last != p.Last {
		return true, u.archive.corruptPart(index, "the sequence numbers are not those of the manifest")
	}
	return true, nil
}

// readAt reads from the object. If it ends early, the error is errShort.
func (a *Archive) readAt(ctx context.Context, b []byte, offset int64) error {
	n, err := a.store.ReadAt(ctx, a.manifest.Name, b, offset)
	switch {
	case n == len(b):
		return nil
	case err == nil, errors.Is(err, io.EOF):
		return errShort
	default:
		return err
	}
}

var errShort = errors.New("the object ends early")

// inPart makes errShort a *CorruptError of a part.
func (a *Archive) inPart(index int, err error) error {
	if errors.Is(err, errShort) {
		return a.corruptPart(index, errShort.Error())
	}
	return err
}

func (a *Archive) corruptPart(index int, reason string) error {
	p := &a.manifest.Parts[index]
	return &CorruptError{Name: a.manifest.Name, Part: index, First: p.First, Last: p.Last, Reason: reason}
}
