package template

import (
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"

	"millwright/internal/profile"
	"millwright/internal/program"
	"millwright/internal/table"
)

func searches() []Template {
	return []Template{{ID: "text_search", Kind: Filtering, Prior: .65, Make: makeSearch, Signal: signalSearch}}
}

// makeSearch looks for a word in every column that holds words.
func makeSearch(s *Source) []Candidate {
	var cols []profile.Column
	for _, c := range s.Texts {
		if s.kind(c) == table.Varchar {
			cols = append(cols, c)
		}
	}
	cols = first(cols, 4)
	word, times := frequentWord(cols)
	if word == "" {
		return nil
	}
	d := s.draft("text_search", Filtering, .65)
	var conditions, selected []string
	for _, c := range cols {
		d.use(Filter, nil, c)
		d.fit(1 - c.NullShare())
		selected = append(selected, say(c))
		conditions = append(conditions, s.Dialect.HasText("lower(coalesce("+s.expr(c)+", ''))", "lower($q)"))
	}
	d.slot(program.Slot{Name: "q", Type: program.String, Label: "Text", Description: "What to look for, in any case.", Default: word})
	d.whole("limit", "At most so many rows.", 50, 1, 1000)
	d.why("%s average %s characters; the word %q stands in %s of their frequent values", list(selected), short(cols[0].AvgLen), word, count(times))
	d.bind("@match", strings.Join(conditions, "\n  OR ")).bind("@order", s.newest())
	return []Candidate{d.done("Search "+s.rows(), fmt.Sprintf("Which %s mention %q?", s.rows(), word), `
SELECT *
FROM @table
WHERE @match@order
LIMIT $limit`, tableChart())}
}

// frequentWord returns the word of at least four letters that stands in most of
// the columns' frequent values, and in how many.
func frequentWord(cols []profile.Column) (string, int64) {
	counts := map[string]int64{}
	for _, c := range cols {
		for _, v := range c.Top {
			seen := map[string]bool{}
			for _, w := range strings.Fields(strings.ToLower(v.Value)) {
				w = strings.Trim(w, ".,;:!?()[]{}\"'")
				if n := utf8.RuneCountInString(w); n >= 3 && n <= 30 && !seen[w] && !stopWord(w) {
					seen[w] = true
					counts[w]++
				}
			}
		}
	}
	all := make([]string, 0, len(counts))
	for w := range counts {
		all = append(all, w)
	}
	sort.Slice(all, func(i, j int) bool {
		a, b := all[i], all[j]
		// Longer words say more than short ones that happen to be as frequent.
		if counts[a] != counts[b] {
			return counts[a] > counts[b]
		}
		if len(a) != len(b) {
			return len(a) > len(b)
		}
		return a < b
	})
	if len(all) == 0 {
		return "", 0
	}
	return all[0], counts[all[0]]
}

func stopWord(w string) bool {
	return contains(strings.Fields("the and for with from this that are was not you all has have its his her our out who but into over under der die das und les des une"), w)
}

func signalSearch(s *Source, c Candidate, r Result) (float64, string) {
	sig := .5
	for _, col := range s.Texts {
		if col.Role == profile.FreeText {
			sig = 1
		}
	}
	return sig, fmt.Sprintf("the default word finds %d rows in %d columns", len(r.Rows), len(c.Columns))
}
