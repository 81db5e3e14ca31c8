package template

import "fmt"

// Trino returns Trino's spelling. Programs in it are texts: nothing here runs them.
func Trino() Dialect {
	return Dialect{
		Name:     "trino",
		Quantile: func(x string, p float64) string { return fmt.Sprintf("approx_percentile(%s, %g)", x, p) },
		Unnest: func(list, column, more, from string) string {
			return fmt.Sprintf("SELECT %sunnested.element AS %s FROM %s CROSS JOIN UNNEST(%s) AS unnested(element)", more, column, from, list)
		},
		Entries: func(m, from string) string {
			return fmt.Sprintf(`SELECT entries."key" AS "key", entries."value" AS "value" FROM %s CROSS JOIN UNNEST(%s) AS entries("key", "value")`, from, m)
		},
		Contains: func(list, x string) string { return fmt.Sprintf("contains(%s, %s)", list, x) },
		Unique:   func(list string) string { return fmt.Sprintf("array_distinct(%s)", list) },
		Length:   func(list string) string { return fmt.Sprintf("cardinality(%s)", list) },
		Weekday:  func(at string) string { return fmt.Sprintf("day_of_week(%s)", at) },
		UTC:      func(at string) string { return fmt.Sprintf("CAST(at_timezone(%s, 'UTC') AS TIMESTAMP)", at) },
		MinusDays: func(at, days string) string {
			return fmt.Sprintf("date_add('day', -CAST(%s AS INTEGER), %s)", days, at)
		},
		// date_diff counts full units in Trino, and second is the smallest that is asked for.
		Seconds: func(from, to string) string {
			return fmt.Sprintf("date_diff('second', CAST(%s AS TIMESTAMP), CAST(%s AS TIMESTAMP))", from, to)
		},
		Months: func(from, to string) string { return fmt.Sprintf("date_diff('month', %s, %s)", from, to) },
		Years: func(from, to string) string {
			return fmt.Sprintf("date_diff('year', CAST(%s AS DATE), CAST(%s AS DATE))", from, to)
		},
		Periods: func(grain, lo, hi, alias string) string {
			// An interval is a literal there: small steps, of which one in each period is kept.
			return fmt.Sprintf("LATERAL (SELECT DISTINCT date_trunc(%[1]s, step) FROM UNNEST(sequence(CAST(%[2]s AS TIMESTAMP), CAST(%[3]s AS TIMESTAMP), CASE %[1]s WHEN 'minute' THEN INTERVAL '1' MINUTE WHEN 'hour' THEN INTERVAL '1' HOUR ELSE INTERVAL '1' DAY END)) AS steps(step)) AS %[4]s(period)", grain, lo, hi, alias)
		},
		JSONText: func(doc, path string) string { return fmt.Sprintf("json_extract_scalar(%s, %s)", doc, path) },
		Hash:     func(x string) string { return fmt.Sprintf("xxhash64(to_utf8(CAST(%s AS VARCHAR)))", x) },
		Texts:    func(list string) string { return fmt.Sprintf("CAST(%s AS ARRAY(VARCHAR))", list) },
		HasText:  func(text, part string) string { return fmt.Sprintf("strpos(%s, %s) > 0", text, part) },
		Host: func(url string) string {
			return fmt.Sprintf("nullif(regexp_extract(lower(%s), '^[a-z][a-z0-9+.-]*://(?:[^/@]*@)?([^/:?#]+)', 1), '')", url)
		},
	}
}
