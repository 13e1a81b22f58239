package config_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opendeed/audit/config"
	"github.com/opendeed/audit/seal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// line is what a line of stdout has of a ledger.
type line struct {
	Action string `json:"action"`
	Place  *struct {
		Log string `json:"log"`
		Seq uint64 `json:"seq"`
	} `json:"place"`
	Checkpoint *struct {
		Size int64  `json:"size"`
		Note string `json:"note"`
	} `json:"checkpoint"`
}

// The keys of stdout write the places of records, and the checkpoints of a sealed ledger.
func TestPlacesAndCheckpoints(t *testing.T) {
	temp := t.TempDir()
	key, err := seal.CreateKey(filepath.Join(temp, "audit.key"), "shop.example.com/audit")
	require.NoError(t, err)
	for keys, want := range map[string]struct{ places, checkpoint bool }{
		"places: true, checkpoints: true":   {true, true},
		"places: true":                      {true, false},
		"checkpoints: true":                 {false, true},
		"places: false, checkpoints: false": {false, false},
	} {
		t.Setenv("TEST_DIR", filepath.Join(t.TempDir(), "ledger"))
		t.Setenv("TEST_KEY", filepath.Join(temp, "audit.key"))
		file := write(t, "deploy.yaml", "ledger: {dir: '${TEST_DIR}'}\nseal: '${TEST_KEY}'\nanonymous: ['*']\nexporters: [{type: stdout, "+keys+"}]\n")
		var out bytes.Buffer
		p, err := config.NewTrackerProvider(t.Context(), config.WithFile(file), config.WithStdout(&out))
		require.NoError(t, err)
		track(t, p)
		require.NoError(t, p.Shutdown(t.Context()))
		places, checkpoints := 0, 0
		for text := range strings.Lines(out.String()) {
			var l line
			require.NoError(t, json.Unmarshal([]byte(text), &l))
			if l.Place != nil {
				places++
				assert.EqualValues(t, places, l.Place.Seq)
			}
			if l.Checkpoint != nil {
				checkpoints++
				c, err := seal.OpenCheckpoint([]byte(l.Checkpoint.Note), key.Verifier())
				require.NoError(t, err)
				assert.Equal(t, l.Checkpoint.Size, c.Size)
			}
		}
		assert.Equal(t, want.places, places == len(events), keys)
		assert.Equal(t, want.places, places > 0, keys)
		assert.Equal(t, want.checkpoint, checkpoints > 0, keys)
	}
}

// A key that would have no effect is a problem.
func TestPlacesWithoutLedger(t *testing.T) {
	file := write(t, "deploy.yaml", "exporters: [{type: stdout, places: true, checkpoints: true}]\n")
	_, err := config.Load(t.Context(), config.WithFile(file))
	require.ErrorContains(t, err, "exporters[0].places: it needs a ledger")
	require.ErrorContains(t, err, "exporters[0].checkpoints: it needs a sealed ledger; set seal")
}
