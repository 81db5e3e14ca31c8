package e2e_test

import (
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPowerLoss runs the server under strace, replays what it did to its folder on a
// model of a disk, and cuts the power at many moments: with all that was not synced
// lost, with the names there and the bytes lost, and with any of it lost. What was
// acknowledged by then is there, and the doctor finds nothing broken.
func TestPowerLoss(t *testing.T) {
	cuts := rounds(t, "MILLWRIGHT_CRASH_KILLS", 8)
	trace := filepath.Join(t.TempDir(), "trace")
	strace := findStrace(t)
	l := &ledger{total: 300, size: 100}
	api := upstream(t, l)
	data := t.TempDir()
	s := startUnder(t, []string{strace, "-f", "-y", "-s", "33554432", "-o", trace,
		"-e", "trace=open,openat,fsync,fdatasync,rename,renameat,renameat2,link,linkat,mkdir,mkdirat,unlink,unlinkat,rmdir,ftruncate,write,pwrite64,read"}, data, inSlices()...)
	books := l.open(s, api)
	acked := len(books)
	s.raw("GET", fmt.Sprintf("/v1/marker-%d", acked), nil)
	for range 2 {
		for _, b := range books {
			b.acked = append(b.acked, s.rerun(b.datasource).ID)
			s.finished([]*book{b})
			acked++
			s.raw("GET", fmt.Sprintf("/v1/marker-%d", acked), nil)
		}
	}
	calls := s.endTraced(trace)
	all := diskChanges(data, calls)
	checkModel(t, data, all)
	cutPower(t, data, all, cuts)
}

// checkModel checks the model itself: when all has happened, its files are those of
// the folder.
func checkModel(t *testing.T, data string, all []diskChange) {
	t.Helper()
	d := newDisk(data)
	for _, c := range all {
		c.do(d)
	}
	files := 0
	for name, c := range d.names {
		if c == nil || filepath.Base(name) == "meta.db-shm" {
			continue
		}
		files++
		if got, err := os.ReadFile(name); err != nil || string(got) != string(c.now) {
			t.Errorf("the model has %d bytes of %s, and there are %d: %v", len(c.now), name, len(got), err)
		}
	}
	if files < 10 {
		t.Fatalf("only %d files in the model", files)
	}
}

// cutPower cuts the power so often behind a sync, and so often before one.
func cutPower(t *testing.T, data string, all []diskChange, cuts int) {
	t.Helper()
	r := rand.New(rand.NewPCG(4, uint64(cuts)))
	var syncs []int
	for i, c := range all {
		if c.sync {
			syncs = append(syncs, i)
		}
	}
	moments := map[int]bool{len(all): true}
	for range cuts {
		at := syncs[r.IntN(len(syncs))]
		moments[at], moments[at+1] = true, true
	}
	d, acked, looked, most := newDisk(data), 0, 0, 0
	for i := 0; i <= len(all); i++ {
		if moments[i] {
			for _, how := range []loss{allLost, bytesLost, someLost} {
				versions := restart(t, d, how, r, acked)
				most = max(most, versions)
				looked++
			}
		}
		if i < len(all) {
			all[i].do(d)
			acked = max(acked, all[i].mark)
		}
		if t.Failed() {
			t.Fatalf("after %d of %d changes", i, len(all))
		}
	}
	t.Logf("%d changes to the disk, %d of them syncs; power was lost %d times, with up to %d versions acknowledged: none was lost, nothing was broken",
		len(all), len(syncs), looked, acked)
	if acked < 9 || most < acked || len(syncs) < 100 {
		t.Errorf("%d versions were acknowledged and %d found, with %d syncs: that proves nothing", acked, most, len(syncs))
	}
}

// restart looks at what is left, and returns how many versions there are.
func restart(t *testing.T, d *disk, how loss, r *rand.Rand, acked int) (versions int) {
	t.Helper()
	left := filepath.Join(t.TempDir(), "left")
	defer os.RemoveAll(left)
	if err := d.after(how, r, left); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(left, "meta.db"))
	if err != nil {
		t.Fatal(err)
	}
	err = db.QueryRow(`SELECT count(*) FROM dataset_versions WHERE kind IN ('append', 'replace', 'merge')`).Scan(&versions)
	if err = errors.Join(err, db.Close()); acked == 0 {
		return versions // the next start makes the rest of the database
	}
	if err != nil {
		t.Errorf("%s lost after %d acknowledged versions: %v", how, acked, err)
		return 0
	}
	if versions < acked {
		t.Errorf("%s lost: %d versions are left of %d that were acknowledged", how, versions, acked)
	}
	if code, e := examine(t, left); code != 0 {
		t.Errorf("%s lost, after %d acknowledged versions: the doctor finds %+v", how, acked, e.broken())
	}
	return versions
}

func TestTheModelOfADiskForgetsWhatWasNotSynced(t *testing.T) {
	t.Parallel()
	run := func(how loss, lines ...string) map[string]string {
		t.Helper()
		calls, err := readTrace(strings.NewReader(strings.Join(lines, "\n")))
		if err != nil {
			t.Fatal(err)
		}
		d := newDisk("/d")
		for _, c := range diskChanges("/d", calls) {
			c.do(d)
		}
		left := filepath.Join(t.TempDir(), "left")
		if err := d.after(how, rand.New(rand.NewPCG(1, 1)), left); err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		entries, err := os.ReadDir(left)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			b, _ := os.ReadFile(filepath.Join(left, e.Name()))
			got[e.Name()] = string(b)
		}
		return got
	}
	const (
		create = `7 openat(AT_FDCWD</tmp>, "/d/a", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 5</d/a>`
		first  = `7 write(5</d/a>, "one\n", 4) = 4`
		second = `7 pwrite64(5</d/a>, "\0w\"o", 4, 4) = 4`
		file   = `7 fsync(5</d/a>) = 0`
		folder = `7 fsync(6</d>) = 0`
		rename = `7 renameat2(AT_FDCWD</tmp>, "/d/a", AT_FDCWD</tmp>, "/d/b", RENAME_NOREPLACE) = 0`
	)
	for i, c := range []struct {
		how   loss
		lines []string
		want  map[string]string
	}{
		{allLost, []string{create, first}, map[string]string{}},
		{allLost, []string{create, first, file}, map[string]string{}},
		{allLost, []string{create, first, folder}, map[string]string{"a": ""}},
		{allLost, []string{create, first, file, folder}, map[string]string{"a": "one\n"}},
		{allLost, []string{create, first, file, second, folder}, map[string]string{"a": "one\n"}},
		{allLost, []string{create, first, second, file, folder}, map[string]string{"a": "one\n\x00w\"o"}},
		{allLost, []string{create, first, file, folder, rename}, map[string]string{"a": "one\n"}},
		{allLost, []string{create, first, file, folder, rename, folder}, map[string]string{"b": "one\n"}},
		{bytesLost, []string{create, first, folder, rename}, map[string]string{"b": ""}},
		{bytesLost, []string{create, first, file, rename}, map[string]string{"b": "one\n"}},
	} {
		if got := run(c.how, c.lines...); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("case %d (%s lost): %q, want %q", i, c.how, got, c.want)
		}
	}
}
