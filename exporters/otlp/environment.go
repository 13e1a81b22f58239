package otlp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// The names of the variables, after one of the two prefixes. The variable for logs takes
// precedence (https://opentelemetry.io/docs/specs/otel/protocol/exporter/).
const (
	variableProtocol          = "PROTOCOL"
	variableEndpoint          = "ENDPOINT"
	variableInsecure          = "INSECURE"
	variableHeaders           = "HEADERS"
	variableCompression       = "COMPRESSION"
	variableTimeout           = "TIMEOUT"
	variableCertificate       = "CERTIFICATE"
	variableClientCertificate = "CLIENT_CERTIFICATE"
	variableClientKey         = "CLIENT_KEY"

	logsVariables    = "OTEL_EXPORTER_OTLP_LOGS_"
	generalVariables = "OTEL_EXPORTER_OTLP_"
)

// lookup returns the value of a variable, or "", and its full name. An empty variable counts
// as not set.
func lookup(variable string) (name, value string) {
	for _, prefix := range []string{logsVariables, generalVariables} {
		name = prefix + variable
		if value = strings.TrimSpace(os.Getenv(name)); value != "" {
			return name, value
		}
	}
	return name, ""
}

// readEnvironment sets what no option set.
func (c *config) readEnvironment(p protocol) error {
	c.readEndpoint(p)
	return errors.Join(
		c.readInsecure(),
		c.readHeaders(),
		c.readCompression(),
		c.readTimeout(),
		c.readTLS(),
	)
}

func (c *config) readEndpoint(p protocol) {
	if c.endpoint != nil {
		return
	}
	name, value := lookup(variableEndpoint)
	switch {
	case value != "":
		c.endpoint = &endpoint{from: name, text: value, exact: strings.HasPrefix(name, logsVariables)}
	case p == protocolGRPC:
		c.endpoint = &endpoint{from: "the default", text: "http://localhost:4317"}
	default:
		c.endpoint = &endpoint{from: "the default", text: "http://localhost:4318"}
	}
}

func (c *config) readInsecure() error {
	if c.insecure != nil {
		return nil
	}
	c.insecure = new(bool)
	switch name, value := lookup(variableInsecure); strings.ToLower(value) {
	case "", "false":
	case "true":
		*c.insecure = true
	default:
		return fmt.Errorf("%s: %q is not true or false", name, value)
	}
	return nil
}

func (c *config) readHeaders() error {
	if c.headers != nil {
		return nil
	}
	name, value := lookup(variableHeaders)
	headers, err := parseHeaders(value)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	c.headers = headers
	return nil
}

func (c *config) readCompression() error {
	if c.compression != nil {
		return nil
	}
	name, value := lookup(variableCompression)
	compression := Compression(value)
	if value == "" {
		compression = NoCompression
	}
	c.compression = &compression
	if !compression.valid() {
		return fmt.Errorf("%s: %q is not supported; use %s or %s", name, value, Gzip, NoCompression)
	}
	return nil
}

func (c *config) readTimeout() error {
	if c.timeout != nil {
		return nil
	}
	timeout := DefaultTimeout
	c.timeout = &timeout
	name, value := lookup(variableTimeout)
	if value == "" {
		return nil
	}
	ms, err := strconv.ParseInt(value, 10, 32)
	if err != nil || ms <= 0 {
		return fmt.Errorf("%s: %q is not a positive number of milliseconds", name, value)
	}
	timeout = time.Duration(ms) * time.Millisecond
	return nil
}

// readTLS creates the TLS configuration from the certificates.
func (c *config) readTLS() error {
	if c.hasTLSOption {
		return nil
	}
	c.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	return errors.Join(c.readAuthorities(), c.readClientCertificate())
}

func (c *config) readAuthorities() error {
	name, file := lookup(variableCertificate)
	if file == "" {
		return nil
	}
	pem, err := os.ReadFile(file) //nolint:gosec // whoever sets the environment names the file
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	c.tls.RootCAs = x509.NewCertPool()
	if !c.tls.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s: %s has no certificate in PEM format", name, file)
	}
	return nil
}

func (c *config) readClientCertificate() error {
	certificateName, certificate := lookup(variableClientCertificate)
	keyName, key := lookup(variableClientKey)
	switch {
	case certificate == "" && key == "":
		return nil
	case certificate == "":
		return fmt.Errorf("%s is set, but %s is not", keyName, certificateName)
	case key == "":
		return fmt.Errorf("%s is set, but %s is not", certificateName, keyName)
	}
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return fmt.Errorf("%s and %s: %w", certificateName, keyName, err)
	}
	c.tls.Certificates = []tls.Certificate{pair}
	return nil
}
