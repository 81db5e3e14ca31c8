package e2e_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// reaches are statements that want what is not theirs: files, the environment,
// other projects, the network, settings, the server's own state. {CANARY} is a
// file that no query may read, {OWN} and {OTHER} are folders of objects, {OBJECTS}
// is the one above them, {SPILL} has the workers' private folders, {PORT} listens,
// {SCRATCH} is a folder outside, {t} a table of the project.
var reaches = []string{
	"SELECT * FROM read_text('{CANARY}')", "SELECT * FROM read_csv('{CANARY}')", "SELECT * FROM read_json('{CANARY}')", "SELECT * FROM read_blob('{CANARY}')",
	"SELECT * FROM '{CANARY}'", `SELECT * FROM "{CANARY}"`, "SELECT (SELECT content FROM read_text('{CANARY}'))", "SELECT * FROM {t}, LATERAL read_text('{CANARY}')",
	"WITH x AS MATERIALIZED (SELECT * FROM read_blob('{CANARY}')) SELECT * FROM x", "SELECT * FROM system.main.read_text('{CANARY}')", "SELECT * FROM read_text/**/('{CANARY}')",
	"SELECT * FROM \"read_text\"('{CANARY}')", "SELECT * FROM READ_TEXT(E'{CANARY}')", "SELECT * FROM read_text($${CANARY}$$)", "FROM read_text('{CANARY}')",
	"SELECT * FROM query('SELECT * FROM read_text(''{CANARY}'')')", "SELECT * FROM query_table(['{CANARY}'])", "SELECT * FROM read_text((SELECT '{CANARY}'))",
	"SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT * FROM read_text(''{CANARY}'')'))", "SELECT * FROM sniff_csv('{CANARY}')",
	"SELECT * FROM read_text('/proc/self/environ')", "SELECT * FROM read_text('/proc/self/cmdline')", "SELECT * FROM read_text('/proc/1/environ')", "SELECT * FROM read_blob('/proc/self/mem')",
	"SELECT getenv('MILLWRIGHT_CANARY')", "SELECT current_setting('home_directory')", "SELECT * FROM duckdb_settings()", "SELECT * FROM duckdb_secrets()",
	"SELECT * FROM read_parquet('{OTHER}/*.parquet')", "SELECT * FROM parquet_scan('{OTHER}/*')", "SELECT * FROM parquet_metadata('{OTHER}/*')", "SELECT * FROM read_parquet('{OWN}/../*/*')",
	"SELECT * FROM glob('{OBJECTS}/**')", "SELECT * FROM read_blob('{OTHER}/**')", "SELECT * FROM read_parquet(['{OWN}/*', '{OTHER}/*'])", "SELECT * FROM 'file://{OTHER}/*.parquet'",
	"SELECT * FROM read_text('{SPILL}/*/*')", "SELECT * FROM glob('{SPILL}/**')", "SELECT * FROM duckdb_temporary_files()", "SELECT * FROM read_blob('{SPILL}/../meta.db')",
	"SELECT * FROM read_csv('http://127.0.0.1:{PORT}/x')", "SELECT * FROM read_parquet('http://127.0.0.1:{PORT}/x.parquet')", "SELECT * FROM 'https://127.0.0.1:{PORT}/x.json'",
	"SELECT * FROM read_parquet('s3://127.0.0.1:{PORT}/x')", "ATTACH 'host=127.0.0.1 port={PORT}' AS pg (TYPE postgres)", "FORCE INSTALL httpfs FROM 'http://127.0.0.1:{PORT}/'",
	"INSTALL httpfs", "LOAD httpfs", "LOAD '{SCRATCH}/x.duckdb_extension'", "ATTACH '{OTHER}/new.db' AS e", "ATTACH ':memory:' AS e", "DETACH memory", "USE memory.main",
	"COPY {t} TO '{OWN}/evil.csv'", "COPY (SELECT 1) TO '{OTHER}/evil.parquet' (FORMAT parquet)", "COPY {t} TO '{SCRATCH}/evil.csv'", "COPY {t} TO '/proc/self/fd/4'", "COPY {t} FROM '{CANARY}'",
	"EXPORT DATABASE '{OWN}/e'", "IMPORT DATABASE '{OWN}/e'", "CREATE TABLE x AS SELECT * FROM read_text('{CANARY}')", "CREATE VIEW x AS SELECT 1", "CREATE MACRO f() AS TABLE SELECT * FROM read_text('{CANARY}')",
	"CREATE PERSISTENT SECRET s (TYPE s3, KEY_ID 'x', SECRET 'y')", "DROP VIEW {t}", "DELETE FROM {t}", "UPDATE {t} SET id = 1", "INSERT INTO {t} SELECT * FROM {t}", "TRUNCATE {t}", "ALTER TABLE {t} RENAME TO x",
	"SET enable_external_access = true", "SET lock_configuration = false", "SET memory_limit = '64GB'", "SET threads = 64", "RESET memory_limit", "PRAGMA enable_profiling", "PRAGMA profiling_output='{SCRATCH}/p'",
	"CALL enable_logging()", "CALL pragma_version()", "PREPARE p AS SELECT 1", "EXECUTE p", "BEGIN", "COMMIT", "CHECKPOINT", "VACUUM", "EXPLAIN ANALYZE SELECT 1", "DESCRIBE {t}", "SUMMARIZE {t}", "SHOW ALL TABLES",
	"SELECT 1; SELECT * FROM read_text('{CANARY}')", "SELECT 1;COPY {t} TO '{OWN}/evil.csv'", "SELECT 1 /* ; */ ; DROP VIEW {t}", "SELECT $$;$$; SELECT 2", "WITH a AS (SELECT 1) DELETE FROM {t}",
	"SELECT * FROM duckdb_views", "SELECT sql FROM sqlite_master", "SELECT * FROM pg_catalog.pg_class", "SELECT view_definition FROM information_schema.views", "SELECT * FROM duckdb_views()",
	"WITH duckdb_views AS (SELECT 1) SELECT * FROM duckdb_views", "SELECT * FROM duckdb_logs()", "SELECT * FROM duckdb_memory()", "SELECT * FROM pragma_database_size()", "SELECT * FROM duckdb_extensions()",
	"SELECT filename FROM {t}", "SELECT file_row_number FROM {t}", "SELECT * FROM seq_scan('{CANARY}')", "SELECT * FROM arrow_scan(1::UBIGINT,2::UBIGINT,3::UBIGINT)", "SELECT * FROM pandas_scan(1::UBIGINT)",
	"SELECT * FROM __mw_sales_1", "SELECT write_log('x')", "SELECT getvariable('x')", "SET VARIABLE x = 1", "SELECT * FROM which_secret('s3://x','s3')",
}

// bombs are statements that crash the engine, or want more memory or time than
// there is. Each may end only itself.
func bombs() []string {
	deep := func(open, inner, close string, n int) string {
		return "SELECT " + strings.Repeat(open, n) + inner + strings.Repeat(close, n) + " AS x"
	}
	chain := func(n int) string { // each step is read twice by the next
		var b strings.Builder
		b.WriteString("WITH a0 AS (SELECT 1 AS x)")
		for i := 1; i <= n; i++ {
			fmt.Fprintf(&b, ", a%d AS (SELECT l.x + r.x AS x FROM a%d l, a%d r)", i, i-1, i-1)
		}
		return b.String() + fmt.Sprintf(" SELECT count(*) FROM a%d", n)
	}
	all := []string{
		// A crash with a few bytes.
		"SELECT (repeat('[',20000)||repeat(']',20000))::JSON::VARIANT", "SELECT json_structure(repeat('[',100000)||repeat(']',100000))", "SELECT json_merge_patch(repeat('{\"a\":',100000)||'1'||repeat('}',100000), '{}')",
		"SELECT json_contains(repeat('[',100000)||repeat(']',100000), '1')", "SELECT json_valid(repeat('[',1000000)||repeat(']',1000000))", "SELECT (repeat('{\"a\":',50000)||'1'||repeat('}',50000))::JSON",
		"SELECT json_deserialize_sql(repeat('[',20000))", "SELECT json_serialize_sql(repeat('(',20000))", "SELECT * FROM json_execute_serialized_sql(repeat('[',20000))", "SELECT json_extract(repeat('[',100000)||repeat(']',100000), '$' || repeat('[0]', 50000))",
		"SELECT json_transform(repeat('[',100000)||repeat(']',100000), '\"VARCHAR\"')", "SELECT from_json(repeat('[',20000)||repeat(']',20000), '[\"JSON\"]')", "SELECT count(*) FROM json_tree(repeat('[',50000)||repeat(']',50000))",
		"SELECT json_pretty(repeat('[',20000)||repeat(']',20000))", "SELECT json_keys(repeat('{\"a\":',50000)||'1'||repeat('}',50000))", "SELECT json_array_length(repeat('[1,',50000)||'1'||repeat(']',50000))",
		"SELECT (repeat('[',20000)||repeat(']',20000))::INTEGER[]", "SELECT (repeat('{a: ',20000)||'1'||repeat('}',20000))::STRUCT(a INTEGER)", "SELECT CAST('\\x' || repeat('ff', 10000000) AS BLOB)",
		// More memory than there is.
		"SELECT damerau_levenshtein(repeat('a', 60000), repeat('b', 60000))", "SELECT levenshtein(repeat('a', 100000), repeat('b', 100000))", "SELECT jaccard(repeat('ab', 50000000), repeat('bc', 50000000))",
		"SELECT jaro_winkler_similarity(repeat('a', 1000000), repeat('b', 1000000))", "SELECT sum(length(repeat('a', 100000000 + i::INT))) FROM range(64) r(i)", "SELECT length(replace(repeat('a', 50000000), 'a', repeat('b', 1000)))",
		"SELECT length(rpad('x', 2000000000, 'y'))", "SELECT length(lpad('x', 2000000000, 'y'))", "SELECT length(format('{:>2000000000}', 'x'))", "SELECT length(printf('%2000000000d', 1))", "SELECT length(regexp_replace(repeat('a', 20000000), 'a', repeat('b', 500), 'g'))",
		"SELECT mode(i::VARCHAR || repeat('x', 100)) FROM range(50000000) r(i)", "SELECT histogram(i) FROM range(100000000) r(i)", "SELECT list(i) FROM range(2000000000) r(i)", "SELECT array_agg(repeat('x', 1000) || i) FROM range(100000000) r(i)",
		"SELECT string_agg(repeat('x', 1000000), '') FROM range(100000)", "SELECT group_concat(i) FROM range(1000000000) r(i)", "SELECT json_group_array(i) FROM range(500000000) r(i)", "SELECT json_group_object(i::VARCHAR, i) FROM range(300000000) r(i)",
		"SELECT map_from_entries(list((i, i))) FROM range(300000000) r(i)", "SELECT range(1000000000)", "SELECT generate_series(1, 2000000000)", "SELECT list_distinct(range(300000000))", "SELECT list_sort(range(500000000))", "SELECT list_transform(range(300000000), x -> x::VARCHAR)",
		"SELECT [i::VARCHAR || repeat('x', 1000) for i in range(10000000)]", "SELECT flatten(list_transform(range(10000), x -> range(100000)))", "SELECT list_reduce(list_transform(range(100000), x -> repeat('x', 1000)), (a, b) -> a || b)",
		"SELECT quantile(i, 0.5) FROM range(1000000000) r(i)", "SELECT median(i::VARCHAR) FROM range(500000000) r(i)", "SELECT approx_top_k(i, 10000000) FROM range(100000000) r(i)", "SELECT count(DISTINCT i) FROM range(1000000000) r(i)",
		"SELECT count(DISTINCT i::VARCHAR || repeat('x', 200)) FROM range(100000000) r(i)", "SELECT i, count(*) FROM range(2000000000) r(i) GROUP BY i", "SELECT repeat('x', 2000000000) || repeat('y', 2000000000)", "SELECT length(repeat('x', 4294967295))",
		"SELECT bitstring('1', 2000000000)", "SELECT bit_count(repeat('1', 500000000)::BIT)", "SELECT length(to_base64(repeat('x', 1000000000)::BLOB))", "SELECT length(hex(repeat('x', 1000000000)))", "SELECT reverse(repeat('x', 1000000000))", "SELECT upper(repeat('ß', 500000000))",
		"SELECT string_split(repeat('a,', 100000000), ',')", "SELECT regexp_split_to_array(repeat('a,', 50000000), ',')", "SELECT regexp_extract_all(repeat('a', 50000000), 'a')", "SELECT translate(repeat('a', 1000000000), 'a', 'b')", "SELECT unnest(range(1000000000))",
		"SELECT repeat([1, 2, 3], 300000000)", "SELECT list_resize([1], 2000000000, 1)", "SELECT array_value(1, 2)::INTEGER[2], list_value(range(100000000), range(100000000))", "SELECT concat_ws(',', repeat('x', 1000000000), repeat('y', 1000000000), repeat('z', 1000000000))",
		// More time than there is.
		"SELECT count(*) FROM range(100000000000) a(i), range(1000) b(j) WHERE hash(i + j) % 7 = 3", "SELECT sum(a.i * b.i) FROM range(10000000) a(i), range(10000000) b(i)", "SELECT count(*) FROM {t} a, {t} b, {t} c, {t} d, {t} e WHERE a.id + b.id + c.id + d.id + e.id = -1",
		"WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT max(i) FROM r", "WITH RECURSIVE r(i) AS (SELECT 1 UNION SELECT (i * 7 + 1) % 1000000007 FROM r) SELECT count(*) FROM r", "WITH RECURSIVE r(i, t) AS (SELECT 1, 'x' UNION ALL SELECT i + 1, t || t FROM r) SELECT max(length(t)) FROM r",
		"SELECT * FROM range(500000000) t(x) ORDER BY hash(x)", "SELECT x, y FROM range(300000) a(x), range(300000) b(y) ORDER BY x * y DESC LIMIT 3", "SELECT * FROM range(100000000) t(x) ORDER BY md5(x::VARCHAR)", "SELECT sum(length(sha256(i::VARCHAR))) FROM range(1000000000) r(i)",
		"SELECT regexp_matches(repeat('a', 5000000), '(a*)*(a*)*(a*)*b') FROM range(10000)", "SELECT regexp_matches(repeat('a', 1000000), '(a?){1000}(a){1000}')", "SELECT repeat('a', 1000000) LIKE repeat('%a', 1000) || 'b' FROM range(1000)", "SELECT repeat('a', 100000) SIMILAR TO '(a|aa)+b' FROM range(100000)",
		"SELECT sum(x) OVER (ORDER BY x ROWS BETWEEN 50000000 PRECEDING AND 50000000 FOLLOWING) FROM range(100000000) t(x)", "SELECT quantile(x, 0.5) OVER (ORDER BY x ROWS BETWEEN 1000000 PRECEDING AND CURRENT ROW EXCLUDE TIES) FROM range(20000000) t(x)", "SELECT list(x) OVER (ORDER BY x) FROM range(1000000) t(x)",
		"SELECT count(*) FROM range(10000000) a(i) LEFT JOIN range(10000000) b(j) ON i < j", "SELECT count(*) FROM range(10000000) a(i) ASOF JOIN range(10000000) b(j) ON hash(i) >= hash(j)", "SELECT count(*) FROM range(1000000) a(i) WHERE NOT EXISTS (SELECT 1 FROM range(1000000) b(j) WHERE b.j > a.i + 1000000)",
		"SELECT * FROM repeat(1, 1000000000000)", "SELECT count(*) FROM repeat('x', 1000000000000)", "SELECT factorial(i::INT % 33) FROM range(10000000000) r(i) WHERE i = -1", "SELECT count(*) FROM (SELECT DISTINCT hash(i) FROM range(1000000000) r(i))",
		// Text that is hard to read.
		"SELECT " + strings.Repeat("1+", 5000) + "1 AS x", "SELECT " + strings.Repeat("1+", 900) + "1 AS x", "SELECT " + strings.Repeat("NOT ", 20000) + "true AS x", "SELECT " + strings.Repeat("-", 3) + "\n1 AS x", "SELECT " + strings.Repeat("- ", 20000) + "1 AS x",
		deep("(", "1", ")", 190), deep("[", "1", "]", 190), deep("abs(", "1", ")", 190), deep("{'a': ", "1", "}", 190), deep("CASE WHEN true THEN ", "1", " END", 3000), deep("(SELECT ", "1", ")", 190), deep("[", "1", "]", 900),
		"SELECT x FROM (VALUES " + strings.Repeat("(1),", 9000) + "(1)) v(x)", "SELECT 1 AS x WHERE 1 IN (" + strings.Repeat("1,", 20000) + "1)", "SELECT 1 AS x" + strings.Repeat(" UNION ALL SELECT 1", 3000), chain(40), "SELECT " + strings.Repeat("a || ", 3000) + "a AS x FROM (SELECT 'x' AS a)",
		"SELECT count(*) FROM {t} GROUP BY CUBE (" + strings.TrimSuffix(strings.Repeat("id, ", 12), ", ") + ")", "SELECT COLUMNS('.*') FROM {t}, " + strings.TrimSuffix(strings.Repeat("{t}, ", 20), ", "), "SELECT * FROM {t}" + strings.Repeat(" NATURAL JOIN {t}", 60), "SELECT '" + strings.Repeat("x", 99<<10) + "' AS x",
		"SELECT 1::DECIMAL(38,0)" + strings.Repeat(" * 99999999999", 10), "SELECT DATE '9999-12-31' + INTERVAL 999999999 YEAR", "SELECT TIMESTAMP '1970-01-01' + to_microseconds(9223372036854775807)", "SELECT 9223372036854775807 + 1", "SELECT 1 // 0, -9223372036854775808 // -1",
		"SELECT CAST(1e400 AS BIGINT)", "SELECT substring('x', -9223372036854775808, 9223372036854775807)", "SELECT list_slice([1,2,3], -9223372036854775808, 9223372036854775807)", "SELECT chr(2147483647)", "SELECT sleep_ms(100000)", "SELECT NULL::INTEGER[100000]", "SELECT error('x')",
	}
	return all
}

// sharedReaches reads the attack file of the test vectors, if there is one.
func sharedReaches(t *testing.T) (statements []string) {
	t.Helper()
	dir := os.Getenv("MILLWRIGHT_VECTORS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "vectors")
	}
	f, err := os.Open(filepath.Join(dir, "sql_attacks.sql"))
	if err != nil {
		t.Log("there is no sql_attacks.sql; set MILLWRIGHT_VECTORS to the folder of test vectors to run its statements too")
		return nil
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" && !strings.HasPrefix(line, "--") {
			statements = append(statements, line)
		}
	}
	if len(statements) < 90 || lines.Err() != nil {
		t.Errorf("only %d statements in the attack file: %v", len(statements), lines.Err())
	}
	return statements
}
