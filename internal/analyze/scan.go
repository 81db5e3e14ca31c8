package analyze

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"golang.org/x/sync/errgroup"

	"millwright/internal/engine"
	"millwright/internal/errs"
)

// errBudget ends a step when the time for analysis is used up.
var errBudget = errors.New("the time for analysis is used up")

// A scan runs the statements of one analysis.
type scan struct {
	engine engine.Engine
	base   engine.Query // scope, folder and tables of every statement
	caller context.Context
	from   string // the table that statements read, quoted
	seed   int64
	sample int
	chunk  int
	rows   int64

	mu    sync.Mutex // guards notes
	notes []string
}

func (s *scan) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

// query runs a statement and hands over its rows. After the deadline of ctx,
// which is that of the whole analysis, it fails with errBudget.
func (s *scan) query(ctx context.Context, sql string, each func(row)) error {
	q := s.base
	q.SQL = sql
	if deadline, ok := ctx.Deadline(); ok {
		// The engine's own deadline would read as a fault of the statement.
		q.Timeout = time.Until(deadline) + time.Second
	}
	err := s.read(ctx, q, each)
	if err != nil && ctx.Err() != nil && s.caller.Err() == nil {
		return errBudget
	}
	return err
}

func (s *scan) read(ctx context.Context, q engine.Query, each func(row)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	rows, err := s.engine.Run(ctx, q)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		b := rows.Batch()
		for i := range int(b.NumRows()) {
			each(row{b, i})
		}
	}
	return rows.Err()
}

// A row is one row of a result whose columns are BIGINT, DOUBLE or VARCHAR.
type row struct {
	batch arrow.RecordBatch
	i     int
}

// integer returns a BIGINT; NULL is 0.
func (r row) integer(col int) int64 {
	if a, ok := r.batch.Column(col).(*array.Int64); ok && a.IsValid(r.i) {
		return a.Value(r.i)
	}
	return 0
}

// float returns a DOUBLE to 9 significant digits, so that sums taken in another
// order read the same. NULL, NaN and infinity, which JSON cannot say, are 0.
func (r row) float(col int) float64 {
	a, ok := r.batch.Column(col).(*array.Float64)
	if !ok || a.IsNull(r.i) {
		return 0
	}
	return round(a.Value(r.i), 9)
}

// text returns a VARCHAR; NULL is "". The string is a copy.
func (r row) text(col int) string {
	c := r.batch.Column(col)
	if c.IsNull(r.i) {
		return ""
	}
	return string([]byte(c.ValueStr(r.i)))
}

func round(v float64, digits int) float64 {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	scale := math.Pow(10, float64(digits)-math.Ceil(math.Log10(math.Abs(v))))
	if math.IsInf(scale, 0) || math.IsInf(v*scale, 0) || scale == 0 {
		return v
	}
	if rounded := math.Round(v*scale) / scale; !math.IsNaN(rounded) && !math.IsInf(rounded, 0) {
		return rounded
	}
	return v
}

// inChunks calls step with some leaves at a time, two at once. Where a
// statement fails because of its data, it halves the leaves, so that one odd
// column does not cost the others their statistics.
func (s *scan) inChunks(ctx context.Context, leaves []*leaf, step func(context.Context, []*leaf) error) error {
	var g errgroup.Group
	g.SetLimit(2)
	for start := 0; start < len(leaves); start += s.chunk {
		part := leaves[start:min(start+s.chunk, len(leaves))]
		g.Go(func() error { return s.halving(ctx, part, step) })
	}
	return g.Wait()
}

func (s *scan) halving(ctx context.Context, leaves []*leaf, step func(context.Context, []*leaf) error) error {
	err := step(ctx, leaves)
	switch kind := errs.KindOf(err); {
	case err == nil:
		return nil
	case errors.Is(err, errBudget):
		for _, l := range leaves {
			l.failed = true
		}
		s.note("%s: some columns were not measured", errBudget)
		return nil
	case kind != errs.Invalid && kind != errs.TooLarge:
		return err
	case len(leaves) == 1:
		leaves[0].failed = true
		s.note("column %s could not be measured: %s", leaves[0].col.Name, errs.Public(err))
		return nil
	}
	half := len(leaves) / 2
	if err := s.halving(ctx, leaves[:half], step); err != nil {
		return err
	}
	return s.halving(ctx, leaves[half:], step)
}
