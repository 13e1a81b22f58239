package sdk_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDeadLetterJSON fixes the members of a dead letter that an application shows or stores.
func TestDeadLetterJSON(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(sdk.DeadLetter{
		Exporter: "mongodb", Seq: 3, Through: 4, Reason: "damaged", Attempts: 2,
		Time: time.Unix(0, 0).UTC(), Raw: []byte("x"), Replayed: true,
	})
	require.NoError(t, err)
	assert.JSONEq(t, `{"exporter":"mongodb","seq":3,"through":4,"reason":"damaged","attempts":2,
		"time":"1970-01-01T00:00:00Z","raw":"eA=="}`, string(text))
}
