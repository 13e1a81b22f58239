package config

import (
	"crypto/tls"
	"crypto/x509"
	"os"
)

// tlsModel names the files with the authorities and the client certificate.
type tlsModel struct {
	CAFile   text `key:"ca_file"`
	CertFile text `key:"cert_file"`
	KeyFile  text `key:"key_file"`
}

// load reads the files. It reports problems with the key of the file.
func (m *tlsModel) load(report func(key, message string)) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if m.CAFile != "" {
		c.RootCAs = x509.NewCertPool()
		data, err := os.ReadFile(string(m.CAFile))
		switch {
		case err != nil:
			report("ca_file", "it cannot be read: "+pathless(err))
		case !c.RootCAs.AppendCertsFromPEM(data):
			report("ca_file", "it has no certificates in PEM format")
		}
	}
	switch {
	case m.CertFile == "" && m.KeyFile == "":
		return c
	case m.KeyFile == "":
		report("cert_file", "it needs a key_file")
		return c
	case m.CertFile == "":
		report("key_file", "it needs a cert_file")
		return c
	}
	cert, certErr := os.ReadFile(string(m.CertFile))
	if certErr != nil {
		report("cert_file", "it cannot be read: "+pathless(certErr))
	}
	key, keyErr := os.ReadFile(string(m.KeyFile))
	if keyErr != nil {
		report("key_file", "it cannot be read: "+pathless(keyErr))
	}
	if certErr != nil || keyErr != nil {
		return c
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		report("key_file", "it is not the key of the certificate in PEM format")
	}
	c.Certificates = []tls.Certificate{pair}
	return c
}
