package benchgen_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"millwright/internal/engine"
	"millwright/internal/evaluate"
	"millwright/internal/generate"
	"millwright/internal/generate/link"
	"millwright/internal/generate/template"
	"millwright/internal/profile"
	"millwright/internal/program"
	"millwright/internal/table"
)

// A joint is a project of several tables, as the product holds it.
type joint struct {
	dir       string
	worlds    []*world
	evaluator *evaluate.Evaluator
}

// TableNames and Tables make the joint a project with all its datasets.
func (j *joint) TableNames(ctx context.Context, project string) (names []string, err error) {
	for _, w := range j.worlds {
		own, err := w.TableNames(ctx, project)
		if err != nil {
			return nil, err
		}
		names = append(names, own...)
	}
	return names, nil
}

func (j *joint) Tables(ctx context.Context, project string, names []string, at map[string]int64) (evaluate.Tables, error) {
	all := evaluate.Tables{Dir: j.dir}
	for _, w := range j.worlds {
		t, err := w.Tables(ctx, project, names, at)
		if err != nil {
			return all, err
		}
		all.Tables = append(all.Tables, t.Tables...)
	}
	return all, nil
}

// unite loads the tables of a bundle into one project.
func unite(t testing.TB, e engine.Engine, b bundle) *joint {
	t.Helper()
	j := &joint{dir: t.TempDir()}
	for _, src := range b.tables {
		records, err := src.records()
		if err != nil {
			t.Fatal(err)
		}
		w, err := load(t.Context(), e, j.dir, src.name, records)
		if err != nil {
			t.Fatalf("%s.%s: %v", b.name, src.name, err)
		}
		j.worlds = append(j.worlds, w)
	}
	j.evaluator = &evaluate.Evaluator{Engine: e, Datasets: j, Limits: evaluate.Limits{Timeout: time.Minute}}
	return j
}

// A linkage is what was found of the keys between the tables of projects.
type linkage struct {
	named, hold, found int      // keys that a person named; those that hold in the data; of these found
	wrong, missed      []string // found and not named, or not holding; holding and not found
	programs, failed   int      // that join, with their defaults
	sums               int      // of joins, compared with those of the pointing table alone
	unequal            []string
}

// study searches the keys of a bundle and tries every program that joins by them.
func (l *linkage) study(t testing.TB, e engine.Engine, b bundle) {
	t.Helper()
	j := unite(t, e, b)
	run := generate.NewRunner(j.evaluator, "bench")
	var found []string
	for _, w := range j.worlds {
		var others []*profile.Profile
		for _, o := range j.worlds {
			if o != w {
				others = append(others, o.profile)
			}
		}
		links, err := link.Find(t.Context(), run, w.profile, others)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range links {
			found = append(found, fmt.Sprintf("%s.%s > %s.%s", w.name, f.Column.Name, f.To.Table, f.Key.Name))
			l.tryJoins(t, j, w, f.Link)
		}
	}
	for _, key := range b.keys {
		l.named++
		if !j.holds(t, key) {
			continue
		}
		l.hold++
		if slices.Contains(found, key) {
			l.found++
		} else {
			l.missed = append(l.missed, b.name+": "+key)
		}
	}
	for _, f := range found {
		if !slices.Contains(b.keys, f) {
			l.wrong = append(l.wrong, b.name+": "+f)
		}
	}
}

// holds reports whether at least 99 in 100 values of a column stand in the other, each
// once there: counted here without what is measured.
func (j *joint) holds(t testing.TB, key string) bool {
	t.Helper()
	from, to, _ := strings.Cut(key, " > ")
	ours, column, _ := strings.Cut(from, ".")
	theirs, other, _ := strings.Cut(to, ".")
	column, other = table.Quote(column), table.Quote(other)
	r := j.query(t, fmt.Sprintf(`SELECT CAST((SELECT count(*) FROM %[1]s WHERE CAST(%[2]s AS VARCHAR) IN (SELECT CAST(%[4]s AS VARCHAR) FROM %[3]s)) AS BIGINT) AS "in",
		(SELECT count(%[2]s) FROM %[1]s) AS "all", (SELECT count(%[4]s) - count(DISTINCT %[4]s) FROM %[3]s) AS "twice"`, table.Quote(ours), column, table.Quote(theirs), other), ours, theirs)
	in, all, twice := r.Floats("in")[0], r.Floats("all")[0], r.Floats("twice")[0]
	return all > 0 && in >= .99*all && twice == 0
}

func (j *joint) query(t testing.TB, sql string, tables ...string) template.Result {
	t.Helper()
	r, err := generate.NewRunner(j.evaluator, "bench").Run(t.Context(), program.Program{SQL: sql, Dialect: "duckdb", Slots: []program.Slot{}, Tables: tables})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return r
}

// tryJoins runs every program that joins by the link, and compares what it counts and
// adds up with the rows of the pointing table alone, whose key is there: a row that is
// met twice would show.
func (l *linkage) tryJoins(t testing.TB, j *joint, w *world, by template.Link) {
	t.Helper()
	s := template.NewSource(w.profile, template.DuckDB())
	s.Links = []template.Link{by}
	for _, tpl := range template.All() {
		if !strings.HasPrefix(tpl.ID, "join_") {
			continue
		}
		for _, c := range tpl.Make(s) {
			if len(generate.Lint(s, c)) > 0 {
				continue
			}
			l.programs++
			r, err := generate.NewRunner(j.evaluator, "bench").Run(t.Context(), roomy(c.Program))
			if err != nil {
				l.failed++
				l.unequal = append(l.unequal, fmt.Sprintf("%s: %s: %v", w.name, c.Program.Cue, err))
				continue
			}
			l.compare(t, j, w, by, c, r)
		}
	}
}

// roomy returns the program with limits by which no group is left out.
func roomy(p program.Program) program.Program {
	p.Slots = slices.Clone(p.Slots)
	for i, s := range p.Slots {
		if (s.Name == "limit" || s.Name == "n") && s.Max != nil {
			p.Slots[i].Default = int64(min(*s.Max, 1000))
		}
	}
	return p
}

// compare adds up the result of a join and asks the pointing table alone.
func (l *linkage) compare(t testing.TB, j *joint, w *world, by template.Link, c template.Candidate, r template.Result) {
	t.Helper()
	column := map[string]string{"join_count": "row_count", "join_top": "row_count", "join_agg": "value"}[c.Template]
	alone, limit := "count(*)", 500
	var dim string
	for _, s := range c.Program.Slots {
		switch {
		case s.Name == "agg" && s.Default != "sum":
			return // an average of averages is no check
		case s.Name == "measure" && c.Template == "join_agg":
			m, _ := w.profile.Column(fmt.Sprint(s.Default))
			alone = "sum(" + m.SQL() + ")"
		case s.Name == "dim":
			d, _ := by.To.Column(fmt.Sprint(s.Default))
			dim = " WHERE " + d.SQL() + " IS NOT NULL"
		}
	}
	if c.Template == "join_top" {
		limit = 1000
	}
	if column == "" || len(r.Rows) >= limit {
		return
	}
	want := j.query(t, fmt.Sprintf(`SELECT CAST(%s AS DOUBLE) AS "alone" FROM %s WHERE %s IN (SELECT %s FROM %s%s)`, alone,
		table.Quote(w.name), by.Column.SQL(), by.Key.SQL(), table.Quote(by.To.Table), dim), w.name, by.To.Table).Floats("alone")[0]
	got := 0.0
	for _, v := range r.Floats(column) {
		if !math.IsNaN(v) {
			got += v
		}
	}
	l.sums++
	if math.IsNaN(want) {
		want = 0
	}
	if math.Abs(got-want) > 1e-6*math.Max(1, math.Abs(want)) {
		l.unequal = append(l.unequal, fmt.Sprintf("%s: %s: %v, alone %v", w.name, c.Program.Cue, got, want))
	}
}

// joinLines measures the joins between datasets, and prints what differs.
func joinLines(t *testing.T) []figure {
	e := open(t)
	var made, real linkage
	for _, b := range planted() {
		made.study(t, e, b)
	}
	for _, b := range nvBundles(t) {
		real.study(t, e, b)
	}
	for title, l := range map[string]linkage{"planted": made, "nvBench": real} {
		for what, list := range map[string][]string{"keys that hold and were not found": l.missed, "found and not named": l.wrong, "joins that fail or count otherwise": l.unequal} {
			if len(list) > 0 {
				fmt.Printf("\n%s: %s (%d):\n  %s\n", title, what, len(list), strings.Join(list, "\n  "))
			}
		}
	}
	return joinFigures(made, real)
}

func joinFigures(made, real linkage) []figure {
	line := func(what string, l linkage) figure {
		return figure{"M16", "keys between datasets found, " + what, fmt.Sprintf("%d of %d that hold (%d named by hand); %d others", l.found, l.hold, l.named, len(l.wrong)), "100%, no others", l.found == l.hold && len(l.wrong) == 0, false}
	}
	programs, failed, sums, unequal := made.programs+real.programs, made.failed+real.failed, made.sums+real.sums, len(made.unequal)+len(real.unequal)-made.failed-real.failed
	return []figure{
		line("planted", made),
		line("nvBench", real),
		{"M16", "programs that join and execute", fmt.Sprintf("%d of %d", programs-failed, programs), "100%", failed == 0, false},
		{"M16", "sums over joins like those of the table alone", fmt.Sprintf("%d of %d", sums-unequal, sums), "100%", unequal == 0, false},
	}
}

// TestJoinsBetweenDatasets is the short form: the planted keys, all found and nothing
// else, and no row that counts twice.
func TestJoinsBetweenDatasets(t *testing.T) {
	var l linkage
	for _, b := range planted() {
		l.study(t, open(t), b)
	}
	if l.named != 5 || l.hold != l.named || l.found != l.hold || len(l.wrong) > 0 || l.failed > 0 || len(l.unequal) > 0 || l.sums < 10 {
		t.Errorf("%d named, %d hold, %d found; missed %q, wrong %q; %d programs, %d fail; %d sums, unequal %q", l.named, l.hold, l.found, l.missed, l.wrong, l.programs, l.failed, l.sums, l.unequal)
	}
	t.Logf("\n%s", printed(joinFigures(l, linkage{})))
}
