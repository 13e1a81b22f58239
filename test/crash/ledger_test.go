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

// appendEntries appends from several goroutines while a consumer reads, and reports what was
// acknowledged.
func appendEntries(c *child) error {
	opts := []ledger.Option{ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithRetention(0, 4*ledger.MinSegmentSize)}
	if c.role == "relaxed" {
		opts = append(opts, ledger.WithSyncInterval(5*time.Millisecond))
	}
	c.report(opening)
	l, err := ledger.Open(c.dir, opts...)
	if err != nil {
		return err
	}
	cursor, err := l.Cursor(consumer)
	if err != nil {
		return err
	}
	c.report("cursor %d", cursor.Committed())
	if torn := l.Recovery().Torn; torn != nil {
		c.report("cut %d", torn.First)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.Int64N(int64(200*time.Millisecond))))
	defer cancel()
	var wg sync.WaitGroup
	errs := make(chan error, 5)
	for g := range 4 {
		wg.Go(func() { errs <- appendUntil(ctx, c, l, g) })
	}
	if finishing() || rand.IntN(3) == 0 { // otherwise the consumer lags by more than retention keeps
		wg.Go(func() { errs <- consume(ctx, c, cursor) })
	}
	wg.Wait()
	close(errs)
	for e := range errs {
		err = errors.Join(err, e)
	}
	c.report(closing)
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
			entries = append(entries, withChecksum(name+" "+strings.Repeat("x", rand.IntN(800))))
		}
		first, err := l.Append(context.Background(), entries...)
		if err != nil {
			return err
		}
		for i, name := range names {
			c.report("stored %d %s", first+uint64(i), name)
		}
	}
	return nil
}

// withChecksum returns the text preceded by its checksum.
func withChecksum(text string) []byte {
	return fmt.Appendf(nil, "%08x %s", crc32.ChecksumIEEE([]byte(text)), text)
}

// nameOf returns the name of an entry, and whether its checksum is right.
func nameOf(entry []byte) (name string, ok bool) {
	sum, text, _ := strings.Cut(string(entry), " ")
	want, err := strconv.ParseUint(sum, 16, 32)
	name, _, _ = strings.Cut(text, " ")
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
		c.report("try %d", seq)
		if err := cursor.Commit(seq); err != nil {
			return err
		}
		c.report("committed %d", seq)
	}
}

// journal collects what the processes reported.
type journal struct {
	stored    map[uint64]string // names of acknowledged entries
	found     map[uint64]string // names of entries that a check has read; they must not change
	lag       int               // the largest number of uncommitted entries when a process ended
	tried     uint64            // the last commit that was attempted
	committed uint64            // the last commit that succeeded
	cuts      int               // torn frames that were cut
	faults    []string
}

// onLine adds a line that a process printed.
func (j *journal) onLine(words []string) {
	number, err := strconv.ParseUint(words[1], 10, 64)
	if err != nil {
		j.faults = append(j.faults, strings.Join(words, " "))
		return
	}
	switch words[0] {
	case "stored":
		if old, ok := j.stored[number]; ok && old != words[2] {
			j.faults = append(j.faults, fmt.Sprintf("entry %d is both %s and %s", number, old, words[2]))
		}
		j.stored[number] = words[2]
	case "try":
		j.tried = max(j.tried, number)
	case "committed":
		j.committed = max(j.committed, number)
	case "cut":
		j.cuts++
	case "cursor":
		if number < j.committed || number > j.tried {
			j.faults = append(j.faults, fmt.Sprintf("the cursor is at %d, but the last commit was %d and the last attempt %d", number, j.committed, j.tried))
		}
	}
}

// check compares the ledger with the journal and returns the number of entries in the ledger.
func (j *journal) check(t *testing.T, dir string) int {
	t.Helper()
	r, err := ledger.OpenReader(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	seen := map[string]bool{}
	var first, last uint64
	for e, err := range r.Entries(t.Context(), 0) {
		require.NoError(t, err)
		name, ok := nameOf(e.Data)
		require.True(t, ok, "entry %d is corrupt", e.Seq)
		require.False(t, seen[name], "%s is stored twice", name)
		seen[name] = true
		if first == 0 {
			first = e.Seq
		} else {
			require.Equal(t, last+1, e.Seq, "there is no gap")
		}
		last = e.Seq
		if old, ok := j.found[e.Seq]; ok {
			require.Equal(t, old, name, "entry %d has changed", e.Seq)
		}
		j.found[e.Seq] = name
		if want, ok := j.stored[e.Seq]; ok {
			require.Equal(t, want, name, "entry %d", e.Seq)
		}
	}
	for _, known := range []map[uint64]string{j.stored, j.found} {
		for seq, name := range known {
			if seq < first || first == 0 {
				require.LessOrEqual(t, seq, j.tried, "%s was removed before the consumer read it", name)
				continue
			}
			require.LessOrEqual(t, seq, last, "%s was read or acknowledged before, but is missing", name)
		}
	}
	j.lag = max(j.lag, int(last)-int(min(j.committed, last)))
	return len(seen)
}

func TestKilledLedger(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"ledger", "relaxed"} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			h, j := newHarness(t, role), &journal{stored: map[uint64]string{}, found: map[uint64]string{}}
			h.finish(t, j.onLine)
			kept := 0
			for start := time.Now(); time.Since(start) < crashTime(t); {
				h.kill(t, j.onLine)
				require.Empty(t, j.faults)
				kept = j.check(t, h.dir)
			}
			h.finish(t, j.onLine)
			require.Empty(t, j.faults)
			j.check(t, h.dir)
			require.NotEmpty(t, j.stored)
			t.Logf("%d runs, killed %s; %d entries acknowledged, %d recovered, %d kept at the end, %d committed, consumer lag up to %d, %d torn frames cut",
				h.runs, h.killed(), len(j.stored), len(j.found), kept, j.committed, j.lag, j.cuts)
		})
	}
}
