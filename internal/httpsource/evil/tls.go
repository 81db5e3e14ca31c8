package evil

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"strings"
	"time"

	"millwright/internal/httpsource"
)

// A handshake is how a source speaks TLS. Without a config its tcp does all.
type handshake struct {
	config *tls.Config
	trust  []*x509.Certificate // whom a client is to trust, and nobody else
}

// An authority signs certificates for one run.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	from := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "evil authority"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, from, from, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	a := &authority{key: key}
	a.cert, err = x509.ParseCertificate(der)
	return a, err
}

// issue signs a certificate for 127.0.0.1, changed by change; self makes it sign itself.
func (a *authority) issue(change func(*x509.Certificate), self bool) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "evil"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if change != nil {
		change(leaf)
	}
	parent, signer := a.cert, a.key
	if self {
		parent, signer = leaf, key
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, parent, &key.PublicKey, signer)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// shakes makes a handshake with a changed certificate and configuration.
func shakes(change func(*x509.Certificate), self bool, set func(*tls.Config)) func(*authority) (*handshake, error) {
	return func(a *authority) (*handshake, error) {
		cert, err := a.issue(change, self)
		if err != nil {
			return nil, err
		}
		config := &tls.Config{Certificates: []tls.Certificate{cert}}
		if set != nil {
			set(config)
		}
		return &handshake{config, []*x509.Certificate{a.cert}}, nil
	}
}

// bare leaves the handshake to tcp.
func bare(a *authority) (*handshake, error) {
	return &handshake{trust: []*x509.Certificate{a.cert}}, nil
}

func secure() []Behaviour {
	ok := Want{State: httpsource.CompleteUnverified}
	failed := fails("tls-failed")
	rows := func(w http.ResponseWriter, _ *http.Request, s *Source) { write(w, s.rows(0, 20)) }
	short := httpsource.Limits{TLS: 700 * time.Millisecond, Total: 5 * time.Second}
	version := func(v uint16) func(*tls.Config) {
		return func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, v }
	}
	return group("tls",
		Behaviour{Name: "good", Want: ok, http: rows, tls: shakes(nil, false, nil)},
		Behaviour{Name: "good-1.2", Want: ok, http: rows, tls: shakes(nil, false, version(tls.VersionTLS12))},
		Behaviour{Name: "expired", Options: once, Want: failed, http: rows, tls: shakes(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, false, nil)},
		Behaviour{Name: "not-yet-valid", Options: once, Want: failed, http: rows, tls: shakes(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }, false, nil)},
		Behaviour{Name: "wrong-host", Options: once, Want: failed, http: rows, tls: shakes(func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"other.example"} }, false, nil)},
		Behaviour{Name: "no-name-but-the-common-one", Options: once, Want: failed, http: rows, tls: shakes(func(c *x509.Certificate) { c.IPAddresses, c.Subject.CommonName = nil, "127.0.0.1" }, false, nil)},
		Behaviour{Name: "self-signed", Options: once, Want: failed, http: rows, tls: shakes(nil, true, nil)},
		Behaviour{Name: "for-clients-only", Options: once, Want: failed, http: rows, tls: shakes(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, false, nil)},
		Behaviour{Name: "unknown-authority", Options: once, Want: failed, http: rows, tls: func(a *authority) (*handshake, error) {
			h, err := shakes(nil, false, nil)(a)
			if err == nil {
				h.trust = nil
			}
			return h, err
		}},
		Behaviour{Name: "tls-1.0", Options: once, Want: failed, http: rows, tls: shakes(nil, false, version(tls.VersionTLS10))},
		Behaviour{Name: "tls-1.1", Options: once, Want: failed, http: rows, tls: shakes(nil, false, version(tls.VersionTLS11))},
		Behaviour{Name: "wants-a-client-certificate", Options: once, Want: fails("tls-failed", "connection-lost"), http: rows, tls: shakes(nil, false, func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert })},
		Behaviour{Name: "chain-of-1-mb", Options: once, Want: failed, http: rows, tls: shakes(func(c *x509.Certificate) {
			for i := range 30_000 {
				c.DNSNames = append(c.DNSNames, fmt.Sprintf("name-%d.of-a-very-long.chain.example", i))
			}
		}, false, nil)},
		Behaviour{Name: "stalls", Options: once, Limits: short, Want: failed, tls: bare, deaf: true, tcp: hold},
		Behaviour{Name: "plain-http", Options: once, Want: failed, tls: bare, deaf: true, tcp: func(c net.Conn, _ *Source) {
			_, _ = c.Read(make([]byte, 4096))
			write(c, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
		}},
		Behaviour{Name: "garbage", Options: once, Want: failed, tls: bare, deaf: true, tcp: func(c net.Conn, _ *Source) {
			_, _ = c.Read(make([]byte, 4096))
			write(c, strings.Repeat("\xde\xad\xbe\xef", 100))
		}},
		Behaviour{Name: "closes-in-the-handshake", Options: once, Want: fails("tls-failed", "connection-lost"), tls: bare, deaf: true, tcp: func(c net.Conn, _ *Source) { _, _ = c.Read(make([]byte, 4096)) }},
		Behaviour{Name: "resets-in-the-handshake", Options: once, Want: fails("tls-failed", "connection-lost"), tls: bare, deaf: true, tcp: func(c net.Conn, _ *Source) { reset(c) }},
		Behaviour{Name: "cut-without-notice", Want: Want{State: httpsource.CompleteUnverified, Alarm: "does not say where its answer ends"}, tls: shakes(nil, false, nil), tcp: func(c net.Conn, s *Source) {
			// Go takes the end of a connection for the end of an answer without a length, as browsers do.
			s.note(record(0), record(1))
			write(c, answer()+record(0)+"\n"+record(1)+"\n")
			if t, ok := c.(*tls.Conn); ok {
				t.NetConn().Close()
			}
		}},
		Behaviour{Name: "http-2", Want: ok, http: rows, tls: shakes(nil, false, func(c *tls.Config) { c.NextProtos = []string{"h2"} })},
		Behaviour{Name: "http-2-reset-in-the-body", Options: once, Want: fails("body-truncated", "connection-lost"), tls: shakes(nil, false, func(c *tls.Config) { c.NextProtos = []string{"h2"} }), http: func(w http.ResponseWriter, _ *http.Request, s *Source) {
			write(w, s.rows(0, 20)[:200])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}},
		Behaviour{Name: "http-2-reset-then-good", Want: ok, tls: shakes(nil, false, func(c *tls.Config) { c.NextProtos = []string{"h2"} }), http: func(w http.ResponseWriter, _ *http.Request, s *Source) {
			if s.Asked() == 1 {
				panic(http.ErrAbortHandler)
			}
			write(w, s.rows(0, 20))
		}},
		Behaviour{Name: "http-2-header-bomb", Want: fails("response-header-too-large"), tls: shakes(nil, false, func(c *tls.Config) { c.NextProtos = []string{"h2"} }), http: func(w http.ResponseWriter, _ *http.Request, _ *Source) {
			for i := range 2000 {
				w.Header().Set(fmt.Sprintf("X-Bomb-%d", i), strings.Repeat("x", 4000))
			}
			write(w, "[]")
		}},
		Behaviour{Name: "redirect-down-to-http", Options: once, Want: fails("connection-lost", "upstream-status", "body-truncated", "not-json", "bad-http"), tls: shakes(nil, false, nil), http: func(w http.ResponseWriter, r *http.Request, s *Source) {
			http.Redirect(w, r, strings.Replace(s.Self, "https:", "http:", 1)+"/plain", http.StatusFound)
		}},
	)
}
