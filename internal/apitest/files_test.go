package apitest_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
)

// countRows reads a downloaded file with a reader that is not ours, and returns how
// many rows it has and the text in the last one's column s.
func countRows(t *testing.T, format string, body []byte) (rows int, last string) {
	t.Helper()
	var err error
	switch format {
	case "csv":
		var records [][]string
		if records, err = csv.NewReader(bytes.NewReader(body)).ReadAll(); err == nil && len(records) > 0 {
			return len(records) - 1, records[len(records)-1][1]
		}
	case "ndjson":
		for line := range strings.Lines(string(body)) {
			var row struct{ S string }
			if err = json.Unmarshal([]byte(line), &row); err != nil {
				break
			}
			rows, last = rows+1, row.S
		}
	case "arrow":
		var r *ipc.Reader
		if r, err = ipc.NewReader(bytes.NewReader(body)); err == nil {
			rows, last, err = readBatches(r)
		}
	case "parquet":
		rows, last, err = readParquet(t, body)
	}
	if err != nil {
		t.Errorf("%s: %v", format, err)
	}
	return rows, last
}

func readBatches(r interface {
	Read() (arrow.RecordBatch, error)
}) (rows int, last string, err error) {
	for {
		batch, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, last, nil
		}
		if err != nil {
			return rows, last, err
		}
		if n := int(batch.NumRows()); n > 0 {
			rows += n
			last = batch.Column(1).(array.StringLike).Value(n - 1)
		}
	}
}

// readParquet has pyarrow read the file.
func readParquet(t *testing.T, body []byte) (rows int, last string, err error) {
	python, err := filepath.Abs("../../.cache/venv/bin/python")
	if err != nil {
		return 0, "", err
	}
	if exec.Command(python, "-c", "import pyarrow").Run() != nil {
		t.Skip("SKIPPED: pyarrow is missing; make prepare installs it")
	}
	path := filepath.Join(t.TempDir(), "result.parquet")
	if err := os.WriteFile(path, body, 0o600); err != nil {
		return 0, "", err
	}
	out, err := exec.CommandContext(t.Context(), python, "-c", "import pyarrow.parquet as q, sys; t = q.read_table(sys.argv[1]); print(t.num_rows, t['s'][-1].as_py())", path).Output()
	if err != nil {
		return 0, "", err
	}
	count, text, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	_, err = fmt.Sscan(count, &rows)
	return rows, text, err
}
