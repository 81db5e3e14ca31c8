package openlineage

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"millwright/internal/dataset"
	"millwright/internal/errs"
	"millwright/internal/job"
	"millwright/internal/source"
	"millwright/internal/table"
)

// Namespace is that of our own jobs and datasets.
const Namespace = "millwright"

// Types are the types of jobs that make data of data, with what each does.
func Types() map[string]string {
	return map[string]string{
		"http_request":    "fetches all pages of an HTTP API and lands them as typed Parquet",
		"upload":          "lands an uploaded file as typed Parquet",
		"retype_dataset":  "lands stored pages again, with other types",
		"compact_dataset": "writes the files of a dataset as fewer files",
	}
}

// TypeNames lists the keys of Types.
func TypeNames() []string {
	var names []string
	for name := range Types() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// A Teller finds what there is to tell about jobs. All fields must be set.
type Teller struct {
	Datasets *dataset.Store
	Sources  *source.Store
	Version  string // of this program
}

// Tell returns the events of a job, as far as it has got: none for a job that makes no
// data, or has not started.
func (t *Teller) Tell(ctx context.Context, j job.Job) (_ []Event, err error) {
	defer errs.Wrap(&err, "openlineage.Tell(%s)", j.ID)
	if Types()[j.Type] == "" || j.StartedAt == nil {
		return nil, nil
	}
	d, err := t.Sources.Lookup(ctx, j.SourceID)
	if errs.KindOf(err) == errs.NotFound {
		return nil, nil // removed for good, with all that was made of it
	}
	if err != nil {
		return nil, err
	}
	inputs, err := t.inputs(ctx, j, d)
	if err != nil {
		return nil, err
	}
	first := t.event(j, d, Start, *j.StartedAt)
	first.Inputs = inputs
	if !j.Status.Terminal() || j.FinishedAt == nil {
		return []Event{first}, nil
	}
	last := t.event(j, d, map[job.Status]string{job.Completed: Complete, job.Failed: Fail, job.Canceled: Abort}[j.Status], *j.FinishedAt)
	last.Inputs = inputs
	if j.Error != nil {
		last.Run.Facets.add("errorMessage", errorSchema, map[string]any{"message": j.Error.Detail, "programmingLanguage": "GO"})
	}
	if last.Outputs, err = t.outputs(ctx, j, d, inputs, last.Run.Facets); err != nil {
		return nil, err
	}
	return []Event{first, last}, nil
}

func (t *Teller) event(j job.Job, d source.Datasource, state string, at time.Time) Event {
	e := Event{EventTime: at.UTC(), EventType: state, Producer: producer, SchemaURL: eventSchema, Inputs: []Dataset{}, Outputs: []Dataset{},
		Run: Run{RunID: j.ID, Facets: Facets{}}, Job: Job{Namespace: Namespace, Name: d.ProjectID + "." + d.TableName + "." + j.Type, Facets: Facets{}}}
	e.Run.Facets.add("processing_engine", engineSchema, map[string]any{"name": "Millwright", "version": t.Version})
	e.Job.Facets.add("jobType", jobTypeSchema, map[string]any{"processingType": "BATCH", "integration": "MILLWRIGHT", "jobType": strings.ToUpper(j.Type)})
	e.Job.Facets.add("documentation", aboutSchema, map[string]any{"description": d.Name + ": " + Types()[j.Type]})
	return e
}

// inputs are what the job read: the source itself, or an earlier version.
func (t *Teller) inputs(ctx context.Context, j job.Job, d source.Datasource) ([]Dataset, error) {
	switch j.Type {
	case "retype_dataset", "compact_dataset":
		list, err := t.Datasets.ByDatasource(ctx, d.ID)
		if err != nil {
			return nil, err
		}
		ins := []Dataset{}
		for _, s := range list {
			ins = append(ins, Dataset{Namespace: Namespace, Name: d.ProjectID + "." + s.TableName})
		}
		return ins, nil
	case "upload":
		in := Dataset{Namespace: "file", Name: d.Name, InputFacets: Facets{}}
		return []Dataset{in}, t.describePages(ctx, j, d, in.InputFacets)
	}
	in := Dataset{Namespace: "http", Name: d.Name, Facets: Facets{}, InputFacets: Facets{}}
	spec, err := t.Sources.PublicSpec(ctx, d.ID)
	if err != nil && errs.KindOf(err) != errs.NotFound {
		return nil, err
	}
	var request struct {
		URL string `json:"url"`
	}
	if err == nil && json.Unmarshal(spec, &request) == nil {
		if u, err := url.Parse(request.URL); err == nil && u.Host != "" {
			in.Namespace, in.Name = u.Scheme+"://"+u.Host, strings.TrimPrefix(u.EscapedPath(), "/")
			if in.Name == "" {
				in.Name = "/"
			}
			plain := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
			in.Facets.add("dataSource", sourceSchema, map[string]any{"name": d.Name, "uri": plain.String()})
		}
	}
	return []Dataset{in}, t.describePages(ctx, j, d, in.InputFacets)
}

// toldPages bounds the pages of one event.
const toldPages = 100

// describePages says which pages the job fetched.
func (t *Teller) describePages(ctx context.Context, j job.Job, d source.Datasource, to Facets) error {
	objects, err := t.Datasets.ObjectsByRun(ctx, d.ID, j.ID)
	if err != nil {
		return err
	}
	for _, o := range objects {
		var index struct {
			Count   int              `json:"page_count"`
			Pages   []map[string]any `json:"pages"`
			Verdict json.RawMessage  `json:"verdict"`
		}
		if o.FileRole != "data/raw_pages" || json.Unmarshal(o.Metadata, &index) != nil {
			continue
		}
		pages := []map[string]any{}
		for _, p := range index.Pages[:min(len(index.Pages), toldPages)] {
			page := map[string]any{}
			for _, name := range []string{"page", "url", "first", "records", "received"} {
				if v, ok := p[name]; ok {
					page[name] = v
				}
			}
			pages = append(pages, page)
		}
		to.add("millwright_pages", pagesSchema, map[string]any{"count": index.Count, "records": o.Rows, "sha256": o.SHA256, "pages": pages})
	}
	return nil
}

// outputs are the versions that the job committed. What the job says of how complete
// they are is told of the run.
func (t *Teller) outputs(ctx context.Context, j job.Job, d source.Datasource, inputs []Dataset, run Facets) ([]Dataset, error) {
	list, err := t.Datasets.ByDatasource(ctx, d.ID)
	if err != nil {
		return nil, err
	}
	outs := []Dataset{}
	for _, s := range list {
		versions, err := t.Datasets.Versions(ctx, s.ID)
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(versions, func(v dataset.Version) bool { return v.RunID == j.ID })
		if at < 0 {
			continue
		}
		v := versions[at]
		outs = append(outs, output(d, s, v, inputs))
		var verdict map[string]any
		if json.Unmarshal(v.Verdict, &verdict) == nil && len(verdict) > 0 {
			run.add("millwright_verdict", verdictSchema, verdict)
		}
	}
	return outs, nil
}

func output(d source.Datasource, s dataset.Dataset, v dataset.Version, inputs []Dataset) Dataset {
	out := Dataset{Namespace: Namespace, Name: d.ProjectID + "." + s.TableName, Facets: Facets{}, OutputFacets: Facets{}}
	out.Facets.add("schema", schemaSchema, map[string]any{"fields": fields(v.Schema.Columns)})
	out.Facets.add("version", versionSchema, map[string]any{"datasetVersion": jsonNumber(v.Version)})
	out.Facets.add("dataSource", sourceSchema, map[string]any{"name": d.Name, "uri": "urn:millwright:datasource:" + d.ID})
	if len(inputs) > 0 {
		out.Facets.add("columnLineage", columnsSchema, map[string]any{"fields": origins(v.Schema.Columns, inputs[0])})
	}
	out.OutputFacets.add("outputStatistics", statisticsSchema, map[string]any{"rowCount": v.Rows, "size": v.Bytes})
	out.OutputFacets.add("millwright_version", filesSchema, map[string]any{"kind": string(v.Kind), "base": v.Base, "dataobject_id": v.ObjectID})
	return out
}

// fields are columns with what is inside them.
func fields(columns []table.Column) []map[string]any {
	all := []map[string]any{}
	for i, c := range columns {
		f := map[string]any{"name": c.Name, "type": c.Type.String(), "ordinal_position": i + 1}
		inner := c.Type
		for inner.Kind == table.List && inner.Elem != nil {
			inner = *inner.Elem
		}
		if inner.Kind == table.Struct {
			f["fields"] = fields(inner.Fields)
		}
		all = append(all, f)
	}
	return all
}

// origins says from which key of a record each column comes. A rename changes no value;
// typing reads text, or a number, as what it is.
func origins(columns []table.Column, from Dataset) map[string]any {
	all := map[string]any{}
	for _, c := range columns {
		key, kind := c.Key, "TRANSFORMATION"
		if key == "" {
			key = c.Name
		}
		if from.Namespace == Namespace {
			key = c.Name
		}
		if c.Type.Kind == table.Varchar || c.Type.Kind == table.JSON {
			kind = "IDENTITY"
		}
		all[c.Name] = map[string]any{"inputFields": []map[string]any{{"namespace": from.Namespace, "name": from.Name, "field": key,
			"transformations": []map[string]any{{"type": "DIRECT", "subtype": kind, "description": "read as " + c.Type.String(), "masking": false}}}}}
	}
	return all
}
