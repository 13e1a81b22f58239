// Command collector is the OpenTelemetry collector that the tests talk to: the OTLP
// receiver and the exporters for OTLP over HTTP and for standard error, in a process that
// can be killed.
//
// It runs what the file -config says, prints the line "ready" once it takes requests, and
// stops when it is told to, or when its standard input ends: whoever started it has gone
// then.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/debugexporter"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"
)

// quiet has the collector serve no metrics of its own, on a port that all of them would
// want, and log only what is wrong. The file may say otherwise.
const quiet = `yaml:service: {telemetry: {metrics: {level: none}, logs: {level: warn, disable_stacktrace: true}}}`

func main() {
	config := flag.String("config", "", "the `file` of the configuration")
	flag.Parse()
	if err := run(*config); err != nil {
		fmt.Fprintln(os.Stderr, "collector:", err)
		os.Exit(1)
	}
}

func run(config string) error {
	if config == "" {
		return errors.New("-config is missing")
	}
	collector, err := otelcol.NewCollector(otelcol.CollectorSettings{
		Factories:               factories,
		BuildInfo:               component.BuildInfo{Command: "collector", Description: "collector of the tests", Version: "1"},
		DisableGracefulShutdown: true, // ctx says when
		ConfigProviderSettings: otelcol.ConfigProviderSettings{ResolverSettings: confmap.ResolverSettings{
			URIs:              []string{quiet, "file:" + config},
			ProviderFactories: []confmap.ProviderFactory{fileprovider.NewFactory(), yamlprovider.NewFactory()},
		}},
	})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	go announce(ctx, collector)
	return collector.Run(ctx)
}

// announce prints when the collector runs: its receivers listen then. It tells nobody
// itself, so one has to ask.
func announce(ctx context.Context, collector *otelcol.Collector) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for collector.GetState() != otelcol.StateRunning {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
	fmt.Println("ready")
}

func factories() (f otelcol.Factories, err error) {
	f.Telemetry = otelconftelemetry.NewFactory()
	if f.Receivers, err = otelcol.MakeFactoryMap[receiver.Factory](otlpreceiver.NewFactory()); err != nil {
		return f, err
	}
	f.Exporters, err = otelcol.MakeFactoryMap[exporter.Factory](debugexporter.NewFactory(), otlphttpexporter.NewFactory())
	return f, err
}
