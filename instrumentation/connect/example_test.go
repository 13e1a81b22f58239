package auditconnect_test

import (
	"net/http"

	"connectrpc.com/connect"
	"github.com/opendeed/audit"
	auditconnect "github.com/opendeed/audit/instrumentation/connect"
	"github.com/opendeed/audit/semconv"
)

// A handler with the interceptors, as generated code makes it of connect.WithInterceptors.
func Example() {
	tracker := audit.GetTrackerProvider().Tracker("example.com/articles")
	audits := auditconnect.NewInterceptor(
		auditconnect.WithActor(byUser),
		auditconnect.WithChannel(semconv.ChannelAPI),
		auditconnect.WithDenials(tracker),
	)
	intents := auditconnect.Intents{
		publishProcedure: auditconnect.Intent(tracker, audit.Event{Action: "article.publish", Operation: audit.OperationUpdate},
			auditconnect.TargetFrom("article", (*text).GetValue),
			auditconnect.ReasonFrom(auditconnect.Header("Reason"))),
	}
	articles := reply(nil)
	mux := http.NewServeMux()
	mux.Handle(publishProcedure, connect.NewUnaryHandler(publishProcedure, articles.publish, connect.WithInterceptors(audits, intents)))
	// Output:
}
