package config_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/config"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
)

func ExampleNewTrackerProvider() {
	ctx := context.Background()
	provider, err := config.NewTrackerProvider(ctx, config.WithFile("testdata/example/stdout.yaml"))
	if err != nil {
		fmt.Println(err) // one line for each problem
		return
	}
	defer func() { _ = provider.Shutdown(ctx) }()
	tracker := provider.Tracker("example.com/shop")
	fmt.Println(tracker.Track(ctx, audit.Event{Action: "article.read", Actor: audit.Anonymous()}))
	// Output:
	// <nil>
}

func ExampleNewTrackerProvider_environment() {
	_ = os.Setenv("AUDIT_EXPORTERS", "stdout,mongodb") // usually set by the operator
	defer func() { _ = os.Unsetenv("AUDIT_EXPORTERS") }()
	_, err := config.NewTrackerProvider(context.Background())
	fmt.Println(err)
	// Output:
	// AUDIT_MONGODB_URI: it is not set
}

func ExampleCheck() {
	err := config.Check(context.Background(), config.WithFile("testdata/example/mistakes.yaml"))
	fmt.Println(err)
	if problems, ok := errors.AsType[*config.Error](err); ok {
		fmt.Println(len(problems.Problems), "problems, the first in line", problems.Problems[0].Line)
	}
	// Output:
	// testdata/example/mistakes.yaml:3:13: ledger.max_size: the unit must be one of B, KiB, MiB, GiB, TiB; did you mean "GiB"?
	// testdata/example/mistakes.yaml:6:5: exporters[0].endpont: unknown key; did you mean "endpoint"?
	// testdata/example/mistakes.yaml:7:30: exporters[0].headers.authorization: the variable SHOP_TOKEN is not set; set it, or use ${SHOP_TOKEN:-default}
	// testdata/example/mistakes.yaml:8:25: exporters[0].filter.outcomes[0]: it must be one of unknown, success, failure, denied
	// 4 problems, the first in line 3
}

func ExampleLoad() {
	c, err := config.Load(context.Background(), config.WithFile("testdata/example/deploy.yaml"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c) // without secrets
	// Output:
	// ledger:
	//   dir: /var/lib/shop/audit
	// exporters:
	//   - type: mongodb
	//     uri: '***'
	//   - type: otlp
	//     endpoint: ${SHOP_COLLECTOR:-https://collector.example.com}
	//     headers:
	//       authorization: '***'
	//     filter:
	//       outcomes:
	//         - failure
	//         - denied
}

// A provider applies the rules for events, and a middleware those for requests.
func ExampleConfig_Policy() {
	ctx := context.Background()
	c, err := config.Load(ctx, config.WithFile("testdata/example/policy.yaml"), config.WithStdout(io.Discard))
	if err != nil {
		fmt.Println(err)
		return
	}
	provider, err := c.NewTrackerProvider(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = provider.Shutdown(ctx) }()
	tracker := provider.Tracker("example.com/shop")
	wrap := audithttp.Middleware(audithttp.WithCoverage(tracker, c.Policy())) // also if the file has no rules
	_ = wrap(http.NewServeMux())

	_, exemption, _ := c.Policy().Coverage("POST", "/preview", "")
	fmt.Println("a preview needs no event:", exemption)
	rule, problems := c.Policy().Explain(&audit.Event{Action: "payout.approve", Actor: audit.User("42")}, "")
	fmt.Println(rule, problems)
	// Output:
	// a preview needs no event: it stores nothing
	// payouts [audit: reason: it is required for this action]
}

func ExampleWithSDKOptions() {
	ctx := context.Background()
	drop := sdk.ProcessorFunc(func(context.Context, *record.Record, sdk.Next) error { return nil })
	provider, err := config.NewTrackerProvider(ctx,
		config.WithFile("testdata/example/stdout.yaml"),
		config.WithSDKOptions(sdk.WithProcessor(drop)))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = provider.Shutdown(ctx) }()
	err = provider.Tracker("example.com/shop").Track(ctx, audit.Event{Action: "user.login", Actor: audit.User("42")})
	fmt.Println(errors.Is(err, sdk.ErrDropped))
	// Output:
	// true
}

func ExampleSchema() {
	fmt.Println(bytes.Contains(config.Schema(), []byte("json-schema.org/draft/2020-12")))
	// Output:
	// true
}
