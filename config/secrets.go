package config

import (
	"strings"
	"sync"

	"github.com/opendeed/audit/sdk/redact"
	"go.opentelemetry.io/otel/attribute"
)

// defaultRedactor finds secrets as the SDK does by default.
var defaultRedactor = sync.OnceValue(func() *redact.Redactor {
	d, err := redact.New()
	if err != nil {
		panic(err) // it has no options
	}
	return d
})

// hasSecret reports whether a part of the text looks like a secret.
func hasSecret(text string) bool {
	_, found := defaultRedactor().Text(text)
	return found
}

// isSecretKey reports whether a key names a secret.
func isSecretKey(key string) bool {
	_, redacted := defaultRedactor().Attributes("", []attribute.KeyValue{attribute.String(key, "x")})
	return len(redacted) > 0
}

// unknownPath returns the path of an unknown key. It shows the key only if it is written
// like those of a configuration, since it may be a value in the wrong place.
func unknownPath(path, key string) string {
	if strings.Trim(key, "abcdefghijklmnopqrstuvwxyz_.-") != "" {
		return path + `["?"]`
	}
	return join(path, key)
}
