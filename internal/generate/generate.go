package generate

import (
	"context"
	"fmt"
	"time"

	"millwright/internal/generate/template"
	"millwright/internal/profile"
	"millwright/internal/program"
)

// A Result is the rows of a program that was run.
type Result = template.Result

// A Runner runs programs with their defaults.
type Runner interface {
	// Run returns the first rows of the program, at least 200 if there are so
	// many. It may be called concurrently.
	Run(ctx context.Context, p program.Program) (Result, error)
}

// Options bound the work. The zero value is what the product uses.
type Options struct {
	Count    int           // programs wanted; 0 means 12
	Execute  int           // candidates that are run; 0 means 60
	Parallel int           // candidates that run at once; 0 means 3
	Timeout  time.Duration // per candidate; 0 means 2s
	Budget   time.Duration // for all runs together, after which the best so far is chosen; 0 means 20s

	Links []template.Link // columns of the table that point at other tables; see package link

	Prefer func(template.Candidate) float64 // added to what speaks for a candidate, about 0..1; nil prefers none
	Skip   func(template.Candidate) bool    // candidates that are not wanted, whatever speaks for them; nil skips none
	Keep   func(template.Candidate) bool    // candidates that are chosen before all others if they still pass; nil keeps none
}

func (o Options) withDefaults() Options {
	if o.Count <= 0 {
		o.Count = 12
	}
	if o.Execute <= 0 {
		o.Execute = 60
	}
	if o.Parallel <= 0 {
		o.Parallel = 3
	}
	if o.Timeout <= 0 {
		o.Timeout = 2 * time.Second
	}
	if o.Budget <= 0 {
		o.Budget = 20 * time.Second
	}
	return o
}

// An Outcome is the programs for a table, best first, and how they came about.
type Outcome struct {
	Programs   []program.Program
	Chosen     []template.Candidate // what Programs were made from, in their order
	Candidates int                  // made by templates, before linting
	Linted     int                  // dropped because they would be nonsense
	Executed   int                  // run with their defaults
	Dropped    []Dropped            // run or linted, and not worth showing
	Rest       []program.Program    // worth showing too, but not chosen; best first
	Notes      []string             // why there are fewer programs than wanted; empty if there are not
}

// A Dropped is a candidate that was not worth showing, and why.
type Dropped struct {
	Template string
	Cue      string
	Why      string
}

// Generate returns the programs for the profiled table. It fails only when ctx
// ends or when the table could not be read at all; a table that carries few
// questions gets few, and the outcome says why.
func Generate(ctx context.Context, p *profile.Profile, run Runner, opt Options) (Outcome, error) {
	opt = opt.withDefaults()
	s := template.NewSource(p, template.DuckDB())
	s.Links = opt.Links
	if p.Rows == 0 {
		return emptyTable(ctx, s, run, opt)
	}
	g := &generation{source: s, opt: opt, run: run, templates: map[string]template.Template{}}
	for _, t := range template.All() {
		g.templates[t.ID] = t
	}
	g.relate(ctx)
	g.enumerate()
	g.try(ctx)
	if err := ctx.Err(); err != nil {
		return Outcome{}, fmt.Errorf("generating programs for %s: %w", p.Table, err)
	}
	if len(g.tried) == 0 && g.lastErr != nil {
		return Outcome{}, fmt.Errorf("no candidate for %s could be run: %w", p.Table, g.lastErr)
	}
	chosen := g.settle(opt.Count)
	g.out.Rest = finish(s, rest(g.tried, chosen))
	if n := len(chosen); n < opt.Count {
		g.out.Notes = append(g.out.Notes, smallBecause(p, n, opt.Count))
	}
	return g.out, nil
}

// A generation is one call of Generate at work.
type generation struct {
	source    *template.Source
	opt       Options
	run       Runner
	templates map[string]template.Template
	todo      []template.Candidate
	tried     []trial
	early     map[string]Result // results by candidate text, of what had to run before the rest
	lastErr   error
	out       Outcome
}

// A trial is a candidate that was run and passed the gates.
type trial struct {
	template.Candidate
	order  int     // in which it was made: decides ties
	naming float64 // how prominent its columns are
	signal float64
	found  string // what the signal is, with numbers
	score  float64
	print  string  // the figures of the result, where two columns that mean the same give the same
	bonus  float64 // what the caller's preference adds
	kept   bool    // the caller has it and wants to keep it
}

// relate runs the correlation matrix first: single pairs are worth a candidate
// only if they are related.
func (g *generation) relate(ctx context.Context) {
	g.early = map[string]Result{}
	for _, c := range g.templates["corr_matrix"].Make(g.source) {
		if lint(g.source, c) != "" {
			continue
		}
		r, err := g.execute(ctx, c)
		if err != nil {
			continue
		}
		g.early[key(c)] = r
		g.source.Relate(r)
	}
}

// enumerate makes the candidates, lints them, drops those that repeat another
// and keeps the most promising.
func (g *generation) enumerate() {
	seen := map[string]bool{}
	var all []trial
	for _, t := range template.All() {
		for _, c := range t.Make(g.source) {
			g.out.Candidates++
			if g.source.Profile.Rows == 1 && !forOneRow(c, g.source.Profile.Table) {
				g.drop(c, "a single row has nothing to compare")
				continue
			}
			if why := lint(g.source, c); why != "" {
				g.out.Linted++
				g.drop(c, why)
				continue
			}
			if g.opt.Skip != nil && g.opt.Skip(c) {
				continue
			}
			if k := key(c); !seen[k] {
				seen[k] = true
				all = append(all, g.wanted(trial{Candidate: c, order: len(all), naming: naming(g.source, c)}))
			}
		}
	}
	for _, t := range shortlist(all, g.opt.Execute) {
		g.todo = append(g.todo, t.Candidate)
	}
}

// settle writes the outcome's programs: the best n of what was tried.
func (g *generation) settle(n int) []pick {
	chosen := choose(g.source, g.tried, n)
	g.out.Programs = finish(g.source, chosen)
	for _, k := range chosen {
		g.out.Chosen = append(g.out.Chosen, k.Candidate)
	}
	return chosen
}

// wanted adds what the caller thinks of the candidate.
func (g *generation) wanted(t trial) trial {
	if g.opt.Prefer != nil {
		t.bonus = g.opt.Prefer(t.Candidate)
	}
	t.kept = g.opt.Keep != nil && g.opt.Keep(t.Candidate)
	return t
}

// forOneRow reports whether the candidate makes sense for a table of one row:
// it shows the row, or it is about a table inside it.
func forOneRow(c template.Candidate, table string) bool {
	return c.Template == "kpi" || c.Template == "filter_rows" || c.Program.Tables[0] != table && c.Template != "child_by_parent"
}

func (g *generation) drop(c template.Candidate, why string) {
	g.out.Dropped = append(g.out.Dropped, Dropped{Template: c.Template, Cue: c.Program.Cue, Why: why})
}

// key identifies what a candidate asks by default, so that two templates do not ask the same.
func key(c template.Candidate) string {
	text := c.Program.SQL
	for _, s := range c.Program.Slots {
		text += fmt.Sprintf("\x00%s=%v", s.Name, s.Default)
	}
	return text
}

// emptyTable answers the only question that a table without rows carries.
func emptyTable(ctx context.Context, s *template.Source, run Runner, opt Options) (Outcome, error) {
	g := &generation{source: s, opt: opt, run: run}
	for _, t := range template.All() {
		if t.ID != "kpi" {
			continue
		}
		for _, c := range t.Make(s) {
			g.out.Candidates++
			if lint(s, c) != "" {
				continue
			}
			if _, err := g.execute(ctx, c); err != nil {
				return g.out, fmt.Errorf("counting the rows of %s: %w", s.Profile.Table, err)
			}
			g.out.Executed++
			g.tried = append(g.tried, trial{Candidate: c, naming: naming(s, c), signal: 0, found: "the table has 0 rows and 0 groups to compare"})
		}
	}
	g.settle(1)
	g.out.Notes = []string{"the table has no rows, so nothing but their number can be asked"}
	return g.out, nil
}

// smallBecause says why there are fewer programs than wanted.
func smallBecause(p *profile.Profile, n, want int) string {
	usable := 0
	for _, c := range p.Columns {
		switch c.Role {
		case profile.Empty, profile.Constant, profile.Container, profile.Unknown:
		default:
			usable++
		}
	}
	return fmt.Sprintf("%d of %d programs: the table has %d rows and %d of %d columns carry questions", n, want, p.Rows, usable, len(p.Columns))
}
