package archive_test

import (
	"errors"
	"testing"

	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/query"
	"github.com/stretchr/testify/require"
)

// FuzzArchive: whatever an object holds, the answer is the entries or an error that says what
// is wrong.
func FuzzArchive(f *testing.F) {
	entries := newEntries(f, 1, 20)
	content, m := write(f, metaOf(entries), entries)
	f.Add(content, []byte(nil))
	f.Add([]byte(nil), []byte(nil))
	f.Add(content, content[m.Parts[0].Size+8:len(content)-48])
	f.Fuzz(func(t *testing.T, content, manifest []byte) {
		if len(manifest) > 0 && int64(len(content)) > m.Parts[0].Size {
			content = rewrite(content, m, func(string) string { return string(manifest) })
		}
		store := &memory{name: "a.jsonl.zst", content: content}
		a, err := archive.Open(t.Context(), store, store.name)
		if err != nil {
			requireCorrupt(t, err)
			return
		}
		verified := a.Verify(t.Context())
		if verified != nil {
			requireCorrupt(t, verified)
		}
		read := int64(0)
		for _, err := range a.Entries(t.Context()) {
			if err == nil {
				read++
				continue
			}
			require.Error(t, verified, "%v", err)
			requireCorrupt(t, err)
		}
		records := int64(0)
		for _, err := range archive.NewReader(store).Find(t.Context(), query.Filter{}) {
			if err == nil {
				records++
			}
		}
		if verified == nil {
			require.Equal(t, a.Manifest().Entries, read)
			require.LessOrEqual(t, records, read)
		}
	})
}

func requireCorrupt(t *testing.T, err error) {
	t.Helper()
	_, ok := errors.AsType[*archive.CorruptError](err)
	require.True(t, ok, "%v", err)
}
