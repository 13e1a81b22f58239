package witness

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/opendeed/audit/internal/filelock"
	"github.com/opendeed/audit/internal/files"
	"github.com/opendeed/audit/seal"
)

// The names in the directory of a witness: a file for each log, named by the hash of its origin,
// has the newest checkpoint that was cosigned.
const (
	lockName    = "lock"
	stateSuffix = ".checkpoint"
	forkSuffix  = ".fork"
)

// maxLogs limits how many logs of a name a witness remembers, and maxEvidence how many
// contradictions it keeps.
const (
	maxLogs     = 10_000
	maxEvidence = 100
)

var (
	errTooMany  = errors.New("the witness knows too many logs of this key")
	errEvidence = fmt.Errorf("the directory has %d checkpoints that contradict others, so this one is not kept; move them elsewhere and start the witness again", maxEvidence)
)

// states are the newest checkpoints of all logs, in memory and in files.
type states struct {
	dir  string
	lock *os.File

	mu       sync.Mutex
	logs     map[string]*log // by origin
	evidence int
}

// openStates reads what is known. Genuine reports whether somebody whom the witness trusts has
// signed a checkpoint.
func openStates(dir string, genuine func(signed []byte, origin string) bool) (s *states, err error) {
	if err := files.MakeDir(dir, lockName); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // in the directory that the user names
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, lock.Close())
		}
	}()
	if err := filelock.Lock(lock); err != nil {
		return nil, fmt.Errorf("%s is in use by another process; one process uses it at a time: %w", dir, err)
	}
	s = &states{dir: dir, lock: lock, logs: map[string]*log{}}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := e.Name()
		of, temporary := files.IsTemporary(name)
		switch {
		case temporary && (strings.HasSuffix(of, stateSuffix) || strings.HasSuffix(of, forkSuffix)): // the process ended meanwhile
			err = os.Remove(filepath.Join(dir, name))
		case strings.HasSuffix(name, forkSuffix):
			s.evidence++
		case strings.HasSuffix(name, stateSuffix):
			err = s.load(name, genuine)
		}
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// load reads what is known of a log. A damaged file is never taken for a log that is not known.
func (s *states) load(name string, genuine func(signed []byte, origin string) bool) error {
	signed, err := os.ReadFile(filepath.Join(s.dir, name)) //nolint:gosec // in the directory that the user names
	if err != nil {
		return err
	}
	c, err := seal.UnverifiedCheckpoint(signed)
	if err != nil || stateName(c.Origin) != name || !genuine(signed, c.Origin) {
		return fmt.Errorf("%s is damaged; restore it from a copy, or make a new witness with another key", filepath.Join(s.dir, name))
	}
	s.logs[c.Origin] = &log{newest: c}
	return nil
}

func stateName(origin string) string {
	h := sha256.Sum256([]byte(origin))
	return hex.EncodeToString(h[:]) + stateSuffix
}

// log returns what is known of a log, whose key has the name owner. Who has one key cannot use up
// what others may have.
func (s *states) log(origin, owner string) (*log, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.logs[origin]
	if l == nil {
		n := 0
		for known := range s.logs {
			if isOf(known, owner) {
				n++
			}
		}
		if n >= maxLogs {
			return nil, errTooMany
		}
		l = &log{newest: seal.Checkpoint{Origin: origin, Root: sha256.Sum256(nil)}}
		s.logs[origin] = l
	}
	return l, nil
}

// store makes a checkpoint the newest one of its log, durably. The cosignature shows later that the
// file is not damaged, also when the log has another key.
func (s *states) store(c seal.Checkpoint, cosignature []byte) error {
	return files.Replace(filepath.Join(s.dir, stateName(c.Origin)), slices.Concat(c.Note, cosignature), 0o600)
}

// keepEvidence keeps a checkpoint that contradicts another one.
func (s *states) keepEvidence(c seal.Checkpoint) error {
	h := sha256.Sum256(noteText(c.Note))
	path := filepath.Join(s.dir, hex.EncodeToString(h[:])+forkSuffix)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if s.evidence >= maxEvidence {
		return errEvidence
	}
	err := files.Replace(path, c.Note, 0o600)
	if err == nil {
		s.evidence++
	}
	return err
}

func (s *states) close() error {
	return errors.Join(filelock.Unlock(s.lock), s.lock.Close())
}
