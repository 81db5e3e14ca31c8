package meta_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

func openReadOnly(t *testing.T, path string) *meta.DB {
	t.Helper()
	db, err := meta.OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return db
}

func addUnit(t *testing.T, q meta.Querier, id string) {
	t.Helper()
	if _, err := q.ExecContext(t.Context(),
		`INSERT INTO organizations (id, name, created_at, updated_at) VALUES (?, 'o', 0, 0)`, id); err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, q meta.Querier) (n int) {
	t.Helper()
	if err := q.QueryRowContext(t.Context(), `SELECT count(*) FROM organizations`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestALookerSeesWhatIsCommittedAndCannotWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	db := open(t, path)
	addUnit(t, db.Write(), "a")
	look := openReadOnly(t, path)
	if !look.Served() {
		t.Error("it does not notice that the database is open for writing")
	}
	addUnit(t, db.Write(), "b")
	if n := count(t, look.Read()); n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
	if _, err := look.Write().ExecContext(t.Context(), `DELETE FROM organizations`); err == nil {
		t.Error("Write writes")
	}
	if err := look.Tx(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), `DELETE FROM organizations`)
		return err
	}); err == nil {
		t.Error("Tx writes")
	}
	if wrong, err := look.Verify(t.Context()); err != nil || len(wrong) > 0 {
		t.Errorf("Verify: %q, %v", wrong, err)
	}
}

func TestALookerKeepsAServerFromStarting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	db, err := meta.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if look := openReadOnly(t, path); look.Served() {
		t.Error("nobody serves it")
	}
	if _, err := meta.Open(t.Context(), path); !errors.Is(err, errs.Conflict) {
		t.Errorf("got %v", err)
	}
}

func TestOpenReadOnlyMakesNothing(t *testing.T) {
	dir := t.TempDir()
	if _, err := meta.OpenReadOnly(t.Context(), filepath.Join(dir, "meta.db")); !errors.Is(err, errs.NotFound) {
		t.Errorf("got %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("left %v, %v", entries, err)
	}
}

func TestOpenReadOnlyRefusesAnotherSchema(t *testing.T) {
	for rule, change := range map[string]string{
		"an older one": `DELETE FROM goose_db_version WHERE version_id = 3`,
		"a newer one":  `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`,
	} {
		path := filepath.Join(t.TempDir(), "meta.db")
		db := open(t, path)
		if _, err := db.Write().ExecContext(t.Context(), change); err != nil {
			t.Fatal(err)
		}
		if _, err := meta.OpenReadOnly(t.Context(), path); !errors.Is(err, errs.Conflict) {
			t.Errorf("%s: %v", rule, err)
		}
	}
}

func TestASnapshotIsOneMomentAndHoldsUpNobody(t *testing.T) {
	dir := t.TempDir()
	db := open(t, filepath.Join(dir, "meta.db"))
	addUnit(t, db.Write(), "a")
	look := openReadOnly(t, filepath.Join(dir, "meta.db"))
	copied := filepath.Join(dir, "copy.db")
	if err := look.Snapshot(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	addUnit(t, db.Write(), "b")
	if info, err := os.Stat(copied); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if n := count(t, open(t, copied).Read()); n != 1 {
		t.Errorf("%d rows in the copy, want 1", n)
	}
	if err := look.Snapshot(t.Context(), copied); err == nil {
		t.Error("a snapshot replaced a file")
	}
}

func TestVerifyNamesWhatIsWrong(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "meta.db"))
	for _, sql := range []string{
		`PRAGMA foreign_keys = OFF`,
		`INSERT INTO teams (id, organization_id, name, created_at, updated_at) VALUES ('t', 'nowhere', 't', 0, 0)`,
	} {
		if _, err := db.Write().ExecContext(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if wrong, err := db.Verify(t.Context()); err != nil || len(wrong) != 1 {
		t.Errorf("got %q, %v; want one line", wrong, err)
	}
}
