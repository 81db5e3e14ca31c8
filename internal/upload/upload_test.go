package upload_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"millwright/internal/errs"
	"millwright/internal/meta"
	"millwright/internal/upload"
)

type world struct {
	*upload.Store
	now time.Time
}

func open(t *testing.T) *world {
	t.Helper()
	db, err := meta.Open(t.Context(), filepath.Join(t.TempDir(), "meta.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, sql := range []string{`INSERT INTO organizations (id, name, created_at, updated_at) VALUES ('o', 'o', 0, 0)`,
		`INSERT INTO teams (id, organization_id, name, created_at, updated_at) VALUES ('t', 'o', 't', 0, 0)`,
		`INSERT INTO projects (id, team_id, name, created_at, updated_at) VALUES ('p', 't', 'p', 0, 0)`} {
		if _, err := db.Write().ExecContext(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	w := &world{now: time.Now()}
	w.Store = &upload.Store{DB: db, Dir: filepath.Join(t.TempDir(), "uploads"), Max: 100, Now: func() time.Time { return w.now }}
	return w
}

func (w *world) create(t *testing.T, length *int64) upload.Upload {
	t.Helper()
	u, err := w.Create(t.Context(), upload.Upload{ProjectID: "p", Name: "a.csv", Length: length})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (w *world) content(t *testing.T, id string) string {
	t.Helper()
	path, err := w.Path(id)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

func TestPartsAreAddedInOrder(t *testing.T) {
	t.Parallel()
	w := open(t)
	u := w.create(t, nil)
	for i, p := range []string{"abc", "", "def"} {
		offset := []int64{0, 3, 3}[i]
		got, err := w.Append(t.Context(), u.ID, upload.Part{Offset: offset, Body: strings.NewReader(p)})
		if err != nil || got.Offset != offset+int64(len(p)) {
			t.Fatalf("part %d: %+v, %v", i, got, err)
		}
	}
	for rule, offset := range map[string]int64{"before": 3, "behind": 9} {
		_, err := w.Append(t.Context(), u.ID, upload.Part{Offset: offset, Body: strings.NewReader("x")})
		if e, ok := errs.Find(err); !ok || e.Type != "upload-offset" {
			t.Errorf("%s: %v", rule, err)
		}
	}
	if got := w.content(t, u.ID); got != "abcdef" {
		t.Errorf("got %q", got)
	}
	if err := w.CompleteTx(t.Context(), w.DB.Write(), u.ID, "d", "j"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Append(t.Context(), u.ID, upload.Part{Offset: 6, Body: strings.NewReader("x")}); errs.KindOf(err) != errs.Conflict {
		t.Errorf("when it is complete: %v", err)
	}
	if err := w.CompleteTx(t.Context(), w.DB.Write(), u.ID, "d", "j"); errs.KindOf(err) != errs.Conflict {
		t.Errorf("complete twice: %v", err)
	}
}

func TestWhatCameBeforeAnErrorStays(t *testing.T) {
	t.Parallel()
	w := open(t)
	u := w.create(t, nil)
	gone := errors.New("gone")
	body := io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(gone))
	if _, err := w.Append(t.Context(), u.ID, upload.Part{Body: body}); !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
	got, err := w.Settled(t.Context(), u.ID)
	if err != nil || got.Offset != 3 || w.content(t, u.ID) != "abc" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTooMuchIsRefusedAndNothingStays(t *testing.T) {
	t.Parallel()
	w := open(t)
	three := int64(3)
	for rule, c := range map[string]struct {
		length *int64
		size   int
		typ    string
	}{"more than a file may have": {nil, 101, "upload-too-large"}, "more than was announced": {&three, 4, "upload-length"}} {
		u := w.create(t, c.length)
		_, err := w.Append(t.Context(), u.ID, upload.Part{Body: strings.NewReader(strings.Repeat("x", c.size))})
		if e, ok := errs.Find(err); !ok || e.Type != c.typ {
			t.Errorf("%s: %v", rule, err)
		}
		if _, err := w.Get(t.Context(), u.ID); errs.KindOf(err) != errs.NotFound || w.content(t, u.ID) != "" {
			t.Errorf("%s: something stays: %v", rule, err)
		}
	}
	if id, n, err := w.Receive(strings.NewReader(strings.Repeat("x", 100))); err != nil || n != 100 || len(w.content(t, id)) != 100 {
		t.Errorf("just as much as fits: %d, %v", n, err)
	}
	much := strings.NewReader(strings.Repeat("x", 1<<20))
	if _, _, err := w.Receive(much); errs.KindOf(err) != errs.TooLarge || much.Len() < 1<<20-1000 {
		t.Errorf("%d bytes were read of a file of 100 at most: %v", 1<<20-much.Len(), err)
	}
	if _, _, err := w.Receive(strings.NewReader(strings.Repeat("x", 101))); errs.KindOf(err) != errs.TooLarge || !strings.Contains(err.Error(), "100 bytes") {
		t.Errorf("a byte more: %v", err)
	}
	if _, err := w.Create(t.Context(), upload.Upload{ProjectID: "p", Length: func() *int64 { n := int64(101); return &n }()}); errs.KindOf(err) != errs.TooLarge {
		t.Errorf("announced: %v", err)
	}
	files, err := os.ReadDir(w.Dir)
	if err != nil || len(files) != 1 {
		t.Errorf("%d files, %v", len(files), err)
	}
}

// Whoever lost the connection cannot hold up who goes on with the upload.
func TestALaterSenderTakesOver(t *testing.T) {
	t.Parallel()
	w := open(t)
	u := w.create(t, nil)
	r, sender := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		_, err := w.Append(context.Background(), u.ID, upload.Part{Body: r, Stop: func() { _ = r.Close() }})
		ended <- err
	}()
	if _, err := sender.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	got, err := w.Settled(t.Context(), u.ID)
	if err != nil || got.Offset != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	if err := <-ended; !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the first sender: %v", err)
	}
	if got, err := w.Append(t.Context(), u.ID, upload.Part{Offset: 3, Body: strings.NewReader("def")}); err != nil || got.Offset != 6 || w.content(t, u.ID) != "abcdef" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAnIDNamesNothingElse(t *testing.T) {
	t.Parallel()
	w := open(t)
	for _, id := range []string{"", "..", "../meta.db", "a/b", "01890000-0000-7000-8000-00000000BEEF", "{01890000-0000-7000-8000-00000000beef}"} {
		if path, err := w.Path(id); errs.KindOf(err) != errs.NotFound {
			t.Errorf("%q is %s, %v", id, path, err)
		}
	}
}

func TestAbandonedUploadsAreRemoved(t *testing.T) {
	t.Parallel()
	w := open(t)
	old, loaded, stray := w.create(t, nil), w.create(t, nil), upload.NewID()
	if _, err := w.DB.Write().ExecContext(t.Context(), `INSERT INTO jobs (id, type, status, due_at, created_at, updated_at) VALUES ('j', 'upload', 'pending', 0, 0, 0)`); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{old.ID, loaded.ID} {
		if _, err := w.Append(t.Context(), id, upload.Part{Body: strings.NewReader("x")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.CompleteTx(t.Context(), w.DB.Write(), loaded.ID, "d", "j"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.Dir, stray), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	left := func() int {
		if err := w.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		files, err := os.ReadDir(w.Dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	if n := left(); n != 3 {
		t.Errorf("%d files are left of young ones, want 3", n)
	}
	w.now = w.now.Add(upload.Abandoned + time.Hour)
	if n := left(); n != 1 || w.content(t, loaded.ID) != "x" {
		t.Errorf("%d files are left, want the one that is loaded", n)
	}
	if _, err := w.Get(t.Context(), old.ID); errs.KindOf(err) != errs.NotFound {
		t.Errorf("got %v", err)
	}
}
