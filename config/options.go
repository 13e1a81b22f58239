package config

import (
	"io"
	"log/slog"

	"github.com/opendeed/audit/sdk"
)

// FileVariable is the variable of the environment that names the file, unless WithFile
// does.
const FileVariable = "AUDIT_CONFIG_FILE"

// Option says where a configuration comes from, or adds what a file cannot say.
type Option func(*settings)

type settings struct {
	file   string
	sdk    []sdk.Option
	stdout io.Writer
	logger *slog.Logger
}

// WithFile names the YAML file. The default is the one that AUDIT_CONFIG_FILE names, and
// without that the environment's variables. With a file, the variables AUDIT_* count
// only where the file names them as ${VAR}. An empty path changes nothing.
func WithFile(path string) Option {
	return func(s *settings) {
		if path != "" {
			s.file = path
		}
	}
}

// WithLogger sets where the SDK and the exporters report what no caller can be told. The
// default is slog.Default.
func WithLogger(l *slog.Logger) Option {
	return func(s *settings) { s.logger = l }
}

// WithSDKOptions adds options that are code: processors, a meter provider, an exporter of
// your own. They come after those of the configuration, and go before them
// where both say the same.
func WithSDKOptions(opts ...sdk.Option) Option {
	return func(s *settings) { s.sdk = append(s.sdk, opts...) }
}

// WithStdout sets where exporters of the type stdout write. The default is os.Stdout;
// stdout.WithWriter says how w is used.
func WithStdout(w io.Writer) Option {
	return func(s *settings) { s.stdout = w }
}
