package seal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opendeed/audit/internal/files"
)

// Anchor keeps the newest checkpoint of a ledger where those who can write the ledger's
// directory cannot: on another machine, with other permissions, or on a medium that can only
// be written once. A Sealer calls it from one goroutine.
type Anchor interface {
	// Load returns the checkpoint that was stored last, as a signed note, or nil if none was. It
	// is called at the start and before each Store. A Sealer does not replace a checkpoint of
	// entries that its ledger lacks.
	Load(ctx context.Context) ([]byte, error)
	// Store keeps a checkpoint, in place of the last one. When it returns nil, the checkpoint
	// is durable.
	Store(ctx context.Context, checkpoint []byte) error
}

// AnchorFile returns an Anchor that is a file, such as one on a file system of another
// machine. Its directory must exist: otherwise Load fails, since a checkpoint may be in the
// directory that should be mounted there. The file holds one checkpoint, which anybody may read.
// A file in the directory of the ledger is no anchor: Start rejects it.
func AnchorFile(path string) Anchor { return anchorFile(path) }

type anchorFile string

func (a anchorFile) Load(context.Context) ([]byte, error) {
	b, err := os.ReadFile(string(a))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err = os.Stat(filepath.Dir(string(a))); err == nil {
			return nil, nil
		}
		return nil, fmt.Errorf("seal: anchor: %w; mount the directory, or make it", err)
	}
	if err != nil {
		return nil, fmt.Errorf("seal: anchor: %w", err)
	}
	return b, nil
}

// isIn reports whether the file is in dir or below it, by whatever path.
func (a anchorFile) isIn(dir string) bool {
	outer, err := os.Stat(dir)
	if err != nil {
		return false
	}
	at, err := filepath.Abs(filepath.Dir(string(a)))
	if err != nil {
		return false
	}
	if resolved, err := filepath.EvalSymlinks(at); err == nil {
		at = resolved
	}
	for {
		if inner, err := os.Stat(at); err == nil && os.SameFile(inner, outer) {
			return true
		}
		if at == filepath.Dir(at) {
			return false
		}
		at = filepath.Dir(at)
	}
}

func (a anchorFile) Store(_ context.Context, checkpoint []byte) error {
	path := string(a)
	if err := files.Replace(path, checkpoint, 0o644); err != nil {
		return fmt.Errorf("seal: anchor %s: %w", path, err)
	}
	return nil
}
