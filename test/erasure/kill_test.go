package erasure_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/erasure"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/sdk/redact"
	"github.com/opendeed/audit/seal"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
)

// The variables that make the test's program the process that is killed.
const (
	dirVariable  = "ERASURE_TEST_DIR"
	stepVariable = "ERASURE_TEST_STEP"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(dirVariable); dir != "" {
		if err := eraseUntil(dir, os.Getenv(stepVariable)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// The steps at which the process is killed.
const (
	whileAsking = "while it asks for holds"
	beforeKey   = "before the key is destroyed"
	afterKey    = "after the key was destroyed"
	never       = "never"
)

// mortal is a key store that kills the process.
type mortal struct {
	*erasure.Dir

	step string
}

func (m mortal) Destroy(ctx context.Context, s erasure.Subject) error {
	die(m.step == beforeKey)
	err := m.Dir.Destroy(ctx, s)
	die(m.step == afterKey)
	return err
}

// die kills this process, as a power cut would.
func die(now bool) {
	if now {
		self, err := os.FindProcess(os.Getpid())
		if err != nil || self.Kill() != nil {
			os.Exit(0) // which the test reports
		}
		select {} // the signal may take a moment
	}
}

func openSealed(dir string, keys erasure.KeyStore) (*sdk.TrackerProvider, *seal.Key, error) {
	vault, err := erasure.NewVault(keys)
	if err != nil {
		return nil, nil, err
	}
	key, err := seal.LoadOrCreateKey(filepath.Join(dir, "key"), "example.com/audit")
	if err != nil {
		return nil, nil, err
	}
	p, err := sdk.NewTrackerProvider(sdk.WithLedger(filepath.Join(dir, "ledger")), sdk.WithSeal(key),
		sdk.WithRedaction(redact.WithKeyStrategy("p.*", redact.Erasable(vault.For(erasure.Actor)))))
	return p, key, err
}

var alice = erasure.Subject{Type: "user", ID: "42"}

// eraseUntil erases a subject, and is killed at a step.
func eraseUntil(dir, step string) error {
	keys, err := erasure.CreateDir(filepath.Join(dir, "keys"))
	if err != nil {
		return err
	}
	p, _, err := openSealed(dir, keys)
	if err != nil {
		return err
	}
	e := event("customer.update")
	e.Outcome = audit.OutcomeSuccess
	if err := p.Tracker("test").Track(context.Background(), e); err != nil && step != never {
		return err
	}
	ctx := audit.ContextWithActor(context.Background(), audit.User("dpo"))
	held := func(context.Context, *erasure.Key) ([]string, error) {
		die(step == whileAsking)
		return nil, nil
	}
	_, err = erasure.Erase(ctx, mortal{keys, step}, p.Tracker("test"), erasure.Request{Subject: alice, Reason: "request 7", Held: held})
	if err != nil {
		return err
	}
	return p.Shutdown(context.Background())
}

// Wherever an erasure is killed, it is recorded as attempted, the ledger is intact, and the next
// one finishes it.
func TestEraseIsKilled(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	require.NoError(t, err)
	for _, step := range []string{whileAsking, beforeKey, afterKey} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			run := func(step string) error {
				cmd := exec.CommandContext(t.Context(), program)
				cmd.Env = append(os.Environ(), dirVariable+"="+dir, stepVariable+"="+step)
				cmd.Stderr = os.Stderr
				return cmd.Run()
			}
			require.Error(t, run(step), "it is killed")
			keys, err := erasure.OpenDir(filepath.Join(dir, "keys"))
			require.NoError(t, err)
			defer func() { require.NoError(t, keys.Close()) }()
			_, err = keys.Existing(t.Context(), alice)
			var erased *erasure.ErasedError
			if step == afterKey {
				require.ErrorAs(t, err, &erased)
			} else {
				require.NoError(t, err)
			}
			require.NoError(t, run(never))
			_, err = keys.Existing(t.Context(), alice)
			require.ErrorAs(t, err, &erased)
			require.Equal(t, []string{
				"unknown by dpo", "unknown by audit-recovery", // what was killed
				"unknown by dpo", "success by dpo",
			}, erasures(t, dir, keys))
		})
	}
}

// erasures returns what the ledger says of erasures. It verifies the seal, and that no value can
// be read.
func erasures(t *testing.T, dir string, keys erasure.KeyStore) (found []string) {
	t.Helper()
	p, key, err := openSealed(dir, keys)
	require.NoError(t, err)
	require.NoError(t, p.Shutdown(t.Context()))
	r, err := ledger.OpenReader(filepath.Join(dir, "ledger"))
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	report, err := seal.Verify(t.Context(), r, seal.VerifyOptions{Keys: []note.Verifier{key.Verifier()}})
	require.NoError(t, err)
	require.Empty(t, report.Findings)
	require.EqualValues(t, report.Entries, report.Sealed)
	reader, err := ledgerquery.NewReader(filepath.Join(dir, "ledger"))
	require.NoError(t, err)
	for r, err := range reader.Find(t.Context(), query.Filter{Ascending: true}) {
		require.NoError(t, err)
		if r.Action == semconv.ActionSubjectErase {
			require.Equal(t, audit.Target{Type: "user", ID: "42"}, r.Target)
			found = append(found, r.Outcome.String()+" by "+r.Actor.ID)
		}
		for field := range erasure.Values(r) {
			_, err := erasure.Open(t.Context(), keys, r, field)
			require.Error(t, err, field)
		}
	}
	return found
}
