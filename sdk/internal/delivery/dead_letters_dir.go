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
