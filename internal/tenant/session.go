package tenant

import (
	"context"
	"crypto/rand"
	"time"

	"millwright/internal/errs"
	"millwright/internal/meta"
	"millwright/internal/secret"
)

// SessionLife is how long a browser stays signed in.
const SessionLife = 12 * time.Hour

// A Session is a signed-in browser. It may do what its key may, and ends with it.
type Session struct {
	Token   secret.String // what the cookie holds; stored nowhere
	CSRF    string        // must come with every request that changes something
	Expires time.Time
}

// OpenSession signs in with an API key. It fails as Authenticate does.
func (s *Store) OpenSession(ctx context.Context, key string) (_ Session, _ Identity, err error) {
	defer errs.Wrap(&err, "tenant.OpenSession")
	who, err := s.Authenticate(ctx, key)
	if err != nil {
		return Session{}, Identity{}, err
	}
	token, now := rand.Text()+rand.Text(), s.now()
	session := Session{Token: secret.New(token), CSRF: rand.Text(), Expires: now.Add(SessionLife)}
	if _, err := s.DB.Write().ExecContext(ctx, `DELETE FROM sessions WHERE expires_at <= ?`, meta.Micros(now)); err != nil {
		return Session{}, Identity{}, err
	}
	_, err = s.DB.Write().ExecContext(ctx, `INSERT INTO sessions (hash, key_id, csrf, created_at, expires_at) VALUES (?, ?, ?, ?, ?)`,
		hashKey(token), who.KeyID, session.CSRF, meta.Micros(now), meta.Micros(session.Expires))
	return session, who, err
}

// ResumeSession returns the session of the cookie, and who is signed in. It fails with
// errs.Anonymous if there is none, it is over, or its key no longer works.
func (s *Store) ResumeSession(ctx context.Context, token string) (_ Session, _ Identity, err error) {
	defer errs.Wrap(&err, "tenant.ResumeSession")
	type row struct {
		Session
		key string
	}
	r, found, err := meta.One(ctx, s.DB.Read(), func(r meta.Row) (v row, err error) {
		var expires int64
		err = r.Scan(&v.CSRF, &expires, &v.key)
		v.Expires = meta.Time(expires)
		return v, err
	}, `SELECT s.csrf, s.expires_at, k.hash FROM sessions s JOIN api_keys k ON k.id = s.key_id WHERE s.hash = ?`, hashKey(token))
	if err != nil {
		return Session{}, Identity{}, err
	}
	if !found || !s.now().Before(r.Expires) {
		return Session{}, Identity{}, errs.New(errs.Anonymous, "you are not signed in any more").Named("session-over").Fix("sign in again with POST /v1/authentication/session")
	}
	k, err := s.keys.Get(s.DB, r.key, func() (knownKey, error) { return s.lookUp(ctx, r.key) })
	if err != nil {
		return Session{}, Identity{}, err
	}
	s.touch(ctx, k.key)
	r.Token = secret.New(token)
	return r.Session, k.who.clone(), nil
}

// EndSession signs out. No session is fine.
func (s *Store) EndSession(ctx context.Context, token string) (err error) {
	defer errs.Wrap(&err, "tenant.EndSession")
	_, err = s.DB.Write().ExecContext(ctx, `DELETE FROM sessions WHERE hash = ?`, hashKey(token))
	return err
}
