package archive_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/opendeed/audit/archive"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	entries := newEntries(t, 7, 3000)
	entries[5].Data = []byte("not a record")
	entries[6].Data = append([]byte(" "), entries[6].Data...) // a record, but not canonical
	entries[2000].Data = []byte("\xff\x00\n")
	meta := metaOf(entries)
	a, err := archive.Create(t.Context(), newDir(t), meta, sequence(entries))
	require.NoError(t, err)
	assert.Equal(t, entries, readAll(t, a))
	m := a.Manifest()
	assert.Equal(t, meta, m.Meta)
	assert.EqualValues(t, 3000, m.Entries)
	assert.EqualValues(t, 2998, m.Records)
	assert.Equal(t, newRecord(7).Time, m.Oldest)
	assert.Equal(t, newRecord(3006).Time, m.Newest)
	assert.Greater(t, len(m.Parts), 2)
	require.NoError(t, a.Verify(t.Context()))
}

// TestZstd: what a zstd tool prints are the lines, and their hash is that of the manifest.
func TestZstd(t *testing.T) {
	t.Parallel()
	content, m := write(t, metaOf(newEntries(t, 1, 2000)), newEntries(t, 1, 2000))
	d, err := zstd.NewReader(bytes.NewReader(content))
	require.NoError(t, err)
	defer d.Close()
	lines, err := io.ReadAll(d)
	require.NoError(t, err)
	assert.Len(t, strings.Split(strings.TrimSuffix(string(lines), "\n"), "\n"), 2000)
	assert.Equal(t, archive.Hash(sha256.Sum256(lines)), m.ContentHash)
	assert.True(t, strings.HasPrefix(string(lines), `{"record":{"action":"article.update",`))
	assert.True(t, strings.HasSuffix(string(lines), `"},"seq":2000}`+"\n"))
	for line := range strings.Lines(string(lines)) {
		require.True(t, json.Valid([]byte(line)))
	}
	assert.Less(t, len(content), len(lines)/5)
}

func TestDeterministic(t *testing.T) {
	t.Parallel()
	entries := newEntries(t, 1, 1500)
	first, m1 := write(t, metaOf(entries), entries)
	second, m2 := write(t, metaOf(entries), entries)
	assert.Equal(t, first, second)
	assert.Equal(t, m1, m2)
	other, m3 := write(t, metaOf(entries), entries[:1499])
	assert.NotEqual(t, first, other)
	assert.NotEqual(t, m1.Name, m3.Name)
	assert.True(t, archive.ValidName(m1.Name), m1.Name)
	assert.Regexp(t, `^shop/articles/000000000001-000000001500-[0-9a-f]{24}\.jsonl\.zst$`, m1.Name)
}

func TestEmpty(t *testing.T) {
	t.Parallel()
	a, err := archive.Create(t.Context(), newDir(t), archive.Meta{Log: "shop"}, sequence(nil))
	require.NoError(t, err)
	require.NoError(t, a.Verify(t.Context()))
	assert.Empty(t, readAll(t, a))
	assert.Regexp(t, `^shop/_/`, a.Manifest().Name)
}

func TestLargeEntries(t *testing.T) {
	t.Parallel()
	large := bytes.Repeat([]byte("\xff\x01\x02\x03"), 4<<20)
	entries := []archive.Entry{{Seq: 1, Data: large}, {Seq: 3, Data: large}}
	a, err := archive.Create(t.Context(), newDir(t), metaOf(entries), sequence(entries))
	require.NoError(t, err)
	assert.Equal(t, entries, readAll(t, a))
	w, err := archive.NewWriter(io.Discard, metaOf(entries))
	require.NoError(t, err)
	require.ErrorIs(t, w.Append(1, append(large, 0)), archive.ErrTooLarge)
	require.NoError(t, w.Append(1, large[:5]), "the entry before was rejected, not the archive")
}

func TestWriterErrors(t *testing.T) {
	t.Parallel()
	for name, meta := range map[string]archive.Meta{
		"no log":   {},
		"log":      {Log: "a/b"},
		"class":    {Log: "shop", Class: "A"},
		"policy":   {Log: "shop", Policy: "\n"},
		"no first": {Log: "shop", Last: 1},
		"range":    {Log: "shop", First: 2, Last: 1},
	} {
		_, err := archive.NewWriter(io.Discard, meta)
		require.Error(t, err, name)
	}
	w, err := archive.NewWriter(io.Discard, archive.Meta{Log: "shop", First: 5, Last: 9})
	require.NoError(t, err)
	data := encode(t, newRecord(1))
	require.Error(t, w.Append(4, data))
	require.Error(t, w.Append(10, data))
	require.Error(t, w.Append(5, nil))
	require.NoError(t, w.Append(6, data))
	require.Error(t, w.Append(6, data))
	_, err = w.Close()
	require.NoError(t, err)
	require.Error(t, w.Append(7, data))
	_, err = w.Close()
	require.Error(t, err)
}

func TestWriterFails(t *testing.T) {
	t.Parallel()
	entries := newEntries(t, 1, 2000)
	w, err := archive.NewWriter(&failingWriter{}, metaOf(entries))
	require.NoError(t, err)
	for _, e := range entries {
		err = errors.Join(err, w.Append(e.Seq, e.Data))
	}
	require.ErrorIs(t, err, errFull)
	_, err = w.Close()
	require.ErrorIs(t, err, errFull)
}

var errFull = errors.New("full")

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errFull }

// TestCreateAgain repeats a Create, as after a crash.
func TestCreateAgain(t *testing.T) {
	t.Parallel()
	store, entries := newDir(t), newEntries(t, 1, 1000)
	first, err := archive.Create(t.Context(), store, metaOf(entries), sequence(entries))
	require.NoError(t, err)
	second, err := archive.Create(t.Context(), store, metaOf(entries), sequence(entries))
	require.NoError(t, err)
	assert.Equal(t, first.Manifest(), second.Manifest())

	content, m := write(t, metaOf(entries), entries)
	content[100]++
	require.NoError(t, store.Delete(t.Context(), m.Name))
	_, err = put(t, store, m.Name, content)
	require.NoError(t, err)
	_, err = archive.Create(t.Context(), store, metaOf(entries), sequence(entries))
	_, ok := errors.AsType[*archive.CorruptError](err)
	assert.True(t, ok, "%v", err)
}

// TestCreateOverOther: an archive with the name, but with another manifest, is not accepted.
func TestCreateOverOther(t *testing.T) {
	t.Parallel()
	store, entries := newDir(t), newEntries(t, 1, 10)
	_, m := write(t, metaOf(entries), entries)
	meta := metaOf(entries)
	meta.Class = "other"
	content, _ := write(t, meta, entries)
	_, err := put(t, store, m.Name, content)
	require.NoError(t, err)
	_, err = archive.Create(t.Context(), store, metaOf(entries), sequence(entries))
	require.ErrorContains(t, err, "it holds other entries")
}

func TestCreateErrors(t *testing.T) {
	t.Parallel()
	store := newDir(t)
	_, err := archive.Create(t.Context(), store, archive.Meta{Log: "shop"}, func(yield func(archive.Entry, error) bool) {
		yield(archive.Entry{}, errFull)
	})
	require.ErrorIs(t, err, errFull)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	entries := newEntries(t, 1, 10)
	_, err = archive.Create(ctx, store, metaOf(entries), sequence(entries))
	require.ErrorIs(t, err, context.Canceled)
	for _, err := range store.List(t.Context(), "") {
		t.Error("something was stored", err)
	}
	_, err = archive.Open(t.Context(), store, "absent")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = archive.Open(t.Context(), store, "../absent")
	require.ErrorIs(t, err, fs.ErrInvalid)
}

// TestEveryByte flips each byte of an archive, and cuts it at each byte. No error may be
// missed.
func TestEveryByte(t *testing.T) {
	t.Parallel()
	entries := newEntries(t, 1, 20)
	content, m := write(t, metaOf(entries), entries)
	store := &memory{}
	check := func(changed []byte) error {
		store.name, store.content = m.Name, changed
		a, err := archive.Open(t.Context(), store, m.Name)
		if err == nil {
			err = a.Verify(t.Context())
		}
		return err
	}
	require.NoError(t, check(content))
	for i := range content {
		changed := bytes.Clone(content)
		for _, flip := range []byte{1, 0x80, 0xff} {
			changed[i] = content[i] ^ flip
			assertCorrupt(t, check(changed), i)
		}
		assertCorrupt(t, check(content[:i]), i)
	}
	assertCorrupt(t, check(append(bytes.Clone(content), 0)), len(content))
}

func assertCorrupt(t *testing.T, err error, at int) {
	t.Helper()
	_, ok := errors.AsType[*archive.CorruptError](err)
	require.True(t, ok, "byte %d: %v", at, err)
}

// TestDamagedPart reads around a damaged part.
func TestDamagedPart(t *testing.T) {
	t.Parallel()
	entries := newEntries(t, 1, 3000)
	content, m := write(t, metaOf(entries), entries)
	require.Greater(t, len(m.Parts), 2)
	content[m.Parts[1].Offset+100] ^= 1
	a, err := put(t, newDir(t), m.Name, content)
	require.NoError(t, err)
	require.Error(t, a.Verify(t.Context()))
	read, damage := int64(0), 0
	for _, err := range a.Entries(t.Context()) {
		if err == nil {
			read++
			continue
		}
		damage++
		corrupt, ok := errors.AsType[*archive.CorruptError](err)
		require.True(t, ok)
		assert.Equal(t, m.Parts[1].First, corrupt.First)
		assert.Equal(t, m.Parts[1].Last, corrupt.Last)
		assert.Equal(t, 1, corrupt.Part)
	}
	assert.Equal(t, 1, damage)
	assert.Equal(t, m.Entries-m.Parts[1].Entries, read)
}

// TestHostileManifest changes the manifest, with a right hash.
func TestHostileManifest(t *testing.T) {
	t.Parallel()
	entries := newEntries(t, 1, 20)
	content, m := write(t, metaOf(entries), entries)
	for name, change := range map[string]func(string) string{
		"proofs":            func(s string) string { return strings.Replace(s, `"records":20}`, `"proofs":[],"records":20}`, 1) },
		"unknown member":    func(s string) string { return strings.Replace(s, `{"class"`, `{"a":1,"class"`, 1) },
		"trailing text":     func(s string) string { return s + " " },
		"unknown of a part": func(s string) string { return strings.Replace(s, `"parts":[{`, `"parts":[{"a":1,`, 1) },
		"parts twice":       func(s string) string { return strings.Replace(s, `"parts":[`, `"parts":[],"parts":[`, 1) },
		"cut":               func(s string) string { return s[:len(s)-1] },
		"null part": func(s string) string {
			return strings.Replace(s, `"parts":[`, `"parts":[null`+strings.Repeat(" ", 100)+`,`, 1)
		},
		"null":          func(string) string { return "null" },
		"empty":         func(string) string { return "" },
		"no parts":      func(string) string { return `{"log":"shop","parts":null}` },
		"short parts":   func(string) string { return `{"log":"shop","parts":[` + strings.Repeat(`{},`, 1_000_000) + `{}]}` },
		"log":           func(s string) string { return strings.Replace(s, `"log":"shop"`, `"log":"../x"`, 1) },
		"count":         func(s string) string { return strings.Replace(s, `"entries":20`, `"entries":21`, 1) },
		"huge content":  func(s string) string { return strings.ReplaceAll(s, `"content":`, `"content":9`) },
		"negative size": func(s string) string { return strings.Replace(s, `"parts":[{"bytes":`, `"parts":[{"bytes":-`, 1) },
		"hash":          func(s string) string { return strings.Replace(s, `"sha256":"`, `"sha256":"A`, 1) },
		"order":         func(s string) string { return strings.Replace(s, `"first":1`, `"first":9`, 1) },
		"times":         func(s string) string { return strings.ReplaceAll(s, `"oldest":"2026`, `"oldest":"2027`) },
	} {
		changed := rewrite(content, m, change)
		_, err := put(t, newDir(t), "a", changed)
		_, ok := errors.AsType[*archive.CorruptError](err)
		assert.True(t, ok, "%s: %v", name, err)
	}
	_, err := put(t, newDir(t), "a", rewriteVersion(content))
	require.ErrorContains(t, err, "it has format 2")
}

// TestBomb: a frame that unpacks to far more than the manifest says is not unpacked.
func TestBomb(t *testing.T) {
	t.Parallel()
	entries := newEntries(t, 1, 20)
	_, m := write(t, metaOf(entries), entries)
	encoder, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	frame := encoder.EncodeAll(make([]byte, 200<<20), nil)
	changed := rewrite(append(frame, make([]byte, m.Size)...), &archive.Manifest{Parts: []archive.Part{{Size: int64(len(frame))}}}, func(string) string {
		hash := archive.Hash(sha256.Sum256(frame))
		part, err := json.Marshal(map[string]any{
			"bytes": len(frame), "content": 1000, "entries": 1, "first": 1, "last": 1, "records": 0, "sha256": hash.String(),
		})
		require.NoError(t, err)
		return `{"content":{"bytes":1000,"sha256":"` + hash.String() + `"},"entries":1,"first":1,"last":1,"log":"shop","parts":[` + string(part) + `],"records":0}`
	})
	a, err := put(t, newDir(t), "a", changed)
	require.NoError(t, err)
	before := time.Now()
	err = a.Verify(t.Context())
	require.ErrorContains(t, err, "it cannot be unpacked")
	assert.Less(t, time.Since(before), 5*time.Second)
}
