package ask

import (
	"math"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"millwright/internal/generate"
	"millwright/internal/generate/template"
	"millwright/internal/profile"
	"millwright/internal/program"
)

// A Table is a dataset that a question may be about.
type Table struct {
	DatasetID string
	Version   int64
	Profile   *profile.Profile
}

// An Answer is a program for a question, and how sure it is that it was meant.
type Answer struct {
	Table      Table
	Program    program.Program
	Certainty  float64  // 0..1
	Understood []string // which words were taken for what
	Unknown    []string // words that mean nothing here
	Problem    string   // why there is no program; empty if there is one

	at int // place among the tables, for ties
}

// Certain is how sure an answer must be to be one.
const Certain = .5

// maxQuestion bounds the text of a question, in bytes.
const maxQuestion = 2000

// Match returns what the question may mean, the likeliest first: programs, and after
// them readings that have none, each with its problem. It runs nothing. An answer
// below Certain is a guess.
func Match(question string, tables []Table) []Answer {
	question = strings.Join(strings.Fields(strings.ToValidUTF8(question, "")), " ")
	if len(question) > maxQuestion {
		question = question[:maxQuestion]
		for !utf8.ValidString(question) {
			question = question[:len(question)-1]
		}
	}
	words := split(question)
	if len(words) == 0 {
		return nil
	}
	var all []Answer
	for i, t := range tables {
		s := template.NewSource(t.Profile, template.DuckDB())
		sources := []*template.Source{s}
		for _, child := range t.Profile.Children {
			sources = append(sources, s.ChildSource(child))
		}
		for k, src := range sources {
			var best Answer
			for _, literal := range []bool{false, true} {
				a := answer(src, words, question, literal)
				a.Table, a.at = t, i*100+k
				if k > 0 {
					a.Certainty *= .97 // the record itself is meant before what is inside it
				}
				if literal && a.Certainty <= best.Certainty {
					continue
				}
				best = a
			}
			all = append(all, best)
		}
		all = append(all, joined(s, t, words, question, i*100+99))
	}
	all = slices.DeleteFunc(all, func(a Answer) bool { return a.Certainty == 0 && a.Problem == "" })
	sort.SliceStable(all, func(i, j int) bool {
		if a, b := all[i].Problem == "", all[j].Problem == ""; a != b {
			return a
		}
		if all[i].Certainty != all[j].Certainty {
			return all[i].Certainty > all[j].Certainty
		}
		return all[i].at < all[j].at
	})
	return all
}

// answer reads the question for one table.
func answer(s *template.Source, words []word, question string, literal bool) Answer {
	q := understand(read(s, words, literal), sentence(question))
	a := Answer{Unknown: q.unknown()}
	if len(q.cols) == 0 && len(q.vals) == 0 && !q.table && q.kind != "overview" && q.kind != "correlation" && q.kind != "quality" && q.kind != "duplicates" {
		a.Understood = q.said
		a.Problem = "nothing in the question is a column, a value or the name of " + s.Profile.Table
		a.Certainty = .1 * q.certainty()
		return a
	}
	c, sure := q.program()
	if q.missing == "" {
		for _, rule := range generate.Rules() {
			// That every period has the same number of rows is an answer to who asks.
			if rule.ID == "N7" {
				continue
			}
			if how := rule.Broken(s, c); how != "" {
				q.because("%s (%s)", how, rule.About)
				break
			}
		}
	}
	a.Understood = q.said
	a.Certainty = math.Round(q.certainty()*sure*100) / 100
	if q.missing != "" {
		a.Problem = q.missing
		a.Certainty = min(a.Certainty, Certain-.01)
		return a
	}
	a.Program = c.Program
	a.Program.Cue = sentence(question)
	a.Program.Reason = append([]string{}, q.said...)
	if q.kind != "correlation" { // its strength was not measured yet
		a.Program.Reason = append(a.Program.Reason, c.Why...)
	}
	return a
}

// program returns the candidate, and how well it does what was asked.
func (q *request) program() (template.Candidate, float64) {
	if c, sure, ok := q.special(); ok {
		return c, sure
	}
	if q.missing != "" {
		return template.Candidate{}, 0
	}
	switch q.kind {
	case "outliers", "percentiles", "duplicates", "quality", "running", "moving", "seasonality", "pareto", "pairs":
		q.because("%s has nothing that a question of the kind %s can be asked of", q.s.Profile.Table, q.kind)
		return template.Candidate{}, 1
	}
	c, why := q.s.Compose(q.wish)
	if why != "" {
		q.because("%s", why)
		return template.Candidate{}, 1
	}
	sure := 1.0
	// What was named and has no part in the program was misunderstood.
	for i, m := range q.cols {
		if q.gone[-1-i] || slices.ContainsFunc(m.cols, func(c profile.Column) bool { return q.plays(c) }) {
			continue
		}
		sure *= .7
		q.note("%q has no part in it", q.phrase(m.at, m.end))
	}
	for i, u := range q.used {
		if u == "number" && !q.gone[i] {
			sure *= .7
		}
	}
	return c, sure
}

// plays reports whether the column has a part in the wish.
func (q *request) plays(c profile.Column) bool {
	w := q.wish
	if w.Measure != nil && w.Measure.Name == c.Name || w.Time != nil && w.Time.Name == c.Name {
		return true
	}
	if w.Agg == "" && w.Measure != nil && (c.Role == profile.Label || c.Role == profile.Key) {
		return true
	}
	in := func(o profile.Column) bool { return o.Name == c.Name }
	return slices.ContainsFunc(w.Groups, in) || slices.ContainsFunc(w.Conditions, func(o template.Condition) bool { return in(o.Column) })
}

// certainty is the share of words that carry something and were understood, less for
// each that was not.
func (q *request) certainty() float64 {
	sum, n := 0.0, 0.0
	for i, u := range q.used {
		switch u {
		case "stop":
			continue
		case "":
			n++
			continue
		case "column":
			for _, m := range q.cols {
				if i >= m.at && i < m.end {
					sum += m.score
				}
			}
		case "table", "trade":
			sum += .9
		default:
			sum++
		}
		n++
	}
	if n == 0 {
		return 0
	}
	c := sum / n
	for range q.unknown() {
		c *= .6
	}
	return c
}

// sentence starts text with a capital letter.
func sentence(text string) string {
	r, size := utf8.DecodeRuneInString(text)
	return strings.ToUpper(string(r)) + text[size:]
}
