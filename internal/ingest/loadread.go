package ingest

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"millwright/internal/errs"
)

// progress counts what was read of a file.
type progress struct {
	total int64 // bytes
	bytes atomic.Int64
}

// readShare is how much of a load's time is for reading.
const readShare = 0.8

func (p *progress) fraction() float64 {
	return readShare * float64(p.bytes.Load()) / float64(max(p.total, 1))
}

func (p *progress) message(records int64) string {
	return fmt.Sprintf("%d of %d bytes, %d records", p.bytes.Load(), p.total, records)
}

// of returns a reader that counts, and ends with ctx.
func (p *progress) of(ctx context.Context, r io.Reader) io.Reader {
	return readerFunc(func(b []byte) (int, error) {
		if ctx.Err() != nil {
			return 0, errs.New(errs.Canceled, "reading was stopped").Because(context.Cause(ctx))
		}
		n, err := r.Read(b)
		p.bytes.Add(int64(n))
		return n, err
	})
}

type readerFunc func([]byte) (int, error)

// Read calls f.
func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// ofFile says of a file what the decoder says of an answer: there is no source that
// could be asked, and whoever sent it can change it.
func ofFile(err error) error {
	e, ok := errs.Find(err)
	if !ok || e.Kind != errs.Upstream && e.Kind != errs.Invalid && e.Kind != errs.TooLarge {
		return err
	}
	say := strings.NewReplacer("the answer", "the file", "the body", "the file", "the response path", "the response path",
		"the shape set for this connection asks", "the options ask")
	c := *e
	c.Msg, c.Fixes, c.Cause = say.Replace(e.Msg), fixesOfFile(e), err
	if c.Kind == errs.Upstream {
		c.Kind = errs.Invalid
	}
	return &c
}

func fixesOfFile(e *errs.Error) []string {
	switch e.Type {
	case "csv-ragged":
		return []string{"correct these lines", "or load it with on_ragged=pad, which fills them up, or on_ragged=skip, which leaves them out",
			"or say which delimiter it has, such as delimiter=semicolon"}
	case "csv-quote", "csv-unclosed-quote":
		return []string{"double the quotes inside of fields", "or load it with quote=none, if quotes are ordinary text in it"}
	case "csv-invalid-utf8", "charset-invalid", "charset-unknown", "json-invalid-utf8":
		return []string{"say which charset it has, such as charset=shift_jis or charset=iso-8859-2", "or save it as UTF-8"}
	case "not-json":
		return []string{"load CSV, NDJSON, JSON, XML or Parquet", "or say what it is with file_type"}
	case "not-csv":
		return []string{"leave the options about CSV out", "or say what it is with file_type"}
	case "body-truncated":
		return []string{"send the whole file"}
	case "path-selects-nothing":
		return e.Fixes
	}
	return nil
}
