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

// The entries of these tests: one that opens pair 7 is "+7 ", one that closes it "-7 ",
// with anything behind it; others are of no pair.

func tellSign(entry []byte) (key [16]byte, part Part) {
	var sign byte
	var n uint64
	if c, _ := fmt.Sscanf(string(entry), "%c%d ", &sign, &n); c < 2 {
		return key, PartNone
	}
	binary.LittleEndian.PutUint64(key[:], n)
	switch sign {
	case '+':
		return key, PartOpens
	case '-':
		return key, PartCloses
	}
	return key, PartNone
}

// mustPairs returns the pairs and the entries that were found.
func mustPairs(t *testing.T, l *Ledger) (*Pairs, []string) {
	t.Helper()
	p, found, err := l.Pairs(tellSign)
	require.NoError(t, err)
	require.Empty(t, found.Damage)
	return p, texts(found.Open)
}

func texts(entries []Entry) []string {
	all := []string{}
	for _, e := range entries {
		all = append(all, string(e.Data))
	}
	return all
}

func mustBegin(t *testing.T, p *Pairs, entry string) uint64 {
	t.Helper()
	seq, err := p.Append(t.Context(), []byte(entry))
	require.NoError(t, err)
	return seq
}

// crash ends the process and returns the ledger as the next one opens it.
func crash(t *testing.T, l *Ledger, d *disk, opts ...Option) *Ledger {
	t.Helper()
	l.dir.(interface{ kill() }).kill()
	_ = l.Close() // ends its goroutines
	return openMemory(t, d, nil, opts...)
}

func TestPairsThatWereLeftOpen(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"closed", "killed"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			d := memory()
			end := func(l *Ledger) *Ledger {
				if how == "killed" {
					return crash(t, l, d)
				}
				require.NoError(t, l.Close())
				return openMemory(t, d, nil)
			}
			l := openMemory(t, d, nil)
			p, open := mustPairs(t, l)
			require.Empty(t, open)
			mustAppend(t, l, "anything")
			mustBegin(t, p, "+1 one")
			mustBegin(t, p, "+2 two")
			mustAppend(t, l, "-1 ")
			mustBegin(t, p, "+3 three")
			mustAppend(t, l, "-9 begun elsewhere", "anything")

			l = end(l)
			p, open = mustPairs(t, l)
			require.Equal(t, []string{"+2 two", "+3 three"}, open)
			mustAppend(t, l, "-2 ")
			mustBegin(t, p, "+4 four")
			mustBegin(t, p, "+4 again")

			l = end(l)
			_, open = mustPairs(t, l)
			require.Equal(t, []string{"+3 three", "+4 four"}, open)
			mustAppend(t, l, "-3 ", "-4 ")

			l = end(l)
			_, open = mustPairs(t, l)
			require.Empty(t, open)
			_, _, err := l.Pairs(tellSign)
			require.ErrorContains(t, err, "kept already")
			require.NoError(t, l.Close())
			_, _, err = l.Pairs(tellSign)
			require.ErrorIs(t, err, ErrClosed)
			_, err = p.Append(t.Context(), []byte("+5 "))
			require.ErrorIs(t, err, ErrClosed)
		})
	}
}

// reads counts how much is read of segments.
type reads struct {
	*memDir
	mu    sync.Mutex
	bytes int
}

func (r *reads) Open(name string) (file, error) {
	f, err := r.memDir.Open(name)
	if _, is := segmentNumber(name); is && err == nil {
		return &countedFile{file: f, reads: r}, nil
	}
	return f, err
}

func (r *reads) Is(name string, f file) (bool, error) {
	if c, is := f.(*countedFile); is {
		f = c.file
	}
	return r.memDir.Is(name, f)
}

type countedFile struct {
	file
	reads *reads
}

func (f *countedFile) ReadAt(b []byte, offset int64) (int, error) {
	n, err := f.file.ReadAt(b, offset)
	f.reads.mu.Lock()
	defer f.reads.mu.Unlock()
	f.reads.bytes += n
	return n, err
}

// TestPairsDoNotScan opens a ledger of many segments with an open pair at its
// beginning, and reads the last two of them at most.
func TestPairsDoNotScan(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"closed", "killed"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := memory()
				l := openMemory(t, d, nil)
				p, _ := mustPairs(t, l)
				mustBegin(t, p, "+1 one")
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
				dir := &reads{memDir: d.open(nil)}
				l, err = open(dir, c)
				require.NoError(t, err)
				defer func() { require.NoError(t, l.Close()) }()
				opening := dir.bytes
				_, open := mustPairs(t, l)
				assert.Equal(t, []string{"+1 one"}, open)
				t.Logf("of %d bytes, opening read %d and looking for open pairs %d", l.Stats().Bytes, opening, dir.bytes-opening)
				if how == "closed" {
					assert.Equal(t, opening, dir.bytes, "nothing is new")
				}
				assert.LessOrEqual(t, dir.bytes-opening, 3*MinSegmentSize)
			})
		})
	}
}

// TestPairsIdle shows that the file is written neither without entries that open pairs
// nor long after them, and that retention is not held back then.
func TestPairsIdle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := memory()
		l := openMemory(t, d, nil, WithRetention(0, 0))
		p, _ := mustPairs(t, l)
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
		assert.Equal(t, first, generation(), "nobody opens pairs")
		assert.LessOrEqual(t, l.Stats().Segments, 2)
		mustBegin(t, p, "+1 one")
		mustAppend(t, l, "-1 ")
		fill()
		quiet := generation()
		assert.Equal(t, first+3, quiet, "live, what was read, idle again")
		fill()
		assert.Equal(t, quiet, generation())
		assert.LessOrEqual(t, l.Stats().Segments, 2)

		mustBegin(t, p, "+2 two")
		fill()
		assert.Greater(t, generation(), quiet+10, "one is open")
		assert.LessOrEqual(t, l.Stats().Segments, 2)
		l = crash(t, l, d, WithRetention(0, 0))
		require.Greater(t, l.Stats().First, uint64(300), "its beginning was removed")
		_, open := mustPairs(t, l)
		assert.Equal(t, []string{"+2 two"}, open)
	})
}

// TestPairsHoldBackRetention shows that nothing is removed that was not read.
func TestPairsHoldBackRetention(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := memory()
		l := openMemory(t, d, nil, WithRetention(0, 0))
		p, _ := mustPairs(t, l)
		mustBegin(t, p, "+1 one")
		p.file.slots.file = refusing{p.file.slots.file}
		for range 300 {
			mustAppend(t, l, strings.Repeat("x", 1_000))
			synctest.Wait()
		}
		assert.EqualValues(t, 1, l.Stats().First)
		l = crash(t, l, d)
		_, open := mustPairs(t, l)
		assert.Equal(t, []string{"+1 one"}, open)
	})
}

// refusing is a file that cannot be written.
type refusing struct{ file }

func (refusing) WriteAt([]byte, int64) (int, error) { return 0, errFault }

func TestPairsAreBounded(t *testing.T) {
	t.Parallel()
	l := openMemory(t, memory(), nil, WithSegmentSize(1<<20))
	p, _ := mustPairs(t, l)
	var wg sync.WaitGroup
	for g := range 10 {
		wg.Go(func() {
			for i := range MaxPairs / 10 {
				_, err := p.Append(t.Context(), fmt.Appendf(nil, "+%d ", 1+g*MaxPairs/10+i))
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
	_, err := p.Append(t.Context(), []byte("+20000 "))
	require.ErrorIs(t, err, ErrCrowded)
	mustAppend(t, l, "others are welcome")
	mustAppend(t, l, "-77 ")
	mustBegin(t, p, "+20001 ")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = p.Append(ctx, []byte("+20002 "))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "nothing was stored")
}

func TestPairsTakeMuchRoom(t *testing.T) {
	t.Parallel()
	d := memory()
	var want []string
	size := 0
	r := rand.New(rand.NewPCG(3, 4))
	for n := range 40 {
		l := openMemory(t, d, nil)
		p, open := mustPairs(t, l)
		require.Equal(t, want, slices.Concat(nil, open)) // nil if empty
		for _, e := range open {
			if r.IntN(4) == 0 {
				mustAppend(t, l, "-"+e[1:])
				want = slices.DeleteFunc(want, func(w string) bool { return w == e })
			}
		}
		e := fmt.Sprintf("+%d %s", n+1, strings.Repeat("y", r.IntN(40_000)))
		mustBegin(t, p, e)
		want = append(want, e)
		require.NoError(t, l.Close())
		size = max(size, len(strings.Join(want, "")))
	}
	assert.Less(t, len(d.names[pairsName].data), 5*size+pairsBase+pairsRoom)
}
