package config_test

import (
	"os"
	"testing"

	"github.com/opendeed/audit/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func setenv(t *testing.T, variables map[string]string) {
	t.Helper()
	for name, value := range variables {
		t.Setenv(name, value)
	}
}

func TestEnvironment(t *testing.T) {
	for _, tt := range []struct {
		name      string
		variables map[string]string
		want      string // the dump
	}{
		{"one", map[string]string{"AUDIT_EXPORTERS": "stdout"}, `exporters:
  - type: stdout
`},
		{"the order is kept", map[string]string{
			"AUDIT_EXPORTERS": " otlp, stdout ,mongodb", "AUDIT_MONGODB_URI": "mongodb://audit:hunter2@db", "AUDIT_LEDGER_DIR": "",
		}, `exporters:
  - type: otlp
  - type: stdout
  - type: mongodb
    uri: '***'
`},
		{"a ledger alone", map[string]string{"AUDIT_EXPORTERS": "none", "AUDIT_LEDGER_DIR": "my $ledger"}, `ledger:
  dir: my $ledger
exporters: none
`},
		{"a ledger that removes", map[string]string{
			"AUDIT_EXPORTERS": "stdout", "AUDIT_LEDGER_DIR": "d", "AUDIT_LEDGER_RETENTION_AGE": "30d", "AUDIT_LEDGER_RETENTION_SIZE": "5GiB",
		}, `ledger:
  dir: d
  retention:
    age: 30d
    size: 5GiB
exporters:
  - type: stdout
`},
		{"everything", map[string]string{
			"AUDIT_EXPORTERS": "stdout,mongodb", "AUDIT_TRACK_TIMEOUT": "5s", "AUDIT_ANONYMOUS": "article.read, feed.*",
			"AUDIT_LEDGER_DIR": "d", "AUDIT_LEDGER_SYNC_INTERVAL": "1s", "AUDIT_LEDGER_MAX_SIZE": "10GiB",
			"AUDIT_LEDGER_SEGMENT_SIZE": "1048576",
			"AUDIT_LEDGER_LOCK_WAIT":    "20s", "AUDIT_LEDGER_GROUP_WRITABLE": "true",
			"AUDIT_LEDGER_SCRUB_RATE": "none", "AUDIT_LEDGER_DENSE_FRAMES": "true", "AUDIT_LEDGER_INDEX": "false", "AUDIT_STDOUT_FILE": "trail.jsonl",
			"AUDIT_STDOUT_FORMAT": "json", "AUDIT_STDOUT_COLOR": "false", "AUDIT_STDOUT_PLACES": "true", "AUDIT_STDOUT_CHECKPOINTS": "true",
			"AUDIT_MONGODB_URI": "mongodb://db", "AUDIT_MONGODB_DATABASE": "a", "AUDIT_MONGODB_COLLECTION": "b",
			"AUDIT_MONGODB_RETENTION": "365d", "AUDIT_MONGODB_INDEXES": "true", "AUDIT_MONGODB_CHECKPOINTS": "false",
			"AUDIT_SEAL_KEY": "audit-2.key", "AUDIT_SEAL_PREVIOUS_KEY": "audit.key", "AUDIT_SEAL_ANCHOR": "checkpoint", "AUDIT_SEAL_WITNESSES": "policy",
		}, `track_timeout: 5s
ledger:
  dir: d
  sync_interval: 1s
  max_size: 10GiB
  segment_size: 1048576
  lock_wait: 20s
  group_writable: true
  scrub_rate: none
  dense_frames: true
  index: false
seal:
  key: audit-2.key
  previous_key: audit.key
  anchor: checkpoint
  witnesses: policy
anonymous:
  - article.read
  - feed.*
exporters:
  - type: stdout
    file: trail.jsonl
    format: json
    color: false
    places: true
    checkpoints: true
  - type: mongodb
    uri: '***'
    database: a
    collection: b
    retention: 365d
    indexes: true
    checkpoints: false
`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			setenv(t, tt.variables)
			c, err := config.Load(t.Context())
			require.NoError(t, err)
			assert.Equal(t, tt.want, c.String())
		})
	}
}

func TestEnvironmentProblems(t *testing.T) {
	for _, tt := range []struct {
		name      string
		variables map[string]string
		want      string
	}{
		{"nothing", nil, `AUDIT_EXPORTERS: it is not set; set it to a list of stdout, mongodb and otlp, or to none with a ledger; or set AUDIT_CONFIG_FILE to the path of a file`},
		{"empty", map[string]string{"AUDIT_EXPORTERS": " "}, `AUDIT_EXPORTERS: it is not set; set it to a list of stdout, mongodb and otlp, or to none with a ledger; or set AUDIT_CONFIG_FILE to the path of a file`},
		{
			"a ledger without exporters",
			map[string]string{"AUDIT_LEDGER_DIR": "d"},
			`AUDIT_EXPORTERS: it is not set; set it to a list of stdout, mongodb and otlp, or to none with a ledger; or set AUDIT_CONFIG_FILE to the path of a file`,
		},
		{
			"none without a ledger",
			map[string]string{"AUDIT_EXPORTERS": "none"},
			`AUDIT_EXPORTERS: none needs a ledger; without one nothing would be recorded`,
		},
		{
			"none and another",
			map[string]string{"AUDIT_EXPORTERS": "stdout,none", "AUDIT_LEDGER_DIR": "d"},
			`AUDIT_EXPORTERS: it must be one of stdout, mongodb, otlp, without variables`,
		},
		{
			"twice",
			map[string]string{"AUDIT_EXPORTERS": "stdout,stdout"},
			`AUDIT_EXPORTERS: an exporter is repeated; two exporters of one type need a file`,
		},
		{"all at once", map[string]string{
			"AUDIT_EXPORTERS": "stdot,mongodb,", "AUDIT_LEDGER_MAX_SIZE": "ten", "AUDIT_TRACK_TIMEOUT": "10", "AUDIT_ANONYMOUS": "A.b",
			"AUDIT_MONGODB_RETENTION": "a year", "AUDIT_MONGODB_URL": "mongodb://hunter2", "AUDIT_EXPORTER": "stdout", "AUDIT_HMAC_KEY": "x",
			"AUDIT_MONGODB_USER": "shop",
		}, `AUDIT_EXPORTER: unknown variable; did you mean "AUDIT_EXPORTERS"?
AUDIT_MONGODB_URL: unknown variable; did you mean "AUDIT_MONGODB_URI"?
AUDIT_TRACK_TIMEOUT: it must be a positive duration, such as 500ms, 10s, 1h30m or 30d
AUDIT_LEDGER_DIR: it is not set
AUDIT_LEDGER_MAX_SIZE: it must be a positive number of bytes, such as 1048576, 64KiB or 10GiB
AUDIT_EXPORTERS: it must be one of stdout, mongodb, otlp, without variables; did you mean "stdout"?
AUDIT_MONGODB_URI: it is not set
AUDIT_MONGODB_RETENTION: it must be a positive duration, such as 500ms, 10s, 1h30m or 30d
AUDIT_EXPORTERS: it must be one of stdout, mongodb, otlp, without variables
AUDIT_ANONYMOUS: it is not an action, such as invoice.approve, or a pattern of actions, such as "invoice.*"`},
		{"OpenTelemetry's variables", map[string]string{
			"AUDIT_EXPORTERS": "otlp", "OTEL_EXPORTER_OTLP_TIMEOUT": "soon", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "hunter2",
			"OTEL_EXPORTER_OTLP_CERTIFICATE": "missing.pem", "OTEL_RESOURCE_ATTRIBUTES": "hunter2",
		}, `OTEL_RESOURCE_ATTRIBUTES: it must be a list such as key=value,key=value, with %2C for a comma in a value
OTEL_EXPORTER_OTLP_TIMEOUT: "soon" is not a positive number of milliseconds
OTEL_EXPORTER_OTLP_CERTIFICATE: open missing.pem: no such file or directory
OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: it is not a URL that starts with http:// or https://`},
		{
			"an unknown protocol",
			map[string]string{"AUDIT_EXPORTERS": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"},
			`OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" is not supported; use grpc or http/protobuf`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			setenv(t, tt.variables)
			err := config.Check(t.Context())
			require.EqualError(t, err, tt.want)
			var problems *config.Error
			require.ErrorAs(t, err, &problems)
		})
	}
}

// With a file, our variables count only if the file refers to them.
func TestFilePrecedence(t *testing.T) {
	file := write(t, "deploy.yaml", "exporters: [{type: stdout, format: '${AUDIT_STDOUT_FORMAT:-json}'}]\n")
	setenv(t, map[string]string{"AUDIT_EXPORTERS": "mongodb", "AUDIT_TRACK_TIMEOUT": "nonsense", "AUDIT_CONFIG_FILE": file})
	require.NoError(t, config.Check(t.Context()))
	t.Setenv("AUDIT_STDOUT_FORMAT", "xml")
	require.ErrorContains(t, config.Check(t.Context()), "deploy.yaml:1:36: exporters[0].format: it must be one of json, text")

	other := write(t, "other.yaml", "exporters: [{type: stdout}]\n")
	require.NoError(t, config.Check(t.Context(), config.WithFile(other)), "the option takes precedence over the variable")
	require.ErrorContains(t, config.Check(t.Context(), config.WithFile("")), "deploy.yaml:1:36", "an empty path changes nothing")
	err := config.Check(t.Context(), config.WithFile("missing.yaml"))
	require.EqualError(t, err, "missing.yaml: it cannot be read: no such file or directory")
	require.ErrorIs(t, err, os.ErrNotExist)
}
