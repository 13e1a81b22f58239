package main

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRemoveCursorOfFullLedger gives up an exporter whose ledger is full for its sake: the record of
// that finds room, and the service has room again.
func TestRemoveCursorOfFullLedger(t *testing.T) {
	deed := process{t, t.TempDir()}
	dir := filepath.Join(deed.dir, "audit-ledger")
	open := func() *ledger.Ledger {
		l, err := ledger.Open(dir, ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithMaxSize(4*ledger.MinSegmentSize), ledger.WithRetention(0, 1), ledger.WithScrub(0))
		require.NoError(t, err)
		return l
	}
	fill := func(l *ledger.Ledger) error {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, err := l.Append(ctx, make([]byte, ledger.MinSegmentSize/4))
		return err
	}
	l := open()
	_, err := l.Cursor("old-siem")
	require.NoError(t, err)
	for err == nil {
		err = fill(l)
	}
	require.ErrorContains(t, err, "or deed ledger remove-cursor")
	require.NoError(t, l.Close())

	done := deed.run("ledger", "remove-cursor", "audit-ledger", "old-siem", "--purpose", "replaced, ticket 4711", "--yes")
	assert.Regexp(t, `^removed; old-siem lacks [0-9]+ entries \(1 to `, done)
	l = open()
	assert.Empty(t, l.Stats().Cursors)
	require.Eventually(t, func() bool { return fill(l) == nil }, time.Minute, time.Millisecond)
	require.NoError(t, l.Close())
}
