package otlp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// writeCertificate writes a certificate and its key, and returns the files.
func writeCertificate(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	certificate, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	require.NoError(t, os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	return certificate, key
}

func TestEndpoints(t *testing.T) {
	tests := []struct {
		protocol protocol
		env      map[string]string
		opts     []Option
		want     string
		secure   bool
	}{
		{protocolHTTP, nil, nil, "http://localhost:4318/v1/logs", false},
		{protocolGRPC, nil, nil, "localhost:4317", false},
		{protocolHTTP, map[string]string{"ENDPOINT": "https://c:1/base"}, nil, "https://c:1/base/v1/logs", true},
		{protocolHTTP, map[string]string{"ENDPOINT": " https://c:1/base/ "}, nil, "https://c:1/base/v1/logs", true},
		{protocolHTTP, map[string]string{"LOGS_ENDPOINT": "https://c:1/exact"}, nil, "https://c:1/exact", true},
		{protocolHTTP, map[string]string{"LOGS_ENDPOINT": "http://c:1"}, nil, "http://c:1/", false},
		{protocolHTTP, map[string]string{"LOGS_ENDPOINT": "http://logs:1", "ENDPOINT": "http://all:1"}, nil, "http://logs:1/", false},
		{protocolHTTP, map[string]string{"LOGS_ENDPOINT": "", "ENDPOINT": "http://all:1"}, nil, "http://all:1/v1/logs", false},
		{protocolHTTP, map[string]string{"ENDPOINT": "::bad"}, []Option{WithEndpoint("http://option:1")}, "http://option:1/v1/logs", false},
		{protocolHTTP, nil, []Option{WithLogsEndpoint("http://option:1/exact")}, "http://option:1/exact", false},
		{protocolGRPC, map[string]string{"ENDPOINT": "http://c:1/"}, nil, "c:1", false},
		{protocolGRPC, map[string]string{"ENDPOINT": "HTTPS://c:1"}, nil, "c:1", true},
		{protocolGRPC, map[string]string{"ENDPOINT": "https://c"}, nil, "c:443", true},
		{protocolGRPC, map[string]string{"ENDPOINT": "http://[::1]"}, nil, "[::1]:80", false},
		{protocolGRPC, map[string]string{"ENDPOINT": "collector:4317"}, nil, "collector:4317", true},
		{protocolGRPC, map[string]string{"ENDPOINT": "collector:4317", "INSECURE": "TRUE"}, nil, "collector:4317", false},
		{protocolGRPC, map[string]string{"ENDPOINT": "https://c:1", "INSECURE": "true"}, nil, "c:1", true},
		{protocolGRPC, map[string]string{"ENDPOINT": "collector:4317"}, []Option{WithInsecure()}, "collector:4317", false},
		{protocolGRPC, map[string]string{"ENDPOINT": "dns:///collector:4317", "LOGS_INSECURE": "false", "INSECURE": "true"}, nil, "dns:///collector:4317", true},
	}
	for _, test := range tests {
		t.Run(test.want, func(t *testing.T) {
			for name, value := range test.env {
				t.Setenv(generalVariables+name, value)
			}
			c, err := newConfig(test.protocol, test.opts)
			require.NoError(t, err)
			if test.protocol == protocolGRPC {
				assert.Equal(t, test.want, c.endpoint.target())
			} else {
				assert.Equal(t, test.want, c.endpoint.url.String())
			}
			assert.Equal(t, test.secure, c.endpoint.secure)
		})
	}
}

func TestEnvironment(t *testing.T) {
	certificate, key := writeCertificate(t)
	for name, value := range map[string]string{
		"HEADERS":            "authorization=Bearer%20secret, X-Tenant = acme ,,",
		"LOGS_COMPRESSION":   "gzip",
		"COMPRESSION":        "none",
		"TIMEOUT":            "2500",
		"CERTIFICATE":        certificate,
		"CLIENT_CERTIFICATE": certificate,
		"CLIENT_KEY":         key,
	} {
		t.Setenv(generalVariables+name, value)
	}
	c, err := newConfig(protocolHTTP, nil)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"authorization": "Bearer secret", "x-tenant": "acme"}, c.headers)
	assert.Equal(t, Gzip, *c.compression)
	assert.Equal(t, 2500*time.Millisecond, *c.timeout)
	assert.NotNil(t, c.tls.RootCAs)
	assert.Len(t, c.tls.Certificates, 1)

	// Options take precedence.
	c, err = newConfig(protocolHTTP, []Option{
		WithHeaders(map[string]string{"a": "b"}), WithCompression(NoCompression), WithTimeout(time.Second), WithTLS(&tls.Config{ServerName: "c"}),
	})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"a": "b"}, c.headers)
	assert.Equal(t, NoCompression, *c.compression)
	assert.Equal(t, time.Second, *c.timeout)
	assert.Equal(t, "c", c.tls.ServerName)
	assert.Nil(t, c.tls.RootCAs)
}

// The error for an invalid value names the variable and contains no secret.
func TestBadEnvironment(t *testing.T) {
	certificate, key := writeCertificate(t)
	tests := []struct {
		variable, value string
		protocol        protocol
		want            string
	}{
		{"ENDPOINT", "collector:4318", protocolHTTP, "it is not a URL that starts with http:// or https://"},
		{"ENDPOINT", "https://", protocolHTTP, "it is not a URL with a host"},
		{"ENDPOINT", "https://user:hunter2@c:port", protocolHTTP, "it is not a URL with a host"},
		{"ENDPOINT", "https://c/?token=hunter2", protocolHTTP, "must not have a query"},
		{"LOGS_ENDPOINT", "https://c:1/path", protocolGRPC, "must not have a path for gRPC"},
		{"ENDPOINT", "https://user:hunter2@c:1", protocolGRPC, "gRPC does not send a user and password"},
		{"INSECURE", "1", protocolGRPC, `"1" is not true or false`},
		{"HEADERS", "hunter2", protocolHTTP, "header 1 is not of the form key=value"},
		{"HEADERS", "a=b,=hunter2", protocolHTTP, "header 2 is not of the form key=value"},
		{"HEADERS", "a=hunter2%", protocolHTTP, "the value of header 1 is not percent-encoded"},
		{"HEADERS", "a=b,A=hunter2", protocolHTTP, "header 2 has the name of an earlier header"},
		{"HEADERS", "a=hunter2%0aX:y", protocolHTTP, "the value of a has invalid characters"},
		{"HEADERS", "a b=hunter2", protocolHTTP, "a name is not a valid header name"},
		{"HEADERS", "Content-Type=hunter2", protocolHTTP, "content-type is set by the exporter"},
		{"HEADERS", "grpc-timeout=hunter2", protocolGRPC, "grpc-timeout is set by the exporter"},
		{"LOGS_COMPRESSION", "zstd", protocolHTTP, `"zstd" is not supported; use gzip or none`},
		{"TIMEOUT", "10s", protocolHTTP, `"10s" is not a positive number of milliseconds`},
		{"TIMEOUT", "0", protocolHTTP, `"0" is not a positive number of milliseconds`},
		{"CERTIFICATE", "missing.pem", protocolGRPC, "missing.pem: no such file"},
		{"CERTIFICATE", key, protocolGRPC, "has no certificate in PEM format"},
		{"CLIENT_CERTIFICATE", certificate, protocolGRPC, "OTEL_EXPORTER_OTLP_CLIENT_KEY is not"},
		{"CLIENT_KEY", key, protocolGRPC, "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE is not"},
	}
	for _, test := range tests {
		t.Run(test.variable+" "+test.value, func(t *testing.T) {
			t.Setenv(generalVariables+test.variable, test.value)
			_, err := newConfig(test.protocol, nil)
			require.ErrorContains(t, err, test.want)
			assert.NotContains(t, err.Error(), "hunter2")
			if test.variable != "HEADERS" { // whose errors do not name the variable
				assert.ErrorContains(t, err, generalVariables+test.variable)
			}
		})
	}
}

// The error lists all invalid settings.
func TestAllErrors(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "soon")
	t.Setenv("OTEL_EXPORTER_OTLP_INSECURE", "maybe")
	_, err := NewHTTP(t.Context(), WithName("My Exporter"), WithEndpoint("collector"), WithConcurrency(0),
		WithMaxRequestSize(0), WithTLS(nil), WithLogger(nil), WithCompression("br"), WithHeaders(map[string]string{"\n": ""}))
	for _, part := range []string{
		"OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_INSECURE", "WithName", "WithEndpoint", "WithConcurrency",
		"WithMaxRequestSize", "WithTLS", "WithLogger", "WithCompression", "headers",
	} {
		require.ErrorContains(t, err, part)
	}
	_, err = NewGRPC(t.Context(), WithTimeout(-1))
	require.ErrorContains(t, err, "WithTimeout")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = NewGRPC(ended)
	require.ErrorIs(t, err, context.Canceled)
}

func TestProtocol(t *testing.T) {
	for value, want := range map[string]sender{"": &httpSender{}, "http/protobuf": &httpSender{}, "grpc": &grpcSender{}} {
		t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", value)
		e, err := New(t.Context())
		require.NoError(t, err)
		assert.IsType(t, want, e.sender)
		require.NoError(t, e.Shutdown(t.Context()))
	}
	t.Setenv("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "http/json")
	_, err := New(t.Context())
	require.ErrorContains(t, err, `OTEL_EXPORTER_OTLP_LOGS_PROTOCOL: "http/json" is not supported`)
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "120": 2 * time.Minute, "-1": 0, "1.5": 0, "soon": 0, "99999999999999999999": 0,
		"Mon, 23 Nov 2026 07:00:30 GMT": 30 * time.Second,
		"Mon, 23 Nov 2026 06:00:00 GMT": -time.Hour,
	} {
		assert.Equal(t, want, retryAfter(text, now), text)
	}
}
