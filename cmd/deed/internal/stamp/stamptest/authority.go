// Package stamptest has a time-stamp authority for tests.
package stamptest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/digitorus/timestamp"
)

// Authority is a time-stamp authority. Dir has root.pem, the certificate of who has issued its own,
// tsa.pem, and tsa.key.
type Authority struct {
	Dir string

	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
}

// New makes an authority whose files are in a directory.
func New(dir string, usage x509.ExtKeyUsage) (*Authority, error) {
	a := &Authority{Dir: dir}
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "root"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	issuer, err := x509.CreateCertificate(rand.Reader, root, root, rootKey.Public(), rootKey)
	if err != nil {
		return nil, err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "tsa.example.org"}, NotBefore: root.NotBefore, NotAfter: root.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtraExtensions: []pkix.Extension{onlyFor(usage)},
	}
	own, err := x509.CreateCertificate(rand.Reader, leaf, root, a.key.Public(), rootKey)
	if err != nil {
		return nil, err
	}
	if a.certificate, err = x509.ParseCertificate(own); err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		return nil, err
	}
	return a, errors.Join(a.write("root.pem", "CERTIFICATE", issuer), a.write("tsa.pem", "CERTIFICATE", own), a.write("tsa.key", "PRIVATE KEY", private))
}

// onlyFor returns the extension for how a key is used, as the critical one that RFC 3161 demands.
func onlyFor(usage x509.ExtKeyUsage) pkix.Extension {
	last := byte(8) // id-kp-timeStamping
	if usage == x509.ExtKeyUsageServerAuth {
		last = 1
	}
	return pkix.Extension{Id: []int{2, 5, 29, 37}, Critical: true, Value: []byte{0x30, 0x0a, 0x06, 0x08, 0x2b, 6, 1, 5, 5, 7, 3, last}}
}

func (a *Authority) write(name, kind string, der []byte) error {
	return os.WriteFile(filepath.Join(a.Dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}

// Answer makes the response to a query.
func (a *Authority) Answer(query []byte) ([]byte, error) {
	req, err := timestamp.ParseRequest(query)
	if err != nil {
		return nil, err
	}
	stamp := timestamp.Timestamp{
		HashAlgorithm: req.HashAlgorithm, HashedMessage: req.HashedMessage, Time: time.Now(), SerialNumber: big.NewInt(7), Nonce: req.Nonce,
		Policy: []int{1, 2, 3}, AddTSACertificate: true,
	}
	return stamp.CreateResponseWithOpts(a.certificate, a.key, crypto.SHA256)
}

// Handler answers over HTTP what answer returns.
func Handler(answer func(query []byte) ([]byte, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, err := io.ReadAll(r.Body)
		if err == nil {
			query, err = answer(query)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/timestamp-reply")
		_, _ = w.Write(query) // the client is gone
	})
}
