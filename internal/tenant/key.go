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
}

// A NewKey is a key at the only moment when its secret is known.
type NewKey struct {
	APIKey
	Secret secret.String
}

// CreateKey makes a key for the user.
func (s *Store) CreateKey(ctx context.Context, userID ID, name string) (_ NewKey, err error) {
	name, err = checkName(name, "/name")
	if err != nil {
		return NewKey{}, err
	}
	return s.addKey(ctx, s.DB.Write(), userID, name, generateKey(), false)
}

// Keys returns the user's keys, oldest first.
func (s *Store) Keys(ctx context.Context, userID ID) (_ []APIKey, err error) {
	defer errs.Wrap(&err, "tenant.Keys")
	return meta.All(ctx, s.DB.Read(), scanKey, selectKey+`WHERE user_id = ? ORDER BY created_at, id`, userID)
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
		_, err := tx.ExecContext(ctx, `UPDATE api_keys SET `+set+`, updated_at = ? WHERE id = ? AND user_id = ?`,
			value, meta.Micros(s.now()), id, userID)
		if err != nil {
			return err
		}
		changed, err = keyOf(ctx, tx, userID, id)
		return err
	})
	return changed, err
}

func (s *Store) addKey(ctx context.Context, q meta.Querier, userID ID, name, key string, configured bool) (NewKey, error) {
	now := s.now()
	k := APIKey{ID: newID(), UserID: userID, Name: name, Display: display(key), Enabled: true, CreatedAt: now, UpdatedAt: now}
	_, err := q.ExecContext(ctx, `INSERT INTO api_keys
		(id, user_id, name, display, hash, enabled, configured, created_at, updated_at) VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?)`,
		k.ID, k.UserID, k.Name, k.Display, hashKey(key), configured, meta.Micros(now), meta.Micros(now))
	if meta.IsDangling(err) {
		return NewKey{}, noSuch("user")
	}
	return NewKey{k, secret.New(key)}, err
}

const selectKey = `SELECT id, user_id, name, display, enabled, last_used, created_at, updated_at FROM api_keys `

func keyOf(ctx context.Context, q meta.Querier, userID, id ID) (APIKey, error) {
	k, found, err := meta.One(ctx, q, scanKey, selectKey+`WHERE id = ? AND user_id = ?`, id, userID)
	if err == nil && !found {
		err = noSuch("API key")
	}
	return k, err
}

func scanKey(r meta.Row) (k APIKey, err error) {
	var used sql.NullInt64
	var created, updated int64
	err = r.Scan(&k.ID, &k.UserID, &k.Name, &k.Display, &k.Enabled, &used, &created, &updated)
	k.LastUsed, k.CreatedAt, k.UpdatedAt = meta.NullTime(used), meta.Time(created), meta.Time(updated)
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
