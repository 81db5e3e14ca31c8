// Package metatest makes metadata databases for tests of what is kept in them.
package metatest

import (
	"context"
	"path/filepath"
	"testing"

	"millwright/internal/meta"
)

// Open returns a new database, which is closed when the test ends.
func Open(t testing.TB) *meta.DB {
	t.Helper()
	return OpenAt(t, filepath.Join(t.TempDir(), "meta.db"))
}

// OpenAt opens the database file, which is closed when the test ends.
func OpenAt(t testing.TB, path string) *meta.DB {
	t.Helper()
	// The test's own context has ended before it is closed.
	db, err := meta.Open(context.WithoutCancel(t.Context()), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the database: %v", err)
		}
	})
	return db
}

// Exec runs a statement on the database.
func Exec(t testing.TB, db *meta.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.Write().ExecContext(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}

// Teams adds teams of one organisation, which is made with them. Their ids are also
// their names.
func Teams(t testing.TB, db *meta.DB, organization string, ids ...string) {
	t.Helper()
	Exec(t, db, `INSERT INTO organizations (id, name, created_at, updated_at) VALUES (?1, ?1, 1, 1)`, organization)
	for _, id := range ids {
		Exec(t, db, `INSERT INTO teams (id, organization_id, name, created_at, updated_at) VALUES (?1, ?2, ?1, 1, 1)`, id, organization)
	}
}

// Projects adds projects of a team "t" of an organisation "o", which are made with
// them. Their ids are also their names.
func Projects(t testing.TB, db *meta.DB, ids ...string) {
	t.Helper()
	Teams(t, db, "o", "t")
	for _, id := range ids {
		Exec(t, db, `INSERT INTO projects (id, team_id, name, created_at, updated_at) VALUES (?1, 't', ?1, 1, 1)`, id)
	}
}

// Datasource adds a datasource that is ready. Its id is also its name and that of
// its table.
func Datasource(t testing.TB, db *meta.DB, project, id string) {
	t.Helper()
	Exec(t, db, `INSERT INTO datasources (id, project_id, name, status, table_name, created_at, updated_at) VALUES (?1, ?2, ?1, 'ready', ?1, 1, 1)`, id, project)
}
