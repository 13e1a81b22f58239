package archive

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"iter"
	"slices"
)

// Archive is an archive in a Store. Its methods are safe for concurrent use.
type Archive struct {
	store    Store
	manifest Manifest
}

// Open reads the manifest of an archive. If the object is not an archive, the error is a
// *CorruptError; if the object does not exist, it matches fs.ErrNotExist.
func Open(ctx context.Context, store Store, name string) (*Archive, error) {
	o, err := find(ctx, store, name)
	if err != nil {
		return nil, err
	}
	return openObject(ctx, store, o)
}

// firstRead is how much of the end of an object is read at once. It suffices for the
// manifest of most archives.
const firstRead = 64 << 10

// openObject opens the archive in an object.
func openObject(ctx context.Context, store Store, o Object) (*Archive, error) {
	a := &Archive{store: store, manifest: Manifest{Name: o.Name}}
	corrupt := func(reason string) error { return &CorruptError{Name: o.Name, Part: -1, Reason: reason} }
	if o.Size < int64(minTrailer) {
		return nil, corrupt("it is too short for an archive")
	}
	end := make([]byte, min(o.Size, firstRead))
	if err := a.readAt(ctx, end, o.Size-int64(len(end))); err != nil {
		return nil, a.whole(err)
	}
	f, reason := parseFooter(end[len(end)-footerSize:])
	if reason != "" {
		return nil, corrupt(reason)
	}
	size := int64(minTrailer) + f.manifest
	if size > o.Size {
		return nil, corrupt("it is shorter than its manifest")
	}
	m, reason, err := a.readTrailer(ctx, o, f, end)
	if err != nil {
		return nil, a.whole(err)
	}
	if reason != "" {
		return nil, corrupt(reason)
	}
	if m.dataSize()+size != o.Size {
		return nil, corrupt("its size is not that of its parts")
	}
	m.Name, m.Size = o.Name, o.Size
	a.manifest = *m
	return a, nil
}

// trailerRead is how much of a large manifest is read at once, in bytes.
const trailerRead = 1 << 20

// readTrailer decodes the manifest while it reads it. end is the end of the object, which was read
// before. The reason says what is wrong with the manifest, or is empty.
func (a *Archive) readTrailer(ctx context.Context, o Object, f footer, end []byte) (m *Manifest, reason string, err error) {
	size := int64(minTrailer) + f.manifest
	known := end[max(0, int64(len(end))-size):]
	first := &objectReader{ctx: ctx, archive: a, offset: o.Size - size, end: o.Size - int64(len(known))}
	var trailer io.Reader = bytes.NewReader(known)
	if first.offset < first.end {
		trailer = io.MultiReader(bufio.NewReaderSize(first, trailerRead), trailer)
	}
	var header [skippableHeaderSize]byte
	_, _ = io.ReadFull(trailer, header[:]) // first keeps its error
	sum := sha256.New()
	manifest := io.TeeReader(io.LimitReader(trailer, f.manifest), sum)
	m, reason = decodeManifest(manifest, f.manifest)
	_, _ = io.Copy(io.Discard, manifest) // what was not decoded is hashed too
	switch {
	case first.err != nil:
		return nil, "", first.err
	case !checkTrailerHeader(header[:], f) || Hash(sum.Sum(nil)) != f.hash:
		return nil, "the hash of the manifest is wrong", nil
	case reason != "":
		return nil, reason, nil
	}
	m.Hash = f.hash
	return m, "", nil
}

// objectReader reads a part of an object.
type objectReader struct {
	ctx         context.Context
	archive     *Archive
	offset, end int64
	err         error // of the store
}

func (r *objectReader) Read(b []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	b = b[:min(int64(len(b)), r.end-r.offset)]
	if len(b) == 0 {
		return 0, io.EOF
	}
	if r.err = r.archive.readAt(r.ctx, b, r.offset); r.err != nil {
		return 0, r.err
	}
	r.offset += int64(len(b))
	return len(b), nil
}

// whole makes errShort a *CorruptError of the archive.
func (a *Archive) whole(err error) error {
	if errors.Is(err, errShort) {
		return &CorruptError{Name: a.manifest.Name, Part: -1, Reason: errShort.Error()}
	}
	return err
}

// Manifest returns the manifest. The caller must not change its lists.
func (a *Archive) Manifest() Manifest { return a.manifest }

// Entries returns an iterator over the entries, in order. If a part is damaged, it yields a
// *CorruptError and continues with the next one. Any other error, from the store or from
// ctx, ends the iteration. The data of an entry is valid until the next iteration step.
func (a *Archive) Entries(ctx context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		u, err := newUnpacker(a)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		for i := range a.manifest.Parts {
			if err := ctx.Err(); err != nil {
				yield(Entry{}, err)
				return
			}
			more, err := u.entries(ctx, i, func(e Entry, _ bool) bool { return yield(e, nil) })
			if !more {
				return
			}
			if err != nil && (!yield(Entry{}, err) || !isCorrupt(err)) {
				return
			}
		}
	}
}

func isCorrupt(err error) bool {
	_, ok := errors.AsType[*CorruptError](err)
	return ok
}

// seek returns the entry with a sequence number. ok is false if the archive has none. Its
// data is valid until the next use of u.
func (u *unpacker) seek(ctx context.Context, seq uint64) (found Entry, ok bool, err error) {
	for i := range u.archive.manifest.Parts {
		p := &u.archive.manifest.Parts[i]
		if seq < p.First || seq > p.Last {
			continue
		}
		_, err := u.entries(ctx, i, func(e Entry, _ bool) bool {
			found, ok = e, e.Seq == seq
			return !ok
		})
		return found, ok, err
	}
	return Entry{}, false, nil
}

// sameContent reports whether two manifests describe the same entries, for the same purpose.
func sameContent(a, b *Manifest) bool {
	return a.ContentHash == b.ContentHash && a.Content == b.Content && a.Entries == b.Entries && a.Records == b.Records &&
		a.Log == b.Log && a.Class == b.Class && a.First == b.First && a.Last == b.Last && slices.Equal(a.Missing, b.Missing)
}
