package sealed_test

import (
	"context"
	"errors"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
	"github.com/opendeed/audit/viewer"
	"github.com/opendeed/audit/viewer/sealed"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
)

// trail is a ledger of which 3 records are sealed and one is not.
type trail struct {
	dir, anchor string
	key         *seal.Key
	prover      *sealed.Prover
	reader      query.Reader
}

const secret = "zanzibar"

func newTrail(t *testing.T) *trail {
	t.Helper()
	temp := t.TempDir()
	key, err := seal.CreateKey(filepath.Join(temp, "key"), "example.com/audit")
	require.NoError(t, err)
	tr := &trail{dir: filepath.Join(temp, "ledger"), anchor: filepath.Join(temp, "anchor"), key: key}
	tr.track(t, 3, sdk.WithSeal(key, seal.WithAnchor(seal.AnchorFile(tr.anchor))))
	tr.track(t, 1)
	tr.prover, err = sealed.NewProver(tr.dir, []note.Verifier{key.Verifier()})
	require.NoError(t, err)
	tr.reader, err = ledgerquery.NewReader(tr.dir)
	require.NoError(t, err)
	return tr
}

func (tr *trail) track(t *testing.T, n int, opts ...sdk.Option) {
	t.Helper()
	p, err := sdk.NewTrackerProvider(append(opts, sdk.WithLedger(tr.dir, ledger.WithScrub(0)))...)
	require.NoError(t, err)
	for range n {
		require.NoError(t, p.Tracker("test").Track(t.Context(), audit.Event{
			Action: "article.publish", Operation: audit.OperationUpdate, Outcome: audit.OutcomeSuccess, Actor: audit.User("alice"),
			Target: audit.Target{Type: "article", ID: "7"}, Tenant: "acme", Reason: secret,
		}))
	}
	require.NoError(t, p.Shutdown(t.Context()))
}

// ids returns the IDs of the records, the oldest first.
func (tr *trail) ids(t *testing.T) (ids []string) {
	t.Helper()
	for r, err := range tr.reader.Find(t.Context(), query.Filter{Ascending: true}) {
		require.NoError(t, err)
		ids = append(ids, r.ID.String())
	}
	require.Len(t, ids, 4)
	return ids
}

// handler returns a viewer of the trail. It fails the test for what it reports, unless want is
// part of that.
func (tr *trail) handler(t *testing.T, view viewer.View, want string) http.Handler {
	t.Helper()
	h, err := viewer.New(tr.reader, viewer.WithoutRecording(), viewer.WithProvers(tr.prover),
		viewer.WithHealth(func(context.Context) (viewer.Health, error) { return viewer.Health{}, nil }),
		viewer.WithErrorHandler(func(_ context.Context, err error) {
			if want == "" || !strings.Contains(err.Error(), want) {
				t.Error(err)
			}
		}),
		viewer.Authorize(func(*http.Request) (audit.Actor, viewer.View, error) { return audit.User("auditor"), view, nil }))
	require.NoError(t, err)
	return h
}

var tags = regexp.MustCompile(`<[^>]*>`)

func get(t *testing.T, h http.Handler, address string) (body string, answer *httptest.ResponseRecorder) {
	t.Helper()
	answer = httptest.NewRecorder()
	h.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, address, nil))
	return html.UnescapeString(strings.Join(strings.Fields(tags.ReplaceAllString(answer.Body.String(), " ")), " ")), answer
}

func TestProofOnThePage(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	ids, h := tr.ids(t), tr.handler(t, viewer.View{All: true}, "")
	page, answer := get(t, h, "/record?id="+ids[1])
	require.Contains(t, page, "Sealed Yes. The record is as it was when it was sealed: its proof was checked just now.")
	require.Contains(t, page, "covers 3 entries; this record is number 2")
	require.Contains(t, page, "Signed by example.com/audit")
	require.Contains(t, answer.Body.String(), `href="./proof?id=`+ids[1]+`"`)

	_, answer = get(t, h, "/proof?id="+ids[1])
	require.Equal(t, http.StatusOK, answer.Code)
	require.Contains(t, answer.Header().Get("Content-Disposition"), ids[1]+".tlog-proof")
	proof, err := seal.OpenProof(answer.Body.Bytes(), nil, tr.key.Verifier())
	require.NoError(t, err)
	require.Contains(t, string(proof.Entry), ids[1])

	page, _ = get(t, h, "/record?id="+ids[3])
	require.Contains(t, page, "No checkpoint covers this record.")
	_, answer = get(t, h, "/proof?id="+ids[3])
	require.Equal(t, http.StatusNotFound, answer.Code)
	_, answer = get(t, h, "/proof?id=0199c1f2-0000-7000-8000-00000000ffff")
	require.Equal(t, http.StatusNotFound, answer.Code)
}

// TestProofByIndex proves records by the sequence numbers that an index has, also if they are
// wrong.
func TestProofByIndex(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	var entries [][]byte
	for l, err := range query.Lines(t.Context(), tr.reader, query.Filter{Ascending: true}) {
		require.NoError(t, err)
		entries = append(entries, []byte(l.JSON))
	}
	reader, ok := tr.reader.(*ledgerquery.Reader)
	require.True(t, ok)
	for name, find := range map[string]func(context.Context, []byte) ([]uint64, error){
		"the index":    reader.Sequences,
		"none":         func(context.Context, []byte) ([]uint64, error) { return nil, nil },
		"an error":     func(context.Context, []byte) ([]uint64, error) { return nil, errors.New("damaged") },
		"another seq":  func(context.Context, []byte) ([]uint64, error) { return []uint64{1}, nil },
		"several seqs": func(context.Context, []byte) ([]uint64, error) { return []uint64{3, 2, 1}, nil },
		"a newer copy": func(context.Context, []byte) ([]uint64, error) { return []uint64{4, 3, 2, 1}, nil },
	} {
		tr.prover.UseIndex(find)
		for n := range 3 {
			proof, err := tr.prover.Prove(t.Context(), entries[n])
			require.NoError(t, err, name)
			require.EqualValues(t, n, proof.Leaf)
		}
		_, err := tr.prover.Prove(t.Context(), entries[3])
		if name == "another seq" || name == "several seqs" || name == "a newer copy" { // as if it had been altered
			require.ErrorIs(t, err, seal.ErrNotProved)
		} else {
			require.ErrorIs(t, err, viewer.ErrNotSealed, name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	tr.prover.UseIndex(func(context.Context, []byte) ([]uint64, error) {
		cancel() // the time of the page is over just when the index has answered
		return []uint64{1}, nil
	})
	_, err := tr.prover.Prove(ctx, entries[0])
	require.ErrorIs(t, err, context.Canceled)
}

// TestNoProofOfHiddenFields: a proof has the whole record, so nobody gets one who sees a part.
func TestNoProofOfHiddenFields(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	id := tr.ids(t)[1]
	for name, tt := range map[string]struct {
		view  viewer.View
		why   string
		shown bool
	}{
		"hidden field":   {view: viewer.View{All: true, Hidden: []string{"reason"}}, why: "you see a part of it"},
		"shown fields":   {view: viewer.View{All: true, Fields: []string{"changes.*"}}, why: "you see a part of it"},
		"other targets":  {view: viewer.View{Within: query.Filter{TargetTypes: []string{"article"}}}, why: "you see a part of it"},
		"another tenant": {view: viewer.View{Within: query.Filter{Tenants: []string{"globex"}}}, why: "There is no such record"},
		"own tenant":     {view: viewer.View{Within: query.Filter{Tenants: []string{"acme"}}}, shown: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := tr.handler(t, tt.view, "")
			page, answer := get(t, h, "/proof?id="+id)
			if tt.shown {
				require.Equal(t, http.StatusOK, answer.Code)
				return
			}
			require.Equal(t, http.StatusNotFound, answer.Code, page)
			require.Contains(t, page, tt.why)
			require.NotContains(t, answer.Body.String(), secret)
			require.NotContains(t, answer.Body.String(), "tlog-proof")
			page, answer = get(t, h, "/record?id="+id)
			require.NotContains(t, page, "Sealed Yes")
			require.NotContains(t, answer.Body.String(), "./proof")
		})
	}
}

// TestAlteredSeal: a record whose hash was altered in the seal is not called proved.
func TestAlteredSeal(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	id := tr.ids(t)[1]
	tile := filepath.Join(tr.dir, seal.DirName, "tile", "0", "000.p", "3")
	hashes, err := os.ReadFile(tile)
	require.NoError(t, err)
	hashes[0] ^= 1 // of the record before
	require.NoError(t, os.WriteFile(tile, hashes, 0o600))
	h := tr.handler(t, viewer.View{All: true}, "seal")
	page, answer := get(t, h, "/record?id="+id)
	require.Contains(t, page, "The seal does not prove this record.")
	require.NotContains(t, page, "Sealed Yes")
	require.NotContains(t, answer.Body.String(), "./proof")
	_, answer = get(t, h, "/proof?id="+id)
	require.Equal(t, http.StatusInternalServerError, answer.Code)
}

func TestSealOnTheHealthPage(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	h := tr.handler(t, viewer.View{All: true}, "not signed by a trusted key")
	page, _ := get(t, h, "/health")
	require.Contains(t, page, "Newest checkpoint covers 3 entries")
	require.Contains(t, page, "Not sealed yet 1 entry")
	require.Contains(t, page, "Verified not since this viewer started")

	held, err := os.ReadFile(tr.anchor)
	require.NoError(t, err)
	report, err := tr.prover.Verify(t.Context(), seal.VerifyOptions{Held: held})
	require.NoError(t, err)
	require.True(t, report.Intact())
	state, err := tr.prover.Seal(t.Context())
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), state.Verified, time.Hour)
	require.Zero(t, state.Findings)
	page, _ = get(t, h, "/health")
	require.Contains(t, page, "Verified just now")

	// A view of a part of the trail has no such page.
	_, answer := get(t, tr.handler(t, viewer.View{Within: query.Filter{Tenants: []string{"acme"}}}, ""), "/health")
	require.Equal(t, http.StatusNotFound, answer.Code)

	other, err := seal.CreateKey(filepath.Join(t.TempDir(), "key"), "example.com/audit")
	require.NoError(t, err)
	tr.prover, err = sealed.NewProver(tr.dir, []note.Verifier{other.Verifier()})
	require.NoError(t, err)
	page, _ = get(t, tr.handler(t, viewer.View{All: true}, "not signed by a trusted key"), "/health")
	require.Contains(t, page, "no trusted key has signed it")
	_, err = sealed.NewProver(tr.dir, nil)
	require.ErrorContains(t, err, "needs a public key")
}
