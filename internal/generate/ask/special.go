package ask

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"millwright/internal/generate/template"
	"millwright/internal/profile"
	"millwright/internal/program"
)

// special looks for a template that answers the kind of question; filters that it
// has no slot for make it less fit than a composed program.
func (q *request) special() (template.Candidate, float64, bool) {
	var wanted []profile.Column
	for i, m := range q.cols {
		if q.gone[-1-i] && !(q.kind == "correlation") {
			continue
		}
		wanted = append(wanted, m.cols[0])
	}
	ids := q.templates(wanted)
	if len(ids) == 0 {
		return template.Candidate{}, 0, false
	}
	if q.kind == "correlation" {
		q.s.Related = nil
		var pair []profile.Column
		for _, m := range q.cols {
			if c := q.measure(m); c != nil {
				pair = append(pair, *c)
			}
		}
		if len(pair) >= 2 {
			q.s.Related = []template.Relation{{X: pair[0], Y: pair[1], R: .5, N: q.s.Profile.Rows}}
			wanted = pair[:2]
		}
	}
	var best template.Candidate
	placed := -1
	for _, t := range template.All() {
		if !slices.Contains(ids, t.ID) {
			continue
		}
		for _, c := range t.Make(q.s) {
			fit, n := template.Refit(c, wanted)
			if q.kind == "seasonality" && q.cycle(c.Program.SQL) {
				n++
			}
			if n > placed || n == placed && slices.Index(ids, t.ID) < slices.Index(ids, best.Template) {
				best, placed = fit, n
			}
		}
	}
	if placed < 0 {
		return best, 0, false
	}
	sure := 1.0
	if q.kind == "seasonality" {
		placed--
	}
	for range len(wanted) - placed {
		sure *= .6
	}
	for _, c := range q.wish.Conditions {
		if !setSlot(&best, c) {
			sure *= .6
		}
	}
	for i := range best.Program.Slots {
		s := &best.Program.Slots[i]
		if s.Type == program.Grain && slices.Contains(s.Choices(), q.wish.Grain) {
			s.Default = q.wish.Grain
		}
		if q.limit > 0 && s.Type == program.Integer && (s.Name == "n" || s.Name == "limit") && s.Max != nil && float64(q.limit) <= *s.Max {
			s.Default = q.limit
		}
	}
	if sure < .7 && q.kind != "correlation" {
		return best, sure, false
	}
	q.missing = ""
	q.note("the question is of the kind %s", best.Template)
	return best, sure, true
}

// cycle reports whether the SQL is about the cycle that is asked for, and no other.
func (q *request) cycle(sql string) bool {
	wanted := "weekday"
	if q.has("hour", "hours", "hourly") >= 0 {
		wanted = "hour_of_day"
	} else if q.has("month", "months", "monthly") >= 0 {
		wanted = "month_of_year"
	}
	for _, part := range []string{"weekday", "hour_of_day", "month_of_year"} {
		if strings.Contains(sql, `AS "`+part+`"`) != (part == wanted) {
			return false
		}
	}
	return true
}

// setSlot gives the condition's value to a slot of its column.
func setSlot(c *template.Candidate, cond template.Condition) bool {
	for i := range c.Program.Slots {
		s := &c.Program.Slots[i]
		switch {
		case cond.Op == "is" && s.Type == program.Enum && s.Column == cond.Column.Name && len(cond.Values) == 1,
			cond.Op == "from" && s.Name == "from", cond.Op == "to" && s.Name == "to":
			s.Default = cond.Values[0]
			return true
		case cond.Op == "days" && s.Name == "days":
			var n int64
			_, _ = fmt.Sscan(cond.Values[0], &n)
			s.Default = n
			return true
		}
	}
	return false
}

// templates returns which templates answer the kind of question, the best first.
func (q *request) templates(wanted []profile.Column) []string {
	measures, lists := 0, 0
	for _, m := range q.cols {
		if q.measure(m) != nil {
			measures++
		}
		if m.cols[0].Role == profile.ListRole {
			lists++
		}
	}
	switch q.kind {
	case "correlation":
		if measures >= 2 {
			return []string{"corr_pair", "scatter_sample"}
		}
		if measures == 0 && len(wanted) == 0 {
			return []string{"corr_matrix"}
		}
		if lists > 0 {
			return []string{"list_pairs"}
		}
		return nil
	case "distribution":
		if measures > 0 {
			return []string{"histogram"}
		}
		if len(wanted) > 0 && q.groupable(mention{cols: wanted[:1]}) != nil {
			q.wish.Groups, q.others, q.agg = []profile.Column{wanted[0]}, nil, "count"
			q.missing = ""
			q.wish.Agg, q.wish.Measure = "count", nil
		}
		return nil
	case "percentiles":
		return []string{"percentiles"}
	case "outliers":
		return []string{"outliers_mad"}
	case "duplicates":
		return []string{"duplicates"}
	case "quality":
		return []string{"quality"}
	case "running":
		return []string{"running_total"}
	case "moving":
		return []string{"moving_avg"}
	case "growth":
		return []string{"pop_growth"}
	case "movers":
		return []string{"top_movers", "window_compare"}
	case "seasonality":
		return []string{"seasonality"}
	case "pareto":
		return []string{"pareto"}
	case "overview":
		return []string{"kpi"}
	case "pairs":
		return []string{"list_pairs"}
	case "map":
		return []string{"geo_grid", "geo_region"}
	}
	if lists > 0 && len(q.vals) == 0 {
		if q.wish.Share || q.agg == "avg" {
			return []string{"list_length"}
		}
		return []string{"list_top"}
	}
	for _, m := range q.cols {
		if m.cols[0].Role == profile.Flag && (q.wish.Share || q.has("rate", "compare", "differ") >= 0) && len(wanted) > 1 {
			return []string{"flag_rate"}
		}
	}
	var times []profile.Column
	for _, m := range q.cols {
		if m.cols[0].ValueType().IsTemporal() {
			times = append(times, m.cols[0])
		}
	}
	if len(times) >= 2 || q.said2("how", "long") {
		return []string{"duration"}
	}
	if q.has("previous") >= 0 && q.has("compare", "compared", "comparison", "change", "changed") >= 0 {
		return []string{"window_compare"}
	}
	return nil
}

// joined answers what the elements inside records say by what the records are:
// total quantity of items by country.
func joined(s *template.Source, t Table, words []word, question string, at int) Answer {
	if len(t.Profile.Children) == 0 {
		return Answer{}
	}
	best := Answer{}
	for _, tpl := range template.All() {
		if tpl.ID != "child_by_parent" {
			continue
		}
		for _, c := range tpl.Make(s) {
			for _, child := range t.Profile.Children {
				if child.Table != c.Program.Tables[0] {
					continue
				}
				inner, outer := read(s.ChildSource(child), words, false), read(s, words, false)
				qi := understand(inner, question)
				if qi.wish.Grain != "" || len(outer.vals) > 0 || !inner.table {
					continue
				}
				var wanted []profile.Column
				for _, m := range qi.cols {
					if col := qi.measure(m); col != nil {
						wanted = append(wanted, *col)
						for i := m.at; i < m.end; i++ {
							inner.used[i] = "column"
							outer.used[i] = "column"
						}
					}
				}
				n := len(wanted)
				for _, m := range outer.cols {
					q := &request{reading: outer}
					if g := q.groupable(m); g != nil && q.grouper(m.at) {
						wanted = append(wanted, *g)
					}
				}
				if n != 1 || len(wanted) != 2 {
					continue
				}
				fit, placed := template.Refit(c, wanted)
				if placed < 2 {
					continue
				}
				merged := *outer
				merged.cols = append(append([]mention{}, outer.cols...), qi.cols...)
				for i := range merged.used {
					if merged.used[i] == "" {
						merged.used[i] = inner.used[i]
					}
				}
				sure := (&request{reading: &merged}).certainty()
				for i := range fit.Program.Slots {
					slot := &fit.Program.Slots[i]
					switch {
					case slot.Name != "agg" || qi.agg == "":
					case slices.Contains(slot.Choices(), qi.agg):
						slot.Default = qi.agg
					default:
						sure *= .6
					}
				}
				if sure > 1 {
					sure = 1
				}
				if sure = math.Round(sure*95) / 100; sure > best.Certainty {
					fit.Program.Cue = sentence(question)
					best = Answer{Table: t, Program: fit.Program, Certainty: sure, Understood: append(outer.said, inner.said...), Unknown: merged.unknown(), at: at}
					best.Program.Reason = append(append([]string{}, best.Understood...), fit.Why...)
				}
			}
		}
	}
	return best
}
