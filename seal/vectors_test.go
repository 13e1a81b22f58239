package seal

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

var update = flag.Bool("update", false, "write the vectors in testdata")

// vectors are for implementations in other languages: testdata/vectors.json.
type vectors struct {
	PublicKey string `json:"public_key"`
	Origin    string `json:"origin"`
	// Leaves has the content of each leaf, in base64. One is a gap.
	Leaves [][]byte `json:"leaves"`
	Gaps   gaps     `json:"gaps"`
	// Roots has the hash of each tree, from the empty one.
	Roots [][]byte `json:"roots"`
	// Checkpoint is that of all leaves.
	Checkpoint string `json:"checkpoint"`
	// Tiles are the files of the directory.
	Tiles map[string][]byte `json:"tiles"`
}

// vectorKey is a key for vectors: everybody knows its private part.
func vectorKey(t *testing.T) *Key {
	t.Helper()
	private, _, err := note.GenerateKey(bytes.NewReader(bytes.Repeat([]byte("vectors!"), 4)), "example.com/vectors")
	require.NoError(t, err)
	k, err := parsePrivateKey(private)
	require.NoError(t, err)
	return k
}

func makeVectors(t *testing.T) (v vectors, proof []byte) {
	t.Helper()
	key := vectorKey(t)
	v = vectors{
		PublicKey: key.Public(), Origin: Origin(key.Name(), [16]byte(bytes.Repeat([]byte{0xab}, 16)), 0),
		Gaps: gaps{{First: 12, Last: 15, Leaf: 11}}, Tiles: map[string][]byte{},
	}
	own := tree{full: func(tile tlog.Tile, hashes []Hash) { v.Tiles[tileName(tile)] = encodeTile(hashes) }}
	root := own.root()
	v.Roots = append(v.Roots, root[:])
	for n := range 300 {
		data := fmt.Appendf(nil, `{"action":"article.update","id":%d}`, n)
		if n == 11 {
			data = v.Gaps[0].LeafData()
		}
		v.Leaves = append(v.Leaves, data)
		own.add(HashLeaf(data))
		root := own.root()
		v.Roots = append(v.Roots, root[:])
	}
	partial, hashes := own.partialTiles()
	for i, tile := range partial {
		v.Tiles[tileName(tile)] = encodeTile(hashes[i])
	}
	c := Checkpoint{Origin: v.Origin, Size: own.size, Root: own.root()}
	require.NoError(t, c.sign(key.signer))
	v.Checkpoint = string(c.Note)
	p, err := Prove(vectorFiles(v.tilesWith(c.Note)), 271, v.Leaves[267], key.Verifier())
	require.NoError(t, err)
	require.EqualValues(t, 267, p.Leaf, "three of the entries of the gap have no leaf")
	return v, p.Encode()
}

// tilesWith returns the files of the directory.
func (v *vectors) tilesWith(checkpoint []byte) map[string][]byte {
	files := map[string][]byte{checkpointName: checkpoint}
	maps.Copy(files, v.Tiles)
	encoded, err := json.Marshal(v.Gaps)
	if err != nil {
		panic(err)
	}
	files[gapsName] = encoded
	return files
}

// vectorFiles are files in memory.
type vectorFiles map[string][]byte

func (f vectorFiles) Read(name string) ([]byte, error) {
	if b, ok := f[name]; ok {
		return b, nil
	}
	return nil, os.ErrNotExist
}
func (vectorFiles) Write(string, []byte) error   { return os.ErrPermission }
func (vectorFiles) Create(string, []byte) error  { return os.ErrPermission }
func (vectorFiles) Replace(string, []byte) error { return os.ErrPermission }
func (vectorFiles) Sync(...string) error         { return nil }
func (vectorFiles) Remove(string) error          { return os.ErrPermission }

// TestVectors holds the vectors that others use against what the package does.
func TestVectors(t *testing.T) {
	t.Parallel()
	v, proof := makeVectors(t)
	content, err := json.MarshalIndent(v, "", " ")
	require.NoError(t, err)
	for name, content := range map[string][]byte{"vectors.json": append(content, '\n'), "vectors.tlog-proof": proof, "vectors.pub": []byte(v.PublicKey + "\n")} {
		path := filepath.Join("testdata", name)
		if *update {
			require.NoError(t, os.WriteFile(path, content, 0o600))
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(want), string(content), "the format has changed; run the test with -update if that is on purpose")
	}
	_, err = OpenProof(proof, nil, vectorKey(t).Verifier())
	require.NoError(t, err)
}

// TestPython runs the verifier in another language, which shares no code with this one.
func TestPython(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		require.Empty(t, os.Getenv("CI"), "python3 is not installed")
		t.Skip("python3 is not installed")
	}
	script := filepath.Join("..", "docs", "verify_proof.py")
	run := func(proof, key string) (string, error) {
		out, err := exec.CommandContext(t.Context(), python, script, proof, key).CombinedOutput()
		return string(out), err
	}
	key := filepath.Join("testdata", "vectors.pub")
	out, err := run(filepath.Join("testdata", "vectors.tlog-proof"), key)
	require.NoError(t, err, out)
	require.Contains(t, out, `{"action":"article.update","id":267}`)
	require.Contains(t, out, "proved: leaf 267 of 300 in example.com/vectors/abab")

	f := newFixture(t).make(77)
	p, err := Prove(OpenDir(filepath.Join(f.dir, DirName)), 44, f.entries()[44], f.key.Verifier())
	require.NoError(t, err)
	genuine := string(p.Encode())
	file := filepath.Join(t.TempDir(), "tlog-proof")
	write := func(text string) string {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	out, err = run(write(genuine), f.key.Public())
	require.NoError(t, err, out)
	for name, forged := range map[string]string{
		"another record": strings.Replace(genuine, base64.StdEncoding.EncodeToString(p.Entry), base64.StdEncoding.EncodeToString(f.entries()[45]), 1),
		"another leaf":   strings.Replace(genuine, "index 43", "index 42", 1),
		"another size":   strings.Replace(genuine, "\n77\n", "\n78\n", 1),
		"another hash":   strings.Replace(genuine, p.Hashes[0].String(), p.Hashes[1].String(), 1),
	} {
		out, err := run(write(forged), f.key.Public())
		require.Error(t, err, name)
		require.Contains(t, out, "not proved", name)
	}
	out, err = run(write(genuine), mustCreate(t).Public())
	require.Error(t, err)
	require.Contains(t, out, "not proved: the key has not signed the checkpoint")
}
