package evaluate

import (
	"io"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/profile"
	"millwright/internal/program"
	"millwright/internal/table"
)

// A Column is a column of a result.
type Column struct {
	Name string
	Type table.Type
	Role string // what the profile says a column of that name means; else what its type suggests
	Kind string // how it is shown: "measure", "time" or "dimension"
}

// A Result is the answer of a program, in memory.
type Result struct {
	Program         program.Program // what ran
	Values          map[string]any  // what its slots were, defaults included
	SQL             string          // what the engine was given, without the values
	Columns         []Column
	RowCount        int64 // rows that are here
	Truncated       bool  // a limit left rows out
	TotalRows       *int64
	Elapsed         time.Duration
	At              time.Time        // when it began
	DatasetVersions map[string]int64 // table name -> version that was read

	data cells
}

// Each calls fn with each row's values as JSON, in the order of Columns, until it
// returns false. Neither the slice nor the values may be kept or changed.
func (r *Result) Each(fn func(row []jsontext.Value) bool) {
	row := make([]jsontext.Value, r.data.columns)
	for i := range int(r.RowCount) {
		for c := range row {
			row[c] = r.data.cell(i, c)
		}
		if !fn(row) {
			return
		}
	}
}

// RowsJSON returns [[v, …], …].
func (r *Result) RowsJSON() jsontext.Value {
	out := make([]byte, 0, len(r.data.text)+len(r.data.ends)+3*int(r.RowCount)+2)
	out = append(out, '[')
	r.Each(func(row []jsontext.Value) bool {
		out = comma(out)
		out = append(out, '[')
		for _, v := range row {
			out = append(comma(out), v...)
		}
		out = append(out, ']')
		return true
	})
	return append(out, ']')
}

// ObjectsJSON returns [{column: v, …}, …].
func (r *Result) ObjectsJSON() jsontext.Value {
	keys := objectKeys(r.Columns)
	out := []byte{'['}
	r.Each(func(row []jsontext.Value) bool {
		out = appendObject(comma(out), keys, row)
		return true
	})
	return append(out, ']')
}

// WriteNDJSON writes each row as an object on a line of its own.
func (r *Result) WriteNDJSON(w io.Writer) (err error) {
	keys := objectKeys(r.Columns)
	var line []byte
	r.Each(func(row []jsontext.Value) bool {
		line = append(appendObject(line[:0], keys, row), '\n')
		_, err = w.Write(line)
		return err == nil
	})
	return err
}

// comma separates from what the open list or object holds already.
func comma(out []byte) []byte {
	switch out[len(out)-1] {
	case '[', '{', ':':
		return out
	}
	return append(out, ',')
}

func appendObject(out []byte, keys [][]byte, row []jsontext.Value) []byte {
	out = append(out, '{')
	for i, v := range row {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(out, keys[i]...), v...)
	}
	return append(out, '}')
}

// objectKeys returns "name": of each column. A name that comes twice gets a
// number, because an object has each key once.
func objectKeys(columns []Column) [][]byte {
	keys, seen := make([][]byte, len(columns)), map[string]bool{}
	for i, c := range columns {
		name := unused(c.Name, seen)
		seen[name] = true
		keys[i] = append(quote(nil, name), ':')
	}
	return keys
}

// cells holds values one after the other, which takes less memory than a slice
// for each.
type cells struct {
	columns int
	text    []byte
	ends    []int // of each value, row by row
}

// add encodes a row and reports whether it still fits.
func (c *cells) add(encode []encoder, row int, maxBytes int64) bool {
	text, ends := len(c.text), len(c.ends)
	for _, e := range encode {
		c.text = e.json(c.text, row)
		c.ends = append(c.ends, len(c.text))
	}
	if int64(len(c.text)) > maxBytes {
		c.text, c.ends = c.text[:text], c.ends[:ends]
		return false
	}
	return true
}

func (c *cells) cell(row, column int) jsontext.Value {
	at, from := row*c.columns+column, 0
	if at > 0 {
		from = c.ends[at-1]
	}
	return jsontext.Value(c.text[from:c.ends[at]:c.ends[at]])
}

func columnsOf(schema table.Schema, roles map[string]string) []Column {
	columns := make([]Column, len(schema.Columns))
	for i, c := range schema.Columns {
		columns[i] = columnOf(c, roles)
	}
	return columns
}

func columnOf(c table.Column, roles map[string]string) Column {
	out := Column{Name: c.Name, Type: c.Type, Kind: "dimension"}
	switch {
	case c.Type.IsTemporal():
		out.Kind = "time"
	case c.Type.IsNumeric():
		out.Kind = "measure"
	}
	out.Role = string(roleOf(c.Type))
	for name, role := range roles {
		if strings.EqualFold(name, c.Name) {
			out.Role = role
		}
	}
	if out.Kind == "measure" && isLabelRole(profile.Role(out.Role)) {
		out.Kind = "dimension"
	}
	return out
}

// isLabelRole reports whether numbers of that role name things and measure
// nothing.
func isLabelRole(r profile.Role) bool {
	switch r {
	case profile.Key, profile.ForeignKey, profile.Code, profile.Year, profile.DatePart, profile.OrdinalInt, profile.Flag,
		profile.Lat, profile.Lon:
		return true
	}
	return false
}

func roleOf(t table.Type) profile.Role {
	switch t.Kind {
	case table.BigInt, table.Decimal, table.Double:
		return profile.Measure
	case table.Date, table.Timestamp, table.TimestampTZ:
		return profile.EventTime
	case table.Boolean:
		return profile.Flag
	case table.JSON:
		return profile.JSONText
	case table.Struct:
		return profile.Container
	case table.List:
		return profile.ListRole
	case table.Map:
		return profile.MapRole
	}
	return profile.Unknown
}
