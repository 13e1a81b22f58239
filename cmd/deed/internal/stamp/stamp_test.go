package stamp

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/digitorus/timestamp"
	"github.com/opendeed/audit/cmd/deed/internal/stamp/stamptest"
	"github.com/stretchr/testify/require"
)

// authority is an authority of a test.
type authority struct {
	*stamptest.Authority

	t *testing.T
}

func newAuthority(t *testing.T, usage x509.ExtKeyUsage) *authority {
	t.Helper()
	a, err := stamptest.New(t.TempDir(), usage)
	require.NoError(t, err)
	return &authority{a, t}
}

func (a *authority) roots() *x509.CertPool {
	a.t.Helper()
	roots, err := LoadRoots(filepath.Join(a.Dir, "root.pem"))
	require.NoError(a.t, err)
	return roots
}

// openssl makes a response with openssl, another implementation.
func (a *authority) openssl(query []byte) ([]byte, error) {
	config := fmt.Sprintf("[tsa]\nserial=%[1]s/serial\nsigner_cert=%[1]s/tsa.pem\nsigner_key=%[1]s/tsa.key\nsigner_digest=sha256\n"+
		"digests=sha256\ndefault_policy=1.2.3\ness_cert_id_alg=sha256\n", a.Dir)
	if err := os.WriteFile(filepath.Join(a.Dir, "tsa.conf"), []byte(config), 0o600); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(a.Dir, "query"), query, 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(a.t.Context(), "openssl", "ts", "-reply", "-config", "tsa.conf", "-section", "tsa", "-queryfile", "query", "-out", "reply")
	cmd.Dir = a.Dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	return os.ReadFile(filepath.Join(a.Dir, "reply"))
}

// serve runs the authority on loopback.
func (a *authority) serve(answer func([]byte) ([]byte, error)) string {
	a.t.Helper()
	server := httptest.NewServer(stamptest.Handler(answer))
	a.t.Cleanup(server.Close)
	return server.URL
}

var checkpoint = []byte("example.com/audit\n3\nAAAA\n\n— example.com/audit AAAA\n")

func TestStamp(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, x509.ExtKeyUsageTimeStamping)
	answers := map[string]func([]byte) ([]byte, error){"Go": a.Answer}
	if _, err := exec.LookPath("openssl"); err == nil {
		answers["openssl"] = a.openssl
	}
	for name, answer := range answers {
		token, s, err := Request(t.Context(), http.DefaultClient, a.serve(answer), checkpoint, a.roots())
		require.NoError(t, err, name)
		require.Equal(t, "CN=tsa.example.org", s.Authority)
		require.WithinDuration(t, time.Now(), s.Time, time.Minute)
		again, err := Verify(token, checkpoint, a.roots())
		require.NoError(t, err)
		require.Equal(t, s, again)

		_, err = Verify(token, append(checkpoint, '\n'), a.roots())
		require.ErrorIs(t, err, ErrNotStamped)
		_, err = Verify(token, checkpoint, newAuthority(t, x509.ExtKeyUsageTimeStamping).roots())
		require.ErrorIs(t, err, ErrNotStamped)
		for at := range token {
			altered := append([]byte(nil), token...)
			altered[at] ^= 1
			if s, err := Verify(altered, checkpoint, a.roots()); err == nil {
				require.Equal(t, again, s, "byte %d changes nothing that is proved", at)
			}
		}
		if name == "openssl" {
			a.requireOpenSSL(token)
		}
	}
}

// requireOpenSSL requires that openssl verifies a token too.
func (a *authority) requireOpenSSL(token []byte) {
	a.t.Helper()
	require.NoError(a.t, os.WriteFile(filepath.Join(a.Dir, "token"), token, 0o600))
	require.NoError(a.t, os.WriteFile(filepath.Join(a.Dir, "checkpoint"), checkpoint, 0o600))
	cmd := exec.CommandContext(a.t.Context(), "openssl", "ts", "-verify", "-token_in", "-in", "token", "-data", "checkpoint", "-CAfile", "root.pem", "-untrusted", "tsa.pem")
	cmd.Dir = a.Dir
	out, err := cmd.CombinedOutput()
	require.NoError(a.t, err, string(out))
}

func TestUnusableAnswers(t *testing.T) {
	t.Parallel()
	server := newAuthority(t, x509.ExtKeyUsageServerAuth)
	_, _, err := Request(t.Context(), http.DefaultClient, server.serve(server.Answer), checkpoint, server.roots())
	require.ErrorIs(t, err, ErrNotStamped, "the certificate is for something else")
	a := newAuthority(t, x509.ExtKeyUsageTimeStamping)
	old, err := (&timestamp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: make([]byte, 32), Nonce: big.NewInt(5), Certificates: true}).Marshal()
	require.NoError(t, err)
	for name, answer := range map[string]func([]byte) ([]byte, error){
		"another request": func([]byte) ([]byte, error) { return a.Answer(old) },
		"a rejection": func([]byte) ([]byte, error) {
			return timestamp.CreateErrorResponse(timestamp.Rejection, timestamp.BadRequest)
		},
		"nothing":  func([]byte) ([]byte, error) { return nil, nil },
		"an error": func([]byte) ([]byte, error) { return nil, io.ErrUnexpectedEOF },
	} {
		_, _, err := Request(t.Context(), http.DefaultClient, a.serve(answer), checkpoint, a.roots())
		require.Error(t, err, name)
	}
	_, err = Verify([]byte("no token"), checkpoint, a.roots())
	require.ErrorIs(t, err, ErrNotStamped)
	path := filepath.Join(t.TempDir(), "roots")
	require.NoError(t, os.WriteFile(path, []byte("none"), 0o600))
	_, err = LoadRoots(path)
	require.ErrorContains(t, err, "no certificate")
}

// TestAddressIsNotShown asks authorities that do not answer. Their URLs have keys.
func TestAddressIsNotShown(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for _, address := range []string{gone.URL + "/?key=hunter2", "http://hunter2@127.0.0.1:x", "ftp://hunter2@127.0.0.1", "http://[::1]/%hunter2"} {
		_, _, err := Request(t.Context(), http.DefaultClient, address, []byte("checkpoint"), x509.NewCertPool())
		require.ErrorContains(t, err, "time-stamp authority")
		require.NotContains(t, err.Error(), "hunter2")
	}
}
