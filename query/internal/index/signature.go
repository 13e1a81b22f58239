package index

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/bits"
	"slices"

	"github.com/opendeed/audit/internal/canonical"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/internal/fold"
)

// A signature tells which sequences of four bytes, the grams, the texts of a block may have. It
// is a set of their hashes. A block whose signature lacks a gram of a word has no record with
// the word.
//
// An index has the signatures of all blocks as a table with a row for each hash, in which each
// block has a bit. A search reads the rows of its words only.

// gramSize is the size of a gram in bytes.
const gramSize = 4

// A table has 1<<minRowBits to 1<<maxRowBits rows.
const (
	minRowBits = 8
	maxRowBits = 15
)

// gramHash returns the hash of a gram, of maxRowBits bits. Smaller tables use its highest bits.
func gramHash(gram uint32) uint32 { return gram * 0x9e37_79b1 >> (32 - maxRowBits) }

// signature is that of a block while it is collected.
type signature [1 << maxRowBits / 64]uint64

// add adds the grams of a text, which is as it is in the record's JSON, with its quotes. It returns
// false if the text is no valid JSON, and then in no record.
func (s *signature) add(json []byte) (ok bool) {
	text := json[1 : len(json)-1]
	if len(text) < 8 {
		w := padded(text)
		if !isPlain(w) {
			return s.addFolded(json)
		}
		w = upper(w)
		for range len(text) - gramSize + 1 {
			s.addGram(uint32(w))
			w >>= 8
		}
		return true
	}
	for at := 0; ; at = min(at+8-gramSize+1, len(text)-8) {
		w := binary.LittleEndian.Uint64(text[at:])
		if !isPlain(w) {
			return s.addFolded(json)
		}
		w = upper(w)
		s.addGram(uint32(w))
		s.addGram(uint32(w >> 8))
		s.addGram(uint32(w >> 16))
		s.addGram(uint32(w >> 24))
		s.addGram(uint32(w >> 32))
		if at == len(text)-8 {
			return true
		}
	}
}

func (s *signature) addGram(gram uint32) {
	h := gramHash(gram)
	s[h/64] |= 1 << (h % 64)
}

// addFolded is add for any text.
func (s *signature) addFolded(json []byte) (ok bool) {
	r := canonical.NewReader(string(json))
	for _, h := range grams(fold.Text(r.String())) {
		s[h/64] |= 1 << (h % 64)
	}
	return !r.Failed()
}

// grams returns the hashes of the grams of a folded text.
func grams(folded string) (hashes []uint32) {
	for at := 0; at+gramSize <= len(folded); at++ {
		hashes = append(hashes, gramHash(binary.LittleEndian.Uint32([]byte(folded[at:at+gramSize]))))
	}
	return hashes
}

// len returns the number of hashes.
func (s *signature) len() (n int) {
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// Words are words that a record must have to match.
type Words struct {
	// words has the hashes of the grams of each form of each word that has grams.
	words [][][]uint32
}

// WordsOf returns the words of a filter. There are none if an index cannot rule out anything by
// them, since they are short.
func WordsOf(f *query.Filter) Words {
	var all Words
	for _, text := range []string{f.Text, f.Reason, f.Failure} {
		for _, forms := range fold.Words(text) {
			var word [][]uint32
			for _, form := range forms {
				word = append(word, grams(fold.Text(form)))
			}
			if !slices.ContainsFunc(word, func(form []uint32) bool { return len(form) == 0 }) {
				all.words = append(all.words, word)
			}
		}
	}
	return all
}

// Len returns the number of words.
func (w Words) Len() int { return len(w.words) }

// signatures is a table of signatures.
type signatures struct {
	rowBits int // there are 1<<rowBits rows
	blocks  int
	table   []byte
}

// rowSize returns the size of a row in bytes.
func rowSize(blocks int) int { return (blocks + 7) / 8 }

func newSignatures(rowBits, blocks int) *signatures {
	return &signatures{rowBits: rowBits, blocks: blocks, table: make([]byte, rowSize(blocks)<<rowBits)}
}

// set sets the bit of a block in a row.
func (t *signatures) set(row, block int) {
	t.table[row*rowSize(t.blocks)+block/8] |= 1 << (block % 8)
}

// The size of a table: it has at least rowsPerHash rows for each hash of a block, on average,
// unless it takes more than one byte for each bytesPerByte of the entries.
const (
	rowsPerHash  = 2
	bytesPerByte = 128
)

// signaturesOf returns the table of the signatures of blocks, whose entries take some bytes.
func signaturesOf(all []*signature, size int64) *signatures {
	hashes := 0
	for _, s := range all {
		hashes += s.len()
	}
	rowBits := minRowBits
	for rowBits < maxRowBits && len(all)<<rowBits < rowsPerHash*hashes && int64(rowSize(len(all)))<<(rowBits+1) <= size/bytesPerByte {
		rowBits++
	}
	t := newSignatures(rowBits, len(all))
	for block, s := range all {
		for i, w := range s {
			for ; w != 0; w &= w - 1 {
				t.set((i*64+bits.TrailingZeros64(w))>>(maxRowBits-rowBits), block)
			}
		}
	}
	return t
}

// mergeSignatures returns the table of all blocks of several tables. It has as many rows as the
// smallest of them.
func mergeSignatures(tables []*signatures) *signatures {
	rowBits, blocks := maxRowBits, 0
	for _, t := range tables {
		rowBits, blocks = min(rowBits, t.rowBits), blocks+t.blocks
	}
	merged := newSignatures(rowBits, blocks)
	first := 0
	for _, t := range tables {
		size := rowSize(t.blocks)
		for row := range 1 << t.rowBits {
			for i, b := range t.table[row*size : (row+1)*size] {
				for ; b != 0; b &= b - 1 {
					if block := i*8 + bits.TrailingZeros8(b); block < t.blocks {
						merged.set(row>>(t.rowBits-rowBits), first+block)
					}
				}
			}
		}
		first += t.blocks
	}
	return merged
}

// signatures returns the table of the index.
func (f *File) signatures(r io.ReaderAt) (*signatures, error) {
	t := &signatures{rowBits: bits.Len64(f.signatureRows) - 1, blocks: int(f.blockCount)}
	var err error
	t.table, err = f.read(r, f.Header.signatures, uint64(rowSize(t.blocks))<<t.rowBits)
	return t, err
}

// BlocksWith returns the numbers of the blocks that may have a record with all words, or nil if
// the index does not rule out any.
func (f *File) BlocksWith(r io.ReaderAt, w Words) (*Places, error) {
	if w.Len() == 0 {
		return nil, nil //nolint:nilnil // not known
	}
	all := AllPlaces(int(f.blockCount))
	for _, forms := range w.words {
		with := make([]byte, len(all.bitmap))
		for _, form := range forms {
			if err := f.addBlocksWith(r, form, all.bitmap, with); err != nil {
				return nil, err
			}
		}
		all.bitmap = with
	}
	all.n = 0
	for _, b := range all.bitmap {
		all.n += bits.OnesCount8(b)
	}
	return all, nil
}

// addBlocksWith sets the bits of those of some blocks that have all hashes.
func (f *File) addBlocksWith(r io.ReaderAt, hashes []uint32, of, with []byte) error {
	found, size := bytes.Clone(of), uint64(rowSize(int(f.blockCount)))
	shift := maxRowBits - (bits.Len64(f.signatureRows) - 1)
	for _, h := range hashes {
		row, err := f.read(r, f.Header.signatures+uint64(h>>shift)*size, size)
		if err != nil {
			return err
		}
		left := byte(0)
		for i := range found {
			found[i] &= row[i]
			left |= found[i]
		}
		if left == 0 {
			return nil
		}
	}
	for i := range with {
		with[i] |= found[i]
	}
	return nil
}
