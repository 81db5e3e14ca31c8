package analyze

import (
	"context"
	"errors"
	"slices"
	"time"

	"millwright/internal/engine"
	"millwright/internal/errs"
	"millwright/internal/profile"
	"millwright/internal/table"
)

// Limits bound one analysis. The zero value of a field means its default.
type Limits struct {
	Budget   time.Duration // for the whole analysis; what is not done by then is left out and noted; default 20s
	Sample   int           // distinct texts of a column whose shape is looked at; default 10,000
	Chunk    int           // columns of one statement; default 16
	Depth    int           // levels of objects that become columns; default 4
	Leaves   int           // fields of objects that become columns; default 200
	Children int           // arrays of objects that become tables; default 12
	Columns  int           // columns and fields that are measured, the first ones; default 500
}

func (l Limits) withDefaults() Limits {
	def := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	def(&l.Sample, 10_000)
	def(&l.Chunk, 16)
	def(&l.Depth, 4)
	def(&l.Leaves, 200)
	def(&l.Children, 12)
	def(&l.Columns, 500)
	if l.Budget == 0 {
		l.Budget = 20 * time.Second
	}
	return l
}

// An Analyzer profiles dataset versions.
type Analyzer struct {
	Engine engine.Engine
	Limits Limits
}

// An Input is the table to profile.
type Input struct {
	Scope string         // whose data: as in [engine.Query]
	Dir   string         // the folder that holds the table's files
	Table engine.Table   // its files or its view, and its schema
	Under []engine.Table // what the view reads, in the order in which they read each other
	Name  string         // of the datasource, for people; says what a row is
	Seed  int64          // of the sample; the same seed gives the same profile

	Overrides map[int]profile.Override // by field id: what a person says of columns
}

// childLevels is how deep arrays in arrays become tables.
const childLevels = 2

// Analyze profiles a table and the tables inside its arrays. When the time for
// it is used up it returns what it has: columns that were not measured have the
// role [profile.Unknown], and the facts' notes say so. It fails with errs.Invalid
// for a table without columns, and else only if the engine does.
func (a *Analyzer) Analyze(ctx context.Context, in Input) (_ *profile.Profile, err error) {
	defer errs.Wrap(&err, "analyze.Analyze(%s)", in.Table.Name)
	if len(in.Table.Schema.Columns) == 0 {
		return nil, errs.New(errs.Invalid, "the table %q has no columns, so there is nothing to analyse", in.Table.Name).Named("no-columns")
	}
	limits := a.Limits.withDefaults()
	within, cancel := context.WithTimeout(ctx, limits.Budget)
	defer cancel()

	r := &run{limits: limits, places: newGazetteer(), formats: formats(), overrides: in.Overrides}
	s := &scan{
		engine: a.Engine,
		base:   engine.Query{Scope: in.Scope, Dir: in.Dir, Tables: append(slices.Clone(in.Under), in.Table), Background: true},
		caller: ctx,
		from:   table.Quote(in.Table.Name),
		seed:   in.Seed,
		sample: limits.Sample,
		chunk:  limits.Chunk,
	}
	leaves, err := r.columns(within, s, in.Table.Schema)
	if err != nil {
		return nil, err
	}
	p := &profile.Profile{Table: in.Table.Name, Rows: s.rows, Facts: profile.Facts{}}
	p.Facts.Grain, p.Facts.Plural = profile.Grain(in.Name)
	if err := r.masked(leaves, func() error { return s.facts(within, &p.Facts, leaves) }); err != nil {
		return nil, err
	}
	p.Facts = shown(p.Facts, leaves)
	p.Columns = columnsOf(leaves)
	p.Children, err = r.children(within, s, in.Table.Name, in.Table.Schema, first(p.Facts.Keys), leaves, 1)
	if err != nil {
		return nil, err
	}
	if s.rows == 1 && len(p.Children) == 1 && p.Children[0].Rows >= 10 {
		s.note("one row with one array of %s %s: the table %s holds the data", count(p.Children[0].Rows), p.Children[0].Plural, p.Children[0].Table)
	}
	slices.Sort(s.notes)
	p.Facts.Notes = slices.Compact(s.notes)
	return p, nil
}

// A run is what the analyses of a table and of its children share.
type run struct {
	limits  Limits
	places  *gazetteer
	formats []format
	tables  int // child tables so far

	overrides map[int]profile.Override
}

// columns measures the columns of one table and gives them their roles.
func (r *run) columns(ctx context.Context, s *scan, schema table.Schema) ([]*leaf, error) {
	flat := flatten(schema, r.limits.Depth, r.limits.Leaves)
	leaves := flat.leaves
	for _, n := range flat.notes {
		s.note("%s", n)
	}
	if err := s.count(ctx); err != nil && !errors.Is(err, errBudget) {
		return nil, err
	}
	// Distinct values of many long columns at once would not fit a worker's memory.
	s.chunk = max(1, min(s.chunk, int(8_000_000/max(1, s.rows))))

	// Of a table too wide for the time there is, a part is known well rather than
	// everything a little.
	for i := r.limits.Columns; i < len(leaves); i++ {
		leaves[i].failed = true
	}
	if n := len(leaves) - r.limits.Columns; n > 0 {
		s.note("%s columns were not measured: at most %s are", count(int64(n)), count(int64(r.limits.Columns)))
	}
	if err := s.inChunks(ctx, leaves[:min(len(leaves), r.limits.Columns)], s.measure); err != nil {
		return nil, err
	}
	leaves = foldDynamic(settlePoints(leaves))
	if err := r.values(ctx, s, leaves); err != nil {
		return nil, err
	}
	if err := s.normalise(ctx, leaves); err != nil {
		return nil, err
	}
	if err := s.inChunks(ctx, leaves, s.moments); err != nil {
		return nil, err
	}
	decide(leaves)
	r.override(leaves)
	return leaves, nil
}

// values counts and looks at the values of columns that are measured.
func (r *run) values(ctx context.Context, s *scan, leaves []*leaf) error {
	if err := s.inChunks(ctx, leaves, s.frequencies); err != nil {
		return err
	}
	return s.inChunks(ctx, leaves, func(ctx context.Context, part []*leaf) error {
		return s.look(ctx, part, r.places, r.formats)
	})
}

func columnsOf(leaves []*leaf) []profile.Column {
	cols := make([]profile.Column, len(leaves))
	for i, l := range leaves {
		cols[i] = l.col
	}
	return cols
}

// first returns the first of names as a list, or none.
func first(names []string) []string {
	if len(names) == 0 {
		return nil
	}
	return names[:1]
}

// children profiles the arrays of objects of a table, and theirs.
func (r *run) children(ctx context.Context, parent *scan, name string, schema table.Schema, keys []string, leaves []*leaf, level int) ([]profile.ChildTable, error) {
	var all []profile.ChildTable
	for _, l := range leaves {
		if l.col.Role != profile.Child || l.col.MaxLen == 0 || l.col.Hidden {
			continue
		}
		if r.tables == r.limits.Children {
			parent.note("the array %s was left out: at most %d become tables", l.col.Name, r.limits.Children)
			continue
		}
		c, ok := profile.NewChild(name, schema, l.col.Path, keys)
		if !ok {
			continue
		}
		r.tables++
		s := parent.child(c)
		inner, err := r.columns(ctx, s, c.Schema)
		if err != nil {
			return nil, err
		}
		describeLinks(c, inner)
		c.Rows, c.Columns = s.rows, columnsOf(inner)
		parent.takeNotes(s, c.Table)
		all = append(all, c)
		if level < childLevels {
			place := c.Schema.Columns[len(c.KeyColumns)].Name
			nested, err := r.children(ctx, s, c.Table, c.Schema, append(slices.Clone(c.KeyColumns), place), inner, level+1)
			if err != nil {
				return nil, err
			}
			all = append(all, nested...)
		}
	}
	return all, nil
}

// child returns a scan of a child table.
func (s *scan) child(c profile.ChildTable) *scan {
	base := s.base
	base.Tables = append(slices.Clone(s.base.Tables), engine.Table{Name: c.Table, View: c.View, Schema: c.Schema})
	return &scan{
		engine: s.engine, base: base, caller: s.caller, from: table.Quote(c.Table),
		seed: s.seed, sample: s.sample, chunk: s.chunk,
	}
}

func (s *scan) takeNotes(from *scan, name string) {
	for _, n := range from.notes {
		s.note("%s: %s", name, n)
	}
}

// describeLinks overrules the roles of the columns that a child has from us:
// they say where a row belongs, whatever their values look like.
func describeLinks(c profile.ChildTable, leaves []*leaf) {
	for i, l := range leaves[:len(c.KeyColumns)+1] {
		l.col.Subtype, l.col.AlsoMeasure = "", false
		if i < len(c.KeyColumns) {
			l.col.Role = profile.ForeignKey
			l.col.Evidence = []string{"the row of " + c.Parent + " that the element is in: " + count(l.col.Distinct) + " of them"}
			continue
		}
		l.col.Role = profile.OrdinalInt
		l.col.Evidence = []string{"the place in the array, from 1 to " + l.col.Max}
	}
}
