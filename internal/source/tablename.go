package source

import (
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// longestTable leaves room for a number and a child's field within 63 bytes,
// the shortest limit among the engines we may run on.
const longestTable = 40

// TableName returns how SQL calls the dataset of a datasource of that name:
// snake_case, starting with a letter, no reserved word, never with a double
// underscore (which separates a child dataset from its parent), so that it needs
// no quotes in any engine.
func TableName(name string) string {
	var b strings.Builder
	previous := ' ' // of the name, marks left out
	for _, r := range norm.NFKD.String(name) {
		switch {
		case unicode.Is(unicode.Mn, r): // the accent of é, split off by NFKD
			continue
		case r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			if unicode.IsUpper(r) && unicode.IsLower(previous) {
				b.WriteByte('_')
			}
			b.WriteRune(unicode.ToLower(r))
		default:
			b.WriteByte('_')
		}
		previous = r
	}
	words := strings.FieldsFunc(b.String(), func(r rune) bool { return r == '_' })
	table := strings.Join(words, "_")
	if len(table) > longestTable {
		table = strings.TrimRight(table[:longestTable], "_")
	}
	switch {
	case table == "":
		return "data"
	case table[0] >= '0' && table[0] <= '9',
		// Engines look up their own views under these before a user's tables.
		strings.HasPrefix(table, "pg_"), strings.HasPrefix(table, "duckdb_"), strings.HasPrefix(table, "sqlite_"):
		return "t_" + table
	case reserved(table):
		return table + "_table"
	}
	return table
}

// free returns the first of base, base_2, base_3, ... that is not taken.
func free(base string, taken map[string]bool) string {
	name := base
	for n := 2; taken[name]; n++ {
		name = base + "_" + strconv.Itoa(n)
	}
	return name
}

// reserved reports whether an engine reads the word as part of its grammar:
// the reserved words of DuckDB, PostgreSQL and Trino.
func reserved(word string) bool {
	const words = ` all alter analyse analyze and anti any array as asc asof asymmetric at authorization between bigint binary bit
 boolean both by case cast char character check coalesce collate collation column columns concurrently constraint create cross
 cube current_catalog current_date current_path current_role current_schema current_time current_timestamp current_user date
 deallocate dec decimal default deferrable delete desc describe distinct do drop else end escape except execute exists extract
 false fetch float for foreign freeze from full generated glob global grant group grouping having if ilike in initially inner
 inout insert int integer intersect interval into is isnull join json_array json_exists json_object json_query json_table
 json_value lambda lateral leading left like limit list listagg localtime localtimestamp macro map materialized merge natural
 nchar none normalize not notnull null nullif numeric offset on only or order out outer overlaps overlay pivot pivot_longer
 pivot_wider placing position positional precision prepare primary qualify real recursive references replace returning right
 rollup row rows schema select semi session_user set setof show similar skip smallint some struct substring summarize symmetric
 system_user table tablesample text then time timestamp to trailing treat trim true try_cast uescape union unique unnest
 unpack unpivot update user using uuid values varchar variadic verbose view when where window with within without xmlattributes
 xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable `
	for w := range strings.FieldsSeq(words) {
		if w == word {
			return true
		}
	}
	return false
}
