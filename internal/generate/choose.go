package generate

import (
	"slices"
	"strings"

	"millwright/internal/generate/template"
	"millwright/internal/program"
)

// A pick is a chosen trial with what spoke for it.
type pick struct {
	trial
	place  int
	gain   float64
	over   *trial // the runner-up that it was preferred to; nil if there was none
	overBy float64
}

// What makes the next pick more or less welcome, next to its score.
const (
	bonusColumns  = .25 // for the share of its columns that no pick shows yet
	bonusKind     = .20 // for a kind that has no pick yet
	malusSimilar  = .35 // for likeness to the most similar pick
	malusCrowded  = .30 // for a kind that has four picks already, or seven for plain questions
	bonusPlain    = .12 // for the plain questions, once the first picks stand
	malusReached  = .15 // for what a pick reaches by changing its slots
	malusRepeated = .30 // for the figures of another pick of the same template, under other names
	bonusAnswers  = .15 // for each plain question that no pick answers yet, by what it is worth
	mostAnswers   = .30 // that these may add up to
	leastAnswers  = .03 // for which what a slot reaches is shown as it is, too
	bonusWide     = .30 // for the share of all columns that are not shown yet which it shows
)

// choose picks at most n trials, one after the other, each the most welcome
// next to those before it. What people ask first comes first, then every
// promised kind that has none yet gets its best, then the rest is filled.
func choose(s *template.Source, all []trial, n int) []pick {
	c := &chooser{source: s, left: append([]trial(nil), all...), covered: map[string]bool{}, kinds: map[string]int{}, templates: map[string]int{}, answered: map[answer]bool{}, wanted: n}
	c.showable = map[string]bool{}
	for _, t := range all {
		if shows(t) {
			for _, name := range t.Columns {
				c.showable[name] = true
			}
		}
	}
	for c.take(n, func(t trial) bool { return t.kept }) {
	}
	for i, wanted := range classics() {
		// The headline may stand in each of the first three, whatever they share.
		c.plain = i < 3
		c.take(n, func(t trial) bool { return slices.Contains(wanted, t.Template) })
	}
	c.plain = false
	for _, kind := range promised() {
		if c.kinds[kind] == 0 {
			c.take(n, func(t trial) bool { return t.Kind == kind })
		}
	}
	c.take(n, func(t trial) bool { return slices.Contains(finders(), t.Template) })
	for _, most := range []int{2, 3} {
		for len(c.picks) < n && c.take(n, func(t trial) bool {
			return c.templates[t.Template] < most || isPlain(t) && c.templates[t.Template] < most+1
		}) {
		}
	}
	// Sooner than nothing, what another program reaches by a slot is shown as it is.
	c.lax = true
	for len(c.picks) < n && c.take(n, func(t trial) bool { return c.templates[t.Template] < 5 }) {
	}
	return c.picks
}

// classics are what people ask first, one of each line where the table allows it.
func classics() [][]string {
	return [][]string{
		{"kpi"},
		{"summary_by", "agg_by", "struct_group"},
		{"summary_time", "agg_time"},
		{"topn_entities", "topn_other", "pareto", "entity_activity", "latest_cross_section"},
		{"count_by", "geo_region"},
		{"measures_by", "window_compare", "compare_groups", "crosstab_long", "flag_rate", "panel_change"},
		{"corr_pair", "corr_matrix"},
		{"filter_rows"},
		{"child_by_parent", "child_agg", "child_count", "child_list"},
		{"list_top", "list_contains"},
	}
}

// isPlain reports whether the trial is what most questions of people are: how many
// of each, how much of each, and how much over time.
func isPlain(t trial) bool {
	return slices.Contains([]string{"agg_by", "struct_group", "count_by", "geo_region", "agg_time", "count_time", "summary_by", "summary_time", "measures_by", "measures_time"}, t.Template)
}

// finders are templates of which one is enough: they find rows as they are.
func finders() []string { return []string{"latest", "text_search", "lookup"} }

type chooser struct {
	source    *template.Source
	left      []trial
	picks     []pick
	covered   map[string]bool
	kinds     map[string]int
	templates map[string]int
	wanted    int // picks
	answered  map[answer]bool
	showable  map[string]bool // columns that some candidate shows
	plain     bool            // by score alone, without regard to the picks so far
	lax       bool            // what a slot of a pick reaches may be picked, too
}

// take picks the most welcome trial that fits; it reports whether there was one.
func (c *chooser) take(n int, fits func(trial) bool) bool {
	if len(c.picks) >= n {
		return false
	}
	best, second := -1, -1
	for i, t := range c.left {
		if !fits(t) || !t.kept && c.excluded(t) {
			continue
		}
		switch {
		case best < 0 || better(c.gain(t), c.gain(c.left[best]), t, c.left[best]):
			best, second = i, best
		case second < 0 || better(c.gain(t), c.gain(c.left[second]), t, c.left[second]):
			second = i
		}
	}
	if best < 0 {
		return false
	}
	p := pick{trial: c.left[best], place: len(c.picks) + 1, gain: c.gain(c.left[best])}
	if second >= 0 {
		over := c.left[second]
		p.over, p.overBy = &over, p.gain-c.gain(over)
	}
	c.picks = append(c.picks, p)
	c.left = slices.Delete(c.left, best, best+1)
	c.kinds[p.Kind]++
	c.templates[p.Template]++
	if shows(p.trial) {
		for _, name := range p.Columns {
			c.covered[name] = true
		}
	}
	for _, a := range answers(p.Candidate) {
		c.answered[a] = true
	}
	return true
}

// shows reports whether a pick shows its columns: what lists rows or names every
// column says little about each of them yet.
func shows(t trial) bool {
	switch {
	case t.Template == "directory":
		return true
	case t.Kind == template.Filtering, t.Kind == template.DataQuality, t.Template == "kpi", t.Template == "corr_matrix":
		return false
	}
	return true
}

// told returns what the plain questions that the trial would be the first to answer
// are worth together.
func (c *chooser) told(t trial) float64 {
	sum := 0.0
	for _, a := range answers(t.Candidate) {
		if !c.answered[a] {
			sum += worth(c.source, a)
		}
	}
	return min(bonusAnswers*sum, mostAnswers) * c.room()
}

// need is how many columns that nothing shows yet each pick to come must show.
func (c *chooser) need() float64 {
	left := 0
	for name := range c.showable {
		if !c.covered[name] {
			left++
		}
	}
	return float64(left) / float64(max(c.wanted-len(c.picks), 1))
}

// room says how far plain questions, each about a column or two, are what a table
// needs: fully, 1, unless there are many more columns than questions.
func (c *chooser) room() float64 {
	if c.plain {
		return 1
	}
	return min(1, 3/max(c.need(), 1))
}

// missing returns which share of the columns that no pick shows yet the trial shows.
func (c *chooser) missing(t trial) float64 {
	if !shows(t) {
		return 0
	}
	fresh := 0
	for _, name := range t.Columns {
		if !c.covered[name] {
			fresh++
		}
	}
	// With many columns left for few picks, each pick must show several.
	return min(1, float64(fresh)/max(c.need(), 2))
}

// rest returns what was not chosen, best first.
func rest(tried []trial, chosen []pick) []pick {
	var left []pick
	for _, t := range tried {
		if !slices.ContainsFunc(chosen, func(k pick) bool { return k.order == t.order }) {
			left = append(left, pick{trial: t, place: len(chosen) + 1, gain: t.score + t.bonus})
		}
	}
	slices.SortStableFunc(left, func(a, b pick) int {
		switch {
		case better(a.gain, b.gain, a.trial, b.trial):
			return -1
		case better(b.gain, a.gain, b.trial, a.trial):
			return 1
		}
		return 0
	})
	return left
}

// excluded reports whether a quota or a near-equal pick forbids the trial.
func (c *chooser) excluded(t trial) bool {
	once := [][]string{{"filter_rows"}, finders(), {"quality", "duplicates"}, {"kpi"}, {"geo_bbox", "geo_near"},
		{"list_length"}, {"list_contains"}, {"distinct_values"}, {"scatter_sample", "binned_average", "corr_matrix"}, {"crosstab_long", "crosstab_wide"}, {"list_pairs"},
		{"agg_time_gapfill", "count_time"}, {"running_total"}, {"moving_avg"}, {"measure_summary"}, {"child_list"}, {"time_spans"}}
	for _, group := range once {
		if !slices.Contains(group, t.Template) {
			continue
		}
		for _, id := range group {
			if c.templates[id] > 0 {
				return true
			}
		}
	}
	if joinsOf(t) {
		joins := 0
		for _, p := range c.picks {
			if joinsOf(p.trial) {
				joins++
			}
		}
		if joins >= mostJoins {
			return true
		}
	}
	for _, p := range c.picks {
		// A pick of the same template reaches this one through its slots. What people
		// ask first is answered sooner than reached.
		if !c.lax && p.Template == t.Template && reaches(p.Candidate, t.Candidate) && c.news(t) == 0 && !(isPlain(t) && c.told(t) >= leastAnswers) {
			return true
		}
	}
	return false
}

// mostJoins is how many picks may be about another dataset, too.
const mostJoins = 4

func joinsOf(t trial) bool { return strings.HasPrefix(t.Template, "join_") }

// reaches reports whether a can become b by changing its column slots.
func reaches(a, b template.Candidate) bool {
	for _, slot := range b.Program.Slots {
		at := slices.IndexFunc(a.Program.Slots, func(s program.Slot) bool { return s.Name == slot.Name })
		if at < 0 {
			return false
		}
		own := a.Program.Slots[at]
		if len(own.Values) > 0 && slot.Default != nil && !slices.Contains(own.Values, slot.Default) {
			return false
		}
	}
	return a.Program.SQL == b.Program.SQL
}

// news returns what share of the trial's columns no pick shows yet.
func (c *chooser) news(t trial) float64 {
	if len(t.Columns) == 0 || t.Kind == template.DataQuality {
		return 0
	}
	fresh := 0
	for _, name := range t.Columns {
		if !c.covered[name] {
			fresh++
		}
	}
	if t.Template == "corr_matrix" {
		return 0
	}
	return float64(fresh) / float64(len(t.Columns))
}

func (c *chooser) gain(t trial) float64 {
	if c.plain {
		return t.score + t.bonus + c.told(t)
	}
	g, most := t.score+t.bonus+bonusColumns*c.news(t)+bonusWide*c.missing(t)+c.told(t), 4
	if isPlain(t) {
		g, most = g+bonusPlain*c.room(), 7
	}
	if c.kinds[t.Kind] == 0 && t.Kind != template.DataQuality {
		g += bonusKind
	}
	if c.kinds[t.Kind] >= most {
		g -= malusCrowded
	}
	alike := 0.0
	for _, p := range c.picks {
		if p.Kind == template.Filtering && t.Kind != template.Filtering || p.Template == "kpi" {
			continue
		}
		x := similar(p.Candidate, t.Candidate)
		if isPlain(t) {
			// The same question about something else is what plain questions are.
			x = overlap(p.Candidate, t.Candidate)
		}
		alike = max(alike, x)
	}
	if slices.ContainsFunc(c.picks, func(p pick) bool { return p.print != "" && p.print == t.print }) {
		g -= malusRepeated
	}
	for _, p := range c.picks {
		// A slot that reaches a column does not show it.
		if p.Template == t.Template && c.news(t) == 0 && reaches(p.Candidate, t.Candidate) {
			g -= malusReached
			break
		}
	}
	return g - malusSimilar*alike
}

// similar returns how alike two candidates are, 0..1.
func similar(a, b template.Candidate) float64 {
	x := overlap(a, b)
	if a.Kind == b.Kind {
		x += .25
	}
	if a.Template == b.Template {
		x += .15
	}
	return x
}

// overlap returns how much of two candidates' columns are the same, 0..0.6.
func overlap(a, b template.Candidate) float64 {
	both, either := 0, len(b.Columns)
	for _, name := range a.Columns {
		if slices.Contains(b.Columns, name) {
			both++
		} else {
			either++
		}
	}
	if either == 0 {
		return 0
	}
	return .6 * float64(both) / float64(either)
}
