package spill_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"millwright/internal/errs"
	"millwright/internal/ingest/spill"
)

// maxRecord is the most that a record may have.
const maxRecord = 64 << 20

func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "raw.ndjson.zst") }

func readAll(t testing.TB, path string) (records []string) {
	t.Helper()
	r, err := spill.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for r.Next() {
		records = append(records, string(r.Record()))
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return records
}

func lines(records [][]byte) (out []string) {
	for _, r := range records {
		out = append(out, string(r))
	}
	return out
}

func errType(err error) string {
	if e, ok := errs.Find(err); ok {
		return e.Type
	}
	return fmt.Sprint(err)
}

func TestRecordsAreVerbatimButForLineBreaks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ raw, want string }{
		{`{"a":1}`, `{"a":1}`},
		{" {\n\t\"a\" :\r 1.50e+3 , \"b\" : [ ] } ", `{"a":1.50e+3,"b":[]}`},
		{`{"a b":" c \" \\"  , "d":"\\\\" }`, `{"a b":" c \" \\"  , "d":"\\\\" }`},
		{"{\"a b\":\" c \\\" \\\\\"  ,\r\"d\":\"\\\\\\\\\" }", `{"a b":" c \" \\","d":"\\\\"}`},
		{`{"a":"\u0041\ud83d\ude00\n\/","b":9007199254740993,"c":-0}`, `{"a":"\u0041\ud83d\ude00\n\/","b":9007199254740993,"c":-0}`},
		{"{\"é \u2028\":\"\x7f\"}", "{\"é \u2028\":\"\x7f\"}"},
		{`[1, 2]`, `[1, 2]`}, {"\nnull ", `null`}, {`"x y"`, `"x y"`}, {`{"":""}`, `{"":""}`},
	} {
		path := newPath(t)
		write(t, path, [][]byte{[]byte(c.raw)}, 1)
		if got := readAll(t, path); len(got) != 1 || got[0] != c.want {
			t.Errorf("%q is kept as %q, want %q", c.raw, got, c.want)
		}
	}
}

func TestIndexDescribesThePages(t *testing.T) {
	t.Parallel()
	records, _ := sample(5000)
	path := newPath(t)
	info := write(t, path, records, 700)
	pages, err := spill.Pages(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(pages) != 8 || info.Pages != 8 || info.Records != 5000 {
		t.Fatalf("%d pages, info %+v", len(pages), info)
	}
	all := readAll(t, path)
	var sum, last int64
	for i, p := range pages {
		text := strings.Join(all[p.First:p.First+p.Records], "\n") + "\n"
		crc := crc32.Checksum([]byte(text), crc32.MakeTable(crc32.Castagnoli))
		want := spill.Page{Number: i, URL: fmt.Sprintf("https://api.example.com/items?page=%d", i), First: int64(i) * 700,
			Records: min(700, 5000-int64(i)*700), Bytes: int64(len(text)), Received: int64(i) * 3, Sum: crc, End: p.End}
		if diff := cmp.Diff(want, p); diff != "" {
			t.Errorf("page %d (-want +got):\n%s", i, diff)
		}
		if p.End < last {
			t.Errorf("page %d ends at %d, before %d", i, p.End, last)
		}
		last = p.End
		sum += p.Bytes
	}
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if sum != info.Bytes || st.Size() != info.Size || last >= info.Size {
		t.Errorf("bytes %d and size %d, want %d and %d", sum, st.Size(), info.Bytes, info.Size)
	}
	if _, err := os.Stat(path + ".pages"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the index beside the file is still there: %v", err)
	}
}

func TestSmallPagesShareAFrame(t *testing.T) {
	t.Parallel()
	records, _ := sample(5000)
	path := newPath(t)
	write(t, path, records, 10)
	pages, err := spill.Pages(path)
	if err != nil {
		t.Fatal(err)
	}
	frames := map[int64]bool{}
	for _, p := range pages {
		frames[p.End] = true
	}
	if len(pages) != 500 || len(frames) > 20 || len(frames) < 5 {
		t.Errorf("%d pages in %d frames", len(pages), len(frames))
	}
}

func TestFooterThatDoesNotMatch(t *testing.T) {
	t.Parallel()
	records, _ := sample(10)
	path := newPath(t)
	write(t, path, records, 5)
	whole := mustRead(t, path)
	if err := os.WriteFile(path, flip(whole, len(whole)-16), 0o600); err != nil { // the number of records
		t.Fatal(err)
	}
	r, err := spill.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for r.Next() {
	}
	if errType(r.Err()) != "spill-corrupt" {
		t.Errorf("another number of records: %v", r.Err())
	}
	if err := os.WriteFile(path, flip(whole, len(whole)-40), 0o600); err != nil { // the mark
		t.Fatal(err)
	}
	if _, err := spill.Open(path); errType(err) != "spill-truncated" {
		t.Errorf("another mark: %v", err)
	}
}

func TestAnyZstdReaderReadsTheFile(t *testing.T) {
	t.Parallel()
	records, _ := sample(3000)
	path := newPath(t)
	write(t, path, records, 50)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	got, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Join(readAll(t, path), "\n")+"\n", string(got)); diff != "" {
		t.Error("other bytes than the reader's")
	}
}

func TestEmptyFileAndEmptyPages(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	if info := write(t, path, nil, 1); info.Records != 0 || len(readAll(t, path)) != 0 {
		t.Errorf("an empty file has %+v", info)
	}
	path = newPath(t)
	w, err := spill.Create(path, spill.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		if err := writePage(w, n, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	if pages, err := spill.Pages(path); err != nil || len(pages) != 3 {
		t.Errorf("%d pages, %v", len(pages), err)
	}
}

func TestCutFileIsDetected(t *testing.T) {
	t.Parallel()
	records, _ := sample(2000)
	path := newPath(t)
	write(t, path, records, 100)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for size := 0; size < len(whole); size += 1 + len(whole)/97 {
		cutPath := newPath(t)
		if err := os.WriteFile(cutPath, whole[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := spill.Open(cutPath); errType(err) != "spill-truncated" {
			t.Errorf("cut to %d of %d bytes: %v", size, len(whole), err)
		}
	}
	r, err := spill.Open(path)
	if err != nil {
		t.Fatalf("the whole file: %v", err)
	}
	r.Close()
}

func TestDamageIsDetected(t *testing.T) {
	t.Parallel()
	records, _ := sample(2000)
	path := newPath(t)
	write(t, path, records, 100)
	pages, err := spill.Pages(path)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	end := int(pages[len(pages)-1].End)
	for at := 0; at < end; at += 1 + end/211 {
		b := bytes.Clone(whole)
		b[at] ^= 0x10
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := spill.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for r.Next() {
			got = append(got, string(r.Record()))
		}
		// A flag that means nothing to a reader may change; the records may not.
		if r.Err() == nil && !cmp.Equal(got, lines(records)) {
			t.Errorf("byte %d of %d flipped: other records, and no error", at, end)
		}
		if err := r.Err(); err != nil && errType(err) != "spill-corrupt" {
			t.Errorf("byte %d of %d flipped: %v", at, end, err)
		}
		r.Close()
	}
}

func TestResumeGoesOnAfterTheLastWholePage(t *testing.T) {
	t.Parallel()
	records, _ := sample(6000)
	want := lines(records)
	path := newPath(t)
	hasty := spill.Limits{Busy: func() bool { return true }}
	w, err := spill.Create(path, hasty)
	if err != nil {
		t.Fatal(err)
	}
	const perPage = 200
	for p := range 25 {
		if err := writePage(w, p, records[p*perPage:(p+1)*perPage]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.BeginPage(spill.Page{Number: 25}); err != nil {
		t.Fatal(err)
	}
	if err := w.Record(records[5000]); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	file, side := mustRead(t, path), mustRead(t, path+".pages")
	for _, c := range []struct {
		rule       string
		file, side []byte
		none       bool // nothing can be kept
		partly     bool // not all that was sealed can be kept
	}{
		{"the process died inside a page", file, side, false, false},
		{"the index has a torn line", file, append(bytes.Clone(side), `{"page":99,"fi`...), false, false},
		{"the file has bytes of an open frame", append(bytes.Clone(file), "(\xb5/\xfd junk"...), side, false, false},
		{"the file is shorter than the index says", file[:len(file)*2/3], side, false, true},
		{"a page in the middle is damaged", flip(file, len(file)/2), side, false, true},
		{"the index is lost", file, nil, true, true},
		{"the file is lost", nil, side, true, true},
		{"the first page is damaged", flip(file, 200), side, true, true},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			path := newPath(t)
			if err := errors.Join(os.WriteFile(path, c.file, 0o600), os.WriteFile(path+".pages", c.side, 0o600)); err != nil {
				t.Fatal(err)
			}
			var replayed []string
			w, last, err := spill.Resume(path, hasty, func(r []byte) error { replayed = append(replayed, string(r)); return nil })
			if err != nil {
				t.Fatal(err)
			}
			kept := int(w.Info().Records)
			if len(replayed) != kept || !cmp.Equal(replayed, want[:kept:kept], cmp.Comparer(func(a, b []string) bool { return strings.Join(a, "\n") == strings.Join(b, "\n") })) {
				t.Fatalf("%d records replayed of %d kept, or others", len(replayed), kept)
			}
			if c.none != (kept == 0) || !c.partly && kept < 4000 || c.partly && kept >= 4000 {
				t.Errorf("%d records kept", kept)
			}
			next := 0
			if kept > 0 {
				next = last.Number + 1
			}
			for p := next; p < 30; p++ {
				if err := writePage(w, p, records[p*perPage:(p+1)*perPage]); err != nil {
					t.Fatal(err)
				}
			}
			info, err := w.Finish()
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(mustRead(t, path))
			if n := loose(t, path); info.SHA256 != hex.EncodeToString(sum[:]) || n == 0 || info.Loose != n {
				t.Errorf("the file has the hash %x and %d bytes as they came; told: %+v", sum, n, info)
			}
			if got := readAll(t, path); strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("%d records at the end, or others than the %d written", len(got), len(want))
			}
			if pages, err := spill.Pages(path); err != nil || len(pages) != 30 || pages[29].First != 5800 {
				t.Errorf("%d pages at the end: %v", len(pages), err)
			}
			if _, _, err := spill.Resume(path, spill.Limits{}, nil); !errors.Is(err, errs.Conflict) {
				t.Errorf("resuming a closed file: %v", err)
			}
		})
	}
}

func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 0xff
	return b
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMisuse(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	w, err := spill.Create(path, spill.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := spill.Create(path, spill.Limits{}); !errors.Is(err, os.ErrExist) {
		t.Errorf("a file is created over another: %v", err)
	}
	if w.Record([]byte(`{}`)) == nil {
		t.Error("a record outside of a page is accepted")
	}
	if err := w.BeginPage(spill.Page{Number: 1}); err != nil {
		t.Fatal(err)
	}
	if w.BeginPage(spill.Page{Number: 2}) == nil {
		t.Error("a page inside a page is accepted")
	}
	for _, bad := range []string{"\"a\nb\"", "", " "} {
		if err := w.Record([]byte(bad)); errType(err) != "bad-json" {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := w.Record(make([]byte, maxRecord+1)); errType(err) != "record-too-large" {
		t.Errorf("a record that is too long: %v", err)
	}
	if _, err := w.Finish(); err == nil {
		t.Error("the file is closed inside a page")
	}
	if _, err := spill.Open(path); errType(err) != "spill-truncated" {
		t.Errorf("opening it: %v", err)
	}
}

func TestRecordLimit(t *testing.T) {
	t.Parallel()
	w, err := spill.Create(newPath(t), spill.Limits{Record: 10})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.BeginPage(spill.Page{}); err != nil {
		t.Fatal(err)
	}
	if err := w.Record([]byte(`"12345678"`)); err != nil {
		t.Errorf("a record at the limit: %v", err)
	}
	if err := w.Record([]byte(`"123456789"`)); errType(err) != "record-too-large" || !errors.Is(err, errs.TooLarge) {
		t.Errorf("a record past the limit: %v", err)
	}
}

func TestLongestRecord(t *testing.T) {
	t.Parallel()
	long := append(append([]byte{'"'}, bytes.Repeat([]byte{'x'}, maxRecord-2)...), '"')
	path := newPath(t)
	write(t, path, [][]byte{long, []byte(`1`)}, 2)
	if got := readAll(t, path); len(got) != 2 || len(got[0]) != len(long) {
		t.Errorf("%d records", len(got))
	}
}
