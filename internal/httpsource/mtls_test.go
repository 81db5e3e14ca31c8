package httpsource_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	number "math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"millwright/internal/errs"
	"millwright/internal/httpsource"
)

// identity makes a client certificate that signs itself, in PEM.
func identity(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: number.NewInt(1), Subject: pkix.Name{CommonName: "client"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs}))
}

// tlsServer answers with the name of the client's certificate.
func tlsServer(t *testing.T, ask tls.ClientAuthType, trusted string, h http.HandlerFunc) (url, ca string) {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(trusted))
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.EnableHTTP2 = true
	s.TLS = &tls.Config{ClientAuth: ask, ClientCAs: pool}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
}

func shown(w http.ResponseWriter, r *http.Request) {
	name := "nobody"
	if len(r.TLS.PeerCertificates) > 0 {
		name = r.TLS.PeerCertificates[0].Subject.CommonName
	}
	fmt.Fprintf(w, `[{"name":%q}]`, name)
}

func tlsOption(ca, cert, key string) string {
	t, _ := json.Marshal(map[string]string{"ca": ca, "cert": cert, "key": key})
	return `"options":{"tls":` + string(t) + `}`
}

func TestAClientCertificateIsShownToItsOriginOnly(t *testing.T) {
	t.Parallel()
	cert, key := identity(t)
	other, otherCA := tlsServer(t, tls.RequestClientCert, cert, shown)
	url, ca := tlsServer(t, tls.RequireAndVerifyClientCert, cert, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, other+"/", http.StatusFound)
			return
		}
		shown(w, r)
	})
	c := newClient(t)
	for path, want := range map[string]string{"/": "client", "/away": "nobody"} {
		got, _, err := fetch(t, c, get(t, url+path, `"authType":"mTLS"`, tlsOption(ca+otherCA, cert, key)), httpsource.Options{})
		if err != nil || len(got.rows) != 1 || got.rows[0] != `{"name":"`+want+`"}` {
			t.Errorf("%s: rows %q, %v; want %s", path, got.rows, err, want)
		}
	}
	// Another request through the same Client is nobody.
	got, _, err := fetch(t, c, get(t, other, tlsOption(otherCA, "", "")), httpsource.Options{})
	if err != nil || got.rows[0] != `{"name":"nobody"}` {
		t.Errorf("without a certificate: rows %q, %v", got.rows, err)
	}
	_, _, err = fetch(t, c, get(t, url, strings.Replace(tlsOption(ca, "", ""), `"options":{`, `"options":{"retry":{"attempts":1},`, 1)), httpsource.Options{})
	// The server's alert comes after the handshake; when it closes at once, it may be lost.
	if e, ok := errs.Find(err); !ok || e.Type != "connection-lost" && (e.Type != "tls-failed" || !strings.Contains(e.Public(), "options.tls")) {
		t.Errorf("no certificate where one is wanted: %v", err)
	}
	_, _, err = fetch(t, c, get(t, url, `"options":{"retry":{"attempts":1}}`), httpsource.Options{})
	if errType(err) != "tls-failed" {
		t.Errorf("the authority of one request was trusted by another: %v", err)
	}
}

func TestTLSOptionsThatDoNotFit(t *testing.T) {
	t.Parallel()
	cert, key := identity(t)
	otherCert, _ := identity(t)
	for _, c := range []struct{ rule, option, pointer string }{
		{"an authority that is no certificate", tlsOption("x", "", ""), "/options/tls/ca"},
		{"a certificate without a key", tlsOption("", cert, ""), "/options/tls/key"},
		{"a key without a certificate", tlsOption("", "", key), "/options/tls/cert"},
		{"a key of another certificate", tlsOption("", otherCert, key), "/options/tls/key"},
		{"a key that is none", tlsOption("", cert, "tls-secret-key"), "/options/tls/key"},
		{"an unknown option", `"options":{"tls":{"insecure":true}}`, "/options/tls/insecure"},
		{"mTLS without a certificate", `"authType":"mTLS"`, "/options/tls/cert"},
	} {
		_, err := httpsource.ParseSpec([]byte(`{"url":"https://a.example","method":"GET",` + c.option + `}`))
		e, ok := errs.Find(err)
		if !ok || e.Kind != errs.Invalid || len(e.Fields) == 0 || e.Fields[0].Pointer != c.pointer || strings.Contains(err.Error(), "tls-secret") {
			t.Errorf("%s: %v, want one at %s", c.rule, err, c.pointer)
		}
	}
}
