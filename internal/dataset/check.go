package dataset

import (
	"context"
	"slices"
	"strings"

	"millwright/internal/errs"
	"millwright/internal/meta"
	"millwright/internal/table"
)

// check refuses a version that does not fit its kind or the version before it.
func (s *Store) check(ctx context.Context, tx meta.Querier, n NewVersion, before Dataset, exists bool) error {
	if err := checkKind(n, exists); err != nil {
		return err
	}
	if err := checkSchema(n, before); err != nil {
		return err
	}
	if !exists {
		return nil
	}
	if err := s.checkBase(ctx, tx, n, before); err != nil {
		return err
	}
	current, err := s.version(ctx, tx, before.ID, before.Version)
	if err != nil {
		return err
	}
	return checkKey(n, current.Key)
}

func checkKind(n NewVersion, exists bool) error {
	replaces := n.Kind == Replace || n.Kind == Retype
	switch {
	case n.TableName == "" || len(n.Files) == 0 || len(n.Schema.Columns) == 0:
		return errs.New(errs.Internal, "a version needs a table name, columns and a file")
	case !replaces && !slices.Contains([]Kind{Append, Merge, Compact}, n.Kind):
		return errs.New(errs.Internal, "a version of kind %q cannot be committed", n.Kind)
	case replaces && len(n.Ends) > 0:
		return errs.New(errs.Internal, "a version that replaces all files names files to end")
	case n.Kind == Compact && (n.Base == 0 || len(n.Ends) == 0 || !exists):
		return errs.New(errs.Internal, "a compaction needs the version and the files that it read")
	case n.Kind == Merge && (len(n.Key) == 0 || n.Rows <= 0):
		return errs.New(errs.Internal, "a merge needs its key and the number of rows as read")
	case n.Kind != Merge && n.Kind != Compact && n.Kind != Retype && len(n.Key) > 0:
		return errs.New(errs.Internal, "only a merge has a key, and what is made from one")
	}
	for _, key := range n.Key {
		if !slices.ContainsFunc(n.Schema.Columns, func(c table.Column) bool { return c.Key == key }) {
			return errs.New(errs.Invalid, "the merge key %q is no column of the data", key).Named("merge-key-missing").
				Fix("use one of: " + strings.Join(n.Schema.Names(), ", "))
		}
	}
	return nil
}

// checkKey refuses what would bring back rows that a merge replaced.
func checkKey(n NewVersion, current []string) error {
	merged := strings.Join(current, ", ")
	switch {
	case n.Kind == Retype && !slices.Equal(n.Key, current):
		return errs.New(errs.Internal, "other types do not change the key")
	case len(current) == 0:
	case n.Kind == Append:
		return errs.New(errs.Invalid, "the dataset is merged on %s; rows that are only appended would replace others of the same key", merged).
			Named("append-to-merged").Fix("run with mode merge", "run once with mode replace")
	case n.Kind == Merge && !slices.Equal(n.Key, current):
		return errs.New(errs.Invalid, "the dataset is merged on %s; with the key %s, rows that were replaced would be back",
			merged, strings.Join(n.Key, ", ")).Named("merge-key-changed").Fix("merge on "+merged, "run once with mode replace, then merge on the new key")
	}
	return nil
}

// checkBase refuses a version that was made from another than the current one,
// unless only the files were compacted since.
func (s *Store) checkBase(ctx context.Context, tx meta.Querier, n NewVersion, before Dataset) error {
	if n.Base == 0 || n.Base == before.Version {
		return nil
	}
	others, err := meta.All(ctx, tx, scanVersion,
		`SELECT `+versionColumns+` FROM dataset_versions WHERE dataset_id = ? AND version > ?`, before.ID, n.Base)
	if err != nil {
		return err
	}
	compacted := func(v Version) bool { return v.Kind == Compact }
	if n.Kind != Compact && len(others) > 0 && !slices.ContainsFunc(others, func(v Version) bool { return !compacted(v) }) {
		return nil
	}
	return errs.New(errs.Conflict, "the dataset is at version %d now; this version was made from version %d", before.Version, n.Base).
		Named("dataset-moved").Fix("start again from the current version")
}

// checkSchema refuses a schema whose field ids would make old files unreadable:
// an id names the same key at the same place for ever. A version that keeps
// earlier files also keeps their columns.
func checkSchema(n NewVersion, before Dataset) error {
	old := map[int]string{}
	places(before.Schema.Columns, "", func(id int, place string) error {
		old[id] = place
		return nil
	})
	seen := map[int]bool{}
	for _, c := range n.Schema.Columns {
		if c.ID < 1 {
			return errs.New(errs.Internal, "column %q has no field id of its own", c.Name)
		}
	}
	err := places(n.Schema.Columns, "", func(id int, place string) error {
		was, known := old[id]
		switch {
		case id == 0: // a nested place that nothing refers to
			return nil
		case seen[id]:
			return errs.New(errs.Internal, "%q has no field id of its own", place)
		case known && was != place:
			return errs.New(errs.Internal, "the field id of %q was given to %q", was, place)
		case !known && id <= before.LastFieldID:
			return errs.New(errs.Internal, "%q got a field id that was used before", place)
		}
		seen[id] = true
		return nil
	})
	if err != nil || n.Kind != Append && n.Kind != Merge {
		return err
	}
	for _, c := range before.Schema.Columns {
		if !seen[c.ID] {
			return errs.New(errs.Internal, "column %q is missing, and earlier files hold it", c.Name)
		}
	}
	return nil
}

// places calls visit for every field id with a text that stands for the place in
// the records that it names.
func places(columns []table.Column, within string, visit func(id int, place string) error) error {
	for _, c := range columns {
		// NUL parts the keys: one that looked like two would need an escape.
		place := within + c.Key
		if err := visit(c.ID, place); err != nil {
			return err
		}
		if err := placesIn(c.Type, place+"\x00", visit); err != nil {
			return err
		}
	}
	return nil
}

func placesIn(t table.Type, within string, visit func(id int, place string) error) error {
	if t.Kind == table.Map {
		if err := visit(t.KeyID, within+"{key}"); err != nil {
			return err
		}
	}
	if t.Elem != nil {
		place := within + map[table.Kind]string{table.List: "[]", table.Map: "{}"}[t.Kind]
		if err := visit(t.ElemID, place); err != nil {
			return err
		}
		if err := placesIn(*t.Elem, place+"\x00", visit); err != nil {
			return err
		}
	}
	return places(t.Fields, within, visit)
}
