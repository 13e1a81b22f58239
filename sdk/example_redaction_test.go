package sdk_test

import (
	"context"
	"fmt"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/sdk"
	"go.opentelemetry.io/otel/attribute"
)

func ExampleWithRedaction() {
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(lines{}), sdk.WithRedaction(
		sdk.WithSensitiveKeys("badge number"),
		sdk.WithAllowedKeys("token_fingerprint"),
		sdk.WithPattern(`EMP-[0-9]{6}`, sdk.Mask()),
	))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = provider.Shutdown(context.Background()) }()
	_ = provider.Tracker("example.com/hr").Track(context.Background(), audit.Event{
		Action: "employee.update",
		Actor:  audit.User("42"),
		Metadata: []attribute.KeyValue{
			attribute.String("apiKey", "k"),
			attribute.String("badgeNumber", "77"),
			attribute.String("note", "moved EMP-123456"),
			attribute.String("token_fingerprint", "ab12"),
		},
	})
	// Output: employee.update apiKey=***REDACTED*** badgeNumber=***REDACTED*** note=moved ***REDACTED*** token_fingerprint=ab12
}

func ExampleHMAC() {
	// The same value has the same token, so that records can be matched without
	// showing whose they are. The key is kept where the records are not.
	redactor, err := sdk.NewRedactor(sdk.WithKeyStrategy("customer.*", sdk.HMAC("2026-11", []byte("0123456789abcdef"))))
	if err != nil {
		fmt.Println(err)
		return
	}
	clean, redacted := redactor.Attributes("metadata", []attribute.KeyValue{attribute.String("customer.email", "alice@example.com")})
	fmt.Println(len(clean[0].Value.AsString()), redacted)
	// Output: 45 [metadata.customer.email]
}
