package sdk

import (
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export/exporttest"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/metric/noop"
)

func testValidator(t *testing.T, opts ...ValidationOption) *validator {
	t.Helper()
	v, err := newValidator(opts...)
	require.NoError(t, err)
	v.metrics, err = newMetrics(noop.NewMeterProvider().Meter("test"), nil)
	require.NoError(t, err)
	return v
}

// TestOddRecordsAreValid tests that validation neither rejects nor changes the odd records
// of the conformance suite. Otherwise no exporter would get such records.
func TestOddRecordsAreValid(t *testing.T) {
	t.Parallel()
	v := testValidator(t)
	fresh := exporttest.OddRecords()
	for i, r := range exporttest.OddRecords() {
		require.NoError(t, v.check(t.Context(), r), r.Action)
		require.NoError(t, exporttest.Equal(fresh[i], r), r.Action)
	}
}

// TestValidationChecksAssignedFields tests what happens if a processor removes the
// fields that the SDK has assigned.
func TestValidationChecksAssignedFields(t *testing.T) {
	t.Parallel()
	v := testValidator(t, WithActions("article.*"))
	r := &record.Record{ObservedTime: time.Now(), Event: audit.Event{
		ID: audit.NewID(), Time: time.Now(), Action: "article.update", Actor: audit.User("1"),
	}}
	require.NoError(t, v.check(t.Context(), r))
	r.ID = audit.ID{}
	require.ErrorContains(t, v.check(t.Context(), r), "id: it is missing")
	r.ID, r.Actor = audit.NewID(), audit.Actor{}
	assert.ErrorContains(t, v.check(t.Context(), r), "actor.type: it is missing")
}
