package index

import (
	"bytes"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// letters make words that occur in several spellings.
var letters = []string{
	"a", "B", "c", "K", "\u212a", "s", "\u017f", "e\u0301", "é", "É", "ß", "Σ", "ς", "字", "`", "\u1fef", ";", "\u037e", `"`, `\`, "\n", "\u2028",
	"\U0001f600", "ab", "Cd", "10", ".", "@", "\x01", "\xe9",
}

func randomWord(rng *rand.Rand) string {
	var b strings.Builder
	for range 1 + rng.IntN(12) {
		b.WriteString(letters[rng.IntN(len(letters))])
	}
	return b.String()
}

// textRecord returns a record with a word in one of the places that are searched.
func textRecord(rng *rand.Rand, word string) *record.Record {
	r := &record.Record{Event: audit.Event{
		Time: epoch, Action: "a.b", Actor: audit.User("u"), Target: audit.Target{Type: "t", ID: "1"}, Outcome: audit.OutcomeSuccess,
	}, ObservedTime: epoch}
	r.ID[0] = 1
	name, prose := record.EscapeName(word), record.EscapeText("x "+word)
	boss := audit.Actor{Type: audit.ActorUser, ID: "boss", Name: name}
	nested := attribute.SliceValue(attribute.IntValue(1), attribute.MapValue(attribute.String("$k", prose)))
	switch rng.IntN(19) {
	case 0:
		r.Reason = prose
	case 1:
		r.Failure = prose
	case 2:
		r.Tenant = name
	case 3:
		r.Channel = name
	case 4:
		r.Bulk = audit.Bulk{Selector: prose, Affected: 1}
	case 5:
		r.Bulk = audit.Bulk{Selector: "x", Affected: 1, Sample: []string{"x", name}}
	case 6:
		r.Target.Type = name
	case 7:
		r.Target.ID = name
	case 8:
		r.Target.Name = name
	case 9:
		r.Covers = []audit.Target{{Type: "x", ID: name}}
	case 10:
		r.Covers = []audit.Target{{Type: name, ID: "1", Name: name}}
	case 11:
		r.Actor.ID = name
	case 12:
		r.Actor.Name = name
	case 13:
		r.Actor.OnBehalfOf = &audit.Actor{Type: audit.ActorUser, ID: "u", OnBehalfOf: &boss}
	case 14:
		r.Actor.OnBehalfOf = &audit.Actor{Type: audit.ActorUser, ID: name}
	case 15:
		r.Changes = []audit.Change{{Field: name, Old: attribute.IntValue(1)}}
	case 16:
		r.Changes = []audit.Change{{Field: "x", Old: attribute.StringSliceValue([]string{"", prose}), New: nested}}
	case 17:
		r.Metadata = []attribute.KeyValue{attribute.String("k", prose)}
	default:
		r.Metadata = []attribute.KeyValue{{Key: "k", Value: nested}}
	}
	return r
}

// textLedger stores entries in frames of some, and returns indexes of them: one of all, and one
// that was merged of pieces.
func textLedger(t *testing.T, rng *rand.Rand, entries [][]byte) (indexes []Input) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "ledger")
	l, err := ledger.Open(dir, ledger.WithSyncInterval(time.Hour))
	require.NoError(t, err)
	for rest := entries; len(rest) > 0; {
		n := min(len(rest), 1+rng.IntN(60))
		_, err = l.Append(t.Context(), rest[:n]...)
		require.NoError(t, err)
		rest = rest[n:]
	}
	require.NoError(t, l.Close())
	r, err := ledger.OpenReader(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	all, parts, seg := build(t, r, 5)
	f, data := open(t, all.Image(seg.Ledger, seg.Number, 7), seg)
	var inputs []Input
	for _, part := range parts {
		f, data := open(t, part.Image(seg.Ledger, seg.Number, 0), seg)
		inputs = append(inputs, Input{f, data})
	}
	image, err := Merge(inputs, 7)
	require.NoError(t, err)
	merged, mergedData := open(t, image, seg)
	return []Input{{f, data}, {merged, mergedData}}
}

// TestSignatures: an index has every block in which a record matches words, whatever their
// spelling and wherever they are, and rules out most of the others.
func TestSignatures(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(21, 22))
	var entries [][]byte
	var records []*record.Record
	var words []string
	for range 11 * BlockSize {
		word := ""
		if rng.IntN(8) == 0 {
			word = randomWord(rng)
			words = append(words, word)
		}
		r := textRecord(rng, word)
		data, err := r.AppendJSON(nil)
		require.NoError(t, err)
		if rng.IntN(10) == 0 { // not canonical
			data = bytes.Replace(data, []byte(`"a.b"`), []byte(`"\u0061.b"`), 1)
		}
		entries, records = append(entries, data), append(records, r)
	}
	for _, in := range textLedger(t, rng, entries) {
		blocks, err := in.Blocks(in.R)
		require.NoError(t, err)
		passed, ruledOut := 0, 0
		for range 80 {
			text := words[rng.IntN(len(words))]
			if rng.IntN(2) == 0 {
				text = strings.ToUpper(text)
			}
			f := query.Filter{Text: text}
			m, err := query.NewMatcher(f)
			if err != nil { // white space only
				continue
			}
			with, err := in.BlocksWith(in.R, WordsOf(&f))
			require.NoError(t, err)
			for block := range blocks {
				span := in.Span(block)
				has := slices.ContainsFunc(records[span.From:span.To], m.Matches)
				switch {
				case with == nil:
				case has:
					require.True(t, with.Any(block, block+1), "%q is in block %d", text, block)
				case with.Any(block, block+1):
					passed++
				default:
					ruledOut++
				}
			}
		}
		assert.Less(t, passed, ruledOut/2)
	}
}

// TestMergeSignatures merges tables of different sizes.
func TestMergeSignatures(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(23, 24))
	var all []*signature
	var tables []*signatures
	for _, n := range []int{3, 8, 13, 1} {
		var some []*signature
		for range n {
			s := new(signature)
			for range 50 * n {
				s[rng.IntN(len(s))] |= 1 << rng.IntN(64)
			}
			some = append(some, s)
		}
		all, tables = append(all, some...), append(tables, signaturesOf(some, int64(n)<<17))
	}
	require.NotEqual(t, tables[0].rowBits, tables[3].rowBits)
	merged := mergeSignatures(tables)
	want := newSignatures(merged.rowBits, len(all))
	for block, s := range all {
		for h := range uint32(1 << maxRowBits) {
			if s[h/64]>>(h%64)&1 != 0 {
				want.set(int(h>>(maxRowBits-merged.rowBits)), block)
			}
		}
	}
	assert.Equal(t, want, merged)
}

// TestTableSize: a table has more rows the more there is in the blocks, but takes a small part
// of the size of the entries.
func TestTableSize(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ hashes, size, rowBits int }{
		{0, 1 << 20, minRowBits},
		{1000, 1 << 20, 11},
		{1100, 1 << 20, 12},
		{8000, 1 << 20, 13}, // it would take a hundredth
		{8000, 1 << 10, minRowBits},
		{1 << maxRowBits, 1 << 30, maxRowBits},
	} {
		some := make([]*signature, 8)
		for i := range some {
			some[i] = new(signature)
			for h := range test.hashes {
				some[i][h/64] |= 1 << (h % 64)
			}
		}
		assert.Equal(t, test.rowBits, signaturesOf(some, int64(test.size)).rowBits, "%+v", test)
	}
}
