package otlp_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/exporters/otlp"
	"github.com/opendeed/audit/sdk"
	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/protobuf/proto"
)

// Send records to an OTLP server. Here it is a small server that prints the records. It is
// usually a collector, with a ledger before it (sdk.WithLedger).
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var request collector.ExportLogsServiceRequest
		if err := proto.Unmarshal(body, &request); err != nil {
			http.Error(w, "", http.StatusBadRequest)
			return
		}
		for _, group := range request.GetResourceLogs() {
			records, err := otlp.Decode(group)
			for _, r := range records {
				fmt.Println(r.Action, r.Actor.ID, r.Outcome, err)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	defer server.Close()

	ctx := context.Background()
	exporter, err := otlp.NewHTTP(ctx,
		otlp.WithEndpoint(server.URL),
		otlp.WithHeaders(map[string]string{"authorization": "Bearer ..."}),
	)
	if err != nil {
		log.Fatal(err)
	}
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(exporter))
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = provider.Shutdown(ctx) }()

	ctx = audit.ContextWithActor(ctx, audit.User("42"))
	err = provider.Tracker("example.com/shop").Track(ctx, audit.Event{Action: "invoice.approve", Outcome: audit.OutcomeSuccess})
	if err != nil {
		log.Print(err)
	}
	// Output: invoice.approve 42 success <nil>
}
