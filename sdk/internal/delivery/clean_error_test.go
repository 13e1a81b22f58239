package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

type badError struct{}

func (*badError) Error() string { panic("with the secret") }

// TestCleanErrors checks that an exporter's error says nothing of what the records have, and
// means the same.
func TestCleanErrors(t *testing.T) {
	t.Parallel()
	s := sink{redact: func(text string) string { return strings.ReplaceAll(text, "secret", "***") }}
	records := []*record.Record{{Event: audit.Event{
		Target: audit.Target{Type: "patient-file", ID: "P-1001-22"}, Reason: "short",
		Changes: []audit.Change{{Field: "diagnosis", New: attribute.MapValue(attribute.String("icd", "diagnosis \"B20\""))}},
		Metadata: []attribute.KeyValue{
			attribute.StringSlice("notes", []string{"a diagnosis", "the diagnosis of the patient", "of the patient"}),
			attribute.Int64("number", 1234567890), attribute.Bool("flag", true),
		},
	}}}
	clean := func(err error) error { return s.clean(err, records) }
	for text, want := range map[string]string{
		"with a secret": "with a ***",
		"E11000 dup key { x: \"the diagnosis of the patient\", y: 1234567890 }": "E11000 dup key { x: \"***REDACTED***\", y: ***REDACTED*** }",
		"value \"diagnosis \\\"B20\\\"\" of P-1001-22":                          "value \"***REDACTED***\" of ***REDACTED***",
	} {
		assert.EqualError(t, clean(errors.New(text)), want)
	}
	harmless := errors.New("patient-file: a short answer, true")
	assert.Same(t, harmless, clean(harmless))
	assert.NoError(t, clean(nil))

	err := clean(export.RetryAfter(export.Permanent(fmt.Errorf("secret: %w", io.EOF)), time.Minute))
	require.ErrorIs(t, err, io.EOF)
	assert.True(t, export.IsPermanent(err))
	assert.Equal(t, time.Minute, export.RetryDelay(err))
	assert.NoError(t, errors.Unwrap(err), "nobody can print what it replaces")

	partial := &export.PartialError{Rejected: map[int]error{0: nil, 1: export.Permanent(errors.New("secret")), 2: context.Canceled}}
	err = clean(fmt.Errorf("secret batch: %w", partial))
	assert.NotContains(t, err.Error(), "secret")
	got, ok := errors.AsType[*export.PartialError](err)
	require.True(t, ok)
	require.Len(t, got.Rejected, 3)
	assert.NoError(t, got.Rejected[0])
	require.EqualError(t, got.Rejected[1], "***")
	assert.True(t, export.IsPermanent(got.Rejected[1]))
	assert.Equal(t, context.Canceled, got.Rejected[2])
	assert.EqualError(t, partial.Rejected[1], "secret", "the exporter's error stays")

	assert.EqualError(t, clean(new(badError)), "a *delivery.badError, whose Error method panicked")
	long := clean(errors.New(strings.Repeat("x", maxErrorText+1)))
	assert.EqualError(t, long, "a *errors.errorString, whose text has 65537 bytes")
}
