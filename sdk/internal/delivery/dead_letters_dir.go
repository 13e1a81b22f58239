package delivery

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"github.com/opendeed/audit/sdk/ledger"
)

// ReadDeadLetters yields the dead letters of the ledger in dir, the oldest first, also beside
// the process that has it open.
func ReadDeadLetters(ctx context.Context, dir string, opts ...ledger.Option) iter.Seq2[DeadLetter, error] {
	return func(yield func(DeadLetter, error) bool) {
		dir := filepath.Join(dir, deadLettersName)
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return // no dead letter was ever stored
		}
		r, err := ledger.OpenReader(dir, ledger.Access(opts...))
		if err != nil {
			yield(DeadLetter{}, err)
			return
		}
		defer func() { _ = r.Close() }() // read only
		stats, err := r.Stats()
		if err != nil {
			yield(DeadLetter{}, err)
			return
		}
		readLetters(ctx, r, func(exporter string) (uint64, error) { return stats.Cursors[exporter], nil },
			func(letter storedLetter, err error) bool { return yield(letter.DeadLetter, err) })
	}
}

// DropDeadLetters gives up the dead letters of an exporter that were not replayed, up to the
// one of the entry with the sequence number through, or all if that is 0. It returns how
// many they are.
func DropDeadLetters(ctx context.Context, dir, exporter string, through uint64, opts ...ledger.Option) (dropped int, err error) {
	d := &deadLetters{dir: filepath.Join(dir, deadLettersName), access: ledger.Access(opts...)}
	if _, err := os.Stat(d.dir); errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if _, err := d.open(); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	var last uint64
	for letter, err := range d.all(ctx) {
		if isLostLetter(err) {
			continue
		}
		if err != nil {
			return 0, err
		}
		if letter.Exporter != exporter || letter.Replayed {
			continue
		}
		if through != 0 && letter.Seq > through {
			break // letters are in the order of the places, and later ones stay
		}
		dropped, last = dropped+1, letter.place
	}
	if dropped == 0 {
		return 0, nil
	}
	return dropped, d.setReplayed(exporter, last)
}
