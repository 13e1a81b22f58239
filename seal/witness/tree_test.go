package witness

import (
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit/seal"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// history is a log in memory, whose leaves are numbers, and other ones from fork on.
type history struct {
	t      *testing.T
	origin string
	signer note.Signer
	public string
	hashes []tlog.Hash
	size   int64
}

// newHistory returns an empty log, whose origin is the name of the key.
func newHistory(t *testing.T, origin string) *history {
	t.Helper()
	name, _, _ := strings.Cut(origin, "/")
	private, public, err := note.GenerateKey(rand.Reader, name)
	require.NoError(t, err)
	signer, err := note.NewSigner(private)
	require.NoError(t, err)
	return &history{t: t, origin: origin, signer: signer, public: public}
}

// verifier returns the public key.
func (h *history) verifier() note.Verifier {
	h.t.Helper()
	v, err := note.NewVerifier(h.public)
	require.NoError(h.t, err)
	return v
}

// fork returns a log with the same key and the same leaves so far.
func (h *history) fork() *history {
	other := *h
	other.hashes = append([]tlog.Hash(nil), h.hashes...)
	return &other
}

// ReadHashes implements tlog.HashReader.
func (h *history) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, i := range indexes {
		hashes = append(hashes, h.hashes[i])
	}
	return hashes, nil
}

// grow adds leaves.
func (h *history) grow(n int, text string) {
	h.t.Helper()
	for range n {
		hashes, err := tlog.StoredHashes(h.size, fmt.Appendf(nil, "%s %d", text, h.size), h)
		require.NoError(h.t, err)
		h.hashes = append(h.hashes, hashes...)
		h.size++
	}
}

// checkpoint returns that of the first leaves.
func (h *history) checkpoint(size int64) seal.Checkpoint {
	h.t.Helper()
	root, err := tlog.TreeHash(size, h)
	require.NoError(h.t, err)
	signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", h.origin, size, root)}, h.signer)
	require.NoError(h.t, err)
	return seal.Checkpoint{Origin: h.origin, Size: size, Root: root, Note: signed}
}

// request returns the body that shows that the first leaves continue fewer ones.
func (h *history) request(older, size int64) []byte {
	h.t.Helper()
	r := request{old: older, checkpoint: h.checkpoint(size).Note}
	if older > 0 && older < size {
		var err error
		r.proof, err = tlog.ProveTree(size, older, h)
		require.NoError(h.t, err)
	}
	return r.encode()
}

// newWitness returns a witness of logs.
func newWitness(t *testing.T, opts []Option, logs ...note.Verifier) (*Witness, *Key) {
	t.Helper()
	temp := t.TempDir()
	key, err := CreateKey(filepath.Join(temp, "key"), "witness.example.org/"+filepath.Base(temp))
	require.NoError(t, err)
	w, err := Open(filepath.Join(temp, "state"), key, logs, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	w.now = func() time.Time { return time.Unix(1_700_000_000, 0) }
	return w, key
}
