package template

import (
	"fmt"

	"millwright/internal/profile"
	"millwright/internal/table"
)

// derived are groups that no column holds as such: ages, mail and web domains.
func derived() []Template {
	return []Template{
		{ID: "age_bucket", Kind: Aggregation, Prior: .6, Make: makeAge, Signal: signalShares},
		{ID: "domain_of", Kind: Aggregation, Prior: .6, Make: makeDomain, Signal: signalShares},
	}
}

// makeAge counts by age at the newest moment in the data, or at the newest
// birth if there is none: never at today, which changes the answer of old data.
func makeAge(s *Source) []Candidate {
	var out []Candidate
	for _, c := range s.Profile.Columns {
		if c.Role != profile.BirthDate || !s.valueType(c).IsTemporal() || c.NonNull() < 10 || len(c.Name) > maxName {
			continue
		}
		d := s.draft("age_bucket", Aggregation, .6)
		d.use(Show, nil, c)
		d.fit(.8 * (1 - c.NullShare()))
		newest := "max(" + s.expr(c) + ")"
		if len(s.Times) > 0 {
			newest = "max(" + s.expr(s.Times[0]) + ")"
		}
		d.whole("width", "So many years are one group.", 10, 1, 50)
		d.bind("@birth", s.expr(c)).bind("@newest", newest).bind("@age", s.Dialect.Years(`"birth"`, `"as_of"`))
		d.why("%s runs from %s to %s over %s rows", say(c), clip(c.Min, 20), clip(c.Max, 20), count(c.NonNull()))
		d.c.MinRows, d.c.Share = 2, "row_count"
		out = append(out, d.done(s.rows()+" by age", "How are "+s.rows()+" spread over ages?", `
WITH edge AS (
  SELECT @newest AS "as_of" FROM @table
), births AS (
  SELECT @birth AS "birth" FROM @table WHERE @birth IS NOT NULL
), ages AS (
  SELECT @age AS "age" FROM births CROSS JOIN edge
)
SELECT CAST(floor("age" / CAST($width AS DOUBLE)) AS BIGINT) * $width AS "age_from", count(*) AS "row_count"
FROM ages
WHERE "age" >= 0
GROUP BY 1
ORDER BY 1
LIMIT 200`, columnChart(ordinal("age_from", "age"), quantitative("row_count", s.rows()))))
	}
	return first2(out, 1)
}

func makeDomain(s *Source) []Candidate {
	var out []Candidate
	for _, c := range s.Profile.Columns {
		if s.kind(c) != table.Varchar || c.NonNull() < 10 || len(c.Name) > maxName {
			continue
		}
		x := s.expr(c)
		what := "mail domain"
		switch c.Role {
		case profile.Email:
			x = "nullif(lower(split_part(" + x + ", '@', 2)), '')"
		case profile.URL:
			x, what = s.Dialect.Host(x), "host"
		default:
			continue
		}
		d := s.draft("domain_of", Aggregation, .6)
		d.use(Show, nil, c)
		d.fit(.8 * (1 - c.NullShare()))
		d.whole("limit", "At most so many groups.", 20, 1, 500)
		d.bind("@domain", x)
		d.why("%s holds %s values, %s distinct", say(c), count(c.NonNull()), count(c.Distinct))
		d.c.MinRows, d.c.Share = 2, "row_count"
		out = append(out, d.done(s.rows()+" by "+what+" of "+say(c), fmt.Sprintf("How many %s are there per %s of %s?", s.rows(), what, say(c)), `
SELECT @domain AS "label", count(*) AS "row_count"
FROM @table
WHERE @domain IS NOT NULL
GROUP BY 1
ORDER BY 2 DESC, 1
LIMIT $limit`, barChart(nominal("label", what), quantitative("row_count", s.rows()))))
	}
	return first2(out, 2)
}
