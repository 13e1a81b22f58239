package redact_test

import (
	"fmt"

	"github.com/opendeed/audit/sdk/redact"
	"go.opentelemetry.io/otel/attribute"
)

func ExampleHMAC() {
	// The same value has the same token, so records of a customer can be matched without
	// showing who it is. Store the key apart from the records.
	redactor, err := redact.New(redact.WithKeyStrategy("customer.*", redact.HMAC("2026-11", []byte("0123456789abcdef"))))
	if err != nil {
		fmt.Println(err)
		return
	}
	clean, redacted := redactor.Attributes("metadata", []attribute.KeyValue{attribute.String("customer.email", "alice@example.com")})
	fmt.Println(len(clean[0].Value.AsString()), redacted)
	// Output: 45 [metadata.customer.email]
}
