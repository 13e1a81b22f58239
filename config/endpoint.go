package config

import (
	"slices"
	"strings"
)

// endpoint is the address of a server, which may contain credentials.
type endpoint string

func (*endpoint) tags() []string { return []string{tagText} }

func (e *endpoint) set(s string) *fault { return (*text)(e).set(s) }

// endpointPath has the words of paths that are no secret. Some collectors have a token in
// theirs.
var endpointPath = []string{"", "api", "ingest", "logs", "opentelemetry", "otlp", "v1", "v2"}

// isSecret reports whether the address may contain credentials.
func (e *endpoint) isSecret() bool {
	address := string(*e)
	if _, rest, ok := strings.Cut(address, "://"); ok {
		address = rest
	}
	_, path, _ := strings.Cut(address, "/")
	return strings.ContainsAny(address, "@?#") ||
		slices.ContainsFunc(strings.Split(path, "/"), func(word string) bool { return !slices.Contains(endpointPath, word) })
}
