package config

import (
	"context"
	"testing"

	"github.com/opendeed/audit/export"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMongoDBCheckpoints exports a checkpoint to a server that is not there: it is an error, unless
// the configuration turns checkpoints off.
func TestMongoDBCheckpoints(t *testing.T) {
	t.Parallel()
	for stores, f := range map[bool]flag{true: flagUnset, false: flagFalse} {
		m := &mongodbModel{exporterCommon: exporterCommon{Type: typeMongoDB}, Indexes: flagFalse, Checkpoints: f}
		require.Nil(t, m.URI.set("mongodb://127.0.0.1:1/"))
		d := newDecoder(&source{}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // nobody waits for the server
		e := m.open(ctx, &settings{}, d, "exporters[0]")
		require.NotNil(t, e, "%v", d.problems)
		err := e.(export.CheckpointExporter).ExportCheckpoint(ctx, export.Checkpoint{Log: "1", Size: 1, Note: []byte("note")})
		assert.Equal(t, stores, err != nil, "%v", err)
		require.NoError(t, e.Shutdown(t.Context()))
	}
}
