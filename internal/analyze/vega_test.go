package analyze_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"millwright/internal/engine"
	"millwright/internal/profile"
)

// vegaTable reads the flat tables of the npm package vega-datasets.
func vegaTable(t testing.TB, file string) ([]map[string]any, []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Ext(file) != ".json" {
		return csvTable(t, file, string(text))
	}
	var raw []json.RawMessage
	if json.Unmarshal(text, &raw) != nil || len(raw) == 0 || raw[0][0] != '{' {
		return nil, nil
	}
	var lines strings.Builder
	for _, r := range raw {
		lines.WriteString(strings.ReplaceAll(string(r), "\n", " ") + "\n")
	}
	return decode(t, lines.String())
}

func csvTable(t testing.TB, file, text string) ([]map[string]any, []string) {
	t.Helper()
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	if filepath.Ext(file) == ".tsv" {
		r.Comma = '\t'
	}
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var records []map[string]any
	for _, row := range rows[1:] {
		rec := map[string]any{}
		for i, v := range row[:min(len(row), len(rows[0]))] {
			rec[rows[0][i]] = csvValue(v)
		}
		records = append(records, rec)
	}
	return records, rows[0]
}

func csvValue(v string) any {
	if v == "" {
		return nil
	}
	if json.Valid([]byte(v)) && strings.ContainsAny(v[:1], "-0123456789") {
		return json.Number(v)
	}
	return v
}

// A goldRole is a column's role as a person labelled it.
type goldRole struct{ table, column, role, subtype string }

func goldRoles(t testing.TB) []goldRole {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "vega_roles.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	var gold []goldRole
	for line := range strings.Lines(string(text)) {
		if f := strings.Split(strings.TrimSuffix(line, "\n"), "\t"); len(f) == 5 && line[0] != '#' {
			gold = append(gold, goldRole{f[0], f[1], f[2], f[3]})
		}
	}
	return gold
}

func TestRolesAgreeWithHandLabels(t *testing.T) {
	dir := os.Getenv("MILLWRIGHT_VEGA_DATASETS")
	if dir == "" {
		t.Skip("SKIPPED: set MILLWRIGHT_VEGA_DATASETS to the data folder of the npm package vega-datasets 3.2.1 to compare 278 columns with their labels")
	}
	e := openEngine(t)
	profiles := map[string]*profile.Profile{}
	for _, g := range goldRoles(t) {
		if profiles[g.table] == nil {
			profiles[g.table] = analyzed(t, e, landFile(t, e, dir, g.table))
		}
	}
	tally := newTally()
	for _, g := range goldRoles(t) {
		c, ok := profiles[g.table].Column(g.column)
		if !ok {
			t.Errorf("%s has no column %q", g.table, g.column)
		}
		if !tally.add(g, c) {
			t.Logf("%s.%s is %s/%s, labelled %s/%s: %q", g.table, g.column, c.Role, c.Subtype, g.role, g.subtype, c.Evidence)
		}
	}
	t.Log(tally)
	if f1 := tally.macroF1(); f1 < .90 {
		t.Errorf("macro-F1 is %.3f, want at least .90", f1)
	}
	if tally.summed > 0 {
		t.Errorf("%d of %d columns that must not be summed may be", tally.summed, tally.unsummable)
	}
	if p := tally.precision("key"); p < .97 {
		t.Errorf("precision of keys is %.3f, want at least .97", p)
	}
}

func landFile(t testing.TB, e engine.Engine, dir, name string) landed {
	t.Helper()
	for _, ext := range []string{".json", ".csv", ".tsv"} {
		file := filepath.Join(dir, name+ext)
		if _, err := os.Stat(file); err == nil {
			records, order := vegaTable(t, file)
			return land(t, e, name, records, order)
		}
	}
	t.Fatalf("%s has no table %s", dir, name)
	return landed{}
}

// A tally counts agreement.
type tally struct {
	confusion          map[[2]string]int // label, answer
	subtypes, wrong    int
	unsummable, summed int // columns that no one may sum by default, and those that we would
}

func newTally() *tally { return &tally{confusion: map[[2]string]int{}} }

func (t *tally) add(g goldRole, c profile.Column) (agrees bool) {
	t.confusion[[2]string{g.role, string(c.Role)}]++
	agrees = g.role == string(c.Role)
	if g.subtype != "" {
		t.subtypes++
		if g.subtype != string(c.Subtype) {
			t.wrong++
			agrees = false
		}
	}
	switch g.role {
	case "key", "fk", "code", "year", "date_part", "lat", "lon":
		t.unsummable++
		if c.Role == profile.Measure {
			t.summed++
		}
	case "measure":
		if g.subtype == "ratio" || g.subtype == "intensive" || g.subtype == "circular" {
			t.unsummable++
			if c.Subtype == profile.Flow {
				t.summed++
			}
		}
	}
	return agrees
}

func (t *tally) precision(role string) float64 {
	right, all := 0, 0
	for k, n := range t.confusion {
		if k[1] == role {
			all += n
			if k[0] == role {
				right += n
			}
		}
	}
	return float64(right) / float64(max(1, all))
}

func (t *tally) recall(role string) float64 {
	right, all := 0, 0
	for k, n := range t.confusion {
		if k[0] == role {
			all += n
			if k[1] == role {
				right += n
			}
		}
	}
	return float64(right) / float64(max(1, all))
}

func (t *tally) labels() []string {
	var labels []string
	for k := range t.confusion {
		if !slices.Contains(labels, k[0]) {
			labels = append(labels, k[0])
		}
	}
	slices.Sort(labels)
	return labels
}

func (t *tally) macroF1() float64 {
	sum := 0.0
	for _, l := range t.labels() {
		if p, r := t.precision(l), t.recall(l); p+r > 0 {
			sum += 2 * p * r / (p + r)
		}
	}
	return sum / float64(len(t.labels()))
}

func (t *tally) String() string {
	var b strings.Builder
	right, all := 0, 0
	for k, n := range t.confusion {
		all += n
		if k[0] == k[1] {
			right += n
		}
	}
	fmt.Fprintf(&b, "%d of %d roles agree, macro-F1 %.3f over %d roles; %d of %d subtypes agree; %d of %d unsummable columns would be summed\n",
		right, all, t.macroF1(), len(t.labels()), t.subtypes-t.wrong, t.subtypes, t.summed, t.unsummable)
	for _, l := range t.labels() {
		fmt.Fprintf(&b, "%-12s precision %.2f recall %.2f ", l, t.precision(l), t.recall(l))
		var answers []string
		for k, n := range t.confusion {
			if k[0] == l {
				answers = append(answers, fmt.Sprintf("%s:%d", k[1], n))
			}
		}
		slices.Sort(answers)
		b.WriteString(strings.Join(answers, " ") + "\n")
	}
	return b.String()
}
