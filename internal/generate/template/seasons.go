package template

import (
	"fmt"
	"math"

	"millwright/internal/profile"
	"millwright/internal/table"
)

// seasons look for rhythms: weekdays, hours, months.
func seasons() []Template {
	return []Template{{ID: "seasonality", Kind: TimeSeries, Prior: .6, Make: makeSeasons, Signal: signalSeasons}}
}

func makeSeasons(s *Source) []Candidate {
	if !s.counted() || len(s.Times) == 0 {
		return nil
	}
	t := s.Times[0]
	span := s.span(t)
	var out []Candidate
	// Dates that are all a first of January have no weekday to speak of.
	if span >= 14 && t.Distinct >= 14 && 10*float64(t.Distinct) >= span {
		if s.hasHours(t) {
			out = append(out, s.weekdayHours(t))
		}
		out = append(out, s.cycle(t, "weekday", s.Dialect.Weekday("{{time}}"), "weekday (1 is Monday)"))
	}
	if span >= 2 && s.hasHours(t) {
		out = append(out, s.cycle(t, "hour_of_day", "extract(hour FROM {{time}})", "hour of the day"))
	}
	if span >= 700 {
		out = append(out, s.cycle(t, "month_of_year", "extract(month FROM {{time}})", "month of the year"))
	}
	return out
}

// hasHours reports whether the column tells times of day, not only days.
func (s *Source) hasHours(c profile.Column) bool {
	return s.kind(c) != table.Date && float64(c.Distinct) > 1.5*(s.span(c)+1)
}

func (s *Source) season(t profile.Column) *draft {
	d := s.draft("seasonality", TimeSeries, .6)
	cols := d.choose("time", "Time", "The column that places a row in time.", t, s.Times)
	d.use(Axis, nil, cols...)
	d.period()
	d.fit(s.timeFit(t))
	d.bind("@known", "{{time}} IS NOT NULL"+between("{{time}}"))
	d.why("%s has %s distinct moments over %s days", say(t), count(t.Distinct), short(s.span(t)))
	return d
}

func (s *Source) weekdayHours(t profile.Column) Candidate {
	d := s.season(t)
	d.bind("@weekday", s.Dialect.Weekday("{{time}}"))
	d.c.MinRows, d.c.Share = 4, "row_count"
	return d.done(s.rows()+" by weekday and hour", fmt.Sprintf("On which weekdays and at which hours do most %s happen?", s.rows()), `
SELECT @weekday AS "weekday", extract(hour FROM {{time}}) AS "hour_of_day", count(*) AS "row_count"
FROM @table
WHERE @known
GROUP BY 1, 2
ORDER BY 1, 2
LIMIT 200`, heatmap(ordinal("hour_of_day", "hour"), ordinal("weekday", "weekday (1 is Monday)"), quantitative("row_count", s.rows())))
}

func (s *Source) cycle(t profile.Column, column, part, title string) Candidate {
	d := s.season(t)
	d.bind("@part", part).bind("@column", table.Quote(column))
	d.c.MinRows, d.c.Share = 2, "row_count"
	return d.done(s.rows()+" by "+words(column)[0], fmt.Sprintf("How are %s spread over the %s?", s.rows(), title), `
SELECT @part AS @column, count(*) AS "row_count"
FROM @table
WHERE @known
GROUP BY 1
ORDER BY 1
LIMIT 200`, columnChart(ordinal(column, title), quantitative("row_count", s.rows())))
}

func signalSeasons(s *Source, c Candidate, r Result) (float64, string) {
	n := known(r.Floats("row_count"))
	cells := 24.0 * 7
	switch {
	case len(r.Columns) == 2 && r.Columns[0] == "weekday":
		cells = 7
	case len(r.Columns) == 2 && r.Columns[0] == "hour_of_day":
		cells = 24
	case len(r.Columns) == 2:
		cells = 12
	}
	sum := total(n)
	if sum == 0 {
		return -1, "no rows"
	}
	even, chi := sum/cells, 0.0
	for _, x := range n {
		chi += (x - even) * (x - even) / even
	}
	chi += (cells - float64(len(n))) * even
	p := chiTail(chi, cells-1)
	if p > .01 {
		return .05, fmt.Sprintf("%s rows are spread evenly over %s cells (p %.2f)", short(sum), short(cells), p)
	}
	v := clamp((chi-(cells-1))/sum, 0, 1)
	return clamp(2*math.Sqrt(v), .05, 1), fmt.Sprintf("%s rows over %s cells are uneven (chi² %s, p %.3f); the fullest holds %s", short(sum), short(cells), short(chi), p, percent(topShare(n, 1)))
}
