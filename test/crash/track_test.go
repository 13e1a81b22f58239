package crash

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
)

// fileExporter appends the IDs of records to a file, one on each line.
type fileExporter struct{ file *os.File }

func (fileExporter) Name() string { return "file" }

func (e fileExporter) Export(_ context.Context, records []*record.Record) error {
	var text []byte
	for _, r := range records {
		text = fmt.Appendln(text, r.ID)
	}
	_, err := e.file.Write(text)
	return err
}

func (e fileExporter) Shutdown(context.Context) error { return e.file.Close() }

// exported returns the path of the file that fileExporter writes.
func exported(dir string) string { return filepath.Join(filepath.Dir(dir), "exported") }

// sealKey returns the path of the key of the seal, and anchored that of its newest checkpoint.
func sealKey(dir string) string { return filepath.Join(filepath.Dir(dir), "key") }

func anchored(dir string) string { return filepath.Join(filepath.Dir(dir), "checkpoint") }

// requireSealed requires that the seal of a ledger proves all of its entries.
func requireSealed(t *testing.T, dir string) {
	t.Helper()
	key, err := seal.LoadKey(sealKey(dir))
	require.NoError(t, err)
	held, err := os.ReadFile(anchored(dir))
	require.NoError(t, err)
	r, err := ledger.OpenReader(dir)
	require.NoError(t, err)
	defer r.Close()
	report, err := seal.Verify(t.Context(), r, seal.VerifyOptions{Keys: []note.Verifier{key.Verifier()}, Held: held})
	require.NoError(t, err)
	require.Empty(t, report.Findings)
	require.Equal(t, report.Last, report.Proved)
}

// trackEvents tracks events through a provider with a ledger, and reports which were
// acknowledged.
func trackEvents(c *child) error {
	f, err := os.OpenFile(exported(c.dir), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err == nil {
		_, err = f.WriteString("\n") // the last process may have been killed within a line
	}
	if err != nil {
		return err
	}
	key, err := seal.LoadOrCreateKey(sealKey(c.dir), "example.com/crash")
	if err != nil {
		return err
	}
	c.report(opening)
	p, err := sdk.NewTrackerProvider(sdk.WithSeal(key, seal.WithAnchor(seal.AnchorFile(anchored(c.dir)))), sdk.WithLedger(c.dir, sdk.ExportTo(fileExporter{f}, sdk.WithBatchInterval(time.Millisecond), sdk.WithBatchSize(20)), ledger.WithSegmentSize(128<<10)))
	if err != nil {
		return err
	}
	ctx := audit.ContextWithActor(context.Background(), audit.System("crash"))
	life := time.Duration(rand.Int64N(int64(200 * time.Millisecond)))
	start := time.Now()
	var wg sync.WaitGroup
	errs := make(chan error, 4)
	for range 4 {
		wg.Go(func() {
			for n := 0; n < 10 || !finishing() && time.Since(start) < life; n++ {
				id := audit.NewID()
				err := p.Tracker("crash").Track(ctx, audit.Event{ID: id, Action: "process.live", Outcome: audit.OutcomeSuccess})
				if err != nil {
					errs <- err
					return
				}
				c.report("tracked %s", id)
			}
		})
	}
	wg.Wait()
	close(errs)
	c.report(closing)
	return errors.Join(<-errs, p.Shutdown(ctx))
}

func TestKilledProvider(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "track")
	acknowledged := map[string]bool{}
	onLine := func(words []string) { acknowledged[words[1]] = true }
	h.finish(t, onLine)
	for start := time.Now(); time.Since(start) < crashTime(t); {
		h.kill(t, onLine)
	}
	h.finish(t, onLine)
	requireSealed(t, h.dir)

	reader, err := ledgerquery.NewReader(h.dir)
	require.NoError(t, err)
	stored := map[string]bool{}
	for r, err := range reader.Find(t.Context(), query.Filter{}) {
		require.NoError(t, err)
		require.False(t, stored[r.ID.String()], "%s is stored twice", r.ID)
		stored[r.ID.String()] = true
	}
	times := map[string]int{}
	f, err := os.Open(exported(h.dir))
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	torn := 0
	for s := bufio.NewScanner(f); s.Scan(); {
		if new(audit.ID).UnmarshalText(s.Bytes()) == nil {
			times[s.Text()]++
		} else if s.Text() != "" {
			torn++
		}
	}
	require.LessOrEqual(t, torn, h.runs, "at most one line of each process")
	repeated := 0
	for id := range acknowledged {
		require.True(t, stored[id], "%s was acknowledged but is not in the ledger", id)
	}
	for id := range stored {
		require.NotZero(t, times[id], "%s was never exported", id)
		require.LessOrEqual(t, times[id], h.runs)
		if times[id] > 1 {
			repeated++
		}
	}
	for id := range times {
		require.True(t, stored[id], "%s was exported but is not in the ledger", id)
	}
	require.LessOrEqual(t, repeated, 20*h.runs, "each kill repeats at most one batch")
	t.Logf("%d runs, killed %s; %d events acknowledged, %d stored, %d exported more than once", h.runs, h.killed(), len(acknowledged), len(stored), repeated)
}
