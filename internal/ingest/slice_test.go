package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"millwright/internal/ingest/typing"
)

// The file of a slice is written over that of an earlier one: it must hold its own records
// and nothing else, whether the other was longer, or was not converted.
func TestASliceHoldsItsOwnRecords(t *testing.T) {
	var mu sync.Mutex
	made := map[int64]string{}
	files := 0
	var s *slicer
	s, err := newSlicer(t.Context(), t.TempDir(), 4000, func() typing.Result { return typing.Result{} }, func(_ context.Context, one *slice) error {
		mu.Lock()
		defer mu.Unlock()
		content, err := os.ReadFile(one.path)
		made[one.first] = string(content)
		entries, err2 := os.ReadDir(s.dir)
		files = max(files, len(entries))
		if one.first%3 == 0 {
			err = errors.New("not converted")
		}
		return errors.Join(err, err2)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.stop()
	var lines []string
	for i := range 2000 {
		// Some slices end with a long record, and are longer than the next.
		line := fmt.Sprintf(`{"i":%d,"x":"%s"}`+"\n", i, strings.Repeat("x", i*i%997))
		lines = append(lines, line)
		s.add(int64(i), []byte(line))
	}
	all := s.end(typing.Result{})
	if len(all) < 100 || all[0].first != 0 || all[len(all)-1].end != 2000 {
		t.Fatalf("%d slices", len(all))
	}
	for _, one := range all {
		want := strings.Join(lines[one.first:one.end], "")
		if made[one.first] != want || one.bytes != int64(len(want)) {
			t.Errorf("the slice of %d to %d was converted from %d bytes, not its %d: %.40q", one.first, one.end, len(made[one.first]), len(want), made[one.first])
		}
		if one.done != (one.first%3 != 0) {
			t.Errorf("the slice of %d is done: %v", one.first, one.done)
		}
	}
	if files > sliceQueue+1 {
		t.Errorf("%d files at once", files)
	}
	if left, err := os.ReadDir(s.dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// So must the one of its records in normal form.
func TestALineFileLiesOverAnOlderOne(t *testing.T) {
	path := t.TempDir() + "/lines"
	if err := os.WriteFile(path, bytes.Repeat([]byte("older\n"), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := createLines(path)
	if err != nil {
		t.Fatal(err)
	}
	norm := typing.Result{}.Normalizer()
	if err := errors.Join(f.add(norm, []byte(`{}`)), f.close()); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "{}\n" || f.longest != 3 {
		t.Errorf("%q, %v, the longest of %d bytes", got, err, f.longest)
	}
}
