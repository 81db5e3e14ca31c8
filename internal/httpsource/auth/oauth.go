package auth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"millwright/internal/errs"
	"millwright/internal/secret"
)

// A Grant is what an OAuth 2.0 token is asked for with: client credentials
// (RFC 6749 section 4.4), or a refresh token (section 6) if there is one.
type Grant struct {
	TokenURL     secret.String // absolute; what follows is sent there and nowhere else
	ClientID     string
	ClientSecret secret.String
	RefreshToken secret.String // empty means client credentials
	Scopes       []string
	Params       []Pair // more fields of the token request, such as audience
	Style        Style
}

// A Style says how a client names itself to the token URL.
type Style string

// The styles.
const (
	AnyStyle    Style = ""       // try the header first, then the body
	HeaderStyle Style = "header" // as Basic authentication
	BodyStyle   Style = "body"   // as client_id and client_secret
)

func (g Grant) secrets() []secret.String {
	out := []secret.String{g.ClientSecret, g.RefreshToken, secret.New(Login{url.QueryEscape(g.ClientID), secret.New(url.QueryEscape(g.ClientSecret.Reveal()))}.encoded())}
	for _, p := range g.Params {
		if secret.LooksSecret(p.Name) {
			out = append(out, p.Value)
		}
	}
	return out
}

// grantProver asks for a token when it has none, or when the one it has was
// refused or has expired.
type grantProver struct {
	mu      sync.Mutex
	grant   Grant // its refresh token is replaced by newer ones
	kind    string
	token   token
	expires time.Time                // when it is no longer used; zero means unknown
	config  clientcredentials.Config // it remembers which style worked
}

// early is how long before its end a token is no longer used; one that lives
// shortly is used for half of its life.
const early = 10 * time.Second

func (p *grantProver) Prove(ctx context.Context, via http.RoundTripper, req *http.Request) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.token.value.Empty() || !p.expires.IsZero() && time.Until(p.expires) <= 0 {
		if err := p.renew(ctx, via); err != nil {
			return err
		}
	}
	req.Header.Set("Authorization", p.kind+" "+p.token.value.Reveal())
	return nil
}

func (p *grantProver) Refused(ctx context.Context, via http.RoundTripper, req *http.Request, _ http.Header) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if req.Header.Get("Authorization") != p.kind+" "+p.token.value.Reveal() {
		return true, nil // another request has renewed it meanwhile
	}
	err := p.renew(ctx, via)
	return err == nil, err
}

func (p *grantProver) Secrets() []secret.String {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]secret.String{p.grant.RefreshToken}, p.token.used...)
}

// Rotated returns the refresh token that replaced the one of the credentials;
// empty if there is none. Most sources accept the old one no more.
func Rotated(p Prover, given Grant) secret.String {
	g, ok := p.(*grantProver)
	if !ok {
		return secret.String{}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.grant.RefreshToken == given.RefreshToken {
		return secret.String{}
	}
	return g.grant.RefreshToken
}

// renew asks for a token. The caller holds p.mu.
func (p *grantProver) renew(ctx context.Context, via http.RoundTripper) error {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, quiet(via))
	got, err := p.ask(ctx)
	if err != nil {
		return p.explain(err)
	}
	if err := oneLine(got.AccessToken); err != nil {
		return err
	}
	p.token.set(got.AccessToken)
	p.kind, p.expires = "Bearer", got.Expiry
	if !p.expires.IsZero() {
		p.expires = p.expires.Add(-min(early, time.Until(p.expires)/2))
	}
	if t := got.Type(); !strings.EqualFold(t, "bearer") && oneLine(t) == nil && !strings.ContainsAny(t, " ,") {
		p.kind = t
	}
	if !p.grant.RefreshToken.Empty() && got.RefreshToken != "" {
		p.grant.RefreshToken = secret.New(got.RefreshToken)
	}
	return nil
}

// quiet is a client without cookies that follows no redirect: what a token is
// asked for with belongs to the token URL.
func quiet(via http.RoundTripper) *http.Client {
	return &http.Client{Transport: via, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (p *grantProver) ask(ctx context.Context) (*oauth2.Token, error) {
	style := map[Style]oauth2.AuthStyle{HeaderStyle: oauth2.AuthStyleInHeader, BodyStyle: oauth2.AuthStyleInParams}[p.grant.Style]
	params := url.Values{}
	for _, pair := range p.grant.Params {
		params.Add(pair.Name, pair.Value.Reveal())
	}
	refresh := p.grant.RefreshToken.Reveal()
	if refresh != "" {
		// The package's own refresh takes no further fields; this grant is the same
		// request with another type.
		params.Set("grant_type", "refresh_token")
		params.Set("refresh_token", refresh)
	}
	p.config.ClientID, p.config.ClientSecret, p.config.TokenURL = p.grant.ClientID, p.grant.ClientSecret.Reveal(), p.grant.TokenURL.Reveal()
	p.config.Scopes, p.config.EndpointParams, p.config.AuthStyle = p.grant.Scopes, params, style
	return p.config.Token(ctx)
}

// explain names why there is no token. It never passes on the text of the oauth2
// package, which repeats the whole answer.
func (p *grantProver) explain(err error) error {
	if e, ok := errs.Find(err); ok {
		return e
	}
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.Response == nil {
		return errs.New(errs.Upstream, "the token URL did not answer with an access token").Named("oauth-token-missing").
			Fix("check that tokenUrl is the address of the token endpoint itself")
	}
	e := errs.New(errs.Upstream, "the token URL answered %d", refused.Response.StatusCode).Named("oauth-refused")
	if code := clip(refused.ErrorCode, 60); code != "" {
		e.Msg += " (" + code + ")"
		if d := clip(refused.ErrorDescription, 200); d != "" {
			e.Msg += ": " + d
		}
	}
	switch {
	case refused.ErrorCode == "invalid_client" || refused.ErrorCode == "unauthorized_client":
		e.Fix("check clientId and clientSecret", `some servers want them in the body: set style to "body"`)
	case refused.ErrorCode == "invalid_grant":
		e.Fix("the refresh token may have expired or been used: get a new one")
	case refused.ErrorCode == "invalid_scope":
		e.Fix("check scopes")
	case refused.Response.StatusCode >= 300 && refused.Response.StatusCode < 400:
		e.Fix("it redirects, which is not followed with a client secret: use the address that it leads to")
	default:
		e.Fix("check tokenUrl, clientId and clientSecret")
	}
	return e
}

// clip shortens foreign text for a message.
func clip(text string, n int) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "�")), " ")
	if runes := []rune(text); len(runes) > n {
		return string(runes[:n]) + "…"
	}
	return text
}
