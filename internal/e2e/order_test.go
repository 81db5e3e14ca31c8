package e2e_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestOrderOfDurability runs the server under strace and checks for every object
// that it published: fsync of the file < rename < fsync of the folder < the commit.
func TestOrderOfDurability(t *testing.T) {
	trace := filepath.Join(t.TempDir(), "trace")
	strace := findStrace(t)
	l := &ledger{total: 300, size: 100}
	api := upstream(t, l)
	data := t.TempDir()
	s := startUnder(t, []string{strace, "-f", "-y", "-s", "5000", "-o", trace,
		"-e", "trace=fsync,fdatasync,rename,renameat,renameat2,link,linkat,mkdir,mkdirat,write,pwrite64"}, data, "--allow-cidr", "127.0.0.0/8")
	books := l.open(s, api)
	for range 2 {
		for _, b := range books {
			b.acked = append(b.acked, s.rerun(b.datasource).ID)
		}
		s.finished(books)
	}
	calls := s.endTraced(trace)
	keys := publishedKeys(t, data)
	inOrder := 0
	for _, key := range keys {
		if wrong := outOfOrder(calls, data, key, false); wrong != "" {
			t.Errorf("%s: %s", key, wrong)
			continue
		}
		inOrder++
	}
	t.Logf("%d of %d published objects became durable in order; %d system calls traced", inOrder, len(keys), len(calls))
	if len(keys) < 9 || len(calls) < 1000 {
		t.Errorf("only %d objects and %d calls: that proves nothing", len(keys), len(calls))
	}
}

// publishedKeys returns the keys that the rows of a stopped folder name.
func publishedKeys(t *testing.T, data string) (keys []string) {
	t.Helper()
	db := openMeta(t, data)
	defer db.Close()
	rows, err := db.Query(`SELECT DISTINCT key FROM data_objects`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestTheCheckOfTheOrderSeesEachWrongOrder(t *testing.T) {
	t.Parallel()
	hash := strings.Repeat("ab", 32)
	key := "p/ab/" + hash + ".json"
	const (
		mkdir  = `7 mkdirat(AT_FDCWD</tmp>, "/d/objects/p/ab", 0700) = 0`
		parent = `7 fsync(9</d/objects/p>) = 0`
		write  = `8 write(5</d/staging/1/f>, "{}", 2) = 2`
		file   = `7 fsync(3</d/staging/1/f>) = 0`
		folder = `7 fsync(4</d/objects/p/ab>) = 0`
		log    = `7 fsync(6</d/meta.db-wal>) = 0`
	)
	rename := fmt.Sprintf(`7 renameat2(AT_FDCWD</tmp>, "/d/staging/1/f", AT_FDCWD</tmp>, "/d/objects/%s", RENAME_NOREPLACE) = 0`, key)
	taken := strings.Replace(rename, "= 0", "= -1 EEXIST (File exists)", 1)
	row := fmt.Sprintf(`7 pwrite64(6</d/meta.db-wal>, "\0\1%s\2", 4096, 32) = 4096`, hash)
	late := []string{`9 fsync(4</d/objects/p/ab> <unfinished ...>`, row, `9 <... fsync resumed>) = 0`}
	intime := []string{late[0], `8 write(5</elsewhere>, "x", 1) = 1`, late[2]}
	for _, c := range []struct {
		rule  string
		lines []string
		there bool
		want  string
	}{
		{"the right order", []string{mkdir, parent, write, file, rename, folder, row, log}, false, ""},
		{"a sync that another line cuts in two", append(append([]string{mkdir, parent, write, file, rename}, intime...), row, log), false, ""},
		{"an object that was there", []string{write, file, taken, folder, row, log}, true, ""},
		{"no fsync of the file", []string{mkdir, parent, write, rename, folder, row, log}, false, "its file is not synced"},
		{"fsync of the file after the rename", []string{mkdir, parent, write, rename, file, folder, row, log}, false, "its file is not synced"},
		{"a write after the fsync", []string{mkdir, parent, file, write, rename, folder, row, log}, false, "written to after"},
		{"a failed fsync", []string{mkdir, parent, write, strings.Replace(file, "= 0", "= -1 EIO (I/O error)", 1), rename, folder, row, log}, false, "its file is not synced"},
		{"no fsync of the folder", []string{mkdir, parent, write, file, rename, row, log}, false, "its folder is not synced"},
		{"fsync of the folder before the rename", []string{mkdir, parent, write, file, folder, rename, row, log}, false, "its folder is not synced"},
		{"fsync of the folder after the row", []string{mkdir, parent, write, file, rename, row, folder, log}, false, "its folder is not synced"},
		{"fsync of the folder that ends after the row", append(append([]string{mkdir, parent, write, file, rename}, late...), log), false, "its folder is not synced"},
		{"the row before all", []string{mkdir, parent, row, write, file, rename, folder, log}, false, "its folder is not synced"},
		{"no fsync of the log", []string{mkdir, parent, write, file, rename, folder, log, row}, false, "the log is not synced"},
		{"no row", []string{mkdir, parent, write, file, rename, folder, log}, false, "no write into the log names it"},
		{"no rename", []string{mkdir, parent, write, file, folder, row, log}, false, "never gets its name"},
		{"a new folder that is not durable", []string{mkdir, write, file, rename, folder, row, log}, false, "its parent is not synced"},
	} {
		calls, err := readTrace(strings.NewReader(strings.Join(c.lines, "\n")))
		if err != nil {
			t.Fatal(err)
		}
		if got := outOfOrder(calls, "/d", key, c.there); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.rule, got, c.want)
		}
	}
}
