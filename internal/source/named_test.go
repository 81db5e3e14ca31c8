package source_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/errs"
	"millwright/internal/secret"
	"millwright/internal/source"
)

func (p place) secret(t *testing.T, team, name, value string, origins ...string) source.Secret {
	t.Helper()
	v, err := p.CreateSecret(t.Context(), []string{"a", "b", "c"}, source.Secret{TeamID: team, Name: name, Origins: origins}, secret.New(value))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func wantType(t *testing.T, what string, err error, want, pointer string) {
	t.Helper()
	e, ok := errs.Find(err)
	if !ok || e.Type != want || pointer != "" && (len(e.Fields) != 1 || e.Fields[0].Pointer != pointer) {
		t.Errorf("%s: got %+v (%v), want %s at %s", what, e, err, want, pointer)
	}
}

func TestANamedSecretIsGivenOnlyForItsOrigins(t *testing.T) {
	p := newPlace(t)
	p.secret(t, "a", "SHOP", "s3cr3t-shop", "https://API.example.com./v1?x=1", "https://other.example:8443")
	find := p.SecretsOfProject("p1")
	for _, origin := range []string{"https://api.example.com:443", "https://other.example:8443"} {
		if got, err := find(t.Context(), "SHOP", origin); err != nil || got.Reveal() != "s3cr3t-shop" {
			t.Errorf("%s: got %v", origin, err)
		}
	}
	for rule, origin := range map[string]string{"another host": "https://evil.example:443", "another port": "https://api.example.com:8443",
		"another scheme": "http://api.example.com:80", "a subdomain": "https://x.api.example.com:443", "none": ""} {
		got, err := find(t.Context(), "SHOP", origin)
		wantType(t, rule, err, "secret-origin", "")
		if got.Reveal() != "" {
			t.Errorf("%s: the value came with the refusal", rule)
		}
	}
	for rule, err := range map[string]error{
		"unknown name":        second(find(t.Context(), "NONE", "https://api.example.com:443")),
		"name in other case":  second(find(t.Context(), "shop", "https://api.example.com:443")),
		"another team's":      second(p.SecretsOfProject("p2")(t.Context(), "SHOP", "https://api.example.com:443")),
		"unknown project":     second(p.SecretsOfProject("p9")(t.Context(), "SHOP", "https://api.example.com:443")),
		"no team":             second(p.SecretsOfTeams(nil)(t.Context(), "SHOP", "https://api.example.com:443")),
		"teams without it":    second(p.SecretsOfTeams([]string{"b", "c"})(t.Context(), "SHOP", "https://api.example.com:443")),
		"its id for its name": second(find(t.Context(), p.secret(t, "a", "BY_ID", "s3cr3t-id").ID, "https://api.example.com:443")),
	} {
		wantKind(t, rule, err, errs.NotFound)
	}
	p.secret(t, "b", "SHOP", "s3cr3t-b")
	wantType(t, "a name of two teams", second(p.SecretsOfTeams([]string{"a", "b"})(t.Context(), "SHOP", "https://api.example.com:443")), "secret-ambiguous", "")
}

func second[T any](_ T, err error) error { return err }

func TestASecretWithoutOriginsIsBoundByItsFirstUse(t *testing.T) {
	p := newPlace(t)
	p.secret(t, "a", "SHOP", "s3cr3t-shop")
	find := p.SecretsOfProject("p1")
	// Of many at once, all for different origins, one wins.
	origins := make([]string, 40)
	given := make([]bool, len(origins))
	begin := make(chan struct{})
	var all sync.WaitGroup
	for i := range origins {
		o := fmt.Sprintf("https://%d.example:443", i)
		origins[i] = o
		all.Go(func() {
			<-begin
			v, err := find(t.Context(), "SHOP", o)
			given[i] = v.Reveal() != ""
			if e, _ := errs.Find(err); given[i] == (err != nil) || err != nil && (e == nil || e.Type != "secret-origin") {
				t.Errorf("%s: %v", o, err)
			}
		})
	}
	close(begin)
	all.Wait()
	v, err := p.Secret(t.Context(), p.mine, "a", "SHOP")
	if err != nil || len(v.Origins) != 1 {
		t.Fatalf("bound to %v, %v, want one origin", v.Origins, err)
	}
	for i, o := range origins {
		if given[i] != (o == v.Origins[0]) {
			t.Errorf("given for %s: %t, while bound to %s", o, given[i], v.Origins[0])
		}
	}
	// A check before a run must not bind.
	p.secret(t, "a", "FRESH", "s3cr3t-fresh")
	spec := parse(t, `{"url":"https://e.org/","headers":{"X-Shop":{"secret":"FRESH"}}}`)
	if err := p.CheckSecrets(t.Context(), "p1", spec); err != nil {
		t.Error(err)
	}
	if v, err := p.Secret(t.Context(), p.mine, "a", "FRESH"); err != nil || len(v.Origins) != 0 {
		t.Errorf("a check bound it to %v, %v", v.Origins, err)
	}
	wantType(t, "CheckSecrets, bound elsewhere", p.CheckSecrets(t.Context(), "p1", parse(t, `{"url":"https://e.org/","headers":{"X-Shop":{"secret":"SHOP"}}}`)), "secret-origin", "/headers/X-Shop")
	wantType(t, "CheckSecrets, unknown", p.CheckSecrets(t.Context(), "p2", spec), "secret-unknown", "/headers/X-Shop")
}

func TestChangingASecret(t *testing.T) {
	const first, other = "https://first.example:443", "https://other.example:443"
	value := secret.New("s3cr3t-new")
	text := func(s string) *string { return &s }
	for _, c := range []struct {
		rule    string
		origins []string // stored
		change  source.SecretChange
		want    []string // origins after it
		refused string   // type of the error
		pointer string
	}{
		{"a new value stays bound", []string{first}, source.SecretChange{Value: &value}, []string{first}, "", ""},
		{"a new value may go elsewhere", []string{first}, source.SecretChange{Value: &value, Origins: []string{other}}, []string{other}, "", ""},
		{"a new value may be unbound", []string{first}, source.SecretChange{Value: &value, Origins: []string{}}, []string{}, "", ""},
		{"another origin needs the value", []string{first}, source.SecretChange{Origins: []string{other}}, nil, "secret-origin-change", "/origins"},
		{"one more origin needs the value", []string{first}, source.SecretChange{Origins: []string{first, other}}, nil, "secret-origin-change", "/origins"},
		{"no origin needs the value", []string{first}, source.SecretChange{Origins: []string{}}, nil, "secret-origin-change", "/origins"},
		{"fewer origins", []string{first, other}, source.SecretChange{Origins: []string{other}}, []string{other}, "", ""},
		{"an origin for one that had none", nil, source.SecretChange{Origins: []string{other}}, []string{other}, "", ""},
		{"a name", []string{first}, source.SecretChange{Name: text("NEW")}, []string{first}, "", ""},
		{"a taken name", nil, source.SecretChange{Name: text("TAKEN")}, nil, "secret-exists", "/name"},
		{"a name with a slash", nil, source.SecretChange{Name: text("a/b")}, nil, "bad-name", "/name"},
		{"a name of dots", nil, source.SecretChange{Name: text("..")}, nil, "bad-name", "/name"},
		{"the placeholder", nil, source.SecretChange{Value: ref("REDACTED")}, nil, "placeholder-sent", "/value"},
		{"the placeholder in a text", nil, source.SecretChange{Value: ref("Bearer REDACTED")}, nil, "placeholder-sent", "/value"},
		{"dots that mask", nil, source.SecretChange{Value: ref("••••••••")}, nil, "placeholder-sent", "/value"},
		{"stars that mask", nil, source.SecretChange{Value: ref("********")}, nil, "placeholder-sent", "/value"},
		{"no value", nil, source.SecretChange{Value: ref("")}, nil, "field-missing", "/value"},
		{"a file", nil, source.SecretChange{Value: ref(strings.Repeat("x", 65<<10))}, nil, "secret-too-long", "/value"},
		{"an origin that is none", nil, source.SecretChange{Value: &value, Origins: []string{first, "api.example.com"}}, nil, "origin-invalid", "/origins/1"},
		{"a foreign credential", nil, source.SecretChange{CredentialsID: text("gone")}, nil, "", "/credentials_id"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			p := newPlace(t)
			p.secret(t, "a", "TAKEN", "s3cr3t-taken")
			before := p.secret(t, "a", "SHOP", "s3cr3t-old", c.origins...)
			after, err := p.UpdateSecret(t.Context(), p.mine, "a", "SHOP", c.change)
			if c.want == nil {
				wantType(t, c.rule, err, c.refused, c.pointer)
				kept, err := p.Secret(t.Context(), p.mine, "a", before.ID)
				if diff := cmp.Diff(kept, before); err != nil || diff != "" {
					t.Errorf("%v (-kept +before):\n%s", err, diff)
				}
				return
			}
			if diff := cmp.Diff(after.Origins, c.want); err != nil || diff != "" {
				t.Errorf("%v (-got +want):\n%s", err, diff)
			}
			origin := append(c.want, other)[0]
			got, err := p.SecretsOfProject("p1")(t.Context(), after.Name, origin)
			want := map[bool]string{true: "s3cr3t-old", false: "s3cr3t-new"}[c.change.Value == nil]
			if err != nil || got.Reveal() != want {
				t.Errorf("the value is not %q, %v", want, err)
			}
		})
	}
}

func ref(value string) *secret.String {
	v := secret.New(value)
	return &v
}

func TestSecretsOfOtherTeamsAreNotThere(t *testing.T) {
	p := newPlace(t)
	theirs := p.secret(t, "c", "SHOP", "s3cr3t-c")
	value := secret.New("s3cr3t-x")
	for rule, err := range map[string]error{
		"read":   second(p.Secret(t.Context(), p.mine, "c", theirs.ID)),
		"mixed":  second(p.Secret(t.Context(), p.mine, "a", theirs.ID)),
		"change": second(p.UpdateSecret(t.Context(), p.mine, "c", "SHOP", source.SecretChange{Value: &value})),
		"delete": second(p.DeleteSecret(t.Context(), p.mine, "c", "SHOP")),
		"create": second(p.CreateSecret(t.Context(), p.mine, source.Secret{TeamID: "c", Name: "N"}, value)),
	} {
		wantKind(t, rule, err, errs.NotFound)
	}
	if list, err := p.Secrets(t.Context(), p.mine, ""); err != nil || len(list) != 0 {
		t.Errorf("listed %v, %v", list, err)
	}
	if got, err := p.SecretsOfProject("p3")(t.Context(), "SHOP", "https://e.org:443"); err != nil || got.Reveal() != "s3cr3t-c" {
		t.Errorf("the team's own: %v", err)
	}
	if _, err := p.DeleteSecret(t.Context(), []string{"c"}, "c", "SHOP"); err != nil {
		t.Error(err)
	}
	wantKind(t, "deleted", second(p.SecretsOfProject("p3")(t.Context(), "SHOP", "https://e.org:443")), errs.NotFound)
}

func TestASealedSecretCannotBeMoved(t *testing.T) {
	for rule, query := range map[string]string{
		"from its neighbour": `UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE name = 'ALSO') WHERE name = 'MINE'`,
		"from another team":  `UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE name = 'THEIRS') WHERE name = 'MINE'`,
		"to another team":    `UPDATE secrets SET team_id = 'a', name = 'MINE' WHERE name = 'THEIRS'`,
		"from a connection":  `UPDATE secrets SET sealed = (SELECT sealed FROM connect_specs) WHERE name = 'MINE'`,
		"with changed bytes": `UPDATE secrets SET sealed = CAST(substr(sealed, 1, length(sealed) - 1) || x'00' AS BLOB) WHERE name = 'MINE'`,
	} {
		t.Run(rule, func(t *testing.T) {
			p := newPlace(t)
			d := p.create(t, "p1", "x")
			if err := p.SaveSpec(t.Context(), d.ID, parse(t, bearerSpec)); err != nil {
				t.Fatal(err)
			}
			if rule != "with changed bytes" {
				p.secret(t, "c", "THEIRS", "s3cr3t-theirs")
				p.secret(t, "a", "ALSO", "s3cr3t-also")
			}
			if rule != "to another team" {
				p.secret(t, "a", "MINE", "s3cr3t-mine")
			}
			if _, err := p.DB.Write().ExecContext(t.Context(), query); err != nil {
				t.Fatal(err)
			}
			got, err := p.SecretsOfProject("p1")(t.Context(), "MINE", "https://e.org:443")
			wantKind(t, rule, err, errs.Conflict)
			if got.Reveal() != "" {
				t.Error("the value came out")
			}
			if e, ok := errs.Find(p.CheckVault(t.Context())); rule == "with changed bytes" && (!ok || e.Type != "secret-unreadable") {
				t.Errorf("CheckVault: %v", e)
			}
		})
	}
}
