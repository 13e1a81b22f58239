package seal

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Proof shows that a leaf is in the tree of a checkpoint.
type Proof struct {
	// Leaf is the number of the leaf, from 0.
	Leaf int64
	// Entry is what the leaf holds.
	Entry []byte
	// Hashes lead from the leaf to the root: those of its sibling, of its parent's sibling, and
	// so on.
	Hashes []Hash
	// Checkpoint is that of the tree.
	Checkpoint Checkpoint
}

// ErrNotSealed means that no checkpoint covers an entry yet.
var ErrNotSealed = errors.New("seal: no checkpoint covers the entry yet; ask again in a moment")

// ErrNotProved means that a proof does not prove what it says.
var ErrNotProved = errors.New("seal: the proof does not prove that the entry was sealed")

// Prove returns the proof of an entry, for the newest checkpoint of the directory, or the one that
// witnesses have cosigned, if that covers the entry. The entry is
// what the ledger has under the sequence number. If it is not the one that was sealed, the error
// matches ErrNotProved.
func Prove(files Files, seq uint64, entry []byte, keys ...note.Verifier) (*Proof, error) {
	c, all, err := readNewest(files, keys)
	if err != nil {
		return nil, err
	}
	leaf, in := all.leaf(seq)
	switch {
	case in != nil:
		return nil, fmt.Errorf("%w: entry %d could not be read when entries %v were sealed as a gap", ErrNotProved, seq, in)
	case leaf >= c.Size:
		return nil, ErrNotSealed
	}
	return prove(tileReader{files}, forProof(files, leaf, c, keys...), leaf, entry)
}

func prove(tiles tlog.TileReader, c Checkpoint, leaf int64, entry []byte) (*Proof, error) {
	hashes, err := tlog.ProveRecord(c.Size, leaf, tlog.TileHashReader(tlog.Tree{N: c.Size, Hash: c.Root}, tiles))
	if err != nil {
		return nil, fmt.Errorf("seal: the tiles do not prove leaf %d: %w", leaf, err)
	}
	p := &Proof{Leaf: leaf, Entry: entry, Hashes: hashes, Checkpoint: c}
	if err := p.check(); err != nil {
		return nil, err
	}
	return p, nil
}

// check checks that the hashes lead to the root.
func (p *Proof) check() error {
	if err := tlog.CheckRecord(p.Hashes, p.Checkpoint.Size, p.Checkpoint.Root, p.Leaf, HashLeaf(p.Entry)); err != nil {
		return fmt.Errorf("%w: leaf %d of %d has another hash", ErrNotProved, p.Leaf, p.Checkpoint.Size)
	}
	return nil
}

// The lines of a proof.
const (
	proofHeader = "c2sp.org/tlog-proof@v1"
	proofExtra  = "extra "
	proofIndex  = "index "
)

// Encode returns the proof as text, as C2SP's tlog-proof specifies it, with the entry as its
// extra data.
func (p *Proof) Encode() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n%s%s\n%s%d\n", proofHeader, proofExtra, base64.StdEncoding.EncodeToString(p.Entry), proofIndex, p.Leaf)
	for _, h := range p.Hashes {
		fmt.Fprintln(&b, h)
	}
	b.WriteByte('\n')
	b.Write(p.Checkpoint.Note)
	return b.Bytes()
}

// maxProof is the size of the largest proof that is read, in bytes.
const maxProof = 32 << 20

var errProofFormat = errors.New("seal: the text is not a tlog-proof")

// OpenProof reads a proof and checks it: one of the keys must have signed the checkpoint, and
// the hashes must lead from the entry to its root. If they do not, the error matches
// ErrNotProved.
//
// A proof without extra data says nothing of what the leaf holds; pass it as entry. Otherwise
// entry is nil, or must be equal.
func OpenProof(text, entry []byte, keys ...note.Verifier) (*Proof, error) {
	if len(text) > maxProof {
		return nil, errProofFormat
	}
	head, signed, ok := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || lines[0] != proofHeader {
		return nil, errProofFormat
	}
	p := &Proof{Entry: entry}
	lines = lines[1:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], proofExtra) {
		extra, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[0], proofExtra))
		if err != nil {
			return nil, errProofFormat
		}
		if entry != nil && !bytes.Equal(entry, extra) {
			return nil, fmt.Errorf("%w: it is of another entry", ErrNotProved)
		}
		p.Entry, lines = extra, lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], proofIndex) {
		return nil, errProofFormat
	}
	index := strings.TrimPrefix(lines[0], proofIndex)
	leaf, err := strconv.ParseInt(index, 10, 64)
	if err != nil || leaf < 0 || strconv.FormatInt(leaf, 10) != index {
		return nil, errProofFormat
	}
	p.Leaf = leaf
	for _, line := range lines[1:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return nil, errProofFormat
		}
		p.Hashes = append(p.Hashes, h)
	}
	if p.Checkpoint, err = OpenCheckpoint([]byte(signed), keys...); err != nil {
		return nil, errors.Join(ErrNotProved, err)
	}
	if p.Leaf >= p.Checkpoint.Size || p.Checkpoint.Size == 0 {
		return nil, fmt.Errorf("%w: the tree has %d leaves, and the proof is of leaf %d", ErrNotProved, p.Checkpoint.Size, p.Leaf)
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	return p, nil
}
