package e2e_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A pulse is an API whose records all tell in which reading of it they were sent:
// what is committed is of one reading, or it was torn.
type pulse struct {
	pages, size int
	readings    atomic.Int64
}

func (p *pulse) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	page = max(page, 1)
	reading := p.readings.Load()
	if page == 1 {
		reading = p.readings.Add(1)
	}
	if of := r.URL.Query().Get("of"); of != "" {
		reading, _ = strconv.ParseInt(of, 10, 64)
	}
	items := []map[string]any{}
	for i := range p.size {
		items = append(items, map[string]any{"id": (page-1)*p.size + i, "reading": reading, "text": fmt.Sprint("record ", rand.Int64())})
	}
	next := any(nil)
	if page < p.pages {
		next = fmt.Sprintf("http://%s/?page=%d&of=%d", r.Host, page+1, reading)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"items": items, "next": next})
}

// rerun starts another run of the datasource and returns its job.
func (s *server) rerun(datasource string) jobWire {
	s.t.Helper()
	var started struct{ Jobs []jobWire }
	s.call("POST", "/v1/datasources/"+datasource+"/runs", map[string]any{}, &started)
	return started.Jobs[0]
}

// ask runs a statement over a dataset and returns its only row.
func (s *server) ask(d dataline, sql string) map[string]any {
	s.t.Helper()
	project := s.project()
	var p struct{ ID string }
	s.call("POST", "/v1/queryprograms", map[string]any{"project_id": project, "dataline_id": d.ID, "cue": "test", "code": sql}, &p)
	var result struct{ Data []map[string]any }
	s.call("POST", "/v1/run/queryprogram", map[string]any{"project_id": project, "queryprogram_id": p.ID}, &result)
	if len(result.Data) != 1 {
		s.t.Fatalf("%d rows, want 1", len(result.Data))
	}
	return result.Data[0]
}

func TestABackupMadeWhileRunsCommitIsOneMomentOfThem(t *testing.T) {
	s := start(t)
	source := &pulse{pages: 4, size: 250}
	shop := upstream(t, source)
	datasource, jobs := s.connect("pulse", map[string]any{"url": shop + "/", "method": "GET", "responsePathExtractor": "items"})
	s.wait(jobs[0].ID)
	stop := make(chan struct{})
	var runs atomic.Int64
	var loop sync.WaitGroup
	loop.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if j := s.wait(s.rerun(datasource).ID); j.Status != "completed" {
				t.Errorf("a run is %s: %+v", j.Status, j.Error)
				return
			}
			runs.Add(1)
		}
	})
	var backups []string
	for n := range 4 {
		for before := runs.Load(); runs.Load() < before+2 && !t.Failed(); {
			time.Sleep(10 * time.Millisecond)
		}
		dest := filepath.Join(t.TempDir(), fmt.Sprint("backup", n))
		if got := mw(t, "backup", dest, "--data", s.data); got.code != 0 || !strings.Contains(got.stderr, "does NOT hold the key") {
			t.Fatalf("backup: %+v", got)
		}
		backups = append(backups, dest)
	}
	close(stop)
	loop.Wait()
	sums := map[string]bool{}
	for _, path := range stored(t, s.data, ".parquet") {
		sums[filepath.Base(path)] = true
	}
	key := filepath.Join(s.data, "keys", "secrets.json")
	for n, dest := range backups {
		data := filepath.Join(t.TempDir(), "restored")
		if got := mw(t, "restore", dest, "--data", data, "--secrets-key", key); got.code != 0 {
			t.Fatalf("restore: %+v", got)
		}
		e := healthy(t, data)
		for _, path := range stored(t, data, ".parquet") {
			if !sums[filepath.Base(path)] {
				t.Errorf("backup %d holds a Parquet file that was never committed", n)
			}
		}
		version := restoredVersion(t, data)
		r := startIn(t, data, "--allow-cidr", "127.0.0.0/8")
		d := r.dataline(datasource)
		row := r.ask(d, `SELECT count(*) AS n, count(DISTINCT id) AS ids, count(DISTINCT reading) AS readings FROM pulse`)
		if fmt.Sprintf("%v %v %v", row["n"], row["ids"], row["readings"]) != "1000 1000 1" {
			t.Errorf("backup %d: %v, want 1000 records of one reading", n, row)
		}
		t.Logf("backup %d of %d objects: version %d, %v rows of one reading", n, e.Objects, version, row["n"])
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d runs were committed meanwhile", runs.Load())
}

// restoredVersion returns the version of the only dataset of a stopped folder.
func restoredVersion(t *testing.T, data string) (version int64) {
	t.Helper()
	db := openMeta(t, data)
	defer db.Close()
	if err := db.QueryRow(`SELECT version FROM datasets`).Scan(&version); err != nil {
		t.Fatal(err)
	}
	return version
}

func TestABackupThatWasKilledIsNeverTakenForOne(t *testing.T) {
	data := landed(t)
	// More to copy than a blink: what is named by a row is copied.
	bulk(t, data, 24, 2<<20)
	rounds := 8
	cut, whole := 0, 0
	for round := range rounds {
		dest := filepath.Join(t.TempDir(), "b")
		cmd := exec.Command(binary, "backup", dest, "--data", data)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		killWhen(cmd, func() bool { return filesIn(dest) >= 3*round+rand.IntN(3) })
		restored := filepath.Join(t.TempDir(), "r")
		got := mw(t, "restore", dest, "--data", restored)
		if _, err := os.Stat(filepath.Join(dest, "SHA256SUMS")); err == nil {
			whole++
			if got.code != 0 {
				t.Errorf("a whole backup is refused: %+v", got)
			}
			continue
		}
		if _, err := os.Stat(filepath.Join(dest, "meta.db")); err == nil {
			cut++
			if !strings.Contains(got.stderr, "cut off") {
				t.Errorf("the reason is not told: %s", got.stderr)
			}
		}
		if _, err := os.Stat(filepath.Join(restored, "meta.db")); got.code == 0 || err == nil {
			t.Errorf("what is left of a killed backup was restored: %+v", got)
		}
	}
	t.Logf("%d backups killed: %d were cut off in the middle, %d were whole", rounds, cut, whole)
	if cut == 0 {
		t.Error("no backup was killed in its middle")
	}
	healthy(t, data)
}

// killWhen kills the process once due says so, and waits for its end. A process
// that ends before that is left alone.
func killWhen(cmd *exec.Cmd, due func() bool) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-ended:
			return
		case <-look.C:
			if due() {
				_ = cmd.Process.Kill()
				<-ended
				return
			}
		}
	}
}

// filesIn counts the files below a folder that may not be there yet.
func filesIn(dir string) (n int) {
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			n++
		}
		return nil
	})
	return n
}

// bulk adds stored files, each with its row.
func bulk(t *testing.T, data string, files, size int) {
	t.Helper()
	db := openMeta(t, data)
	defer db.Close()
	var project string
	if err := db.QueryRow(`SELECT id FROM projects`).Scan(&project); err != nil {
		t.Fatal(err)
	}
	for n := range files {
		content := make([]byte, size)
		for i := range content {
			content[i] = byte(i * (n + 1))
		}
		sum := sha(content)
		key := project + "/" + sum[:2] + "/" + sum + ".json"
		path := filepath.Join(data, "objects", filepath.FromSlash(key))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o440); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(`INSERT INTO data_objects (id, project_id, bucket, key, file_type, file_role, mime_type, file_size, sha256, created_at, updated_at)
			VALUES (?, ?, 'local', ?, 'json', 'x', 'x', ?, ?, 0, 0)`, fmt.Sprint("bulk", n), project, key, size, sum); err != nil {
			t.Fatal(err)
		}
	}
}

func TestARestoreRefusesOneChangedByteAndNamesTheFile(t *testing.T) {
	data := landed(t)
	backup := filepath.Join(t.TempDir(), "backup")
	if got := mw(t, "backup", backup, "--data", data, "--with-key"); got.code != 0 || !strings.Contains(got.stderr, "WARNING: this backup holds the key") {
		t.Fatalf("%+v", got)
	}
	var files []string
	for _, path := range stored(t, backup, "") {
		rel, err := filepath.Rel(backup, path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, rel)
	}
	files = append(files, "meta.db", "backup.json", "SHA256SUMS", "keys/secrets.json")
	for _, file := range files {
		for how, harm := range map[string]func(path string){
			"changed": func(path string) { flip(t, path) },
			"missing": func(path string) { _ = os.Remove(path) },
		} {
			broken := copyTree(t, backup)
			harm(filepath.Join(broken, file))
			target := filepath.Join(t.TempDir(), "r")
			got := mw(t, "restore", broken, "--data", target)
			named := strings.Contains(got.stderr, file)
			if file == "SHA256SUMS" && how == "changed" {
				named = strings.Contains(got.stderr, "is damaged") // it may be the hash of any file
			}
			if got.code == 0 || !named {
				t.Errorf("%s %s: exit %d, %s", file, how, got.code, got.stderr)
			}
			if left, err := filepath.Glob(filepath.Join(filepath.Dir(target), "*", "*")); err != nil || len(left) > 0 {
				t.Errorf("%s %s: left behind: %v, %v", file, how, left, err)
			}
		}
	}
	if got := mw(t, "restore", backup, "--data", data); got.code != 1 || !strings.Contains(got.stderr, "is not empty") {
		t.Errorf("into a folder that holds data: %+v", got)
	}
	target := filepath.Join(t.TempDir(), "r")
	if got := mw(t, "restore", backup, "--data", target); got.code != 0 {
		t.Errorf("the whole one: %+v", got)
	}
	healthy(t, target)
}
