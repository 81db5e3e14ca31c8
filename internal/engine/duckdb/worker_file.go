package duckdb

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"millwright/internal/engine"
	"millwright/internal/errs"
	"millwright/internal/table"
)

// DuckDB scans a row group as one unit of work, and holds a whole one in
// memory per thread while it writes.
const (
	rowGroup      = 61440    // rows, half its default, as what is held while it is made
	rowGroupCells = 8 << 20  // values, which is what takes memory in wide tables
	rowGroupBytes = 64 << 20 // of long records
)

// rowGroupOf returns how many rows of so many values make a row group.
func rowGroupOf(width int) int {
	return max(2048, min(rowGroup, rowGroupCells/max(1, width)))
}

// rowGroupBytesOf returns after how many bytes a row group of long records of so many
// values ends. DuckDB counts a vector of 2,048 values for each, several times over,
// however few there are: 64 MB are 161 rows of 10,000. And for each row group it looks
// at every column once for each column, so that 1,000 rows in many take four times as
// long to write and to read as in one, and more memory to read.
func rowGroupBytesOf(width int) int {
	if width <= wideTable {
		return rowGroupBytes
	}
	return rowGroupBytes + 2*2048*16*width
}

// width counts the values in a row, each list as one.
func width(columns []table.Column) int {
	n := 0
	for _, c := range columns {
		n += typeWidth(c.Type)
	}
	return n
}

func typeWidth(t table.Type) int {
	switch t.Kind {
	case table.Struct:
		return width(t.Fields)
	case table.List, table.Map:
		return typeWidth(*t.Elem)
	}
	return 1
}

// maxObject is the longest record, in bytes, that is tried first if it is not known:
// each thread holds buffers of twice that. Longer ones get a second try with one thread.
const (
	minObject     = 1 << 20
	maxObject     = 16 << 20
	maxLongObject = 256 << 20
)

// explain returns the plan as an indented list.
func (d *database) explain(st *statement) (string, error) {
	head := "EXPLAIN (FORMAT json) "
	p, err := d.prepare(head + st.SQL)
	if err != nil {
		return "", in(st.SQL, len(head), err)
	}
	defer p.close()
	if err := p.bind(st.Args); err != nil {
		return "", err
	}
	res, err := p.run()
	if err != nil {
		return "", in(st.SQL, len(head), err)
	}
	defer mapping.DestroyResult(res)
	plan, err := fetchText(res, 1)
	if err != nil {
		return "", err
	}
	var nodes []planNode
	if err := json.Unmarshal([]byte(plan), &nodes); err != nil {
		return "", fmt.Errorf("plan: %w", err)
	}
	var b strings.Builder
	for _, n := range nodes {
		n.print(&b, 0)
	}
	return b.String(), nil
}

type planNode struct {
	Name     string         `json:"name"`
	Children []planNode     `json:"children"`
	Extra    map[string]any `json:"extra_info"`
}

// print leaves out what names files.
func (n planNode) print(b *strings.Builder, depth int) {
	fmt.Fprintf(b, "%s%s", strings.Repeat("  ", depth), strings.TrimSpace(n.Name))
	for _, key := range slices.Sorted(maps.Keys(n.Extra)) {
		if strings.Contains(strings.ToLower(key), "file") {
			continue
		}
		switch v := n.Extra[key].(type) {
		case []any:
			parts := make([]string, len(v))
			for i, part := range v {
				parts[i] = fmt.Sprint(part)
			}
			fmt.Fprintf(b, "  %s: %s", key, strings.Join(parts, ", "))
		default:
			if s := strings.TrimSpace(fmt.Sprint(v)); s != "" {
				fmt.Fprintf(b, "  %s: %s", key, s)
			}
		}
	}
	b.WriteByte('\n')
	for _, child := range n.Children {
		child.print(b, depth+1)
	}
}

// export writes the result to a file in the spill folder.
func (w *worker) export(st *statement, s shape) (ending, error) {
	if err := os.Remove(st.Output); err != nil && !errors.Is(err, os.ErrNotExist) {
		return ending{}, err
	}
	inner, shift := s.wrapped(st)
	head := "COPY ("
	p, err := w.db.prepare(head + inner + ") TO " + table.QuoteText(st.Output) +
		" (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false, ROW_GROUP_SIZE " + strconv.Itoa(rowGroupOf(width(s.columns))) + ")")
	if err != nil {
		return ending{}, in(st.SQL, len(head)+shift, err)
	}
	defer p.close()
	if err := p.bind(st.Args); err != nil {
		return ending{}, err
	}
	rows, err := p.copied()
	if err != nil {
		return ending{}, in(st.SQL, len(head)+shift, err)
	}
	if st.MaxRows > 0 && rows > st.MaxRows {
		return ending{}, errs.New(errs.TooLarge, "the result has more than %d rows, the most that may be exported", st.MaxRows).
			Named("result-too-large").Fix("filter or aggregate further")
	}
	return ending{Rows: rows}, nil
}

// copied runs a COPY and returns how many rows it wrote.
func (p *prepared) copied() (int64, error) {
	res, err := p.run()
	if err != nil {
		return 0, err
	}
	defer mapping.DestroyResult(res)
	text, err := fetchText(res, 0)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(text, 10, 64)
}

// convert writes the conversion's Parquet file.
func (w *worker) convert(c *engine.Conversion) (ending, error) {
	longest := maxObject
	if c.Longest > 0 {
		longest = max(minObject, int(min(c.Longest, maxLongObject))+1)
	}
	rows, err := w.db.copyJSON(c, longest, w.binding.ByBytes)
	var duck *duckError
	if errors.As(err, &duck) && strings.Contains(duck.Msg, "maximum_object_size") {
		if err := os.Remove(c.Output); err != nil && !errors.Is(err, os.ErrNotExist) {
			return ending{}, err
		}
		rows, err = w.db.copyJSON(c, maxLongObject, w.binding.ByBytes)
	}
	if err != nil {
		return ending{}, err
	}
	return w.written(c.Output, c.Schema, rows)
}

// written describes a Parquet file that was just made.
func (w *worker) written(path string, schema table.Schema, rows int64) (ending, error) {
	info, err := os.Stat(path)
	if err != nil {
		return ending{}, err
	}
	stats, err := w.db.stats(path, schema)
	return ending{Rows: rows, Bytes: info.Size(), Stats: stats}, err
}

func (d *database) copyJSON(c *engine.Conversion, longest int, byBytes bool) (int64, error) {
	p, err := d.prepare(conversionSQL(c, longest, byBytes))
	if err != nil {
		return 0, err
	}
	defer p.close()
	return p.copied()
}

func conversionSQL(c *engine.Conversion, longest int, byBytes bool) string {
	compression := "uncompressed"
	if strings.HasSuffix(c.Input, ".zst") {
		compression = "zstd"
	}
	var columns, list []string
	for _, col := range c.Schema.Columns {
		read := col.Type.Spell(readAs)
		columns = append(columns, table.QuoteText(col.Name)+": "+table.QuoteText(read))
		item := table.Quote(col.Name)
		if stored := col.Type.Spell(storeAs); stored != read {
			item = "CAST(" + item + " AS " + stored + ") AS " + item
		}
		list = append(list, item)
	}
	from := "read_json(" + table.QuoteText(c.Input) +
		", format = 'newline_delimited', compression = '" + compression + "', ignore_errors = false, auto_detect = false, records = 'true'" +
		", maximum_object_size = " + strconv.Itoa(longest) + ", columns = {" + strings.Join(columns, ", ") + "})"
	return "COPY (SELECT " + strings.Join(list, ", ") + " FROM " + from + ") TO " + fileSQL(c.Output, c.Schema, byBytes, quickly)
}

// Levels of zstd. People wait for a conversion, which takes a tenth less with the lower
// one and makes files that are a hundredth or two longer; nobody waits for what writes
// files again.
const (
	quickly = 1
	usually = 3
)

// fileSQL spells where a COPY writes to, and how.
func fileSQL(path string, schema table.Schema, byBytes bool, level int) string {
	sql := table.QuoteText(path) + " (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL " + strconv.Itoa(level) + ", USE_TMP_FILE false, ROW_GROUP_SIZE " + strconv.Itoa(rowGroupOf(width(schema.Columns)))
	if byBytes {
		sql += ", ROW_GROUP_SIZE_BYTES " + strconv.Itoa(rowGroupBytesOf(width(schema.Columns)))
	}
	var ids []string
	for _, col := range schema.Columns {
		if id := fieldID(col.ID, col.Type); id != "" {
			ids = append(ids, table.QuoteText(col.Name)+": "+id)
		}
	}
	if len(ids) > 0 {
		sql += ", FIELD_IDS {" + strings.Join(ids, ", ") + "}"
	}
	return sql + ")"
}

// readAs says what is read as text and cast: DuckDB's JSON reader would take
// decimals through floating point and guess at the format of dates.
var readAs = map[table.Kind]string{
	table.Decimal: "VARCHAR", table.Date: "VARCHAR", table.Timestamp: "VARCHAR", table.TimestampTZ: "VARCHAR", table.JSON: "VARCHAR",
}

// storeAs says what Parquet has no name for.
var storeAs = map[table.Kind]string{table.JSON: "VARCHAR"}

// fieldID spells the Parquet field ids of a column and its parts; "" if it has none.
func fieldID(id int, t table.Type) string {
	var parts []string
	add := func(name string, id int, t table.Type) {
		if spelled := fieldID(id, t); spelled != "" {
			parts = append(parts, table.QuoteText(name)+": "+spelled)
		}
	}
	switch t.Kind {
	case table.Struct:
		for _, f := range t.Fields {
			add(f.Name, f.ID, f.Type)
		}
	case table.List:
		add("element", t.ElemID, *t.Elem)
	case table.Map:
		add("key", t.KeyID, table.Type{Kind: table.Varchar})
		add("value", t.ElemID, *t.Elem)
	}
	if len(parts) == 0 {
		if id == 0 {
			return ""
		}
		return strconv.Itoa(id)
	}
	if id != 0 {
		parts = append([]string{"__duckdb_field_id: " + strconv.Itoa(id)}, parts...)
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
