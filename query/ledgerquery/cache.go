package ledgerquery

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/opendeed/audit/query/internal/index"
	"github.com/opendeed/audit/sdk/ledger"
)

// CacheIndexes makes the Reader keep indexes below dir, for entries that have none in the ledger's
// directory, such as one that this process may only read. Later processes use them too. They are
// checked like any index. If they cannot be read or written, searches read the entries.
//
// The indexes of a ledger are in a directory that is named after its ID, and that is created when
// it is needed, with permissions for its owner only. If others may write to dir, the error matches
// ledger.ErrInsecure. Call CacheIndexes before the first search, which then takes some
// microseconds of processor time for each record. The indexes take 2 to 4 percent of the size of
// the records, and have texts of actors, tenants, channels, actions and types of targets. Those of
// segments that retention has removed are removed with the next search of the same ledger. The
// directory can be removed at any time.
func (r *Reader) CacheIndexes(dir string) error {
	dir, err := filepath.Abs(dir)
	if err == nil {
		_, err = os.Stat(dir)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	case err == nil:
		var d *ledger.SidecarDir
		if d, err = ledger.OpenSidecarDir(dir); err == nil {
			err = d.Close()
		}
	}
	if err != nil {
		return fmt.Errorf("ledgerquery: %w", err)
	}
	r.known.mu.Lock()
	defer r.known.mu.Unlock()
	r.known.cacheDir = dir
	return nil
}

// indexCache is the directory of CacheIndexes during one search, opened when it is needed.
type indexCache struct {
	root  string // empty: none
	id    [16]byte
	dir   *ledger.SidecarDir
	names map[uint64][]string // of what was there when it was opened
}

var errNoCache = errors.New("the directory for indexes cannot be used")

// use opens the directory for the ledger, and makes it if create is true. ok is false if it does
// not exist.
func (c *indexCache) use(create bool) (ok bool) {
	if c.root == "" || c.dir != nil {
		return c.root != ""
	}
	path := filepath.Join(c.root, hex.EncodeToString(c.id[:]))
	if _, err := os.Stat(path); err != nil && !create {
		return false
	}
	dir, err := ledger.OpenSidecarDir(path)
	if err == nil {
		c.dir = dir
		c.names, err = dir.Names()
	}
	if err != nil {
		c.root = "" // the entries are read
	}
	return err == nil
}

func (c *indexCache) open(segment uint64, name string) (ledger.Sidecar, error) {
	if !c.use(false) {
		return nil, errNoCache
	}
	return c.dir.Open(segment, name)
}

// write stores an index. ok is false if it cannot, since the disk is full or another process
// writes the file; then the cache is not used any longer.
func (c *indexCache) write(segment uint64, name string, image []byte) (ok bool) {
	if c.dir.Write(segment, name, writing(image)) != nil {
		c.root = ""
	}
	return c.root != ""
}

func (c *indexCache) close() error {
	if c.dir == nil {
		return nil
	}
	return c.dir.Close()
}

// followCache sees that the cache of a snapshot is that of the ledger, and removes what it has of
// segments that retention has removed.
func (k *known) followCache(s *snapshot, segments []ledger.Segment) {
	if s.cache.root == "" || len(segments) == 0 || s.cache.dir != nil && s.cache.id == k.id {
		return
	}
	_ = s.cache.close() // only read so far
	s.cache = indexCache{root: s.cache.root, id: k.id}
	if k.floor == segments[0].Number {
		return
	}
	k.floor = segments[0].Number
	if s.cache.use(false) {
		_ = s.cache.dir.RemoveBefore(k.floor) // they are ignored
	}
}

// openCached uses the cached indexes of a segment of which nothing is known.
func (k *known) openCached(ctx context.Context, s *snapshot, seg *knownSegment) {
	if !s.cache.use(false) {
		return
	}
	p := openPieces(seg.segment, s.cache.names[seg.segment.Number], files{s.cache.open, s.ledger.Resume}, k.cache)
	defer p.release()
	k.adoptPieces(ctx, s.ledger, seg, p.inputs, true)
	seg.read = seg.segment.Closed() && seg.isIndexed()
}

// maxBadCached is how many cached indexes of a Reader may be bad before it makes no others.
const maxBadCached = 16

// cacheIndexes stores indexes of the entries of a segment that have none. They follow one another
// from the first entry on, up to entries that are lost.
func (k *known) cacheIndexes(ctx context.Context, s *snapshot, seg *knownSegment) error {
	for len(seg.runs) > 0 && k.badCached < maxBadCached {
		run := seg.runs[0]
		next, covered := seg.segment.First, int64(0)
		if n := len(seg.parts); n > 0 {
			last := seg.parts[n-1]
			if !last.cached {
				return nil
			}
			next, covered = last.next, last.file.End
		}
		last, _, _ := run.LastFrame()
		enough := seg.read || last.Offset+last.Size-covered >= pieceBytes
		if run.First != next || !enough || !s.cache.use(true) {
			return nil
		}
		image := imageOf(ctx, s.ledger, seg, run)
		if image == nil {
			return ctx.Err()
		}
		name := index.PieceName(len(seg.parts) + 1)
		if !s.cache.write(seg.segment.Number, name, image) {
			return nil
		}
		opened, err := index.Open(bytes.NewReader(image), seg.segment.Ledger, seg.segment.Number, k.cache)
		if err != nil {
			return err
		}
		p := newFilePart(seg.segment, opened, name, nil)
		p.cached = true
		seg.parts, seg.runs = append(slices.Clip(seg.parts), p), seg.runs[1:]
	}
	return nil
}
