package index

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// build returns builders of the entries of a ledger: one of all, and some that cover it one
// after the other.
func build(t testing.TB, r *ledger.Reader, pieces int) (all *Builder, parts []*Builder, seg ledger.Segment) {
	t.Helper()
	segments, _, err := r.Segments()
	require.NoError(t, err)
	seg = segments[0]
	all = NewBuilder(seg.Ledger, seg.First, NewRecent(seg.Ledger), true)
	recent := NewRecent(seg.Ledger)
	next := seg.First
	for f, err := range r.Frames(t.Context(), 1, seg.Next-1) {
		require.NoError(t, err)
		all.AddFrame(f)
		if len(parts) == 0 || len(parts) < pieces && parts[len(parts)-1].Len() >= int(seg.Next)/pieces {
			parts = append(parts, NewBuilder(seg.Ledger, next, recent, true))
		}
		parts[len(parts)-1].AddFrame(f)
		next = parts[len(parts)-1].Next()
	}
	return all, parts, seg
}

func open(t testing.TB, image []byte, seg ledger.Segment) (*File, *bytes.Reader) {
	t.Helper()
	r := bytes.NewReader(image)
	f, err := Open(r, seg.Ledger, seg.Number, NewCache(1<<20))
	require.NoError(t, err)
	return f, r
}

// TestFile looks up everything that was added, in an index of all entries, and in one that was
// merged from several.
func TestFile(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 127, 128, 3000} {
		rng := rand.New(rand.NewPCG(5, uint64(n)))
		r := randomLedger(t, rng, n)
		all, parts, seg := build(t, r, 4)
		var inputs []Input
		for _, part := range parts {
			f, data := open(t, part.Image(seg.Ledger, seg.Number, 0), seg)
			inputs = append(inputs, Input{f, data})
		}
		merged, err := Merge(inputs, 7)
		require.NoError(t, err)
		for _, image := range [][]byte{all.Image(seg.Ledger, seg.Number, 7), merged} {
			f, data := open(t, image, seg)
			assert.EqualValues(t, 7, f.Seal)
			assert.Equal(t, seg.First, f.First)
			assert.Equal(t, seg.Next, f.Next)
			checkFile(t, f, data, r)
		}
	}
}

// TestOpenLeavesNothing opens an index that is then not used, as a reader does each time when it looks
// for a better one: the cache stays as it was.
func TestOpenLeavesNothing(t *testing.T) {
	t.Parallel()
	all, _, seg := build(t, randomLedger(t, rand.New(rand.NewPCG(5, 6)), 128), 1)
	r := bytes.NewReader(all.Image(seg.Ledger, seg.Number, 0))
	cache := NewCache(1 << 20)
	f, err := Open(r, seg.Ledger, seg.Number, cache)
	require.NoError(t, err)
	pages := func() int { return len(cache.pages) }
	assert.Zero(t, pages())
	_, err = f.Blocks(r)
	require.NoError(t, err)
	assert.Positive(t, pages())
	f.Forget()
	assert.Zero(t, pages())
}

// checkFile compares an index with the entries.
func checkFile(t *testing.T, f *File, data *bytes.Reader, r *ledger.Reader) {
	t.Helper()
	want := map[Key][]int{}
	facets := map[string]uint64{}
	var invalid []int
	for frame, err := range r.Frames(t.Context(), 1, f.Next-1) {
		require.NoError(t, err)
		for e := range frame.All() {
			place := int(e.Seq - f.First)
			number, err := f.BlockOf(data, place)
			require.NoError(t, err)
			b, err := f.Block(data, number)
			require.NoError(t, err)
			found, ok := b.Frame(place)
			require.True(t, ok)
			assert.Equal(t, frame.Offset, found.Offset)
			assert.Equal(t, frame.Size, found.Size)
			from, to, ok := b.Times(place)
			if string(e.Data) == "no record" {
				assert.False(t, ok)
				invalid = append(invalid, place)
				continue
			}
			r, keys := termsOf(t, NewHasher(f.Ledger), e.Data, facets)
			at := Nanoseconds(r.Time)
			assert.True(t, ok && from <= at && at <= to && b.Oldest <= at && at <= b.Newest)
			for _, key := range keys {
				if list := want[key]; len(list) == 0 || list[len(list)-1] != place {
					want[key] = append(want[key], place)
				}
			}
		}
	}
	for key, places := range want {
		found, err := f.Places(data, key)
		require.NoError(t, err)
		var got []int
		found.Range(0, f.Len(), func(place int) { got = append(got, place) })
		require.Equal(t, places, got)
		require.Equal(t, len(places), found.Len())
	}
	for range 100 {
		key := Key(rand.Uint32() >> (32 - keyBits))
		found, err := f.Places(data, key)
		require.NoError(t, err)
		require.Equal(t, len(want[key]), found.Len())
	}
	got, err := f.Invalid(data)
	require.NoError(t, err)
	assert.True(t, slices.Equal(invalid, got))
	kept, err := f.Facets(data)
	require.NoError(t, err)
	counted := map[string]uint64{}
	for _, facet := range kept {
		assert.True(t, facet.Complete)
		for _, v := range facet.Values {
			counted[string(rune(facet.Field))+v.Text] = v.Count
		}
	}
	assert.Equal(t, facets, counted)
}

// TestFacetWithoutRoom: a merged index knows that a field has values of which none was kept.
func TestFacetWithoutRoom(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(51, 52))
	long := textRecord(rng, "")
	long.Tenant = strings.Repeat("x", maxFacetBytes)
	data, err := long.AppendJSON(nil)
	require.NoError(t, err)
	for _, in := range textLedger(t, rng, slices.Repeat([][]byte{data}, 300)) {
		facets, err := in.Facets(in.R)
		require.NoError(t, err)
		column := in.Column(in.R, facets, Tenant, AllPlaces(in.Len()))
		assert.False(t, column.Facet().Complete)
		e, err := column.HasOne(long.Tenant)
		require.NoError(t, err)
		assert.Equal(t, in.Len(), e.Maybe.Len())
	}
}

// TestRepeatAfterLoad: the IDs of entries that are no canonical JSON are known to who continues
// with a ledger.
func TestRepeatAfterLoad(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(53, 54))
	data := randomRecord(t, rng)
	odd := bytes.Replace(data, []byte(`,"id"`), []byte(`, "id"`), 1)
	require.NotEqual(t, data, odd)
	dir := filepath.Join(t.TempDir(), "ledger")
	l, err := ledger.Open(dir)
	require.NoError(t, err)
	for _, entry := range [][]byte{odd, randomRecord(t, rng), data} {
		_, err = l.Append(t.Context(), entry)
		require.NoError(t, err)
	}
	require.NoError(t, l.Close())
	r, err := ledger.OpenReader(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	id := [16]byte{1}
	recent := NewRecent(id)
	recent.Load(1, 3, r.Frames(t.Context(), 1, 2))
	b := NewBuilder(id, 3, recent, false)
	for f, err := range r.Frames(t.Context(), 3, 3) {
		require.NoError(t, err)
		b.AddFrame(f)
	}
	assert.Equal(t, []Repeat{{Place: 0, Earlier: []uint64{1}}}, b.repeats)
}

// TestNanoseconds: a time counts as that of an index whatever its zone.
func TestNanoseconds(t *testing.T) {
	t.Parallel()
	end := time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC)
	for at, want := range map[time.Time]int64{
		time.Unix(12, 34):                        12e9 + 34,
		end:                                      math.MaxInt64,
		end.Add(-1).In(time.FixedZone("", 3600)): end.UnixNano() - 1,
		end.In(time.FixedZone("", -3600)):        math.MaxInt64,
		end.AddDate(5000, 0, 0):                  math.MaxInt64,
		{}:                                       math.MinInt64,
	} {
		assert.Equal(t, want, Nanoseconds(at), "%v", at)
	}
}

// TestEveryBit: no bit of an index can change without a page becoming bad, and what other pages
// say stays right.
func TestEveryBit(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 8))
	r := randomLedger(t, rng, 400)
	all, _, seg := build(t, r, 1)
	image := all.Image(seg.Ledger, seg.Number, 7)
	for at := range image {
		bit := byte(1) << rng.IntN(8)
		image[at] ^= bit
		data := bytes.NewReader(image)
		f, err := Open(data, seg.Ledger, seg.Number, nil)
		if at < pageSize {
			require.ErrorIs(t, err, ErrBad, "byte %d", at)
		} else {
			require.NoError(t, err)
			_, err := f.page(data, at/pageSize)
			require.ErrorIs(t, err, ErrBad, "byte %d", at)
		}
		image[at] ^= bit
	}
	_, err := Open(bytes.NewReader(image), seg.Ledger, seg.Number+1, nil)
	require.ErrorIs(t, err, ErrBad, "it is that of another segment")
	_, err = Open(bytes.NewReader(image), [16]byte{1}, seg.Number, nil)
	require.ErrorIs(t, err, ErrBad, "it is that of another ledger")
	_, err = Open(bytes.NewReader(image[:100]), seg.Ledger, seg.Number, nil)
	require.Error(t, err)
}

// TestReadBlock rejects blocks of entries that are in no frame, or in one that ends nowhere.
func TestReadBlock(t *testing.T) {
	t.Parallel()
	ref := &blockRef{n: 1}
	none := []byte{0, 0, 0, 0}
	_, err := readBlock(none, ref)
	require.ErrorIs(t, err, ErrBad)
	endless := []byte{0, 0, 0, 1}
	endless = binary.AppendUvarint(endless, 100)
	endless = binary.AppendUvarint(endless, math.MaxInt64)
	_, err = readBlock(binary.AppendVarint(endless, 0), ref)
	require.ErrorIs(t, err, ErrBad)
}

// FuzzFile reads pages whose checksums are valid and whose content is anything.
func FuzzFile(f *testing.F) {
	rng := rand.New(rand.NewPCG(9, 10))
	all, _, seg := build(f, randomLedger(f, rng, 300), 1)
	image := all.Image(seg.Ledger, seg.Number, 7)
	var sections []byte
	for at := 0; at < len(image); at += pageSize {
		sections = append(sections, image[at:at+pageData]...)
	}
	f.Add(sections, uint32(1))
	f.Add(sections[:pageData], uint32(0))
	key := NewHasher(seg.Ledger).Term(TargetType, []byte("thing"))
	words := WordsOf(&query.Filter{Text: "update thing"})
	f.Fuzz(func(t *testing.T, sections []byte, other uint32) {
		image := appendPages(nil, sections, headSalt(seg.Ledger, seg.Number))
		data := bytes.NewReader(image)
		file, err := Open(data, seg.Ledger, seg.Number, nil)
		if err != nil {
			return
		}
		for _, key := range []Key{key, Key(other)} {
			if places, err := file.Places(data, key); err == nil {
				places.Range(0, file.Len(), func(place int) {
					if place >= file.Len() {
						t.Errorf("place %d of %d", place, file.Len())
					}
				})
			}
		}
		_, _ = file.Repeats(data)
		_, _ = file.Invalid(data)
		_, _ = file.Facets(data)
		blocks, _ := file.Blocks(data)
		for i := range min(blocks, 100) {
			if b, err := file.Block(data, i); err == nil {
				if b.End() < b.Frames[0].Offset {
					t.Errorf("block %d ends before it begins", i)
				}
				for place := b.First; place < b.First+b.N; place++ {
					_, _, _ = b.Times(place)
					_, _ = b.Frame(place)
				}
			}
		}
		_, _ = file.BlocksWith(data, words)
		_, _ = Merge([]Input{{file, data}}, 0)
	})
}
