package ledgerquery

import (
	"errors"
	"io"
	"sync"

	"github.com/opendeed/audit/sdk/ledger"
)

// snapshot is what one search reads: the parts of the ledger at one moment, oldest first. Its
// files are opened when they are needed. It is safe for concurrent use.
type snapshot struct {
	ledger *ledger.Reader
	parts  []*part
	floor  uint64 // sequence number of the oldest entry
	// damage has the errors that a search yields first.
	damage []error
	cache  indexCache

	mu       sync.Mutex
	segments map[uint64]*ledger.SegmentFile
	sidecars map[sidecarKey]ledger.Sidecar
}

// sidecarKey identifies a file beside a segment, or one for it in the indexCache.
type sidecarKey struct {
	segment uint64
	name    string
	cached  bool
}

// close closes all files.
func (s *snapshot) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for _, f := range s.segments {
		err = errors.Join(err, f.Close())
	}
	for _, f := range s.sidecars {
		err = errors.Join(err, f.Close())
	}
	return errors.Join(err, s.cache.close(), s.ledger.Close())
}

// segment opens a segment, once.
func (s *snapshot) segment(of ledger.Segment) (*ledger.SegmentFile, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.segments[of.Number]; f != nil {
		return f, nil
	}
	f, err := s.ledger.OpenSegment(of)
	if err != nil {
		return nil, err
	}
	if s.segments == nil {
		s.segments = map[uint64]*ledger.SegmentFile{}
	}
	s.segments[of.Number] = f
	return f, nil
}

// indexOf returns where the pages of a part's index are. The file is opened when a page is
// read.
func (s *snapshot) indexOf(p *part) io.ReaderAt {
	if p.image != nil {
		return p.image
	}
	return lazySidecar{snapshot: s, key: sidecarKey{p.segment.Number, p.sidecar, p.cached}}
}

// lazySidecar is a sidecar that is opened for the first read.
type lazySidecar struct {
	snapshot *snapshot
	key      sidecarKey
}

func (l lazySidecar) ReadAt(b []byte, offset int64) (int, error) {
	f, err := l.snapshot.sidecar(l.key)
	if err != nil {
		return 0, err
	}
	return f.ReadAt(b, offset)
}

// sidecar opens a sidecar, once.
func (s *snapshot) sidecar(key sidecarKey) (ledger.Sidecar, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.sidecars[key]; f != nil {
		return f, nil
	}
	open := s.ledger.OpenSidecar
	if key.cached {
		open = s.cache.open
	}
	f, err := open(key.segment, key.name)
	if err != nil {
		return nil, err
	}
	if s.sidecars == nil {
		s.sidecars = map[sidecarKey]ledger.Sidecar{}
	}
	s.sidecars[key] = f
	return f, nil
}
