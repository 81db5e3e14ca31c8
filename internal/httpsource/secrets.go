package httpsource

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"millwright/internal/errs"
	"millwright/internal/httpsource/auth"
	"millwright/internal/secret"
)

// anySecret is the name of fields that are secret whatever they are called.
const anySecret = "secret"

// each calls visit with every value of the request that may hold a secret or
// refer to one, with the pointer and the name of its field. It copies the lists
// that it goes through, so that visit may change what it is given.
func (s *Spec) each(visit func(pointer, name string, v *secret.String)) {
	pairs := func(at string, list []Pair) []Pair {
		list = slices.Clone(list)
		for i := range list {
			visit(at+"/"+escapePointer(list[i].Name), list[i].Name, &list[i].Value)
		}
		return list
	}
	params := func(at string, list []Param, index bool) []Param {
		list = slices.Clone(list)
		for i := range list {
			pointer := at + "/" + escapePointer(list[i].Name)
			if index {
				pointer = at + "/" + itoa(i) + "/value"
			}
			visit(pointer, list[i].Name, &list[i].Value)
		}
		return list
	}
	s.Headers = pairs("/headers", s.Headers)
	s.Parameters = params("/parameters", s.Parameters, false)
	s.ParameterGroups = slices.Clone(s.ParameterGroups)
	for i := range s.ParameterGroups {
		g := &s.ParameterGroups[i]
		g.Parameters = params("/parameterGroups/"+itoa(i)+"/parameters", g.Parameters, true)
	}
	s.Body.Parameters = pairs("/body/parameters", s.Body.Parameters)
	visit("/options/tls/key", anySecret, &s.Options.TLS.Key)
	s.eachOfAuth(visit)
}

func (s *Spec) eachOfAuth(visit func(pointer, name string, v *secret.String)) {
	pairs := func(at string, list []auth.Pair) []auth.Pair {
		list = slices.Clone(list)
		for i := range list {
			visit(at+"/"+escapePointer(list[i].Name), list[i].Name, &list[i].Value)
		}
		return list
	}
	switch a := &s.Auth; a.Kind {
	case auth.APIKey:
		visit("/auth/apiKey/value", anySecret, &a.APIKey.Value)
	case auth.Bearer:
		visit("/auth/bearerToken", anySecret, &a.Bearer)
	case auth.Basic:
		visit("/auth/basicAuth/password", anySecret, &a.Basic.Password)
	case auth.Digest:
		visit("/auth/digestAuth/password", anySecret, &a.Digest.Password)
	case auth.OAuth2:
		visit("/auth/oauth2/clientSecret", anySecret, &a.OAuth2.ClientSecret)
		visit("/auth/oauth2/refreshToken", anySecret, &a.OAuth2.RefreshToken)
		a.OAuth2.Params = pairs("/auth/oauth2/params", a.OAuth2.Params)
	case auth.Session:
		a.Session.Headers = pairs("/auth/sessionLogin/headers", a.Session.Headers)
		a.Session.Form = pairs("/auth/sessionLogin/body/parameters", a.Session.Form)
	}
}

// Fields calls visit with every header, parameter, form field and credential of
// the request: where it stands, its name, and its value. Credentials are named
// "secret". The URL and a raw body are not among them.
func (s Spec) Fields(visit func(pointer, name string, value secret.String)) {
	s.each(func(pointer, name string, v *secret.String) { visit(pointer, name, *v) })
}

// A Lookup finds a secret by the name that a request refers to it by, for use at
// origin (scheme://host:port) and nowhere else. It fails with errs.NotFound if
// there is none.
type Lookup func(ctx context.Context, name, origin string) (secret.String, error)

// resolve returns the request with the secrets that it refers to in place, and
// checked like any that were typed in, and the secrets alone: what was stored as
// one is hidden whatever the field that it stands in is called.
func (s Spec) resolve(ctx context.Context, find Lookup) (Spec, []secret.String, error) {
	var found []secret.String
	err := s.refer(func(pointer string, v *secret.String) error {
		value, err := secret.String{}, error(errs.NotFound)
		if find != nil {
			value, err = find(ctx, v.Name(), s.destination(pointer))
		}
		if err == nil && value.Reveal() == "" {
			err = errs.NotFound
		}
		if err != nil {
			return referenceError(v.Name(), pointer, err)
		}
		*v, found = value, append(found, value)
		return nil
	})
	if err != nil || found == nil {
		return s, nil, err
	}
	text, err := s.Sealed()
	if err != nil {
		return s, nil, err
	}
	whole, err := ParseSealed(text)
	return whole, found, err
}

// CheckSecrets asks check about each secret that the request refers to: its name
// and the origin that it would be sent to. It returns the first error, pointing
// at the field.
func (s Spec) CheckSecrets(check func(name, origin string) error) error {
	return s.refer(func(pointer string, v *secret.String) error {
		if err := check(v.Name(), s.destination(pointer)); err != nil {
			return referenceError(v.Name(), pointer, err)
		}
		return nil
	})
}

// refer calls visit with every reference to a secret, up to the first error.
func (s *Spec) refer(visit func(pointer string, v *secret.String) error) (err error) {
	s.each(func(pointer, _ string, v *secret.String) {
		if v.Name() != "" && err == nil {
			err = visit(pointer, v)
		}
	})
	return err
}

// destination returns the origin that the field's value is sent to. What buys a
// token goes to where tokens are given.
func (s Spec) destination(pointer string) string {
	address := s.URL
	switch {
	case strings.HasPrefix(pointer, "/auth/oauth2/"):
		address = s.Auth.OAuth2.TokenURL
	case strings.HasPrefix(pointer, "/auth/sessionLogin/"):
		address = s.Auth.Session.URL
	}
	u, err := url.Parse(address.Reveal())
	if err != nil {
		return "" // unreachable: it was parsed with the request
	}
	return originOf(u)
}

// referenceError says at which field a secret could not be had.
func referenceError(name, pointer string, err error) error {
	if errors.Is(err, errs.NotFound) {
		return errs.New(errs.Invalid, "there is no secret named %q", clip(name, 60)).Named("secret-unknown").At(pointer).
			Fix("store a secret of that name", "or give the value itself")
	}
	e, found := errs.Find(err)
	if !found || len(e.Fields) > 0 {
		return err
	}
	pointed := *e
	return pointed.At(pointer)
}

// A redaction hides what is known to be secret; tokens become known while a
// Fetch is at work.
type redaction struct {
	base []secret.String
	more func() []secret.String
	mu   sync.Mutex
	last []secret.String // what more returned
	now  atomic.Pointer[secret.Redactor]
}

func newRedaction(base []secret.String, more func() []secret.String) *redaction {
	r := &redaction{base: base, more: more}
	redactor := secret.NewRedactor(base...)
	r.now.Store(&redactor)
	r.refresh()
	return r
}

// refresh takes in tokens that are new.
func (r *redaction) refresh() {
	r.mu.Lock()
	defer r.mu.Unlock()
	more := r.more()
	if slices.Equal(more, r.last) {
		return
	}
	r.last = more
	redactor := secret.NewRedactor(append(slices.Clone(r.base), more...)...)
	r.now.Store(&redactor)
}

// Redact returns text with every known secret hidden.
func (r *redaction) Redact(text string) string { return r.now.Load().Redact(text) }

// Found reports whether data holds a secret of at least min bytes.
func (r *redaction) Found(data []byte, min int) bool { return r.now.Load().Found(data, min) }

func (r *redaction) empty() bool { return r.now.Load().Empty() }
