package auth

import (
	"context"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"slices"
	"strings"
	"sync"

	"millwright/internal/errs"
	"millwright/internal/secret"
)

// digestProver answers the challenges of RFC 7616. The first request goes without
// an answer, as there is no challenge yet; later ones reuse its nonce.
type digestProver struct {
	login  Login
	cnonce func() string // nil means random

	mu        sync.Mutex
	challenge challenge
	count     int // answers to this challenge
}

func (p *digestProver) Prove(_ context.Context, _ http.RoundTripper, req *http.Request) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.challenge.nonce == "" {
		return nil
	}
	p.count++
	cnonce := rand.Text()
	if p.cnonce != nil {
		cnonce = p.cnonce()
	}
	req.Header.Set("Authorization", p.challenge.answer(p.login, req.Method, req.URL.RequestURI(), cnonce, p.count))
	return nil
}

func (p *digestProver) Refused(_ context.Context, _ http.RoundTripper, req *http.Request, answer http.Header) (bool, error) {
	c, err := readChallenge(answer)
	if err != nil || c.nonce == "" {
		return false, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	used := req.Header.Get("Authorization")
	// The same nonce refused means that the password is wrong: one that is too old is
	// replaced by another.
	if strings.Contains(used, `nonce="`+c.nonce+`"`) {
		return false, nil
	}
	if p.challenge.nonce != c.nonce {
		p.challenge, p.count = c, 0
	}
	return true, nil
}

// Secrets has none: what is sent is a hash that holds for one request.
func (p *digestProver) Secrets() []secret.String { return nil }

// A challenge is what a source asks to be hashed.
type challenge struct {
	realm, nonce, opaque, algorithm string
	qop                             bool // auth is offered; without it the form of RFC 2069 is used
	hideUser                        bool
}

// algorithms are the hashes of RFC 7616, the best one first.
func algorithms() []string { return []string{"SHA-512-256", "SHA-256", "MD5"} }

func hasher(algorithm string) hash.Hash {
	switch {
	case strings.HasPrefix(algorithm, "SHA-512-256"):
		return sha512.New512_256()
	case strings.HasPrefix(algorithm, "SHA-256"):
		return sha256.New()
	}
	return md5.New()
}

// readChallenge returns the best challenge of an answer; the zero one if there is
// no Digest challenge at all.
func readChallenge(h http.Header) (challenge, error) {
	var best challenge
	rank := len(algorithms())
	refused := ""
	for _, value := range h.Values("WWW-Authenticate") {
		for _, fields := range digestFields(value) {
			c := challenge{realm: fields["realm"], nonce: fields["nonce"], opaque: fields["opaque"], algorithm: strings.ToUpper(fields["algorithm"]),
				hideUser: strings.EqualFold(fields["userhash"], "true")}
			if c.algorithm == "" {
				c.algorithm = "MD5"
			}
			qops := strings.FieldsFunc(strings.ToLower(fields["qop"]), func(r rune) bool { return r == ',' || r == ' ' })
			c.qop = slices.Contains(qops, "auth")
			at := slices.Index(algorithms(), strings.TrimSuffix(c.algorithm, "-SESS"))
			switch {
			case at < 0:
				refused = "the algorithm " + clip(c.algorithm, 40)
			case len(qops) > 0 && !c.qop:
				refused = "qop=" + clip(fields["qop"], 40)
			case c.nonce != "" && at < rank:
				best, rank = c, at
			}
		}
	}
	if best.nonce == "" && refused != "" {
		return best, errs.New(errs.Upstream, "the source asks for Digest authentication with %s, which is not supported", refused).
			Named("digest-not-supported").Fix("use another way of authentication if the source has one")
	}
	return best, nil
}

// digestFields returns the parameters of each Digest challenge in a header.
func digestFields(value string) []map[string]string {
	var out []map[string]string
	var fields map[string]string
	for value = strings.TrimLeft(value, " \t,"); value != ""; value = strings.TrimLeft(value, " \t,") {
		end := strings.IndexAny(value, " \t,=")
		if end < 0 || value[end] != '=' {
			// A word without "=" begins the challenge of a scheme.
			word := value
			if value = ""; end >= 0 {
				word, value = word[:end], word[end:]
			}
			if fields = nil; strings.EqualFold(word, "Digest") {
				fields = map[string]string{}
				out = append(out, fields)
			}
			continue
		}
		name := strings.ToLower(value[:end])
		var text string
		text, value = quoted(value[end+1:])
		if fields != nil {
			fields[name] = text
		}
	}
	return out
}

// quoted reads a quoted string or a word and returns what follows.
func quoted(s string) (text, rest string) {
	s = strings.TrimLeft(s, " \t")
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, ", \t")
		if end < 0 {
			end = len(s)
		}
		return s[:end], s[end:]
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), ""
}

// answer is the Authorization header for one request.
func (c challenge) answer(login Login, method, uri, cnonce string, count int) string {
	sum := func(parts ...string) string {
		h := hasher(c.algorithm)
		h.Write([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(h.Sum(nil))
	}
	user := login.Username
	a1 := sum(user, c.realm, login.Password.Reveal())
	if strings.HasSuffix(c.algorithm, "-SESS") {
		a1 = sum(a1, c.nonce, cnonce)
	}
	a2 := sum(method, uri)
	nc := fmt.Sprintf("%08x", count)
	if c.hideUser {
		user = sum(user, c.realm)
	}
	q := func(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }
	fields := []string{"username=" + q(user), "realm=" + q(c.realm), "nonce=" + q(c.nonce), "uri=" + q(uri), "algorithm=" + c.algorithm}
	if c.qop {
		fields = append(fields, "response="+q(sum(a1, c.nonce, nc, cnonce, "auth", a2)), "qop=auth", "nc="+nc, "cnonce="+q(cnonce))
	} else {
		fields = append(fields, "response="+q(sum(a1, c.nonce, a2)))
	}
	if c.opaque != "" {
		fields = append(fields, "opaque="+q(c.opaque))
	}
	if c.hideUser {
		fields = append(fields, "userhash=true")
	}
	return "Digest " + strings.Join(fields, ", ")
}
