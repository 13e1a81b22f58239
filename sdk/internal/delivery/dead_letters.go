package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
)

// DeadLetter is what an exporter did not get from a ledger: a record that it refused
// for good, an entry that is no record, or entries that the ledger cannot read any
// more.
type DeadLetter struct {
	// Exporter is the name of the exporter.
	Exporter string `json:"exporter"`
	// Seq is the place in the ledger. Through is the last place, where entries could
	// not be read.
	Seq     uint64 `json:"seq"`
	Through uint64 `json:"through,omitempty"`
	// Reason is the error, without what looks like a secret.
	Reason string `json:"reason"`
	// Attempts is how often the record was exported.
	Attempts int `json:"attempts,omitempty"`
	// Time is when it was given up.
	Time time.Time `json:"time"`
	// Record is what was refused, or nil.
	Record *record.Record `json:"record,omitempty"`
	// Raw is an entry that is no record.
	Raw []byte `json:"raw,omitempty"`
	// Replayed says that ReplayDeadLetters has delivered it, or has put it behind a
	// newer one.
	Replayed bool `json:"-"`
}

const (
	deadLettersName    = "dead-letters"
	deadLetterSegments = 4 << 20 // bytes
	maxReason          = 1024
	storeTimeout       = 10 * time.Second
)

// deadLetters keeps the dead letters of a ledger's exporters, in a ledger inside of
// its directory, which is made with the first.
type deadLetters struct {
	dir    string
	redact func(string) string

	replaying sync.Mutex // held while dead letters are replayed

	mu     sync.Mutex
	ledger *ledger.Ledger // nil until it is needed
	closed bool
}

func newDeadLetters(dir string, redact func(string) string) *deadLetters {
	return &deadLetters{dir: filepath.Join(dir, deadLettersName), redact: redact}
}

// open returns the ledger, which stays open.
func (d *deadLetters) open() (*ledger.Ledger, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, ledger.ErrClosed
	}
	if d.ledger == nil {
		l, err := ledger.Open(d.dir, ledger.WithSegmentSize(deadLetterSegments), ledger.WithSalvage())
		if err != nil {
			return nil, fmt.Errorf("dead letters: %w", err)
		}
		d.ledger = l
	}
	return d.ledger, nil
}

func (d *deadLetters) add(letter *DeadLetter) error {
	l, err := d.open()
	if err != nil {
		return err
	}
	letter.Time = time.Now().UTC().Round(0)
	letter.Reason = d.redact(sanitize.Prose(letter.Reason))
	if len(letter.Reason) > maxReason {
		letter.Reason = sanitize.Cut(letter.Reason, maxReason)
	}
	data, err := json.Marshal(letter)
	if err != nil {
		return fmt.Errorf("dead letters: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	if _, err := l.Append(ctx, data); err != nil {
		return fmt.Errorf("dead letters: %w", err)
	}
	return nil
}

func (d *deadLetters) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if d.ledger == nil {
		return nil
	}
	return d.ledger.Close()
}

// all yields the dead letters, from the oldest, with their places among them.
func (d *deadLetters) all(ctx context.Context) iter.Seq2[placedLetter, error] {
	return func(yield func(placedLetter, error) bool) {
		if _, err := os.Stat(d.dir); errors.Is(err, fs.ErrNotExist) {
			return // there are none
		}
		l, err := d.open()
		if err != nil {
			yield(placedLetter{}, err)
			return
		}
		r, err := ledger.OpenReader(d.dir)
		if err != nil {
			yield(placedLetter{}, err)
			return
		}
		defer func() { _ = r.Close() }() // was only read
		replayed := map[string]uint64{}
		for e, err := range r.Entries(ctx, 0) {
			letter := placedLetter{place: e.Seq}
			if err == nil {
				err = json.Unmarshal(e.Data, &letter.DeadLetter)
			}
			if err == nil {
				through, known := replayed[letter.Exporter]
				if !known {
					through, err = replayedThrough(l, letter.Exporter)
					replayed[letter.Exporter] = through
				}
				letter.Replayed = e.Seq <= through
			}
			if !yield(letter, err) {
				return
			}
		}
	}
}

// placedLetter is a dead letter with its sequence number among them.
type placedLetter struct {
	DeadLetter
	place uint64
}

// replayedThrough returns up to which place an exporter's dead letters were replayed.
func replayedThrough(l *ledger.Ledger, exporter string) (uint64, error) {
	c, err := l.Cursor(exporter)
	if err != nil {
		return 0, err
	}
	return c.Committed(), nil
}

// passed says that an exporter's dead letters were replayed up to a place.
func (d *deadLetters) passed(exporter string, place uint64) error {
	l, err := d.open()
	if err != nil {
		return err
	}
	c, err := l.Cursor(exporter)
	if err != nil {
		return err
	}
	return c.Commit(place)
}
