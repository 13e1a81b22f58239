// Package semconv defines the names that integrations and applications share: keys of
// metadata, which are OpenTelemetry's if it has one, and standard actions and channels.
package semconv
