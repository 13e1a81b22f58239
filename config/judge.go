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

// judge returns what the SDK says of options. It has the last word on what is valid, and
// nothing is opened.
func judge(opts ...sdk.Option) error {
	opts = append([]sdk.Option{
		sdk.WithResource(resource.Empty()), sdk.WithMeterProvider(noop.NewMeterProvider()), sdk.WithSyncer(nowhere{}),
		sdk.WithLogger(slog.New(slog.DiscardHandler)),
	}, opts...)
	p, err := sdk.NewTrackerProvider(opts...)
	if err != nil {
		return err
	}
	return p.Shutdown(context.Background())
}

// nowhere is the exporter of providers that are made to be judged.
type nowhere struct{}

var _ export.DirectExporter = nowhere{}

func (nowhere) Name() string                                   { return "nowhere" }
func (nowhere) Direct() bool                                   { return true }
func (nowhere) Export(context.Context, []*record.Record) error { return nil }
func (nowhere) Shutdown(context.Context) error                 { return nil }

// checkActions notes what is no pattern of actions.
func checkActions(d *decoder, path string, patterns []text) {
	for i, p := range patterns {
		if p != "" && judge(sdk.WithAnonymous(string(p))) != nil {
			d.wrong(index(path, i), actionRule)
		}
	}
}

const actionRule = `it is no action, such as invoice.approve, nor a pattern of actions, such as "invoice.*"`

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

func valueOf(pointer any) reflect.Value { return reflect.ValueOf(pointer).Elem() }

// texts returns the texts that are valid.
func texts(list []text) []string {
	var all []string
	for _, t := range list {
		if t != "" {
			all = append(all, string(t))
		}
	}
	return all
}
