package seal

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is the state of a sealed ledger: how many leaves its tree has, and their hash.
type Checkpoint struct {
	// Origin identifies the tree, see [Origin].
	Origin string
	// Size is the number of leaves.
	Size int64
	// Root is the hash of the tree.
	Root Hash
	// Note is the signed text, as C2SP's tlog-checkpoint specifies it.
	Note []byte
}

// errNoCheckpoint means that a text is not a checkpoint.
var errNoCheckpoint = errors.New("it is no checkpoint")

// maxCheckpoint is the size of the largest checkpoint that is read, in bytes.
const maxCheckpoint = 64 << 10

// Origin returns the origin of the checkpoints of a ledger: the name of the key, the ID of the
// ledger, and, after restores that were adopted, their number.
func Origin(keyName string, ledger [16]byte, restores int) string {
	origin := keyName + "/" + hex.EncodeToString(ledger[:])
	if restores > 0 {
		origin += "/" + strconv.Itoa(restores)
	}
	return origin
}

// Ledger returns the ID of the ledger in the origin. ok is false if it has none.
func (c *Checkpoint) Ledger() (id [16]byte, ok bool) {
	parts := strings.Split(c.Origin, "/")
	for _, part := range slices.Backward(parts[max(0, len(parts)-2):]) {
		if b, err := hex.DecodeString(part); err == nil && len(b) == len(id) {
			return [16]byte(b), true
		}
	}
	return id, false
}

// text returns what is signed.
func (c *Checkpoint) text() string {
	return c.Origin + "\n" + strconv.FormatInt(c.Size, 10) + "\n" + base64.StdEncoding.EncodeToString(c.Root[:]) + "\n"
}

// sign signs the checkpoint.
func (c *Checkpoint) sign(signers ...note.Signer) error {
	signed, err := note.Sign(&note.Note{Text: c.text()}, signers...)
	if err != nil {
		return fmt.Errorf("seal: sign a checkpoint: %w", err)
	}
	c.Note = signed
	return nil
}

// OpenCheckpoint returns the checkpoint of a signed text. It fails unless one of the keys has
// signed it.
func OpenCheckpoint(signed []byte, keys ...note.Verifier) (Checkpoint, error) {
	if len(signed) > maxCheckpoint {
		return Checkpoint{}, fmt.Errorf("seal: %w: it has %d bytes", errNoCheckpoint, len(signed))
	}
	n, err := note.Open(signed, note.VerifierList(keys...))
	if err != nil {
		return Checkpoint{}, notTrusted(err)
	}
	c, err := parseCheckpoint(n.Text)
	c.Note = signed
	return c, err
}

// notTrusted returns the error of a checkpoint that no trusted key has signed. It names the keys
// that say that they have.
func notTrusted(err error) error {
	var others []string
	if unverified, ok := errors.AsType[*note.UnverifiedNoteError](err); ok {
		for _, s := range unverified.Note.UnverifiedSigs {
			others = append(others, strconv.Quote(fmt.Sprintf("%s+%08x", s.Name, s.Hash)))
		}
	}
	if len(others) == 0 {
		return fmt.Errorf("seal: the checkpoint is not signed by a trusted key: %w", err)
	}
	return fmt.Errorf("seal: the checkpoint is not signed by a trusted key; it has signatures of %s: %w", strings.Join(others, ", "), err)
}

// newestCheckpoint returns the checkpoint of a directory.
func newestCheckpoint(files Files, keys []note.Verifier) (Checkpoint, error) {
	signed, err := files.Read(checkpointName)
	if err != nil {
		return Checkpoint{}, err
	}
	return OpenCheckpoint(signed, keys...)
}

// UnverifiedCheckpoint reads a checkpoint without checking who has signed it.
func UnverifiedCheckpoint(signed []byte) (Checkpoint, error) {
	text, _, ok := strings.Cut(string(signed), "\n\n")
	if !ok {
		return Checkpoint{}, errNoCheckpoint
	}
	c, err := parseCheckpoint(text + "\n")
	c.Note = signed
	return c, err
}

// parseCheckpoint reads the text of a checkpoint. Extension lines are ignored.
func parseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 || lines[0] == "" {
		return Checkpoint{}, fmt.Errorf("seal: %w: it has fewer than three lines", errNoCheckpoint)
	}
	c := Checkpoint{Origin: lines[0]}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return Checkpoint{}, fmt.Errorf("seal: %w: the second line is not a size", errNoCheckpoint)
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return Checkpoint{}, fmt.Errorf("seal: %w: the third line is not a hash", errNoCheckpoint)
	}
	c.Size = size
	copy(c.Root[:], root)
	return c, nil
}

// restoresOf returns the number of restores in an origin that begins with first, or 0.
func restoresOf(origin, first string) int {
	text, ok := strings.CutPrefix(origin, first+"/")
	if !ok {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return max(n, 0)
}

// originOf reports whether an origin is that of a ledger.
func originOf(origin string, ledger [16]byte) bool {
	id := "/" + hex.EncodeToString(ledger[:])
	return strings.HasSuffix(origin, id) || strings.Contains(origin, id+"/")
}
