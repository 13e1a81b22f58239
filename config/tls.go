package config

import (
	"crypto/tls"
	"crypto/x509"
	"os"
)

// tlsModel names the files by which a server is known, and by which it knows us.
type tlsModel struct {
	CAFile   text `key:"ca_file"`
	CertFile text `key:"cert_file"`
	KeyFile  text `key:"key_file"`
}

// load reads the files. wrong is told what is wrong with the file of a key.
func (m *tlsModel) load(wrong func(key, message string)) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if m.CAFile != "" {
		c.RootCAs = x509.NewCertPool()
		data, err := os.ReadFile(string(m.CAFile))
		switch {
		case err != nil:
			wrong("ca_file", "it cannot be read: "+pathless(err))
		case !c.RootCAs.AppendCertsFromPEM(data):
			wrong("ca_file", "it has no certificates in PEM form")
		}
	}
	switch {
	case m.CertFile == "" && m.KeyFile == "":
		return c
	case m.KeyFile == "":
		wrong("cert_file", "it needs a key_file")
		return c
	case m.CertFile == "":
		wrong("key_file", "it needs a cert_file")
		return c
	}
	cert, certErr := os.ReadFile(string(m.CertFile))
	if certErr != nil {
		wrong("cert_file", "it cannot be read: "+pathless(certErr))
	}
	key, keyErr := os.ReadFile(string(m.KeyFile))
	if keyErr != nil {
		wrong("key_file", "it cannot be read: "+pathless(keyErr))
	}
	if certErr != nil || keyErr != nil {
		return c
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		wrong("key_file", "it is no key in PEM form that belongs to the certificate")
	}
	c.Certificates = []tls.Certificate{pair}
	return c
}
