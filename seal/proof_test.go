package seal

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/require"
)

// entries returns the entries of a ledger.
func (f *fixture) entries() map[uint64][]byte {
	f.t.Helper()
	r, err := ledger.OpenReader(f.dir)
	require.NoError(f.t, err)
	defer r.Close()
	all := map[uint64][]byte{}
	for e, err := range r.Entries(f.t.Context(), 0) {
		require.NoError(f.t, err)
		all[e.Seq] = bytes.Clone(e.Data)
	}
	return all
}

func TestProof(t *testing.T) {
	t.Parallel()
	f := newFixture(t).make(600)
	files := OpenDir(filepath.Join(f.dir, DirName))
	all := f.entries()
	for seq, entry := range all {
		p, err := Prove(files, seq, entry, f.key.Verifier())
		require.NoError(t, err)
		text := p.Encode()
		opened, err := OpenProof(text, nil, f.key.Verifier())
		require.NoError(t, err)
		require.Equal(t, p, opened)
		require.Equal(t, entry, opened.Entry)
	}
	_, err := Prove(files, 601, nil, f.key.Verifier())
	require.ErrorIs(t, err, ErrNotSealed)
	_, err = Prove(files, 5, all[6], f.key.Verifier())
	require.ErrorIs(t, err, ErrNotProved)
	stranger, err := CreateKey(filepath.Join(t.TempDir(), "key"), "example.com/audit")
	require.NoError(t, err)
	p, err := Prove(files, 5, all[5], f.key.Verifier())
	require.NoError(t, err)
	_, err = OpenProof(p.Encode(), nil, stranger.Verifier())
	require.ErrorIs(t, err, ErrNotProved)
	_, err = OpenProof(p.Encode(), all[6], f.key.Verifier())
	require.ErrorIs(t, err, ErrNotProved)
}

// TestEveryByteOfAProof flips each byte of a proof. None of the results proves another entry,
// leaf or tree.
func TestEveryByteOfAProof(t *testing.T) {
	t.Parallel()
	f := newFixture(t).make(70)
	p, err := Prove(OpenDir(filepath.Join(f.dir, DirName)), 33, f.entries()[33], f.key.Verifier())
	require.NoError(t, err)
	text := p.Encode()
	for i := range text {
		forged := bytes.Clone(text)
		forged[i] ^= 1
		opened, err := OpenProof(forged, nil, f.key.Verifier())
		if err == nil { // a byte without a meaning, such as the last bits of base64
			require.Equal(t, p.Entry, opened.Entry)
			require.Equal(t, p.Leaf, opened.Leaf)
			require.Equal(t, p.Checkpoint.Root, opened.Checkpoint.Root)
		}
	}
}

func FuzzOpenProof(f *testing.F) {
	key, err := CreateKey(filepath.Join(f.TempDir(), "key"), "example.com/audit")
	require.NoError(f, err)
	c := Checkpoint{Origin: "example.com/audit/1", Size: 1, Root: HashLeaf([]byte("entry"))}
	require.NoError(f, c.sign(key.signer))
	f.Add((&Proof{Entry: []byte("entry"), Checkpoint: c}).Encode())
	f.Add([]byte("c2sp.org/tlog-proof@v1\nindex 0\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := OpenProof(text, nil, key.Verifier())
		if err == nil {
			require.Equal(t, "entry", string(p.Entry))
		}
	})
}

func TestKeys(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	created, err := CreateKey(path, "example.com/audit")
	require.NoError(t, err)
	_, err = CreateKey(path, "example.com/audit")
	require.ErrorIs(t, err, os.ErrExist)
	require.ErrorContains(t, err, "a key is never replaced, so name another file")
	_, err = LoadKey(path + "3")
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "deed keygen makes a key")
	for range 50 { // base64 with a plus sign among them
		path := filepath.Join(t.TempDir(), "key")
		k, err := LoadOrCreateKey(path, "example.com/audit")
		require.NoError(t, err)
		again, err := LoadOrCreateKey(path, "example.com/audit")
		require.NoError(t, err)
		require.Equal(t, k.Public(), again.Public())
	}
	require.NoError(t, os.Chmod(path, 0o640))
	_, err = LoadKey(path)
	require.ErrorIs(t, err, ErrInsecureKey)
	require.NoError(t, os.Chmod(path, 0o400))
	loaded, err := LoadKey(path)
	require.NoError(t, err)
	require.Equal(t, created.Public(), loaded.Public())
	require.NoError(t, os.Chmod(path, 0o600))
	secret, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(secret[:len(secret)-9], '\n'), 0o600))
	_, err = LoadKey(path)
	require.Error(t, err)
	require.NotContains(t, err.Error(), string(secret[len(secret)-30:len(secret)-10]))
	_, err = ParsePublicKey(string(secret))
	require.ErrorContains(t, err, "it is a private key; the public key is in the file beside it, whose name ends in .pub")
	require.NotContains(t, err.Error(), string(secret[len(secret)-30:len(secret)-10]))
	_, err = CreateKey(path+"2", "with spaces")
	require.Error(t, err)
	_, err = NewKey(created.signer, mustCreate(t).Public())
	require.Error(t, err)
}

func TestUntrustedKey(t *testing.T) {
	t.Parallel()
	one, other := mustCreate(t), mustCreate(t)
	c := Checkpoint{Origin: "example.com/audit/1", Size: 1}
	require.NoError(t, c.sign(one.signer))
	_, err := OpenCheckpoint(c.Note, other.Verifier())
	require.ErrorContains(t, err, fmt.Sprintf("it has signatures of %q", fmt.Sprintf("example.com/audit+%08x", one.Verifier().KeyHash())))
	_, err = OpenCheckpoint(bytes.Replace(c.Note, []byte("\n1\n"), []byte("\n2\n"), 1), one.Verifier())
	require.ErrorContains(t, err, "the checkpoint is not signed by a trusted key: ")
}

func mustCreate(t *testing.T) *Key {
	t.Helper()
	k, err := CreateKey(filepath.Join(t.TempDir(), "key"), "example.com/audit")
	require.NoError(t, err)
	return k
}
