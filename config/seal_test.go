package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opendeed/audit/config"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
)

// One line of a configuration seals the ledger.
func TestSeal(t *testing.T) {
	temp := t.TempDir()
	dir, keyFile, anchor := filepath.Join(temp, "ledger"), filepath.Join(temp, "audit.key"), filepath.Join(temp, "anchor")
	key, err := seal.CreateKey(keyFile, "shop.example.com/audit")
	require.NoError(t, err)
	t.Setenv("TEST_DIR", dir)
	t.Setenv("TEST_KEY", keyFile)
	t.Setenv("TEST_ANCHOR", anchor)
	file := write(t, "deploy.yaml", `
ledger: {dir: "${TEST_DIR}"}
seal: {key: "${TEST_KEY}", anchor: "${TEST_ANCHOR}"}
anonymous: ["*"]
exporters: none
`)
	p, err := config.NewTrackerProvider(t.Context(), config.WithFile(file))
	require.NoError(t, err)
	track(t, p)
	require.NoError(t, p.Shutdown(t.Context()))
	requireSealed(t, dir, key, anchor)

	require.NoError(t, os.RemoveAll(dir))
	_, err = config.NewTrackerProvider(t.Context(), config.WithFile(file))
	require.ErrorContains(t, err, "seal: ")
	require.ErrorContains(t, err, "the checkpoint is that of another ledger")

	// With variables, and without an anchor.
	other := filepath.Join(temp, "other")
	for name, value := range map[string]string{"AUDIT_LEDGER_DIR": other, "AUDIT_EXPORTERS": "none", "AUDIT_ANONYMOUS": "*", "AUDIT_SEAL_KEY": keyFile} {
		t.Setenv(name, value)
	}
	p, err = config.NewTrackerProvider(t.Context())
	require.NoError(t, err)
	track(t, p)
	require.NoError(t, p.Shutdown(t.Context()))
	requireSealed(t, other, key, "")

	// A policy that cannot be read is an error, and no seal without witnesses.
	policy := write(t, "witnesses.policy", "quorum none\n")
	t.Setenv("AUDIT_SEAL_WITNESSES", policy)
	p, err = config.NewTrackerProvider(t.Context())
	require.NoError(t, err)
	require.NoError(t, p.Shutdown(t.Context()))
	require.FileExists(t, filepath.Join(other, seal.DirName, "cosigned"))
	require.NoError(t, os.WriteFile(policy, []byte("quorum nobody\n"), 0o600))
	_, err = config.NewTrackerProvider(t.Context())
	require.ErrorContains(t, err, `no line before it defines "nobody"`)
	t.Setenv("AUDIT_SEAL_WITNESSES", "")

	t.Setenv("AUDIT_SEAL_KEY", keyFile+"-none")
	_, err = config.NewTrackerProvider(t.Context())
	require.ErrorContains(t, err, "audit.key-none: no such file")
	require.NoError(t, config.Check(t.Context()), "the key need not be where the configuration is checked")
}

// A configuration whose seal nothing outside of the directory holds is valid, and has a warning.
func TestWarnings(t *testing.T) {
	for content, warned := range map[string]bool{
		"exporters: none":                                                      true,
		"exporters: [{type: stdout}]":                                          true,
		"exporters: [{type: stdout, checkpoints: true}]":                       false,
		"exporters: [{type: mongodb, uri: 'mongodb://h', checkpoints: false}]": true,
		"exporters: [{type: stdout}, {type: mongodb, uri: 'mongodb://h'}]":     false,
		"exporters: [{type: otlp, endpoint: 'http://h:4318'}]":                 false,
		"exporters: none\nledger: {dir: trail}\nseal: {key: k, anchor: a}":     false,
		"exporters: none\nledger: {dir: trail}\nseal: {key: k, witnesses: w}":  false,
		"exporters: none\nledger: {dir: trail}\nanonymous: ['*']":              false,
	} {
		if !strings.Contains(content, "ledger:") {
			content += "\nledger: {dir: trail}\nseal: audit.key"
		}
		c, err := config.Load(t.Context(), config.WithFile(write(t, "deploy.yaml", content)))
		require.NoError(t, err, content)
		if !warned {
			require.Empty(t, c.Warnings(), content)
			continue
		}
		require.Len(t, c.Warnings(), 1, content)
		require.Contains(t, c.Warnings()[0], "set seal.anchor or seal.witnesses")
	}
}

// A key is replaced in the steps that docs/seal-keys.md has. Both sign meanwhile.
func TestReplaceKey(t *testing.T) {
	temp := t.TempDir()
	dir, anchor := filepath.Join(temp, "ledger"), filepath.Join(temp, "anchor")
	var keys []*seal.Key
	for _, name := range []string{"TEST_KEY", "TEST_KEY_2"} {
		file := filepath.Join(temp, name)
		key, err := seal.CreateKey(file, "shop.example.com/audit")
		require.NoError(t, err)
		keys = append(keys, key)
		t.Setenv(name, file)
	}
	t.Setenv("TEST_DIR", dir)
	t.Setenv("TEST_ANCHOR", anchor)
	start := func(seal string) error {
		file := write(t, "deploy.yaml", "ledger: {dir: '${TEST_DIR}'}\nanonymous: ['*']\nexporters: none\nseal: {"+seal+", anchor: '${TEST_ANCHOR}'}\n")
		p, err := config.NewTrackerProvider(t.Context(), config.WithFile(file))
		if err != nil {
			return err
		}
		return p.Shutdown(t.Context())
	}
	verify := func(key *seal.Key) error {
		held, err := os.ReadFile(anchor)
		require.NoError(t, err)
		_, err = seal.OpenCheckpoint(held, key.Verifier())
		return err
	}
	require.NoError(t, start("key: '${TEST_KEY}'"))
	require.ErrorIs(t, start("key: '${TEST_KEY_2}'"), seal.ErrUntrusted)
	require.NoError(t, start("key: '${TEST_KEY_2}', previous_key: '${TEST_KEY}'"))
	require.NoError(t, verify(keys[0]))
	require.NoError(t, verify(keys[1]))
	require.NoError(t, start("key: '${TEST_KEY_2}'"))
	require.NoError(t, verify(keys[1]))
	require.ErrorContains(t, start("key: '${TEST_KEY_2}', previous_key: '${TEST_DIR}-none'"), "-none: no such file")
}

func requireSealed(t *testing.T, dir string, key *seal.Key, anchor string) {
	t.Helper()
	r, err := ledger.OpenReader(dir)
	require.NoError(t, err)
	defer r.Close()
	opts := seal.VerifyOptions{Keys: []note.Verifier{key.Verifier()}}
	if anchor != "" {
		opts.Held, err = os.ReadFile(anchor)
		require.NoError(t, err)
	}
	report, err := seal.Verify(t.Context(), r, opts)
	require.NoError(t, err)
	assert.Empty(t, report.Findings)
	assert.EqualValues(t, len(events), report.Sealed)
}
