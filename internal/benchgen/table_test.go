package benchgen_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"millwright/internal/engine"
	"millwright/internal/generate"
	"millwright/internal/generate/template"
	"millwright/internal/profile"
	"millwright/internal/program"
)

// A measured table is all that was found out about one table's programs.
type measured struct {
	source
	rows, columns int
	programs      int
	usable        int
	candidates    int // that passed the rules
	took          time.Duration

	failed     []string // programs that do not run as they are
	degenerate []string
	slots      slotRuns
	nonsense   []string // N1 to N5 by the labels, with what slots allow
	absurd     int      // of these, at the defaults
	repeated   bool     // a second run was made
	unlike     string   // how a second run differed; empty if it did not
	shuffled   float64  // share of programs that stay when rows change places; NaN if not tried
	grown      float64  // Jaccard with 1% more rows; NaN if not tried
	widened    float64  // Jaccard with one column more; NaN if not tried
	noisy      int      // correlations found in shuffled columns; -1 if not tried
	coverage   float64
	reachable  float64 // coverage with slots
	missing    []string
	uncovered  []string  // what the columns are that no program shows
	nested     [3]string // of struct leaves, list elements, child tables: "", "yes" or "no"
	mute       []string  // programs that do not explain themselves
	asked      int
	answered   int
	reached    int
	missed     []intent // reached by no slot
	late       []intent // not answered as they are
	tally      tally
	notes      []string
	cues       []string
	others     []string // programs that were not chosen, and candidates that were dropped
}

// A plan says what to measure beside what every table is measured for.
type plan struct {
	slots, again, change bool
}

// measure lands the table and measures its programs.
func measure(ctx context.Context, e engine.Engine, dir string, src source, labels gold, qs []intent, do plan) (measured, error) {
	m := measured{source: src, shuffled: math.NaN(), grown: math.NaN(), widened: math.NaN(), noisy: -1}
	records, err := src.records()
	if err != nil {
		return m, fmt.Errorf("%s: %w", src.name, err)
	}
	w, err := load(ctx, e, dir, src.name, records)
	if err != nil {
		return m, fmt.Errorf("%s: %w", src.name, err)
	}
	start := time.Now()
	out, err := w.generate(ctx)
	if err != nil {
		return m, fmt.Errorf("%s: %w", src.name, err)
	}
	m.took = w.analyzed + time.Since(start)
	m.rows, m.columns, m.programs, m.candidates, m.notes = len(records), len(w.profile.Columns), len(out.Programs), out.Candidates-out.Linted, out.Notes
	m.coverage, m.reachable, m.usable = coverage(w.profile, out)
	for _, p := range out.Programs {
		m.cues = append(m.cues, fmt.Sprintf("%s: %.2f %s: %s", m.name, p.Score, p.Template, p.Cue))
	}
	for _, p := range out.Rest {
		m.others = append(m.others, fmt.Sprintf("%s: %.2f %s: %s", m.name, p.Score, p.Template, p.Cue))
	}
	for _, d := range out.Dropped {
		m.others = append(m.others, fmt.Sprintf("%s: dropped %s: %s: %s", m.name, d.Template, d.Cue, d.Why))
	}
	m.judge(ctx, w, out)
	m.label(w, out, labels)
	m.kinds(ctx, w, out)
	m.asked = len(qs)
	m.answered, m.reached, m.missed, m.late = answered(qs, out)
	m.missed, m.late = describe(m.missed, w.profile), describe(m.late, w.profile)
	m.uncovered = uncovered(w.profile, out)
	if do.slots {
		m.slots = w.trySlots(ctx, out.Programs, 1)
	}
	if do.again {
		if err := m.again(ctx, e, w, out); err != nil {
			return m, err
		}
	}
	if do.change {
		return m, m.change(ctx, e, dir, records, w, out)
	}
	return m, nil
}

// judge runs the programs as they are and looks at what they return.
func (m *measured) judge(ctx context.Context, w *world, out generate.Outcome) {
	run := generate.NewRunner(w.evaluator, "bench")
	for i, p := range out.Programs {
		r, err := run.Run(ctx, p)
		if err != nil {
			m.failed = append(m.failed, fmt.Sprintf("%s: %s: %v", m.name, p.Template, err))
			continue
		}
		if why := degenerate(p, r, w.profile.Rows); why != "" {
			m.degenerate = append(m.degenerate, fmt.Sprintf("%s: %s: %s", m.name, p.Cue, why))
		}
		if why := silent(p, out.Chosen[i], w.profile); why != "" {
			m.mute = append(m.mute, fmt.Sprintf("%s: %s: %s", m.name, p.Cue, why))
		}
	}
}

// single lists the templates whose answer is one row, or rows as they are stored.
func single() []string {
	return []string{"kpi", "corr_pair", "lookup", "filter_rows", "latest", "text_search", "list_contains", "geo_bbox", "duplicates", "outliers_mad", "quality"}
}

// degenerate says why a result is not worth showing; empty if it is.
func degenerate(p program.Program, r generate.Result, rows int64) string {
	if len(r.Rows) == 0 {
		return "no rows"
	}
	if len(r.Rows) < 2 && rows >= 2 && !slices.Contains(single(), p.Template) {
		return "one row"
	}
	null := true
	for _, row := range r.Rows {
		null = null && !slices.ContainsFunc(row, func(v any) bool { return v != nil })
	}
	if null {
		return "all null"
	}
	if p.Kind == template.Aggregation && r.Index("row_count") > 0 && !slices.Contains([]string{"geo_grid", "histogram"}, p.Template) {
		sum, top := 0.0, 0.0
		for _, n := range r.Floats("row_count") {
			sum, top = sum+n, math.Max(top, n)
		}
		if sum > 0 && top/sum >= .95 && len(r.Rows) > 1 {
			return fmt.Sprintf("one group holds %.0f%%", 100*top/sum)
		}
	}
	if i := r.Index("value"); i >= 0 {
		if !slices.ContainsFunc(r.Rows, func(row []any) bool { return row[i] != nil }) {
			return "no value"
		}
	}
	return ""
}

// silent says what a program does not say of itself; empty if it says all.
func silent(p program.Program, c template.Candidate, of *profile.Profile) string {
	numbers := 0
	for _, r := range p.Reason {
		if strings.ContainsAny(r, "0123456789") {
			numbers++
		}
	}
	switch {
	case p.Cue == "" || p.Name == "":
		return "no cue or name"
	case numbers < 2:
		return fmt.Sprintf("%d reasons with numbers", numbers)
	case p.Chart == nil:
		return "no chart"
	case strings.ContainsAny(p.Cue, "\n\r\t"):
		return "a cue of several lines"
	}
	for _, s := range p.Slots {
		if s.Label == "" || s.Description == "" {
			return "slot " + s.Name + " is not described"
		}
	}
	return ""
}

// label compares roles and programs with what a person said of the columns.
func (m *measured) label(w *world, out generate.Outcome, labels gold) {
	for _, c := range w.profile.Columns {
		if l, ok := labels[m.name][c.Name]; ok {
			m.tally.add(m.name, l, c)
		}
	}
	if labels[m.name] == nil {
		return
	}
	for i, c := range out.Chosen {
		found, absurd := labels.nonsense(w, c)
		if len(found) > 0 {
			m.nonsense = append(m.nonsense, fmt.Sprintf("%s: %s: %s", m.name, out.Programs[i].Cue, found[0]))
		}
		if absurd {
			m.absurd++
		}
	}
}

// kinds finds the kinds of question and the parts of nested data that have no program.
func (m *measured) kinds(ctx context.Context, w *world, out generate.Outcome) {
	for _, kind := range w.applicable(ctx) {
		if !slices.ContainsFunc(out.Programs, func(p program.Program) bool { return p.Kind == kind }) {
			m.missing = append(m.missing, kind)
		}
	}
	some := func(ok func(c template.Candidate) bool) string {
		if slices.ContainsFunc(out.Chosen, ok) {
			return "yes"
		}
		return "no"
	}
	p := w.profile
	leaf := func(c profile.Column) bool {
		return len(c.Path) > 1 && c.Distinct > 1 && c.NullShare() < .8 && c.ModeShare < .95 && usable(c) && c.Role != profile.ListRole && c.Role != profile.MapRole && c.Role != profile.Child
	}
	if p.Rows < 2 {
		return
	}
	if slices.ContainsFunc(p.Columns, leaf) {
		m.nested[0] = some(func(c template.Candidate) bool {
			return slices.ContainsFunc(c.Columns, func(n string) bool { col, ok := p.Column(n); return ok && leaf(col) })
		})
	}
	if slices.ContainsFunc(p.Columns, func(c profile.Column) bool {
		return c.Role == profile.ListRole && c.Distinct > 1 && c.NullShare() < .8 && c.AvgLen > 0
	}) {
		m.nested[1] = some(func(c template.Candidate) bool { return strings.HasPrefix(c.Template, "list_") })
	}
	if slices.ContainsFunc(p.Children, func(c profile.ChildTable) bool { return c.Rows >= 2 }) {
		m.nested[2] = some(func(c template.Candidate) bool {
			return slices.ContainsFunc(p.Children, func(k profile.ChildTable) bool { return slices.Contains(c.Program.Tables, k.Table) })
		})
	}
}

// again profiles and generates a second time from the same file.
func (m *measured) again(ctx context.Context, e engine.Engine, w *world, out generate.Outcome) error {
	m.repeated = true
	second, err := adopt(ctx, e, w.dir, w.name, w.table)
	if err != nil {
		return err
	}
	other, err := second.generate(ctx)
	if err != nil {
		return err
	}
	a, err := json.Marshal(out.Programs)
	if err != nil {
		return err
	}
	b, err := json.Marshal(other.Programs)
	if err != nil {
		return err
	}
	if !bytes.Equal(a, b) {
		at := 0
		for at < min(len(a), len(b)) && a[at] == b[at] {
			at++
		}
		m.unlike = fmt.Sprintf("%s: …%s… against …%s…", m.name, a[max(0, at-60):min(len(a), at+60)], b[max(0, at-60):min(len(b), at+60)])
	}
	return nil
}

// change generates for rows in another order, for fewer rows, for one column
// less, and for columns each shuffled by itself.
func (m *measured) change(ctx context.Context, e engine.Engine, dir string, records []json.RawMessage, w *world, out generate.Outcome) error {
	r := rand.New(rand.NewPCG(3, uint64(len(records))))
	if len(records) < 10 {
		return nil
	}
	order := slices.Clone(records)
	r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	less := records[:len(records)-max(1, len(records)/101)]
	noise, err := shuffledColumns(r, records)
	if err != nil {
		return err
	}
	for _, v := range []struct {
		records []json.RawMessage
		to      *float64
	}{{order, &m.shuffled}, {less, &m.grown}, {noise, nil}} {
		other, err := load(ctx, e, dir, w.name, v.records)
		if err != nil {
			return err
		}
		made, err := other.generate(ctx)
		if err != nil {
			return err
		}
		if v.to != nil {
			*v.to = alike(out, made)
			continue
		}
		m.noisy = 0
		for _, p := range made.Programs {
			if p.Kind == template.Correlation {
				m.noisy++
			}
		}
	}
	return nil
}

// alike returns the Jaccard index of two sets of programs: those that ask the
// same of the same columns are the same.
func alike(a, b generate.Outcome) float64 {
	keys := func(o generate.Outcome) map[string]bool {
		set := map[string]bool{}
		for _, c := range o.Chosen {
			agg := ""
			for _, s := range c.Program.Slots {
				if s.Type == program.Aggregate {
					agg = fmt.Sprint(s.Default)
				}
			}
			set[c.Template+" "+strings.Join(c.Columns, " ")+" "+agg] = true
		}
		return set
	}
	x, y := keys(a), keys(b)
	both := 0
	for k := range x {
		if y[k] {
			both++
		}
	}
	if len(x)+len(y) == both {
		return 1
	}
	return float64(both) / float64(len(x)+len(y)-both)
}

// shuffledColumns gives each column's values to other rows, each column by itself.
func shuffledColumns(r *rand.Rand, records []json.RawMessage) ([]json.RawMessage, error) {
	rows := make([]map[string]json.RawMessage, len(records))
	var names []string
	for i, text := range records {
		if err := json.Unmarshal(text, &rows[i]); err != nil {
			return nil, err
		}
		for name := range rows[i] {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	mixed := make([]map[string]json.RawMessage, len(rows))
	for i := range mixed {
		mixed[i] = map[string]json.RawMessage{}
	}
	for _, name := range names {
		for i, j := range r.Perm(len(rows)) {
			if v, ok := rows[j][name]; ok {
				mixed[i][name] = v
			}
		}
	}
	out := make([]json.RawMessage, len(rows))
	for i, row := range mixed {
		text, err := json.Marshal(row)
		if err != nil {
			return nil, err
		}
		out[i] = text
	}
	return out, nil
}
