package secret_test

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"millwright/internal/errs"
	"millwright/internal/secret"
)

const place = "project-1|datasource-1|connect_spec"

func openVault(t *testing.T, dir string) *secret.Vault {
	t.Helper()
	v, err := secret.OpenVault(dir)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func seal(t *testing.T, v *secret.Vault, text string) []byte {
	t.Helper()
	sealed, err := v.Seal([]byte(text), place)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestSealedValueOpensOnlyInItsPlace(t *testing.T) {
	dir := t.TempDir()
	v := openVault(t, dir)
	sealed := seal(t, v, "hunter2")
	if bytes.Contains(sealed, []byte("hunter2")) {
		t.Error("the sealed bytes hold the plaintext")
	}
	got, err := openVault(t, dir).Open(sealed, place) // after a restart
	if err != nil || string(got) != "hunter2" {
		t.Errorf("got %q, %v, want hunter2", got, err)
	}
	if bytes.Equal(sealed, seal(t, v, "hunter2")) {
		t.Error("the same value sealed twice gives the same bytes, so equal secrets show")
	}
	for _, other := range []string{"", "project-1|datasource-2|connect_spec", place + " ", "project-1|datasource-1|connect_spe"} {
		if got, err := v.Open(sealed, other); errs.KindOf(err) != errs.Conflict {
			t.Errorf("opened for %q: got %q, %v, want a conflict", other, got, err)
		}
	}
}

func TestChangedBytesAreRefused(t *testing.T) {
	v := openVault(t, t.TempDir())
	sealed := seal(t, v, "hunter2")
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 0x40
		if got, err := v.Open(bad, place); err == nil {
			t.Fatalf("byte %d changed: got %q, want an error", i, got)
		}
		if got, err := v.Open(sealed[:i], place); err == nil {
			t.Fatalf("cut to %d bytes: got %q, want an error", i, got)
		}
	}
}

func TestKeyFileTrouble(t *testing.T) {
	for _, c := range []struct {
		name, want string
		spoil      func(t *testing.T, keyFile string)
	}{
		{"missing key", "secret-key-missing", func(t *testing.T, f string) { must(t, os.Remove(f)) }},
		{"another folder's key", "secret-key-wrong", func(t *testing.T, f string) {
			must(t, os.Remove(f))
			seal(t, openVault(t, filepath.Dir(filepath.Dir(f))), "makes a new key")
		}},
		{"damaged key", "secret-key-damaged", func(t *testing.T, f string) { must(t, os.WriteFile(f, []byte("{}"), 0o600)) }},
		{"key for everybody", "secret-key-exposed", func(t *testing.T, f string) { must(t, os.Chmod(f, 0o644)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			sealed := seal(t, openVault(t, dir), "hunter2")
			c.spoil(t, filepath.Join(dir, secret.KeyFile))
			v, err := secret.OpenVault(dir)
			if err == nil {
				_, err = v.Open(sealed, place)
			}
			if e, ok := errs.Find(err); !ok || e.Type != c.want || len(e.Fixes) == 0 {
				t.Errorf("got %v, want %s with a fix", err, c.want)
			}
		})
	}
}

func TestKeyFileIsPrivateAndNeverPrinted(t *testing.T) {
	dir := t.TempDir()
	v := openVault(t, dir)
	seal(t, v, "hunter2")
	path := filepath.Join(dir, secret.KeyFile)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, %v, want 600", info.Mode(), err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, key, _ := strings.Cut(string(text), `"value":"`)
	key, _, _ = strings.Cut(key, `"`)
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil || len(raw) < 32 {
		t.Fatalf("no key in the file: %v", err)
	}
	must(t, os.WriteFile(path, append([]byte("x"), text...), 0o600))
	if _, err := secret.OpenVault(dir); err == nil || strings.Contains(err.Error(), key) {
		t.Errorf("damaged file: got %v, want an error without the key", err)
	}
}

func TestFirstSealsAtOnceAgreeOnOneKey(t *testing.T) {
	dir := t.TempDir()
	vaults := []*secret.Vault{openVault(t, dir), openVault(t, dir), openVault(t, dir), openVault(t, dir)}
	sealed := make([][]byte, len(vaults))
	var wg sync.WaitGroup
	for i, v := range vaults {
		wg.Go(func() {
			s, err := v.Seal([]byte("x"), place)
			if err != nil {
				t.Error(err)
			}
			sealed[i] = s
		})
	}
	wg.Wait()
	last := openVault(t, dir)
	for i, s := range sealed {
		if _, err := last.Open(s, place); err != nil {
			t.Errorf("vault %d: %v", i, err)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func FuzzOpenNeverPanics(f *testing.F) {
	v, err := secret.OpenVault(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	sealed, err := v.Seal([]byte("x"), place)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add([]byte{1, 0, 0, 0, 0, 1, 2, 3, 4, 5})
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5})
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := v.Open(b, place); err == nil && !bytes.Equal(b, sealed) {
			t.Errorf("opened forged bytes: %q", got)
		}
	})
}
