package transfer

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"millwright/internal/dataset"
	"millwright/internal/engine"
	"millwright/internal/errs"
	"millwright/internal/program/store"
	"millwright/internal/project"
	"millwright/internal/source"
	"millwright/internal/table"
)

// An Export is a project that is about to be written.
type Export struct {
	Project project.Project

	service     *Service
	datasources []source.Datasource
	credentials []source.Credential
	specs       map[string]json.RawMessage
	datasets    []dataset.Dataset
	programs    []store.Record
	apis        []json.RawMessage
}

// Prepare reads what a project of one of the teams is made of. The files of its
// datasets are read by Write.
func (s *Service) Prepare(ctx context.Context, teams []string, projectID string) (e *Export, err error) {
	defer errs.Wrap(&err, "transfer.Prepare")
	e = &Export{service: s, specs: map[string]json.RawMessage{}}
	if e.Project, err = s.Projects.Get(ctx, teams, projectID); err != nil {
		return nil, err
	}
	if e.datasources, err = s.Sources.ListByProject(ctx, teams, projectID, false); err != nil {
		return nil, err
	}
	for _, d := range e.datasources {
		spec, err := s.Sources.PublicSpec(ctx, d.ID)
		if err == nil {
			e.specs[d.ID] = spec
		} else if errs.KindOf(err) != errs.NotFound {
			return nil, err
		}
		list, err := s.Sources.Credentials(ctx, teams, source.CredentialFilter{DatasourceID: d.ID})
		if err != nil {
			return nil, err
		}
		e.credentials = append(e.credentials, list...)
	}
	if e.datasets, err = s.Datasets.ByProject(ctx, projectID); err != nil {
		return nil, err
	}
	if e.programs, err = s.Programs.List(ctx, store.Filter{ProjectID: projectID}); err != nil {
		return nil, err
	}
	if s.APIs != nil {
		e.apis, err = s.APIs(ctx, projectID)
	}
	return e, err
}

// Write writes the file. An error after the first byte leaves it cut off, which is no
// JSON, so that nobody takes it for a whole one.
func (e *Export) Write(ctx context.Context, to io.Writer) (err error) {
	defer errs.Wrap(&err, "transfer.Write")
	dir, remove, err := e.service.Blobs.Stage(ctx)
	if err != nil {
		return err
	}
	defer remove()
	w := &writer{Writer: bufio.NewWriterSize(to, 64<<10)}
	w.text("{")
	w.member("infactory_export_version", FormatVersion)
	w.member("metadata", fileMetadata{CreatedAt: e.service.Now().UTC(), SourceProjectID: e.Project.ID, SourceTeamID: e.Project.TeamID})
	w.member("project", fileProject{Name: e.Project.Name, Description: e.Project.Description, TeamID: "", Metadata: e.Project.Metadata})
	w.list("datasources", len(e.datasources), func(i int) any { return e.datasource(e.datasources[i]) })
	objects, err := e.writeObjects(ctx, w, dir)
	if err != nil {
		return err
	}
	w.list("datalines", len(e.datasets), func(i int) any { return objects[i].dataline })
	var edges []fileEdge
	for _, o := range objects {
		edges = append(edges, o.edges...)
	}
	w.list("datalineage", len(edges), func(i int) any { return edges[i] })
	w.list("apis", len(e.apis), func(i int) any { return e.apis[i] })
	w.list("queryprograms", len(e.programs), func(i int) any { return programOf(e.programs[i]) })
	w.member("ontology", nil)
	refs := fileReferences{Credentials: []fileCredential{}}
	for _, c := range e.credentials {
		refs.Credentials = append(refs.Credentials, fileCredential{ID: c.ID, Name: c.Name, Type: c.Type, Description: c.Description,
			Metadata: json.RawMessage("{}"), DatasourceID: c.DatasourceID})
	}
	w.member("references", refs)
	w.text("}\n")
	return errors.Join(w.err, w.Flush())
}

func (e *Export) datasource(d source.Datasource) fileDatasource {
	return fileDatasource{ID: d.ID, Name: d.Name, Type: d.Type, URI: d.URI, Status: string(d.Status), Description: d.Description, TableName: d.TableName,
		ConnectSpec: e.specs[d.ID]}
}

func programOf(r store.Record) fileProgram {
	p := r.Program
	f := fileProgram{ID: r.ID, Name: p.Name, Query: p.Cue, QueryProgram: p.SQL, Steps: r.Steps, Slots: r.SlotsText, Stores: r.Stores,
		Published: r.Published, Reason: strings.Join(p.Reason, "\n"), DatalineID: r.DatasetID, Origin: string(r.Origin), Program: &p}
	if r.PrevID != "" {
		f.PrevID = &r.PrevID
	}
	if f.Slots == nil {
		if text, err := json.Marshal(p.Slots); err == nil {
			slots := string(text)
			f.Slots = &slots
		}
	}
	return f
}

// written is what was written of a dataset's object.
type written struct {
	dataline fileDataline
	edges    []fileEdge
}

// writeObjects writes the requests of the datasources and the rows of the datasets,
// each as one Parquet file.
func (e *Export) writeObjects(ctx context.Context, w *writer, dir string) (all []written, err error) {
	w.key("dataobjects")
	w.text("[")
	first := true
	for i, d := range e.datasets {
		v, err := e.service.Datasets.Version(ctx, d.ID, d.Version)
		if err != nil {
			return nil, err
		}
		out, err := e.request(w, d, &first)
		if err != nil {
			return nil, err
		}
		path, err := e.service.parquet(ctx, d, v, filepath.Join(dir, itoa(i)+".parquet"))
		if err != nil {
			return nil, err
		}
		o, err := e.service.Datasets.Object(ctx, d.ObjectID)
		if err != nil {
			return nil, err
		}
		meta := fileObject{ID: o.ID, ProjectID: o.ProjectID, DatasourceID: o.DatasourceID, Bucket: o.Bucket, Key: o.Key, FileType: "parquet",
			FileRole: o.FileRole, MimeType: o.MimeType, Rows: v.Rows, CreatedAt: o.CreatedAt, Metadata: json.RawMessage("{}")}
		if err := w.object(&first, meta, path); err != nil {
			return nil, err
		}
		up := (*string)(nil)
		if len(out.edges) > 0 {
			up = &out.edges[0].DownstreamID
		}
		out.edges = append(out.edges, fileEdge{ID: o.ID + "-made", UpstreamID: up, DownstreamID: o.ID, Transformation: "convert_to_parquet", Metadata: json.RawMessage("{}")})
		out.dataline = datalineOf(d, v)
		all = append(all, out)
	}
	w.text("]")
	return all, w.err
}

// request writes how the dataset's datasource asks, as an object of its own.
func (e *Export) request(w *writer, d dataset.Dataset, first *bool) (out written, err error) {
	spec, ok := e.specs[d.DatasourceID]
	if !ok {
		return out, nil
	}
	id := d.DatasourceID + "-request"
	meta := fileObject{ID: id, ProjectID: d.ProjectID, DatasourceID: d.DatasourceID, Bucket: "local", Key: "request.json", FileType: "json",
		FileRole: "connect/http", MimeType: "application/json", CreatedAt: d.CreatedAt, Metadata: json.RawMessage("{}")}
	out.edges = []fileEdge{{ID: id + "-made", DownstreamID: id, Transformation: "upload_http_request", Metadata: json.RawMessage("{}")}}
	return out, w.content(first, meta, strings.NewReader(string(spec)), int64(len(spec)), sums(spec))
}

func datalineOf(d dataset.Dataset, v dataset.Version) fileDataline {
	model, _ := json.Marshal(modelOf(v.Schema)) // strings only
	text, _ := json.Marshal(string(model))
	return fileDataline{ID: d.ID, Name: d.Name, DataModel: text, SchemaCode: codeOf(d.TableName, v.Schema), ObjectID: d.ObjectID, DatasourceID: d.DatasourceID,
		TableName: d.TableName, Schema: &v.Schema, LastFieldID: d.LastFieldID, Rows: v.Rows, Verdict: v.Verdict, Report: v.Report}
}

// modelOf describes the columns as clients know it: names and types.
func modelOf(s table.Schema) map[string]any {
	columns := map[string]any{}
	for _, c := range s.Columns {
		columns[c.Name] = map[string]string{"type": c.Type.String()}
	}
	return map[string]any{"type": "object", "properties": columns}
}

// codeOf describes the columns as SQL would.
func codeOf(name string, s table.Schema) string {
	lines := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		lines[i] = "  " + table.Quote(c.Name) + " " + c.Type.String()
	}
	return "CREATE TABLE " + table.Quote(name) + " (\n" + strings.Join(lines, ",\n") + "\n)"
}

// exportTime is how long the rows of one dataset may take to be written.
const exportTime = 2 * time.Hour

// parquet returns a Parquet file of all rows of a version: the stored one where there
// is one of exactly these rows and columns, else one that is made at path.
func (s *Service) parquet(ctx context.Context, d dataset.Dataset, v dataset.Version, path string) (string, error) {
	tables, err := s.Catalog.Read(ctx, d, v.Version)
	if err != nil {
		return "", err
	}
	own := tables[len(tables)-1]
	if own.View == "" && len(own.Files) == 1 {
		return own.Files[0], nil
	}
	dir, err := s.Blobs.ScopeDir(ctx, d.ProjectID)
	if err != nil {
		return "", err
	}
	rows, err := s.Engine.Rewrite(ctx, engine.Rewriting{Dir: dir, Tables: tables, SQL: "SELECT * FROM " + table.Quote(own.Name), Output: path, Schema: v.Schema, Timeout: exportTime})
	if err != nil {
		return "", err
	}
	if rows.Rows != v.Rows {
		return "", errs.New(errs.Internal, "%d rows were written of %d", rows.Rows, v.Rows)
	}
	return path, nil
}

// A writer writes JSON in parts.
type writer struct {
	*bufio.Writer
	err     error
	members int
}

func (w *writer) text(s string) {
	if w.err == nil {
		_, w.err = w.WriteString(s)
	}
}

func (w *writer) json(v any) {
	text, err := json.Marshal(v)
	if w.err == nil {
		w.err = err
	}
	w.text(string(text))
}

func (w *writer) key(name string) {
	if w.members++; w.members > 1 {
		w.text(",\n")
	}
	w.json(name)
	w.text(": ")
}

func (w *writer) member(name string, v any) {
	w.key(name)
	w.json(v)
}

func (w *writer) list(name string, n int, item func(int) any) {
	w.key(name)
	w.text("[")
	for i := range n {
		if i > 0 {
			w.text(",\n")
		}
		w.json(item(i))
	}
	w.text("]")
}

// object writes a data object with the bytes of a file.
func (w *writer) object(first *bool, meta fileObject, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	hashed, n, err := sumsOf(f)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return err
	}
	return w.content(first, meta, f, n, hashed)
}

func (w *writer) content(first *bool, meta fileObject, r io.Reader, size int64, hashed hashes) error {
	if !*first {
		w.text(",\n")
	}
	*first = false
	meta.FileSize, meta.ETag, meta.SHA256 = size, hashed.md5, hashed.sha256
	text, err := json.Marshal(meta)
	if err != nil {
		return err
	}
	w.text(string(slices.Clip(text[:len(text)-1])))
	w.text(`,"` + contentKey + `":"`)
	if w.err != nil {
		return w.err
	}
	enc := base64.NewEncoder(base64.StdEncoding, w.Writer)
	if _, err := io.Copy(enc, r); err != nil {
		return err
	}
	if err := enc.Close(); err != nil {
		return err
	}
	w.text(`"}`)
	return w.err
}

func itoa(n int) string { return strconv.Itoa(n) }
