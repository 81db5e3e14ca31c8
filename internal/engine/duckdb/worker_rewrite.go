package duckdb

import (
	"strings"

	"millwright/internal/engine"
	"millwright/internal/table"
)

// rewrite writes the rewriting's Parquet file.
func (w *worker) rewrite(r *engine.Rewriting) (ending, error) {
	if err := w.db.setTables(r.Tables); err != nil {
		return ending{}, err
	}
	list := make([]string, len(r.Schema.Columns))
	for i, c := range r.Schema.Columns {
		list[i] = "CAST(" + table.Quote(c.Name) + " AS " + c.Type.Spell(storeAs) + ") AS " + table.Quote(c.Name)
	}
	p, err := w.db.prepare("COPY (SELECT " + strings.Join(list, ", ") + " FROM (\n" + r.SQL + "\n) AS q) TO " +
		fileSQL(r.Output, r.Schema, w.binding.ByBytes, usually))
	if err != nil {
		return ending{}, err
	}
	defer p.close()
	rows, err := p.copied()
	if err != nil {
		return ending{}, err
	}
	return w.written(r.Output, r.Schema, rows)
}
