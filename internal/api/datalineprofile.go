package api

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"millwright/internal/dataset"
	"millwright/internal/errs"
	"millwright/internal/ingest/typing"
	"millwright/internal/profile"
	"millwright/internal/table"
)

// A DatalineProfile is what is known of a dataset version.
type DatalineProfile struct {
	Version int64            `json:"version"`
	Columns []DatalineColumn `json:"columns" doc:"Each column and everything inside it, outer before inner"`
	Profile Object           `json:"profile" doc:"What analysis found: columns with statistics, roles and evidence; facts about the table; null until analysed"`
	Typing  json.RawMessage  `json:"typing" doc:"What typing wrote down, as it is; columns says the same for readers"`
}

// A DatalineColumn says what was inferred about a place in the records, and from what.
type DatalineColumn struct {
	Path     []string      `json:"path" doc:"Names from the column down; [] are the elements of a list, {} the values of a map"`
	Name     string        `json:"name" doc:"The path in one word" example:"items[].price"`
	Key      string        `json:"key" doc:"The key in the source's records; of elements and values, that of the list or map"`
	Type     string        `json:"type" doc:"The inferred type" example:"DECIMAL(18,2)"`
	Values   int64         `json:"values" doc:"From how many values that are not null it was inferred"`
	Nulls    int64         `json:"nulls"`
	Missing  int64         `json:"missing" doc:"Records, or objects, without the key"`
	Counts   typing.Counts `json:"counts" doc:"How many JSON values there were of each kind"`
	Unusual  []string      `json:"unusual" doc:"What a reader of the data should know"`
	Role     string        `json:"role" doc:"What analysis takes it for; empty until analysed"`
	Evidence []string      `json:"evidence" doc:"Why"`
	ColumnSaid
}

func (s *Server) datalineProfile(ctx context.Context, in *VersionQuery) (*out[DatalineProfile], error) {
	d, v, err := s.datasetAt(ctx, *in)
	if err != nil {
		return nil, err
	}
	w := DatalineProfile{Version: v.Version, Typing: v.Report}
	found, err := s.Datasets.Profile(ctx, d.ID, v.Version)
	switch {
	case err == nil:
		w.Profile = Object(found)
	case errs.KindOf(err) != errs.NotFound:
		return nil, err
	}
	said, err := s.overrides(ctx, d.ID)
	if err != nil {
		return nil, err
	}
	w.Columns, err = columnsKnown(v, found, said)
	return ok(w), err
}

// columnsKnown joins what typing and analysis found out about each place.
func columnsKnown(v dataset.Version, analysed json.RawMessage, said map[int]profile.Override) ([]DatalineColumn, error) {
	var reports []typing.Report
	// An expired version has no report, and versions of other origin need not have one.
	if len(v.Report) > 0 && v.Report[0] == '[' {
		if err := json.Unmarshal(v.Report, &reports); err != nil {
			return nil, err
		}
	}
	var p profile.Profile
	if len(analysed) > 0 {
		if err := json.Unmarshal(analysed, &p); err != nil {
			return nil, err
		}
	}
	places := analysedPlaces(&p)
	columns := []DatalineColumn{}
	walk(v.Schema.Columns, nil, func(id int, path []string, key, typ string) {
		c := DatalineColumn{Path: path, Name: pathName(path), Key: key, Type: typ, Unusual: []string{}, Evidence: []string{}}
		samePath := func(other []string) bool { return slices.Equal(other, path) }
		if i := slices.IndexFunc(reports, func(r typing.Report) bool { return samePath(r.Path) }); i >= 0 {
			r := reports[i]
			c.Counts, c.Nulls, c.Missing, c.Unusual = r.Counts, r.Counts.Nulls, r.Missing, append(c.Unusual, r.Notes...)
			c.Values = r.Counts.Booleans + r.Counts.Integers + r.Counts.Fractions + r.Counts.Strings + r.Counts.Objects + r.Counts.Arrays
		}
		found, ok := places[placeKey(path)]
		if ok || id != 0 {
			found = said[id].Apply(found)
			c.Role, c.Evidence, c.ColumnSaid = string(found.Role), append(c.Evidence, found.Evidence...), columnSaid(found, said[id])
		}
		columns = append(columns, c)
	})
	return columns, nil
}

// walk visits every place of the columns, outer before inner. Elements of lists and
// values of maps have no id.
func walk(columns []table.Column, within []string, visit func(id int, path []string, key, typ string)) {
	for _, c := range columns {
		walkType(c.ID, c.Type, append(slices.Clip(within), c.Name), c.Key, visit)
	}
}

func walkType(id int, t table.Type, path []string, key string, visit func(id int, path []string, key, typ string)) {
	visit(id, path, key, t.String())
	switch t.Kind {
	case table.Struct:
		walk(t.Fields, path, visit)
	case table.List:
		walkType(0, *t.Elem, append(slices.Clip(path), "[]"), key, visit)
	case table.Map:
		walkType(0, *t.Elem, append(slices.Clip(path), "{}"), key, visit)
	}
}

// pathName joins a path as dataset.Diff does.
func pathName(path []string) string {
	name := strings.Join(path, ".")
	return strings.NewReplacer(".[]", "[]", ".{}", "{}").Replace(name)
}
