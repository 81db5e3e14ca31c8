package upkeep

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/klauspost/compress/zstd"

	"millwright/internal/blob"
	"millwright/internal/engine"
	"millwright/internal/errs"
	"millwright/internal/meta"
	"millwright/internal/table"
)

// An object is what the rows say of stored bytes.
type object struct {
	key, kind, sha256 string
	size, rows        int64
	project           string
	metadata          string // of Parquet files: their schema, if it was stored with them
	damaged           bool   // its bytes are not those that were stored
}

// named lists what rows say of objects, one for each key.
func named(ctx context.Context, q meta.Querier) ([]object, error) {
	return meta.All(ctx, q, func(row meta.Row) (o object, err error) {
		return o, row.Scan(&o.key, &o.kind, &o.sha256, &o.size, &o.rows, &o.project, &o.metadata)
	}, `SELECT key, file_type, sha256, file_size, row_count, project_id, iif(file_type = 'parquet', metadata, '') FROM data_objects WHERE id IN (SELECT max(id) FROM data_objects GROUP BY key) ORDER BY key`)
}

// objects checks the bytes of every object that must be there.
func (d *Doctor) objects(ctx context.Context, f *Finding, r *Report) ([]object, error) {
	all, err := named(ctx, d.DB.Read())
	if err != nil {
		return nil, err
	}
	live, err := d.Live(ctx)
	if err != nil {
		return nil, err
	}
	var total, done int64
	for _, o := range all {
		if live[o.key] {
			total += o.size
		}
	}
	var kept []object
	for _, o := range all {
		if !live[o.key] {
			continue // given up on purpose: an expired version, raw pages that are not kept
		}
		if wrong := d.compare(ctx, &o, func(n int64) {
			done += n
			d.Progress.tell("objects", done, total)
		}); wrong != "" {
			f.add("%s: %s", o.key, wrong)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r.Objects++
		r.Bytes += o.size
		kept = append(kept, o)
	}
	if f.Count == 0 {
		f.What = fmt.Sprintf("%d objects, %d bytes, have the size and the SHA-256 that their rows name", r.Objects, r.Bytes)
		return kept, nil
	}
	f.State, f.What = Problem, fmt.Sprintf("%d of %d objects are missing or damaged", f.Count, r.Objects)
	f.Why = "what is made of them cannot be read; nothing but a disk or a person changes stored files"
	f.Fixes = append(f.Fixes, "restore a backup into a new folder and copy these files from its objects folder", "or run the datasource again, which stores new ones", "check the disk")
	return kept, nil
}

// compare returns how the object differs from its row; "" if it does not.
func (d *Doctor) compare(ctx context.Context, o *object, read func(n int64)) (wrong string) {
	path, err := d.Blobs.LocalPath(ctx, o.key)
	if err != nil {
		o.damaged = true
		if errors.Is(err, errs.NotFound) {
			return "is missing"
		}
		return err.Error()
	}
	size, sum, err := digest(ctx, path, read)
	switch {
	case err != nil:
		wrong = "cannot be read: " + err.Error()
	case size != o.size:
		wrong = fmt.Sprintf("has %d bytes, its row says %d", size, o.size)
	case sum != o.sha256:
		wrong = "has another SHA-256 than its row says: its bytes were changed"
	}
	o.damaged = wrong != ""
	return wrong
}

// digest reads a file to its end.
func digest(ctx context.Context, path string, read func(n int64)) (size int64, sum string, err error) {
	in, err := os.Open(path)
	if err != nil {
		return 0, "", err
	}
	defer in.Close()
	h := sha256.New()
	size, err = io.Copy(h, &counted{ctx, in, read})
	return size, hex.EncodeToString(h.Sum(nil)), err
}

// counted tells how much was read, and stops when ctx is done.
type counted struct {
	ctx  context.Context
	in   io.Reader
	read func(n int64)
}

func (c *counted) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.in.Read(p)
	if c.read != nil {
		c.read(int64(n))
	}
	return n, err
}

// parquet has the engine read every value of every Parquet file.
func (d *Doctor) parquet(ctx context.Context, f *Finding, all []object) error {
	files, rows := 0, int64(0)
	for n, o := range all {
		if o.kind != "parquet" || o.damaged {
			continue
		}
		d.Progress.tell("parquet", int64(n), int64(len(all)))
		files++
		got, err := d.scan(ctx, o)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, errs.Unavailable) {
			return err // no worker: nothing is known about the file
		}
		rows += got
		switch {
		case err != nil:
			f.add("%s: %s", o.key, errs.Public(err))
		case got != o.rows:
			f.add("%s: has %d rows, its row says %d", o.key, got, o.rows)
		}
	}
	if f.Count == 0 {
		f.What = fmt.Sprintf("%d Parquet files with %d rows read to the end, as many as their rows name", files, rows)
		return nil
	}
	f.State, f.What = Problem, fmt.Sprintf("%d of %d Parquet files do not read as the manifest says", f.Count, files)
	f.Why = "their bytes are those that were stored, so they were written wrongly"
	f.Fixes = append(f.Fixes, "rebuild the dataset from its raw pages: POST /v1/datalines/{id}/retype", "or run the datasource again", "report it: this should not happen")
	return nil
}

// scan counts a file's rows. The hash makes the engine decode every column.
func (d *Doctor) scan(ctx context.Context, o object) (int64, error) {
	path, err := d.Blobs.LocalPath(ctx, o.key)
	if err != nil {
		return 0, err
	}
	// Not by way of ScopeDir, which would make the folder.
	dir := filepath.Join(d.Root, "objects", o.scope())
	var schema table.Schema
	_ = json.Unmarshal([]byte(o.metadata), &schema) // without it, the file is read as it says itself, but with less memory if it is wide
	rows, err := d.Engine.Run(ctx, engine.Query{
		Scope: o.scope(), Dir: dir, Timeout: 10 * time.Minute,
		Tables: []engine.Table{{Name: "file", Files: []string{path}, Schema: schema}},
		SQL:    `SELECT count(*)::BIGINT AS n, max(hash(file))::VARCHAR AS digest FROM file`,
	})
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	n := int64(-1)
	for rows.Next() {
		if column, ok := rows.Batch().Column(0).(*array.Int64); ok && column.Len() > 0 {
			n = column.Value(0)
		}
	}
	return n, rows.Err()
}

func (o object) scope() string {
	scope, _, _ := strings.Cut(o.key, "/")
	return scope
}

// rawPages reads the stored pages with a reader that is not the one they are
// written with: they are plain newline-delimited JSON in zstd.
func (d *Doctor) rawPages(ctx context.Context, f *Finding, all []object) error {
	files, records := 0, int64(0)
	for n, o := range all {
		if !strings.HasSuffix(o.key, ".ndjson.zst") || o.damaged {
			continue
		}
		d.Progress.tell("raw pages", int64(n), int64(len(all)))
		files++
		got, err := countLines(ctx, d.Blobs, o.key)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		records += got
		switch {
		case err != nil:
			f.add("%s: cannot be read: %v", o.key, err)
		case got != o.rows:
			f.add("%s: has %d records, its row says %d", o.key, got, o.rows)
		}
	}
	if f.Count == 0 {
		f.What = fmt.Sprintf("%d files of raw pages with %d records read to the end", files, records)
		return nil
	}
	f.State, f.What = Problem, fmt.Sprintf("%d of %d files of raw pages do not read as the manifest says", f.Count, files)
	f.Why = "their datasets read well, but cannot be rebuilt with other types"
	f.Fixes = append(f.Fixes, "run the datasource again", "report it: this should not happen")
	return nil
}

func countLines(ctx context.Context, blobs *blob.Dir, key string) (n int64, err error) {
	path, err := blobs.LocalPath(ctx, key)
	if err != nil {
		return 0, err
	}
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	z, err := zstd.NewReader(&counted{ctx, file, nil}, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		return 0, err
	}
	defer z.Close()
	lines := bufio.NewReaderSize(z, 256<<10)
	for {
		part, err := lines.ReadSlice('\n')
		switch {
		case err == nil:
			n++
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(part) == 0:
			return n, nil
		case errors.Is(err, io.EOF):
			return n, fmt.Errorf("the last record has no end: %w", fs.ErrInvalid)
		default:
			return n, err
		}
	}
}
