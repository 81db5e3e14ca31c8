package ask

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"millwright/internal/program"
)

// A filling finds values for the slots of an offer among the words of a question.
type filling struct {
	words    []word
	used     []bool // by a slot
	tables   []Table
	choice   *Choice
	replaced map[string]bool // notions of the cue that a slot stands for: "agg", "grain", "w:city"
}

// fill goes from what can hardly be mistaken to what can.
func (f *filling) fill() {
	f.replaced = map[string]bool{}
	slots := f.choice.Offer.Program.Slots
	for _, pass := range []func(program.Slot) bool{f.named, f.moments, f.limits, f.columns, f.trade, f.numbers, f.texts} {
		for _, s := range slots {
			if _, given := f.choice.Values[s.Name]; !given {
				pass(s)
			}
		}
	}
}

// took reports whether a slot used all words of the notion.
func (f *filling) took(n notion) bool {
	for i := n.at; i < n.end; i++ {
		if !f.used[i] {
			return false
		}
	}
	return true
}

func (f *filling) set(s program.Slot, at, end int, value any) bool {
	f.choice.Values[s.Name] = value
	for i := at; i < end; i++ {
		f.used[i] = true
	}
	f.choice.Understood = append(f.choice.Understood, fmt.Sprintf("%q is %s", f.phrase(at, end), s.Name))
	return true
}

func (f *filling) phrase(at, end int) string {
	parts := make([]string, 0, end-at)
	for _, w := range f.words[at:end] {
		parts = append(parts, w.text)
	}
	return strings.Join(parts, " ")
}

// spans calls try with every stretch of words that no slot has used, the longest
// first, until it returns true.
func (f *filling) spans(longest int, try func(at, end int) bool) bool {
	for n := min(longest, len(f.words)); n > 0; n-- {
		for at := 0; at+n <= len(f.words); at++ {
			if !slices.Contains(f.used[at:at+n], true) && try(at, at+n) {
				return true
			}
		}
	}
	return false
}

// plainValue is equal for spellings of one value.
func plainValue(text string) string {
	return strings.Join(strings.Fields(strings.ToLower(strings.NewReplacer("_", " ", "-", " ").Replace(text))), " ")
}

// valuesOf returns what the slot may be: its own list, or what its column holds.
func (f *filling) valuesOf(s program.Slot) []string {
	if len(s.Values) > 0 || s.Column == "" {
		return s.Choices()
	}
	var all []string
	for _, t := range f.tables {
		if !slices.Contains(f.choice.Offer.Program.Tables, t.Profile.Table) {
			continue
		}
		for _, c := range t.Profile.Columns {
			if c.Name == s.Column {
				for _, v := range c.Top {
					all = append(all, v.Value)
				}
			}
		}
	}
	return all
}

// named finds values that the question names: of enums, lists and texts.
func (f *filling) named(s program.Slot) bool {
	if s.Type != program.Enum && s.Type != program.ValueList && s.Type != program.String {
		return false
	}
	byText := map[string]string{}
	for _, v := range f.valuesOf(s) {
		byText[plainValue(v)] = v
	}
	var found []any
	f.spans(5, func(at, end int) bool {
		value, ok := byText[plainValue(f.phrase(at, end))]
		if !ok && end-at == 1 {
			value, ok = byText[f.words[at].stem]
		}
		if !ok || end-at == 1 && !f.words[at].quoted && stop(f.words[at].text) {
			return false
		}
		found = append(found, value)
		if s.Type == program.ValueList {
			list, _ := f.choice.Values[s.Name].([]any)
			return !f.set(s, at, end, append(list, value)) // there may be more
		}
		return f.set(s, at, end, value)
	})
	return len(found) > 0
}

// columns finds columns that the question names.
func (f *filling) columns(s program.Slot) bool {
	if s.Type != program.Column && s.Type != program.Boolean {
		return false
	}
	choices := s.Choices()
	if s.Type == program.Boolean {
		choices = []string{s.Column}
		if s.Column == "" {
			choices = []string{s.Name}
		}
	}
	take := func(same func(name, words []string) bool) bool {
		return f.spans(4, func(at, end int) bool {
			if end-at == 1 && (stop(f.words[at].text) || f.words[at].number) {
				return false
			}
			words := make([]string, 0, end-at)
			for _, w := range f.words[at:end] {
				words = append(words, w.stem)
			}
			for _, name := range choices {
				if !same(stems(name), words) {
					continue
				}
				if s.Type == program.Boolean {
					negated := at > 0 && slices.Contains([]string{"not", "no", "without", "non"}, f.words[at-1].text)
					return f.set(s, at, end, !negated)
				}
				f.instead(s.Default)
				return f.set(s, at, end, name)
			}
			return false
		})
	}
	return take(func(name, words []string) bool { return slices.Equal(name, words) || slices.Equal(strong(name), words) }) ||
		take(func(name, words []string) bool {
			return len(words) == 1 && slices.ContainsFunc(strong(name), func(w string) bool { return w == words[0] || relatives(words[0])[w] })
		})
}

// instead notes that what the cue says of the default is not missed.
func (f *filling) instead(column any) {
	if name, ok := column.(string); ok {
		for _, w := range stems(name) {
			f.replaced["w:"+w] = true
		}
	}
}

// trade finds aggregates, periods and orders.
func (f *filling) trade(s program.Slot) bool {
	family := map[program.SlotType]string{program.Aggregate: "agg", program.Grain: "grain", program.Order: "order"}[s.Type]
	if family == "" {
		return false
	}
	for _, n := range notionsOf(f.words) {
		if f.took(n) {
			continue
		}
		value, ok := strings.CutPrefix(n.key, family+":")
		if family == "order" {
			value, ok = map[string]string{"top": "desc", "bottom": "asc"}[n.key], n.key == "top" || n.key == "bottom"
		}
		if ok && slices.Contains(s.Choices(), value) {
			f.replaced[family] = true
			f.replaced["top"], f.replaced["bottom"] = f.replaced["top"] || family == "order", f.replaced["bottom"] || family == "order"
			return f.set(s, n.at, n.end, value)
		}
	}
	return false
}

// bounded returns the word that makes the number i a limit.
func (f *filling) bounded(i int) string {
	return (&request{reading: &reading{words: f.words, used: make([]string, len(f.words))}}).boundBefore(i)
}

// moments finds where a span of time begins and ends.
func (f *filling) moments(s program.Slot) bool {
	if s.Type != program.Date && s.Type != program.Timestamp {
		return false
	}
	begins := slices.ContainsFunc(stems(s.Name), func(w string) bool { return slices.Contains([]string{"from", "since", "start", "after", "begin"}, w) })
	ends := slices.ContainsFunc(stems(s.Name), func(w string) bool { return slices.Contains([]string{"to", "until", "end", "before", "till"}, w) })
	for i := range f.words {
		m, n := moment(f.words, i)
		before := ""
		if i > 0 {
			before = f.words[i-1].text
		}
		bound := f.bounded(i)
		if n == 0 || n == 1 && f.words[i].number && len(f.words[i].text) == 4 && bound == "" && !slices.Contains([]string{"in", "during", "for", "of", "year", "to", "and"}, before) {
			continue
		}
		from, to := m.from, m.to
		switch {
		case bound == "since" || bound == "from" || bound == "between":
			to = ""
		case bound == "after":
			from, to = m.to, ""
		case bound == "before":
			from, to = "", m.from
		case bound == "until" || bound == "till" || bound == "and" || before == "to" || before == "and":
			from = ""
		}
		value := ""
		switch {
		case begins:
			value = from
		case ends:
			value = to
		case m.grain == "day":
			value = m.from
		}
		if value != "" {
			return f.set(s, i, i+n, value)
		}
	}
	return false
}

// limits finds how many are wanted, and how many days back.
func (f *filling) limits(s program.Slot) bool {
	if s.Type != program.Integer {
		return false
	}
	for i, w := range f.words {
		n, ok := smallNumber(w)
		if !ok || f.used[i] {
			continue
		}
		before, after := "", ""
		if i > 0 {
			before = f.words[i-1].text
		}
		if i+1 < len(f.words) {
			after = f.words[i+1].text
		}
		unit, isUnit := grainWords()[after]
		switch {
		case isUnit && s.Name == "days" && slices.Contains([]string{"last", "past", "previous", "recent"}, before):
			n *= map[string]int64{"hour": 1, "day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365}[unit]
			if !inRange(s, float64(n)) {
				continue
			}
			f.replaced["grain"] = true
			return f.set(s, i, i+2, n)
		case isUnit, !inRange(s, float64(n)):
		case slices.Contains([]string{"n", "limit", "top", "k", "count", "rows", "max_rows"}, s.Name) &&
			(isDegree(before) || isDegree(after) || slices.Contains([]string{"first", "last", "latest", "newest", "show", "list", "me", "give"}, before)):
			return f.set(s, i, i+1, n)
		}
	}
	return false
}

// inRange reports whether the slot takes the number.
func inRange(s program.Slot, n float64) bool {
	return (s.Max == nil || n <= *s.Max) && (s.Min == nil || n >= *s.Min) && math.Abs(n) < 1<<53
}

// numbers finds limits of values: over 100, at most 5.
func (f *filling) numbers(s program.Slot) bool {
	if s.Type != program.Number && s.Type != program.Integer {
		return false
	}
	parts := stems(s.Name)
	is := func(words ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return slices.Contains(words, p) })
	}
	low, high := is("min", "from", "above", "over", "least", "minimum", "threshold", "more"), is("max", "to", "below", "under", "most", "maximum", "less")
	for i, w := range f.words {
		value, err := strconv.ParseFloat(w.text, 64)
		if err != nil || !w.number || f.used[i] || !inRange(s, value) {
			continue
		}
		bound := f.bounded(i)
		upper := bound == "less" || bound == "most" || bound == "and"
		fits := bound == "more" || bound == "least" || bound == "between"
		switch {
		case low && !fits, high && !upper, !low && !high && bound == "" && !f.mentioned(s.Column, i):
			continue
		}
		if s.Type == program.Integer {
			if value != float64(int64(value)) {
				continue
			}
			return f.set(s, i, i+1, int64(value))
		}
		return f.set(s, i, i+1, value)
	}
	return false
}

// mentioned reports whether the column is named right before the word i.
func (f *filling) mentioned(column string, i int) bool {
	name := stems(column)
	return column != "" && i >= len(name) && slices.Equal(name, func() []string {
		words := []string{}
		for _, w := range f.words[i-len(name) : i] {
			words = append(words, w.stem)
		}
		return words
	}())
}

// texts finds what stands in quotes, and dates that nothing else took.
func (f *filling) texts(s program.Slot) bool {
	for i, w := range f.words {
		switch {
		case f.used[i]:
		case s.Type == program.String && w.quoted, s.Type == program.Enum && w.quoted && len(s.Values) == 0:
			return f.set(s, i, i+1, w.text)
		case s.Type == program.Date || s.Type == program.Timestamp:
			if _, err := time.Parse(time.DateOnly, w.text); err == nil {
				return f.set(s, i, i+1, w.text)
			}
		}
	}
	return false
}
