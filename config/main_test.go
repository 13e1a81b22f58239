package config_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// raceDetector reports whether the tests run with the race detector, which makes them ten
// times slower.
var raceDetector bool

// skipped reports whether the race detector is on and case n is none of those that a test of
// very many cases takes then. CI runs all cases without it.
func skipped(n int) bool { return raceDetector && n%7 != 0 }

func TestMain(m *testing.M) {
	for _, entry := range os.Environ() { // variables of this machine must not affect the tests
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "AUDIT_") || strings.HasPrefix(name, "OTEL_") {
			_ = os.Unsetenv(name)
		}
	}
	goleak.VerifyTestMain(m)
}

// certificate writes cert.pem and key.pem, other.pem with another key, and empty.pem. It
// returns their directory.
func certificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	another, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	other, err := x509.MarshalPKCS8PrivateKey(another)
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "empty.pem"), nil, 0o600))
	for name, block := range map[string]*pem.Block{
		"cert.pem":  {Type: "CERTIFICATE", Bytes: cert},
		"key.pem":   {Type: "PRIVATE KEY", Bytes: private},
		"other.pem": {Type: "PRIVATE KEY", Bytes: other},
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600))
	}
	return dir
}

// write writes a file and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}
