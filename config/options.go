package config

import (
	"io"
	"log/slog"

	"github.com/opendeed/audit/sdk"
)

// FileVariable is the environment variable with the path of the file, unless WithFile sets
// it.
const FileVariable = "AUDIT_CONFIG_FILE"

// Option sets the source of a configuration, or adds what a file cannot contain.
type Option func(*settings)

type settings struct {
	file   string
	sdk    []sdk.Option
	stdout io.Writer
	logger *slog.Logger

	ledgerDir string
}

// WithFile sets the path of the YAML file. The default is the value of AUDIT_CONFIG_FILE; if
// that is empty, the configuration comes from environment variables. With a file, other
// AUDIT_* variables count only if the file refers to them as ${VAR}. An empty path changes
// nothing.
func WithFile(path string) Option {
	return func(s *settings) {
		if path != "" {
			s.file = path
		}
	}
}

// WithLedgerDir sets the directory of the ledger, instead of that of the configuration. It is
// for tools that work on a copy, or on what another process left behind.
func WithLedgerDir(dir string) Option {
	return func(s *settings) { s.ledgerDir = dir }
}

// WithLogger sets the logger of the SDK and the exporters. The default is slog.Default.
func WithLogger(l *slog.Logger) Option {
	return func(s *settings) { s.logger = l }
}

// WithSDKOptions adds options that need code: processors, a meter provider, a custom
// exporter. They come after the options of the configuration and override them.
func WithSDKOptions(opts ...sdk.Option) Option {
	return func(s *settings) { s.sdk = append(s.sdk, opts...) }
}

// WithStdout sets the writer of exporters of type stdout, as stdout.WithWriter does. The
// default is os.Stdout.
func WithStdout(w io.Writer) Option {
	return func(s *settings) { s.stdout = w }
}
