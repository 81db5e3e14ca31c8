package source_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millwright/internal/errs"
	"millwright/internal/secret"
	"millwright/internal/source"
)

// Whoever can write to the database must not be able to make one datasource
// send the secrets of another.
func TestSealedRowsCannotBeMoved(t *testing.T) {
	p := newPlace(t)
	victim, attacker := p.create(t, "p3", "victim"), p.create(t, "p1", "attacker")
	for id, host := range map[string]string{victim.ID: "victim", attacker.ID: "evil"} {
		spec := strings.Replace(bearerSpec, "api.example.org", host+".example", 1)
		if err := p.SaveSpec(t.Context(), id, parse(t, spec)); err != nil {
			t.Fatal(err)
		}
	}
	theirs, err := p.CreateCredential(t.Context(), []string{"c"}, source.Credential{Name: "theirs", Config: []byte(guideConfig)})
	if err != nil {
		t.Fatal(err)
	}
	mine, err := p.CreateCredential(t.Context(), p.mine, source.Credential{Name: "mine", Config: []byte(guideConfig)})
	if err != nil {
		t.Fatal(err)
	}
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := p.DB.Write().ExecContext(t.Context(), query, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(`UPDATE connect_specs SET sealed = (SELECT sealed FROM connect_specs WHERE datasource_id = ?) WHERE datasource_id = ?`, victim.ID, attacker.ID)
	_, err = p.Spec(t.Context(), attacker.ID)
	wantKind(t, "a moved spec", err, errs.Conflict)
	exec(`UPDATE credentials SET sealed = (SELECT sealed FROM credentials WHERE id = ?) WHERE id = ?`, theirs.ID, mine.ID)
	_, _, err = p.RevealCredential(t.Context(), p.mine, mine.ID, mine.Origin)
	wantKind(t, "a moved credential", err, errs.Conflict)
	exec(`UPDATE datasources SET project_id = 'p1', table_name = 'stolen' WHERE id = ?`, victim.ID)
	_, err = p.Spec(t.Context(), victim.ID)
	wantKind(t, "a datasource moved to another project", err, errs.Conflict)
	exec(`UPDATE connect_specs SET sealed = (SELECT sealed FROM credentials WHERE id = ?) WHERE datasource_id = ?`, theirs.ID, attacker.ID)
	_, err = p.Spec(t.Context(), attacker.ID)
	wantKind(t, "a credential in place of a spec", err, errs.Conflict)
}

func TestCheckVaultNoticesAMissingKey(t *testing.T) {
	p := newPlace(t)
	if err := p.CheckVault(t.Context()); err != nil {
		t.Errorf("without secrets: %v", err)
	}
	d := p.create(t, "p1", "x")
	if err := p.SaveSpec(t.Context(), d.ID, parse(t, bearerSpec)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.CreateCredential(t.Context(), p.mine, source.Credential{Name: "c", Config: []byte(guideConfig)}); err != nil {
		t.Fatal(err)
	}
	if err := p.CheckVault(t.Context()); err != nil {
		t.Errorf("with secrets: %v", err)
	}
	if err := p.DB.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(p.dir, secret.KeyFile)); err != nil {
		t.Fatal(err)
	}
	again := p.open(t)
	if e, ok := errs.Find(again.CheckVault(t.Context())); !ok || e.Type != "secret-key-missing" {
		t.Errorf("got %v, want secret-key-missing", e)
	}
	if _, err := os.Stat(filepath.Join(p.dir, secret.KeyFile)); err == nil {
		t.Error("a new key was made over the missing one")
	}
}

// No byte on the disk may spell a secret, except in the key file, which holds none.
func TestSecretsAreNowhereOnDisk(t *testing.T) {
	p := newPlace(t)
	canaries := []string{"cAnary-plain-0123", "cAnary %+/&=?#", `cAnary"quo\te`, "cAnary-ünïcode", "cAn4ry-8", `{"cAnary":"json"}`}
	for i, canary := range canaries {
		d := p.create(t, "p1", "datasource")
		quoted, err := json.Marshal(canary)
		if err != nil {
			t.Fatal(err)
		}
		uri := "https://u:" + url.QueryEscape(canary) + "@a.example/?token=" + url.QueryEscape(canary)
		if _, err := p.Update(t.Context(), p.mine, d.ID, source.Change{URI: &uri}); err != nil {
			t.Fatal(err)
		}
		v := string(quoted)
		auths := []string{
			`"authType":"Bearer Token","auth":{"bearerToken":` + v + `}`,
			`"authType":"Basic Auth","auth":{"basicAuth":{"username":"u","password":` + v + `}}`,
			`"authType":"API Key","auth":{"apiKey":{"name":"q","value":` + v + `,"location":"query"}}`,
		}
		spec := `{"url":"https://a.example/?api_key=` + url.QueryEscape(canary) + `","method":"POST","headers":{"X-Api-Key":` + v + `},"parameters":{"token":` + v + `},
			"body":{"type":"form-data","parameters":{"secret":` + v + `}},` + auths[i%len(auths)] + `}`
		for range 2 { // the second overwrites the first
			if err := p.SaveSpec(t.Context(), d.ID, parse(t, spec)); err != nil {
				t.Fatal(err)
			}
		}
		config := `{"url":"https://a.example/?api_key=` + url.QueryEscape(canary) + `","headers":{"Accept":` + v + `},"auth":{"basicAuth":{"username":` + v + `,"password":` + v + `}},"copy":` + v + `}`
		c, err := p.CreateCredential(t.Context(), p.mine, source.Credential{Name: "c", DatasourceID: d.ID, Config: []byte(config), Metadata: []byte(config)})
		if err != nil {
			t.Fatal(err)
		}
		named := p.secret(t, "a", fmt.Sprint("SECRET_", i), canary)
		if _, err := p.UpdateSecret(t.Context(), p.mine, "a", named.ID, source.SecretChange{Value: ref(canary + "2")}); err != nil {
			t.Fatal(err)
		}
		if _, err := p.SecretsOfProject("p1")(t.Context(), named.Name, "https://a.example:443"); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			if _, err := p.DeleteSecret(t.Context(), p.mine, "a", named.ID); err != nil {
				t.Fatal(err)
			}
			if _, err := p.DeleteCredential(t.Context(), p.mine, c.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	scan := func(when string) {
		files, total := 0, 0
		err := filepath.WalkDir(p.dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			files, total = files+1, total+len(text)
			for _, canary := range canaries {
				for name, spelling := range spellings(canary) {
					if strings.Contains(string(text), spelling) {
						t.Errorf("%s: %s holds %q (%s)", when, entry.Name(), canary, name)
					}
				}
			}
			return err
		})
		if err != nil || files < 3 {
			t.Errorf("%s: scanned %d files, %v", when, files, err)
		}
		t.Logf("%s: %d files, %d bytes, %d canaries in 8 spellings", when, files, total, len(canaries))
	}
	scan("while open")
	if err := p.DB.Close(); err != nil {
		t.Fatal(err)
	}
	scan("after closing")
}

func spellings(s string) map[string]string {
	quoted, _ := json.Marshal(s)
	long := base64.StdEncoding.EncodeToString
	inner := func(prefix string) string { // at another offset of a longer text, without its ends
		b := long([]byte(prefix + s))
		return b[4 : len(b)-4]
	}
	return map[string]string{
		"plain": s, "query": url.QueryEscape(s), "path": url.PathEscape(s), "JSON": string(quoted[1 : len(quoted)-1]),
		"base64": strings.TrimRight(long([]byte(s)), "="), "base64 at 1": inner("u"), "base64 at 2": inner("u:"), "hex": hex.EncodeToString([]byte(s)),
	}
}
