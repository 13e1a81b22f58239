package delivery

import (
	"context"
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
	deadLetterSegmentSize = 4 << 20          // bytes, or less in a small ledger
	maxReasonLength       = 1024             // bytes
	storeTimeout          = 10 * time.Second // limit of storing one entry
)

var (
	errLettersFull  = errors.New("dead letters have used up their share of the ledger's size limit; correct the cause and replay them (ReplayDeadLetters), or raise the limit")
	errPartsMissing = errors.New("dead letters: a part of a dead letter is missing")
)

// deadLetters stores the dead letters of a ledger's exporters. They have a ledger of
// their own in the directory of that ledger, which is created for the first dead letter.
type deadLetters struct {
	dir    string
	redact func(string) string
	of     *ledger.Ledger // whose exporters rejected the records
	access ledger.Option  // who may use the files, as for that ledger
	share  int64          // bytes of its size limit that are kept for dead letters; 0 without a limit

	replaying sync.Mutex // held while dead letters are replayed
	storing   sync.Mutex // held while a dead letter is stored

	mu     sync.Mutex
	ledger *ledger.Ledger // nil until open is called
	closed bool
}

// newDeadLetters reserves a share of the limit if there are exporters to reject a record.
func newDeadLetters(c *LedgerConfig, of *ledger.Ledger) *deadLetters {
	d := &deadLetters{dir: filepath.Join(c.Dir, deadLettersName), of: of, access: ledger.Access(c.Options...), redact: c.Env.Redact}
	if limit := of.Limits().Max; limit > 0 && len(c.Exporters) > 0 {
		d.share = limit / letterPart
		of.Reserve(d.share)
	}
	return d
}

// options returns the options of the ledger of the dead letters. Letters that were
// replayed are removed once half of the share is used.
func (d *deadLetters) options() []ledger.Option {
	size := int64(deadLetterSegmentSize)
	options := []ledger.Option{ledger.WithSalvage(), d.access}
	if d.share > 0 {
		size = min(size, max(d.share/4, ledger.MinSegmentSize))
		options = append(options, ledger.WithRetention(0, d.share/2))
	}
	return append(options, ledger.WithSegmentSize(size))
}

// bytes returns what the dead letters take.
func (d *deadLetters) bytes() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ledger == nil {
		return 0
	}
	return d.ledger.Stats().Bytes
}

// openExisting opens the dead letters of earlier processes, which count toward the limit.
// It reports what that found, so that damage does not show with the next dead letter only.
func (d *deadLetters) openExisting(report func(l *ledger.Ledger, name string)) error {
	if _, err := os.Stat(d.dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	l, err := d.open()
	if err == nil {
		report(l, deadLettersName)
	}
	return err
}

// makeRoom checks that the limit allows size more bytes. Beyond their share, dead letters
// may use what the ledger does not, up to twice the share.
func (d *deadLetters) makeRoom(l *ledger.Ledger, size int64) error {
	if d.share == 0 {
		return nil
	}
	bytes := l.Stats().Bytes + size
	if bytes > d.share && (bytes > 2*d.share || bytes+d.of.Stats().Bytes > d.of.Limits().Max) {
		return errLettersFull
	}
	d.of.Reserve(max(d.share, bytes))
	return nil
}

// open returns the ledger of the dead letters. It opens or creates it at the first call.
func (d *deadLetters) open() (*ledger.Ledger, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, ledger.ErrClosed
	}
	if d.ledger == nil {
		l, err := ledger.Open(d.dir, d.options()...)
		if err != nil {
			return nil, fmt.Errorf("dead letters: %w", err)
		}
		d.ledger = l
		if d.share > 0 {
			d.of.Reserve(max(d.share, l.Stats().Bytes))
		}
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
	if err := d.store(l, letter); err != nil {
		return fmt.Errorf("dead letters: %w", err)
	}
	return nil
}

// store appends the letter's entries.
func (d *deadLetters) store(l *ledger.Ledger, letter *DeadLetter) error {
	entries, err := encodeLetter(letter, int(min(maxPartSize, l.Limits().Segment/2)))
	if err != nil {
		return err
	}
	d.storing.Lock()
	defer d.storing.Unlock()
	if _, err := l.Cursor(letter.Exporter); err != nil { // keeps the letter until it is replayed
		return err
	}
	var size int64
	for _, e := range entries {
		size += int64(len(e))
	}
	if err := d.makeRoom(l, size); err != nil {
		return err
	}
	for _, e := range entries {
		if err := appendWithin(l, e, storeTimeout); err != nil {
			return err
		}
	}
	return nil
}

func appendWithin(l *ledger.Ledger, entry []byte, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	_, err := l.Append(ctx, entry)
	return err
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
		r, err := ledger.OpenReader(d.dir, d.access)
		if err != nil {
			yield(storedLetter{}, err)
			return
		}
		defer func() { _ = r.Close() }() // read only
		readLetters(ctx, r, func(exporter string) (uint64, error) {
			c, err := l.Cursor(exporter)
			if err != nil {
				return 0, err
			}
			return c.Committed(), nil
		}, yield)
	}
}

// readLetters yields the dead letters that r reads. Committed returns the place up to which
// an exporter's letters were replayed.
func readLetters(ctx context.Context, r *ledger.Reader, committed func(exporter string) (uint64, error), yield func(storedLetter, error) bool) {
	replayed := replayedLetters{committed: committed, through: map[string]uint64{}}
	var decoder letterDecoder
	for e, err := range r.Entries(ctx, 0) {
		letter := storedLetter{place: e.Seq}
		var ok bool
		if letter.DeadLetter, ok, err = decoder.next(e, err); !ok {
			continue
		}
		if letter.Exporter != "" {
			err = errors.Join(err, replayed.mark(&letter))
		}
		if letter.Replayed && errors.Is(err, errPartsMissing) {
			continue // retention has removed the segment with its first parts
		}
		if !yield(letter, err) {
			return
		}
	}
}

// isLostLetter reports whether an error of all says that dead letters are damaged. All
// continues after them, and DeadLetters reports it.
func isLostLetter(err error) bool {
	_, _, lost := lostEntries(err)
	return lost || errors.Is(err, errPartsMissing)
}

// storedLetter is a dead letter and its place: its sequence number in the ledger of the
// dead letters.
type storedLetter struct {
	DeadLetter
	place uint64
}

// replayedLetters knows which dead letters were replayed.
type replayedLetters struct {
	committed func(exporter string) (uint64, error)
	through   map[string]uint64 // the place of each exporter's last replayed letter
}

// mark sets whether the letter was replayed.
func (r *replayedLetters) mark(letter *storedLetter) error {
	through, known := r.through[letter.Exporter]
	if !known {
		var err error
		if through, err = r.committed(letter.Exporter); err != nil {
			return err
		}
		r.through[letter.Exporter] = through
	}
	letter.Replayed = letter.place <= through
	return nil
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

// removeReplayed allows the ledger to remove the letters before the first that is not
// replayed. Their exporters need their cursors no longer to keep them.
func (d *deadLetters) removeReplayed(ctx context.Context) error {
	var done uint64
	for letter, err := range d.all(ctx) {
		if isLostLetter(err) {
			continue
		}
		if err != nil {
			return err
		}
		if !letter.Replayed {
			break
		}
		done = letter.place
	}
	l, err := d.open()
	if err != nil || done == 0 {
		return err
	}
	for name := range l.Stats().Cursors {
		c, err := l.Cursor(name)
		if err != nil {
			return err
		}
		if c.Committed() < done {
			if err := c.Commit(done); err != nil {
				return err
			}
		}
	}
	return nil
}
