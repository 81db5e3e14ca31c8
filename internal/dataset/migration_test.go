package dataset_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"
)

// TestOlderDatasetsAreBroughtUpToDate applies the migration of versions to a
// database of the release before it.
func TestOlderDatasetsAreBroughtUpToDate(t *testing.T) {
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "old.db")+"?_pragma=foreign_keys(1)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	exec := func(sql string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	apply := func(file string) {
		t.Helper()
		text, err := os.ReadFile(filepath.Join("..", "meta", "migrations", file))
		if err != nil {
			t.Fatal(err)
		}
		exec(string(text))
	}
	for _, file := range []string{"0001_tenant.sql", "0002_project.sql", "0003_source.sql", "0005_dataset.sql"} {
		apply(file)
	}
	exec(`INSERT INTO organizations (id, name, created_at, updated_at) VALUES ('o', 'o', 0, 0);
		INSERT INTO teams (id, organization_id, name, created_at, updated_at) VALUES ('t', 'o', 't', 0, 0);
		INSERT INTO projects (id, team_id, name, created_at, updated_at) VALUES ('p1', 't', 'p', 0, 0);
		INSERT INTO datasources (id, project_id, name, status, table_name, created_at, updated_at) VALUES ('d1', 'p1', 'd', 'ready', 'd1', 0, 0);
		INSERT INTO data_objects (id, project_id, datasource_id, run_id, bucket, key, file_type, file_role, mime_type, file_size, created_at, updated_at) VALUES
			('q1', 'p1', 'd1', 'r1', 'local', 'k1', 'json', 'connect/http', '', 1, 0, 0), ('w1', 'p1', 'd1', 'r1', 'local', 'k2', 'ndjson', 'data/raw_pages', '', 1, 0, 0),
			('f1', 'p1', 'd1', 'r1', 'local', 'k3', 'parquet', 'data/uploaded', '', 1, 0, 0), ('f2', 'p1', 'd1', 'r2', 'local', 'k4', 'parquet', 'data/uploaded', '', 1, 0, 0);
		INSERT INTO datasets (id, project_id, datasource_id, object_id, name, table_name, table_key, schema, last_field_id, version, row_count, bytes, created_at, updated_at)
			VALUES ('s', 'p1', 'd1', 'f2', 'n', 't', 't', '{}', 1, 2, 1, 1, 0, 0);
		INSERT INTO dataset_versions (dataset_id, version, run_id, kind, object_id, row_count, bytes, schema, verdict, report, profile, created_at) VALUES
			('s', 1, 'r1', 'replace', 'f1', 1, 1, '{"columns":[]}', '{"state":"complete"}', '[1]', '{"p":1}', 7), ('s', 2, 'r2', 'replace', 'f2', 2, 2, '{}', '{}', '{}', NULL, 8);
		INSERT INTO dataset_files (dataset_id, added_version, place, object_id, object_key, bytes, row_count, removed_version) VALUES
			('s', 1, 0, 'f1', 'k3', 1, 1, 2), ('s', 2, 3, 'f2', 'k4', 1, 1, NULL)`)
	apply("0009_dataset_versions.sql")

	all := func(query string) []string {
		t.Helper()
		rows, err := db.QueryContext(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		var lines []string
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, line)
		}
		return lines
	}
	diff(t, "versions", all(`SELECT concat_ws(' ', version, run_id, kind, object_id, row_count, bytes, schema, verdict, report, coalesce(profile, '-'), created_at,
		merge_key, base, schema_version, coalesce(facts, '-'), coalesce(expired_at, '-')) FROM dataset_versions ORDER BY version`), []string{
		`1 r1 replace f1 1 1 {"columns":[]} {"state":"complete"} [1] {"p":1} 7 [] 0 1 - -`, `2 r2 replace f2 2 2 {} {} {} - 8 [] 0 2 - -`})
	diff(t, "files", all(`SELECT concat_ws(' ', object_id, sequence, schema_version, raws) FROM dataset_files ORDER BY sequence`), []string{
		`f1 1048576 1 ["w1"]`, `f2 2097155 2 []`})
	exec(`INSERT INTO dataset_versions (dataset_id, version, kind, object_id, row_count, bytes, schema, schema_version, created_at) VALUES ('s', 3, 'restore', 'f1', 1, 1, '{}', 3, 0)`)
	exec(`DELETE FROM projects`)
	if left := all(`SELECT version FROM dataset_versions`); len(left) != 0 {
		t.Errorf("versions of a removed project stay: %v", left)
	}
}
