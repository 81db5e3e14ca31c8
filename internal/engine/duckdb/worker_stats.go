package duckdb

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/duckdb/duckdb-go/v2/arrowmapping"
	"github.com/duckdb/duckdb-go/v2/mapping"

	"millwright/internal/engine"
	"millwright/internal/table"
)

// A leaf is a stored column of a file: one that has no parts.
type leaf struct {
	id        int // field id; 0 for what is in a list or a map, or has none
	typ       table.Type
	min, max  *string // of the row groups so far
	nulls     int64
	blind     bool // a row group does not tell its bounds exactly
	uncounted bool // a row group does not tell its nulls
}

// leaves lists the stored columns of a schema in the order of the file.
func leaves(columns []table.Column) []leaf {
	var all []leaf
	var add func(id int, t table.Type)
	add = func(id int, t table.Type) {
		switch t.Kind {
		case table.Struct:
			for _, f := range t.Fields {
				add(f.ID, f.Type)
			}
		case table.Map:
			all = append(all, leaf{typ: table.Type{Kind: table.Varchar}})
			addInside(&all, *t.Elem)
		case table.List:
			addInside(&all, *t.Elem)
		default:
			all = append(all, leaf{id: id, typ: t})
		}
	}
	for _, c := range columns {
		add(c.ID, c.Type)
	}
	return all
}

// addInside adds what is repeated, which rows have no bounds for.
func addInside(all *[]leaf, t table.Type) {
	for _, l := range leaves([]table.Column{{Type: t}}) {
		l.id = 0
		*all = append(*all, l)
	}
}

// statsSQL asks a footer. Old bounds (stats_min) are left out: their order is unclear.
const statsSQL = `SELECT column_id::BIGINT, num_values::BIGINT, stats_null_count::BIGINT, stats_min_value, stats_max_value,
	coalesce(min_is_exact, false), coalesce(max_is_exact, false) FROM parquet_metadata(`

// stats reads the bounds of a file's columns from its footer.
func (d *database) stats(path string, schema table.Schema) (engine.Stats, error) {
	all := leaves(schema.Columns)
	err := d.each(statsSQL+table.QuoteText(path)+")", func(batch arrow.RecordBatch) {
		column := batch.Column(0).(*array.Int64)
		for i := range int(batch.NumRows()) {
			if at := column.Value(i); at >= 0 && at < int64(len(all)) {
				all[at].add(batch, i)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	found := engine.Stats{}
	for _, l := range all {
		if l.id == 0 {
			continue
		}
		var c engine.ColumnStats
		if !l.blind {
			c.Min, c.Max = l.min, l.max
		}
		if !l.uncounted {
			c.Nulls = &l.nulls
		}
		if c != (engine.ColumnStats{}) {
			found[l.id] = c
		}
	}
	return found, nil
}

// add adds what a row group's footer says about the column.
func (l *leaf) add(group arrow.RecordBatch, row int) {
	values, nulls := group.Column(1).(*array.Int64), group.Column(2).(*array.Int64)
	if nulls.IsNull(row) {
		l.uncounted = true
	} else {
		l.nulls += nulls.Value(row)
		if nulls.Value(row) == values.Value(row) {
			return
		}
	}
	low, high := group.Column(3).(*array.String), group.Column(4).(*array.String)
	exact := group.Column(5).(*array.Boolean).Value(row) && group.Column(6).(*array.Boolean).Value(row)
	if low.IsNull(row) || high.IsNull(row) || !exact {
		l.blind = true
		return
	}
	lowest, ok := bound(l.typ, low.Value(row))
	highest, alsoOK := bound(l.typ, high.Value(row))
	if !ok || !alsoOK {
		l.blind = true
		return
	}
	if l.min == nil || less(l.typ, lowest, *l.min) {
		l.min = &lowest
	}
	if l.max == nil || less(l.typ, *l.max, highest) {
		l.max = &highest
	}
}

// bound spells a bound as engine.ColumnStats says; false for one without an order
// that every reader would agree on.
func bound(t table.Type, text string) (string, bool) {
	text = strings.Clone(text) // it lies in a batch
	switch t.Kind {
	case table.BigInt:
		_, err := strconv.ParseInt(text, 10, 64)
		return text, err == nil
	case table.Double:
		f, err := strconv.ParseFloat(text, 64)
		return text, err == nil && !math.IsNaN(f)
	case table.Decimal:
		_, ok := new(big.Rat).SetString(text)
		return text, ok
	case table.Boolean, table.Varchar:
		return text, true
	case table.Date, table.Timestamp, table.TimestampTZ:
		// Years of more digits, and those before the first, sort otherwise.
		if len(text) < 10 || text[4] != '-' || strings.HasSuffix(text, "BC)") {
			return "", false
		}
		text = strings.Replace(text, " ", "T", 1)
		if zoneless, ok := strings.CutSuffix(text, "+00"); ok {
			text = zoneless + "Z"
		}
		return text, true
	}
	return "", false
}

// less compares bounds.
func less(t table.Type, a, b string) bool {
	switch t.Kind {
	case table.BigInt, table.Decimal:
		x, _ := new(big.Rat).SetString(a)
		y, _ := new(big.Rat).SetString(b)
		return x.Cmp(y) < 0
	case table.Double:
		x, _ := strconv.ParseFloat(a, 64)
		y, _ := strconv.ParseFloat(b, 64)
		return x < y
	case table.Timestamp, table.TimestampTZ:
		a, b = strings.TrimSuffix(a, "Z"), strings.TrimSuffix(b, "Z")
	}
	return a < b
}

// each calls visit for each batch of the answer to our own statement.
func (d *database) each(sql string, visit func(arrow.RecordBatch)) error {
	p, err := d.prepare(sql)
	if err != nil {
		return err
	}
	defer p.close()
	res, err := p.run()
	if err != nil {
		return err
	}
	defer mapping.DestroyResult(res)
	options := arrowmapping.ResultGetArrowOptions(res)
	defer arrowmapping.DestroyArrowOptions(&options)
	schema, err := arrowSchema(res, options)
	if err != nil {
		return err
	}
	for {
		batch, err := fetchBatch(res, options, schema)
		if err != nil || batch == nil {
			return err
		}
		visit(batch)
		batch.Release()
	}
}
