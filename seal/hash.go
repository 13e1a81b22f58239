package seal

import (
	"crypto/sha256"
	"hash"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a hash of RFC 6962: of a leaf, or of a tree.
type Hash = tlog.Hash

// HashLeaf returns the hash of a leaf.
func HashLeaf(data []byte) Hash { return newLeafHasher().sum(data) }

// leafHasher hashes leaves without allocations.
type leafHasher struct{ digest hash.Hash }

func newLeafHasher() leafHasher { return leafHasher{sha256.New()} }

var leafPrefix = []byte{0}

func (l leafHasher) sum(data []byte) (h Hash) {
	l.digest.Reset()
	_, _ = l.digest.Write(leafPrefix)
	_, _ = l.digest.Write(data)
	l.digest.Sum(h[:0])
	return h
}

// hashNode returns the hash of a node with two children.
func hashNode(left, right Hash) Hash {
	var b [1 + 2*tlog.HashSize]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[1+tlog.HashSize:], right[:])
	return sha256.Sum256(b[:])
}

// hashSubtree returns the hash of a complete subtree over hashes, whose number is a power of
// two.
func hashSubtree(hashes []Hash) Hash {
	if len(hashes) == 1 {
		return hashes[0]
	}
	row := make([]Hash, len(hashes)/2)
	for i := range row {
		row[i] = hashNode(hashes[2*i], hashes[2*i+1])
	}
	for n := len(row) / 2; n > 0; n /= 2 {
		for i := range n {
			row[i] = hashNode(row[2*i], row[2*i+1])
		}
	}
	return row[0]
}
