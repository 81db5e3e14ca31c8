package spill_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"millwright/internal/errs"
	"millwright/internal/ingest/spill"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A sent page is a body, cut into what the writer is given: records, and the rest
// with its marks.
type sent struct {
	body    string
	rest    []string
	records []string
	whole   bool
}

func sendAll(t *testing.T, w *spill.Writer, first int, pages []sent) {
	t.Helper()
	for i, p := range pages {
		err := w.BeginPage(spill.Page{Number: first + i})
		for j := range max(len(p.records), len(p.rest)) {
			if j < len(p.rest) {
				err = errors.Join(err, w.Rest([]byte(p.rest[j])))
			}
			if j < len(p.records) {
				err = errors.Join(err, w.Record([]byte(p.records[j])))
			}
		}
		err = errors.Join(err, w.Body(spill.Body{ContentType: "text/x", Whole: p.whole}), w.EndPage(1))
		if err != nil {
			t.Fatal(err)
		}
	}
}

// pages returns pages of each kind, small ones and some that take many frames.
func pages() []sent {
	long := strings.Repeat("lorem ipsum ", 200)
	var big sent
	var body strings.Builder
	body.WriteString(`{"data":[`)
	for i := range 3000 {
		record := fmt.Sprintf(`{"id":%d,"text":"%s"}`, i, long)
		if i == 0 {
			big.rest = append(big.rest, `{"data":[`+"\x1e")
		} else {
			big.rest = append(big.rest, ",\x1e")
			body.WriteByte(',')
		}
		big.records = append(big.records, record)
		body.WriteString(record)
	}
	big.rest = append(big.rest, "]", "}")
	big.body = body.String() + "]}"
	csv := strings.Repeat("a,b,"+long+"\n", 2000)
	return []sent{
		{body: `[{"a":1},{"a":2}]`, rest: []string{"[\x1e,\x1e]"}, records: []string{`{"a":1}`, `{"a":2}`}},
		{body: ``},
		{body: `{"total":0,"data":[]}`, rest: []string{`{"total":0,`, `"data":[]}`}},
		{body: `[[1,2],{"a":3},7]`, rest: []string{"[[1,2]\x1f", ",\x1e,", "7\x1f]"}, records: []string{`{"value":[1,2]}`, `{"a":3}`, `{"value":7}`}},
		big,
		{body: csv, rest: []string{csv[:100], csv[100:]}, records: []string{`{"c1":"a"}`, `{"c1":"a"}`}, whole: true},
		{body: `{"a":1}`, rest: []string{"\x1e"}, records: []string{`{"a":1}`}},
	}
}

func bodies(t *testing.T, path string) (out []string) {
	t.Helper()
	r, err := spill.OpenPages(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for r.Next() {
		b, err := io.ReadAll(r.Body())
		if err != nil {
			t.Fatalf("page %d: %v", r.Page().Number, err)
		}
		if r.Page().Body.ContentType != "text/x" {
			t.Errorf("page %d is of the type %q", r.Page().Number, r.Page().Body.ContentType)
		}
		out = append(out, string(b))
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func want(pages []sent) (out []string) {
	for _, p := range pages {
		out = append(out, p.body)
	}
	return out
}

func TestPagesComeBackWhole(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	w, err := spill.Create(path, spill.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	all := append(append(pages(), pages()...), pages()...)
	sendAll(t, w, 1, all)
	info, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if got := bodies(t, path); !cmp.Equal(want(all), got) {
		t.Errorf("other bodies: %d of %d", len(got), len(all))
	}
	var records []string
	for _, p := range all {
		records = append(records, p.records...)
	}
	if got := readAll(t, path); !cmp.Equal(records, got) || info.Records != int64(len(records)) {
		t.Errorf("other records: %d of %d", len(got), len(records))
	}
}

func TestPagesMayBeLeftBeforeTheirEnd(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	w, err := spill.Create(path, spill.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	all := pages()
	sendAll(t, w, 1, all)
	if _, err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	r, err := spill.OpenPages(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for i := 0; r.Next(); i++ {
		n := []int{0, 1, 20, 10_000_000}[i%4]
		b, err := io.ReadAll(io.LimitReader(r.Body(), int64(n)))
		if err != nil || string(b) != all[i].body[:min(n, len(all[i].body))] {
			t.Errorf("page %d: %d bytes, %v", i+1, len(b), err)
		}
	}
	if err := r.Err(); err != nil {
		t.Error(err)
	}
}

func TestRestsOfAnUnfinishedFileAreKept(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	w, err := spill.Create(path, spill.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	all := append(append(pages(), pages()...), pages()...)
	sendAll(t, w, 1, all)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	file, side := mustRead(t, path), mustRead(t, path+".pages")
	at := bytes.LastIndex(file, []byte("\x5b\x2a\x4d\x18")) // the last frame of rests
	if at < 0 {
		t.Fatal("no frame of rests")
	}
	for rule, damaged := range map[string]struct {
		file  []byte
		fewer bool
	}{"as it is": {file, false}, "a rest is damaged": {flip(file, at+40), true}, "a rest is cut": {file[:at+40], true}} {
		if err := errors.Join(os.WriteFile(path, damaged.file, 0o600), os.WriteFile(path+".pages", side, 0o600)); err != nil {
			t.Fatal(err)
		}
		w, last, err := spill.Resume(path, spill.Limits{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		kept := int(w.Info().Pages)
		if kept == 0 || last.Number != kept || kept == len(all) || damaged.fewer != (kept < bytes.Count(side, []byte("\n"))) {
			t.Errorf("%s: %d pages kept of %d, the last is %d", rule, kept, len(all), last.Number)
		}
		sendAll(t, w, kept+1, all[kept:])
		if _, err := w.Finish(); err != nil {
			t.Fatal(err)
		}
		if got := bodies(t, path); !cmp.Equal(want(all), got) {
			t.Errorf("%s: other bodies: %d of %d", rule, len(got), len(all))
		}
	}
}

func TestPagesWithoutRests(t *testing.T) {
	t.Parallel()
	records, _ := sample(20)
	path := newPath(t)
	write(t, path, records, 10)
	r, err := spill.OpenPages(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.Next() || errType(r.Err()) != "raw-rest-missing" || !errors.Is(r.Err(), errs.NotFound) {
		t.Errorf("a page without its rest: %v", r.Err())
	}
}

// TestErrorsOfTheDiskAreKept writes into a file that takes no more.
func TestErrorsOfTheDiskAreKept(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	w, err := spill.Create(path, spill.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	w.BreakFile()
	records, _ := sample(20_000)
	for p := 0; err == nil && p < 20; p++ {
		err = writePage(w, p, records[p*1000:(p+1)*1000])
	}
	if err == nil {
		t.Error("20 pages were written to a file that takes none")
	}
	if _, err := w.Finish(); err == nil {
		t.Error("the file was finished")
	}
	if err := w.Close(); err == nil {
		t.Log("closing tells nothing more")
	}
}
