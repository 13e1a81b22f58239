//go:build unix

package seal_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
	"github.com/stretchr/testify/require"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
)

const (
	benchEntry   = 900
	benchEntries = 200 * 256 // whole bundles
)

// sealedFiles makes a sealed ledger, and writes its bundles as files beside the tiles: a log of
// tlog-tiles for fsck.
func sealedFiles(b *testing.B, dir string, key *seal.Key) {
	b.Helper()
	l, err := ledger.Open(dir, ledger.WithDenseFrames(), ledger.WithScrub(0))
	require.NoError(b, err)
	var entries [][]byte
	for i := range benchEntries {
		entries = append(entries, binary.LittleEndian.AppendUint64(make([]byte, 0, benchEntry), uint64(i))[:benchEntry])
		if len(entries) == 512 {
			_, err := l.Append(b.Context(), entries...)
			require.NoError(b, err)
			entries = nil
		}
	}
	s, err := seal.Start(b.Context(), l, key)
	require.NoError(b, err)
	require.NoError(b, s.Close(b.Context()))
	require.NoError(b, l.Close())
	r, err := ledger.OpenReader(dir)
	require.NoError(b, err)
	defer r.Close()
	files := seal.OpenDir(filepath.Join(dir, seal.DirName))
	for n := range int64(benchEntries / 256) {
		bundle, err := seal.Bundle(b.Context(), files, r, n, 256)
		require.NoError(b, err)
		require.NoError(b, files.Write("tile/entries/"+tileNumber(uint64(n)), bundle))
	}
}

// hashing hashes the same bytes on all processors, with a node for each entry.
func hashing() {
	workers := runtime.GOMAXPROCS(0)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			leaf, node := make([]byte, 1+benchEntry), make([]byte, 65)
			for range benchEntries / workers {
				sum := sha256.Sum256(leaf)
				copy(node, sum[:])
				sum = sha256.Sum256(node)
				leaf[0] = sum[0]
			}
		})
	}
	group.Wait()
}

// processorTime returns how long the process has used processors.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkVerify compares Verify with tessera's fsck on the same log, which reads its bundles from
// files, and with hashing the same bytes on all processors. They run in turns. Ratios are of the
// medians of the time, and, with cpu in their name, of the least time of processors, which depends
// less on what else runs.
func BenchmarkVerify(b *testing.B) {
	temp := b.TempDir()
	dir := filepath.Join(temp, "ledger")
	key, err := seal.CreateKey(filepath.Join(temp, "key"), "example.com/audit")
	require.NoError(b, err)
	sealedFiles(b, dir, key)
	root := filepath.Join(dir, seal.DirName)
	signed, err := os.ReadFile(filepath.Join(root, "checkpoint"))
	require.NoError(b, err)
	origin, _, _ := strings.Cut(string(signed), "\n")
	r, err := ledger.OpenReader(dir)
	require.NoError(b, err)
	defer r.Close()
	verify := func(ctx context.Context) {
		report, err := seal.Verify(ctx, r, seal.VerifyOptions{Keys: []note.Verifier{key.Verifier()}, Held: signed})
		require.NoError(b, err)
		require.True(b, report.Intact())
		require.EqualValues(b, benchEntries, report.Proved)
	}
	peer := func(ctx context.Context) {
		check := fsck.New(origin, key.Verifier(), client.FileFetcher{Root: root}, bundleHasher, fsck.Opts{N: 2})
		require.NoError(b, check.Check(ctx))
	}
	took, cpu := map[string][]float64{}, map[string][]float64{}
	for b.Loop() {
		for name, run := range map[string]func(context.Context){"verify": verify, "fsck": peer, "hashing": func(context.Context) { hashing() }} {
			start, used := time.Now(), processorTime()
			run(b.Context())
			took[name] = append(took[name], time.Since(start).Seconds())
			cpu[name] = append(cpu[name], (processorTime() - used).Seconds())
		}
	}
	median := func(name string) float64 {
		slices.Sort(took[name])
		return took[name][len(took[name])/2]
	}
	b.ReportMetric(median("hashing")/median("verify"), "of-hashing")
	b.ReportMetric(median("verify")/median("fsck"), "of-fsck")
	least := func(name string) float64 { return slices.Min(cpu[name]) }
	b.ReportMetric(least("hashing")/least("verify"), "of-hashing-cpu")
	b.ReportMetric(least("verify")/least("fsck"), "of-fsck-cpu")
	b.ReportMetric(benchEntries/median("verify")/1e6, "Mentries/s")
}
