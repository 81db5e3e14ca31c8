package benchgen_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"millwright/internal/analyze"
	"millwright/internal/engine"
	"millwright/internal/evaluate"
	"millwright/internal/generate"
	"millwright/internal/httpsource/decode"
	"millwright/internal/ingest/typing"
	"millwright/internal/profile"
	"millwright/internal/program"
)

// A world is one table as the product holds it: typed from its records, in
// Parquet, profiled, and read through the evaluator.
type world struct {
	name      string
	dir       string
	table     engine.Table
	profile   *profile.Profile
	evaluator *evaluate.Evaluator
	analyzed  time.Duration
}

// split returns the records of a body, found and cut as a connection does it.
func split(body []byte, contentType string) ([]json.RawMessage, error) {
	limits := decode.Limits{DecodedBytes: 1 << 30, Ratio: 1 << 20, RecordBytes: 64 << 20, DocumentBytes: 64 << 20, Depth: 512, Keys: 100_000}
	in, err := decode.Open(bytes.NewReader(body), "", contentType, limits)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(in)
	if err != nil {
		return nil, err
	}
	found, _, sure, err := decode.Propose(decode.Hint{Head: text, Whole: true, ContentType: contentType})
	if err != nil {
		return nil, err
	}
	path, err := decode.ParsePath(found.Path)
	if err != nil {
		return nil, err
	}
	if !sure {
		if found, err = decode.Inspect(bytes.NewReader(text), path, limits); err != nil {
			return nil, err
		}
		if path, err = decode.ParsePath(found.Path); err != nil {
			return nil, err
		}
	}
	var rows []json.RawMessage
	_, err = decode.Split(bytes.NewBuffer(text), decode.Plan{Path: path, Shape: found.Shape, Columns: found.Columns}, limits, func(raw []byte) error {
		rows = append(rows, bytes.Clone(raw))
		return nil
	})
	return rows, err
}

// load types, lands and profiles the records.
func load(ctx context.Context, e engine.Engine, dir, name string, records []json.RawMessage) (*world, error) {
	observer := typing.NewObserver(typing.Limits{})
	for _, r := range records {
		if err := observer.Observe(r); err != nil {
			return nil, err
		}
	}
	types := observer.Schema(nil)
	if len(types.Schema.Columns) == 0 {
		return nil, fmt.Errorf("no columns")
	}
	normal := types.Normalizer()
	var text []byte
	for _, r := range records {
		var err error
		if text, err = normal.Append(text, r); err != nil {
			return nil, err
		}
		text = append(text, '\n')
	}
	dir, err := os.MkdirTemp(dir, "table-")
	if err != nil {
		return nil, err
	}
	input, output := filepath.Join(dir, "in.ndjson"), filepath.Join(dir, "t.parquet")
	if err := os.WriteFile(input, text, 0o600); err != nil {
		return nil, err
	}
	if _, err := e.Convert(ctx, engine.Conversion{Input: input, Output: output, Schema: types.Schema}); err != nil {
		return nil, err
	}
	if err := os.Remove(input); err != nil {
		return nil, err
	}
	return adopt(ctx, e, dir, name, engine.Table{Name: name, Files: []string{output}, Schema: types.Schema})
}

// adopt profiles a table that is in Parquet already.
func adopt(ctx context.Context, e engine.Engine, dir, name string, t engine.Table) (*world, error) {
	w := &world{name: name, dir: dir, table: t}
	start := time.Now()
	p, err := (&analyze.Analyzer{Engine: e}).Analyze(ctx, analyze.Input{Scope: "bench", Dir: dir, Table: t, Name: name, Seed: 1})
	if err != nil {
		return nil, err
	}
	w.profile, w.analyzed = p, time.Since(start)
	w.evaluator = &evaluate.Evaluator{Engine: e, Datasets: w, Limits: evaluate.Limits{Timeout: time.Minute}}
	return w, nil
}

// TableNames and Tables make the world a project with one dataset.
func (w *world) TableNames(context.Context, string) ([]string, error) {
	names := []string{w.table.Name}
	for _, c := range w.profile.Children {
		names = append(names, c.Table)
	}
	return names, nil
}

func (w *world) Tables(context.Context, string, []string, map[string]int64) (evaluate.Tables, error) {
	t := evaluate.Tables{Dir: w.dir, Tables: []engine.Table{w.table}}
	for _, c := range w.profile.Children {
		t.Tables = append(t.Tables, engine.Table{Name: c.Table, View: c.View, Schema: c.Schema})
	}
	return t, nil
}

// generate makes the world's programs.
func (w *world) generate(ctx context.Context) (generate.Outcome, error) {
	return generate.Generate(ctx, w.profile, generate.NewRunner(w.evaluator, "bench"), generate.Options{Timeout: 10 * time.Second, Budget: 2 * time.Minute})
}

// run runs a program with the values.
func (w *world) run(ctx context.Context, p program.Program, values map[string]any) (*evaluate.Result, error) {
	return w.evaluator.Run(ctx, evaluate.Request{ProjectID: "bench", Program: p, Values: values, MaxRows: 1000})
}
