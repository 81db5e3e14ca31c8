package duckdb

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"millwright/internal/engine"
	"millwright/internal/errs"
	"millwright/internal/table"
)

// checkTree refuses a statement whose parse tree, as DuckDB itself prints it,
// names a table that is not the query's or a function that may not be used.
func (d *database) checkTree(sql string, tables []engine.Table) error {
	text, err := d.tree(sql)
	if err != nil {
		return err
	}
	var root struct {
		Error    bool   `json:"error"`
		Type     string `json:"error_type"`
		Msg      string `json:"error_message"`
		Position string `json:"position"`
	}
	if err := json.Unmarshal([]byte(text), &root); err != nil {
		// DuckDB reads 1e400 as infinity, for which its JSON has a word that JSON has not.
		return errs.New(errs.Invalid, "the statement cannot be checked; it may hold a number beyond the range of DOUBLE").Named("sql-invalid").
			Fix("write numbers below 1e308").Because(fmt.Errorf("parse tree: %w", err))
	}
	if root.Error {
		return d.whyNoTree(sql, root.Type, root.Msg, root.Position)
	}
	var tree any
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&tree); err != nil {
		return fmt.Errorf("parse tree: %w", err)
	}
	c := &treeCheck{sql: sql, tables: tables, ctes: map[string]bool{}}
	c.collect(tree)
	return c.walk(tree)
}

func (d *database) whyNoTree(sql, typ, msg, position string) error {
	if typ != "parser" && typ != "syntax" {
		return errs.New(errs.Invalid, "only SELECT statements are allowed; this one is something else, or a PIVOT without the list of its values").
			Named("sql-invalid").Fix("write a SELECT", "give the PIVOT its values: PIVOT t ON c IN ('a', 'b') USING sum(x)")
	}
	e := newDuckError(msg)
	e.Kind, e.sql = "Parser", sql
	if _, err := fmt.Sscan(position, &e.Position); err != nil {
		e.Position = -1
	}
	return e
}

// tree returns DuckDB's parse tree of sql as JSON.
func (d *database) tree(sql string) (string, error) {
	p, err := d.prepare("SELECT json_serialize_sql(" + table.QuoteText(sql) + ", skip_null := true, skip_empty := true)")
	if err != nil {
		return "", err
	}
	defer p.close()
	res, err := p.run()
	if err != nil {
		return "", err
	}
	defer mapping.DestroyResult(res)
	return fetchText(res, 0)
}

type treeCheck struct {
	sql    string
	tables []engine.Table
	ctes   map[string]bool // lower-case names that the statement itself defines
}

// collect notes the names of common table expressions.
func (c *treeCheck) collect(node any) {
	switch node := node.(type) {
	case []any:
		for _, n := range node {
			c.collect(n)
		}
	case map[string]any:
		if m, ok := node["cte_map"].(map[string]any); ok {
			entries, _ := m["map"].([]any)
			for _, entry := range entries {
				if e, ok := entry.(map[string]any); ok {
					c.ctes[strings.ToLower(text(e, "key"))] = true
				}
			}
		}
		for _, n := range node {
			c.collect(n)
		}
	}
}

// walk checks every node of the tree, in a fixed order.
func (c *treeCheck) walk(node any) error {
	switch node := node.(type) {
	case []any:
		for _, n := range node {
			if err := c.walk(n); err != nil {
				return err
			}
		}
	case map[string]any:
		if err := c.node(node); err != nil {
			return err
		}
		keys := make([]string, 0, len(node))
		for k := range node {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			if err := c.walk(node[k]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *treeCheck) node(n map[string]any) error {
	switch text(n, "type") {
	case "BASE_TABLE":
		return c.baseTable(n)
	case "SHOW_REF":
		return errs.New(errs.Invalid, "SHOW, DESCRIBE and SUMMARIZE are not available in a query").Named("sql-invalid").
			Fix("ask for the table's schema or profile instead")
	case "TABLE_FUNCTION":
		f, _ := n["function"].(map[string]any)
		name := strings.ToLower(text(f, "function_name"))
		if text(f, "schema") != "" || text(f, "catalog") != "" || !slices.Contains(allowedTableFunctions, name) {
			return refusedFunction(c.sql, position(f), name)
		}
		return nil
	}
	if name, isCall := n["function_name"].(string); isCall && isRefusedFunction(name) {
		return refusedFunction(c.sql, position(n), name)
	}
	return nil
}

func (c *treeCheck) baseTable(n map[string]any) error {
	name, pos := text(n, "table_name"), position(n)
	if text(n, "catalog_name") != "" || text(n, "schema_name") != "" {
		return refused(c.sql, pos, fmt.Sprintf("the table %s must be named without a schema or catalog", table.Quote(name)))
	}
	at := slices.IndexFunc(c.tables, func(t engine.Table) bool { return strings.EqualFold(t.Name, name) })
	own, hidden := at >= 0 && !c.tables[at].Hidden, at >= 0 && c.tables[at].Hidden
	// The name of an expression that hides one of DuckDB's views, or a hidden table,
	// is refused: in another part of the statement it would mean those.
	if own || c.ctes[strings.ToLower(name)] && !isSystemName(name) && !hidden {
		return nil
	}
	names := make([]string, 0, len(c.tables))
	for _, t := range c.tables {
		if !t.Hidden {
			names = append(names, t.Name)
		}
	}
	e := syntaxError(c.sql, pos, fmt.Sprintf("there is no table %s", table.Quote(name)))
	if len(names) > 0 {
		e = e.Fix("use one of: " + strings.Join(names, ", "))
	}
	return e
}

func text(n map[string]any, key string) string {
	s, _ := n[key].(string)
	return s
}

func position(n map[string]any) int {
	num, _ := n["query_location"].(json.Number)
	i, err := num.Int64()
	if err != nil {
		return 0
	}
	return int(i)
}
