package seal

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
)

// fixture is a ledger with a key and an anchor.
type fixture struct {
	t      *testing.T
	dir    string
	anchor string
	key    *Key
	ledger []ledger.Option
	seal   []Option

	open   *ledger.Ledger
	sealer *Sealer
	count  int
}

func newFixture(t *testing.T, opts ...ledger.Option) *fixture {
	t.Helper()
	temp := t.TempDir()
	key, err := CreateKey(filepath.Join(temp, "key"), "example.com/audit")
	require.NoError(t, err)
	f := &fixture{t: t, dir: filepath.Join(temp, "ledger"), anchor: filepath.Join(temp, "anchor"), key: key}
	f.ledger = append([]ledger.Option{ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithDenseFrames()}, opts...)
	return f
}

// start opens the ledger and seals it.
func (f *fixture) start(opts ...Option) error {
	f.t.Helper()
	l, err := ledger.Open(f.dir, f.ledger...)
	require.NoError(f.t, err)
	f.open = l
	all := append([]Option{WithAnchor(AnchorFile(f.anchor)), WithErrorHandler(func(err error) { f.t.Log(err) })}, f.seal...)
	f.sealer, err = Start(f.t.Context(), l, f.key, append(all, opts...)...)
	if err != nil {
		require.NoError(f.t, l.Close())
	}
	return err
}

// append appends entries, a few at once.
func (f *fixture) append(n int) {
	f.t.Helper()
	for n > 0 {
		var entries [][]byte
		for range min(n, 1+n%7) {
			f.count++
			entries = append(entries, fmt.Appendf(nil, `{"id":%d,"action":"article.update","padding":"%0100d"}`, f.count, f.count))
		}
		_, err := f.open.Append(f.t.Context(), entries...)
		require.NoError(f.t, err)
		n -= len(entries)
	}
}

// appendUnsealed appends entries to the ledger, which is closed, without its seal.
func (f *fixture) appendUnsealed(n int) {
	f.t.Helper()
	l, err := ledger.Open(f.dir, f.ledger...)
	require.NoError(f.t, err)
	f.open = l
	f.append(n)
	require.NoError(f.t, l.Close())
}

// makeOnce makes a ledger of n entries that is sealed with one checkpoint. It returns a copy of it,
// and the names of the files of the seal.
func (f *fixture) makeOnce(n int) (whole string, names []string) {
	f.t.Helper()
	require.NoError(f.t, f.start(WithInterval(time.Hour)))
	f.append(n)
	f.stop()
	return copyTree(f.t, f.dir), fileNames(f.t, f.dir)
}

func (f *fixture) stop() {
	f.t.Helper()
	require.NoError(f.t, f.sealer.Close(f.t.Context()))
	require.NoError(f.t, f.open.Close())
}

// kill ends the process without a last checkpoint.
func (f *fixture) kill() {
	f.t.Helper()
	f.sealer.cancel()
	<-f.sealer.done
	require.NoError(f.t, f.open.Close())
}

// make makes a sealed ledger of n entries.
func (f *fixture) make(n int) *fixture {
	f.t.Helper()
	require.NoError(f.t, f.start())
	f.append(n)
	f.stop()
	return f
}

// held returns the checkpoint of the anchor.
func (f *fixture) held() []byte {
	f.t.Helper()
	b, err := os.ReadFile(f.anchor)
	require.NoError(f.t, err)
	return b
}

func (f *fixture) verify(change ...func(*VerifyOptions)) *Report {
	f.t.Helper()
	r, err := ledger.OpenReader(f.dir)
	require.NoError(f.t, err)
	defer r.Close()
	opts := VerifyOptions{Keys: []note.Verifier{f.key.Verifier()}, Held: f.held()}
	for _, c := range change {
		c(&opts)
	}
	report, err := Verify(f.t.Context(), r, opts)
	require.NoError(f.t, err)
	return report
}

func TestSealAndVerify(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 255, 256, 257, 1000} {
		f := newFixture(t).make(n)
		report := f.verify()
		require.Empty(t, report.Findings)
		require.EqualValues(t, n, report.Entries)
		require.EqualValues(t, n, report.Proved)
		require.EqualValues(t, n, report.Held.Size)
		require.Equal(t, report.Own, report.Held)
		require.Equal(t, uint64(n), report.Last)
	}
}

func TestRestarts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for round := range 8 {
		require.NoError(t, f.start())
		f.append(100 * (round + 1))
		if round%2 == 0 {
			f.kill()
		} else {
			f.stop()
			require.Empty(t, f.verify().Findings)
		}
	}
	report := f.verify()
	require.Empty(t, report.Findings)
	require.EqualValues(t, f.count, report.Proved)
}
