package template

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"millwright/internal/profile"
	"millwright/internal/program"
	"millwright/internal/table"
)

// maps are questions about data whose keys are data themselves.
func maps() []Template {
	return []Template{
		{ID: "map_entries", Kind: Aggregation, Prior: .55, Make: makeMapEntries, Signal: signalMap},
		{ID: "json_field", Kind: Aggregation, Prior: .45, Make: makeJSONField, Signal: signalShares},
	}
}

func makeMapEntries(s *Source) []Candidate {
	var out []Candidate
	for _, c := range s.Profile.Columns {
		if s.kind(c) != table.Map || c.NonNull() == 0 || len(c.Name) > maxName || c.Type.Elem == nil || len(out) == 2 {
			continue
		}
		d := s.draft("map_entries", Aggregation, .55)
		d.use(Show, nil, c)
		d.fit(1 - c.NullShare())
		value := `"value"`
		second := "count(DISTINCT " + value + `) AS "distinct_values"`
		said := "how often is each there"
		if c.Type.Elem.IsNumeric() {
			second = "avg(CAST(" + value + ` AS DOUBLE)) AS "average_value"`
			said = "what is the average value of each"
		} else if c.Type.Elem.IsNested() {
			second = "count(" + value + `) AS "known_values"`
		}
		d.whole("limit", "At most so many keys.", 50, 1, 1000)
		d.bind("@entries", s.Dialect.Entries(s.expr(c), table.Quote(s.Profile.Table))).bind("@second", second)
		d.why("%s holds %s keys a row on average, %s distinct", say(c), short(c.AvgLen), count(c.Distinct))
		d.c.MinRows, d.c.FansOut = 2, true
		out = append(out, d.done("Keys of "+say(c), fmt.Sprintf("Which keys does %s have, and %s?", say(c), said), `
WITH listed AS (
  @entries
)
SELECT "key" AS "label", count(*) AS "row_count", @second
FROM listed
GROUP BY 1
ORDER BY 2 DESC, 1
LIMIT $limit`, barChart(nominal("label", say(c)), quantitative("row_count", s.rows()))))
	}
	return out
}

func signalMap(s *Source, c Candidate, r Result) (float64, string) {
	n := r.Floats("row_count")
	u := unevenness(n)
	if v := known(r.Floats("average_value")); len(v) > 1 {
		u = max(u, clamp(variation(v), 0, 1))
	}
	return clamp(.2+u, 0, 1), fmt.Sprintf("%d keys in %s to %s rows (signal of spread %.2f)", len(n), short(n[len(n)-1]), short(n[0]), u)
}

// makeJSONField groups by a scalar inside JSON text that most values have.
func makeJSONField(s *Source) []Candidate {
	var out []Candidate
	for _, c := range s.Profile.Columns {
		isJSON := s.kind(c) == table.JSON || c.Role == profile.JSONText && s.kind(c) == table.Varchar
		if !isJSON || len(c.Name) > maxName || len(out) == 2 {
			continue
		}
		paths := commonPaths(c)
		if len(paths) == 0 {
			continue
		}
		d := s.draft("json_field", Aggregation, .45)
		d.use(Show, nil, c)
		d.fit(.7 * (1 - c.NullShare()))
		d.slot(program.Slot{Name: "path", Type: program.Enum, Label: "Field", Description: "Where in the JSON the value stands.", Default: paths[0], Values: anys(paths)})
		d.whole("limit", "At most so many values.", 20, 1, 500)
		d.bind("@value", s.Dialect.JSONText("TRY_CAST("+s.expr(c)+" AS JSON)", "$path"))
		d.why("%d fields stand in at least half of %d frequent values of %s", len(paths), len(c.Top), say(c))
		d.c.MinRows, d.c.Share = 2, "row_count"
		field := strings.TrimPrefix(paths[0], "$.")
		out = append(out, d.done(s.rows()+" by "+say(c)+" "+clip(field, 40), fmt.Sprintf("How many %s are there per %s of %s?", s.rows(), clip(field, 60), say(c)), `
SELECT @value AS "label", count(*) AS "row_count"
FROM @table
WHERE @value IS NOT NULL
GROUP BY 1
ORDER BY 2 DESC, 1
LIMIT $limit`, barChart(nominal("label", clip(field, 40)), quantitative("row_count", s.rows()))))
	}
	return out
}

// commonPaths returns the paths of scalars in at least half of the column's
// frequent values, most frequent first.
func commonPaths(c profile.Column) []string {
	found := map[string]int{}
	for _, v := range c.Top {
		var doc map[string]any
		if json.Unmarshal([]byte(v.Value), &doc) == nil {
			scalarPaths("$", doc, 3, found)
		}
	}
	var paths []string
	for p, n := range found {
		if 2*n >= len(c.Top) {
			paths = append(paths, p)
		}
	}
	sort.Slice(paths, func(i, j int) bool {
		if found[paths[i]] != found[paths[j]] {
			return found[paths[i]] > found[paths[j]]
		}
		return paths[i] < paths[j]
	})
	if len(paths) > 20 {
		paths = paths[:20]
	}
	return paths
}

func scalarPaths(at string, doc map[string]any, depth int, found map[string]int) {
	for k, v := range doc {
		if ident(k) != k {
			continue // a path is text of ours only if its names are plain
		}
		switch x := v.(type) {
		case map[string]any:
			if depth > 0 {
				scalarPaths(at+"."+k, x, depth-1, found)
			}
		case []any, nil:
		default:
			found[at+"."+k]++
		}
	}
}
