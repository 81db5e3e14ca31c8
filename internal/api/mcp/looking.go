package mcp

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"millwright/internal/errs"
	"millwright/internal/program"
)

// InProject says which project a call is about.
type InProject struct {
	Project string `json:"project,omitempty" jsonschema:"Id or name of a project of list_projects; may be left out if you see only one"`
}

// OfDataset says which dataset a call is about.
type OfDataset struct {
	Dataset string `json:"dataset" jsonschema:"Table name or id of a dataset of list_datasets"`
	InProject
}

// A Project holds datasets and programs.
type Project struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

// Projects are what list_projects returns.
type Projects struct {
	Projects []Project `json:"projects"`
}

func listProjects(ctx context.Context, c *call, _ struct{}) (Projects, error) {
	out := Projects{Projects: []Project{}}
	return out, c.operate(ctx, "GET", "/v1/projects", nil, nil, &out.Projects)
}

// project returns the id of the project that is meant: the one that is named, or
// the only one there is.
func (c *call) project(ctx context.Context, wanted string) (string, error) {
	// Who may only run things may not list projects, but knows the one of the key.
	if bound := c.caller.ProjectID; bound != "" && (wanted == "" || wanted == bound) {
		return bound, nil
	}
	all, err := listProjects(ctx, c, struct{}{})
	if err != nil {
		return "", err
	}
	var matches []string
	var names []string
	for _, p := range all.Projects {
		if p.ID == wanted {
			return p.ID, nil
		}
		if wanted == "" || strings.EqualFold(p.Name, wanted) {
			matches = append(matches, p.ID)
		}
		names = append(names, p.Name)
	}
	switch {
	case len(matches) == 1:
		return matches[0], nil
	case len(matches) > 1:
		return "", errs.New(errs.Invalid, "it is not clear which of %d projects is meant", len(matches)).Named("project-unclear").At("/project").
			Fix("send the id of one of list_projects as project")
	}
	e := errs.New(errs.NotFound, "no such project").At("/project")
	if near, ok := program.Nearest(wanted, names); ok {
		return "", e.Fix("did you mean " + near + "?")
	}
	return "", e.Fix("send the id of one of list_projects as project")
}

// A Dataset is a table that SQL can read.
type Dataset struct {
	ID           string `json:"id"`
	TableName    string `json:"table_name" jsonschema:"How SQL calls it"`
	Name         string `json:"name"`
	Rows         int64  `json:"rows"`
	Columns      int    `json:"columns"`
	Version      int64  `json:"version"`
	Completeness string `json:"completeness" jsonschema:"Whether everything that the other API has is here"`
	UpdatedAt    string `json:"updated_at"`
	DatasourceID string `json:"datasource_id"`
}

// Datasets are what list_datasets returns.
type Datasets struct {
	Datasets []Dataset `json:"datasets"`
}

// A dataline is what the API calls a dataset.
type dataline struct {
	Dataset
	Schema struct {
		Columns []json.RawMessage `json:"columns"`
	} `json:"schema"`
	Verdict struct {
		State  string `json:"state"`
		Reason string `json:"reason"`
	} `json:"verdict"`
}

func listDatasets(ctx context.Context, c *call, in InProject) (Datasets, error) {
	out := Datasets{Datasets: []Dataset{}}
	project, err := c.project(ctx, in.Project)
	if err != nil {
		return out, err
	}
	var all []dataline
	if err := c.operate(ctx, "GET", "/v1/datalines/project/"+url.PathEscape(project), nil, nil, &all); err != nil {
		return out, err
	}
	for _, d := range all {
		out.Datasets = append(out.Datasets, d.dataset())
	}
	return out, nil
}

func (d dataline) dataset() Dataset {
	d.Dataset.Columns, d.Completeness = len(d.Schema.Columns), strings.TrimSuffix(d.Verdict.State+": "+d.Verdict.Reason, ": ")
	return d.Dataset
}

// dataset returns the dataset that is meant, and its project.
func (c *call) dataset(ctx context.Context, in OfDataset) (Dataset, string, error) {
	project, err := c.project(ctx, in.Project)
	if err != nil {
		return Dataset{}, "", err
	}
	all, err := listDatasets(ctx, c, InProject{project})
	if err != nil {
		return Dataset{}, "", err
	}
	var names []string
	for _, d := range all.Datasets {
		if d.ID == in.Dataset || d.TableName == in.Dataset || strings.EqualFold(d.Name, in.Dataset) {
			return d, project, nil
		}
		names = append(names, d.TableName)
	}
	e := errs.New(errs.NotFound, "no such dataset").At("/dataset")
	if near, ok := program.Nearest(in.Dataset, names); ok {
		return Dataset{}, "", e.Fix("did you mean " + near + "?")
	}
	return Dataset{}, "", e.Fix("send the table_name of one of list_datasets as dataset")
}

// A DescribedColumn is what is known of a column.
type DescribedColumn struct {
	Name     string   `json:"name" jsonschema:"How SQL calls it; a.b is a field of a STRUCT, a[] an element of a LIST"`
	Type     string   `json:"type"`
	Role     string   `json:"role" jsonschema:"What it means, such as measure, category, event_time or fk; empty until analysed"`
	Label    string   `json:"label"`
	Unit     string   `json:"unit"`
	Nulls    int64    `json:"nulls"`
	Distinct *int64   `json:"distinct" jsonschema:"How many different values; null if not analysed"`
	Min      string   `json:"min"`
	Max      string   `json:"max"`
	Top      []string `json:"top" jsonschema:"The most frequent values"`
}

// A Description is what describe_dataset returns.
type Description struct {
	Dataset   Dataset           `json:"dataset"`
	Columns   []DescribedColumn `json:"columns"`
	Truncated bool              `json:"truncated" jsonschema:"Whether there are more columns than these"`
}

// What of a description an agent can use.
const (
	maxColumns  = 200
	maxTop      = 8
	maxTopValue = 80 // characters
)

// A profileAnswer is what the tools read of a dataset's profile.
type profileAnswer struct {
	Columns []struct {
		Name, Type, Role, Label, Unit string
		Nulls                         int64
		Hidden                        bool
	}
	Profile *struct {
		Columns []struct {
			Name     string
			Distinct int64
			Min, Max string
			Top      []struct{ Value string }
		}
	}
}

func describeDataset(ctx context.Context, c *call, in OfDataset) (Description, error) {
	d, _, err := c.dataset(ctx, in)
	if err != nil {
		return Description{}, err
	}
	return c.describe(ctx, d)
}

func (c *call) describe(ctx context.Context, d Dataset) (Description, error) {
	out := Description{Dataset: d, Columns: []DescribedColumn{}}
	var p profileAnswer
	if err := c.operate(ctx, "GET", "/v1/datalines/"+url.PathEscape(d.ID)+"/profile", nil, nil, &p); err != nil {
		return out, err
	}
	for _, known := range p.Columns {
		if known.Hidden {
			continue // a person wants nobody to read it
		}
		if len(out.Columns) == maxColumns {
			out.Truncated = true
			break
		}
		w := DescribedColumn{Name: known.Name, Type: known.Type, Role: known.Role, Label: known.Label, Unit: known.Unit, Nulls: known.Nulls, Top: []string{}}
		if p.Profile != nil {
			for _, found := range p.Profile.Columns {
				if found.Name != known.Name {
					continue
				}
				w.Distinct, w.Min, w.Max = &found.Distinct, cut(found.Min, maxTopValue), cut(found.Max, maxTopValue)
				for _, v := range found.Top[:min(maxTop, len(found.Top))] {
					w.Top = append(w.Top, cut(v.Value, maxTopValue))
				}
			}
		}
		out.Columns = append(out.Columns, w)
	}
	return out, nil
}

// cut shortens text to so many characters.
func cut(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

// A Sample says which rows to show.
type Sample struct {
	OfDataset
	Limit *int `json:"limit,omitempty" jsonschema:"How many rows, up to 1000; 10 if left out"`
}

func sampleRows(ctx context.Context, c *call, in Sample) (Rows, error) {
	d, _, err := c.dataset(ctx, in.OfDataset)
	if err != nil {
		return Rows{}, err
	}
	limit := 10
	if in.Limit != nil {
		limit = max(1, rowsAsked(in.Limit))
	}
	var page struct {
		Columns []Column            `json:"columns"`
		Rows    [][]json.RawMessage `json:"rows"`
		Total   int64               `json:"total_rows"`
	}
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	if err := c.operate(ctx, "GET", "/v1/datalines/"+url.PathEscape(d.ID)+"/rows", query, nil, &page); err != nil {
		return Rows{}, err
	}
	r := apiResult{Columns: page.Columns, TotalRows: &page.Total, Truncated: int64(len(page.Rows)) < page.Total}
	for _, row := range page.Rows {
		object, err := objectOf(page.Columns, row)
		if err != nil {
			return Rows{}, err
		}
		r.Data = append(r.Data, object)
	}
	return r.bounded(limit, "To find something, use a program or query_sql."), nil
}

// objectOf returns the row as an object, in the order of the columns.
func objectOf(columns []Column, row []json.RawMessage) (json.RawMessage, error) {
	text := []byte{'{'}
	for i, v := range row {
		name, err := encode(columns[i].Name)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			text = append(text, ',')
		}
		text = append(append(append(text, name...), ':'), v...)
	}
	return append(text, '}'), nil
}

// A Step is something that a dataset was made by.
type Step struct {
	From           *string `json:"from" jsonschema:"Id of what it was made from; null for the request itself"`
	To             string  `json:"to" jsonschema:"Id of what was made"`
	Transformation string  `json:"transformation"`
	At             string  `json:"at"`
}

// Lineage is what dataset_lineage returns.
type Lineage struct {
	Dataset Dataset `json:"dataset"`
	Steps   []Step  `json:"steps"`
}

const maxSteps = 200

func datasetLineage(ctx context.Context, c *call, in OfDataset) (Lineage, error) {
	d, _, err := c.dataset(ctx, in)
	out := Lineage{Dataset: d, Steps: []Step{}}
	if err != nil {
		return out, err
	}
	var edges []struct {
		UpstreamID     *string `json:"upstream_id"`
		DownstreamID   string  `json:"downstream_id"`
		Transformation string  `json:"transformation"`
		CreatedAt      string  `json:"created_at"`
	}
	if err := c.operate(ctx, "GET", "/v1/datasources/"+url.PathEscape(d.DatasourceID)+"/lineage", nil, nil, &edges); err != nil {
		return out, err
	}
	for _, e := range edges[max(0, len(edges)-maxSteps):] {
		out.Steps = append(out.Steps, Step{e.UpstreamID, e.DownstreamID, e.Transformation, e.CreatedAt})
	}
	return out, nil
}
