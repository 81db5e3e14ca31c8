package duckdb

import (
	"slices"
	"strings"
)

// volatileFunctions say something else each time, or do something beside
// computing. A test compares the list with what DuckDB says of its functions.
var volatileFunctions = []string{
	"age", "ago", "currval", "current_connection_id", "current_database", "current_date", "current_localtime", "current_localtimestamp",
	"current_query", "current_query_id", "current_schema", "current_schemas", "current_transaction_id", "error", "gen_random_uuid",
	"get_current_time", "get_current_timestamp", "in_search_path", "nextval", "now", "pg_conf_load_time", "pg_postmaster_start_time",
	"random", "setseed", "sleep_ms", "stats", "today", "transaction_timestamp", "txid_current", "uuid", "uuidv4", "uuidv7", "write_log",
}

// volatileNames are the same without brackets.
var volatileNames = []string{"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"}

// Repeatable reports whether a statement that is accepted says the same whenever it
// runs on the same data, but for the order of rows that it does not order. It errs
// on the side of no: of names that may be a column's or a function's, it believes
// the latter.
func Repeatable(sql string) bool {
	tokens, err := lex(sql)
	if err != nil {
		return false
	}
	for i, t := range tokens {
		if t.kind != tokWord && t.kind != tokIdent {
			continue
		}
		name := strings.ToLower(t.text)
		if slices.Contains(volatileNames, name) {
			return false
		}
		if i+1 < len(tokens) && tokens[i+1].isSymbol("(") && slices.Contains(volatileFunctions, name) {
			return false
		}
		// A sample is another one each time.
		if t.isWord("tablesample") || t.isWord("sample") && i > 0 && tokens[i-1].isWord("using") {
			return false
		}
	}
	return true
}
