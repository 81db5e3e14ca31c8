package generate

import (
	"context"
	"fmt"
	"math"

	"golang.org/x/sync/errgroup"

	"millwright/internal/errs"
	"millwright/internal/generate/template"
)

// execute runs the candidate with its defaults.
func (g *generation) execute(ctx context.Context, c template.Candidate) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, g.opt.Timeout)
	defer cancel()
	return g.run.Run(ctx, c.Program)
}

// try runs the candidates and keeps those whose result says something. They run
// several at a time; what is kept does not depend on which ends first.
func (g *generation) try(ctx context.Context) {
	type answer struct {
		result Result
		err    error
	}
	answers := make([]answer, len(g.todo))
	budget, cancel := context.WithTimeout(ctx, g.opt.Budget)
	defer cancel()
	var group errgroup.Group
	group.SetLimit(g.opt.Parallel)
	for i, c := range g.todo {
		if r, ok := g.early[key(c)]; ok {
			answers[i] = answer{result: r}
			continue
		}
		group.Go(func() error {
			if answers[i].err = budget.Err(); answers[i].err == nil {
				answers[i].result, answers[i].err = g.execute(budget, c)
			}
			return nil
		})
	}
	_ = group.Wait() // every error is kept beside its candidate

	for i, c := range g.todo {
		g.out.Executed++
		if err := answers[i].err; err != nil {
			g.lastErr = err
			g.drop(c, "did not run: "+errs.Public(err))
			continue
		}
		if why := gate(c, answers[i].result); why != "" {
			g.drop(c, why)
			continue
		}
		signal, found := g.templates[c.Template].Signal(g.source, c, answers[i].result)
		if signal < 0 || math.IsNaN(signal) {
			g.drop(c, found)
			continue
		}
		t := g.wanted(trial{Candidate: c, order: i, naming: naming(g.source, c), signal: min(signal, 1), found: found})
		t.score, t.print = score(t), figures(c, answers[i].result)
		g.tried = append(g.tried, t)
	}
}

// figures returns the numbers of a result about groups, as text.
func figures(c template.Candidate, r Result) string {
	if !uses(c, template.Group) || len(r.Rows) < 2 {
		return ""
	}
	text := c.Template
	for _, row := range r.Rows {
		for _, v := range row {
			switch v.(type) {
			case int64, float64:
				text += fmt.Sprint(" ", v)
			}
		}
	}
	return text
}

// gate returns why the result is not worth showing; empty if it is.
func gate(c template.Candidate, r Result) string {
	if len(r.Rows) == 0 {
		return "the default result is empty"
	}
	if len(r.Rows) < c.MinRows {
		return fmt.Sprintf("the default result has %d rows and needs %d to say something", len(r.Rows), c.MinRows)
	}
	if column, ok := hollow(r); ok {
		return fmt.Sprintf("column %q of the default result is empty in all %d rows", column, len(r.Rows))
	}
	if c.Share != "" {
		if share := largest(r.Floats(c.Share)); share >= .95 {
			return fmt.Sprintf("one group holds %.1f%% of the total", 100*share)
		}
	}
	return ""
}

// hollow reports a result of figures without a single value. Rows as they are
// stored may have empty columns; a result that we computed may not have its
// "value" empty throughout.
func hollow(r Result) (string, bool) {
	all := true
	for i, column := range r.Columns {
		empty := true
		for _, row := range r.Rows {
			if i < len(row) && row[i] != nil {
				empty = false
				break
			}
		}
		all = all && empty
		if empty && (column == "value" || column == "ratio" || column == "median" || column == "spearman" || column == "running_total") {
			return column, true
		}
	}
	if all && len(r.Columns) > 0 {
		return r.Columns[0], true
	}
	return "", false
}

// largest returns the share of the largest amount; 0 for amounts of both signs,
// which have no shares.
func largest(xs []float64) float64 {
	sum, top := 0.0, 0.0
	for _, x := range xs {
		if x < 0 {
			return 0
		}
		if !math.IsNaN(x) {
			sum, top = sum+x, math.Max(top, x)
		}
	}
	if sum == 0 {
		return 0
	}
	return top / sum
}
