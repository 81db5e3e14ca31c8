package duckdb

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/duckdb/duckdb-go/v2/arrowmapping"
	"github.com/duckdb/duckdb-go/v2/mapping"

	"millwright/internal/engine"
	"millwright/internal/errs"
	"millwright/internal/table"
)

// query serves the operations on a caller's statement.
func (w *worker) query(op operation, st *statement) (ending, error) {
	if err := w.db.setTables(st.Tables); err != nil {
		return ending{}, err
	}
	if err := w.db.accept(st); err != nil {
		return ending{}, err
	}
	if op == opExplain {
		text, err := w.db.explain(st)
		return ending{Text: text}, err
	}
	shape, err := w.db.shapeOf(st)
	if err != nil {
		return ending{}, err
	}
	switch op {
	case opDescribe:
		return ending{Columns: shape.columns}, nil
	case opRun:
		return w.run(st, shape)
	case opExport:
		return w.export(st, shape)
	}
	return ending{}, fmt.Errorf("unknown operation %q", op)
}

// accept refuses what may not run. What it has accepted on the same tables it
// accepts again without another look.
func (d *database) accept(st *statement) error {
	key := st.SQL
	for _, t := range st.Tables {
		if t.Hidden {
			key += "\x00" + t.Name // neither can hold this byte
		}
	}
	if d.accepted[key] {
		return nil
	}
	if err := d.checkTree(st.SQL, st.Tables); err != nil {
		return err
	}
	if err := d.checkSelect(st.SQL); err != nil {
		return err
	}
	if len(d.accepted) >= maxAccepted {
		clear(d.accepted)
	}
	d.accepted[key] = true
	return nil
}

const maxAccepted = 64

// checkSelect prepares the caller's own text, so that it is exactly one SELECT
// whatever it is later wrapped in, and errors tell its own lines.
func (d *database) checkSelect(sql string) error {
	p, err := d.prepare(sql)
	if errors.Is(err, errNotOne) {
		return errs.New(errs.Invalid, "exactly one statement is allowed").Named("sql-invalid")
	}
	if err != nil {
		return in(sql, 0, err)
	}
	defer p.close()
	if !p.isSelect() {
		return errs.New(errs.Invalid, "only SELECT statements are allowed").Named("sql-invalid")
	}
	return nil
}

// setTables makes the views of a query and removes those of the last.
func (d *database) setTables(tables []engine.Table) error {
	wanted := map[string]bool{}
	for _, t := range tables {
		wanted[strings.ToLower(t.Name)] = true
	}
	for name := range d.views {
		if !wanted[name] {
			clear(d.accepted)
			if err := d.exec("DROP VIEW IF EXISTS " + table.Quote(name)); err != nil {
				return err
			}
			delete(d.views, name)
		}
	}
	for _, t := range tables {
		sql := viewSQL(t)
		// A view over views is made anew: what it reads may have changed.
		if t.View == "" && d.views[strings.ToLower(t.Name)] == sql {
			continue
		}
		clear(d.accepted)
		if err := d.exec(sql); err != nil {
			return fmt.Errorf("table %q: %w", t.Name, err)
		}
		d.views[strings.ToLower(t.Name)] = sql
	}
	return nil
}

func viewSQL(t engine.Table) string {
	head := "CREATE OR REPLACE VIEW " + table.Quote(t.Name) + " AS "
	if t.View != "" {
		return head + t.View
	}
	files := make([]string, len(t.Files))
	for i, f := range t.Files {
		files[i] = table.QuoteText(f)
	}
	// Columns by name keep DuckDB's virtual columns out, which tell paths.
	columns := make([]string, len(t.Schema.Columns))
	for i, c := range t.Schema.Columns {
		columns[i] = table.Quote(c.Name)
		if c.Type.Kind == table.JSON {
			columns[i] = table.Quote(c.Name) + "::JSON AS " + table.Quote(c.Name)
		}
	}
	list := "*"
	if t.Order != "" {
		columns = append(columns, "file_index::BIGINT * "+strconv.FormatInt(1<<40, 10)+" + file_row_number AS "+table.Quote(t.Order))
	}
	if len(columns) > 0 {
		list = strings.Join(columns, ", ")
	}
	return head + "SELECT " + list + " FROM read_parquet([" + strings.Join(files, ", ") +
		"], hive_partitioning = false, union_by_name = false, filename = false)"
}

// A shape is how a statement's result looks.
type shape struct {
	columns []table.Column
	list    string // select list that casts what has no family of ours
}

const derived = ` FROM (
%s
) AS "q"`

// shapeOf finds names and types of the result with the arguments in place:
// DuckDB resolves parameters by their values, so the text alone may not tell.
func (d *database) shapeOf(st *statement) (shape, error) {
	head := "SELECT *"
	p, err := d.prepare(head + fmt.Sprintf(derived, st.SQL) + " LIMIT 0")
	if err != nil {
		return shape{}, in(st.SQL, len(head)+len(" FROM (\n"), err)
	}
	defer p.close()
	// A statement that is prepared copies the types of all columns to tell that of one.
	if n := mapping.PreparedStatementColumnCount(p.stmt); n <= wideTable && mapping.NParams(p.stmt) == 0 {
		return newShape(n, func(i mapping.IdxT) (string, mapping.LogicalType) {
			return mapping.PreparedStatementColumnName(p.stmt, i), mapping.PreparedStatementColumnLogicalType(p.stmt, i)
		}), nil
	}
	if err := p.bind(st.Args); err != nil {
		return shape{}, err
	}
	res, err := p.run()
	if err != nil {
		return shape{}, in(st.SQL, len(head)+len(" FROM (\n"), err)
	}
	defer mapping.DestroyResult(res)
	return newShape(mapping.ColumnCount(res), func(i mapping.IdxT) (string, mapping.LogicalType) {
		return mapping.ColumnName(res, i), mapping.ColumnLogicalType(res, i)
	}), nil
}

func newShape(n mapping.IdxT, column func(mapping.IdxT) (string, mapping.LogicalType)) shape {
	var s shape
	var list []string
	for i := range n {
		name, lt := column(i)
		t, cast := typeOf(lt)
		mapping.DestroyLogicalType(&lt)
		s.columns = append(s.columns, table.Column{Name: name, Key: name, Type: t})
		if cast {
			list = append(list, "CAST("+table.Quote(name)+" AS "+resultSQL(t)+") AS "+table.Quote(name))
		} else {
			list = append(list, table.Quote(name))
		}
	}
	s.list = strings.Join(list, ", ")
	return s
}

// wrapped returns the statement with its columns cast and its rows limited, and
// where in it the caller's text begins.
func (s shape) wrapped(st *statement) (sql string, shift int) {
	head := "SELECT " + s.list
	sql = head + fmt.Sprintf(derived, st.SQL)
	if st.MaxRows > 0 {
		sql += " LIMIT " + strconv.FormatInt(st.MaxRows+1, 10) // one more, to know whether there is more
	}
	return sql, len(head) + len(" FROM (\n")
}

// run streams the result.
func (w *worker) run(st *statement, s shape) (ending, error) {
	sql, shift := s.wrapped(st)
	p, err := w.db.prepare(sql)
	if err != nil {
		return ending{}, in(st.SQL, shift, err)
	}
	defer p.close()
	if err := p.bind(st.Args); err != nil {
		return ending{}, err
	}
	schema, err := w.db.arrowSchemaOf(s.columns)
	if err != nil {
		return ending{}, err
	}
	out, err := w.begin(s.columns, schema)
	if err != nil {
		return ending{}, err
	}
	end, err := p.stream(out, schema, st)
	if err != nil {
		return end, in(st.SQL, shift, err)
	}
	return end, out.Close()
}

// begin tells the parent that the statement is accepted and what will come,
// before the first row is computed, which can take long.
func (w *worker) begin(columns []table.Column, schema *arrow.Schema) (*ipc.Writer, error) {
	if err := writeJSON(w.out, frameSchema, table.Schema{Columns: columns}); err != nil {
		return nil, err
	}
	out := ipc.NewWriter(frameWriter{w.out}, ipc.WithSchema(schema))
	// The writer sends the schema with the first batch.
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	empty := builder.NewRecordBatch()
	defer empty.Release()
	return out, out.Write(empty)
}

// stream runs the statement and sends its rows as they are computed.
func (p *prepared) stream(out *ipc.Writer, schema *arrow.Schema, st *statement) (end ending, err error) {
	res, err := p.run()
	if err != nil {
		return end, err
	}
	defer mapping.DestroyResult(res)
	options := arrowmapping.ResultGetArrowOptions(res)
	defer arrowmapping.DestroyArrowOptions(&options)
	actual, err := arrowSchema(res, options)
	if err != nil {
		return end, err
	}
	if !actual.Equal(schema) {
		return end, fmt.Errorf("the result is %s, announced was %s", actual, schema)
	}
	for !end.Truncated {
		batch, err := fetchBatch(res, options, schema)
		if err != nil || batch == nil {
			return end, err
		}
		part := batch.NewSlice(0, end.take(batch, st))
		err = out.Write(part)
		part.Release()
		batch.Release()
		if err != nil {
			return end, err
		}
	}
	return end, nil
}

// take counts as many rows of the batch as the limits leave room for, notes a
// cut, and returns the number.
func (e *ending) take(batch arrow.RecordBatch, st *statement) int64 {
	n, size := batch.NumRows(), batchSize(batch)
	if n == 0 {
		return 0
	}
	keep := n
	if st.MaxRows > 0 && e.Rows+keep > st.MaxRows {
		keep, e.Truncated = st.MaxRows-e.Rows, true
	}
	if st.MaxBytes > 0 && e.Bytes+size*keep/n > st.MaxBytes {
		keep, e.Truncated = max(0, (st.MaxBytes-e.Bytes)*n/size), true
	}
	e.Rows += keep
	e.Bytes += size * keep / n
	return keep
}
