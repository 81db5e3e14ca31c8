package ask

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"millwright/internal/generate/template"
	"millwright/internal/profile"
	"millwright/internal/table"
)

// A mention is a column that words of the question may mean, the likeliest first.
type mention struct {
	at, end int
	cols    []profile.Column
	score   float64
	how     string
}

// A named value is a value of a column that the question names.
type named struct {
	at, end int
	col     profile.Column
	value   string
}

// A reading is a question as it is understood for one table.
type reading struct {
	s     *template.Source
	words []word
	used  []string // what each word was taken for; empty: nothing
	cols  []mention
	vals  []named
	table bool // the table's own noun was named
	said  []string
}

// read finds columns, values and the table's noun among the words. Literal prefers
// a column over a word of the trade that it is called like.
func read(s *template.Source, words []word, literal bool) *reading {
	r := &reading{s: s, words: words, used: make([]string, len(words))}
	r.values()
	r.columns(literal)
	r.noun()
	r.trade()
	r.rest()
	sort.SliceStable(r.cols, func(i, j int) bool { return r.cols[i].at < r.cols[j].at })
	return r
}

func (r *reading) free(at, end int) bool {
	for i := at; i < end; i++ {
		if r.used[i] != "" {
			return false
		}
	}
	return true
}

func (r *reading) take(at, end int, as string) {
	for i := at; i < end; i++ {
		r.used[i] = as
	}
}

func (r *reading) phrase(at, end int) string {
	parts := make([]string, end-at)
	for i := range parts {
		parts[i] = r.words[at+i].text
	}
	return strings.Join(parts, " ")
}

func (r *reading) stemsAt(at, end int) []string {
	parts := make([]string, end-at)
	for i := range parts {
		parts[i] = r.words[at+i].stem
	}
	return parts
}

// spans calls try with every stretch of free words, the longest first.
func (r *reading) spans(longest int, try func(at, end int) bool) {
	for n := min(longest, len(r.words)); n > 0; n-- {
		for at := 0; at+n <= len(r.words); at++ {
			if r.free(at, at+n) {
				try(at, at+n)
			}
		}
	}
}

// values finds values that occur in the data. Numbers and words that are columns,
// nouns or words of the trade are no values, unless they stand in quotes.
func (r *reading) values() {
	if r.howLong() {
		return // shipped is a moment there, and no status
	}
	byText := map[string][]named{}
	for _, c := range r.s.Profile.Columns {
		switch c.Role {
		case profile.Measure, profile.Key, profile.Lat, profile.Lon, profile.EventTime, profile.AuditTime, profile.FreeText, profile.Empty:
			continue
		}
		for _, v := range c.Top {
			text := strings.Join(strings.Fields(strings.ToLower(strings.NewReplacer("_", " ", "-", " ").Replace(v.Value))), " ")
			if text == "" || len(strings.Fields(text)) > 5 {
				continue
			}
			byText[text] = append(byText[text], named{col: c, value: v.Value})
		}
	}
	r.spans(5, func(at, end int) bool {
		quoted := end-at == 1 && r.words[at].quoted
		if end-at == 1 && !quoted && (r.words[at].number || tradeWord(r.words[at].text) || stop(r.words[at].text) || r.isNoun(r.words[at].stem) || r.isColumn(r.words[at].stem)) {
			return false
		}
		text := strings.NewReplacer("_", " ", "-", " ").Replace(strings.ToLower(r.phrase(at, end)))
		found := byText[text]
		if len(found) == 0 && end-at == 1 && !quoted {
			found = byText[r.words[at].stem]
		}
		if len(found) == 0 {
			return false
		}
		best := found[0]
		for _, f := range found[1:] {
			if rank(f.col) < rank(best.col) {
				best = f
			}
		}
		best.at, best.end = at, end
		r.vals = append(r.vals, best)
		r.take(at, end, "value")
		r.note("%q is a value of %s", r.phrase(at, end), best.col.Name)
		return true
	})
	sort.SliceStable(r.vals, func(i, j int) bool { return r.vals[i].at < r.vals[j].at })
}

// howLong reports whether a time between two moments is asked for.
func (r *reading) howLong() bool {
	for i := range r.words {
		if r.words[i].text == "how" && i+1 < len(r.words) && r.words[i+1].text == "long" {
			return true
		}
	}
	return false
}

// rank orders columns that hold the same value: few distinct values first.
func rank(c profile.Column) int64 {
	n := c.Distinct
	if c.Role == profile.Label {
		n += 1000
	}
	return n
}

func (r *reading) note(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

// isColumn reports whether a column is called by this one word.
func (r *reading) isColumn(stem string) bool {
	for _, c := range r.s.Profile.Columns {
		if own := stems(c.Path[len(c.Path)-1]); len(own) == 1 && own[0] == stem {
			return true
		}
	}
	return false
}

func (r *reading) nouns() [][]string {
	f := r.s.Profile.Facts
	name := r.s.Profile.Table
	if i := strings.LastIndex(name, "__"); i >= 0 {
		name = name[i+2:]
	}
	all := [][]string{stems(f.Grain), stems(f.Plural), stems(name)}
	if last := stems(name); len(last) > 1 {
		all = append(all, last[len(last)-1:])
	}
	return all
}

func (r *reading) isNoun(stem string) bool {
	return slices.ContainsFunc(r.nouns(), func(n []string) bool { return len(n) == 1 && n[0] == stem })
}

// noun finds the table's own noun.
func (r *reading) noun() {
	r.spans(3, func(at, end int) bool {
		if !slices.ContainsFunc(r.nouns(), func(n []string) bool { return len(n) > 0 && slices.Equal(n, r.stemsAt(at, end)) }) {
			return false
		}
		r.table = true
		r.take(at, end, "table")
		r.note("%q are the rows of %s", r.phrase(at, end), r.s.Profile.Table)
		return true
	})
}

// weak are words of a column name that say nothing alone.
func weak(w string) bool {
	switch w {
	case "id", "no", "number", "code", "name", "is", "has", "at", "on", "date", "time", "value", "the", "of", "type", "key", "total", "count", "in", "per", "by", "us", "and", "to", "for":
		return true
	}
	return false
}

// columns finds columns by their names and labels, whole or in part, then by
// relatives of their words.
func (r *reading) columns(literal bool) {
	var usable []profile.Column
	for _, c := range r.s.Profile.Columns {
		switch {
		case c.Role == profile.Empty || c.Role == profile.Container || c.Role == profile.Child || c.Role == profile.MapRole || strings.TrimSpace(c.Name) == "":
		case c.ValueType().Kind == table.Struct || c.ValueType().Kind == table.JSON:
		default:
			usable = append(usable, c)
		}
	}
	find := func(longest int, score float64, how string, same func(c profile.Column, words []string) bool) {
		r.spans(longest, func(at, end int) bool {
			if end-at == 1 {
				w := r.words[at]
				if !literal && w.text != w.stem && r.isNoun(w.stem) { // cities are the rows, city is a column
					return false
				}
				if w.number || w.quoted || !literal && tradeWord(w.text) || stop(w.text) && !literal || score < 1 && (r.isNoun(w.stem) || tradeWord(w.text) || stop(w.text)) {
					return false
				}
			}
			if end-at > 1 && score < 1 && (stop(r.words[at].text) || stop(r.words[end-1].text)) {
				return false
			}
			var cols []profile.Column
			for _, c := range usable {
				if same(c, r.stemsAt(at, end)) {
					cols = append(cols, c)
				}
			}
			if len(cols) == 0 {
				return false
			}
			r.order(cols)
			r.cols = append(r.cols, mention{at: at, end: end, cols: cols, score: score, how: how})
			r.take(at, end, "column")
			r.note("%q %s %s", r.phrase(at, end), how, cols[0].Name)
			return true
		})
	}
	find(6, 1, "is the column", func(c profile.Column, words []string) bool {
		return slices.Equal(stems(c.Path[len(c.Path)-1]), words) || slices.Equal(stems(c.Name), words) || slices.Equal(stems(c.Label), words)
	})
	find(4, .9, "is the column", func(c profile.Column, words []string) bool { // is_gift: gift; order_no: order number
		return slices.Equal(strong(stems(c.Path[len(c.Path)-1])), words) || len(words) > 1 && slices.Equal(strong(stems(c.Name)), strong(words))
	})
	find(3, .8, "is part of the name of the column", func(c profile.Column, words []string) bool {
		own := stems(c.Name)
		for _, w := range words {
			if !slices.Contains(own, w) || weak(w) && len(words) == 1 {
				return false
			}
		}
		return true
	})
	find(1, .7, "means the column", func(c profile.Column, words []string) bool {
		kin := relatives(words[0])
		own := strong(stems(c.Path[len(c.Path)-1]))
		if len(own) == 1 && weak(own[0]) {
			own = strong(stems(c.Name)) // customer.name
		}
		return len(own) > 0 && slices.ContainsFunc(own, func(w string) bool { return kin[w] })
	})
}

// strong leaves out what says nothing alone, unless nothing else is left.
func strong(words []string) []string {
	var out []string
	for _, w := range words {
		if !weak(w) {
			out = append(out, w)
		}
	}
	if len(out) == 0 {
		return words
	}
	return out
}

// order puts the column first that people mean: of the record itself, with the
// shorter name, and what can be grouped or counted before what is only a reference.
func (r *reading) order(cols []profile.Column) {
	sort.SliceStable(cols, func(i, j int) bool {
		a, b := cols[i], cols[j]
		if x, y := bare(a), bare(b); x != y {
			return y
		}
		if len(stems(a.Name)) != len(stems(b.Name)) {
			return len(stems(a.Name)) < len(stems(b.Name))
		}
		return r.s.Position(a.Name) < r.s.Position(b.Name)
	})
}

// bare reports what is only a reference or housekeeping.
func bare(c profile.Column) bool {
	switch c.Role {
	case profile.Key, profile.ForeignKey, profile.AuditTime, profile.URL, profile.ImageURL, profile.Hash, profile.UUID, profile.Constant, profile.Email:
		return true
	}
	return false
}

// trade finds words of the trade, and numbers.
func (r *reading) trade() {
	for i, w := range r.words {
		if r.used[i] != "" {
			continue
		}
		switch {
		case w.number:
			r.used[i] = "number"
		case tradeWord(w.text), w.text == "long" && r.howLong():
			r.used[i] = "trade"
		}
	}
}

// rest marks words that carry nothing.
func (r *reading) rest() {
	for i, w := range r.words {
		if r.used[i] == "" && stop(w.text) {
			r.used[i] = "stop"
		}
	}
}

// unknown returns the words that mean nothing here.
func (r *reading) unknown() []string {
	var out []string
	for i, u := range r.used {
		if u == "" {
			out = append(out, r.words[i].text)
		}
	}
	return out
}
