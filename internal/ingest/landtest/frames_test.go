package landtest_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"millwright/internal/engine"
	"millwright/internal/ingest/spill"
	"millwright/internal/ingest/typing"
)

// TestTheEngineReadsRawPagesAsTheyAre converts a file of raw pages with everything
// in it: frames that are compressed, frames that are stored as they are because the
// run was busy, and rests of pages between them.
func TestTheEngineReadsRawPagesAsTheyAre(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	raw := filepath.Join(dir, "raw.ndjson.zst")
	var frames atomic.Int64
	w, err := spill.Create(raw, spill.Limits{Busy: func() bool { return frames.Add(1)%2 == 0 }})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	o := typing.NewObserver(typing.Limits{})
	const pages, perPage = 60, 500
	text := strings.Repeat("text ", 100)
	for p := range pages {
		if err := w.BeginPage(spill.Page{Number: p + 1}); err != nil {
			t.Fatal(err)
		}
		for r := range perPage {
			record := fmt.Appendf(nil, `{"id":%d,"text":"%s"}`, p*perPage+r, text)
			if err := o.Observe(record); err != nil {
				t.Fatal(err)
			}
			if err := w.Record(record); err != nil {
				t.Fatal(err)
			}
			if err := w.Rest([]byte(",\x1e")); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Body(spill.Body{}); err != nil {
			t.Fatal(err)
		}
		if err := w.EndPage(0); err != nil {
			t.Fatal(err)
		}
	}
	info, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	result := o.Schema(nil)
	if !result.Direct {
		t.Fatal("these records need no normal form")
	}
	done, err := newEngine(t).Convert(t.Context(), engine.Conversion{Input: raw, Output: filepath.Join(dir, "data.parquet"), Schema: result.Schema})
	if err != nil || done.Rows != pages*perPage || info.Records != done.Rows {
		t.Errorf("%d rows of %d records: %v", done.Rows, info.Records, err)
	}
}
