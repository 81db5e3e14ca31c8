package template

import (
	"fmt"
	"math"

	"millwright/internal/profile"
)

func durations() []Template {
	return []Template{{ID: "duration", Kind: TimeSeries, Prior: .65, Make: makeDuration, Signal: signalDuration}}
}

// spans names what begins and what ends: the first of a pair is earlier.
func beginnings() []string {
	return []string{"created", "opened", "start", "started", "ordered", "order", "submitted", "departure", "begin", "from", "pickup", "received", "requested", "signup", "placed", "in", "dep"}
}

func endings() []string {
	return []string{"closed", "shipped", "end", "ended", "finished", "completed", "delivered", "arrival", "resolved", "merged", "paid", "until", "dropoff", "stop", "stopped", "out", "arr", "published"}
}

func makeDuration(s *Source) []Candidate {
	var begin, end *profile.Column
	for _, c := range s.Profile.Columns {
		if !s.valueType(c).IsTemporal() || c.NullShare() >= .8 || c.Role == profile.Constant || len(c.Name) > maxName {
			continue
		}
		switch {
		case begin == nil && hasWord(c.Name, beginnings()...):
			begin = &c
		case end == nil && hasWord(c.Name, endings()...):
			end = &c
		}
	}
	// What ends may not begin before the other: the profile's extremes rule out most
	// wrong pairs. The newest may not have ended yet.
	if begin == nil || end == nil || begin.Min > end.Min || begin.Max > end.Max && end.Nulls <= begin.Nulls {
		return nil
	}
	var out []Candidate
	for _, dim := range first(s.Dims, 2) {
		d := s.draft("duration", TimeSeries, .65)
		d.group("dim", dim, s.Dims)
		d.use(Show, nil, *begin)
		d.use(Show, nil, *end)
		d.fit(1 - end.NullShare())
		seconds := "CAST(" + s.Dialect.Seconds(s.expr(*begin), s.expr(*end)) + " AS DOUBLE)"
		unit, per := s.durationUnit(*begin, *end)
		d.bind("@begin", s.expr(*begin)).bind("@end", s.expr(*end)).bind("@length", seconds+" / "+per)
		d.bind("@average", `"average_`+unit+`"`).bind("@median_name", `"median_`+unit+`"`)
		d.bind("@median", s.Dialect.Quantile(seconds+" / "+per, .5))
		d.whole("limit", "At most so many groups.", 20, 1, 500)
		d.why("%s starts at %s and %s ends at %s; both are known in %s of rows", say(*begin), clip(begin.Min, 30), say(*end), clip(end.Max, 30), percent(1-math.Max(begin.NullShare(), end.NullShare())))
		d.c.MinRows = 2
		out = append(out, d.done(fmt.Sprintf("Time from %s to %s by %s", say(*begin), say(*end), say(dim)),
			fmt.Sprintf("How long does it take from %s to %s, by %s?", say(*begin), say(*end), say(dim)), `
SELECT
  {{dim}} AS "label",
  count(*) AS "n",
  avg(@length) AS @average,
  @median AS @median_name,
  CAST(count(CASE WHEN @end < @begin THEN 1 END) AS DOUBLE) / count(*) AS "backwards_share"
FROM @table
WHERE {{dim}} IS NOT NULL AND @begin IS NOT NULL AND @end IS NOT NULL
GROUP BY 1
ORDER BY 3 DESC, 1
LIMIT $limit`, barChart(nominal("label", say(dim)), quantitative("average_"+unit, "average "+unit))))
	}
	return out
}

// durationUnit picks hours, or days where either column has no time of day.
func (s *Source) durationUnit(a, b profile.Column) (unit, seconds string) {
	if !s.hasHours(a) || !s.hasHours(b) {
		return "days", "86400.0"
	}
	return "hours", "3600.0"
}

func signalDuration(s *Source, c Candidate, r Result) (float64, string) {
	n, back := r.Floats("n"), r.Floats("backwards_share")
	var wrong float64
	for i := range n {
		wrong += n[i] * back[i]
	}
	if sum := total(n); sum == 0 || wrong/sum > .05 {
		return -1, "the second time is often before the first, so this is no duration"
	}
	unit := r.Columns[2]
	v := r.Floats(unit)
	cv := variation(v)
	return clamp(.3+cv, 0, 1), fmt.Sprintf("%s runs from %s to %s over %d groups", unit, short(v[len(v)-1]), short(v[0]), len(v))
}
