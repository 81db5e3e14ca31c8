package decode

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A cell is what a value of a table without types looks like.
type cell struct {
	class cellClass
	text  string
}

type cellClass byte

const (
	wordCell   cellClass = iota // any text
	emptyCell                   // nothing, or null
	numberCell                  // digits, however written
	momentCell                  // a date or a time
	boolCell
	otherCell // an object or an array
)

// classify tells a cell by its text. Unlike for values, anything that a person
// would read as a number counts: 007, +1, 1,5.
func classify(text string) cell {
	c := cell{text: text}
	switch {
	case strings.TrimSpace(text) == "":
		c.class = emptyCell
	case len(text) > 40:
	case numberLike.MatchString(text):
		c.class = numberCell
	case momentLike.MatchString(text):
		c.class = momentCell
	case strings.EqualFold(text, "true") || strings.EqualFold(text, "false"):
		c.class = boolCell
	}
	return c
}

var (
	numberLike = regexp.MustCompile(`^\s*[-+$€£]?\s?\d[\d.,' ]*([eE][-+]?\d+)?\s*%?\s*$`)
	momentLike = regexp.MustCompile(`^\d{4}-\d{2}(-\d{2})?([T ]\d{2}:\d{2}.*)?$|^\d{1,2}[./]\d{1,2}[./]\d{2,4}( .*)?$|^\d{2}:\d{2}(:\d{2}.*)?$`)
)

func jsonCell(v jsontext.Value) cell {
	switch v.Kind() {
	case '"':
		text, _ := jsontext.AppendUnquote(nil, v) // valid: the tokenizer read it
		return classify(string(text))
	case '0':
		return cell{numberCell, string(v)}
	case 't', 'f':
		return cell{boolCell, string(v)}
	case 'n':
		return cell{class: emptyCell}
	}
	return cell{class: otherCell}
}

// headings collects what speaks for and against a first row being a header.
type headings struct {
	rows   int
	first  []cell
	seen   []([otherCell + 1]int) // classes below each heading
	echoes int                    // headings that occur again in their column
}

func (h *headings) add(row []cell) {
	if h.rows++; h.rows == 1 {
		h.first = append([]cell(nil), row...)
		h.seen = make([][otherCell + 1]int, len(row))
		return
	}
	for i, c := range row[:min(len(row), len(h.first))] {
		h.seen[i][c.class]++
		if c.class == wordCell && c.text == h.first[i].text {
			h.echoes++
		}
	}
}

// decide returns "present" or "absent" and why. usual says that tables of this
// kind mostly have a header, which decides where the values do not.
func (h *headings) decide(usual bool) (string, string) {
	// One heading may be missing: that of the row numbers that some tools write.
	words, names, blanks := 0, map[string]bool{}, 0
	for _, c := range h.first {
		if c.class == otherCell {
			return "absent", "the first row holds more than names"
		}
		names[c.text] = true
		if c.class == wordCell {
			words++
		} else if c.class == emptyCell {
			blanks++
		}
	}
	pro, con, years := h.votes()
	switch distinct := len(names) == len(h.first); {
	case words > 0 && pro > con && blanks <= 1:
		return "present", fmt.Sprintf("the first row is a header: it holds words over %d columns that do not", pro)
	case h.echoes > 0:
		return "absent", "values of the first row occur again below it"
	case con > 0 || words+years < len(h.first)-blanks || blanks > 1 || words == 0:
		return "absent", "the first row is like the others"
	case usual && distinct:
		return "present", "the first row is taken for a header, as is usual: it holds distinct words that do not occur below it"
	case usual && h.rows == 1:
		return "present", "there is one row, which holds words"
	}
	return "absent", "nothing tells the first row from the others"
}

// votes counts the columns whose heading differs in kind from all below it, and
// those where it does not. Years over numbers are neither.
func (h *headings) votes() (pro, con, years int) {
	for i, c := range h.first {
		below := h.seen[i]
		total := 0
		for class, n := range below {
			if cellClass(class) != emptyCell {
				total += n
			}
		}
		if total == 0 {
			continue
		}
		typed := below[numberCell] == total || below[momentCell] == total || below[boolCell] == total
		switch {
		case typed && c.class == wordCell:
			pro++
		case c.class == numberCell && below[numberCell] == total && isYear(c.text):
			years++
		case typed && below[c.class] == total, c.class == numberCell || c.class == momentCell || c.class == boolCell:
			con++
		}
	}
	return pro, con, years
}

func isYear(text string) bool {
	return len(text) == 4 && (strings.HasPrefix(text, "19") || strings.HasPrefix(text, "20"))
}

// DistinctNames returns the keys that rows under a header of these names have.
func DistinctNames(names []string) []string { return distinctNames(names) }

// distinctNames makes headings usable as keys: one that is empty gets its number,
// one that occurred before gets a number behind it.
func distinctNames(names []string) []string {
	taken := map[string]bool{}
	for _, n := range names {
		taken[n] = true
	}
	used, times := map[string]bool{}, map[string]int64{}
	out := make([]string, len(names))
	for i, n := range names {
		if n == "" {
			n = columnName(i)
		}
		name := n
		for used[name] || name != n && taken[name] {
			times[n]++
			name = n + "_" + itoa(times[n]+1)
		}
		used[name] = true
		out[i] = name
	}
	return out
}

// columnName names a column without a heading.
func columnName(i int) string { return "column_" + itoa(int64(i+1)) }
