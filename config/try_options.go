package config

import (
	"context"
	"log/slog"
	"reflect"
	"strconv"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/resource"
)

// tryOptions returns the error of the SDK for options, so that the SDK alone decides what is
// valid. It opens nothing.
func tryOptions(opts ...sdk.Option) error {
	opts = append([]sdk.Option{
		sdk.WithResource(resource.Empty()), sdk.WithMeterProvider(noop.NewMeterProvider()), sdk.WithSyncer(discard{}),
		sdk.WithLogger(slog.New(slog.DiscardHandler)),
	}, opts...)
	p, err := sdk.NewTrackerProvider(opts...)
	if err != nil {
		return err
	}
	return p.Shutdown(context.Background())
}

// discard is the exporter of the provider in tryOptions.
type discard struct{}

var _ export.DirectExporter = discard{}

func (discard) Name() string                                   { return "discard" }
func (discard) Direct() bool                                   { return true }
func (discard) Export(context.Context, []*record.Record) error { return nil }
func (discard) Shutdown(context.Context) error                 { return nil }

// checkActions reports invalid patterns of actions.
func checkActions(d *decoder, path string, patterns []text) {
	for i, p := range patterns {
		if p != "" && tryOptions(sdk.WithAnonymous(string(p))) != nil {
			d.report(index(path, i), actionRule)
		}
	}
}

const actionRule = `it is not an action, such as invoice.approve, or a pattern of actions, such as "invoice.*"`

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

func valueOf(pointer any) reflect.Value { return reflect.ValueOf(pointer).Elem() }

// texts returns the valid texts, which are not empty.
func texts(list []text) []string {
	var all []string
	for _, t := range list {
		if t != "" {
			all = append(all, string(t))
		}
	}
	return all
}
