package ingest

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"maps"
	"strconv"
	"strings"

	"millwright/internal/dataset"
	"millwright/internal/errs"
	"millwright/internal/httpsource"
	"millwright/internal/httpsource/decode"
	"millwright/internal/ingest/spill"
	"millwright/internal/ingest/typing"
	"millwright/internal/job"
	"millwright/internal/lineage"
	"millwright/internal/source"
	"millwright/internal/table"
)

// A Retype asks for a dataset to be built again from its stored raw pages.
type Retype struct {
	Datasource source.Datasource
	Dataset    dataset.Dataset
	Columns    map[string]*string // column name or key -> type as SQL spells it; nil: let the values decide again
	Path       *string            // a new response path; nil keeps the one that was used
	UserID     string
	Then       []string // job types that follow when it is done
}

// StartRetype checks what can be checked at once, and submits the job. It fails
// with errs.Conflict while another job rebuilds the dataset ("run-in-progress"), or
// if its raw pages are not kept any more ("raw-pages-gone").
func (s *Service) StartRetype(ctx context.Context, jobs *job.Runner, r Retype) (started Started, err error) {
	defer errs.Wrap(&err, "ingest.StartRetype(%s)", r.Dataset.ID)
	if len(r.Columns) == 0 && r.Path == nil {
		return Started{}, errs.New(errs.Invalid, "neither columns nor response_path says what is to change").Named("field-missing").At("/columns").
			Fix(`send {"columns": {"price": "DECIMAL(18,2)"}}`)
	}
	p := payload{DatasourceID: r.Datasource.ID, ObjectID: newID(), Dataset: r.Dataset.ID, Columns: map[string]*string{}, Path: r.Path}
	for name, text := range r.Columns {
		key, err := columnKey(r.Dataset.Schema, name, r.Path != nil)
		if err != nil {
			return Started{}, err
		}
		if text != nil {
			if _, err := parseType(*text); err != nil {
				return Started{}, at(err, "/columns/"+escape(name))
			}
		}
		p.Columns[key] = text
	}
	if r.Path != nil {
		if _, err := decode.ParsePath(*r.Path); err != nil {
			return Started{}, at(err, "/response_path")
		}
	}
	if _, err := s.allRaws(ctx, r.Dataset); err != nil {
		return Started{}, err
	}
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		if err := refuseWhileRunning(ctx, tx, jobs, r.Datasource.ID); err != nil {
			return err
		}
		started, err = s.submitTx(ctx, tx, jobs, r.Datasource, r.UserID, append([]string{RetypeType}, r.Then...), p)
		return err
	})
	return started, err
}

// columnKey returns the key of the column that a person named. With a new response
// path the columns are not known yet.
func columnKey(s table.Schema, name string, unknown bool) (string, error) {
	for _, c := range s.Columns {
		if c.Key == name {
			return c.Key, nil
		}
	}
	if c, ok := s.Column(name); ok {
		return c.Key, nil
	}
	if unknown {
		return name, nil
	}
	return "", errs.New(errs.Invalid, "there is no column %q", clip(name)).Named("unknown-column").At("/columns/" + escape(name)).
		Fix("use one of: " + strings.Join(s.Names(), ", "))
}

func escape(name string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(name) }

// at adds the field to an error that names none.
func at(err error, pointer string) error {
	if e, ok := errs.Find(err); ok && len(e.Fields) == 0 {
		return e.At(pointer)
	}
	return err
}

// parseType reads a type that a column can be given: one that is not nested.
func parseType(text string) (table.Type, error) {
	word := strings.ToUpper(strings.ReplaceAll(text, " ", ""))
	for _, k := range []table.Kind{table.Boolean, table.BigInt, table.Double, table.Varchar, table.Date, table.Timestamp, table.TimestampTZ, table.JSON} {
		if word == string(k) {
			return table.Type{Kind: k}, nil
		}
	}
	if inner, ok := strings.CutPrefix(word, "DECIMAL("); ok {
		digits, scale, _ := strings.Cut(strings.TrimSuffix(inner, ")"), ",")
		p, errP := strconv.Atoi(digits)
		s := 0
		var errS error
		if scale != "" {
			s, errS = strconv.Atoi(scale)
		}
		if errors.Join(errP, errS) == nil && p >= 1 && p <= 38 && s >= 0 && s <= p {
			return table.Type{Kind: table.Decimal, Precision: p, Scale: s}, nil
		}
	}
	return table.Type{}, errs.New(errs.Invalid, "%q is no type that a column can be given", clip(text)).Named("unknown-type").
		Fix("use one of: BOOLEAN, BIGINT, DOUBLE, DECIMAL(18,2), VARCHAR, DATE, TIMESTAMP, TIMESTAMPTZ, JSON, or null to let the values decide")
}

// An earlierGroup is files of the current version with the raw pages they are made of.
type earlierGroup struct {
	group
	parts []part
}

// allRaws returns the files of the current version; errs.Conflict if the raw pages
// of one are gone.
func (s *Service) allRaws(ctx context.Context, d dataset.Dataset) ([]earlierGroup, error) {
	files, err := s.Datasets.Files(ctx, d.ID, d.Version)
	if err != nil {
		return nil, err
	}
	var all []earlierGroup
	l := landing{Service: s}
	for _, g := range groupsOf(files) {
		parts, err := l.rawParts(ctx, g.raws)
		if errs.KindOf(err) == errs.NotFound {
			return nil, errs.New(errs.Conflict, "the raw pages of %d rows of version %d are not kept any more, so their types cannot be decided again", g.rows(), g.last().AddedVersion).
				Named("raw-pages-gone").Fix("run the datasource again with mode replace, and then retype", `keep raw pages from then on: set raw_pages to "keep"`)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, earlierGroup{g, parts})
	}
	return all, nil
}

// HandleRetype builds a dataset again from its raw pages, for a job. Nothing
// changes until its one transaction at the end.
func (s *Service) HandleRetype(ctx context.Context, run *job.Run) error {
	err := s.retype(ctx, run)
	if e, ok := errs.Find(err); ok && e.Type == "dataset-moved" {
		return job.Again(err) // compacted meanwhile
	}
	return err
}

func (s *Service) retype(ctx context.Context, run *job.Run) (err error) {
	l := &landing{Service: s, run: run}
	if err := json.Unmarshal(run.Job.Payload, &l.payload); err != nil {
		return errs.New(errs.Internal, "the job's payload is not ours").Because(err)
	}
	if l.datasource, err = s.Sources.Lookup(ctx, l.payload.DatasourceID); err != nil {
		return err
	}
	files, err := l.openRetype(ctx)
	if err != nil {
		return err
	}
	var remove func()
	if l.stage, remove, err = s.Blobs.Stage(ctx); err != nil {
		return err
	}
	defer remove()
	if l.payload.Path != nil {
		return l.extractAgain(ctx, files)
	}
	return l.typeAgain(ctx, files)
}

// openRetype reads what is there, and merges the types that were chosen now with
// those that were chosen before.
func (l *landing) openRetype(ctx context.Context) ([]earlierGroup, error) {
	var err error
	l.base.exists = true
	if l.base.dataset, err = l.Datasets.Dataset(ctx, l.payload.Dataset); err != nil {
		return nil, err
	}
	d := l.base.dataset
	if l.base.version, err = l.Datasets.Version(ctx, d.ID, d.Version); err != nil {
		return nil, err
	}
	if l.base.facts, err = l.Datasets.Facts(ctx, d.ID, d.Version); err != nil {
		return nil, err
	}
	before, err := l.chosenTypes(ctx, d.ID)
	if err != nil {
		return nil, err
	}
	l.base.chosen = map[string]table.Type{}
	maps.Copy(l.base.chosen, before)
	for key, text := range l.payload.Columns {
		delete(l.base.chosen, key)
		if text == nil {
			continue
		}
		if l.base.chosen[key], err = parseType(*text); err != nil {
			return nil, err
		}
	}
	return l.allRaws(ctx, d)
}

// typeAgain makes every file again with the types that are right now.
func (l *landing) typeAgain(ctx context.Context, files []earlierGroup) error {
	types, err := l.base.observer()
	if err == nil && len(l.base.facts) == 0 {
		err = observeAll(ctx, types, files)
	}
	if err != nil {
		return err
	}
	l.types = l.base.decide(types)
	if l.facts, err = types.State(); err != nil {
		return err
	}
	for i := range files {
		l.run.Progress(ctx, job.Progress{Phase: "convert", Message: "building the dataset again", Fraction: 0.1 + 0.8*float64(i)/float64(len(files))})
		if err := l.rebuild(ctx, files[i].group, files[i].parts); err != nil {
			return err
		}
	}
	return l.commitRetype(ctx, nil, nil)
}

// observeAll shows the records of all files to types.
func observeAll(ctx context.Context, types *typing.Observer, files []earlierGroup) error {
	for _, f := range files {
		for _, p := range f.parts {
			if err := eachRecord(ctx, p, types.Observe); err != nil {
				return err
			}
		}
	}
	return nil
}

// eachRecord calls do with the records of a part.
func eachRecord(ctx context.Context, p part, do func(record []byte) error) error {
	in, err := spill.Open(p.path)
	if err != nil {
		return err
	}
	defer in.Close()
	skipped := p.skipped
	for at := int64(0); in.Next(); at++ {
		if at%lookEvery == 0 && ctx.Err() != nil {
			return errs.New(errs.Canceled, "reading raw pages was stopped").Because(context.Cause(ctx))
		}
		if len(skipped) > 0 && skipped[0] == at {
			skipped = skipped[1:]
			continue
		}
		if err := do(in.Record()); err != nil {
			return err
		}
	}
	return in.Err()
}

// commitRetype publishes the outputs as a version, with pages of their own if the
// records were extracted anew, and then completes the job.
func (l *landing) commitRetype(ctx context.Context, pages *dataset.Object, spec *httpsource.Spec) error {
	l.run.Progress(ctx, job.Progress{Phase: "commit", Message: "storing the dataset", Fraction: 0.95})
	objects, err := l.publishOutputs(ctx)
	if err != nil {
		return err
	}
	n, err := l.retyped(objects, pages)
	if err != nil {
		return err
	}
	if len(n.Key) > 0 && pages != nil {
		if n.Rows, err = l.countKeys(ctx, objects); err != nil {
			return err
		}
	}
	if err := l.step(ctx, "transaction"); err != nil {
		return err
	}
	err = l.DB.Tx(ctx, func(tx *sql.Tx) error {
		if err := l.storeRetypeTx(ctx, tx, objects, pages, n); err != nil {
			return err
		}
		if spec != nil {
			if err := l.Sources.SaveSpecTx(ctx, tx, l.datasource.ID, *spec); err != nil {
				return err
			}
		}
		if err := l.step(ctx, "complete"); err != nil {
			return err
		}
		if err := l.run.CompleteTx(ctx, tx, l.then...); err != nil {
			return err
		}
		return l.step(ctx, "commit")
	})
	if err != nil {
		return err
	}
	if err := l.step(ctx, "committed"); err != nil {
		return err
	}
	l.expire(ctx, l.base.dataset.ID)
	return nil
}

func (l *landing) storeRetypeTx(ctx context.Context, tx *sql.Tx, objects []dataset.Object, pages *dataset.Object, n dataset.NewVersion) error {
	all := objects
	if pages != nil {
		all = append([]dataset.Object{*pages}, objects...)
	}
	for _, o := range all {
		if err := l.Datasets.AddObjectTx(ctx, tx, o); err != nil {
			return err
		}
	}
	var edges []lineage.Edge
	var about []dataset.Object
	for i, o := range objects {
		for _, raw := range n.Files[i].Raws {
			edges = append(edges, lineage.Edge{DownstreamID: o.ID, Transformation: "convert_to_parquet", UpstreamID: &raw})
			about = append(about, o)
		}
	}
	if err := l.fill(edges, about); err != nil {
		return err
	}
	for _, e := range edges {
		if err := l.Lineage.AddTx(ctx, tx, e); err != nil {
			return err
		}
	}
	if _, err := l.Datasets.CommitTx(ctx, tx, n); err != nil {
		return err
	}
	return l.saveTypesTx(ctx, tx, l.base.dataset.ID, l.base.chosen)
}

// retyped describes the version to come. It is as complete as the one before.
func (l *landing) retyped(objects []dataset.Object, pages *dataset.Object) (n dataset.NewVersion, err error) {
	was := l.base.version
	n = dataset.NewVersion{
		ProjectID: l.datasource.ProjectID, DatasourceID: l.datasource.ID, Name: l.datasource.Name, TableName: l.base.dataset.TableName,
		RunID: l.run.Job.ID, Kind: dataset.Retype, Base: was.Version, Key: was.Key, Rows: was.Rows, Verdict: was.Verdict,
		Schema: l.types.Schema, LastFieldID: l.types.LastID, Facts: l.facts,
	}
	if pages != nil {
		n.Rows = 0
	}
	for i, o := range l.outputs {
		f, err := newFile(o, objects[i])
		if err != nil {
			return n, err
		}
		if pages != nil {
			f.Raws = []dataset.ID{pages.ID}
		}
		n.Files = append(n.Files, f)
	}
	n.Report, err = json.Marshal(l.types.Columns)
	return n, err
}
