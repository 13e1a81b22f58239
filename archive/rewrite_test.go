package archive_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"iter"
	"strings"

	"github.com/opendeed/audit/archive"
)

// rewrite replaces the manifest of an archive, and computes its hash.
func rewrite(content []byte, m *archive.Manifest, change func(string) string) []byte {
	data := int64(0)
	for _, p := range m.Parts {
		data = p.Offset + p.Size
	}
	le := binary.LittleEndian
	var manifest string
	if n := len(content); int64(n) > data+56 && bytes.HasSuffix(content, []byte("ODEDARCH")) {
		manifest = string(content[data+8 : n-48])
	}
	manifest = change(manifest)
	sum := sha256.Sum256([]byte(manifest))
	b := bytes.Clone(content[:data])
	b = le.AppendUint32(b, 0x184D2A5D)
	b = le.AppendUint32(b, uint32(len(manifest)+48))
	b = append(b, manifest...)
	b = append(b, sum[:]...)
	b = le.AppendUint32(b, uint32(len(manifest)))
	b = le.AppendUint32(b, 1)
	return append(b, "ODEDARCH"...)
}

// rewriteVersion increments the version of the format.
func rewriteVersion(content []byte) []byte {
	b := bytes.Clone(content)
	b[len(b)-12]++
	return b
}

// memory is a Store with one object.
type memory struct {
	name    string
	content []byte
	reads   int
}

var errReadOnly = errors.New("read only")

func (m *memory) Put(context.Context, string, io.ReadSeeker, int64) error { return errReadOnly }

func (m *memory) Delete(context.Context, string) error { return errReadOnly }

func (m *memory) ReadAt(ctx context.Context, name string, p []byte, offset int64) (int, error) {
	m.reads++
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if name != m.name {
		return 0, fs.ErrNotExist
	}
	return bytes.NewReader(m.content).ReadAt(p, offset)
}

func (m *memory) List(_ context.Context, prefix string) iter.Seq2[archive.Object, error] {
	return func(yield func(archive.Object, error) bool) {
		if strings.HasPrefix(m.name, prefix) {
			yield(archive.Object{Name: m.name, Size: int64(len(m.content))}, nil)
		}
	}
}
