package ledger_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/opendeed/audit/sdk/ledger"
)

// The golden files show that later versions read what earlier versions wrote.
var update = flag.Bool("update", false, "create the golden files again")

// golden maps the name of each archive to the function that creates it and the entries
// that a reader yields. What format 1 wrote cannot be created any more.
var golden = map[string]struct {
	make    func(t *testing.T, dir string)
	entries []string
}{
	"format-1-closed": {nil, closedEntries},
	"format-1-torn":   {nil, tornEntries},
	"format-1-voided": {nil, voidedEntries},
	"format-1-marked": {nil, markedEntries},
	"closed":          {makeClosed, closedEntries},
	"torn":            {makeTorn, tornEntries},
	"voided":          {makeVoided, voidedEntries},
	"marked":          {makeMarked, markedEntries},
	"mixed":           {makeMixed, mixedEntries},
}

var (
	closedEntries = []string{"first", "", "third \x00\xff", "fourth"}
	tornEntries   = []string{"first", "second"}
	voidedEntries = []string{"first", "second", "instead"}
	markedEntries = []string{"first", "second", strings.Repeat("\x00", 2000)}
	mixedEntries  = []string{"first", "", strings.Repeat("second", 1000), "third", "fourth"}
)

func openSmall(t *testing.T, dir string, opts ...ledger.Option) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(dir, append(opts, ledger.WithSegmentSize(ledger.MinSegmentSize))...)
	require.NoError(t, err)
	return l
}

func appendTexts(t *testing.T, l *ledger.Ledger, texts ...string) {
	t.Helper()
	entries := make([][]byte, len(texts))
	for i, text := range texts {
		entries[i] = []byte(text)
	}
	_, err := l.Append(t.Context(), entries...)
	require.NoError(t, err)
}

func makeClosed(t *testing.T, dir string) {
	t.Helper()
	l := openSmall(t, dir)
	appendTexts(t, l, "first", "", "third \x00\xff")
	appendTexts(t, l, "fourth")
	c, err := l.Cursor("sink")
	require.NoError(t, err)
	require.NoError(t, c.Commit(1, 3))
	require.NoError(t, l.Close())
}

// makeTorn creates a ledger whose last frame was being written when the machine
// stopped.
func makeTorn(t *testing.T, dir string) {
	t.Helper()
	origin := filepath.Join(t.TempDir(), "origin")
	l := openSmall(t, origin)
	appendTexts(t, l, "first")
	appendTexts(t, l, "second")
	appendTexts(t, l, strings.Repeat("never acknowledged ", 100))
	require.NoError(t, os.CopyFS(dir, os.DirFS(origin))) // not closed, as after a crash
	require.NoError(t, l.Close())
	segment := filepath.Join(dir, "000000000001.segment")
	content, err := os.ReadFile(segment)
	require.NoError(t, err)
	at := bytes.LastIndex(content, []byte("never"))
	clear(content[at-500:])
	require.NoError(t, os.WriteFile(segment, content, 0o600))
}

// makeVoided continues a torn ledger in a new segment.
func makeVoided(t *testing.T, dir string) {
	t.Helper()
	makeTorn(t, dir)
	require.NoError(t, os.Chmod(dir, 0o700))
	l := openSmall(t, dir)
	require.NotNil(t, l.Recovery().Torn)
	appendTexts(t, l, "instead")
	require.NoError(t, l.Close())
}

func makeMarked(t *testing.T, dir string) {
	t.Helper()
	l := openSmall(t, dir, ledger.WithSyncInterval(time.Hour))
	appendTexts(t, l, "first")
	require.NoError(t, l.Sync())
	appendTexts(t, l, "second")
	appendTexts(t, l, strings.Repeat("\x00", 2000))
	require.NoError(t, l.Close())
}

// makeMixed appends dense frames, and aligned ones after them.
func makeMixed(t *testing.T, dir string) {
	t.Helper()
	l := openSmall(t, dir, ledger.WithDenseFrames())
	appendTexts(t, l, "first", "")
	appendTexts(t, l, strings.Repeat("second", 1000))
	require.NoError(t, l.Close())
	l = openSmall(t, dir)
	appendTexts(t, l, "third")
	appendTexts(t, l, "fourth")
	require.NoError(t, l.Close())
}

func TestGoldenFiles(t *testing.T) {
	t.Parallel()
	for name, g := range golden {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			archive := filepath.Join("testdata", name+".tar.gz")
			if *update && g.make != nil {
				dir := filepath.Join(t.TempDir(), "made")
				g.make(t, dir)
				pack(t, archive, dir)
			}
			dir := filepath.Join(t.TempDir(), "ledger")
			unpack(t, archive, dir)
			decoded, err := decode(os.DirFS(dir).(readFileFS)) //nolint:forcetypeassert // os.DirFS implements it
			require.NoError(t, err)
			assert.Equal(t, g.entries, decoded, "read by the specification alone")

			r, err := ledger.OpenReader(dir)
			require.NoError(t, err)
			var read []string
			for e, err := range r.Entries(t.Context(), 0) {
				require.NoError(t, err)
				read = append(read, string(e.Data))
			}
			require.NoError(t, r.Close())
			assert.Equal(t, g.entries, read, "read by the package")

			l := openSmall(t, dir)
			appendTexts(t, l, "more")
			if strings.HasSuffix(name, "closed") {
				c, err := l.Cursor("sink")
				require.NoError(t, err)
				entries, err := c.Next(t.Context(), 10, 1000)
				require.NoError(t, err)
				require.NotEmpty(t, entries)
				assert.EqualValues(t, 2, entries[0].Seq)
				assert.EqualValues(t, 4, entries[1].Seq, "3 was committed ahead")
			}
			require.NoError(t, l.Close())
			decoded, err = decode(os.DirFS(dir).(readFileFS)) //nolint:forcetypeassert // os.DirFS implements it
			require.NoError(t, err)
			assert.Equal(t, append(slices.Clone(g.entries), "more"), decoded, "after appending")
		})
	}
}

// readFileFS is the directory that decode reads.
type readFileFS interface {
	ReadFile(name string) ([]byte, error)
}

// decode reads the entries of an undamaged ledger as docs/ledger-format.md specifies.
// It shares no code with the package.
func decode(dir readFileFS) ([]string, error) {
	le := binary.LittleEndian
	state, err := decodeSlots(dir, "state")
	if err != nil {
		return nil, err
	}
	id, oldest, newest := state[8:24], le.Uint64(state[24:]), le.Uint64(state[40:])
	end := uint64(0) // of the newest segment; 0: read until the frames end
	if le.Uint64(state[48:]) == 1 {
		end = le.Uint64(state[56:])
	}
	var all []string
	for number := newest; number >= oldest && number > 0; {
		b, err := dir.ReadFile(fmt.Sprintf("%012d.segment", number))
		if err != nil {
			return nil, err
		}
		if string(b[:8]) != "ODLEDGR1" || le.Uint32(b[508:]) != crc(0, b[:508]) ||
			!bytes.Equal(b[16:32], id) || le.Uint64(b[32:]) != number || le.Uint64(b[48:]) != uint64(len(b)) {
			return nil, errors.New("bad segment header")
		}
		entries, err := decodeFrames(b, id, number, le.Uint64(b[40:]), end)
		if err != nil {
			return nil, err
		}
		all = append(entries, all...)
		number, end = le.Uint64(b[56:]), le.Uint64(b[64:])
	}
	return all, nil
}

func crc(before uint32, b []byte) uint32 {
	return crc32.Update(before, crc32.MakeTable(crc32.Castagnoli), b)
}

func decodeSlots(dir readFileFS, name string) ([]byte, error) {
	le := binary.LittleEndian
	b, err := dir.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var value []byte
	newest := uint64(0)
	for _, slot := range [][]byte{b[:4096], b[4096:8192]} {
		n := le.Uint64(slot[16:])
		if string(slot[:8]) == "ODEDSLOT" && n <= 256 && le.Uint32(slot[24+n:]) == crc(0, slot[:24+n]) && le.Uint64(slot[8:]) > newest {
			newest, value = le.Uint64(slot[8:]), slot[24:24+n]
		}
	}
	if value == nil {
		return nil, errors.New("no valid slot")
	}
	return value, nil
}

func decodeFrames(b, id []byte, number, first, end uint64) (entries []string, err error) {
	le := binary.LittleEndian
	for at := uint64(512); (end == 0 || at < end) && at+48 <= uint64(len(b)) && string(b[at:at+4]) == "DEDF"; {
		f := b[at:]
		salt := crc(0, le.AppendUint64(le.AppendUint64(bytes.Clone(id), number), at))
		n := uint64(le.Uint32(f[16:]))
		sum := 48 + (n+7)/8*8 + uint64(le.Uint32(f[40:]))
		if le.Uint32(f[44:]) != crc(salt, f[:44]) {
			return nil, fmt.Errorf("bad frame header at %d", at)
		}
		if le.Uint32(f[sum:]) != crc(salt, f[:sum]) || string(f[sum+4:sum+8]) != "DEDE" {
			if end == 0 { // torn, since these tests damage nothing
				return entries, nil
			}
			return nil, fmt.Errorf("bad frame at %d", at)
		}
		if le.Uint64(f[8:]) != first+uint64(len(entries)) {
			return nil, fmt.Errorf("gap at %d", at)
		}
		for body := f[48 : 48+n]; len(body) > 0; {
			size := le.Uint32(body)
			entries = append(entries, string(body[4:4+size]))
			body = body[4+size:]
		}
		at += sum + 8
	}
	return entries, nil
}

// pack stores the files of dir in an archive.
func pack(t *testing.T, archive, dir string) {
	t.Helper()
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	out := tar.NewWriter(zip)
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join(dir, f.Name()))
		require.NoError(t, err)
		require.NoError(t, out.WriteHeader(&tar.Header{Name: f.Name(), Mode: 0o600, Size: int64(len(content))}))
		_, err = out.Write(content)
		require.NoError(t, err)
	}
	require.NoError(t, errors.Join(out.Close(), zip.Close()))
	require.NoError(t, os.WriteFile(archive, packed.Bytes(), 0o600))
}

func unpack(t *testing.T, archive, dir string) {
	t.Helper()
	f, err := os.Open(archive)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	zip, err := gzip.NewReader(f)
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(dir, 0o700))
	for in := tar.NewReader(zip); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		content, err := io.ReadAll(in)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, filepath.Base(h.Name)), content, 0o600))
	}
}
