package seal_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
	"github.com/stretchr/testify/require"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
)

// published is what a static file server would serve. It is read without package seal.
type published struct {
	t    *testing.T
	dir  string
	size uint64
	root []byte
}

// checkpoint returns the size and the root of the checkpoint in a file.
func checkpoint(t *testing.T, file string) (size uint64, root []byte) {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	lines := strings.Split(string(b), "\n")
	require.Greater(t, len(lines), 4)
	size, err = strconv.ParseUint(lines[1], 10, 64)
	require.NoError(t, err)
	root, err = base64.StdEncoding.DecodeString(lines[2])
	require.NoError(t, err)
	return size, root
}

// tileNumber returns the number of a tile in a path: 1234067 is x001/x234/067.
func tileNumber(n uint64) string {
	text := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		text = fmt.Sprintf("x%03d/", n%1000) + text
	}
	return text
}

// node returns the hash of a complete subtree.
func (p *published) node(level uint, index uint64) []byte {
	p.t.Helper()
	tileLevel, up := level/8, level%8
	first := index << up
	n, at := first/256, first%256
	name := filepath.Join("tile", strconv.FormatUint(uint64(tileLevel), 10), filepath.FromSlash(tileNumber(n)))
	if width := p.size >> (8 * tileLevel); width/256 == n {
		name += fmt.Sprintf(".p/%d", width%256)
	}
	b, err := os.ReadFile(filepath.Join(p.dir, name))
	require.NoError(p.t, err)
	hashes := [][]byte{}
	for i := range uint64(1) << up {
		hashes = append(hashes, b[(at+i)*32:(at+i+1)*32])
	}
	for len(hashes) > 1 {
		var row [][]byte
		for i := 0; i < len(hashes); i += 2 {
			row = append(row, rfc6962.DefaultHasher.HashChildren(hashes[i], hashes[i+1]))
		}
		hashes = row
	}
	return hashes[0]
}

// proof returns the hashes of a proof.
func (p *published) proof(nodes proof.Nodes, err error) [][]byte {
	p.t.Helper()
	require.NoError(p.t, err)
	var hashes [][]byte
	for _, id := range nodes.IDs {
		hashes = append(hashes, p.node(id.Level, id.Index))
	}
	hashes, err = nodes.Rehash(hashes, rfc6962.DefaultHasher.HashChildren)
	require.NoError(p.t, err)
	return hashes
}

// TestMerkle seals a provider's ledger several times. Another library proves from its tiles that
// every record is in the tree, and that each tree begins with the one before it.
func TestMerkle(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	dir := filepath.Join(temp, "ledger")
	key, err := seal.CreateKey(filepath.Join(temp, "key"), "example.com/audit")
	require.NoError(t, err)
	type head struct {
		size uint64
		root []byte
	}
	heads := []head{}
	for _, n := range []int{1, 254, 3, 700} {
		provider, err := sdk.NewTrackerProvider(sdk.WithLedger(dir, ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithDenseFrames()), sdk.WithSeal(key))
		require.NoError(t, err)
		for i := range n {
			err := provider.Tracker("test").Track(t.Context(), audit.Event{
				Action: "article.update", Actor: audit.User("42"), Target: audit.Target{Type: "article", ID: strconv.Itoa(i)}, Outcome: audit.OutcomeSuccess,
			})
			require.NoError(t, err)
		}
		require.NoError(t, provider.Shutdown(t.Context()))
		size, root := checkpoint(t, filepath.Join(dir, seal.DirName, "checkpoint"))
		heads = append(heads, head{size, root})
	}
	newest := heads[len(heads)-1]
	require.EqualValues(t, 958, newest.size)
	p := &published{t: t, dir: filepath.Join(dir, seal.DirName), size: newest.size, root: newest.root}
	for _, h := range heads {
		hashes := p.proof(proof.Consistency(h.size, newest.size))
		require.NoError(t, proof.VerifyConsistency(rfc6962.DefaultHasher, h.size, newest.size, hashes, h.root, newest.root))
	}
	r, err := ledger.OpenReader(dir)
	require.NoError(t, err)
	defer r.Close()
	for e, err := range r.Entries(t.Context(), 0) {
		require.NoError(t, err)
		index := e.Seq - 1
		leaf := rfc6962.DefaultHasher.HashLeaf(e.Data)
		hashes := p.proof(proof.Inclusion(index, newest.size))
		require.NoError(t, proof.VerifyInclusion(rfc6962.DefaultHasher, index, newest.size, leaf, hashes, newest.root))

		ours, err := seal.Prove(seal.OpenDir(p.dir), e.Seq, e.Data, key.Verifier())
		require.NoError(t, err)
		require.Len(t, ours.Hashes, len(hashes))
		for i := range hashes {
			require.Equal(t, hashes[i], ours.Hashes[i][:], "both make the same proof")
		}
		data := append([]byte(nil), e.Data...)
		data[0] ^= 1
		require.Error(t, proof.VerifyInclusion(rfc6962.DefaultHasher, index, newest.size, rfc6962.DefaultHasher.HashLeaf(data), hashes, newest.root))
	}
}
