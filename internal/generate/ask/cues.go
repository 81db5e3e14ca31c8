package ask

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"millwright/internal/errs"
	"millwright/internal/generate"
	"millwright/internal/generate/template"
	"millwright/internal/program"
	"millwright/internal/program/store"
	"slices"
	"strings"
)

// MaxCues is how many programs can be asked for at once.
const MaxCues = 50

// Cues writes exactly count programs that the project does not have yet and that ask
// none of the previous questions, and stores them. Words of the guidance, where they
// mean columns, values or kinds of question, steer the choice. If the data carry
// fewer, it fails with errs.Invalid and stores none.
func (s *Service) Cues(ctx context.Context, projectID string, count int, guidance string, previous []string) (_ []store.Record, err error) {
	defer errs.Wrap(&err, "ask.Cues")
	tables, all, err := s.find(ctx, projectID, count, guidance, previous)
	if err != nil {
		return nil, err
	}
	if len(all) < count {
		return nil, errs.New(errs.Invalid, "the data carry %d more questions, and %d were wanted", len(all), count).Named("too-few-questions").At("/count").
			Fix(fmt.Sprintf("ask for %d, or land more data", len(all)))
	}
	chosen := s.Adviser.advise(ctx, guidance, tables, all)[:count]
	return s.store(ctx, projectID, tables, s.Adviser.reword(ctx, tables, chosen))
}

// Suggest returns at most count questions that Cues would write, and stores nothing.
func (s *Service) Suggest(ctx context.Context, projectID string, count int, guidance string, previous []string) (_ []string, err error) {
	defer errs.Wrap(&err, "ask.Suggest")
	_, all, err := s.find(ctx, projectID, count, guidance, previous)
	var questions []string
	for _, f := range all[:min(len(all), count)] {
		questions = append(questions, f.Cue)
	}
	return questions, err
}

// find returns programs that the project does not have, the most welcome first.
func (s *Service) find(ctx context.Context, projectID string, count int, guidance string, previous []string) ([]Table, []found, error) {
	if count < 1 || count > MaxCues {
		return nil, nil, errs.New(errs.Invalid, "%d programs cannot be written at once", count).Named("count-invalid").At("/count").Fix(fmt.Sprintf("send a number from 1 to %d", MaxCues))
	}
	tables, err := s.Tables(ctx, projectID)
	if err != nil {
		return nil, nil, err
	}
	if len(tables) == 0 {
		return nil, nil, errs.New(errs.Invalid, "the project has no dataset that was analysed, so there is nothing to ask about").Named("no-dataset").
			Fix("connect a source and wait for its jobs")
	}
	known, err := s.Programs.List(ctx, store.Filter{ProjectID: projectID})
	if err != nil {
		return nil, nil, err
	}
	asked := map[string]bool{}
	for _, q := range previous {
		asked[plainQuestion(q)] = true
	}
	for _, r := range known {
		asked[plainQuestion(r.Program.Cue)] = true
	}
	var all []found
	for i, t := range tables {
		made, err := s.propose(ctx, projectID, i, t, count, guidance, asked)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, made...)
	}
	// The best of every dataset comes before the second best of any; guidance decides first.
	slices.SortStableFunc(all, func(a, b found) int {
		return cmp.Or(cmp.Compare(b.wanted, a.wanted), cmp.Compare(a.place, b.place), cmp.Compare(a.table, b.table))
	})
	return tables, all, nil
}

// A found is a program that could be written.
type found struct {
	program.Program
	table  int
	place  int
	wanted float64
}

func (s *Service) propose(ctx context.Context, projectID string, at int, t Table, count int, guidance string, asked map[string]bool) ([]found, error) {
	prefer := steer(t, guidance)
	outcome, err := generate.Generate(ctx, t.Profile, generate.NewRunner(s.Evaluator, projectID), generate.Options{
		Count:  count,
		Prefer: prefer,
		Skip:   func(c template.Candidate) bool { return asked[plainQuestion(c.Program.Cue)] },
	})
	if err != nil {
		return nil, err
	}
	var all []found
	for i, p := range append(outcome.Programs, outcome.Rest...) {
		q := plainQuestion(p.Cue)
		if asked[q] {
			continue
		}
		asked[q] = true
		f := found{Program: p, table: at, place: i}
		if prefer != nil {
			f.wanted = prefer(template.Candidate{Template: p.Template, Kind: p.Kind, Program: p, Columns: defaults(p)})
		}
		all = append(all, f)
	}
	return all, nil
}

// defaults returns the columns that the program's slots begin with.
func defaults(p program.Program) []string {
	var names []string
	for _, s := range p.Slots {
		if name, ok := s.Default.(string); ok && s.Type == program.Column {
			names = append(names, name)
		}
	}
	return names
}

func (s *Service) store(ctx context.Context, projectID string, tables []Table, chosen []found) (saved []store.Record, err error) {
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		for _, f := range chosen {
			t := tables[f.table]
			r, err := s.Programs.AddGeneratedTx(ctx, tx, projectID, t.DatasetID, t.Version, []program.Program{f.Program})
			if err != nil {
				return err
			}
			saved = append(saved, r...)
		}
		return nil
	})
	return saved, err
}

// plainQuestion is equal for questions that differ in nothing but case, spaces and
// what stands at the end.
func plainQuestion(q string) string {
	return strings.TrimRight(strings.Join(strings.Fields(strings.ToLower(q)), " "), " ?.!")
}

// steer returns what a candidate gains by the guidance; nil if there is none.
func steer(t Table, guidance string) func(template.Candidate) float64 {
	words := split(guidance)
	if len(words) == 0 {
		return nil
	}
	s := template.NewSource(t.Profile, template.DuckDB())
	columns := map[string]bool{}
	named := false
	note := func(r *reading, prefix string) {
		named = named || r.table
		for _, m := range r.cols {
			columns[prefix+m.cols[0].Name] = true
		}
		for _, v := range r.vals {
			columns[prefix+v.col.Name] = true
		}
	}
	r := read(s, words, false)
	note(r, "")
	for _, child := range t.Profile.Children {
		note(read(s.ChildSource(child), words, false), child.Column+".")
	}
	kinds := kindsOf(r)
	return func(c template.Candidate) float64 {
		gain := 0.0
		for _, name := range c.Columns {
			if columns[name] {
				gain += .5
			}
		}
		if kinds[c.Kind] || kinds[c.Template] {
			gain += .5
		}
		if named {
			gain += .1
		}
		return gain
	}
}

// kindsOf returns the kinds of question, and the templates, that words of the trade mean.
func kindsOf(r *reading) map[string]bool {
	out := map[string]bool{}
	any := func(texts string) bool { return r.has(strings.Fields(texts)...) >= 0 }
	if any("trend trends trending timeline time history monthly weekly daily yearly month week day year growth seasonality") {
		out[template.TimeSeries] = true
	}
	if any("top ranking rankings rank best worst highest lowest largest most leading") {
		out[template.Ranking] = true
	}
	if any("compare comparison comparisons differences difference differ versus vs") {
		out[template.Comparison] = true
	}
	if any("correlation correlations relationship relationships related relate") {
		out[template.Correlation] = true
	}
	if any("filter filtering find search list lookup filters rows") {
		out[template.Filtering] = true
	}
	if any("total totals sum average averages count counts aggregate aggregation breakdown share") {
		out[template.Aggregation] = true
	}
	if any("quality missing duplicates completeness null") {
		out[template.DataQuality] = true
	}
	if any("distribution histogram") {
		out["histogram"], out["percentiles"] = true, true
	}
	if any("outlier outliers anomaly anomalies unusual") {
		out["outliers_mad"] = true
	}
	if any("map location locations geography near") {
		out["geo_grid"], out["geo_near"], out["geo_region"], out["geo_bbox"] = true, true, true, true
	}
	return out
}
