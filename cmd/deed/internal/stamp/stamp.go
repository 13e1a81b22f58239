// Package stamp has a time-stamp authority confirm, as in RFC 3161, that a checkpoint existed at a
// time.
package stamp

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/digitorus/pkcs7"
	"github.com/digitorus/timestamp"
)

// Suffix is what the name of a token's file has after that of the checkpoint.
const Suffix = ".tst"

// maxAnswer limits the size of an answer, in bytes.
const maxAnswer = 1 << 20

// ErrNotStamped means that a token does not prove that the checkpoint existed.
var ErrNotStamped = errors.New("the time stamp does not prove when the checkpoint existed")

// Stamp is what a token proves.
type Stamp struct {
	// Time is when the checkpoint existed at the latest, by the clock of the authority.
	Time time.Time `json:"time"`
	// Authority is the subject of its certificate.
	Authority string `json:"authority"`
}

// LoadRoots reads certificates in PEM: that of the authority, or of who has issued it.
func LoadRoots(path string) (*x509.CertPool, error) {
	content, err := os.ReadFile(path) //nolint:gosec // the file that the user names
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(content) {
		return nil, fmt.Errorf("%s has no certificate in PEM", path)
	}
	return roots, nil
}

// Request asks the authority at a URL for a token, and checks it as Verify does.
func Request(ctx context.Context, client *http.Client, url string, checkpoint []byte, roots *x509.CertPool) (token []byte, s Stamp, err error) {
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		return nil, s, err
	}
	hash := sha256.Sum256(checkpoint)
	query, err := (&timestamp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: hash[:], Certificates: true, Nonce: nonce}).Marshal()
	if err != nil {
		return nil, s, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(query))
	if err != nil {
		return nil, s, err
	}
	req.Header.Set("Content-Type", "application/timestamp-query")
	resp, err := client.Do(req)
	if err != nil {
		return nil, s, err
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, s, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, s, fmt.Errorf("the time-stamp authority answers with the status %d", resp.StatusCode)
	}
	parsed, err := alone(timestamp.ParseResponse, answer)
	if err != nil {
		return nil, s, fmt.Errorf("the time-stamp authority: %w", err)
	}
	if parsed.Nonce == nil || parsed.Nonce.Cmp(nonce) != 0 {
		return nil, s, errors.New("the time-stamp authority answers another request")
	}
	s, err = Verify(parsed.RawToken, checkpoint, roots)
	return parsed.RawToken, s, err
}

// Verify checks that a token is of a checkpoint, and that a certificate for time stamps has
// signed it which leads to one of the roots and was valid at that time. Otherwise the error
// matches ErrNotStamped.
func Verify(token, checkpoint []byte, roots *x509.CertPool) (s Stamp, err error) {
	parsed, err := alone(timestamp.Parse, token)
	if err != nil {
		return s, fmt.Errorf("%w: %w", ErrNotStamped, err)
	}
	hash := sha256.Sum256(checkpoint)
	if parsed.HashAlgorithm != crypto.SHA256 || !bytes.Equal(parsed.HashedMessage, hash[:]) {
		return s, fmt.Errorf("%w: it is of something else", ErrNotStamped)
	}
	p7, err := alone(pkcs7.Parse, token)
	if err != nil {
		return s, fmt.Errorf("%w: %w", ErrNotStamped, err)
	}
	intermediates := x509.NewCertPool()
	for _, c := range p7.Certificates {
		intermediates.AddCert(c)
	}
	signer := p7.GetOnlySigner()
	if signer == nil {
		return s, fmt.Errorf("%w: it has no certificate of one signer", ErrNotStamped)
	}
	err = p7.VerifyWithOpts(x509.VerifyOptions{
		Roots: roots, Intermediates: intermediates, CurrentTime: parsed.Time,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping},
	})
	if err != nil {
		return s, fmt.Errorf("%w: %w", ErrNotStamped, err)
	}
	return Stamp{Time: parsed.Time.UTC(), Authority: signer.Subject.String()}, nil
}

var parsing sync.Mutex

// alone calls parse while no other call of alone runs: each parser writes a variable of package
// pkcs7.
func alone[T any](parse func([]byte) (T, error), data []byte) (T, error) {
	parsing.Lock()
	defer parsing.Unlock()
	return parse(data)
}
