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

// DeadLetter has the fields of sdk.DeadLetter, which documents them.
type DeadLetter struct {
	Exporter string         `json:"exporter"`
	Seq      uint64         `json:"seq"`
	Through  uint64         `json:"through,omitempty"`
	Reason   string         `json:"reason"`
	Attempts int            `json:"attempts,omitempty"`
	Time     time.Time      `json:"time"`
	Record   *record.Record `json:"record,omitempty"`
	Raw      []byte         `json:"raw,omitempty"`
	Replayed bool           `json:"-"`
}

const (
	deadLettersName       = "dead-letters"
	deadLetterSegmentSize = 4 << 20          // bytes
	maxReasonLength       = 1024             // bytes
	storeTimeout          = 10 * time.Second // limit of storing one dead letter
)

// deadLetters stores the dead letters of a ledger's exporters. They have a ledger of
// their own in the directory of that ledger, which is created for the first dead letter.
type deadLetters struct {
	dir    string
	redact func(string) string

	replaying sync.Mutex // held while dead letters are replayed

	mu     sync.Mutex
	ledger *ledger.Ledger // nil until open is called
	closed bool
}

func newDeadLetters(dir string, redact func(string) string) *deadLetters {
	return &deadLetters{dir: filepath.Join(dir, deadLettersName), redact: redact}
}

// open returns the ledger of the dead letters. It opens or creates it at the first call.
func (d *deadLetters) open() (*ledger.Ledger, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, ledger.ErrClosed
	}
	if d.ledger == nil {
		l, err := ledger.Open(d.dir, ledger.WithSegmentSize(deadLetterSegmentSize), ledger.WithSalvage())
		if err != nil {
			return nil, fmt.Errorf("dead letters: %w", err)
		}
		d.ledger = l
	}
	return d.ledger, nil
}

// add stores a dead letter. It sets its time, and cleans and redacts its reason.
func (d *deadLetters) add(letter *DeadLetter) error {
	l, err := d.open()
	if err != nil {
		return err
	}
	letter.Time = time.Now().UTC().Round(0)
	letter.Reason, _ = sanitize.EscapePrefix(d.redact(letter.Reason), sanitize.Prose, maxReasonLength, 2*maxReasonLength)
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

// all yields the dead letters of all exporters, the oldest first.
func (d *deadLetters) all(ctx context.Context) iter.Seq2[storedLetter, error] {
	return func(yield func(storedLetter, error) bool) {
		if _, err := os.Stat(d.dir); errors.Is(err, fs.ErrNotExist) {
			return // no dead letter was ever stored
		}
		l, err := d.open()
		if err != nil {
			yield(storedLetter{}, err)
			return
		}
		r, err := ledger.OpenReader(d.dir)
		if err != nil {
			yield(storedLetter{}, err)
			return
		}
		defer func() { _ = r.Close() }() // read only
		replayed := map[string]uint64{}
		for e, err := range r.Entries(ctx, 0) {
			letter := storedLetter{place: e.Seq}
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

// storedLetter is a dead letter and its place: its sequence number in the ledger of the
// dead letters.
type storedLetter struct {
	DeadLetter
	place uint64
}

// replayedThrough returns the place of the exporter's last replayed dead letter.
func replayedThrough(l *ledger.Ledger, exporter string) (uint64, error) {
	c, err := l.Cursor(exporter)
	if err != nil {
		return 0, err
	}
	return c.Committed(), nil
}

// setReplayed records that the exporter's dead letters up to a place were replayed.
func (d *deadLetters) setReplayed(exporter string, place uint64) error {
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
