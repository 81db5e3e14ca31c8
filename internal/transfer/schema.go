package transfer

import (
	"fmt"
	"slices"
	"strings"

	"millwright/internal/errs"
	"millwright/internal/table"
)

const (
	mostColumns = 20_000
	mostLevels  = 64
	mostFieldID = 1 << 30
)

// checkSchema refuses a schema that none of ours could be. Types are written into
// SQL, so that no other word may pass for one.
func checkSchema(s table.Schema) error {
	if len(s.Columns) == 0 || len(s.Columns) > mostColumns {
		return badSchema("it has %d columns", len(s.Columns))
	}
	return checkFields(s.Columns, map[int]bool{}, 0)
}

func badSchema(format string, args ...any) *errs.Error {
	return errs.New(errs.Invalid, "the schema of a dataset is none of ours: %s", fmt.Sprintf(format, args...)).Named("import-schema-invalid").At("/schema").
		Fix("export the project again", "or leave the schema out: it is then read from the Parquet file")
}

func checkFields(fields []table.Column, ids map[int]bool, level int) error {
	names := map[string]bool{}
	for _, f := range fields {
		lower := strings.ToLower(f.Name)
		if f.Name == "" || strings.ContainsRune(f.Name, 0) || names[lower] {
			return badSchema("a name is missing or there twice")
		}
		names[lower] = true
		if err := takeID(f.ID, ids); err != nil {
			return err
		}
		if err := checkType(f.Type, ids, level+1); err != nil {
			return err
		}
	}
	return nil
}

func takeID(id int, ids map[int]bool) error {
	if id < 1 || id > mostFieldID || ids[id] {
		return badSchema("a field id is missing or there twice")
	}
	ids[id] = true
	return nil
}

func checkType(t table.Type, ids map[int]bool, level int) error {
	if level > mostLevels {
		return badSchema("it nests types more than %d deep", mostLevels)
	}
	switch t.Kind {
	case table.Boolean, table.BigInt, table.Double, table.Varchar, table.Date, table.Timestamp, table.TimestampTZ, table.JSON:
		return nil
	case table.Decimal:
		if t.Precision < 1 || t.Precision > 38 || t.Scale < 0 || t.Scale > t.Precision {
			return badSchema("it has a DECIMAL of %d digits", t.Precision)
		}
		return nil
	case table.Struct:
		if len(t.Fields) == 0 {
			return badSchema("it has a STRUCT without fields")
		}
		return checkFields(t.Fields, ids, level)
	case table.List, table.Map:
		if t.Elem == nil {
			return badSchema("it has a list of nothing")
		}
		if t.Kind == table.Map {
			if err := takeID(t.KeyID, ids); err != nil {
				return err
			}
		}
		if err := takeID(t.ElemID, ids); err != nil {
			return err
		}
		return checkType(*t.Elem, ids, level+1)
	}
	return badSchema("a type is unknown")
}

// A reading says how the rows of a foreign Parquet file become rows of ours.
type reading struct {
	schema table.Schema
	last   int    // the highest field id
	sql    string // over the table "file"
}

// readingOf takes the columns of the file as the schema says.
func readingOf(found []table.Column, s table.Schema) (reading, error) {
	list := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		if !slices.ContainsFunc(found, func(f table.Column) bool { return strings.EqualFold(f.Name, c.Name) }) {
			return reading{}, badSchema("the Parquet file has no column %q", cut(c.Name, 60))
		}
		list[i] = table.Quote(c.Name)
	}
	return reading{schema: s, last: s.LastID(), sql: "SELECT " + strings.Join(list, ", ") + " FROM file"}, nil
}

// deriveReading makes a schema of what the file says of its columns.
func deriveReading(found []table.Column) (reading, error) {
	if len(found) == 0 || len(found) > mostColumns {
		return reading{}, badSchema("the Parquet file has %d columns", len(found))
	}
	var r reading
	list := make([]string, len(found))
	for i, f := range found {
		name := table.Quote(f.Name)
		if list[i] = name; f.Type.Kind == table.Other {
			list[i] = "CAST(" + name + " AS VARCHAR) AS " + name
			if f.Type.Text == "BLOB" {
				list[i] = "lower(hex(" + name + ")) AS " + name
			}
		}
		r.last++
		c := table.Column{ID: r.last, Name: f.Name, Key: f.Name}
		c.Type = storable(f.Type, &r.last)
		r.schema.Columns = append(r.schema.Columns, c)
	}
	r.sql = "SELECT " + strings.Join(list, ", ") + " FROM file"
	return r, checkSchema(r.schema)
}

// storable is the type of ours that holds the values of a type of the engine's.
func storable(t table.Type, last *int) table.Type {
	next := func() int { *last++; return *last }
	switch t.Kind {
	case table.Other:
		return table.Type{Kind: table.Varchar}
	case table.Struct:
		out := table.Type{Kind: table.Struct}
		for _, f := range t.Fields {
			id := next()
			out.Fields = append(out.Fields, table.Column{ID: id, Name: f.Name, Key: f.Name, Type: storable(f.Type, last)})
		}
		return out
	case table.List, table.Map:
		out := table.Type{Kind: t.Kind, ElemID: next()}
		if t.Kind == table.Map {
			out.KeyID = next()
		}
		elem := storable(*t.Elem, last)
		out.Elem = &elem
		return out
	}
	return t
}
