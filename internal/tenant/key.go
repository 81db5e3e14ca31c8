package tenant

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"hash/crc32"
	"math/big"
	"strings"
	"time"

	"millwright/internal/errs"
	"millwright/internal/meta"
	"millwright/internal/secret"
)

// A key is the prefix, 32 random characters (190 bits), and a checksum: a typo
// is told apart from a revoked key, and scanners can find keys in text.
const (
	keyPrefix   = "mw_"
	randomChars = 32
	sumChars    = 6
	base62      = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

	shortestKey = 16 // characters of a key chosen by the operator
)

// An APIKey lets its holder act as a user. The key itself is not stored.
type APIKey struct {
	ID        ID
	UserID    ID
	Name      string
	Display   string // enough of the key to recognise it: "mw_abcd…wxyz"
	Enabled   bool
	LastUsed  *time.Time // to the minute; nil if never
	CreatedAt time.Time
	UpdatedAt time.Time
	Grant
}

// A NewKey is a key at the only moment when its secret is known.
type NewKey struct {
	APIKey
	Secret secret.String
}

// CreateKey makes a key with which the user may do everything.
func (s *Store) CreateKey(ctx context.Context, userID ID, name string) (_ NewKey, err error) {
	name, err = checkName(name, "/name")
	if err != nil {
		return NewKey{}, err
	}
	return s.addKey(ctx, s.DB.Write(), APIKey{UserID: userID, Name: name, Grant: full()}, generateKey(), false)
}

// GrantKey makes a key for the caller's user that may be used for what g says, and
// for nothing that the caller's own may not. The caller sees g's project; whoever
// calls this checks that. No scopes mean all that the caller has.
func (s *Store) GrantKey(ctx context.Context, who Identity, name string, g Grant) (_ NewKey, err error) {
	defer errs.Wrap(&err, "tenant.GrantKey")
	if name, err = checkName(name, "/name"); err != nil {
		return NewKey{}, err
	}
	if g, err = g.checked(who.Grant); err != nil {
		return NewKey{}, err
	}
	return s.addKey(ctx, s.DB.Write(), APIKey{UserID: who.User.ID, Name: name, Grant: g}, generateKey(), false)
}

// Keys returns the user's keys, oldest first.
func (s *Store) Keys(ctx context.Context, userID ID) (_ []APIKey, err error) {
	defer errs.Wrap(&err, "tenant.Keys")
	within, args := meta.Within(ctx, "project_id")
	return meta.All(ctx, s.DB.Read(), scanKey, selectKey+`WHERE user_id = ? AND `+within+` ORDER BY created_at, id`, append([]any{userID}, args...)...)
}

// RenameKey renames a key of the user.
func (s *Store) RenameKey(ctx context.Context, userID, id ID, name string) (_ APIKey, err error) {
	name, err = checkName(name, "/name")
	if err != nil {
		return APIKey{}, err
	}
	return s.changeKey(ctx, userID, id, `name = ?`, name)
}

// EnableKey makes a key of the user work, or stop working until it is enabled
// again. It takes effect with the next request.
func (s *Store) EnableKey(ctx context.Context, userID, id ID, enabled bool) (APIKey, error) {
	return s.changeKey(ctx, userID, id, `enabled = ?`, enabled)
}

// DeleteKey removes a key of the user for good and returns what it was.
func (s *Store) DeleteKey(ctx context.Context, userID, id ID) (_ APIKey, err error) {
	defer errs.Wrap(&err, "tenant.DeleteKey(%s)", id)
	var old APIKey
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		var err error
		if old, err = keyOf(ctx, tx, userID, id); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM api_keys WHERE id = ?`, id)
		return err
	})
	return old, err
}

func (s *Store) changeKey(ctx context.Context, userID, id ID, set string, value any) (changed APIKey, err error) {
	defer errs.Wrap(&err, "tenant.changeKey(%s)", id)
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := keyOf(ctx, tx, userID, id); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE api_keys SET `+set+`, updated_at = ? WHERE id = ?`, value, meta.Micros(s.now()), id)
		if err != nil {
			return err
		}
		changed, err = keyOf(ctx, tx, userID, id)
		return err
	})
	return changed, err
}

// addKey stores the key that k describes; it uses its user, name and grant.
func (s *Store) addKey(ctx context.Context, q meta.Querier, k APIKey, key string, configured bool) (NewKey, error) {
	now := s.now()
	k.ID, k.Display, k.Enabled, k.CreatedAt, k.UpdatedAt = newID(), display(key), true, now, now
	_, err := q.ExecContext(ctx, `INSERT INTO api_keys
		(id, user_id, name, display, hash, enabled, configured, created_at, updated_at, scopes, project_id, rate_per_minute)
		VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?)`,
		k.ID, k.UserID, k.Name, k.Display, hashKey(key), configured, meta.Micros(now), meta.Micros(now),
		strings.Join(k.Scopes, " "), meta.NullText(k.ProjectID), k.RatePerMinute)
	if meta.IsDangling(err) {
		return NewKey{}, noSuch("user")
	}
	return NewKey{k, secret.New(key)}, err
}

const selectKey = `SELECT id, user_id, name, display, enabled, last_used, created_at, updated_at, scopes, project_id, rate_per_minute FROM api_keys `

// keyOf returns a key of the user. In a context that is confined to a project,
// there are only the keys that are bound to it.
func keyOf(ctx context.Context, q meta.Querier, userID, id ID) (APIKey, error) {
	within, args := meta.Within(ctx, "project_id")
	k, found, err := meta.One(ctx, q, scanKey, selectKey+`WHERE id = ? AND user_id = ? AND `+within, append([]any{id, userID}, args...)...)
	if err == nil && !found {
		err = noSuch("API key")
	}
	return k, err
}

func scanKey(r meta.Row) (k APIKey, err error) {
	var used sql.NullInt64
	var created, updated int64
	var scopes string
	var project sql.NullString
	err = r.Scan(&k.ID, &k.UserID, &k.Name, &k.Display, &k.Enabled, &used, &created, &updated, &scopes, &project, &k.RatePerMinute)
	k.LastUsed, k.CreatedAt, k.UpdatedAt = meta.NullTime(used), meta.Time(created), meta.Time(updated)
	k.Scopes, k.ProjectID = strings.Fields(scopes), project.String
	return k, err
}

func generateKey() string {
	var b strings.Builder
	b.WriteString(keyPrefix)
	for range randomChars {
		i, err := rand.Int(rand.Reader, big.NewInt(int64(len(base62))))
		if err != nil {
			panic(err) // crypto/rand never fails; a weak key would be worse than a stop
		}
		b.WriteByte(base62[i.Int64()])
	}
	return b.String() + checksum(b.String())
}

// checksum returns the CRC-32 of the text in base 62.
func checksum(text string) string {
	n := crc32.ChecksumIEEE([]byte(text))
	sum := make([]byte, sumChars)
	for i := range sum {
		sum[sumChars-1-i] = base62[n%62]
		n /= 62
	}
	return string(sum)
}

// wellFormed reports whether the token can be a key. Only our own format has a
// checksum; an operator may configure any other text.
func wellFormed(token string) bool {
	if !strings.HasPrefix(token, keyPrefix) {
		return len(token) >= shortestKey
	}
	body := len(token) - sumChars
	return len(token) == len(keyPrefix)+randomChars+sumChars && checksum(token[:body]) == token[body:]
}

// checkConfigured refuses a key that could never be used.
func checkConfigured(key string) error {
	bad := func(why string) error {
		return errs.New(errs.Invalid, "the configured API key %s", why).Named("bad-api-key").
			Fix("set a key of at least 16 printable characters without spaces", "or set none: one is generated on first start")
	}
	switch {
	case len(key) < shortestKey:
		return bad("is shorter than 16 characters")
	case strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }):
		return bad("holds characters that an HTTP header cannot carry")
	case !wellFormed(key):
		return bad("starts with mw_ but its checksum is wrong, so it was not copied whole")
	}
	return nil
}

// hashKey returns what is stored of a key. A key holds enough randomness that a
// plain hash cannot be searched; passwords would need a slow one.
func hashKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// display shows the key's ends, and of a short one next to nothing.
func display(key string) string {
	if rest, ok := strings.CutPrefix(key, keyPrefix); ok {
		return keyPrefix + rest[:4] + "…" + rest[len(rest)-4:]
	}
	return key[:2] + "…" + key[len(key)-2:]
}
