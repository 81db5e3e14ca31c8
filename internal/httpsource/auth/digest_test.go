package auth

import (
	"net/http"
	"strings"
	"testing"

	"millwright/internal/secret"
)

func mufasa() Login { return Login{"Mufasa", secret.New("Circle of Life")} }

// The examples of RFC 7616, section 3.9.
func TestDigestAnswersAsTheRFCDoes(t *testing.T) {
	t.Parallel()
	const nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
	const fields = `realm="http-auth@example.org", qop="auth, auth-int", nonce="` + nonce + `", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
	cases := []struct{ rule, challenge, cnonce, response string }{
		{"MD5", `Digest ` + fields + `, algorithm=MD5`, "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "8ca523f5e9506fed4657c9700eebdbec"},
		{"SHA-256", `Digest ` + fields + `, algorithm=SHA-256`, "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
		{"the better of two", `Digest ` + fields + `, algorithm=MD5, Digest ` + fields + `, algorithm=SHA-256`, "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
		{"beside another scheme", `Basic realm="x", Digest ` + fields, "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "8ca523f5e9506fed4657c9700eebdbec"},
	}
	for _, c := range cases {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			got, err := readChallenge(http.Header{"Www-Authenticate": {c.challenge}})
			if err != nil {
				t.Fatal(err)
			}
			answer := got.answer(mufasa(), "GET", "/dir/index.html", c.cnonce, 1)
			for _, want := range []string{`response="` + c.response + `"`, `nonce="` + nonce + `"`, "nc=00000001", "qop=auth", `opaque="FQhe`, `username="Mufasa"`} {
				if !strings.Contains(answer, want) {
					t.Errorf("%s lacks %s", answer, want)
				}
			}
		})
	}
	// Section 3.9.2: the user name as a hash.
	got, err := readChallenge(http.Header{"Www-Authenticate": {`Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS", charset=UTF-8, userhash=true`}})
	if err != nil {
		t.Fatal(err)
	}
	answer := got.answer(Login{"Jäsøn Doe", secret.New("Secret, or not?")}, "GET", "/doe.json", "NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm", 1)
	if !strings.Contains(answer, "userhash=true") || strings.Contains(answer, "Doe\"") {
		t.Errorf("%s shows the user name", answer)
	}
}

func TestDigestRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	for _, challenge := range []string{
		`Digest realm="r", nonce="n", qop="auth-int"`,
		`Digest realm="r", nonce="n", algorithm=ROT13`,
	} {
		if _, err := readChallenge(http.Header{"Www-Authenticate": {challenge}}); err == nil {
			t.Errorf("%s was accepted", challenge)
		}
	}
	if c, err := readChallenge(http.Header{"Www-Authenticate": {`Basic realm="Digest nonce=1"`}}); err != nil || c.nonce != "" {
		t.Errorf("a Basic challenge gave %+v, %v", c, err)
	}
}

func FuzzReadChallenge(f *testing.F) {
	f.Add(`Digest realm="a\"b", nonce="n", qop="auth"`)
	f.Add(`Basic, Digest nonce=n algorithm=MD5-sess, Negotiate abc==`)
	f.Fuzz(func(t *testing.T, value string) {
		c, err := readChallenge(http.Header{"Www-Authenticate": {value}})
		if err == nil && c.nonce != "" {
			if answer := c.answer(mufasa(), "GET", "/", "c", 1); strings.Count(answer, "\n") > strings.Count(value, "\n")*3 {
				t.Errorf("the answer has line breaks: %q", answer)
			}
		}
	})
}
