package duckdb

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"millwright/internal/errs"
)

// The checks here refuse early and say why. They are not what protects
// anything: the worker looks at DuckDB's own parse tree, and the kernel at
// every file it opens.

const (
	maxStatement = 100 << 10 // bytes
	maxNesting   = 200       // brackets; DuckDB takes seconds for a few hundred
)

// Parameters returns the names of a statement's parameters in order of first use.
func Parameters(sql string) ([]string, error) {
	tokens, err := lex(sql)
	if err != nil {
		return nil, err
	}
	return parameters(sql, tokens)
}

func parameters(sql string, tokens []token) ([]string, error) {
	names, seen := []string{}, map[string]bool{}
	for _, t := range tokens {
		if t.kind == tokOrdinal {
			return nil, syntaxError(sql, t.pos, "parameters without a name are not supported").Fix("write $name")
		}
		if t.kind == tokParam && !seen[strings.ToLower(t.text)] {
			seen[strings.ToLower(t.text)] = true
			names = append(names, t.text)
		}
	}
	return names, nil
}

// checkStatement returns the statement without a trailing semicolon, and its
// parameters.
func checkStatement(sql string) (string, []string, error) {
	if len(sql) > maxStatement {
		return "", nil, errs.New(errs.TooLarge, "the statement has %d bytes; at most %d are accepted", len(sql), maxStatement).Named("sql-too-long")
	}
	if !utf8.ValidString(sql) || strings.ContainsRune(sql, 0) {
		return "", nil, errs.New(errs.Invalid, "the statement is not valid UTF-8 text").Named("sql-invalid")
	}
	tokens, err := lex(sql)
	if err != nil {
		return "", nil, err
	}
	body, err := single(sql, &tokens)
	if err != nil {
		return "", nil, err
	}
	if err := checkShape(sql, tokens); err != nil {
		return "", nil, err
	}
	params, err := parameters(sql, tokens)
	return body, params, err
}

// single cuts trailing semicolons off and refuses anything after one.
func single(sql string, tokens *[]token) (string, error) {
	isEnd := func(t token) bool { return t.kind == tokSymbol && t.text == ";" }
	first := slices.IndexFunc(*tokens, isEnd)
	if first >= 0 {
		if more := slices.IndexFunc((*tokens)[first:], func(t token) bool { return !isEnd(t) }); more >= 0 {
			return "", syntaxError(sql, (*tokens)[first+more].pos, "a second statement begins here; one is allowed").
				Fix("run the statements one by one")
		}
		sql, *tokens = sql[:(*tokens)[first].pos], (*tokens)[:first]
	}
	if len(*tokens) == 0 {
		return "", errs.New(errs.Invalid, "the statement is empty").Named("sql-invalid")
	}
	return sql, nil
}

// starts are the words that a SELECT statement may begin with.
var starts = []string{"select", "with", "from", "values", "table", "pivot", "unpivot"}

func checkShape(sql string, tokens []token) error {
	depth := 0
	for i, t := range tokens {
		var before, after token
		if i > 0 {
			before = tokens[i-1]
		}
		if i+1 < len(tokens) {
			after = tokens[i+1]
		}
		switch {
		case t.isSymbol("(", "[", "{"):
			if depth++; depth > maxNesting {
				return syntaxError(sql, t.pos, fmt.Sprintf("brackets are nested more than %d deep", maxNesting))
			}
		case t.isSymbol(")", "]", "}"):
			depth--
		case t.kind == tokString && before.isWord("from", "join"):
			return refused(sql, t.pos, "a query may read its project's tables, not files")
		case (t.kind == tokWord || t.kind == tokIdent) && after.isSymbol("(") && isRefusedFunction(t.text):
			return refusedFunction(sql, t.pos, t.text)
		}
	}
	return checkStart(sql, tokens)
}

func checkStart(sql string, tokens []token) error {
	for _, t := range tokens {
		if t.isSymbol("(") {
			continue
		}
		if t.kind == tokWord && slices.Contains(starts, strings.ToLower(t.text)) {
			return nil
		}
		return errs.New(errs.Invalid, "%s: only SELECT statements are allowed, and this begins with %q", at(sql, t.pos), sql[t.pos:t.end]).
			Named("sql-invalid").Fix("begin with SELECT, WITH, FROM or VALUES")
	}
	return nil
}

func (t token) isSymbol(symbols ...string) bool {
	return t.kind == tokSymbol && slices.Contains(symbols, t.text)
}

func (t token) isWord(words ...string) bool {
	return t.kind == tokWord && slices.Contains(words, strings.ToLower(t.text))
}

// allowedTableFunctions make rows out of their arguments and nothing else.
var allowedTableFunctions = []string{"generate_series", "json_each", "json_tree", "range", "repeat", "repeat_row", "unnest"}

// refusedScalars read or change the session, hide SQL from the checks, or
// crash the engine on small inputs.
var refusedScalars = []string{
	"current_setting", "getenv", "getvariable", "json_deserialize_sql", "json_serialize_plan",
	"json_serialize_sql", "parse_duckdb_log_message", "set_config", "write_log",
}

// namedTableFunctions are DuckDB's other table functions, so that a statement
// is refused by the name of the function it used. The worker refuses every
// table function that is not allowed, named here or not.
const namedTableFunctions = `
	add_parquet_key all_profiling_output arrow_scan arrow_scan_dumb check_peg_parser checkpoint collations
	copy_database database_list database_size disable_logging disable_peg_parser disable_profiling duckdb_approx_database_count
	duckdb_columns duckdb_connection_count duckdb_constraints duckdb_coordinate_systems duckdb_databases
	duckdb_dependencies duckdb_extensions duckdb_external_file_cache duckdb_functions duckdb_indexes
	duckdb_keywords duckdb_log_contexts duckdb_logs duckdb_logs_parsed duckdb_memory duckdb_optimizers
	duckdb_prepared_statements duckdb_profiling_settings duckdb_schemas duckdb_secret_types duckdb_secrets
	duckdb_sequences duckdb_settings duckdb_table_sample duckdb_tables duckdb_temporary_files duckdb_types
	duckdb_variables duckdb_views enable_logging enable_peg_parser enable_profiling force_checkpoint glob
	histogram_values icu_calendar_names json_execute_serialized_sql pandas_scan parquet_bloom_probe
	parquet_file_metadata parquet_full_metadata parquet_kv_metadata parquet_metadata parquet_scan parquet_schema
	pg_timezone_names pragma_collations pragma_database_size pragma_metadata_info pragma_platform pragma_show
	pragma_storage_info pragma_table_info pragma_user_agent pragma_version python_map_function query query_table
	read_blob read_csv read_csv_auto read_duckdb read_json read_json_auto read_json_objects read_json_objects_auto
	read_ndjson read_ndjson_auto read_ndjson_objects read_parquet read_text seq_scan sniff_csv sql_auto_complete
	summary test_all_types test_vector_types truncate_duckdb_logs which_secret
`

func isRefusedFunction(name string) bool {
	name = strings.ToLower(name)
	return slices.Contains(refusedScalars, name) || slices.Contains(strings.Fields(namedTableFunctions), name)
}

// isSystemName reports whether DuckDB has, or may have, a view of that name
// which every session can read.
func isSystemName(name string) bool {
	return slices.ContainsFunc([]string{"duckdb_", "pragma_", "sqlite_", "pg_"}, func(p string) bool {
		return strings.HasPrefix(strings.ToLower(name), p)
	})
}

func refusedFunction(sql string, pos int, name string) *errs.Error {
	return refused(sql, pos, fmt.Sprintf("the function %s is not available: a query may read its project's tables, not files or settings", name))
}

func refused(sql string, pos int, why string) *errs.Error {
	return errs.New(errs.Invalid, "%s: %s", at(sql, pos), why).Named("sql-invalid")
}

func syntaxError(sql string, pos int, msg string) *errs.Error {
	return errs.New(errs.Invalid, "%s: %s", at(sql, pos), msg).Named("sql-invalid")
}
