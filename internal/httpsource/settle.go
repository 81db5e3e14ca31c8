package httpsource

import (
	"bytes"
	"fmt"
	"io"

	"millwright/internal/errs"
	"millwright/internal/httpsource/decode"
)

// settle decides from the first body where the rows are. It may replace *r by a
// file that the body was written to, because it has to be read twice.
func (f *fetch) settle(l *loaded, r *io.Reader) (*decode.Spool, error) {
	f.planned = true
	found, format, sure, err := decode.Propose(decode.Hint{
		Head: l.head, Whole: l.whole, ContentType: f.out.ContentType, Path: f.spec.ResponsePath, Shape: f.spec.Options.Shape,
	})
	if err != nil {
		return nil, err
	}
	f.out.Detected.Content.Format = format
	path, err := decode.ParsePath(found.Path)
	if err != nil {
		return nil, err
	}
	var file *decode.Spool
	if !sure {
		if found, file, err = f.inspect(l, r, path); err != nil {
			return nil, err
		}
	}
	if path, err = decode.ParsePath(found.Path); err != nil {
		file.Remove()
		return nil, err
	}
	f.plan = decode.Plan{Path: path, Shape: found.Shape, Columns: found.Columns}
	f.out.Detected.ResponsePath, f.out.ResponsePath = found, path.String()
	return file, nil
}

func (f *fetch) inspect(l *loaded, r *io.Reader, path decode.Path) (decode.Finding, *decode.Spool, error) {
	if l.whole {
		found, err := decode.Inspect(*r, path, f.limits.decoding())
		*r = bytes.NewBuffer(l.head)
		return found, nil, err
	}
	file, err := decode.NewSpool(f.client.cfg.TempDir, *r)
	if err != nil {
		return decode.Finding{}, nil, err
	}
	found, err := decode.Inspect(file.File, path, f.limits.decoding())
	if err == nil {
		_, err = file.File.Seek(0, io.SeekStart)
	}
	if err != nil {
		file.Remove()
		return found, nil, err
	}
	*r = file.File
	return found, file, nil
}

// shaped notes what the first elements showed, so that neither a later page nor
// a later run decides it again. It fails if the source itself says that its
// answer is not all.
func (f *fetch) shaped(res decode.Result) error {
	if f.plan.Columns == nil {
		f.plan.Columns = res.Columns
	}
	if f.plan.Shape == "" && res.Shape != "" {
		f.plan.Shape = res.Shape
		found := &f.out.Detected.ResponsePath
		found.Shape, found.Columns = res.Shape, res.Columns
		if res.Shape != decode.Rows {
			found.Evidence += "; " + res.Evidence
		}
	}
	if r := res.Ragged; r != nil {
		f.raggedRows(*r)
	}
	switch {
	case res.Complaint == "":
		return nil
	case f.spec.Options.WarnOnly:
		f.alarm(res.Complaint)
		return nil
	}
	return errs.New(errs.Upstream, "the answer is not complete: %s", res.Complaint).Named("incomplete-source-says").
		Fix("ask for less at a time, or correct the query", `set options.on_partial to "warn" to keep what was received`)
}

// raggedRows says what was done with records of another length.
func (f *fetch) raggedRows(r decode.Ragged) {
	if f.out.Verdict.Ragged == nil {
		f.out.Verdict.Ragged = &r
	}
	what := "filled up; values beyond the last column have columns of their own, empty lines are left out"
	if r.Policy == "skip" {
		what = "left out"
	}
	f.alarm(fmt.Sprintf("%d records do not have %d fields as the first has, and were %s: %s", r.Rows, r.Fields, what, r))
}
