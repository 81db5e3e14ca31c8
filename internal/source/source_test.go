package source_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/errs"
	"millwright/internal/httpsource"
	"millwright/internal/meta"
	"millwright/internal/meta/metatest"
	"millwright/internal/secret"
	"millwright/internal/source"
)

// A place is a data folder with the projects p1 and p2 of team a and p3 of team
// c, which is in another organisation.
type place struct {
	*source.Store
	dir  string
	mine []string // the caller's teams
}

func newPlace(t *testing.T) place {
	t.Helper()
	p := place{dir: t.TempDir(), mine: []string{"a", "b"}}
	p.Store = p.open(t)
	metatest.Teams(t, p.DB, "o1", "a", "b")
	metatest.Teams(t, p.DB, "o2", "c")
	metatest.Exec(t, p.DB, `INSERT INTO projects (id, team_id, name, created_at, updated_at) VALUES ('p1', 'a', 'p1', 1, 1), ('p2', 'b', 'p2', 1, 1), ('p3', 'c', 'p3', 1, 1)`)
	return p
}

// open opens the data folder; it must not be open, and may be closed before the test ends.
func (p place) open(t *testing.T) *source.Store {
	t.Helper()
	db, err := meta.Open(t.Context(), filepath.Join(p.dir, "meta.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	vault, err := secret.OpenVault(p.dir)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2025, 6, 1, 0, 0, 0, 1500, time.UTC) // stands still: order must not need the clock
	return &source.Store{DB: db, Vault: vault, Now: func() time.Time { return now }}
}

func (p place) create(t *testing.T, project, name string) source.Datasource {
	t.Helper()
	d, err := p.Create(t.Context(), []string{"a", "b", "c"}, source.Datasource{ProjectID: project, Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func parse(t *testing.T, text string) httpsource.Spec {
	t.Helper()
	if !strings.Contains(text, `"method"`) {
		text = strings.Replace(text, "{", `{"method":"GET",`, 1)
	}
	spec, err := httpsource.ParseSpec([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func wantKind(t *testing.T, what string, err error, want errs.Kind) {
	t.Helper()
	if err == nil || errs.KindOf(err) != want {
		t.Errorf("%s: got %v, want %s", what, err, want)
	}
}

// wantRefused checks that a placeholder was refused at the pointer.
func wantRefused(t *testing.T, what string, err error, pointer string) {
	t.Helper()
	e, ok := errs.Find(err)
	if !ok || e.Type != "placeholder-sent" || len(e.Fields) != 1 || e.Fields[0].Pointer != pointer {
		t.Errorf("%s: got %v, want a refused placeholder at %s", what, err, pointer)
	}
}

func TestDatasourceIsReadBackAsItWasMade(t *testing.T) {
	p := newPlace(t)
	d, err := p.Create(t.Context(), p.mine, source.Datasource{ID: "mine", ProjectID: "p1", Name: " Open Orders ", Type: "http-requests",
		URI: "https://u:pw@api.example.org/v1?api_key=k123&page=1", Description: "d", Metadata: []byte(`{"big":12345678901234567890}`)})
	if err != nil {
		t.Fatal(err)
	}
	if d.ID == "mine" || d.Name != "Open Orders" || d.TableName != "open_orders" || d.Status != source.Created {
		t.Errorf("got %+v", d)
	}
	if want := "https://REDACTED@api.example.org/v1?api_key=REDACTED&page=1"; d.URI != want {
		t.Errorf("URI: got %s, want %s", d.URI, want)
	}
	got, err := p.Get(t.Context(), p.mine, d.ID)
	if diff := cmp.Diff(got, d); diff != "" || err != nil {
		t.Errorf("%v (-got +want):\n%s", err, diff)
	}
}

func TestTableNameIsASafeIdentifier(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"Open Orders", "open_orders"},
		{"orderItems", "order_items"},
		{"HTTPServer", "httpserver"},
		{"Zürich Läden №5", "zurich_laden_no5"},
		{"  __a---b__ ", "a_b"},
		{"__mw_orders_1", "mw_orders_1"}, // hidden tables are called so
		{"2024 sales", "t_2024_sales"},
		{"select", "select_table"},
		{"Order", "order_table"},
		{"order items", "order_items"},
		{"注文", "data"},
		{"!!!", "data"},
		{"pg_tables", "t_pg_tables"},
		{"sqlite_master", "t_sqlite_master"},
		{`a"; DROP TABLE users; --`, "a_drop_table_users"},
		{"parent__child", "parent_child"},
		{strings.Repeat("long name ", 20), "long_name_long_name_long_name_long_name"},
		{"İstanbul ſ K", "istanbul_s_k"},
	} {
		if got := source.TableName(c.name); got != c.want {
			t.Errorf("%q: got %q, want %q", c.name, got, c.want)
		}
	}
}

func FuzzTableName(f *testing.F) {
	for _, seed := range []string{"Orders", "select", "é\u0301", "1", "__", "a__b", "ß", "\xff", "ﬁ", "①", strings.Repeat("ab_", 40)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := source.TableName(name)
		ok := len(got) > 0 && len(got) <= 48 && got[0] >= 'a' && got[0] <= 'z' && !strings.Contains(got, "__") && !strings.HasSuffix(got, "_")
		for _, r := range got {
			ok = ok && (r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9')
		}
		if !ok {
			t.Errorf("%q gives %q", name, got)
		}
	})
}

func TestTableNameIsUniqueInTheProjectAndSurvivesARename(t *testing.T) {
	p := newPlace(t)
	first := p.create(t, "p1", "Orders 2")
	var got []string
	for range 3 {
		got = append(got, p.create(t, "p1", "Orders").TableName)
	}
	got = append(got, p.create(t, "p2", "Orders").TableName)
	if want := []string{"orders", "orders_3", "orders_4", "orders"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v beside %s", got, want, first.TableName)
	}
	name := "Renamed"
	renamed, err := p.Update(t.Context(), p.mine, first.ID, source.Change{Name: &name})
	if err != nil || renamed.TableName != "orders_2" || renamed.Name != name {
		t.Errorf("got %+v, %v, want the table name kept", renamed, err)
	}
}

func TestStateWords(t *testing.T) {
	for _, c := range []struct {
		status, phase, wantPhase string
		want                     source.Status
	}{
		{"", "", "", "created"},
		{"created", "", "", "created"},
		{" Ready ", "done", "done", "ready"},
		{"transformation_started", "", "transformation_started", "working"},
		{"generate_schema_in_progress", "", "generate_schema_in_progress", "working"},
		{"upload_completed", "", "upload_completed", "working"},
		{"started", "", "started", "working"},
		{"sync_waiting", "", "sync_waiting", "working"},
		{"sync_completed", "", "sync_completed", "ready"},
		{"sync_error", "", "sync_error", "failed"},
		{"sync_started", "convert_started", "convert_started", "working"},
		{"transformation_exploded", "", "", ""},
		{"READY!", "", "", ""},
	} {
		got, phase, err := source.ParseState(c.status, c.phase)
		if c.want == "" {
			wantKind(t, c.status, err, errs.Invalid)
			continue
		}
		if got != c.want || phase != c.wantPhase || err != nil {
			t.Errorf("%q, %q: got %s, %s, %v, want %s, %s", c.status, c.phase, got, phase, err, c.want, c.wantPhase)
		}
	}
}

func TestGuideCreatesWithAPhaseWord(t *testing.T) {
	p := newPlace(t)
	d, err := p.Create(t.Context(), p.mine, source.Datasource{ProjectID: "p1", Name: "x", Status: "transformation_started"})
	if err != nil || d.Status != source.Working || d.Phase != "transformation_started" {
		t.Fatalf("got %+v, %v", d, err)
	}
	status := "ready"
	if d, err = p.Update(t.Context(), p.mine, d.ID, source.Change{Status: &status}); err != nil || d.Status != source.Ready || d.Phase != "" {
		t.Errorf("got %+v, %v, want ready without the old phase", d, err)
	}
	if err := p.SetState(t.Context(), d.ID, source.Failed, "sync_completed", "no route"); err != nil {
		t.Fatal(err)
	}
	if d, err = p.Lookup(t.Context(), d.ID); err != nil || d.Status != source.Failed || d.Message != "no route" {
		t.Errorf("got %+v, %v, want failed", d, err)
	}
	wantKind(t, "state of a removed one", p.SetState(t.Context(), "gone", source.Ready, "", ""), errs.NotFound)
}

func TestListIsOldestFirst(t *testing.T) {
	p := newPlace(t)
	if all, err := p.ListByProject(t.Context(), p.mine, "p1", false); all == nil || len(all) != 0 || err != nil {
		t.Errorf("a fresh project: got %v, %v, want an empty list", all, err)
	}
	for _, name := range []string{"z", "y", "x"} {
		p.create(t, "p1", name)
	}
	p.create(t, "p2", "elsewhere")
	gone := p.create(t, "p1", "gone")
	if _, err := p.Delete(t.Context(), p.mine, gone.ID, false); err != nil {
		t.Fatal(err)
	}
	for deleted, want := range map[bool]string{false: "z y x", true: "z y x gone"} {
		all, err := p.ListByProject(t.Context(), p.mine, "p1", deleted)
		var names []string
		for _, d := range all {
			names = append(names, d.Name)
		}
		if got := strings.Join(names, " "); got != want || err != nil {
			t.Errorf("deleted %v: got %q, %v, want %q", deleted, got, err, want)
		}
	}
}

// Foreign things and things that do not exist must look the same.
func TestForeignIsByteIdenticalToAbsent(t *testing.T) {
	p := newPlace(t)
	theirs := []string{"c"}
	d := p.create(t, "p3", "foreign")
	c, err := p.CreateCredential(t.Context(), theirs, source.Credential{Name: "foreign", Type: "api", Config: []byte(`{"url":"https://a.example","auth":{"bearerToken":"t0p"}}`)})
	if err != nil {
		t.Fatal(err)
	}
	own := p.create(t, "p1", "own")
	name := "taken over"
	for _, f := range []struct {
		name, foreign string
		call          func(id string) error
	}{
		{"get", d.ID, func(id string) error { _, err := p.Get(t.Context(), p.mine, id); return err }},
		{"update", d.ID, func(id string) error {
			_, err := p.Update(t.Context(), p.mine, id, source.Change{Name: &name})
			return err
		}},
		{"hide", d.ID, func(id string) error { _, err := p.Delete(t.Context(), p.mine, id, false); return err }},
		{"remove", d.ID, func(id string) error { _, err := p.Delete(t.Context(), p.mine, id, true); return err }},
		{"list", "p3", func(id string) error { _, err := p.ListByProject(t.Context(), p.mine, id, false); return err }},
		{"create there", "p3", func(id string) error {
			_, err := p.Create(t.Context(), p.mine, source.Datasource{ProjectID: id, Name: "x"})
			return err
		}},
		{"borrow a credential", c.ID, func(id string) error {
			_, err := p.Update(t.Context(), p.mine, own.ID, source.Change{CredentialsID: &id})
			return err
		}},
		{"create with a credential", c.ID, func(id string) error {
			_, err := p.Create(t.Context(), p.mine, source.Datasource{ProjectID: "p1", Name: "x", CredentialsID: id})
			return err
		}},
		{"credential", c.ID, func(id string) error { _, err := p.Credential(t.Context(), p.mine, id); return err }},
		{"credential update", c.ID, func(id string) error {
			_, err := p.UpdateCredential(t.Context(), p.mine, id, source.CredentialChange{Name: &name})
			return err
		}},
		{"credential delete", c.ID, func(id string) error { _, err := p.DeleteCredential(t.Context(), p.mine, id); return err }},
		{"credential reveal", c.ID, func(id string) error {
			_, _, err := p.RevealCredential(t.Context(), p.mine, id, "https://a.example:443")
			return err
		}},
		{"credential for a datasource", d.ID, func(id string) error {
			_, err := p.CreateCredential(t.Context(), p.mine, source.Credential{Name: "x", DatasourceID: id})
			return err
		}},
		{"credential in a team", "c", func(id string) error {
			_, err := p.CreateCredential(t.Context(), p.mine, source.Credential{Name: "x", TeamID: id})
			return err
		}},
		{"credential in an organization", "o2", func(id string) error {
			_, err := p.CreateCredential(t.Context(), p.mine, source.Credential{Name: "x", OrganizationID: id})
			return err
		}},
	} {
		t.Run(f.name, func(t *testing.T) {
			foreign, absent := f.call(f.foreign), f.call("018f0000-0000-7000-8000-000000000000")
			wantKind(t, "foreign", foreign, errs.NotFound)
			if foreign == nil || absent == nil || errs.Public(foreign) != errs.Public(absent) || foreign.Error() != absent.Error() {
				t.Errorf("got %v for foreign, %v for absent", foreign, absent)
			}
		})
	}
	if got, err := p.Lookup(t.Context(), d.ID); err != nil || got.Name != "foreign" || got.DeletedAt != nil {
		t.Errorf("after the attempts: got %+v, %v", got, err)
	}
	if all, err := p.Credentials(t.Context(), p.mine, source.CredentialFilter{}); len(all) != 0 || err != nil {
		t.Errorf("got credentials %v, %v, want none", all, err)
	}
}

func TestDatasourceOfADeletedProjectIsGone(t *testing.T) {
	p := newPlace(t)
	d := p.create(t, "p1", "x")
	if _, err := p.DB.Write().ExecContext(t.Context(), `UPDATE projects SET deleted_at = 5 WHERE id = 'p1'`); err != nil {
		t.Fatal(err)
	}
	_, err := p.Get(t.Context(), p.mine, d.ID)
	wantKind(t, "get", err, errs.NotFound)
	_, err = p.ListByProject(t.Context(), p.mine, "p1", true)
	wantKind(t, "list", err, errs.NotFound)
}

func TestDeleteHidesThenRemovesWithEverything(t *testing.T) {
	p := newPlace(t)
	d := p.create(t, "p1", "x")
	if err := p.SaveSpec(t.Context(), d.ID, parse(t, `{"url":"https://a.example/","method":"GET"}`)); err != nil {
		t.Fatal(err)
	}
	c, err := p.CreateCredential(t.Context(), p.mine, source.Credential{Name: "c", DatasourceID: d.ID})
	if err != nil {
		t.Fatal(err)
	}
	hidden, err := p.Delete(t.Context(), p.mine, d.ID, false)
	if err != nil || hidden.DeletedAt == nil {
		t.Fatalf("got %+v, %v, want a time of deletion", hidden, err)
	}
	_, err = p.Get(t.Context(), p.mine, d.ID)
	wantKind(t, "get a hidden one", err, errs.NotFound)
	_, err = p.Delete(t.Context(), p.mine, d.ID, false)
	wantKind(t, "hide it again", err, errs.NotFound)
	if again := p.create(t, "p1", "x"); again.TableName != "x_2" {
		t.Errorf("got table %s, want the hidden one's name kept", again.TableName)
	}
	if removed, err := p.Delete(t.Context(), p.mine, d.ID, true); err != nil || removed.ID != d.ID || removed.DeletedAt == nil {
		t.Errorf("remove: got %+v, %v", removed, err)
	}
	_, err = p.PublicSpec(t.Context(), d.ID)
	wantKind(t, "its spec", err, errs.NotFound)
	_, err = p.Credential(t.Context(), p.mine, c.ID)
	wantKind(t, "its credential", err, errs.NotFound)
}

func TestBadInputIsRefused(t *testing.T) {
	p := newPlace(t)
	for i, d := range []source.Datasource{
		{ProjectID: "p1"}, {ProjectID: "p1", Name: "a\nb"}, {ProjectID: "p1", Name: "x", Metadata: json.RawMessage(`[1]`)},
		{ProjectID: "p1", Name: "x", Metadata: json.RawMessage(`{`)}, {ProjectID: "p1", Name: "x", Status: "nonsense"},
	} {
		_, err := p.Create(t.Context(), p.mine, d)
		wantKind(t, fmt.Sprint("case ", i), err, errs.Invalid)
	}
	d, err := p.Create(t.Context(), p.mine, source.Datasource{ProjectID: "p1", Name: "x", Metadata: json.RawMessage(`null`)})
	if err != nil || string(d.Metadata) != "{}" {
		t.Errorf("null metadata: got %s, %v, want {}", d.Metadata, err)
	}
}
