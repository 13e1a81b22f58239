// Command collector is the OpenTelemetry collector of the tests, which they can kill. It has the
// OTLP receiver and the exporters for OTLP over HTTP and for standard error.
//
// It runs the configuration in the file -config and prints the line "ready" once it accepts
// requests. It stops on SIGINT and SIGTERM, and when its standard input ends, which happens when
// the process that started it is gone.
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

// quiet is the configuration that the file extends. The collector serves no metrics of its own,
// whose fixed port would clash with other collectors, and logs only warnings and errors.
const quiet = `yaml:service: {telemetry: {metrics: {level: none}, logs: {level: warn, disable_stacktrace: true}}}`

func main() {
	config := flag.String("config", "", "read the configuration from `file`")
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
		DisableGracefulShutdown: true, // the end of ctx stops the collector instead
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

// announce prints "ready" when the collector runs and its receivers listen. It polls, since the
// collector has no notification for that.
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
