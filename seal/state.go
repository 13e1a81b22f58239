package seal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
)

// The names of the files, beside the tiles.
const (
	checkpointName = "checkpoint"
	stateName      = "state"
	gapsName       = "gaps"
)

// state is where a Sealer continues after a crash. Everything before it is durable.
type state struct {
	ledger   [16]byte
	restores int
	next     uint64 // sequence number of the first entry that is not in the tree
	tree     tree
}

// stateFile is the file of a state.
type stateFile struct {
	Version  int      `json:"version"`
	Ledger   string   `json:"ledger"`
	Restores int      `json:"restores,omitempty"`
	Next     uint64   `json:"next"`
	Size     int64    `json:"size"`
	Root     []byte   `json:"root"`
	Tiles    [][]byte `json:"tiles"` // the partial tile of each level
	Sum      []byte   `json:"sha256,omitempty"`
}

// sum returns the hash of the other members.
func (f stateFile) sum() ([]byte, error) {
	f.Sum = nil
	b, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b)
	return sum[:], nil
}

// errState means that the file of the state is damaged.
var errState = errors.New("seal: the file state is damaged; it is made again")

func (s *state) store(files Files) error {
	root := s.tree.root()
	f := stateFile{Version: 1, Ledger: hex.EncodeToString(s.ledger[:]), Restores: s.restores, Next: s.next, Size: s.tree.size, Root: root[:]}
	for _, tile := range s.tree.edge {
		f.Tiles = append(f.Tiles, encodeTile(tile))
	}
	var err error
	if f.Sum, err = f.sum(); err != nil {
		return err
	}
	b, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return files.Replace(stateName, b)
}

// loadState reads the state. ok is false if the file does not exist.
func loadState(files Files) (s state, ok bool, err error) {
	b, err := files.Read(stateName)
	if errors.Is(err, fs.ErrNotExist) {
		return s, false, nil
	}
	if err != nil {
		return s, false, err
	}
	var f stateFile
	if json.Unmarshal(b, &f) != nil || f.Size < 0 || f.Restores < 0 {
		return s, false, errState
	}
	if sum, err := f.sum(); err != nil || !bytes.Equal(sum, f.Sum) { // also of one without a sum
		return s, false, errState
	}
	if f.Version != 1 {
		return s, false, fmt.Errorf("seal: the file state has version %d; this program knows version 1", f.Version)
	}
	id, err := hex.DecodeString(f.Ledger)
	if err != nil || len(id) != len(s.ledger) {
		return s, false, errState
	}
	copy(s.ledger[:], id)
	s.next, s.restores, s.tree.size = f.Next, f.Restores, f.Size
	for _, b := range f.Tiles {
		hashes, err := decodeTile(stateName, b, len(b)/len(Hash{}))
		if err != nil || len(hashes) >= tileWidth {
			return s, false, errState
		}
		s.tree.edge = append(s.tree.edge, append(make([]Hash, 0, tileWidth), hashes...))
	}
	if root := s.tree.root(); !validEdge(f.Size, s.tree.edge) || string(root[:]) != string(f.Root) {
		return s, false, errState
	}
	return s, true, nil
}

// errGaps means that sequence numbers cannot be mapped to leaves.
var errGaps = errors.New("seal: the file gaps is missing or damaged; it maps sequence numbers to leaves: restore it from a copy of the directory")

// loadGaps reads the gaps. They are stored before a checkpoint covers them.
func loadGaps(files Files) (g gaps, err error) {
	b, err := files.Read(gapsName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if json.Unmarshal(b, &g) != nil || !g.valid() {
		return nil, errGaps
	}
	return g, nil
}

func (g gaps) store(files Files) error {
	b, err := json.Marshal(g)
	if err != nil {
		return err
	}
	return files.Replace(gapsName, b)
}
