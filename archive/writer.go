package archive

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
)

// Writer writes an archive. The same entries with the same Meta make the same bytes, as long
// as the version of the compressor is the same. It is not safe for concurrent use.
//
// Create writes to a Store, which is what most callers want.
type Writer struct {
	out      io.Writer
	zstd     *zstd.Encoder
	manifest Manifest
	content  hash.Hash
	sum      summary
	lines    []byte // of the part that is being filled
	part     Part
	frame    []byte
	recent   recentIDs
	scratch  []byte
	err      error
}

// NewWriter returns a Writer of an archive to out.
func NewWriter(out io.Writer, meta Meta) (*Writer, error) {
	if err := meta.validate(); err != nil {
		return nil, err
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true), zstd.WithSingleSegment(true),
		zstd.WithWindowSize(maxTarget), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	return &Writer{out: out, zstd: encoder, manifest: Manifest{Meta: meta}, content: sha256.New()}, nil
}

var (
	errOrder     = errors.New("archive: the sequence numbers must be in the range of the archive, and each greater than the one before")
	errNoEntry   = errors.New("archive: an entry must not be empty")
	errClosed    = errors.New("archive: the Writer is closed")
	errUnwritten = errors.New("archive: the Writer has failed before")
)

// Append adds an entry of the log, which need not be a valid record. Sequence numbers must
// ascend. They must be zero if Meta.First is. Append does not retain data.
func (w *Writer) Append(seq uint64, data []byte) error {
	switch m := &w.manifest; {
	case w.err != nil:
		return w.err
	case len(data) == 0:
		return errNoEntry
	case len(data) > maxEntry:
		return ErrTooLarge
	case m.First == 0 && seq != 0, m.First != 0 && (seq < m.First || seq > m.Last || seq <= max(w.sum.last, w.part.Last)):
		return errOrder
	}
	e := Entry{Seq: seq, Data: data}
	r, err := e.Record()
	canonical := err == nil && w.isCanonical(r, data)
	if err == nil {
		e.Repeats = w.recent.add(r.ID, seq)
		w.addTime(r)
	}
	if w.part.Entries == 0 {
		w.part.First = seq
	}
	w.part.Last = seq
	w.part.Entries++
	w.lines = appendLine(w.lines, e, canonical)
	if int64(len(w.lines)) >= partTarget(w.sum.content) {
		w.err = w.flush()
	}
	return w.err
}

// isCanonical keeps the buffer of package function isCanonical.
func (w *Writer) isCanonical(r *record.Record, data []byte) bool {
	if cap(w.scratch) < len(data) {
		w.scratch = make([]byte, 0, 2*len(data))
	}
	return isCanonical(r, data, w.scratch)
}

func (w *Writer) addTime(r *record.Record) {
	p := &w.part
	p.Records++
	if t := r.Time.UTC(); p.Records == 1 {
		p.Oldest, p.Newest = t, t
	} else if t.Before(p.Oldest) {
		p.Oldest = t
	} else if t.After(p.Newest) {
		p.Newest = t
	}
}

// flush writes the part.
func (w *Writer) flush() error {
	if w.part.Entries == 0 {
		return nil
	}
	w.frame = w.zstd.EncodeAll(w.lines, w.frame[:0])
	p := w.part
	p.Offset, p.Size, p.Hash, p.Content = w.manifest.dataSize(), int64(len(w.frame)), hashOf(w.frame), int64(len(w.lines))
	if _, err := w.out.Write(w.frame); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	_, _ = w.content.Write(w.lines) // never fails
	w.manifest.Parts = append(w.manifest.Parts, p)
	w.sum.addPart(&p)
	w.part, w.lines = Part{}, w.lines[:0]
	return nil
}

// Close writes the manifest, and returns it. It does not close the underlying io.Writer.
func (w *Writer) Close() (*Manifest, error) {
	if w.err == nil {
		w.err = w.flush()
	}
	if w.err != nil {
		return nil, w.err
	}
	w.err = errUnwritten
	m := w.manifest
	m.Content, m.Entries, m.Records = w.sum.content, w.sum.entries, w.sum.records
	m.Oldest, m.Newest = w.sum.oldest, w.sum.newest
	m.ContentHash = Hash(w.content.Sum(nil))
	sum := manifestSum{hash: sha256.New()}
	if err := m.encode(&sum); err != nil {
		return nil, err
	}
	if err := w.writeTrailer(&m, footer{hash: Hash(sum.hash.Sum(nil)), manifest: sum.size}); err != nil {
		return nil, err
	}
	w.err = errClosed
	m.Size = m.dataSize() + int64(minTrailer) + sum.size
	m.Hash, m.Name = Hash(sum.hash.Sum(nil)), m.objectName()
	return &m, nil
}

// writeTrailer writes the manifest. It is encoded a second time, since its size comes first.
func (w *Writer) writeTrailer(m *Manifest, f footer) error {
	_, err := w.out.Write(appendTrailerHeader(nil, f.manifest))
	if err == nil {
		err = m.encode(w.out)
	}
	if err == nil {
		_, err = w.out.Write(f.append(nil))
	}
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	return nil
}

// manifestSum computes the size and the hash of a manifest.
type manifestSum struct {
	hash hash.Hash
	size int64
}

// Write returns ErrTooLarge once no archive can have such a manifest.
func (s *manifestSum) Write(b []byte) (int, error) {
	if s.size += int64(len(b)); s.size > maxManifest {
		return 0, ErrTooLarge
	}
	return s.hash.Write(b)
}

// maxRecent is the number of records within which a repeated ID is recognized, as in a
// ledger.
const maxRecent = 1 << 16

// recentIDs remembers where the newest IDs were seen first.
type recentIDs struct {
	seqs   map[audit.ID]uint64
	ring   []audit.ID
	oldest int
}

// add returns the sequence number at which an ID was seen first, or remembers it.
func (r *recentIDs) add(id audit.ID, seq uint64) uint64 {
	if seq == 0 {
		return 0 // the IDs of a log without sequence numbers are its keys
	}
	if first, ok := r.seqs[id]; ok {
		return first
	}
	if r.seqs == nil {
		r.seqs = map[audit.ID]uint64{}
	}
	if len(r.ring) < maxRecent {
		r.ring = append(r.ring, id)
	} else {
		delete(r.seqs, r.ring[r.oldest])
		r.ring[r.oldest] = id
		r.oldest = (r.oldest + 1) % maxRecent
	}
	r.seqs[id] = seq
	return 0
}
