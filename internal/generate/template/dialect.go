package template

import "fmt"

// A Dialect spells what engines write differently. Everything that is not here
// is written the same way in all of them.
type Dialect struct {
	Name string

	Quantile  func(x string, p float64) string             // x's value at rank p, 0..1
	Unnest    func(list, column, more, from string) string // a SELECT with one row per element of a list; more is further columns of the row, each with a comma after it
	Entries   func(m, from string) string                  // a SELECT with one row per entry of a map, columns "key" and "value"
	Contains  func(list, element string) string            // whether the list holds the element
	Unique    func(list string) string                     // the list without repeated elements
	Length    func(list string) string                     // number of elements
	Weekday   func(at string) string                       // 1 = Monday
	UTC       func(at string) string                       // an instant as a timestamp without zone
	MinusDays func(at, days string) string                 // at, that many days earlier
	Seconds   func(from, to string) string                 // from one timestamp to another, as a number
	Months    func(from, to string) string                 // between two month starts
	Years     func(from, to string) string                 // birthdays between two dates
	Periods   func(grain, lo, hi, alias string) string     // a FROM item: the starts of all periods, column "period"
	JSONText  func(doc, path string) string                // the scalar at a path such as $.a.b
	Hash      func(x string) string                        // a stable order that has nothing to do with the values
	Texts     func(list string) string                     // a list of anything as a list of text
	HasText   func(text, part string) string               // whether text holds part
	Host      func(url string) string                      // host name of a URL
}

// DuckDB returns DuckDB's spelling.
func DuckDB() Dialect {
	return Dialect{
		Name:     "duckdb",
		Quantile: func(x string, p float64) string { return fmt.Sprintf("quantile_cont(%s, %g)", x, p) },
		// In the select list it is ten times as fast as in FROM once a condition on
		// the elements follows.
		Unnest: func(list, column, more, from string) string {
			return fmt.Sprintf("SELECT %sunnest(%s) AS %s FROM %s", more, list, column, from)
		},
		Entries: func(m, from string) string {
			return fmt.Sprintf(`SELECT "entry".key AS "key", "entry".value AS "value" FROM (SELECT unnest(map_entries(%s)) AS "entry" FROM %s) AS entries`, m, from)
		},
		Contains: func(list, x string) string { return fmt.Sprintf("list_contains(%s, %s)", list, x) },
		Unique:   func(list string) string { return fmt.Sprintf("list_distinct(%s)", list) },
		Length:   func(list string) string { return fmt.Sprintf("len(%s)", list) },
		Weekday:  func(at string) string { return fmt.Sprintf("isodow(%s)", at) },
		// AT TIME ZONE 'UTC' gives the same and takes six times as long.
		UTC:       func(at string) string { return fmt.Sprintf("make_timestamp(epoch_us(%s))", at) },
		MinusDays: func(at, days string) string { return fmt.Sprintf("%s - to_days(CAST(%s AS INTEGER))", at, days) },
		Seconds: func(from, to string) string {
			return fmt.Sprintf("date_diff('second', CAST(%s AS TIMESTAMP), CAST(%s AS TIMESTAMP))", from, to)
		},
		Months: func(from, to string) string { return fmt.Sprintf("date_diff('month', %s, %s)", from, to) },
		Years: func(from, to string) string {
			return fmt.Sprintf("date_sub('year', CAST(%s AS DATE), CAST(%s AS DATE))", from, to)
		},
		Periods: func(grain, lo, hi, alias string) string {
			return fmt.Sprintf("unnest(generate_series(CAST(%s AS TIMESTAMP), CAST(%s AS TIMESTAMP), CAST('1 ' || %s AS INTERVAL))) AS %s(period)", lo, hi, grain, alias)
		},
		JSONText: func(doc, path string) string { return fmt.Sprintf("json_extract_string(%s, %s)", doc, path) },
		Hash:     func(x string) string { return fmt.Sprintf("hash(%s)", x) },
		Texts:    func(list string) string { return fmt.Sprintf("CAST(%s AS VARCHAR[])", list) },
		HasText:  func(text, part string) string { return fmt.Sprintf("contains(%s, %s)", text, part) },
		Host: func(url string) string {
			return fmt.Sprintf("nullif(regexp_extract(lower(%s), '^[a-z][a-z0-9+.-]*://(?:[^/@]*@)?([^/:?#]+)', 1), '')", url)
		},
	}
}
