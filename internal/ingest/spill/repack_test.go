package spill_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/zstd"

	"millwright/internal/errs"
	"millwright/internal/ingest/spill"
)

func TestStoredFramesAreZstd(t *testing.T) {
	t.Parallel()
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for _, size := range []int{0, 1, 255, 256, 5000, 128<<10 - 1, 128 << 10, 128<<10 + 1, 256 << 10, 1<<20 + 13} {
		want := make([]byte, size)
		for i := range want {
			want[i] = byte(rand.Uint32())
		}
		got, err := z.DecodeAll(spill.AppendStored([]byte("before"), want)[len("before"):], nil)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("of %d bytes %d come back: %v", size, len(got), err)
		}
	}
}

func loose(t *testing.T, path string) int64 {
	t.Helper()
	n, err := spill.LooseIn(path)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// pagesOf are the pages of a file with their bodies.
func pagesOf(t *testing.T, path string) (pages []spill.Page, bodies []string) {
	t.Helper()
	r, err := spill.OpenPages(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for r.Next() {
		var body bytes.Buffer
		if _, err := body.ReadFrom(r.Body()); err != nil {
			t.Fatal(err)
		}
		pages, bodies = append(pages, r.Page()), append(bodies, body.String())
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return pages, bodies
}

// hasty writes pages with all that a file can hold: many records, none, a long one, a
// rest that is the whole body. Every other two frames are written in haste.
func hasty(t *testing.T, path string) {
	t.Helper()
	calls := 0
	w, err := spill.Create(path, spill.Limits{Busy: func() bool { calls++; return calls&2 == 0 }})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	page := func(number int, whole bool, records ...[]byte) {
		err := w.BeginPage(spill.Page{Number: number, URL: "https://api.example.com/items"})
		for _, r := range records {
			err = errors.Join(err, w.Record(r), w.Rest([]byte("\x1e,")))
		}
		if whole {
			err = errors.Join(err, w.Rest(bytes.Repeat([]byte("a;b\n1;2\n"), 200_000)))
		}
		if err = errors.Join(err, w.Body(spill.Body{Whole: whole}), w.EndPage(7)); err != nil {
			t.Fatal(err)
		}
	}
	page(1, false)
	records, _ := sample(20_000)
	for i := range 20 {
		page(2+i, false, records[i*1000:(i+1)*1000]...)
	}
	page(30, false, []byte(`"`+strings.Repeat("long ", 1<<20)+`"`))
	page(31, true)
	page(32, false)
	if _, err := w.Finish(); err != nil {
		t.Fatal(err)
	}
}

func TestPackChangesTheSizeAlone(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	hasty(t, path)
	out := path + ".packed"
	var last int64
	if err := spill.Pack(t.Context(), path, out, func(n int64) {
		if n <= last {
			t.Errorf("progress goes from %d to %d", last, n)
		}
		last = n
	}); err != nil {
		t.Fatal(err)
	}
	before, after := len(mustRead(t, path)), len(mustRead(t, out))
	if n := loose(t, path); n < 1<<20 || int64(before) < last || last < n {
		t.Errorf("%d bytes of %d are loose, and %d were done", n, before, last)
	}
	if n := loose(t, out); n > 1000 || after > before/2 {
		t.Errorf("%d bytes become %d, of which %d are loose", before, after, n)
	}
	pages, bodies := pagesOf(t, path)
	packed, again := pagesOf(t, out)
	if diff := cmp.Diff(pages, packed, cmpopts.IgnoreFields(spill.Page{}, "End")); diff != "" {
		t.Errorf("the index (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(bodies, again); diff != "" {
		t.Error("the bodies differ")
	}
	if !cmp.Equal(readAll(t, path), readAll(t, out)) {
		t.Error("the records differ")
	}
	ends(t, packed, int64(after))
}

// ends checks that pages end where a frame does, behind those before them.
func ends(t *testing.T, pages []spill.Page, size int64) {
	t.Helper()
	var last int64
	for _, p := range pages {
		if p.End < last || p.End >= size {
			t.Errorf("page %d ends at %d of %d, the one before at %d", p.Number, p.End, size, last)
		}
		last = p.End
	}
	if last < size/2 {
		t.Errorf("the last page ends at %d of %d", last, size)
	}
}

func TestPackLeavesNoFileWhenItFails(t *testing.T) {
	t.Parallel()
	whole, cut, broken := newPath(t), newPath(t), newPath(t)
	hasty(t, whole)
	b := mustRead(t, whole)
	b[len(b)/2] ^= 1
	if err := errors.Join(os.WriteFile(cut, b[:len(b)-1], 0o600), os.WriteFile(broken, b, 0o600)); err != nil {
		t.Fatal(err)
	}
	stopped, stop := context.WithCancel(t.Context())
	defer stop()
	for _, c := range []struct {
		rule string
		ctx  context.Context
		in   string
		want string
	}{
		{"a file that was not closed", t.Context(), cut, "spill-truncated"},
		{"a bit that is another", t.Context(), broken, "spill-corrupt"},
		{"a stop on the way", stopped, whole, ""},
	} {
		out := filepath.Join(t.TempDir(), "out")
		err := spill.Pack(c.ctx, c.in, out, func(int64) {
			if c.ctx == stopped {
				stop() // from the next frame on
			}
		})
		if err == nil || c.want != "" && errType(err) != c.want || c.want == "" && !errors.Is(err, errs.Canceled) {
			t.Errorf("%s: %v", c.rule, err)
		}
		if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: the file is there: %v", c.rule, err)
		}
	}
}

// TestASlowDiskGetsLess is about what to save: processors, unless the disk is what a
// run waits for.
func TestASlowDiskGetsLess(t *testing.T) {
	t.Parallel()
	records, size := sample(120_000)
	if size < 4*spill.WriteBehind {
		t.Fatal("too little to fall behind")
	}
	written := map[string]int64{}
	for disk, wait := range map[string]func(){"fast": func() {}, "slow": func() { time.Sleep(100 * time.Millisecond) }} { // what is simulated
		path := newPath(t)
		w, err := spill.Create(path, spill.Limits{Busy: func() bool { return true }})
		if err != nil {
			t.Fatal(err)
		}
		w.SlowDisk(wait)
		for i := range 120 {
			if err := writePage(w, i+1, records[i*1000:(i+1)*1000]); err != nil {
				t.Fatal(err)
			}
		}
		info, err := w.Finish()
		if err != nil {
			t.Fatal(err)
		}
		written[disk] = info.Size
		if got := readAll(t, path); len(got) != len(records) || got[len(got)-1] != string(records[len(records)-1]) {
			t.Errorf("%s: %d records", disk, len(got))
		}
	}
	if written["fast"] < size || written["slow"] > size*2/3 {
		t.Errorf("of %d bytes: %v", size, written)
	}
}
