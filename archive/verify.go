package archive

import (
	"context"
	"crypto/sha256"
	"hash"
)

// Verify reads the whole archive back from its store, and compares it with its manifest:
// every hash, count, time and sequence number, and whether each entry is written as the
// Writer writes it. If it returns nil, every entry can be read. A *CorruptError says what is
// wrong; any other error is from the store or from ctx.
//
// Verify proves that the archive is what its manifest says. Whoever can replace both can
// make an archive of other records: compare Manifest.Hash with one that was kept elsewhere.
func (a *Archive) Verify(ctx context.Context) error {
	u, err := newUnpacker(a)
	if err != nil {
		return err
	}
	v := verifier{unpacker: u, content: sha256.New()}
	for first := 0; first < len(a.manifest.Parts); {
		next, err := v.readParts(ctx, first)
		if err != nil {
			return err
		}
		for i := first; i < next; i++ {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := v.checkPart(i); err != nil {
				return err
			}
		}
		first = next
	}
	if Hash(v.content.Sum(nil)) != a.manifest.ContentHash {
		return &CorruptError{Name: a.manifest.Name, Part: -1, Reason: "the hash of the content is wrong"}
	}
	return nil
}

// verifier is the state of a Verify.
type verifier struct {
	unpacker *unpacker
	content  hash.Hash
	frames   []byte // of several parts
	offset   int64  // of the frames in the object
	scratch  []byte
	recent   recentIDs
}

// verifyRead is how much is read at once, so that a store across a network is not asked for
// each part.
const verifyRead = 4 << 20

// readParts reads as many parts as fit verifyRead, and at least one. It returns the index of
// the next one.
func (v *verifier) readParts(ctx context.Context, first int) (next int, err error) {
	a := v.unpacker.archive
	parts := a.manifest.Parts
	size := int64(0)
	for next = first; next < len(parts) && (next == first || size+parts[next].Size <= verifyRead); next++ {
		size += parts[next].Size
	}
	v.frames, v.offset = resize(v.frames, size), parts[first].Offset
	if err := a.readAt(ctx, v.frames, v.offset); err != nil {
		return 0, a.inPart(first, err)
	}
	return next, nil
}

// checkPart compares a part with the manifest.
func (v *verifier) checkPart(index int) error {
	a := v.unpacker.archive
	p := &a.manifest.Parts[index]
	start := p.Offset - v.offset
	lines, err := v.unpacker.unpack(index, v.frames[start:start+p.Size])
	if err != nil {
		return err
	}
	_, _ = v.content.Write(lines) // never fails
	records, invalid := int64(0), false
	var times summary
	_, err = v.unpacker.split(index, lines, func(e Entry, canonical bool) bool {
		r, err := e.Record()
		v.scratch = resize(v.scratch, int64(2*len(e.Data)))
		isRecord := err == nil
		if canonical != (isRecord && isCanonical(r, e.Data, v.scratch)) {
			invalid = true
			return false
		}
		repeats := uint64(0)
		if isRecord {
			records++
			t := r.Time.UTC()
			times.addTimes(t, t)
			repeats = v.recent.add(r.ID, e.Seq)
		}
		invalid = repeats != e.Repeats
		return !invalid
	})
	switch {
	case err != nil:
		return err
	case invalid:
		return a.corruptPart(index, "an entry is written in another form")
	case records != p.Records || !times.oldest.Equal(p.Oldest) || !times.newest.Equal(p.Newest):
		return a.corruptPart(index, "its records are not those of the manifest")
	}
	return nil
}
