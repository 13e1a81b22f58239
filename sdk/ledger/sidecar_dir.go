package ledger

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// SidecarDir is a directory for sidecars of a ledger that are not in the ledger's own, such as
// those that a reader without permission to write makes for itself. Its methods are safe for
// concurrent use.
type SidecarDir struct{ dir *osDir }

// OpenSidecarDir opens a directory, and creates it, with permissions for its owner only, if it
// does not exist. The error matches ErrInsecure if others may write to it: who writes a sidecar
// can hide entries from those that trust it.
func OpenSidecarDir(dir string) (*SidecarDir, error) {
	if err := os.MkdirAll(filepath.Clean(dir), 0o700); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	d, err := openDir(dir, access{})
	if err != nil {
		return nil, err
	}
	return &SidecarDir{d}, nil
}

// Names returns the names of the sidecars of each segment, by its number.
func (s *SidecarDir) Names() (map[uint64][]string, error) { return sidecarFiles(s.dir) }

// Open opens a sidecar for reading. The error matches fs.ErrNotExist if the sidecar does not
// exist, and ErrInsecure if others may write it.
func (s *SidecarDir) Open(segment uint64, name string) (Sidecar, error) {
	if !ValidSidecar(name) {
		return nil, errSidecarName(name)
	}
	return s.dir.Open(sidecarName(segment, name))
}

// Write stores a sidecar, in place of an older one. A process that writes the same one at the
// same time may get an error, or leave an incomplete file.
func (s *SidecarDir) Write(segment uint64, name string, write func(io.Writer) error) error {
	if !ValidSidecar(name) {
		return errSidecarName(name)
	}
	if err := writeSidecar(s.dir, segment, name, write); err != nil {
		return nameDir(fmt.Errorf("ledger: write %s: %w", sidecarName(segment, name), err), s.dir.Path())
	}
	return nil
}

// RemoveBefore removes the sidecars of the segments with lower numbers, and what an interrupted
// Write has left of them.
func (s *SidecarDir) RemoveBefore(segment uint64) error {
	files, err := s.dir.List()
	for _, file := range files {
		if number, _, ok := parseSidecar(strings.TrimSuffix(file, temporarySuffix)); ok && number < segment {
			err = errors.Join(err, removeIfExists(s.dir, file))
		}
	}
	return err
}

// Close closes the directory.
func (s *SidecarDir) Close() error { return s.dir.Close() }
