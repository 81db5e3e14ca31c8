package duckdb

import (
	"strings"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"millwright/internal/engine"
)

// A Crossing is what two readers say of one text: our checks, with DuckDB's parse
// tree, and DuckDB's parser by itself.
type Crossing struct {
	Refused    error // by our checks
	Statements int   // that DuckDB sees; 0 if the text does not parse
	Select     bool  // whether DuckDB calls the only one a SELECT; only if it was prepared
	Tables     []string
}

// A Crosser asks both. It is not safe for concurrent use.
type Crosser struct {
	db     *database
	tables []engine.Table
}

// NewCrosser knows tables of these names, each with the columns a and b.
func NewCrosser(names ...string) (*Crosser, error) {
	db, err := openDatabase()
	if err != nil {
		return nil, err
	}
	c := &Crosser{db: db}
	for _, name := range names {
		if err := db.exec(`CREATE VIEW "` + name + `" AS SELECT 1 AS a, 'x' AS b`); err != nil {
			return nil, err
		}
		c.tables = append(c.tables, engine.Table{Name: name, View: "SELECT 1"})
	}
	return c, db.exec("SET errors_as_json = true")
}

// Close ends the database.
func (c *Crosser) Close() {
	mapping.Disconnect(&c.db.conn)
	mapping.Close(&c.db.db)
}

// Ask reads the text. Preparing it takes as long as DuckDB wants.
func (c *Crosser) Ask(sql string, prepare bool) (x Crossing) {
	body, _, err := checkStatement(sql)
	if err == nil {
		err = c.db.checkTree(body, c.tables)
	}
	x.Refused = err
	if err != nil {
		return x
	}
	var stmts mapping.ExtractedStatements
	x.Statements = int(mapping.ExtractStatements(c.db.conn, sql, &stmts))
	mapping.DestroyExtracted(&stmts)
	names := mapping.GetTableNames(c.db.conn, body, true)
	defer mapping.DestroyValue(&names)
	for i := range mapping.GetListSize(names) {
		v := mapping.GetListChild(names, i)
		x.Tables = append(x.Tables, strings.ToLower(mapping.GetVarchar(v)))
		mapping.DestroyValue(&v)
	}
	if prepare {
		p, err := c.db.prepare(body)
		if err != nil {
			x.Refused = err
			return x
		}
		x.Select = p.isSelect()
		p.close()
	}
	return x
}
