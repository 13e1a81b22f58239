package ledger

import "fmt"

// PairRole says what an entry does to a pair.
type PairRole int

// The roles of an entry.
const (
	PairNone  PairRole = iota // the entry belongs to no pair
	PairOpen                  // the entry opens a pair
	PairClose                 // the entry closes the pair with its key
)

// PairFunc classifies an entry and returns its pair key. It must be deterministic, and
// must not modify or retain the entry.
type PairFunc func(entry []byte) (key [16]byte, role PairRole)

// Limits of the pairs that are open at the same time.
const (
	MaxOpenPairs     = 10_000   // number of open pairs
	MaxOpenPairBytes = 64 << 20 // total size of the entries that opened them
)

// Pairs tracks the pairs of a ledger that are open: an entry opened them, and no later
// entry has closed them. Its methods are safe for concurrent use.
//
// The open pairs follow from the ledger's entries alone. A goroutine reads what is
// appended and, each time the ledger has grown by a quarter of a segment, stores how
// far it has read and which pairs were open there. After a restart, reading continues
// from that place. Entries that open or close a pair therefore need no sync of their
// own, and a crash leaves nothing to reconcile. Only the first entry that opens a pair
// after a long time without any waits for a write to the pairs file.
//
// Retention keeps entries that the goroutine has not read.
type Pairs struct {
	ledger   *Ledger
	sync     func() error  // makes what was appended durable
	classify PairFunc      // nil until Ledger.TrackPairs is called
	wake     chan struct{} // wakes loop

	// The fields from here to idle belong to the goroutine that opens the ledger, then
	// to loop, then to Close.
	file        *pairsFile // nil if there is none
	walker      walker
	loaded      []Entry // content of the file, until start has applied it
	open        map[[16]byte]*Entry
	openBytes   int  // total size of the open entries
	pairEntries int  // entries with a role that were read since the last round
	idle        bool // nothing is read, because no pair is open or being opened

	// The fields from here on are guarded by the ledger's mu.
	savedSeq   uint64        // position in the pairs file; retention keeps later entries
	accepting  bool          // the pairs file allows entries that open pairs
	appending  pairLoad      // what callers of Append are appending
	lastOpened uint64        // sequence number of the last entry that Append stored
	uncertain  bool          // an Append returned ErrMaybeStored
	openLoad   pairLoad      // what was open at the end of the last round
	addedLoad  pairLoad      // what was added since then
	appended   int64         // bytes appended to the ledger since the last round began
	roundBytes int64         // how many of them start the next round
	roundDone  chan struct{} // closed after the next round; nil if nobody waits
	roundErr   error         // why the last round failed
	released   [][16]byte    // keys of pairs that the next round stops tracking
}

// pairLoad counts entries that open pairs, and their bytes.
type pairLoad struct{ entries, bytes int }

func (l *pairLoad) add(o pairLoad) { l.entries, l.bytes = l.entries+o.entries, l.bytes+o.bytes }

func (l *pairLoad) sub(o pairLoad) { l.entries, l.bytes = l.entries-o.entries, l.bytes-o.bytes }

// OpenPairs lists the pairs that were open when the ledger was opened.
type OpenPairs struct {
	// Entries are the entries that opened them, in the order of the ledger.
	Entries []Entry
	// Damage lists what could not be read. If it is not empty, Entries may lack open
	// pairs, or contain closed ones.
	Damage []error
}

// start reads the entries that the pairs file does not cover, and allows appending.
func (p *Pairs) start() (*OpenPairs, error) {
	stats := p.ledger.Stats()
	found := &OpenPairs{}
	switch {
	case p.file == nil:
		damage, err := p.rebuild(stats)
		if err != nil {
			return nil, err
		}
		found.Damage = damage
	case p.savedSeq < stats.First-1: // the newest slot was damaged, and the older one is used
		found.Damage = []error{&CorruptError{
			Dir: p.ledger.dir.Path(), File: pairsFileName, First: p.savedSeq + 1, Last: stats.First - 1,
			Reason: "entries were removed before they were read",
		}}
	}
	for _, e := range p.loaded {
		p.apply(e)
	}
	p.loaded = nil
	p.idle = p.savedSeq == noOpenPairs
	if p.idle {
		return found, nil
	}
	p.walker = walker{source: p.ledger, next: p.savedSeq + 1}
	damage, err := p.readAppended()
	if err != nil {
		return nil, err
	}
	found.Damage = append(found.Damage, damage...)
	for _, e := range sortedEntries(p.open) {
		found.Entries = append(found.Entries, *e)
	}
	p.pairEntries = 0
	return found, p.finishRound(false, false, pairLoad{})
}

// rebuild creates a new pairs file, positioned before the oldest entry. It returns the
// reason as damage, unless the ledger is new.
func (p *Pairs) rebuild(stats Stats) (damage []error, err error) {
	l, seq := p.ledger, stats.First-1
	if stats.Next == stats.First {
		seq = noOpenPairs
	}
	if p.savedSeq != noOpenPairs {
		damage = []error{&CorruptError{Dir: l.dir.Path(), File: pairsFileName, Reason: "both slots are damaged"}}
	} else if seq != noOpenPairs {
		damage = []error{&CorruptError{Dir: l.dir.Path(), File: pairsFileName, Reason: "the file is missing, but the ledger has entries"}}
	}
	if err := setAside(l.dir, pairsFileName); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	f, err := createPairsFile(l.dir, l.id, seq)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	p.file, p.savedSeq = f, seq
	return damage, nil
}
