package duckdb

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	bindings "github.com/duckdb/duckdb-go-bindings"
	"github.com/duckdb/duckdb-go/v2/mapping"

	"millwright/internal/table"
)

// A database is the worker's DuckDB: one in-memory database, one connection.
// The C API is used without database/sql, whose driver runs every statement of
// a string while preparing it, and keeps whole results in memory.
type database struct {
	db    mapping.Database
	conn  mapping.Connection
	views map[string]string // by name: the definition that is in place

	accepted map[string]bool // statements that may run on these views
}

// openDatabase opens DuckDB with one thread, which is the caller's. It comes
// before the confinement: DuckDB looks for files of the system, and crashes
// when it may not open them.
func openDatabase() (*database, error) {
	d := &database{views: map[string]string{}, accepted: map[string]bool{}}
	var config mapping.Config
	defer mapping.DestroyConfig(&config)
	mapping.CreateConfig(&config)
	if mapping.SetConfig(config, "threads", "1") == mapping.StateError {
		return nil, errors.New("DuckDB has no setting for threads")
	}
	var why string
	if mapping.OpenExt(":memory:", &d.db, config, &why) == mapping.StateError {
		return nil, fmt.Errorf("DuckDB does not open: %s", why)
	}
	if mapping.Connect(d.db, &d.conn) == mapping.StateError {
		return nil, errors.New("DuckDB does not connect")
	}
	return d, nil
}

// configure makes the settings of b, with no way to undo them.
func (d *database) configure(b *binding) error {
	temp := filepath.Join(b.Spill, "temp")
	if err := os.Mkdir(temp, 0o700); err != nil {
		return err
	}
	for _, s := range settings(b, temp) {
		if err := d.exec("SET " + s[0] + " = " + s[1]); err != nil {
			return fmt.Errorf("setting %s: %w", s[0], err)
		}
	}
	return nil
}

func settings(b *binding, temp string) [][2]string {
	var dirs []string
	for _, dir := range append(append([]string{b.Spill}, b.ReadDirs...), b.WriteDirs...) {
		dirs = append(dirs, table.QuoteText(dir+"/"))
	}
	var files []string
	for _, file := range b.ReadFiles {
		files = append(files, table.QuoteText(file))
	}
	return [][2]string{
		{"autoinstall_known_extensions", "false"},
		{"autoload_known_extensions", "false"},
		{"allow_community_extensions", "false"},
		{"allow_persistent_secrets", "false"},
		{"threads", strconv.Itoa(b.Threads)},
		{"memory_limit", table.QuoteText(memoryOfDuckDB(cmp.Or(b.Plan, b.Memory)))},
		{"temp_directory", table.QuoteText(temp)},
		{"max_temp_directory_size", table.QuoteText(strconv.FormatInt(b.MaxSpill>>20, 10) + "MiB")},
		{"TimeZone", "'UTC'"},
		{"errors_as_json", "true"},
		{"preserve_insertion_order", strconv.FormatBool(!b.ByBytes)},
		{"parquet_metadata_cache", "true"},
		{"allowed_directories", "[" + strings.Join(dirs, ", ") + "]"},
		{"allowed_paths", "[" + strings.Join(files, ", ") + "]"},
		{"enable_external_access", "false"},
		{"lock_configuration", "true"},
	}
}

// exec runs one statement of our own.
func (d *database) exec(sql string) error {
	var res mapping.Result
	defer mapping.DestroyResult(&res)
	if mapping.Query(d.conn, sql, &res) == mapping.StateError {
		return newDuckError(mapping.ResultError(&res))
	}
	return nil
}

// A prepared is one statement, ready to run.
type prepared struct {
	stmt mapping.PreparedStatement
}

var errNotOne = errors.New("not exactly one statement")

// prepare refuses text that is not exactly one statement, before any of it runs.
func (d *database) prepare(sql string) (*prepared, error) {
	var stmts mapping.ExtractedStatements
	n := mapping.ExtractStatements(d.conn, sql, &stmts)
	defer mapping.DestroyExtracted(&stmts)
	if n == 0 {
		if msg := mapping.ExtractStatementsError(stmts); msg != "" {
			return nil, newDuckError(msg)
		}
	}
	if n != 1 {
		return nil, errNotOne
	}
	p := &prepared{}
	if mapping.PrepareExtractedStatement(d.conn, stmts, 0, &p.stmt) == mapping.StateError {
		err := newDuckError(mapping.PrepareError(p.stmt))
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *prepared) close() { mapping.DestroyPrepare(&p.stmt) }

func (p *prepared) isSelect() bool {
	return mapping.PreparedStatementType(p.stmt) == mapping.StatementTypeSelect
}

// bind gives each parameter its value by name; without one, NULL.
func (p *prepared) bind(args []argument) error {
	for i := mapping.IdxT(1); i <= mapping.NParams(p.stmt); i++ {
		v, err := argumentValue(args, mapping.ParameterName(p.stmt, i))
		if err != nil {
			return err
		}
		state := mapping.BindValue(p.stmt, i, v)
		mapping.DestroyValue(&v)
		if state == mapping.StateError {
			return newDuckError(mapping.PrepareError(p.stmt))
		}
	}
	return nil
}

// run starts the statement; its rows are made as they are fetched. The caller
// must destroy the result.
func (p *prepared) run() (*mapping.Result, error) {
	var pending mapping.PendingResult
	state := bindings.PendingPreparedStreaming(p.stmt, &pending)
	defer mapping.DestroyPending(&pending)
	if state == mapping.StateError {
		return nil, newDuckError(mapping.PendingError(pending))
	}
	res := &mapping.Result{}
	if mapping.ExecutePending(pending, res) == mapping.StateError {
		err := newDuckError(mapping.ResultError(res))
		mapping.DestroyResult(res)
		return nil, err
	}
	return res, nil
}

func argumentValue(args []argument, name string) (mapping.Value, error) {
	for _, a := range args {
		if strings.EqualFold(a.Name, name) {
			return duckValue(a.Value)
		}
	}
	return mapping.CreateNullValue(), nil
}

func duckValue(v value) (mapping.Value, error) {
	switch v.Kind {
	case "null":
		return mapping.CreateNullValue(), nil
	case "bool":
		return mapping.CreateBool(v.Text == "true"), nil
	case "int":
		n, err := strconv.ParseInt(v.Text, 10, 64)
		return mapping.CreateInt64(n), err
	case "float":
		f, err := strconv.ParseFloat(v.Text, 64)
		return mapping.CreateDouble(f), err
	case "text":
		return mapping.CreateVarcharLength(v.Text, mapping.IdxT(len(v.Text))), nil
	case "list":
		return duckList(v.List)
	}
	return mapping.Value{}, fmt.Errorf("a value of kind %q", v.Kind)
}

// duckList gives a list the narrowest type that holds all its items.
func duckList(items []value) (mapping.Value, error) {
	kind := "null"
	for _, item := range items {
		switch {
		case kind == item.Kind || item.Kind == "null":
		case kind == "null":
			kind = item.Kind
		case kind == "int" && item.Kind == "float" || kind == "float" && item.Kind == "int":
			kind = "float"
		default:
			kind = "text"
		}
	}
	types := map[string]mapping.Type{
		"null": mapping.TypeSQLNull, "bool": mapping.TypeBoolean, "int": mapping.TypeBigInt,
		"float": mapping.TypeDouble, "text": mapping.TypeVarchar,
	}
	elem := mapping.CreateLogicalType(types[kind])
	defer mapping.DestroyLogicalType(&elem)
	values := make([]mapping.Value, 0, len(items))
	defer func() {
		for i := range values {
			mapping.DestroyValue(&values[i])
		}
	}()
	for _, item := range items {
		if item.Kind != "null" {
			item.Kind = kind
		}
		v, err := duckValue(item)
		if err != nil {
			return mapping.Value{}, err
		}
		values = append(values, v)
	}
	return mapping.CreateListValue(elem, values), nil
}
