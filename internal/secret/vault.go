package secret

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"millwright/internal/errs"
)

// KeyFile is the vault's key file, relative to the data folder. A backup
// without it cannot open a secret, and it alone opens every secret: keep the
// two apart.
const KeyFile = "keys/secrets.json"

// sealedFormat is the first byte of everything sealed, so that a later format
// can be told apart.
const sealedFormat = 1

// A Vault seals values for storage. Each value is encrypted with a key of its
// own, which is encrypted with the key in [KeyFile] (envelope encryption,
// AES-256-GCM). It is safe for concurrent use.
type Vault struct {
	path string

	mu   sync.Mutex // guards the fields below
	aead *aead.KMSEnvelopeAEAD
	ids  map[uint32]bool // of the keys in the file
}

// OpenVault returns the vault of the data folder dir. It loads the key file, or
// leaves it to the first Seal to make one: a vault that never sealed anything
// must not hide that the key of an older one is missing.
func OpenVault(dir string) (*Vault, error) {
	v := &Vault{path: filepath.Join(dir, KeyFile)}
	if err := os.MkdirAll(filepath.Dir(v.path), 0o700); err != nil {
		return nil, fmt.Errorf("secret.OpenVault: %w", err)
	}
	if err := v.load(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return v, nil
}

// Seal returns plaintext encrypted for the place that aad names, such as
// "project|datasource|connect_spec"; it can be opened only for the same place.
// The first Seal of a data folder makes the key file.
func (v *Vault) Seal(plaintext []byte, aad string) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.aead == nil {
		if err := v.create(); err != nil {
			return nil, fmt.Errorf("make the key for secrets: %w", err)
		}
	}
	sealed, err := v.aead.Encrypt(plaintext, []byte(aad))
	if err != nil {
		return nil, fmt.Errorf("seal a secret: %w", err)
	}
	return append([]byte{sealedFormat}, sealed...), nil
}

// Open returns the plaintext of what Seal returned for the same aad. It fails
// with errs.Conflict if the key is missing or another one, and if the bytes
// were changed or moved from another place.
func (v *Vault) Open(sealed []byte, aad string) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.aead == nil {
		return nil, errs.New(errs.Conflict,
			"stored secrets cannot be read: the key file %s is missing from the data folder", KeyFile).
			Named("secret-key-missing").
			Fix("put the key file back from a backup", "or enter the secrets of each connection again")
	}
	id, ok := keyID(sealed)
	if ok && !v.ids[id] {
		return nil, errs.New(errs.Conflict,
			"a stored secret cannot be read: it was sealed with key %d, which the key file %s does not hold", id, KeyFile).
			Named("secret-key-wrong").
			Fix("put back the key file that belongs to this data folder", "or enter the secret again")
	}
	if ok {
		if plaintext, err := v.aead.Decrypt(sealed[1:], []byte(aad)); err == nil {
			return plaintext, nil
		}
	}
	// The library's reason would only say that the tag does not match.
	return nil, errs.New(errs.Conflict,
		"a stored secret cannot be read: its bytes were changed, or moved here from another place").
		Named("secret-unreadable").
		Fix("enter the secret again")
}

// keyID returns the id of the key that sealed the value. The encrypted data key
// follows its length and starts with a tag byte and the id.
func keyID(sealed []byte) (uint32, bool) {
	const format, length, tag, id = 1, 4, 1, 4
	if len(sealed) < format+length+tag+id || sealed[0] != sealedFormat {
		return 0, false
	}
	return binary.BigEndian.Uint32(sealed[format+length+tag:]), true
}

// load reads the key file.
func (v *Vault) load() error {
	info, err := os.Stat(v.path)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return errs.New(errs.Conflict, "the key file %s can be read by other users (mode %o)", KeyFile, info.Mode().Perm()).
			Named("secret-key-exposed").
			Fix("run chmod 600 on it")
	}
	text, err := os.ReadFile(v.path)
	if err != nil {
		return err
	}
	keys, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(text)))
	if err != nil {
		// The parser's error could quote the file, so it is dropped.
		return errs.New(errs.Conflict, "the key file %s is damaged", KeyFile).
			Named("secret-key-damaged").
			Fix("put it back from a backup")
	}
	return v.use(keys)
}

// create makes a key and its file; if another process was faster, it takes
// that one's.
func (v *Vault) create() error {
	keys, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := insecurecleartextkeyset.Write(keys, keyset.NewJSONWriter(&text)); err != nil {
		return err
	}
	if err := writeNew(v.path, text.Bytes()); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return v.load()
}

func (v *Vault) use(keys *keyset.Handle) error {
	kek, err := aead.New(keys)
	if err != nil {
		return errs.New(errs.Conflict, "the key file %s holds no key for encryption", KeyFile).
			Named("secret-key-damaged").Fix("put it back from a backup").Because(err)
	}
	v.aead = aead.NewKMSEnvelopeAEAD2(aead.AES256GCMKeyTemplate(), kek)
	v.ids = map[uint32]bool{}
	for _, k := range keys.KeysetInfo().GetKeyInfo() {
		v.ids[k.GetKeyId()] = true
	}
	return nil
}

// writeNew writes a file that must not exist yet: it is there whole and
// durable, or not at all. A key lost to a power cut would lose what it sealed.
func writeNew(path string, content []byte) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".new-*") // mode 600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
