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

// memory is a correct exporter to a slice, except for the behavior that a test overrides.
type memory struct {
	behavior
	mu      sync.Mutex
	records []*record.Record
	delayed []*record.Record // by an exporter that is one batch late
}

// behavior overrides methods of memory. A nil function overrides nothing.
type behavior struct {
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
	return m.store(records)
}

func (m *memory) store(records []*record.Record) error {
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

func TestCorrectExporter(t *testing.T) {
	var newest *memory
	Run(t,
		func(*testing.T) export.Exporter { newest = &memory{}; return newest },
		func(*testing.T) []*record.Record { return newest.read() },
	)
}

func TestAllowedBehavior(t *testing.T) {
	tests := map[string]behavior{
		"fails if the context has ended": {export: func(m *memory, ctx context.Context, records []*record.Record) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return m.store(records)
		}},
		"stores a part before the context ends": {export: func(m *memory, ctx context.Context, records []*record.Record) error {
			if err := ctx.Err(); err != nil {
				return errors.Join(m.store(records[:1]), &export.PartialError{Rejected: map[int]error{1: err, 2: err}})
			}
			return m.store(records)
		}},
		"keeps one record per id": {export: func(m *memory, _ context.Context, records []*record.Record) error {
			for _, r := range records {
				if !slices.ContainsFunc(m.read(), func(stored *record.Record) bool { return stored.ID == r.ID }) {
					_ = m.store([]*record.Record{r})
				}
			}
			return nil
		}},
		"fails to shut down if the context has ended": {shutdown: func(_ *memory, ctx context.Context) error { return ctx.Err() }},
	}
	for name, b := range tests {
		t.Run(name, func(t *testing.T) {
			for _, c := range checks {
				assert.NoError(t, c.run(t.Context(), fixtureOf(b)), c.name)
			}
		})
	}
}

// fixtureOf returns a fixture of exporters with that behavior.
func fixtureOf(b behavior) fixture {
	var newest *memory
	return fixture{
		open: func() export.Exporter {
			newest = &memory{behavior: b}
			return newest
		},
		read: func() []*record.Record { return newest.read() },
	}
}

func TestBrokenExporters(t *testing.T) {
	tested := map[string]bool{}
	for name, test := range brokenExporters {
		tested[test.check] = true
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // timeouts take no real time
				c := checks[slices.IndexFunc(checks, func(c check) bool { return c.name == test.check })]
				require.ErrorContains(t, c.run(t.Context(), fixtureOf(test.behavior)), test.want)
				time.Sleep(2 * time.Hour)
			})
		})
	}
	for _, c := range checks {
		assert.True(t, tested[c.name], "no broken exporter tests the check %q", c.name)
	}
}
