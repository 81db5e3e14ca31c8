package bench_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/httpsource"
	"millwright/internal/httpsource/decode"
	"millwright/internal/ingest/spill"
	"millwright/internal/ingest/typing"
)

// A measurement is one line of the table: something done with all pages, several
// times over.
type measurement struct {
	name  string
	pages int // how many of the pages
	run   func(t *testing.T)
	costs []cost
	raw   []int64 // bytes of the files of raw pages, if any were written
}

func (m *measurement) median(of func(cost) time.Duration) time.Duration {
	all := make([]time.Duration, len(m.costs))
	for i, c := range m.costs {
		all[i] = of(c)
	}
	slices.Sort(all)
	return all[len(all)/2]
}

func (m *measurement) wall() time.Duration {
	return m.median(func(c cost) time.Duration { return c.wall })
}
func (m *measurement) cpu() time.Duration {
	return m.median(func(c cost) time.Duration { return c.cpu })
}

// TestThroughput fetches pages through the connector and by a plain download, and
// prints what each took beside what the strict tokenizer alone takes.
func TestThroughput(t *testing.T) {
	pages, rounds := 4, 1
	if full() {
		pages, rounds = 600, 5
	}
	url := source(t, pages)
	bodies := make([][]byte, pages)
	rows := make([][][]byte, pages)
	total := 0
	for i := range bodies {
		bodies[i] = orders(i+1, pages)
		rows[i] = cut(bodies[i])
		total += len(bodies[i])
	}
	b := &workbench{dir: t.TempDir(), url: url, bodies: bodies, rows: rows}
	// At 20 ms a page one after the other waits more than it works: a part is enough.
	slow := max(pages/4, 1)
	lines := []*measurement{
		{name: "strict tokenizer (jsontext), in memory", pages: pages, run: b.tokenize},
		{name: "the same, token by token, in memory", pages: pages, run: b.tokens},
		{name: "split alone, in memory", pages: pages, run: b.split},
		{name: "infer alone, in memory", pages: pages, run: b.infer},
		{name: "spill alone, in memory", pages: pages, run: b.spill},
	}
	for _, c := range []struct {
		latency  string
		parallel int
		pages    int
	}{{"0ms", 1, pages}, {"0ms", 4, pages}, {"20ms", 1, slow}, {"20ms", 16, pages}} {
		name := fmt.Sprintf("%s, %d at a time", c.latency, c.parallel)
		lines = append(lines,
			&measurement{name: "download, " + name, pages: c.pages, run: func(t *testing.T) { b.download(t, c.latency, c.parallel, c.pages) }},
			&measurement{name: "connector, " + name, pages: c.pages, run: func(t *testing.T) { b.connect(t, c.latency, c.parallel, c.pages) }})
	}
	// In turns, so that what else the machine does falls on all of them.
	for range rounds {
		for _, m := range lines {
			b.raw = 0
			m.costs = append(m.costs, measure(t, func() { m.run(t) }))
			m.raw = append(m.raw, b.raw)
		}
	}
	if full() {
		fmt.Print(figures(lines, total, pages))
	}
}

// figures writes the measurements, each beside what it is to be compared with.
func figures(lines []*measurement, total, pages int) string {
	var out strings.Builder
	fmt.Fprintf(&out, "\nThroughput: %d pages, %.0f MB, %d records of nested orders; medians of %d rounds in turns\n\n", pages, float64(total)/1e6, pages*perPage, len(lines[0].costs))
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "what\twall s\tMB/s\tCPU s\tns/byte CPU\tspeed to tokenizer\ttime to download\traw file MB\t")
	tokenizer, download := lines[0], lines[0]
	for _, m := range lines {
		n := float64(total) * float64(m.pages) / float64(pages)
		ratio, against, raw := "", "", ""
		if slices.Sort(m.raw); m.raw[0] > 0 {
			raw = fmt.Sprintf("%.0f", float64(m.raw[len(m.raw)/2])/1e6)
		}
		switch {
		case strings.HasPrefix(m.name, "download"):
			download = m
		case strings.HasPrefix(m.name, "connector"):
			against = fmt.Sprintf("%.2fx", m.wall().Seconds()/download.wall().Seconds())
		}
		if !strings.HasPrefix(m.name, "download") && !strings.Contains(m.name, "20ms") {
			ratio = fmt.Sprintf("%.0f %%", 100*tokenizer.wall().Seconds()/m.wall().Seconds())
		}
		fmt.Fprintf(w, "%s\t%.2f\t%.0f\t%.2f\t%.2f\t%s\t%s\t%s\t\n", m.name, m.wall().Seconds(), n/1e6/m.wall().Seconds(), m.cpu().Seconds(), 1e9*m.cpu().Seconds()/n, ratio, against, raw)
	}
	w.Flush()
	fmt.Fprintf(&out, "\nA connector fetches, validates, splits, infers and spills. Frames of raw pages are compressed quickly while others\nwait, so the raw file is somewhat smaller the more time the source or the machine leaves.\n")
	return out.String()
}

// A workbench holds what the measurements work on.
type workbench struct {
	dir    string
	url    string
	bodies [][]byte
	rows   [][][]byte // of each body, for what is measured without the splitting
	runs   atomic.Int64
	raw    int64 // bytes of the last file of raw pages
}

// tokenize validates and splits with the strict tokenizer alone.
func (b *workbench) tokenize(t *testing.T) {
	dec := jsontext.NewDecoder(bytes.NewReader(nil))
	rows := 0
	for _, body := range b.bodies {
		dec.Reset(bytes.NewReader(body))
		for {
			if dec.StackDepth() == 2 && dec.PeekKind() != ']' {
				if _, err := dec.ReadValue(); err != nil {
					t.Fatal(err)
				}
				rows++
				continue
			}
			if _, err := dec.ReadToken(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
	b.all(t, rows, len(b.bodies))
}

// tokens reads every token with the strict tokenizer, as whoever looks at values has to.
func (b *workbench) tokens(t *testing.T) {
	dec := jsontext.NewDecoder(bytes.NewReader(nil))
	for _, body := range b.bodies {
		dec.Reset(bytes.NewReader(body))
		for {
			if _, err := dec.ReadToken(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
}

func (b *workbench) all(t *testing.T, rows, pages int) {
	t.Helper()
	if rows != pages*perPage {
		t.Fatalf("%d records, want %d", rows, pages*perPage)
	}
}

func (b *workbench) each(t *testing.T, page func(n int), emit func(raw []byte) error) {
	t.Helper()
	path, err := decode.ParsePath("data")
	if err != nil {
		t.Fatal(err)
	}
	limits := decode.Limits{DecodedBytes: 1 << 40, Ratio: 200, RecordBytes: 32 << 20, DocumentBytes: 64 << 20, Depth: 512, Keys: 10_000}
	for i, body := range b.bodies {
		if page != nil {
			page(i + 1)
		}
		if _, err := decode.Split(bytes.NewBuffer(body), decode.Plan{Path: path, Shape: decode.Rows}, limits, emit); err != nil {
			t.Fatal(err)
		}
	}
}

func (b *workbench) split(t *testing.T) {
	rows := 0
	b.each(t, nil, func([]byte) error { rows++; return nil })
	b.all(t, rows, len(b.bodies))
}

func (b *workbench) infer(t *testing.T) {
	o := typing.NewObserver(typing.Limits{})
	for _, page := range b.rows {
		for _, r := range page {
			if err := o.Observe(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.all(t, int(o.Rows()), len(b.bodies))
}

func (b *workbench) spill(t *testing.T) {
	to := b.sink(t)
	for i, page := range b.rows {
		if err := to.BeginPage(httpsource.Page{Number: i + 1}); err != nil {
			t.Fatal(err)
		}
		for _, r := range page {
			if err := to.spill.Record(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := to.EndPage(httpsource.PageEnd{Number: i + 1}); err != nil {
			t.Fatal(err)
		}
	}
	to.finish(t)
}

// cut finds the records of a page by a text that only the beginning of an order has.
func cut(body []byte) [][]byte {
	rows := make([][]byte, 0, perPage)
	rest := body[bytes.IndexByte(body, '[')+1 : len(body)-len("]}")]
	for {
		end := bytes.Index(rest, []byte(`,{"id":`))
		if end < 0 {
			return append(rows, rest)
		}
		rows, rest = append(rows, rest[:end]), rest[end+1:]
	}
}

// A landing is what a run does with records before they are converted.
type landing struct {
	on    *workbench
	path  string
	types *typing.Observer
	spill *spill.Writer
}

func (b *workbench) sink(t *testing.T) *landing {
	t.Helper()
	path := filepath.Join(b.dir, fmt.Sprintf("pages-%d.ndjson.zst", b.runs.Add(1)))
	w, err := spill.Create(path, spill.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return &landing{b, path, typing.NewObserver(typing.Limits{}), w}
}

func (l *landing) finish(t *testing.T) spill.Info {
	t.Helper()
	info, err := l.spill.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(l.path); err != nil {
		t.Fatal(err)
	}
	l.on.raw = info.Size
	return info
}

func (l *landing) BeginPage(p httpsource.Page) error {
	return l.spill.BeginPage(spill.Page{Number: p.Number, URL: p.URL})
}

func (l *landing) Record(raw []byte) error {
	if err := l.types.Observe(raw); err != nil {
		return err
	}
	return l.spill.Record(raw)
}

// Rest and Body make a landing a keeper, as a run's sink is.
func (l *landing) Rest(p []byte) error { return l.spill.Rest(p) }

func (l *landing) Body(b httpsource.BodyInfo) error {
	return l.spill.Body(spill.Body{ContentType: b.ContentType, Whole: b.Whole})
}

func (l *landing) EndPage(p httpsource.PageEnd) error { return l.spill.EndPage(p.Bytes) }

func (l *landing) Waiting(string, time.Time) {}

// connect does what a run does: fetch, validate, split, infer, spill.
func (b *workbench) connect(t *testing.T, latency string, parallel, pages int) {
	client := httpsource.New(httpsource.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, TempDir: b.dir})
	defer client.Close()
	spec, err := httpsource.ParseSpec(fmt.Appendf(nil, `{"url":"%s/%s/orders?page=1","method":"GET","options":{"parallel":%d}}`, b.url, latency, parallel))
	if err != nil {
		t.Fatal(err)
	}
	to := b.sink(t)
	defer to.spill.Close()
	out, err := client.Fetch(t.Context(), spec, httpsource.Options{MaxPages: int64(pages)}, to)
	if err != nil {
		t.Fatal(err)
	}
	if info := to.finish(t); info.Records != out.Records {
		t.Fatalf("%d records came, %d are in the file", out.Records, info.Records)
	}
	b.all(t, int(out.Records), pages)
}

// download gets the pages and drops them.
func (b *workbench) download(t *testing.T, latency string, parallel, pages int) {
	transport := &http.Transport{MaxIdleConnsPerHost: parallel}
	defer transport.CloseIdleConnections()
	var next, received atomic.Int64
	get := func(ctx context.Context, page int64) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/%s/orders?page=%d", b.url, latency, page), nil)
		if err != nil {
			return err
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		n, err := io.Copy(io.Discard, resp.Body)
		received.Add(n)
		return err
	}
	var workers sync.WaitGroup
	for range parallel {
		workers.Go(func() {
			for page := next.Add(1); page <= int64(pages); page = next.Add(1) {
				if err := get(t.Context(), page); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	workers.Wait()
	want := 0
	for _, body := range b.bodies[:pages] {
		want += len(body)
	}
	if received.Load() != int64(want) {
		t.Errorf("%d bytes came, want %d", received.Load(), want)
	}
}
