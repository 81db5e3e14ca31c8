package ingest

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"millwright/internal/dataset"
	"millwright/internal/errs"
	"millwright/internal/httpsource"
	"millwright/internal/ingest/typing"
	"millwright/internal/table"
)

// A base is what a run builds on: the dataset as it was when the run looked.
type base struct {
	exists  bool
	dataset dataset.Dataset
	version dataset.Version
	files   []dataset.File // those that stay; none for a run that replaces
	facts   json.RawMessage
	chosen  map[string]table.Type // types that people chose, by key
}

// readBase returns what a run with that setting builds on and what its cursor
// remembers. It fails if nothing that the run brings could be committed.
func (s *Service) readBase(ctx context.Context, datasourceID string, setting httpsource.RunSetting) (b base, state *CursorState, err error) {
	list, err := s.Datasets.ByDatasource(ctx, datasourceID)
	if err != nil || len(list) == 0 {
		if err == nil && !setting.Cursor.IsZero() {
			_, err = state.next(setting.Cursor)
		}
		return base{}, nil, err
	}
	b = base{exists: true, dataset: list[0]}
	if b.version, err = s.Datasets.Version(ctx, b.dataset.ID, b.dataset.Version); err != nil {
		return b, nil, err
	}
	if b.chosen, err = s.chosenTypes(ctx, b.dataset.ID); err != nil {
		return b, nil, err
	}
	if replaces(setting.Mode) {
		return b, nil, nil
	}
	if err := checkKey(setting, b.version.Key); err != nil {
		return b, nil, err
	}
	if b.files, err = s.Datasets.Files(ctx, b.dataset.ID, b.dataset.Version); err != nil {
		return b, nil, err
	}
	if b.facts, err = s.Datasets.Facts(ctx, b.dataset.ID, b.dataset.Version); err != nil {
		return b, nil, err
	}
	if len(b.facts) == 0 {
		return b, nil, errs.New(errs.Conflict, "what is known of the dataset's types was not stored with its version %d, so nothing can be added to it", b.dataset.Version).
			Named("facts-missing").Fix("run once with mode replace")
	}
	if setting.Cursor.IsZero() {
		return b, nil, nil
	}
	if state, _, _, err = s.cursorState(ctx, datasourceID, b.dataset); err == nil {
		_, err = state.next(setting.Cursor)
	}
	return b, state, err
}

// checkKey says at once what the commit would refuse after the last page.
func checkKey(setting httpsource.RunSetting, current []string) error {
	merged := strings.Join(current, ", ")
	switch {
	case len(current) == 0:
	case setting.Mode == httpsource.Append:
		return errs.New(errs.Conflict, "the dataset is merged on %s; rows that are only appended would replace others of the same key", merged).
			Named("append-to-merged").At("/mode").Fix("run with mode merge", "run once with mode replace")
	case !slices.Equal(setting.Key, current):
		return errs.New(errs.Conflict, "the dataset is merged on %s; with the key %s, rows that were replaced would be back", merged, strings.Join(setting.Key, ", ")).
			Named("merge-key-changed").At("/key").Fix("merge on "+merged, "run once with mode replace, then merge on the new key")
	}
	return nil
}

// observer returns an observer that knows of the rows that stay.
func (b base) observer() (*typing.Observer, error) {
	l := typing.Limits{LastID: b.dataset.LastFieldID}
	if len(b.facts) == 0 {
		return typing.NewObserver(l), nil
	}
	return typing.Restore(l, b.facts)
}

// decide returns the schema of the version to come, which is decided over its rows
// and by the people who chose types.
func (b base) decide(o *typing.Observer) typing.Result { return b.decideAfter(o, nil) }

// decideAfter is decide, after it was decided over some of the rows: names and field
// ids that were given then stay.
func (b base) decideAfter(o *typing.Observer, before *typing.Result) typing.Result {
	var previous *table.Schema
	switch {
	case b.exists && before != nil:
		both := table.Schema{Columns: together(b.dataset.Schema.Columns, before.Schema.Columns)}
		previous = &both
	case b.exists:
		previous = &b.dataset.Schema
	case before != nil:
		previous = &before.Schema
	}
	r := o.Schema(previous)
	for _, c := range slices.Clone(r.Schema.Columns) {
		if t, ok := b.chosen[c.Key]; ok {
			r.Force(c.Key, t)
		}
	}
	return r
}

// together returns the columns of a, as they are in b if they are there, and then
// the others of b.
func together(a, b []table.Column) []table.Column {
	in := map[string]table.Column{}
	for _, c := range b {
		in[c.Key] = c
	}
	var all []table.Column
	for _, c := range a {
		if now, ok := in[c.Key]; ok {
			c = table.Column{ID: now.ID, Name: now.Name, Key: now.Key, Type: typesTogether(c.Type, now.Type)}
			delete(in, c.Key)
		}
		all = append(all, c)
	}
	for _, c := range b {
		if _, ok := in[c.Key]; ok {
			all = append(all, c)
		}
	}
	return all
}

// typesTogether returns b with the fields that a has besides.
func typesTogether(a, b table.Type) table.Type {
	if a.Kind != b.Kind {
		return b
	}
	switch b.Kind {
	case table.Struct:
		b.Fields = together(a.Fields, b.Fields)
	case table.List, table.Map:
		elem := typesTogether(*a.Elem, *b.Elem)
		b.Elem = &elem
	}
	return b
}
