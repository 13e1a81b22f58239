package witness

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit/seal"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
)

// post sends a body to a handler.
func post(w http.Handler, body []byte) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/add-checkpoint", bytes.NewReader(body)))
	return rec
}

// requireSize requires a conflict that names the size of the newest checkpoint.
func requireSize(t *testing.T, rec *httptest.ResponseRecorder, size string) {
	t.Helper()
	require.Equal(t, http.StatusConflict, rec.Code)
	require.Equal(t, "text/x.tlog.size", rec.Header().Get("Content-Type"))
	require.Equal(t, size+"\n", rec.Body.String())
}

func TestAddCheckpoint(t *testing.T) {
	t.Parallel()
	h := newHistory(t, "log.example.com/"+strings.Repeat("0a", 16))
	h.grow(300, "leaf")
	w, key := newWitness(t, nil, h.verifier())

	rec := post(w, h.request(0, 10))
	require.Equal(t, http.StatusOK, rec.Code, rec.Body)
	signed := slices.Concat(h.checkpoint(10).Note, rec.Body.Bytes())
	n, err := note.Open(signed, note.VerifierList(key.Verifier()))
	require.NoError(t, err)
	require.Len(t, n.Sigs, 1)
	all, err := open(signed, note.VerifierList(key.Verifier()))
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, key.Name(), all[0].Witness)
	require.Equal(t, time.Unix(1_700_000_000, 0).UTC(), all[0].Time)

	requireSize(t, post(w, h.request(0, 20)), "10")
	requireSize(t, post(w, h.request(5, 20)), "10")
	requireSize(t, post(w, h.request(20, 20)), "10")
	require.Equal(t, http.StatusOK, post(w, h.request(10, 10)).Code, "the same again")
	for size := int64(10); size < 300; size += 29 {
		rec := post(w, h.request(size, size+29))
		require.Equal(t, http.StatusOK, rec.Code, rec.Body)
	}
	requireSize(t, post(w, h.request(10, 10)), "300")
}

func TestRejectedRequests(t *testing.T) {
	t.Parallel()
	h := newHistory(t, "log.example.com")
	h.grow(40, "leaf")
	w, _ := newWitness(t, nil, h.verifier())
	require.Equal(t, http.StatusOK, post(w, h.request(0, 10)).Code)

	foreign := newHistory(t, "log.example.com") // another key of the same name
	foreign.grow(40, "leaf")
	unknown := h.fork()
	unknown.origin = "other.example.com"
	longer := h.fork()
	longer.origin = "log.example.com/audit"
	other := h.fork()
	other.hashes, other.size = nil, 0
	other.grow(40, "other")
	valid := string(h.request(10, 20))
	head, note, _ := strings.Cut(valid, "\n\n")
	lines := strings.Split(head, "\n")

	tests := map[string]struct {
		body   string
		status int
	}{
		"an unknown origin":          {string(unknown.request(0, 10)), http.StatusNotFound},
		"an origin that goes on":     {string(longer.request(0, 10)), http.StatusNotFound},
		"an untrusted key":           {string(foreign.request(10, 20)), http.StatusForbidden},
		"a forged text":              {strings.Replace(valid, "\n20\n", "\n21\n", 1), http.StatusForbidden},
		"a larger old size":          {string(h.request(10, 9)), http.StatusBadRequest},
		"another history":            {string(other.request(10, 20)), http.StatusUnprocessableEntity},
		"no proof":                   {lines[0] + "\n\n" + note, http.StatusUnprocessableEntity},
		"a proof of too few hashes":  {strings.Join(lines[:len(lines)-1], "\n") + "\n\n" + note, http.StatusUnprocessableEntity},
		"a proof of equal sizes":     {"old 10\n" + lines[1] + "\n\n" + string(h.checkpoint(10).Note), http.StatusUnprocessableEntity},
		"64 hashes":                  {lines[0] + "\n" + strings.Repeat(lines[1]+"\n", 64) + "\n" + note, http.StatusBadRequest},
		"a line that is not a hash":  {lines[0] + "\nAAAA\n\n" + note, http.StatusBadRequest},
		"an old size with a zero":    {"old 010\n\n" + note, http.StatusBadRequest},
		"an old size below zero":     {"old -1\n\n" + note, http.StatusBadRequest},
		"no old size":                {"\n\n" + note, http.StatusBadRequest},
		"nothing":                    {"", http.StatusBadRequest},
		"no checkpoint":              {"old 10\n\nlog.example.com\n20\n", http.StatusBadRequest},
		"more than a request can be": {valid + strings.Repeat("x", maxRequest), http.StatusRequestEntityTooLarge},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rec := post(w, []byte(test.body))
			require.Equal(t, test.status, rec.Code, rec.Body)
			require.NotContains(t, rec.Body.String(), "—")
		})
	}
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/add-checkpoint", http.NoBody))
	require.Equal(t, http.StatusMethodNotAllowed, rec.Code)
	rec = httptest.NewRecorder()
	w.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/other", http.NoBody))
	require.Equal(t, http.StatusNotFound, rec.Code)
}

// TestFork offers another tree of the same size: the evidence is kept.
func TestFork(t *testing.T) {
	t.Parallel()
	h := newHistory(t, "log.example.com")
	other := h.fork()
	h.grow(10, "leaf")
	other.grow(10, "other")
	var reported []error
	w, _ := newWitness(t, []Option{WithErrorHandler(func(err error) { reported = append(reported, err) })}, h.verifier())
	require.Equal(t, http.StatusOK, post(w, h.request(0, 10)).Code)
	for range 2 {
		requireSize(t, post(w, other.request(10, 10)), "10")
	}
	require.Len(t, reported, 2)
	fork := &ForkError{}
	require.ErrorAs(t, reported[0], &fork)
	require.Equal(t, h.checkpoint(10), fork.Cosigned)
	require.Equal(t, other.checkpoint(10), fork.Offered)
	kept, err := filepath.Glob(filepath.Join(w.states.dir, "*"+forkSuffix))
	require.NoError(t, err)
	require.Len(t, kept, 1)
	content, err := os.ReadFile(kept[0])
	require.NoError(t, err)
	require.Equal(t, other.checkpoint(10).Note, content)

	w.states.evidence = maxEvidence
	require.NoError(t, os.Remove(kept[0]))
	requireSize(t, post(w, other.request(10, 10)), "10")
	require.ErrorIs(t, reported[2], errEvidence, "the operator learns that it is not kept")
	require.ErrorAs(t, reported[2], &fork)
	require.NoFileExists(t, kept[0])
}

// TestRestart keeps what was cosigned, and never forgets it because a file is damaged.
func TestRestart(t *testing.T) {
	t.Parallel()
	h := newHistory(t, "log.example.com")
	h.grow(20, "leaf")
	_, key := newWitness(t, nil, h.verifier())
	dir := filepath.Join(t.TempDir(), "state")
	open := func() (*Witness, error) { return Open(dir, key, []note.Verifier{h.verifier()}) }
	w, err := open()
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, post(w, h.request(0, 10)).Code)
	_, err = open()
	require.ErrorContains(t, err, "in use")
	require.NoError(t, w.Close())

	half, profile := filepath.Join(dir, "."+stateName(h.origin)+".tmp-123"), filepath.Join(dir, ".profile")
	require.NoError(t, os.WriteFile(half, []byte("half"), 0o600))
	require.NoError(t, os.WriteFile(profile, []byte("somebody's"), 0o600))
	w, err = open()
	require.NoError(t, err)
	require.NoFileExists(t, half)
	require.FileExists(t, profile, "it is not a file of the witness")
	requireSize(t, post(w, h.request(0, 20)), "10")
	require.NoError(t, os.RemoveAll(dir))
	rec := post(w, h.request(10, 20))
	require.Equal(t, http.StatusInternalServerError, rec.Code, "what cannot be stored is not cosigned")
	require.NotContains(t, rec.Body.String(), "—")
	requireSize(t, post(w, h.request(0, 20)), "10")
	require.NoError(t, w.Close())

	w, err = open()
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, post(w, h.request(0, 10)).Code)
	require.NoError(t, w.Close())
	for _, content := range []string{"", "log.example.com\n", string(h.checkpoint(10).Note[:30]), strings.Replace(string(h.checkpoint(10).Note), "log.", "lag.", 1)} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, stateName(h.origin)), []byte(content), 0o600))
		_, err = open()
		require.ErrorContains(t, err, "is damaged")
	}
}

// TestFlippedState takes no state with a flipped bit for another history, and accepts one whose
// log or witness has another key now.
func TestFlippedState(t *testing.T) {
	t.Parallel()
	h := newHistory(t, "log.example.com")
	h.grow(20, "leaf")
	keys := testKeys(t, 2)
	dir := t.TempDir()
	logs := []note.Verifier{h.verifier()}
	w, err := Open(dir, keys[0], logs)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, post(w, h.request(0, 10)).Code)
	require.NoError(t, w.Close())
	path := filepath.Join(dir, stateName(h.origin))
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	signed := bytes.Index(content, []byte("\n\n"))
	for i := range content {
		flipped := bytes.Clone(content)
		flipped[i] ^= 1 << (i % 8)
		require.NoError(t, os.WriteFile(path, flipped, 0o600))
		w, err := Open(dir, keys[0], logs)
		if err == nil {
			require.NoError(t, w.Close())
			require.Greater(t, i, signed, "one of the two signatures is enough")
		} else {
			require.ErrorContains(t, err, "is damaged")
		}
	}
	require.NoError(t, os.WriteFile(path, content, 0o600))
	other := newHistory(t, "log.example.com")
	for _, open := range []func() (*Witness, error){
		func() (*Witness, error) { return Open(dir, keys[1], logs) },
		func() (*Witness, error) { return Open(dir, keys[0], []note.Verifier{other.verifier()}) },
	} {
		w, err := open()
		require.NoError(t, err)
		require.NoError(t, w.Close())
	}
	_, err = Open(dir, keys[1], []note.Verifier{other.verifier()})
	require.ErrorContains(t, err, "is damaged")
}

func TestOpenWithoutLogs(t *testing.T) {
	t.Parallel()
	_, err := Open(t.TempDir(), nil, nil)
	require.ErrorContains(t, err, "public key")
	h := newHistory(t, "log.example.com")
	logs := []note.Verifier{h.verifier()}
	_, err = Open(t.TempDir(), nil, logs)
	require.ErrorContains(t, err, "key is nil")
	_, err = Open(t.TempDir(), testKeys(t, 1)[0], logs, WithErrorHandler(nil))
	require.ErrorContains(t, err, "error handler is nil")
}

// TestTooManyLogs lets the holder of one key fill its share. That of another key is free.
func TestTooManyLogs(t *testing.T) {
	t.Parallel()
	greedy, other := newHistory(t, "greedy.example.com"), newHistory(t, "log.example.com")
	greedy.grow(1, "leaf")
	other.grow(1, "leaf")
	w, _ := newWitness(t, nil, greedy.verifier(), other.verifier())
	for i := range maxLogs {
		origin := fmt.Sprintf("greedy.example.com/%032x", i)
		w.states.logs[origin] = &log{newest: seal.Checkpoint{Origin: origin}}
	}
	require.Equal(t, http.StatusInsufficientStorage, post(w, greedy.request(0, 1)).Code)
	require.Equal(t, http.StatusOK, post(w, other.request(0, 1)).Code)
}

func TestKeys(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	key, err := CreateKey(path, "witness.example.org/w1")
	require.NoError(t, err)
	again, err := LoadKey(path)
	require.NoError(t, err)
	require.Equal(t, key.Public(), again.Public())
	public, err := os.ReadFile(path + ".pub")
	require.NoError(t, err)
	v, err := ParsePublicKey(string(public))
	require.NoError(t, err)
	require.Equal(t, key.Verifier(), v)
	_, err = CreateKey(path, "witness.example.org/w1")
	require.ErrorIs(t, err, os.ErrExist)
	_, err = seal.ParsePublicKey(string(public))
	require.Error(t, err, "it seals nothing")

	sealing, err := seal.CreateKey(path+"2", "example.com")
	require.NoError(t, err)
	for name, text := range map[string]string{
		"that of a ledger": sealing.Public(),
		"nothing":          "",
		"a wrong hash":     strings.Replace(key.Public(), "+", "+0", 1),
		"another name":     strings.Replace(key.Public(), "w1", "w2", 1),
		"a cut key":        key.Public()[:len(key.Public())-4],
	} {
		_, err := ParsePublicKey(text)
		require.Error(t, err, name)
	}
	require.NoError(t, os.Chmod(path, 0o644))
	_, err = LoadKey(path)
	require.ErrorIs(t, err, seal.ErrInsecureKey)
	require.NoError(t, os.WriteFile(path+"3", []byte("PRIVATE+KEY+secret"), 0o600))
	_, err = LoadKey(path + "3")
	require.ErrorContains(t, err, "not the file of a private key")
	require.NotContains(t, err.Error(), "secret")
}
