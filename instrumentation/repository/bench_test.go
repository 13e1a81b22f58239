package auditrepo_test

import (
	"context"
	"testing"

	"github.com/opendeed/audit"
	auditrepo "github.com/opendeed/audit/instrumentation/repository"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
)

// nowhere is an exporter that drops the records.
type nowhere struct{}

func (nowhere) Name() string                                   { return "nowhere" }
func (nowhere) Export(context.Context, []*record.Record) error { return nil }
func (nowhere) Shutdown(context.Context) error                 { return nil }

// BenchmarkReads measures a request that reads ten articles, one by one or as a list, without
// and with a record of that.
func BenchmarkReads(b *testing.B) {
	provider, err := sdk.NewTrackerProvider(sdk.WithBatcher(nowhere{}))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = provider.Shutdown(context.Background()) })
	tracker := provider.Tracker("bench")
	list := numbered(1, 10)
	for _, bb := range []struct {
		name   string
		change func(*auditrepo.Config[*article, string])
	}{
		{"unrecorded", func(*auditrepo.Config[*article, string]) {}},
		{"noted", func(c *auditrepo.Config[*article, string]) { c.Reads = &auditrepo.Reads{} }},
		{"intents", func(c *auditrepo.Config[*article, string]) { c.RecordReads = true }},
	} {
		c := config()
		bb.change(&c)
		a, err := auditrepo.New(tracker, c)
		if err != nil {
			b.Fatal(err)
		}
		request := func(b *testing.B, read func(context.Context) error) {
			b.Helper()
			b.ReportAllocs()
			for b.Loop() {
				if err := audit.Run(context.Background(), read, audit.AsActor(audit.User("42"))); err != nil {
					b.Fatal(err)
				}
			}
		}
		store := a.Store(newMemory(nil, article{ID: "1"}, article{ID: "2"}, article{ID: "3"}, article{ID: "4"}, article{ID: "5"},
			article{ID: "6"}, article{ID: "7"}, article{ID: "8"}, article{ID: "9"}, article{ID: "10"}))
		b.Run("Get/"+bb.name, func(b *testing.B) {
			request(b, func(ctx context.Context) error {
				for _, v := range list {
					if _, err := store.Get(ctx, v.ID); err != nil {
						return err
					}
				}
				return nil
			})
		})
		if c.RecordReads {
			continue
		}
		b.Run("List/"+bb.name, func(b *testing.B) {
			find := returned(list, nil)
			request(b, func(ctx context.Context) error {
				if c.Reads == nil {
					_, err := find(ctx)
					return err
				}
				_, err := a.List(ctx, find)
				return err
			})
		})
	}
}
