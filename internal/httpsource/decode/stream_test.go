package decode_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"millwright/internal/errs"
	"millwright/internal/httpsource/decode"
)

// repeated reads as head, then n numbered lines, then tail, without holding them.
type repeated struct {
	head, line, tail string
	n, at            int
	left             []byte
}

func (r *repeated) Read(p []byte) (int, error) {
	if len(r.left) == 0 {
		switch {
		case r.at == 0:
			r.left = []byte(r.head)
		case r.at <= r.n:
			r.left = fmt.Appendf(r.left[:0], r.line, r.at)
		case r.at == r.n+1:
			r.left = []byte(r.tail)
		default:
			return 0, io.EOF
		}
		r.at++
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}

const lineText = "some text that makes the record as long as records usually are"

// TestALargeBodyIsNeverHeld reads 200 MB in each shape that streams and watches
// the live heap. Under the race detector it is 32 MB, twice what the heap may hold;
// make report-connector runs the whole.
func TestALargeBodyIsNeverHeld(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 1.4 GB")
	}
	total := 200 << 20
	if raced {
		total = 32 << 20
	}
	for _, c := range []struct {
		rule             string
		head, line, tail string
		path             string
		shape            decode.Shape
	}{
		{"CSV", "id,a,b\n", "%d,\"" + lineText + "\"," + lineText + "\n", "", "", "csv; delimiter=comma; header=present"},
		{"XML", "<r>", "<i n=\"%d\"><a>" + lineText + "</a><b><c>" + lineText + "</c></b></i>", "</r>", "r.i", decode.XML},
		{"columns and rows", `{"columns":["id","a"],"rows":[[0,""]`, `,[%d,"` + lineText + lineText + `"]`, "]}", "", decode.ColumnsRows},
		{"array of arrays", `[["id","a"]`, `,[%d,"` + lineText + lineText + `"]`, "]", "", "arrays; header=present"},
		{"GeoJSON", `{"features":[{"type":"Feature","geometry":null,"properties":{}}`, `,{"type":"Feature","geometry":null,"properties":{"id":%d,"a":"` + lineText + `"}}`, "]}", "features", decode.GeoJSON},
		{"InfluxDB", `{"results":[{"series":[{"name":"c","columns":["id","a"],"values":[[0,""]`, `,[%d,"` + lineText + lineText + `"]`, "]}]}]}", "results", decode.Influx},
	} {
		path, err := decode.ParsePath(c.path)
		if err != nil {
			t.Fatal(err)
		}
		n := total / len(c.line)
		var peak uint64
		rows, started := 0, time.Now()
		_, err = decode.Split(&repeated{head: c.head, line: c.line, tail: c.tail, n: n}, decode.Plan{Path: path, Shape: c.shape}, limits(), func([]byte) error {
			if rows++; rows%(n/8) == 0 {
				peak = max(peak, liveHeap())
			}
			return nil
		})
		if err != nil || rows < n {
			t.Errorf("%s: %d of %d rows, %v", c.rule, rows, n, err)
		}
		if peak > 16<<20 {
			t.Errorf("%s: the live heap grew to %d MB", c.rule, peak>>20)
		}
		took := time.Since(started)
		t.Logf("%s: %d rows, %.0f MB/s, live heap at most %.1f MB", c.rule, rows, float64(total)/took.Seconds()/(1<<20), float64(peak)/(1<<20))
	}
	started := time.Now()
	f, err := decode.Inspect(&repeated{head: "<r>", line: "<i n=\"%d\"><a>" + lineText + "</a><b>x</b><b>y</b></i>", tail: "</r>", n: total / 100}, decode.Path{}, limits())
	if err != nil || f.Path != "r.i" || f.Shape != "xml; lists=b" {
		t.Errorf("found %+v, %v", f, err)
	}
	if heap := liveHeap(); heap > 16<<20 {
		t.Errorf("behind an inspection the live heap is %d MB", heap>>20)
	}
	t.Logf("inspection of XML: %.0f MB/s", float64(total)/time.Since(started).Seconds()/(1<<20))
}

func liveHeap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// pack writes an archive of members given as name, text, name, text.
func pack(t testing.TB, members ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for i := 0; i < len(members); i += 2 {
		m, err := w.Create(members[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(m, members[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestTheDataOfAnArchiveIsFound(t *testing.T) {
	t.Parallel()
	const table = "id,n\n1,2\n"
	office := pack(t, "[Content_Types].xml", "<Types/>", "xl/workbook.xml", "<w/>")
	damaged := bytes.Replace(pack(t, "a.json", `[{"a":1}]`), []byte("\x50\x4b\x01\x02"), []byte("\x50\x4b\x01\x03"), 1)
	locked := bytes.Replace(pack(t, "a.json", `[{"a":1}]`), []byte("\x50\x4b\x01\x02\x14\x00\x14\x00\x08\x00"), []byte("\x50\x4b\x01\x02\x14\x00\x14\x00\x09\x00"), 1)
	for _, c := range []struct {
		rule string
		body []byte
		rows []string
		err  string
	}{
		{rule: "the only member, whatever its name", body: pack(t, "export", table), rows: []string{`{"id":1,"n":2}`}},
		{rule: "the only member with the ending of data", body: pack(t, "README.md", "read me", "dir/", "", "dir/data.json", `[{"a":1}]`, "__MACOSX/data.json", "x", ".hidden.csv", "x"), rows: []string{`{"a":1}`}},
		{rule: "a member that is far longer than the others", body: pack(t, "meta.csv", "a,b\n", "data.csv", table+strings.Repeat("3,4\n", 20)), rows: append([]string{`{"id":1,"n":2}`}, strings.Split(strings.TrimSuffix(strings.Repeat(`{"id":3,"n":4}|`, 20), "|"), "|")...)},
		{rule: "members of like length are not chosen from", body: pack(t, "a.csv", table, "b.csv", table), err: "zip-several-members"},
		{rule: "no members", body: pack(t), err: "empty-body"},
		{rule: "an Excel workbook", body: office, err: "not-json"},
		{rule: "a damaged list of members", body: damaged, err: "zip-invalid"},
		{rule: "an encrypted member", body: locked, err: "zip-encrypted"},
		{rule: "a bomb", body: pack(t, "a.csv", "id,n\n"+strings.Repeat("0,0\n", 3<<20)), err: "compression-ratio"},
		{rule: "too many members", body: pack(t, make([]string, 2*10_001)...), err: "zip-members"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			got, err := readAll(t, c.body, "application/zip", "", "")
			if errType(err) != c.err {
				t.Fatalf("error %v, want %q", err, c.err)
			}
			if e, ok := errs.Find(err); ok && len(e.Fixes) == 0 {
				t.Errorf("%s says nothing to try", e.Type)
			}
			if c.err == "" && (strings.Join(got.rows, "|") != strings.Join(c.rows, "|") || got.content.Encodings[0] != "zip" || !strings.Contains(got.content.Evidence, "ZIP")) {
				t.Errorf("rows %s of %+v, want %s", got.rows, got.content, c.rows)
			}
		})
	}
}

func TestAnArchiveLeavesNoFileBehind(t *testing.T) {
	t.Parallel()
	l := limits()
	l.TempDir = t.TempDir()
	for _, body := range [][]byte{pack(t, "a.json", `[1]`), []byte("PK\x03\x04x")} {
		b, err := decode.Open(bytes.NewReader(body), "", "", l)
		if err == nil {
			if _, err := io.ReadAll(b); err != nil {
				t.Error(err)
			}
			b.Close()
		}
		if left, err := os.ReadDir(l.TempDir); err != nil || len(left) > 0 {
			t.Errorf("%d files are left, %v", len(left), err)
		}
	}
	b, err := decode.Open(bytes.NewReader(pack(t, "a.json", strings.Repeat("[1]", 1<<20))), "", "", l)
	if err != nil {
		t.Fatal(err)
	}
	b.Close()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no list of open files here")
	}
	for _, fd := range fds {
		if to, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(to, l.TempDir) {
			t.Errorf("%s is open behind Close: its space is not given back", to)
		}
	}
	l.TempDir += "/none"
	if _, err := decode.Open(bytes.NewReader(pack(t, "a.json", `[1]`)), "", "", l); err == nil {
		t.Error("a folder that does not exist was used")
	}
}
