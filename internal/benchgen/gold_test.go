package benchgen_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"millwright/internal/generate"
	"millwright/internal/generate/template"
	"millwright/internal/profile"
)

// A label is what a person called a column.
type label struct{ role, subtype string }

// A gold is the labels by table and column.
type gold map[string]map[string]label

func readGold(t testing.TB) gold { return readLabels(t, "*_roles.tsv") }

// readLabels reads the labels of the files that match.
func readLabels(t testing.TB, pattern string) gold {
	files, err := filepath.Glob(filepath.Join("..", "analyze", "testdata", pattern))
	if err != nil {
		t.Fatal(err)
	}
	g := gold{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
			if len(cells) != 5 || strings.HasPrefix(line, "#") {
				continue
			}
			if g[cells[0]] == nil {
				g[cells[0]] = map[string]label{}
			}
			g[cells[0]][cells[1]] = label{cells[2], cells[3]}
		}
	}
	return g
}

// corrected returns the column with the labelled role and subtype.
func (g gold) corrected(table string, c profile.Column) profile.Column {
	l, ok := g[table][c.Name]
	if !ok {
		return c
	}
	c.Role = profile.Role(l.role)
	if l.subtype != "" {
		c.Subtype = profile.Subtype(l.subtype)
	}
	return c
}

// nonsense returns the rules N1 to N5 that the candidate breaks if the labels are
// right, with every column that its slots allow; and whether its defaults do.
func (g gold) nonsense(w *world, c template.Candidate) (found []string, atDefault bool) {
	p := *w.profile
	p.Columns = slices.Clone(p.Columns)
	for i := range p.Columns {
		p.Columns[i] = g.corrected(w.name, p.Columns[i])
	}
	s := template.NewSource(&p, template.DuckDB())
	fixed := c
	fixed.Uses = nil
	first := c
	first.Uses = nil
	for _, u := range c.Uses {
		u.Columns = slices.Clone(u.Columns)
		for i := range u.Columns {
			u.Columns[i] = g.corrected(w.name, u.Columns[i])
		}
		fixed.Uses = append(fixed.Uses, u)
		u.Columns = u.Columns[:1]
		u.Aggs = u.Aggs[:min(1, len(u.Aggs))]
		first.Uses = append(first.Uses, u)
	}
	early := func(broken []string) (kept []string) {
		for _, b := range broken {
			if id, _, _ := strings.Cut(b, ":"); slices.Contains([]string{"N1", "N2", "N3", "N4", "N5"}, id) {
				kept = append(kept, b)
			}
		}
		return kept
	}
	return early(generate.Lint(s, fixed)), len(early(generate.Lint(s, first))) > 0
}

// unsummable reports whether no one may add up such a column.
func (l label) unsummable() bool {
	switch l.role {
	case "key", "fk", "code", "year", "date_part", "lat", "lon":
		return true
	case "measure":
		return l.subtype == "ratio" || l.subtype == "intensive" || l.subtype == "circular"
	}
	return false
}

// A tally counts how far roles agree with the labels.
type tally struct {
	confusion          map[[2]string]int // label, answer
	unsummable, summed int
	subtypes, agree    int
	wrong              []string
}

func (y *tally) add(table string, l label, c profile.Column) {
	if y.confusion == nil {
		y.confusion = map[[2]string]int{}
	}
	y.confusion[[2]string{l.role, string(c.Role)}]++
	if l.role != string(c.Role) {
		y.wrong = append(y.wrong, table+"."+c.Name+" is "+string(c.Role)+", labelled "+l.role)
	}
	if l.subtype != "" {
		y.subtypes++
		if l.subtype == string(c.Subtype) {
			y.agree++
		}
	}
	if l.unsummable() {
		y.unsummable++
		if template.Summable(c) {
			y.summed++
			y.wrong = append(y.wrong, table+"."+c.Name+" may be summed, labelled "+l.role+" "+l.subtype)
		}
	}
}

// macroF1 is over the roles that have at least three labels: one column more or
// less would swing the others.
func (y *tally) macroF1() (f1 float64, roles int) {
	var labels []string
	count := map[string]int{}
	for k, n := range y.confusion {
		if count[k[0]] += n; !slices.Contains(labels, k[0]) {
			labels = append(labels, k[0])
		}
	}
	slices.Sort(labels)
	sum := 0.0
	for _, l := range labels {
		if count[l] < 3 {
			continue
		}
		hit, said := y.confusion[[2]string{l, l}], 0
		for k, n := range y.confusion {
			if k[1] == l {
				said += n
			}
		}
		roles++
		if hit > 0 {
			p, r := float64(hit)/float64(said), float64(hit)/float64(count[l])
			sum += 2 * p * r / (p + r)
		}
	}
	return sum / float64(max(1, roles)), roles
}

func (y *tally) labels() (right, all int) {
	for k, n := range y.confusion {
		all += n
		if k[0] == k[1] {
			right += n
		}
	}
	return right, all
}
