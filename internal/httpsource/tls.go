package httpsource

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"

	"millwright/internal/httpsource/auth"
)

// parseTLS reads options.tls: {ca, cert, key}, each in PEM.
func parseTLS(opt *SpecOptions, o object) error {
	m, ok := o.get("tls")
	if !ok {
		return nil
	}
	t, err := readObject(m.value, m.pointer)
	if err != nil {
		return err
	}
	if err := t.only("ca", "cert", "key"); err != nil {
		return err
	}
	if opt.TLS.CA, err = t.text("ca"); err != nil {
		return err
	}
	if opt.TLS.Cert, err = t.text("cert"); err != nil {
		return err
	}
	if opt.TLS.Key, err = t.secret("key"); err != nil {
		return err
	}
	switch {
	case opt.TLS.CA != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(opt.TLS.CA)):
		return wrong(t.at("ca"), "holds no certificate in PEM form").Named("tls-invalid").
			Fix("paste the whole file, with its BEGIN CERTIFICATE line")
	case opt.TLS.Cert != "" && opt.TLS.Key.Empty():
		return wrong(t.at("key"), "is missing").Named("tls-invalid").Fix("give the private key of the certificate")
	case opt.TLS.Cert == "" && !opt.TLS.Key.Empty():
		return wrong(t.at("cert"), "is missing").Named("tls-invalid").Fix("give the certificate of the private key")
	case opt.TLS.Cert == "" || opt.TLS.Key.Name() != "":
		return nil
	}
	if _, err := tls.X509KeyPair([]byte(opt.TLS.Cert), []byte(opt.TLS.Key.Reveal())); err != nil {
		// The package's own text may quote what it was given.
		return wrong(t.at("key"), "does not belong to the certificate, or one of the two is not in PEM form").Named("tls-invalid").
			Fix("paste both files whole, with their BEGIN lines", "take the password off the key if it has one")
	}
	return nil
}

// checkMTLS runs when all is read: the kind and its certificate stand apart.
func checkMTLS(s *Spec, o object) error {
	if s.Auth.Kind == auth.MTLS && s.Options.TLS.Cert == "" {
		return wrong(o.at("options")+"/tls/cert", "is missing: mTLS shows a certificate").Named("tls-invalid").
			Fix("give options.tls.cert and options.tls.key")
	}
	return nil
}

// doors are the ways out of a Fetch: one shows the client certificate.
type doors struct {
	own, other *http.Transport
	extra      []*http.Transport // to close with the Fetch
}

// of returns the way for a call.
func (d doors) of(c call) *http.Transport {
	if c.own {
		return d.own
	}
	return d.other
}

func (d doors) close() {
	for _, t := range d.extra {
		t.CloseIdleConnections()
	}
}

// doors opens the ways that a request's TLS settings need.
func (c *Client) doors(t TLS) (doors, error) {
	d := doors{own: c.transport, other: c.transport}
	if t == (TLS{}) {
		return d, nil
	}
	if t.CA != "" {
		roots := c.cfg.RootCAs
		if roots == nil {
			var err error
			if roots, err = x509.SystemCertPool(); err != nil {
				roots = x509.NewCertPool()
			}
		}
		roots = roots.Clone()
		roots.AppendCertsFromPEM([]byte(t.CA))
		d.other = c.newTransport(roots)
		d.own = d.other
		d.extra = append(d.extra, d.other)
	}
	if t.Cert != "" {
		pair, err := tls.X509KeyPair([]byte(t.Cert), []byte(t.Key.Reveal()))
		if err != nil {
			return d, wrong("/options/tls/key", "does not belong to the certificate").Named("tls-invalid").Fix("check options.tls")
		}
		// Not a clone: it would share its HTTP/2 connections, and with them who we are.
		d.own = c.newTransport(d.other.TLSClientConfig.RootCAs)
		d.own.TLSClientConfig.Certificates = []tls.Certificate{pair}
		d.extra = append(d.extra, d.own)
	}
	return d, nil
}
