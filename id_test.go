package audit_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNewID(t *testing.T) {
	t.Parallel()
	before := time.Now()
	seen := map[audit.ID]bool{}
	for range 10_000 {
		id := audit.NewID()
		require.False(t, seen[id])
		seen[id] = true
		require.EqualValues(t, 7, id[6]>>4, "version")
		require.EqualValues(t, 2, id[8]>>6, "variant")
	}
	ms := func(id audit.ID) int64 {
		var v int64
		for _, b := range id[:6] {
			v = v<<8 | int64(b)
		}
		return v
	}
	id := audit.ID(uuid.At(before))
	assert.Equal(t, before.UnixMilli(), ms(id))
	assert.False(t, id.IsZero())
	assert.True(t, audit.ID{}.IsZero())
}

func TestIDsSortByTime(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
	var ids []audit.ID
	var texts []string
	for i := range 5_000 {
		id := audit.ID(uuid.At(start.Add(time.Duration(i) * time.Microsecond)))
		ids = append(ids, id)
		texts = append(texts, id.String())
	}
	assert.True(t, slices.IsSortedFunc(ids, func(a, b audit.ID) int { return bytes.Compare(a[:], b[:]) }))
	assert.True(t, slices.IsSorted(texts))
}

func TestIDText(t *testing.T) {
	t.Parallel()
	id := audit.NewID()
	parsed, err := parseID(id.String())
	require.NoError(t, err)
	assert.Equal(t, id, parsed)
	text, err := id.MarshalText()
	require.NoError(t, err)
	assert.Equal(t, id.String(), string(text))

	const good = "0199c1f2-aaaa-7bbb-8ccc-0123456789ab"
	parsed, err = parseID(good)
	require.NoError(t, err)
	assert.Equal(t, good, parsed.String())
	for _, bad := range []string{
		"", "0199c1f2aaaa7bbb8ccc0123456789ab", "0199C1F2-aaaa-7bbb-8ccc-0123456789ab", "{" + good + "}", good + "0",
		"0199c1f2-aaaa-7bbb-8ccc-0123456789ag", "0199c1f2_aaaa-7bbb-8ccc-0123456789ab", "0199c1f-2aaaa-7bbb-8ccc-0123456789ab",
	} {
		_, err := parseID(bad)
		assert.Error(t, err, bad)
	}
}

func FuzzID(f *testing.F) {
	f.Add("0199c1f2-aaaa-7bbb-8ccc-0123456789ab")
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := parseID(s); err == nil {
			require.Equal(t, s, id.String())
		}
	})
}

func parseID(s string) (id audit.ID, err error) {
	err = id.UnmarshalText([]byte(s))
	return id, err
}
