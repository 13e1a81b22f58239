package collector

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Certificates holds the paths of PEM files with the certificates of an authority, a server on
// loopback and a client. The files last as long as the test.
type Certificates struct {
	// CA is the certificate of the authority, which signed the others.
	CA string
	// ServerCert and ServerKey identify a server at 127.0.0.1 and localhost.
	ServerCert, ServerKey string
	// ClientCert and ClientKey identify a client.
	ClientCert, ClientKey string

	authority *x509.CertPool
	client    tls.Certificate
}

// NewCertificates returns certificates of a new authority. They are valid for an hour.
func NewCertificates(tb testing.TB) *Certificates {
	tb.Helper()
	a := authority{tb: tb, dir: tb.TempDir()}
	var c Certificates
	c.CA, _ = a.issue("ca", &x509.Certificate{
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	c.ServerCert, c.ServerKey = a.issue("server", &x509.Certificate{
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	})
	c.ClientCert, c.ClientKey = a.issue("client", &x509.Certificate{
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	c.authority = x509.NewCertPool()
	c.authority.AddCert(a.certificate)
	var err error
	if c.client, err = tls.LoadX509KeyPair(c.ClientCert, c.ClientKey); err != nil {
		tb.Fatal(err)
	}
	return &c
}

// Trusting returns a new configuration of a client that trusts the authority and has no
// certificate.
func (c *Certificates) Trusting() *tls.Config {
	return &tls.Config{RootCAs: c.authority, MinVersion: tls.VersionTLS12}
}

// Mutual returns a new configuration of a client that trusts the authority and has the client's
// certificate.
func (c *Certificates) Mutual() *tls.Config {
	config := c.Trusting()
	config.Certificates = []tls.Certificate{c.client}
	return config
}

// authority issues certificates. The first one is its own.
type authority struct {
	tb          testing.TB
	dir         string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	issued      int64
}

// issue completes and signs the template, and returns the paths of the certificate and its key.
func (a *authority) issue(name string, template *x509.Certificate) (certFile, keyFile string) {
	a.tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.tb.Fatal(err)
	}
	a.issued++
	template.SerialNumber = big.NewInt(a.issued)
	template.Subject = pkix.Name{CommonName: name + " of a test"}
	template.NotBefore = time.Now().Add(-time.Minute)
	template.NotAfter = time.Now().Add(time.Hour)
	if a.certificate == nil {
		a.certificate, a.key = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		a.tb.Fatal(err)
	}
	if template == a.certificate {
		if a.certificate, err = x509.ParseCertificate(der); err != nil {
			a.tb.Fatal(err)
		}
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.tb.Fatal(err)
	}
	return a.write(name+".crt", "CERTIFICATE", der), a.write(name+".key", "PRIVATE KEY", keyDER)
}

func (a *authority) write(name, kind string, der []byte) (path string) {
	a.tb.Helper()
	path = filepath.Join(a.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.tb.Fatal(err)
	}
	return path
}
