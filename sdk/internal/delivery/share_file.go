package delivery

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/opendeed/audit/sdk/internal/party"
)

// shareFile keeps the accounts of the classes across restarts, in the ledger's directory.
// It is written when a span ends, so a crash makes an account forget at most one span. It
// is not synced: a file that a power cut made incomplete counts as missing, and the
// part of the ledger that is reserved for trusted records does not depend on it.
type shareFile struct {
	path string

	mu      sync.Mutex // held while the file is written
	pending sync.Mutex // held by the goroutine that will write it
}

const shareFileName = "shares"

// shareState is the content of the file.
type shareState struct {
	Denials   []span `json:"denials"`
	Anonymous []span `json:"anonymous"`
}

func newShareFile(dir string) *shareFile {
	return &shareFile{path: filepath.Join(dir, shareFileName)}
}

var errShareFile = errors.New("the file " + shareFileName + " is damaged")

// load reads the accounts. A missing file is no error.
func (f *shareFile) load(s *shares) error {
	data, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var state shareState
	if json.Unmarshal(data, &state) != nil {
		return errShareFile
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.classes[party.Denied].restore(state.Denials), s.classes[party.Anonymous].restore(state.Anonymous))
}

// restore sets the spans of an account.
func (a *account) restore(spans []span) error {
	var bytes int64
	for i := range spans {
		if spans[i].Bytes < 0 || bytes+spans[i].Bytes < bytes {
			return errShareFile
		}
		bytes += spans[i].Bytes
	}
	a.spans, a.bytes = spans, bytes
	return nil
}

// save writes the accounts.
func (f *shareFile) save(s *shares) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	s.mu.Lock()
	state := shareState{Denials: s.classes[party.Denied].spans, Anonymous: s.classes[party.Anonymous].spans}
	data, err := json.Marshal(state)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	temporary := f.path + ".tmp"
	if err := os.WriteFile(temporary, data, 0o600); err != nil {
		return fmt.Errorf("the shares of the ledger are not saved: %w", err)
	}
	if err := os.Rename(temporary, f.path); err != nil {
		return fmt.Errorf("the shares of the ledger are not saved: %w", err)
	}
	return nil
}

// saveLater writes the accounts soon. The disk may hang, so nobody waits for it. The next
// span, or Shutdown, tries again after an error.
func (f *shareFile) saveLater(s *shares) {
	if !f.pending.TryLock() {
		return
	}
	go func() {
		defer f.pending.Unlock()
		_ = f.save(s) // see above
	}()
}

// wait waits for saveLater.
func (f *shareFile) wait() {
	f.pending.Lock()
	defer f.pending.Unlock()
}
