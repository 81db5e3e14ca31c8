package template

import (
	"fmt"
	"strings"

	"millwright/internal/profile"
	"millwright/internal/table"
)

// manyColumns is from how many columns a table is too wide to be asked about one
// column at a time: what is alike is then shown together.
const manyColumns = 16

// maxListed bounds the columns of one of these lists.
const maxListed = 40

// makeTimeSpans lists when each of many times is from and to.
func makeTimeSpans(s *Source) []Candidate {
	var times []profile.Column
	for _, c := range s.Scalars {
		switch c.Role {
		case profile.EventTime, profile.AuditTime, profile.BirthDate:
			if s.valueType(c).IsTemporal() && c.Distinct >= 2 && len(c.Name) <= maxName {
				times = append(times, c)
			}
		}
	}
	times = first(times, maxListed)
	if len(s.Scalars) < manyColumns || len(times) < 3 {
		return nil
	}
	d := s.draft("time_spans", Aggregation, .45)
	var cells, rows []string
	for i, c := range times {
		d.use(Show, nil, c)
		d.fit(.7 * (1 - c.NullShare()))
		x := "CAST(" + s.expr(c) + " AS TIMESTAMP)"
		cells = append(cells, fmt.Sprintf(`count(%s) AS "n%d", min(%s) AS "f%d", max(%s) AS "l%d"`, s.expr(c), i, x, i, x, i))
		rows = append(rows, fmt.Sprintf(`SELECT %d AS "place", %s AS "time", "n%d" AS "n", "f%d" AS "earliest", "l%d" AS "latest" FROM spans`, i+1, literal(c.Name), i, i, i))
	}
	d.whole("limit", "At most so many times.", int64(len(times)), 1, maxListed)
	d.why("%d columns hold times, of which %s is known in %s of %s rows", len(times), say(times[0]), count(times[0].NonNull()), count(s.Profile.Rows))
	d.bind("@cells", strings.Join(cells, ",\n    ")).bind("@rows", strings.Join(rows, "\n  UNION ALL "))
	d.c.MinRows = 3
	return []Candidate{d.done("When "+s.rows()+" are from", fmt.Sprintf("From when to when are %s?", several(times)), `
WITH spans AS (
  SELECT
    @cells
  FROM @table
)
SELECT "time", "n", "earliest", "latest"
FROM (
  @rows
) AS listed
ORDER BY "place"
LIMIT $limit`, tableChart())}
}

func signalTimeSpans(s *Source, c Candidate, r Result) (float64, string) {
	n := known(r.Floats("n"))
	if total(n) == 0 {
		return -1, "no time has a value"
	}
	return .45, fmt.Sprintf("%d times side by side, known in up to %s rows (signal 0.45)", len(n), short(maxOf(n)))
}

// makeDistinctCounts counts how many different things the rows are about: what is
// named or pointed at in many columns.
func makeDistinctCounts(s *Source) []Candidate {
	var things []profile.Column
	for _, c := range short512(s.Scalars) {
		switch c.Role {
		case profile.ForeignKey, profile.Label, profile.Email, profile.UUID, profile.Hash, profile.IP, profile.Code, profile.City,
			profile.Country, profile.Region, profile.HighCard, profile.Category, profile.FreeText:
			if c.Distinct >= 2 && c.NullShare() < .98 && s.valueType(c).Kind != table.JSON {
				things = append(things, c)
			}
		}
	}
	if len(s.Scalars) < manyColumns {
		return nil
	}
	// What facets list value by value needs no counting of values.
	var rest []profile.Column
	for _, c := range things {
		if !named(s.Groups, c.Name) || c.Role == profile.ForeignKey || c.Distinct > 100 {
			rest = append(rest, c)
		}
	}
	var out []Candidate
	for _, p := range inParts(s, rest, maxListed, 3) {
		if len(p.cols) >= 3 {
			out = append(out, s.distinctCounts(p))
		}
	}
	return out
}

func (s *Source) distinctCounts(p part) Candidate {
	d := s.draft("distinct_counts", Aggregation, .45)
	var cells, rows []string
	for i, c := range p.cols {
		d.use(Show, nil, c)
		d.fit(.6 * (1 - c.NullShare()))
		x := s.expr(c)
		cells = append(cells, fmt.Sprintf(`count(%s) AS "n%d", count(DISTINCT %s) AS "d%d", min(CAST(%s AS VARCHAR)) AS "e%d"`, x, i, x, i, x, i))
		rows = append(rows, fmt.Sprintf(`SELECT %d AS "place", %s AS "thing", "n%d" AS "n", "d%d" AS "different", "e%d" AS "example" FROM totals`, i+1, literal(c.Name), i, i, i))
	}
	d.whole("limit", "At most so many columns.", int64(len(p.cols)), 1, maxListed)
	d.why("%d columns name or point at things, of which %s has %s different in %s rows", len(p.cols), say(p.cols[0]), count(p.cols[0].Distinct), count(s.Profile.Rows))
	d.bind("@cells", strings.Join(cells, ",\n    ")).bind("@rows", strings.Join(rows, "\n  UNION ALL "))
	d.c.MinRows = 3
	return d.done("How many different things "+s.rows()+" are about", fmt.Sprintf("How many different %s are there?", several(p.cols)), `
WITH totals AS (
  SELECT
    @cells
  FROM @table
)
SELECT "thing", "n", "different", "example"
FROM (
  @rows
) AS listed
ORDER BY "different" DESC, "place"
LIMIT $limit`, tableChart())
}

func signalDistinctCounts(s *Source, c Candidate, r Result) (float64, string) {
	d := known(r.Floats("different"))
	if total(d) == 0 {
		return -1, "nothing has a value"
	}
	return .45, fmt.Sprintf("%d columns of things, with up to %s different (signal 0.45)", len(d), short(maxOf(d)))
}
