// Package semconv holds the names that integrations and applications share:
// metadata keys, which are OpenTelemetry's where it has one, and standard actions
// and channels.
package semconv
