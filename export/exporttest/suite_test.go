package exporttest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is an exporter to a slice that keeps the contract, but for what a test
// has it do otherwise.
type memory struct {
	behaviour
	mu      sync.Mutex
	records []*record.Record
	held    []*record.Record // back by an exporter that does so
}

// behaviour is what a test has an exporter do; what is nil, it does well.
type behaviour struct {
	export   func(m *memory, ctx context.Context, records []*record.Record) error
	shutdown func(m *memory, ctx context.Context) error
	name     func(m *memory) string
}

func (m *memory) Name() string {
	if m.name != nil {
		return m.name(m)
	}
	return "memory"
}

func (m *memory) Export(ctx context.Context, records []*record.Record) error {
	if m.export != nil {
		return m.export(m, ctx, records)
	}
	return m.take(records)
}

func (m *memory) take(records []*record.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range records {
		m.records = append(m.records, r.Clone())
	}
	return nil
}

func (m *memory) Shutdown(ctx context.Context) error {
	if m.shutdown != nil {
		return m.shutdown(m, ctx)
	}
	return nil
}

func (m *memory) read() []*record.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.records)
}

func TestGoodExporterPasses(t *testing.T) {
	var newest *memory
	Run(t,
		func(*testing.T) export.Exporter { newest = &memory{}; return newest },
		func(*testing.T) []*record.Record { return newest.read() },
	)
}

// What a good exporter may do besides taking everything.
func TestAllowed(t *testing.T) {
	tests := map[string]behaviour{
		"refuses an ended context": {export: func(m *memory, ctx context.Context, records []*record.Record) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return m.take(records)
		}},
		"takes a part before the context ends": {export: func(m *memory, ctx context.Context, records []*record.Record) error {
			if err := ctx.Err(); err != nil {
				return errors.Join(m.take(records[:1]), &export.PartialError{Rejected: map[int]error{1: err, 2: err}})
			}
			return m.take(records)
		}},
		"keeps one record per id": {export: func(m *memory, _ context.Context, records []*record.Record) error {
			for _, r := range records {
				if !slices.ContainsFunc(m.read(), func(had *record.Record) bool { return had.ID == r.ID }) {
					_ = m.take([]*record.Record{r})
				}
			}
			return nil
		}},
		"has no time to shut down": {shutdown: func(_ *memory, ctx context.Context) error { return ctx.Err() }},
	}
	for name, b := range tests {
		t.Run(name, func(t *testing.T) {
			for _, c := range checks {
				assert.NoError(t, c.run(t.Context(), fixtureOf(b)), c.name)
			}
		})
	}
}

// fixtureOf makes exporters of that behaviour.
func fixtureOf(b behaviour) fixture {
	var newest *memory
	return fixture{
		open: func() export.Exporter {
			newest = &memory{behaviour: b}
			return newest
		},
		read: func() []*record.Record { return newest.read() },
	}
}

func TestBrokenExporterFails(t *testing.T) {
	found := map[string]bool{}
	for name, test := range brokenExporters {
		found[test.check] = true
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // so that nobody waits for those that wait
				c := checks[slices.IndexFunc(checks, func(c check) bool { return c.name == test.check })]
				require.ErrorContains(t, c.run(t.Context(), fixtureOf(test.behaviour)), test.says)
				time.Sleep(2 * time.Hour)
			})
		})
	}
	for _, c := range checks {
		assert.True(t, found[c.name], "no broken exporter shows what the check %q finds", c.name)
	}
}
