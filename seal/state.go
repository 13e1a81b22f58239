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
}

// sumMember begins the last member of the file, which every version has.
const sumMember = `,"sha256":"`

// addSum adds the hash of an object as its last member.
func addSum(object []byte) []byte {
	return fmt.Appendf(nil, `%s%s%x"}`, object[:len(object)-1], sumMember, sha256.Sum256(object))
}

// removeSum returns what addSum got. ok is false if the file is damaged.
func removeSum(file []byte) (object []byte, ok bool) {
	at := bytes.LastIndex(file, []byte(sumMember))
	if at < 0 {
		return nil, false
	}
	object = append(bytes.Clone(file[:at]), '}')
	return object, bytes.Equal(addSum(object), file)
}

// errState means that the file of the state is damaged.
var errState = errors.New("seal: the file state is damaged; it is made again")

func (s *state) store(files Files) error {
	root := s.tree.root()
	f := stateFile{Version: 1, Ledger: hex.EncodeToString(s.ledger[:]), Restores: s.restores, Next: s.next, Size: s.tree.size, Root: root[:]}
	for _, tile := range s.tree.edge {
		f.Tiles = append(f.Tiles, encodeTile(tile))
	}
	b, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return files.Replace(stateName, addSum(b))
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
	object, intact := removeSum(b)
	var f stateFile
	if !intact || json.Unmarshal(object, &f) != nil || f.Size < 0 || f.Restores < 0 {
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
var errGaps = errors.New("seal: the file gaps is missing or damaged; it maps sequence numbers to leaves: restore it from a copy of the directory, or accept the ledger as it is: deed seal adopt begins another tree")

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
