package enginetest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"millwright/internal/engine"
	"millwright/internal/errs"
)

// endless runs until somebody stops it.
const endless = "SELECT count(*) AS n FROM range(100000000000) a(i), range(1000) b(j) WHERE hash(i + j) % 7 = 3"

func (s *suite) limits(t *testing.T) {
	t.Run("rows", func(t *testing.T) {
		for _, c := range []struct {
			limit, want int64
			truncated   bool
		}{{0, 10, false}, {3, 3, true}, {10, 10, false}, {11, 10, false}} {
			q := s.query("lim", "SELECT i FROM range(10) r(i) ORDER BY i DESC")
			q.MaxRows = c.limit
			got := s.mustAsk(t, q)
			if int64(len(got.rows)) != c.want || got.truncated != c.truncated || got.rows[0] != "9" {
				t.Errorf("limit %d: got %d rows, truncated %t, want %d, %t", c.limit, len(got.rows), got.truncated, c.want, c.truncated)
			}
		}
	})
	t.Run("bytes", func(t *testing.T) {
		q := s.query("lim", "SELECT repeat('x', 1000) AS x FROM range(100000)")
		q.MaxBytes = 1 << 20
		got := s.mustAsk(t, q)
		if n := len(got.rows); !got.truncated || n < 500 || n > 1200 {
			t.Errorf("got %d rows, truncated %t; want about a thousand, cut", n, got.truncated)
		}
	})
	t.Run("order survives a large result", func(t *testing.T) {
		got := s.mustAsk(t, s.query("lim", "SELECT i FROM range(300000) r(i) ORDER BY hash(i), i"))
		again := s.mustAsk(t, s.query("lim", "SELECT i FROM (SELECT i, hash(i) AS h FROM range(300000) r(i)) ORDER BY h, i LIMIT 300000"))
		if !cmp.Equal(got.rows, again.rows) {
			t.Error("the rows are not in order")
		}
	})
	t.Run("deadline", func(t *testing.T) {
		q := s.query("lim", endless)
		q.Timeout = 300 * time.Millisecond
		start := time.Now()
		_, err := s.ask(t, q)
		wantError(t, err, errs.TooLarge, "query-timeout")
		if took := time.Since(start); took > q.Timeout+time.Second {
			t.Errorf("took %s, want at most a second more than %s", took, q.Timeout)
		}
	})
	t.Run("cancel", s.cancel)
	t.Run("close early", s.closeEarly)
	t.Run("a result of no rows has columns", func(t *testing.T) {
		got := s.mustAsk(t, s.query("lim", "SELECT 1 AS x, 'a' AS y WHERE false"))
		if !cmp.Equal(got.columns, []string{"x BIGINT", "y VARCHAR"}) || len(got.rows) != 0 {
			t.Errorf("got %v", got)
		}
	})
}

func (s *suite) cancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	rows, err := s.e.Run(ctx, s.query("lim", "SELECT i FROM range(1000000000) r(i)"))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if !rows.Next() {
		t.Fatalf("no first batch: %v", rows.Err())
	}
	cancel()
	for rows.Next() { // what was on the way may still arrive
	}
	wantError(t, rows.Err(), errs.Canceled, "")
	_, err = s.e.Run(ctx, s.query("lim", "SELECT 1"))
	wantError(t, err, errs.Canceled, "")
	// The scope is as good as before.
	s.mustAsk(t, s.query("lim", "SELECT 1 AS x"))
}

func (s *suite) closeEarly(t *testing.T) {
	rows, err := s.e.Run(t.Context(), s.query("lim", "SELECT i FROM range(1000000000) r(i)"))
	if err != nil {
		t.Fatal(err)
	}
	if !rows.Next() {
		t.Fatalf("no first batch: %v", rows.Err())
	}
	for range 2 {
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if rows.Next() {
		t.Error("Next after Close found a batch")
	}
	waiting, err := s.e.Run(t.Context(), s.query("lim", endless))
	if err != nil {
		t.Fatalf("Run waits for the result: %v", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for waiting.Next() {
		}
	}()
	waiting.Close() // while Next waits
	<-done
}

// files tests Export and what Convert refuses.
func (s *suite) files(t *testing.T) {
	tab := s.load(t, "files", "t", columns(column(1, "n", bigint), column(2, "d", money)), `{"n":1,"d":"1.5"}`, `{"n":2}`)
	t.Run("an export can be read again", func(t *testing.T) {
		output := filepath.Join(s.objects, "files", "export.parquet")
		q := s.query("files", "SELECT n, d, sum(n) OVER () AS s FROM t WHERE n >= $low", tab)
		q.Args = map[string]any{"low": int64(1)}
		n, err := s.e.Export(t.Context(), q, output)
		if err != nil || n != 2 {
			t.Fatalf("got %d, %v; want 2 rows", n, err)
		}
		got := s.mustAsk(t, s.query("files", "SELECT * FROM e ORDER BY n", engine.Table{Name: "e", Files: []string{output}}))
		want := []string{"1 | 1.5000000000 | 3", "2 | NULL | 3"}
		if !cmp.Equal(want, got.rows) {
			t.Errorf("got %v, want %v", got.rows, want)
		}
		if _, err := s.e.Export(t.Context(), q, output); err == nil {
			t.Error("a second export to the same file succeeded")
		}
		q.MaxRows = 1
		_, err = s.e.Export(t.Context(), q, output+"2")
		wantError(t, err, errs.TooLarge, "result-too-large")
		if _, err := os.Stat(output + "2"); err == nil {
			t.Error("a refused export left a file")
		}
	})
	t.Run("several files are one table", func(t *testing.T) {
		more := s.load(t, "files", "t", tab.Schema, `{"n":3,"d":"3"}`)
		both := engine.Table{Name: "t", Files: append(tab.Files, more.Files...), Schema: tab.Schema}
		if got := s.mustAsk(t, s.query("files", "SELECT sum(n) AS n FROM t", both)); !cmp.Equal(got.rows, []string{"6"}) {
			t.Errorf("got %v, want 6", got.rows)
		}
	})
	for input, rule := range map[string]string{
		`{"n":"abc"}`:                      "text in an integer",
		`{"n":9223372036854775808}`:        "an integer too large",
		`{"d":"1e400"}`:                    "a decimal too large",
		`{"n":1`:                           "JSON cut short",
		"{\"n\":1}\n[1]":                   "a line that is no object",
		`{"n":1}` + "\n" + `{"n":{"a":1}}`: "an object in an integer",
	} {
		t.Run("refused: "+rule, func(t *testing.T) {
			in, out := filepath.Join(t.TempDir(), "in.ndjson"), filepath.Join(t.TempDir(), "out.parquet")
			if err := os.WriteFile(in, []byte(input+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := s.e.Convert(t.Context(), engine.Conversion{Input: in, Output: out, Schema: tab.Schema})
			wantError(t, err, errs.Invalid, "conversion-failed")
			if _, err := os.Stat(out); err == nil {
				t.Error("a refused conversion left a file")
			}
		})
	}
}

// scopes tests that queries of different scopes run at once and apart.
func (s *suite) scopes(t *testing.T) {
	tables := map[string]engine.Table{}
	for i := range 4 {
		scope := fmt.Sprintf("scope%d", i)
		tables[scope] = s.load(t, scope, "t", columns(column(1, "n", bigint)), fmt.Sprintf(`{"n":%d}`, i))
	}
	var g errgroup.Group
	for i := range 40 {
		g.Go(func() error {
			scope := fmt.Sprintf("scope%d", i%4)
			rows, err := s.e.Run(t.Context(), s.query(scope, "SELECT n FROM t", tables[scope]))
			if err != nil {
				return err
			}
			defer rows.Close()
			got, err := read(rows)
			if want := fmt.Sprint(i % 4); err == nil && !cmp.Equal(got.rows, []string{want}) {
				return fmt.Errorf("%s: got %v, want %s", scope, got.rows, want)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	stranger := s.query("scope0", "SELECT n FROM t", tables["scope1"])
	if _, err := s.ask(t, stranger); err == nil {
		t.Error("a query read a file outside its folder")
	}
}
