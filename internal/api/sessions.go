package api

import (
	"context"
	"crypto/subtle"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/errs"
	"millwright/internal/tenant"
)

// sessionCookie names the cookie of a signed-in browser.
const sessionCookie = "millwright_session"

// A SignIn is a key to sign in with.
type SignIn struct {
	Body struct {
		_      struct{} `json:"-" additionalProperties:"true"`
		APIKey string   `json:"api_key" doc:"An API key; the session may do what it may"`
	}
	Forwarded string `header:"X-Forwarded-Proto" doc:"https, from a proxy in front: the cookie is for https alone then"`
}

// A SignedIn is a session as the browser sees it.
type SignedIn struct {
	CSRFToken string    `json:"csrf_token" doc:"Send it as X-CSRF-Token with every request that is no GET or HEAD"`
	ExpiresAt time.Time `json:"expires_at"`
	User      User      `json:"user"`
}

type signedInAnswer struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
	Body      SignedIn
}

// A SessionCookie is the cookie that a browser sends.
type SessionCookie struct {
	Token string `cookie:"millwright_session" doc:"What the sign-in has set"`
}

func (s *Server) sessions(a huma.API) {
	op := describeOpen("POST /v1/authentication/session", "sessions", "Sign in with an API key, for browsers: sets a cookie that scripts cannot read")
	op.Description = "A request with the cookie and without a key is the key's. Everything but GET and HEAD must carry csrf_token as X-CSRF-Token."
	register(s, a, op, s.signIn)
	register(s, a, describeOpen("GET /v1/authentication/session", "sessions", "Who is signed in"), func(ctx context.Context, in *SessionCookie) (*out[SignedIn], error) {
		session, who, err := s.Tenants.ResumeSession(ctx, in.Token)
		return ok(SignedIn{CSRFToken: session.CSRF, ExpiresAt: session.Expires, User: userWire(who.User)}), err
	})
	register(s, a, describeOpen("DELETE /v1/authentication/session", "sessions", "Sign out"), s.signOut)
}

func (s *Server) signIn(ctx context.Context, in *SignIn) (*signedInAnswer, error) {
	session, who, err := s.Tenants.OpenSession(ctx, in.Body.APIKey)
	if err != nil {
		return nil, err
	}
	cookie := http.Cookie{Name: sessionCookie, Value: session.Token.Reveal(), Path: "/", Expires: session.Expires, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: in.Forwarded == "https"}
	return &signedInAnswer{cookie, SignedIn{CSRFToken: session.CSRF, ExpiresAt: session.Expires, User: userWire(who.User)}}, nil
}

func (s *Server) signOut(ctx context.Context, in *SessionCookie) (*signedInAnswer, error) {
	session, who, err := s.Tenants.ResumeSession(ctx, in.Token)
	if err != nil {
		return nil, err
	}
	if err := s.Tenants.EndSession(ctx, in.Token); err != nil {
		return nil, err
	}
	over := http.Cookie{Name: sessionCookie, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	return &signedInAnswer{over, SignedIn{ExpiresAt: session.Expires, User: userWire(who.User)}}, nil
}

// signedIn lets requests with the cookie of a session, and without a key, be those of
// who is signed in. One that changes something without the session's token may come
// from another site: it is refused.
func (s *Server) signedIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cookie, err := r.Cookie(sessionCookie)
		if err != nil || r.Header.Get("Authorization") != "" || r.URL.Path == "/v1/authentication/session" && r.Method == http.MethodPost {
			next.ServeHTTP(w, r)
			return
		}
		session, who, err := s.Tenants.ResumeSession(r.Context(), cookie.Value)
		if errs.KindOf(err) == errs.Anonymous {
			next.ServeHTTP(w, r) // as if there were no cookie
			return
		}
		if err == nil {
			err = s.mayCome(r, session, who, w.Header().Set)
		}
		if err != nil {
			s.writeProblem(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(as(r.Context(), who)))
	})
}

func (s *Server) mayCome(r *http.Request, session tenant.Session, who tenant.Identity, setHeader func(name, value string)) error {
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if !reads && subtle.ConstantTimeCompare([]byte(r.Header.Get("X-CSRF-Token")), []byte(session.CSRF)) != 1 {
		return errs.New(errs.Denied, "the request does not prove that it comes from the signed-in page").Named("csrf-token").
			Fix("send csrf_token of GET /v1/authentication/session as X-CSRF-Token")
	}
	return s.limit(who, setHeader)
}
