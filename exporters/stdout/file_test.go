package stdout

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/export/exporttest"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// skipIfHeld skips a test on systems where an open file cannot be renamed or removed.
func skipIfHeld(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be renamed")
	}
}

func one(n int) []*record.Record { return []*record.Record{newRecord(n)} }

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}

// Ways to move a file, from the rotation of logs.
var moves = map[string]func(t *testing.T, path string){
	"renamed":              func(t *testing.T, path string) { require.NoError(t, os.Rename(path, path+".1")) },
	"removed":              func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) },
	"renamed and replaced": func(t *testing.T, path string) { move(t, path, os.Rename(path, path+".1")) },
	"removed and replaced": func(t *testing.T, path string) { move(t, path, os.Remove(path)) },
	"replaced by a directory that is removed": func(t *testing.T, path string) {
		require.NoError(t, os.RemoveAll(filepath.Dir(path)))
		require.NoError(t, os.Mkdir(filepath.Dir(path), 0o700))
	},
}

func move(t *testing.T, path string, err error) {
	t.Helper()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, nil, 0o600))
}

// A file of WithWriter is not written any more when nobody would find it.
func TestMovedWriter(t *testing.T) {
	t.Parallel()
	skipIfHeld(t)
	for name, rotate := range moves {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "logs", "audit.jsonl")
			require.NoError(t, os.Mkdir(filepath.Dir(path), 0o700))
			f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
			require.NoError(t, err)
			defer f.Close()
			e := newExporter(t, WithWriter(f))
			require.NoError(t, e.Export(t.Context(), one(1)))
			rotate(t, path)
			err = e.Export(t.Context(), one(2))
			moved := &FileMovedError{}
			require.ErrorAs(t, err, &moved)
			assert.Equal(t, path, moved.Path)
			assert.False(t, export.IsPermanent(err))
			size, err := f.Seek(0, 1)
			require.NoError(t, err)
			assert.Len(t, line(t, newRecord(1)), int(size), "nothing was written")

			if _, err := os.Stat(path + ".1"); err == nil { // it was put back
				require.NoError(t, os.Rename(path+".1", path))
				require.NoError(t, e.Export(t.Context(), one(2)))
				assert.Equal(t, lines(t, newRecord(1), newRecord(2)), content(t, path))
			}
		})
	}
}

// A file that never had a name, or got another before, is only watched for its removal.
func TestWriterWithoutPath(t *testing.T) {
	t.Parallel()
	skipIfHeld(t)
	path := filepath.Join(t.TempDir(), "a")
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, os.Rename(path, path+".1"))
	e := newExporter(t, WithWriter(f))
	require.NoError(t, e.Export(t.Context(), one(1)))
	require.NoError(t, os.Remove(path+".1"))
	unnamed := newExporter(t, WithWriter(f))
	require.NoError(t, unnamed.Export(t.Context(), one(1)), "the caller removed it before")
	if runtime.GOOS != "windows" {
		require.ErrorAs(t, e.Export(t.Context(), one(2)), new(*FileMovedError))
	}
}

// A file of WithFile is opened again.
func TestWithFile(t *testing.T) {
	t.Parallel()
	skipIfHeld(t)
	for name, rotate := range moves {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "logs", "audit.jsonl")
			require.NoError(t, os.Mkdir(filepath.Dir(path), 0o700))
			e := newExporter(t, WithFile(path))
			require.NoError(t, e.Export(t.Context(), one(1)))
			rotate(t, path)
			require.NoError(t, e.Export(t.Context(), one(2)))
			assert.Equal(t, lines(t, newRecord(2)), content(t, path))
			if _, err := os.Stat(path + ".1"); err == nil {
				assert.Equal(t, lines(t, newRecord(1)), content(t, path+".1"))
			}
			require.NoError(t, e.Shutdown(t.Context()))
			assert.ErrorIs(t, e.file.f.Close(), os.ErrClosed)
		})
	}
}

// As long as the file cannot be opened again, nothing is written.
func TestFileWithoutDirectory(t *testing.T) {
	t.Parallel()
	skipIfHeld(t)
	dir := filepath.Join(t.TempDir(), "logs")
	require.NoError(t, os.Mkdir(dir, 0o700))
	path := filepath.Join(dir, "audit.jsonl")
	e := newExporter(t, WithFile(path))
	require.NoError(t, os.RemoveAll(dir))
	require.ErrorIs(t, e.Export(t.Context(), one(1)), os.ErrNotExist)
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.NoError(t, e.Export(t.Context(), one(1)))
	assert.Equal(t, lines(t, newRecord(1)), content(t, path))
	require.NoError(t, e.Shutdown(t.Context()))

	_, err := New(WithFile(filepath.Join(dir, "no", "such")))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = New(WithFile(path), WithWriter(os.Stderr))
	require.ErrorContains(t, err, "WithFile")
}

// writerFunc is a writer that the test controls.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// A file that is removed during the write has lost the line.
func TestRemovedDuringWrite(t *testing.T) {
	t.Parallel()
	skipIfHeld(t)
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	e := newExporter(t, WithFile(path))
	f := e.file.f
	e.writer = writerFunc(func(b []byte) (int, error) {
		require.NoError(t, os.Remove(path))
		return f.Write(b)
	})
	require.NoError(t, e.Export(t.Context(), one(1)))
	assert.Equal(t, lines(t, newRecord(1)), content(t, path), "it is written again")
	require.NoError(t, e.Shutdown(t.Context()))

	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	e = newExporter(t, WithWriter(f))
	e.writer = writerFunc(func(b []byte) (int, error) {
		require.NoError(t, os.Remove(path))
		return f.Write(b)
	})
	require.ErrorAs(t, e.Export(t.Context(), one(1)), new(*FileMovedError))
}

// A line that was begun before the rotation is completed in the old file, or written again
// if that is gone.
func TestTornLineBeforeRotation(t *testing.T) {
	t.Parallel()
	skipIfHeld(t)
	for _, removed := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "audit.jsonl")
		e := newExporter(t, WithFile(path))
		f := e.file.f
		e.writer = writerFunc(func(b []byte) (int, error) {
			n, _ := f.Write(b[:10])
			return n, os.ErrDeadlineExceeded
		})
		require.Error(t, e.Export(t.Context(), one(1)))
		if removed {
			require.NoError(t, os.Remove(path))
		} else {
			require.NoError(t, os.Rename(path, path+".1"))
		}
		require.NoError(t, e.Export(t.Context(), append(one(1), newRecord(2))))
		if removed {
			assert.Equal(t, lines(t, newRecord(1), newRecord(2)), content(t, path))
		} else {
			assert.Equal(t, lines(t, newRecord(1)), content(t, path+".1"))
			assert.Equal(t, lines(t, newRecord(2)), content(t, path))
		}
		require.NoError(t, e.Shutdown(t.Context()))
	}
}

func TestFileConformance(t *testing.T) {
	t.Parallel()
	var path string
	exporttest.Run(t, func(t *testing.T) export.Exporter {
		path = filepath.Join(t.TempDir(), "trail")
		return newExporter(t, WithFile(path))
	}, func(t *testing.T) []*record.Record { return parse(t, content(t, path)) })
}

// BenchmarkFile measures what watching a file costs.
func BenchmarkFile(b *testing.B) {
	for _, watched := range []bool{false, true} {
		name := "unwatched"
		if watched {
			name = "watched"
		}
		b.Run(name, func(b *testing.B) {
			e := newExporter(b, WithFile(filepath.Join(b.TempDir(), "audit.jsonl")))
			defer func(f *os.File) { _ = f.Close() }(e.file.f)
			if !watched {
				e.file = file{}
			}
			batch := one(1)
			b.ReportAllocs()
			for b.Loop() {
				if err := e.Export(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
