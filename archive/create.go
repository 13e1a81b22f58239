package archive

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
)

// Create writes an archive of the entries to a temporary file, puts it into the store, reads
// it back from there and verifies it. If the error is nil, every entry can be read from the
// returned archive.
//
// If the store has an archive of the same entries for the same Meta, Create verifies that one
// instead, so it may be repeated after a crash. If an archive that is damaged has the name,
// Create returns a *CorruptError and replaces nothing; delete it, and repeat.
//
// The sequence ends at its first error, which Create returns; nothing is stored then.
func Create(ctx context.Context, store Store, meta Meta, entries iter.Seq2[Entry, error]) (a *Archive, err error) {
	f, err := os.CreateTemp("", "audit-archive-*")
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	m, err := writeAll(ctx, f, meta, entries)
	if err != nil {
		return nil, err
	}
	if err := store.Put(ctx, m.Name, f, m.Size); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	stored, err := openObject(ctx, store, Object{Name: m.Name, Size: m.Size})
	if isCorrupt(err) { // another compressor may have written it
		stored, err = Open(ctx, store, m.Name)
	}
	if err != nil {
		return nil, err
	}
	if !sameContent(&stored.manifest, m) {
		return nil, &CorruptError{Name: m.Name, Part: -1, Reason: "it holds other entries"}
	}
	if err := stored.Verify(ctx); err != nil {
		return nil, err
	}
	return stored, nil
}

// writeAll writes an archive.
func writeAll(ctx context.Context, out io.Writer, meta Meta, entries iter.Seq2[Entry, error]) (*Manifest, error) {
	buffered := bufio.NewWriterSize(out, 1<<20)
	w, err := NewWriter(buffered, meta)
	if err != nil {
		return nil, err
	}
	for e, err := range entries {
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := w.Append(e.Seq, e.Data); err != nil {
			return nil, err
		}
	}
	m, err := w.Close()
	if err != nil {
		return nil, err
	}
	if err := buffered.Flush(); err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	return m, nil
}
