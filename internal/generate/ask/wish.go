package ask

import (
	"fmt"
	"slices"
	"strings"

	"millwright/internal/generate/template"
	"millwright/internal/profile"
)

// A request is a reading with what it asks for.
type request struct {
	*reading
	wish     template.Wish
	kind     string // a family of templates that answers it better than a composed program; empty for none
	degree   *degree
	degreeAt int
	agg      string
	aggAt    int
	limit    int64
	groups   []mention
	others   []mention // mentions that are not groups, in order
	gone     map[int]bool
	missing  string // what the question needs and the table lacks
}

func (r *reading) text(i int) string {
	if i < 0 || i >= len(r.words) {
		return ""
	}
	return r.words[i].text
}

func (r *reading) has(texts ...string) int {
	for i, w := range r.words {
		if r.used[i] != "column" && r.used[i] != "value" && slices.Contains(texts, w.text) {
			return i
		}
	}
	return -1
}

func (r *reading) said2(a, b string) bool {
	for i := range r.words {
		if r.words[i].text == a && r.text(i+1) == b {
			return true
		}
	}
	return false
}

// understand puts the parts of a reading together.
func understand(r *reading, question string) *request {
	q := &request{reading: r, aggAt: -1, degreeAt: -1, gone: map[int]bool{}}
	q.wish.Cue = question
	q.findAgg()
	q.findDegree()
	q.findKind()
	q.findTimes()
	q.findLimits()
	q.findFlags()
	q.findNulls()
	q.splitGroups()
	q.findValues()
	q.decide()
	return q
}

func (q *request) findAgg() {
	for i, w := range q.words {
		if q.used[i] != "trade" {
			continue
		}
		if agg, ok := aggWords()[w.text]; ok && (q.aggAt < 0 || agg == "distinct") {
			q.agg, q.aggAt = agg, i
		}
	}
	if i := q.has("many"); i > 0 && q.text(i-1) == "how" && q.agg == "" {
		q.agg, q.aggAt = "count", i
	}
	if q.agg == "count" && q.has("different") >= 0 {
		q.agg = "distinct"
	}
	if i := q.has("number"); i >= 0 && q.text(i+1) == "of" && q.agg == "" {
		q.agg, q.aggAt = "count", i
	}
}

func (q *request) findDegree() {
	for i, w := range q.words {
		if q.used[i] == "column" || q.used[i] == "value" {
			continue
		}
		if d, ok := degrees()[w.text]; ok && q.degree == nil {
			if i > 0 && q.text(i-1) == "at" { // at least, at most
				continue
			}
			if (w.text == "max" || w.text == "min" || w.text == "maximum" || w.text == "minimum") && q.has("which", "top") < 0 {
				continue
			}
			q.degree, q.degreeAt = &d, i
		}
	}
	if q.has("rank", "ranking", "ranked", "rankings") >= 0 && q.degree == nil {
		q.degree, q.degreeAt = &degree{}, 0
	}
	for i, w := range q.words {
		if n, ok := smallNumber(w); ok && n <= 10000 && q.used[i] != "value" && q.used[i] != "column" {
			before, after := q.text(i-1), q.text(i+1)
			if _, isDegree := degrees()[before]; isDegree && q.text(i-2) != "at" || before == "first" || slices.Contains([]string{"latest", "newest", "oldest", "earliest", "recent"}, before) {
				q.limit = n
			} else if _, isDegree := degrees()[after]; isDegree || slices.Contains([]string{"latest", "newest", "oldest", "earliest", "most", "random"}, after) {
				q.limit = n
			} else if before == "last" && q.used[i+1:min(i+2, len(q.used))] != nil && i+1 < len(q.used) && q.used[i+1] == "table" {
				q.limit = n
			} else if (before == "show" || before == "list" || before == "give" || before == "me") && i+1 < len(q.used) && (q.used[i+1] == "table" || q.used[i+1] == "column") {
				q.limit = n
			} else {
				continue
			}
			q.gone[i] = true
		}
	}
}

// findKind notices questions that a template answers better than a composition.
func (q *request) findKind() {
	any := func(texts string) bool { return q.has(strings.Fields(texts)...) >= 0 }
	switch {
	case any("correlation correlate correlated correlates correlations related relationship relation relate affect affects influence influences depend depends association together"):
		q.kind = "correlation"
	case any("distribution distributed histogram"):
		q.kind = "distribution"
	case any("percentile percentiles quantile quantiles spread"):
		q.kind = "percentiles"
	case any("outlier outliers unusual anomaly anomalies anomalous extreme extremes"):
		q.kind = "outliers"
	case any("duplicate duplicates duplicated"):
		q.kind = "duplicates"
	case any("quality completeness"), any("missing null empty") && len(q.cols) == 0:
		q.kind = "quality"
	case any("cumulative running"):
		q.kind = "running"
	case any("moving rolling"):
		q.kind = "moving"
	case any("growth grow grew grows growing grown") && any("month monthly year yearly quarter quarterly week weekly day daily previous over"), q.said2("month", "over"), q.said2("year", "over"):
		q.kind = "growth"
	case any("movers"), any("growth grow grew grows growing grown changed increased decreased") && any("most fastest last"):
		q.kind = "movers"
	case any("weekday weekdays seasonality seasonal"), q.said2("day", "of"), q.said2("hour", "of"), q.said2("days", "of"), q.said2("hours", "of"):
		q.kind = "seasonality"
	case any("pareto"):
		q.kind = "pareto"
	case any("summary overview summarize statistics stats kpi kpis figures"):
		q.kind = "overview"
	case any("pairs") || q.said2("bought", "together"):
		q.kind = "pairs"
	case any("map located"):
		q.kind = "map"
	}
	q.wish.Share = any("share shares percentage percent proportion fraction %")
}

// groupable returns the column of a mention that rows can be grouped by.
func (q *request) groupable(m mention) *profile.Column {
	for _, list := range [][]profile.Column{q.s.Dims, q.s.WideDims, q.s.Labels, q.s.Foreign, q.s.Regions, q.s.Years, q.s.Keys, q.s.Filters} {
		for _, c := range m.cols {
			if slices.ContainsFunc(list, func(d profile.Column) bool { return d.Name == c.Name }) {
				return &c
			}
		}
	}
	return nil
}

// splitGroups tells the columns that make groups from those that are looked at.
func (q *request) splitGroups() {
	last := -2
	for i, m := range q.cols {
		if q.gone[-1-i] {
			continue
		}
		g := q.groupable(m)
		by := q.grouper(m.at) || last >= 0 && (q.text(m.at-1) == "and" || m.at > 0 && q.words[m.at-1].end) && m.at-last <= 3
		if by && g != nil && !(q.text(m.at-1) == "by" && q.isMeasure(m) && (q.degree != nil || q.limit > 0)) {
			q.groups = append(q.groups, m)
			last = m.end
			continue
		}
		q.others = append(q.others, m)
	}
}

// isMeasure reports whether the mention can be aggregated.
func (q *request) isMeasure(m mention) bool { return q.measure(m) != nil }

func (q *request) measure(m mention) *profile.Column {
	for _, c := range m.cols {
		if slices.ContainsFunc(q.s.Measures, func(o profile.Column) bool { return o.Name == c.Name }) {
			return &c
		}
	}
	return nil
}

func (q *request) because(format string, args ...any) {
	if q.missing == "" {
		q.missing = fmt.Sprintf(format, args...)
	}
}
