package crash

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/require"
)

const consumer = "consumer"

// appendEntries appends from several goroutines, beside a consumer, and says what was
// acknowledged.
func appendEntries(c *child) error {
	opts := []ledger.Option{ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithRetention(0, 4*ledger.MinSegmentSize)}
	if c.role == "relaxed" {
		opts = append(opts, ledger.WithSyncInterval(5*time.Millisecond))
	}
	c.tell(opening)
	l, err := ledger.Open(c.dir, opts...)
	if err != nil {
		return err
	}
	cursor, err := l.Cursor(consumer)
	if err != nil {
		return err
	}
	c.tell("cursor %d", cursor.Committed())
	if torn := l.Recovery().Torn; torn != nil {
		c.tell("cut %d", torn.First)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.Int64N(int64(200*time.Millisecond))))
	defer cancel()
	var wg sync.WaitGroup
	errs := make(chan error, 5)
	for g := range 4 {
		wg.Go(func() { errs <- appendUntil(ctx, c, l, g) })
	}
	if finishing() || rand.IntN(3) == 0 { // else it lags, by more than retention keeps
		wg.Go(func() { errs <- consume(ctx, c, cursor) })
	}
	wg.Wait()
	close(errs)
	for e := range errs {
		err = errors.Join(err, e)
	}
	c.tell(closing)
	return errors.Join(err, l.Close())
}

func appendUntil(ctx context.Context, c *child, l *ledger.Ledger, goroutine int) error {
	for n := 0; ctx.Err() == nil; {
		var entries [][]byte
		var names []string
		for range 1 + rand.IntN(4) {
			name := fmt.Sprintf("%s-%d-%d", c.run, goroutine, n)
			n++
			names = append(names, name)
			entries = append(entries, seal(name+" "+strings.Repeat("x", rand.IntN(800))))
		}
		first, err := l.Append(context.Background(), entries...)
		if err != nil {
			return err
		}
		for i, name := range names {
			c.tell("stored %d %s", first+uint64(i), name)
		}
	}
	return nil
}

// seal puts a checksum before a text.
func seal(text string) []byte {
	return fmt.Appendf(nil, "%08x %s", crc32.ChecksumIEEE([]byte(text)), text)
}

// name returns the name of an entry whose checksum is right.
func name(entry []byte) (string, bool) {
	sum, text, _ := strings.Cut(string(entry), " ")
	want, err := strconv.ParseUint(sum, 16, 32)
	name, _, _ := strings.Cut(text, " ")
	return name, err == nil && want == uint64(crc32.ChecksumIEEE([]byte(text)))
}

func consume(ctx context.Context, c *child, cursor *ledger.Cursor) error {
	for {
		entries, err := cursor.Next(ctx, 1+rand.IntN(100), 1<<20)
		if errors.Is(err, context.DeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
		seq := entries[len(entries)-1].Seq
		c.tell("try %d", seq)
		if err := cursor.Commit(seq); err != nil {
			return err
		}
		c.tell("committed %d", seq)
	}
}

// book is what the processes have said.
type book struct {
	stored    map[uint64]string
	found     map[uint64]string // what earlier checks have read: it stays as it is
	lag       int               // the most entries that the consumer was behind when a process ended
	tried     uint64            // the last commit that was attempted
	committed uint64            // the last that succeeded
	cuts      int
	faults    []string
}

func (b *book) hear(words []string) {
	number, err := strconv.ParseUint(words[1], 10, 64)
	if err != nil {
		b.faults = append(b.faults, strings.Join(words, " "))
		return
	}
	switch words[0] {
	case "stored":
		if had, twice := b.stored[number]; twice && had != words[2] {
			b.faults = append(b.faults, fmt.Sprintf("%d is %s and %s", number, had, words[2]))
		}
		b.stored[number] = words[2]
	case "try":
		b.tried = max(b.tried, number)
	case "committed":
		b.committed = max(b.committed, number)
	case "cut":
		b.cuts++
	case "cursor":
		if number < b.committed || number > b.tried {
			b.faults = append(b.faults, fmt.Sprintf("the cursor is at %d, after a commit of %d and an attempt of %d", number, b.committed, b.tried))
		}
	}
}

// check holds the ledger against the book, and returns how many entries there are.
func (b *book) check(t *testing.T, dir string) int {
	t.Helper()
	r, err := ledger.OpenReader(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	seen := map[string]bool{}
	var first, last uint64
	for e, err := range r.Entries(t.Context(), 0) {
		require.NoError(t, err)
		name, whole := name(e.Data)
		require.True(t, whole, "entry %d is not what was appended", e.Seq)
		require.False(t, seen[name], "%s is there twice", name)
		seen[name] = true
		if first == 0 {
			first = e.Seq
		} else {
			require.Equal(t, last+1, e.Seq, "dense")
		}
		last = e.Seq
		if was, found := b.found[e.Seq]; found {
			require.Equal(t, was, name, "entry %d has changed", e.Seq)
		}
		b.found[e.Seq] = name
		if want, stored := b.stored[e.Seq]; stored {
			require.Equal(t, want, name, "entry %d", e.Seq)
		}
	}
	for _, known := range []map[uint64]string{b.stored, b.found} {
		for seq, name := range known {
			if seq < first || first == 0 {
				require.LessOrEqual(t, seq, b.tried, "%s was removed before the consumer had it", name)
				continue
			}
			require.LessOrEqual(t, seq, last, "%s was there, or acknowledged, and is missing", name)
		}
	}
	b.lag = max(b.lag, int(last)-int(min(b.committed, last)))
	return len(seen)
}

func TestKilledLedger(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"ledger", "relaxed"} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			h, b := newHarness(t, role), &book{stored: map[uint64]string{}, found: map[uint64]string{}}
			h.finish(t, b.hear)
			left := 0
			for start := time.Now(); time.Since(start) < crashTime(t); {
				h.kill(t, b.hear)
				require.Empty(t, b.faults)
				left = b.check(t, h.dir)
			}
			h.finish(t, b.hear)
			require.Empty(t, b.faults)
			b.check(t, h.dir)
			require.NotEmpty(t, b.stored)
			t.Logf("%d runs, killed %s; %d entries acknowledged, %d recovered, %d kept at the end, %d committed, consumer behind by up to %d, %d torn frames cut",
				h.runs, h.killed(), len(b.stored), len(b.found), left, b.committed, b.lag, b.cuts)
		})
	}
}
