package e2e_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millwright/internal/demo"
)

// landed returns a data folder with one dataset and a stored secret, whose server
// was stopped.
func landed(t *testing.T) string {
	t.Helper()
	s := start(t)
	shop := upstream(t, demo.Server{Orders: 1500})
	s.land("orders", map[string]any{"url": shop + "/orders?per_page=500", "method": "GET", "responsePathExtractor": "data.orders",
		"authType": "Bearer Token", "auth": map[string]any{"bearerToken": "shop-token-1"}})
	if e := healthy(t, s.data); !e.Served || e.Objects != 3 {
		t.Errorf("while it serves: %+v", e)
	}
	if err := s.stop(); err != nil {
		t.Fatalf("%v\n%s", err, s.log)
	}
	return s.data
}

func TestTheDoctorFindsEachDamage(t *testing.T) {
	whole := landed(t)
	if e := healthy(t, whole); e.Served {
		t.Error("nobody serves it")
	}
	edit := func(sql string) func(t *testing.T, data string) {
		return func(t *testing.T, data string) {
			if _, err := openMeta(t, data).Exec(sql); err != nil {
				t.Fatal(err)
			}
		}
	}
	one := func(ending string, change func(path string) error) func(t *testing.T, data string) {
		return func(t *testing.T, data string) {
			path := stored(t, data, ending)[0]
			if err := os.Chmod(path, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := change(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	// written is damage that was there before the file was hashed.
	written := func(ending string) func(t *testing.T, data string) {
		return func(t *testing.T, data string) {
			path := stored(t, data, ending)[0]
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			clear(content[len(content)/4 : len(content)/2])
			if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, content, 0o600)); err != nil {
				t.Fatal(err)
			}
			change(t, data, `UPDATE data_objects SET sha256 = ? WHERE key LIKE '%' || ?`, fmt.Sprintf("%x", sha256.Sum256(content)), filepath.Base(path))
		}
	}
	for _, damage := range []struct {
		name  string
		check string // that finds it
		say   string // what it says, or an item of it
		make  func(t *testing.T, data string)
	}{
		{"a file is missing", "objects", "is missing", one(".parquet", os.Remove)},
		{"a file lost its end", "objects", "bytes, its row says", one(".ndjson.zst", func(p string) error { return os.Truncate(p, 100) })},
		{"a bit of a file turned", "objects", "another SHA-256", func(t *testing.T, data string) { flip(t, stored(t, data, ".parquet")[0]) }},
		{"a Parquet file has other rows than its row says", "parquet", "has 1500 rows, its row says 1499",
			edit(`UPDATE data_objects SET row_count = 1499 WHERE file_type = 'parquet'; UPDATE dataset_files SET row_count = 1499`)},
		{"raw pages have other records than their row says", "raw pages", "has 1500 records, its row says 7",
			edit(`UPDATE data_objects SET row_count = 7 WHERE file_type = 'ndjson'`)},
		{"a Parquet file that cannot be read was stored so", "parquet", "", written(".parquet")},
		{"raw pages that cannot be read were stored so", "raw pages", "cannot be read", written(".ndjson.zst")},
		{"a file of a version is not its object", "manifest", "is not the object that its row names", edit(`UPDATE dataset_files SET bytes = bytes + 1`)},
		{"a version has no files", "manifest", "has no file", edit(`DELETE FROM dataset_files`)},
		{"a row refers to nothing", "metadata", "that does not exist", edit(`PRAGMA foreign_keys = OFF; UPDATE dataset_files SET dataset_id = 'gone'`)},
		{"a page of the database is damaged", "metadata", "", func(t *testing.T, data string) {
			path := filepath.Join(data, "meta.db")
			db := openMeta(t, data)
			var page, size int64
			if err := db.QueryRow(`SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_master WHERE name = 'jobs_by_source'`).Scan(&page, &size); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteAt(make([]byte, 100), (page-1)*size); err != nil {
				t.Fatal(err)
			}
		}},
		{"the key of the secrets is gone", "secrets", "key file", func(t *testing.T, data string) {
			if err := os.Remove(filepath.Join(data, "keys", "secrets.json")); err != nil {
				t.Fatal(err)
			}
		}},
		{"a job waits for one that has ended", "jobs", "waits for a job that has ended",
			edit(`UPDATE jobs SET status = 'pending', waiting = 1, finished_at = NULL WHERE parent_id IS NOT NULL`)},
	} {
		t.Run(damage.name, func(t *testing.T) {
			data := copyTree(t, whole)
			damage.make(t, data)
			code, e := examine(t, data)
			found := false
			for _, f := range e.broken() {
				text := f.What + strings.Join(f.Items, "\n")
				found = found || f.Check == damage.check && strings.Contains(text, damage.say) && f.Why != "" && len(f.Fixes) > 0
			}
			if code != 1 || e.Healthy || !found {
				t.Errorf("exit %d, found %+v", code, e.broken())
			}
		})
	}
}

func TestTheDoctorTellsPeopleWhatAndWhyAndWhatToDo(t *testing.T) {
	data := landed(t)
	parquet := stored(t, data, ".parquet")[0]
	if err := os.Remove(parquet); err != nil {
		t.Fatal(err)
	}
	got := mw(t, "doctor", "--data", data)
	for _, want := range []string{"PROBLEM  objects", filepath.Base(parquet) + ": is missing", "Why it matters: ", "Try: "} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("it does not say %q:\n%s", want, got.stdout)
		}
	}
	if got.code != 1 || !strings.Contains(got.stderr, "is not in order: 1 problem") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
	if got := mw(t, "doctor", "--data", t.TempDir()); got.code != 3 || !strings.Contains(got.stderr, "not a data folder") {
		t.Errorf("a folder without data: %+v", got)
	}
}

func TestOrphansAreCollectedByHand(t *testing.T) {
	data := landed(t)
	scope := filepath.Dir(filepath.Dir(stored(t, data, ".json")[0]))
	plant := func(digit string, age time.Duration) string {
		path := filepath.Join(scope, digit+digit, strings.Repeat(digit, 64)+".json")
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("{}"), 0o440); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		return path
	}
	old, young := plant("1", 25*time.Hour), plant("2", 23*time.Hour)
	if _, e := examine(t, data); !e.Healthy || !strings.Contains(fmt.Sprint(e.Findings), "2 of 5 objects are named by no row (4 bytes); 1 of them (2 bytes)") {
		t.Errorf("the doctor says %+v", e.Findings)
	}
	if got := mw(t, "doctor", "--collect", "--dry-run", "--data", data); got.code != 0 || !strings.Contains(got.stdout, "Would remove 1 file (2 B) of 2 ") {
		t.Errorf("dry: %+v", got)
	}
	s := startIn(t, data)
	if got := mw(t, "doctor", "--collect", "--data", data); got.code != 1 || !strings.Contains(got.stderr, "collects orphans by itself") {
		t.Errorf("while a server has the folder: %+v", got)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if got := mw(t, "doctor", "--collect", "--data", data); got.code != 0 || !strings.Contains(got.stdout, "Removed 1 file (2 B) of 2 ") {
		t.Errorf("real: %+v", got)
	}
	_, gone := os.Stat(old)
	_, kept := os.Stat(young)
	if !os.IsNotExist(gone) || kept != nil {
		t.Errorf("the old one: %v; the young one: %v", gone, kept)
	}
	healthy(t, data)
}

func TestASecondServerOnTheSameFolderRefusesToStart(t *testing.T) {
	s := start(t)
	got := mw(t, "serve", "--addr", "127.0.0.1:0", "--data", s.data)
	if got.code != 1 || !strings.Contains(got.stderr, fmt.Sprintf("in use by another Millwright (process %d)", s.cmd.Process.Pid)) ||
		!strings.Contains(got.stderr, "Try: ") {
		t.Errorf("got %+v", got)
	}
	s.call("GET", "/v1/projects", nil, nil)
	s.kill()
	// The lock of a dead process locks nobody out.
	if err := startIn(t, s.data).stop(); err != nil {
		t.Error(err)
	}
}
