package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cockroachdb/pebble"
	"github.com/hashicorp/raft"
	raftwal "github.com/hashicorp/raft-wal"

	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/wal"
	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

const (
	// preparedSize is the size in bytes that a log allocates in advance. After a benchmark has
	// written budget bytes, it switches to a new log while the timer is stopped.
	preparedSize = 192 << 20
	budget       = 80 << 20
)

// appender is a durable log.
type appender interface {
	// Append writes the entries and returns when they are on stable storage.
	Append(entries [][]byte) error
	Close() error
}

var appenders = []struct {
	name string
	open func(dir string) (appender, error)
}{
	{"ledger", openLedger},
	{"raw", openRaw},
	{"raft-wal", openRaftWAL},
	{"pebble", openPebble},
	{"bbolt", openBolt},
	{"tidwall", openTidwall},
}

// BenchmarkAppend durably appends batches of entries of 600 bytes. An operation is one batch.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{1, 256, 4096} {
		for _, a := range appenders {
			b.Run(fmt.Sprintf("batch=%d/impl=%s", size, a.name), func(b *testing.B) { benchmarkAppend(b, size, a.open) })
		}
	}
}

func benchmarkAppend(b *testing.B, size int, open func(string) (appender, error)) {
	b.Helper()
	entries := make([][]byte, size)
	for i := range entries {
		entries[i] = make([]byte, entrySize)
		for j := range entries[i] {
			entries[i][j] = byte('a' + (i+j)%26)
		}
	}
	log, written := openAppender(b, open), 0
	b.SetBytes(int64(size) * entrySize)
	for b.Loop() {
		if written += size * entrySize; written > budget {
			b.StopTimer()
			require.NoError(b, log.Close())
			log, written = openAppender(b, open), 0
			b.StartTimer()
		}
		if err := log.Append(entries); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	require.NoError(b, log.Close())
	b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "entries/s")
}

func openAppender(b *testing.B, open func(string) (appender, error)) appender {
	b.Helper()
	dir := b.TempDir()
	log, err := open(dir)
	require.NoError(b, err)
	return &temporaryLog{appender: log, dir: dir}
}

// temporaryLog is a log whose Close also removes its directory.
type temporaryLog struct {
	appender
	dir string
}

func (t *temporaryLog) Close() error { return errors.Join(t.appender.Close(), os.RemoveAll(t.dir)) }

type ledgerAppender struct{ ledger *ledger.Ledger }

// openLedger opens a ledger and fills its first segment, which is smaller than the others.
func openLedger(dir string) (appender, error) {
	l, err := ledger.Open(filepath.Join(dir, "ledger"), ledger.WithSegmentSize(preparedSize))
	if err != nil {
		return nil, err
	}
	_, err = l.Append(context.Background(), make([]byte, 1<<20))
	return ledgerAppender{l}, err
}

func (a ledgerAppender) Append(entries [][]byte) error {
	_, err := a.ledger.Append(context.Background(), entries...)
	return err
}

func (a ledgerAppender) Close() error { return a.ledger.Close() }

// rawAppender is the lower bound: it writes each entry after its length and nothing else.
type rawAppender struct {
	file   *os.File
	offset int64
	frame  []byte
}

func openRaw(dir string) (appender, error) {
	f, err := os.Create(filepath.Join(dir, "raw"))
	if err != nil {
		return nil, err
	}
	zeros := make([]byte, 1<<20)
	for at := int64(0); at < preparedSize && err == nil; at += int64(len(zeros)) {
		_, err = f.WriteAt(zeros, at)
	}
	if err == nil {
		err = f.Sync()
	}
	return &rawAppender{file: f}, err
}

func (a *rawAppender) Append(entries [][]byte) error {
	a.frame = a.frame[:0]
	for _, e := range entries {
		a.frame = binary.LittleEndian.AppendUint32(a.frame, uint32(len(e)))
		a.frame = append(a.frame, e...)
	}
	if _, err := a.file.WriteAt(a.frame, a.offset); err != nil {
		return err
	}
	a.offset += int64(len(a.frame))
	return unix.Fdatasync(int(a.file.Fd()))
}

func (a *rawAppender) Close() error { return a.file.Close() }

type raftAppender struct {
	wal  *raftwal.WAL
	next uint64
}

func openRaftWAL(dir string) (appender, error) {
	w, err := raftwal.Open(dir, raftwal.WithSegmentSize(preparedSize))
	return &raftAppender{wal: w, next: 1}, err
}

func (a *raftAppender) Append(entries [][]byte) error {
	logs := make([]*raft.Log, len(entries))
	for i, e := range entries {
		logs[i] = &raft.Log{Index: a.next, Data: e}
		a.next++
	}
	return a.wal.StoreLogs(logs)
}

func (a *raftAppender) Close() error { return a.wal.Close() }

type pebbleAppender struct {
	db   *pebble.DB
	next uint64
}

// silent is a Pebble logger that discards its messages.
type silent struct{}

func (silent) Infof(string, ...any)           {}
func (silent) Errorf(string, ...any)          {}
func (silent) Fatalf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }

func openPebble(dir string) (appender, error) {
	db, err := pebble.Open(dir, &pebble.Options{Logger: silent{}})
	return &pebbleAppender{db: db}, err
}

func (a *pebbleAppender) Append(entries [][]byte) error {
	batch := a.db.NewBatch()
	for _, e := range entries {
		a.next++
		if err := batch.Set(binary.BigEndian.AppendUint64(nil, a.next), e, nil); err != nil {
			return err
		}
	}
	return batch.Commit(pebble.Sync)
}

func (a *pebbleAppender) Close() error { return a.db.Close() }

type boltAppender struct {
	db   *bolt.DB
	next uint64
}

var boltBucket = []byte("log")

func openBolt(dir string) (appender, error) {
	db, err := bolt.Open(filepath.Join(dir, "bolt"), 0o600, &bolt.Options{NoFreelistSync: true})
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucket(boltBucket)
		return err
	})
	return &boltAppender{db: db}, err
}

func (a *boltAppender) Append(entries [][]byte) error {
	return a.db.Update(func(tx *bolt.Tx) error {
		bucket := tx.Bucket(boltBucket)
		bucket.FillPercent = 1
		for _, e := range entries {
			a.next++
			if err := bucket.Put(binary.BigEndian.AppendUint64(nil, a.next), e); err != nil {
				return err
			}
		}
		return nil
	})
}

func (a *boltAppender) Close() error { return a.db.Close() }

type tidwallAppender struct {
	log  *wal.Log
	next uint64
}

func openTidwall(dir string) (appender, error) {
	log, err := wal.Open(dir, nil)
	return &tidwallAppender{log: log}, err
}

func (a *tidwallAppender) Append(entries [][]byte) error {
	var batch wal.Batch
	for _, e := range entries {
		a.next++
		batch.Write(a.next, e)
	}
	return a.log.WriteBatch(&batch)
}

func (a *tidwallAppender) Close() error { return a.log.Close() }

// BenchmarkTrackDurable tracks the event into a ledger from several goroutines. The raw loop
// writes batches of as many records as there are goroutines. An operation is one record.
func BenchmarkTrackDurable(b *testing.B) {
	for _, goroutines := range []int{1, 64} {
		b.Run(fmt.Sprintf("goroutines=%d/impl=audit", goroutines), func(b *testing.B) { benchmarkTrack(b, goroutines) })
		b.Run(fmt.Sprintf("goroutines=%d/impl=raw", goroutines), func(b *testing.B) { benchmarkRaw(b, goroutines) })
	}
}

func benchmarkTrack(b *testing.B, goroutines int, opts ...sdk.LedgerOption) {
	b.Helper()
	dir := filepath.Join(b.TempDir(), "ledger")
	opts = append(opts, ledger.WithSegmentSize(preparedSize))
	ctx, tracker := newTracker(b, sdk.WithLedger(dir, opts...))
	large := event()
	large.Reason = string(make([]byte, 60_000)) // fills the first segment, which is smaller than the others
	for range 20 {
		require.NoError(b, tracker.Track(ctx, large))
	}
	for !exists(filepath.Join(dir, "000000000002.segment")) {
		time.Sleep(time.Millisecond)
	}
	b.ReportAllocs()
	b.ResetTimer()
	inParallel(b, goroutines, func() error { return tracker.Track(ctx, event()) })
	b.StopTimer()
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

func benchmarkRaw(b *testing.B, batch int) {
	b.Helper()
	r := newRecord(b)
	log := openAppender(b, openRaw)
	line, err := r.AppendJSON(nil)
	require.NoError(b, err)
	entries := make([][]byte, batch)
	for i := range entries {
		entries[i] = line
	}
	written := 0
	b.ResetTimer()
	for left := b.N; left > 0; left -= batch {
		if written += batch * len(line); written > budget {
			b.StopTimer()
			require.NoError(b, log.Close())
			log, written = openAppender(b, openRaw), 0
			b.StartTimer()
		}
		if err := log.Append(entries[:min(batch, left)]); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	require.NoError(b, log.Close())
}

// BenchmarkTrackRelaxed compares a ledger that syncs ten times a second with OpenTelemetry's batch
// processor, which keeps records in memory.
func BenchmarkTrackRelaxed(b *testing.B) {
	b.Run("impl=audit", func(b *testing.B) { benchmarkTrack(b, 1, ledger.WithSyncInterval(100*time.Millisecond)) })
	b.Run("impl=otel", func(b *testing.B) { benchmarkEmit(b) })
}
