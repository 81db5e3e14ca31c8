package spill_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"millwright/internal/ingest/spill"
)

// sample returns records of about 400 bytes, with some white space.
func sample(n int) (records [][]byte, bytes int64) {
	for i := range n {
		r := fmt.Appendf(nil, `{"id":%d,"uuid":"3f2504e0-4f89-41d3-9a0c-%012x","created_at":"2024-03-%02dT%02d:%02d:%02d.%03dZ","active":%t,`+
			`"score":%d.%02d,"name":"Customer number %d of the sample","email":"customer.%d@example.com",`+
			`"customer":{"id":%d,"tier":"gold","address":{"street":"%d Main Street","city":"Springfield","lat":%d.%05d}},`+
			`"tags":["red","green","tag-%d"], "note":"Lorem ipsum dolor sit amet, \"tempor\" %d"}`,
			i, i*2654435761, i%28+1, i%24, i%60, i%59, i%1000, i%3 == 0, i%100, i%97, i, i, i*31, i%900, i%90, i*7919%100000, i%50, i)
		records = append(records, r)
		bytes += int64(len(r))
	}
	return records, bytes
}

func write(t testing.TB, path string, records [][]byte, perPage int) spill.Info {
	t.Helper()
	return writeWith(t, path, spill.Limits{}, records, perPage)
}

// writeInHaste writes while the processors are said to have other work.
func writeInHaste(t testing.TB, path string, records [][]byte, perPage int) spill.Info {
	t.Helper()
	return writeWith(t, path, spill.Limits{Busy: func() bool { return true }}, records, perPage)
}

func writeWith(t testing.TB, path string, l spill.Limits, records [][]byte, perPage int) spill.Info {
	t.Helper()
	w, err := spill.Create(path, l)
	if err != nil {
		t.Fatal(err)
	}
	for page := 0; len(records) > 0; page++ {
		n := min(perPage, len(records))
		if err := writePage(w, page, records[:n]); err != nil {
			t.Fatal(err)
		}
		records = records[n:]
	}
	info, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func writePage(w *spill.Writer, number int, records [][]byte) error {
	if err := w.BeginPage(spill.Page{Number: number, URL: fmt.Sprintf("https://api.example.com/items?page=%d", number)}); err != nil {
		return err
	}
	for _, r := range records {
		if err := w.Record(r); err != nil {
			return err
		}
	}
	return w.EndPage(int64(number) * 3)
}

func BenchmarkWrite(b *testing.B) {
	records, bytes := sample(50_000)
	b.SetBytes(bytes)
	b.ReportAllocs()
	path := filepath.Join(b.TempDir(), "raw.ndjson.zst")
	for b.Loop() {
		info := write(b, path, records, 100)
		b.ReportMetric(float64(info.Bytes)/float64(info.Size), "ratio")
		if err := os.Remove(path); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	records, bytes := sample(50_000)
	path := filepath.Join(b.TempDir(), "raw.ndjson.zst")
	write(b, path, records, 100)
	b.SetBytes(bytes)
	b.ReportAllocs()
	for b.Loop() {
		r, err := spill.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		for r.Next() {
		}
		if err := r.Err(); err != nil {
			b.Fatal(err)
		}
		r.Close()
	}
}

func BenchmarkPack(b *testing.B) {
	records, bytes := sample(50_000)
	path := filepath.Join(b.TempDir(), "raw.ndjson.zst")
	writeInHaste(b, path, records, 100)
	b.SetBytes(bytes)
	b.ReportAllocs()
	out := filepath.Join(b.TempDir(), "packed.ndjson.zst")
	for b.Loop() {
		if err := spill.Pack(context.Background(), path, out, nil); err != nil {
			b.Fatal(err)
		}
		if err := os.Remove(out); err != nil {
			b.Fatal(err)
		}
	}
}
