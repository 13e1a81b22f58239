package seal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Anchor keeps the newest checkpoint of a ledger where those who can write the ledger's
// directory cannot: on another machine, with other permissions, or on a medium that can only
// be written once. A Sealer calls it from one goroutine.
type Anchor interface {
	// Load returns the checkpoint that was stored last, as a signed note, or nil if none was.
	Load(ctx context.Context) ([]byte, error)
	// Store keeps a checkpoint, in place of the last one. When it returns nil, the checkpoint
	// is durable.
	Store(ctx context.Context, checkpoint []byte) error
}

// AnchorFile returns an Anchor that is a file, such as one on a file system of another
// machine. Its directory must exist. The file holds one checkpoint, which anybody may read.
func AnchorFile(path string) Anchor { return anchorFile(path) }

type anchorFile string

func (a anchorFile) Load(context.Context) ([]byte, error) {
	b, err := os.ReadFile(string(a))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("seal: anchor: %w", err)
	}
	return b, nil
}

func (a anchorFile) Store(_ context.Context, checkpoint []byte) error {
	path := string(a)
	if err := replaceFile(path, checkpoint); err != nil {
		return fmt.Errorf("seal: anchor %s: %w", path, err)
	}
	return nil
}

// replaceFile stores a file durably: after a crash it is the old one or the new one.
func replaceFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it is gone once it was renamed
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(0o644) // a checkpoint is public
	}
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(syncDir(dir), dir.Close())
}
