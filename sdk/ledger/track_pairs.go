package ledger

import (
	"errors"
	"fmt"
	"math"
)

// openPairs opens the pairs file. If it is damaged, retention keeps everything until
// TrackPairs has read the ledger.
func (l *Ledger) openPairs() error {
	l.pairs = &Pairs{ledger: l, sync: l.Sync, wake: make(chan struct{}, 1), open: map[[16]byte]*Entry{}, roundBytes: math.MaxInt64}
	p := l.pairs
	var err error
	p.file, p.savedSeq, p.loaded, err = openPairsFile(l.dir, l.id)
	if _, damaged := errors.AsType[*CorruptError](err); damaged {
		return nil // TrackPairs reports it
	}
	if p.file != nil && p.savedSeq == noOpenPairs && p.file.intact < 2 {
		// The other slot may have been the newer one. When it was written, no pair was
		// open, and retention has kept everything since. So all is read.
		p.savedSeq = l.state.first - 1
	}
	return err
}

// TrackPairs starts tracking the pairs that classify identifies, and returns those
// that are open. It must be called at most once, before anything is appended. Entries
// that open pairs must be appended with [Pairs.Append] from then on; entries that
// close them are appended as usual.
//
// TrackPairs reads the entries that were appended since the pairs file was last
// written. If that file is missing or damaged, it reads the whole ledger.
func (l *Ledger) TrackPairs(classify PairFunc) (*Pairs, *OpenPairs, error) {
	l.mu.Lock()
	p, closed, tracked := l.pairs, l.closed, l.pairs.classify != nil
	if !closed && !tracked {
		p.classify = classify
	}
	l.mu.Unlock()
	switch {
	case closed:
		return nil, nil, ErrClosed
	case tracked:
		return nil, nil, errors.New("ledger: TrackPairs was called before")
	}
	found, err := p.start()
	if err != nil {
		return nil, nil, fmt.Errorf("ledger: track pairs: %w", err)
	}
	l.goroutines.Go(p.loop)
	return p, found, nil
}
