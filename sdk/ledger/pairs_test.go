package ledger

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// classifySign is the PairFunc of these tests. An entry that begins with "+7 " opens
// pair 7, and one that begins with "-7 " closes it. Other entries belong to no pair.
func classifySign(entry []byte) (key [16]byte, role PairRole) {
	var sign byte
	var n uint64
	if c, _ := fmt.Sscanf(string(entry), "%c%d ", &sign, &n); c < 2 {
		return key, PairNone
	}
	binary.LittleEndian.PutUint64(key[:], n)
	switch sign {
	case '+':
		return key, PairOpen
	case '-':
		return key, PairClose
	}
	return key, PairNone
}

// mustTrackPairs returns the pairs and the open entries.
func mustTrackPairs(t *testing.T, l *Ledger) (*Pairs, []string) {
	t.Helper()
	p, found, err := l.TrackPairs(classifySign)
	require.NoError(t, err)
	require.Empty(t, found.Damage)
	return p, texts(found.Entries)
}

func texts(entries []Entry) []string {
	all := []string{}
	for _, e := range entries {
		all = append(all, string(e.Data))
	}
	return all
}

func mustOpenPair(t *testing.T, p *Pairs, entry string) uint64 {
	t.Helper()
	seq, err := p.Append(t.Context(), []byte(entry))
	require.NoError(t, err)
	return seq
}

// crash ends the process, and opens the ledger in a new one.
func crash(t *testing.T, l *Ledger, d *memDisk, opts ...Option) *Ledger {
	t.Helper()
	l.dir.(interface{ kill() }).kill()
	_ = l.Close() // ends its goroutines
	return mustOpenMem(t, d, nil, opts...)
}

func TestPairsLeftOpen(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"closed", "killed"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			d := testDisk()
			end := func(l *Ledger) *Ledger {
				if how == "killed" {
					return crash(t, l, d)
				}
				require.NoError(t, l.Close())
				return mustOpenMem(t, d, nil)
			}
			l := mustOpenMem(t, d, nil)
			p, open := mustTrackPairs(t, l)
			require.Empty(t, open)
			mustAppend(t, l, "anything")
			mustOpenPair(t, p, "+1 one")
			mustOpenPair(t, p, "+2 two")
			mustAppend(t, l, "-1 ")
			mustOpenPair(t, p, "+3 three")
			mustAppend(t, l, "-9 never opened", "anything")

			l = end(l)
			p, open = mustTrackPairs(t, l)
			require.Equal(t, []string{"+2 two", "+3 three"}, open)
			mustAppend(t, l, "-2 ")
			mustOpenPair(t, p, "+4 four")
			mustOpenPair(t, p, "+4 again")

			l = end(l)
			_, open = mustTrackPairs(t, l)
			require.Equal(t, []string{"+3 three", "+4 four"}, open)
			mustAppend(t, l, "-3 ", "-4 ")

			l = end(l)
			_, open = mustTrackPairs(t, l)
			require.Empty(t, open)
			_, _, err := l.TrackPairs(classifySign)
			require.ErrorContains(t, err, "called before")
			require.NoError(t, l.Close())
			_, _, err = l.TrackPairs(classifySign)
			require.ErrorIs(t, err, ErrClosed)
			_, err = p.Append(t.Context(), []byte("+5 "))
			require.ErrorIs(t, err, ErrClosed)
		})
	}
}

// countingDir counts the bytes that are read from segments.
type countingDir struct {
	*memDir
	mu    sync.Mutex
	bytes int
}

func (r *countingDir) Open(name string) (file, error) {
	f, err := r.memDir.Open(name)
	if _, ok := segmentNumber(name); ok && err == nil {
		return &countingFile{file: f, dir: r}, nil
	}
	return f, err
}

type countingFile struct {
	file
	dir *countingDir
}

func (f *countingFile) ReadAt(b []byte, offset int64) (int, error) {
	n, err := f.file.ReadAt(b, offset)
	f.dir.mu.Lock()
	defer f.dir.mu.Unlock()
	f.dir.bytes += n
	return n, err
}

// TestPairsReadOnlyNewEntries opens a ledger of many segments with an open pair at its
// beginning. It must read at most the last segments.
func TestPairsReadOnlyNewEntries(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"closed", "killed"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := testDisk()
				l := mustOpenMem(t, d, nil)
				p, _ := mustTrackPairs(t, l)
				mustOpenPair(t, p, "+1 one")
				for range 3_000 {
					mustAppend(t, l, strings.Repeat("x", 1_000))
					synctest.Wait()
				}
				require.Greater(t, l.Stats().Segments, 40)
				if how == "closed" {
					require.NoError(t, l.Close())
				} else {
					l.dir.(*memDir).kill()
					_ = l.Close()
				}
				c, err := newConfig([]Option{WithSegmentSize(MinSegmentSize)})
				require.NoError(t, err)
				dir := &countingDir{memDir: d.open(nil)}
				l, err = open(dir, c)
				require.NoError(t, err)
				defer func() { require.NoError(t, l.Close()) }()
				opening := dir.bytes
				_, open := mustTrackPairs(t, l)
				assert.Equal(t, []string{"+1 one"}, open)
				t.Logf("of %d bytes, Open read %d and TrackPairs %d", l.Stats().Bytes, opening, dir.bytes-opening)
				if how == "closed" {
					assert.Equal(t, opening, dir.bytes, "no entry is new")
				}
				assert.LessOrEqual(t, dir.bytes-opening, 3*MinSegmentSize)
			})
		})
	}
}

// TestPairsIdle shows that the pairs file is written only while pairs are opened or
// open, and that it holds back retention only then.
func TestPairsIdle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := testDisk()
		l := mustOpenMem(t, d, nil, WithRetention(0, 0))
		p, _ := mustTrackPairs(t, l)
		generation := func() uint64 {
			synctest.Wait()
			return p.file.slots.generation
		}
		fill := func() {
			for range 300 {
				mustAppend(t, l, strings.Repeat("x", 1_000))
				synctest.Wait()
			}
		}
		first := generation()
		fill()
		assert.Equal(t, first, generation(), "no pair was opened")
		assert.LessOrEqual(t, l.Stats().Segments, 2)
		mustOpenPair(t, p, "+1 one")
		mustAppend(t, l, "-1 ")
		fill()
		quiet := generation()
		assert.Equal(t, first+3, quiet, "accepting, read, idle again")
		fill()
		assert.Equal(t, quiet, generation())
		assert.LessOrEqual(t, l.Stats().Segments, 2)

		mustOpenPair(t, p, "+2 two")
		fill()
		assert.Greater(t, generation(), quiet+10, "a pair is open")
		assert.LessOrEqual(t, l.Stats().Segments, 2)
		l = crash(t, l, d, WithRetention(0, 0))
		require.Greater(t, l.Stats().First, uint64(300), "its beginning was removed")
		_, open := mustTrackPairs(t, l)
		assert.Equal(t, []string{"+2 two"}, open)
	})
}

// TestPairsHoldBackRetention shows that entries are not removed before they were read.
func TestPairsHoldBackRetention(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := testDisk()
		l := mustOpenMem(t, d, nil, WithRetention(0, 0))
		p, _ := mustTrackPairs(t, l)
		mustOpenPair(t, p, "+1 one")
		p.file.slots.file = unwritableFile{p.file.slots.file}
		for range 300 {
			mustAppend(t, l, strings.Repeat("x", 1_000))
			synctest.Wait()
		}
		assert.EqualValues(t, 1, l.Stats().First)
		l = crash(t, l, d)
		_, open := mustTrackPairs(t, l)
		assert.Equal(t, []string{"+1 one"}, open)
	})
}

// unwritableFile is a file whose writes fail.
type unwritableFile struct{ file }

func (unwritableFile) WriteAt([]byte, int64) (int, error) { return 0, errFault }

func TestPairsLimit(t *testing.T) {
	t.Parallel()
	l := mustOpenMem(t, testDisk(), nil, WithSegmentSize(1<<20))
	p, _ := mustTrackPairs(t, l)
	var wg sync.WaitGroup
	for g := range 10 {
		wg.Go(func() {
			for i := range MaxOpenPairs / 10 {
				_, err := p.Append(t.Context(), fmt.Appendf(nil, "+%d ", 1+g*MaxOpenPairs/10+i))
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
	_, err := p.Append(t.Context(), []byte("+20000 "))
	require.ErrorIs(t, err, ErrTooManyPairs)
	mustAppend(t, l, "not of a pair")
	mustAppend(t, l, "-77 ")
	mustOpenPair(t, p, "+20001 ")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = p.Append(ctx, []byte("+20002 "))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "nothing was stored")
}

func TestPairsFileSize(t *testing.T) {
	t.Parallel()
	d := testDisk()
	var want []string
	size := 0
	r := rand.New(rand.NewPCG(3, 4))
	for n := range 40 {
		l := mustOpenMem(t, d, nil)
		p, open := mustTrackPairs(t, l)
		require.Equal(t, want, slices.Concat(nil, open)) // nil if empty
		for _, e := range open {
			if r.IntN(4) == 0 {
				mustAppend(t, l, "-"+e[1:])
				want = slices.DeleteFunc(want, func(w string) bool { return w == e })
			}
		}
		e := fmt.Sprintf("+%d %s", n+1, strings.Repeat("y", r.IntN(40_000)))
		mustOpenPair(t, p, e)
		want = append(want, e)
		require.NoError(t, l.Close())
		size = max(size, len(strings.Join(want, "")))
	}
	assert.Less(t, len(d.names[pairsFileName].data), 5*size+pairsDataStart+pairsReserve)
}
