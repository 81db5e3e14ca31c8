package template

import (
	"math"
	"strconv"
	"strings"

	"millwright/internal/profile"
	"millwright/internal/table"
)

// A Source is a profile sorted into the parts that its columns can play, each
// list with the fittest column first.
type Source struct {
	Profile *profile.Profile
	Dialect Dialect

	Dims      []profile.Column // 2..100 groups worth showing
	Cats      []profile.Column // those of Dims that are neither parts of dates nor numbers
	WideDims  []profile.Column // more groups than that: top lists only
	Groups    []profile.Column // all that rows can be put together by: Dims, then references, years and WideDims
	Measures  []profile.Column // numbers that may be averaged
	Additive  []profile.Column // measures that may be added up over all rows
	OverTime  []profile.Column // those of Additive that may be added up over time, too
	Angles    []profile.Column // directions: they have a distribution, and no average
	Times     []profile.Column // event times; the table's own first
	Years     []profile.Column // integer years, when they can stand in for a time axis
	Flags     []profile.Column
	Labels    []profile.Column // names of things
	Keys      []profile.Column
	Foreign   []profile.Column // columns that point at something repeated
	Texts     []profile.Column // columns worth searching
	Lists     []profile.Column // lists of scalars
	Regions   []profile.Column // countries and regions
	Filters   []profile.Column // columns with few values, good to choose rows by
	Scalars   []profile.Column // everything that can be compared and shown in a cell
	Lat, Lon  *profile.Column
	Unit      *profile.Column  // currency or unit, when there is more than one: amounts must not be mixed
	Ties      []profile.Column // an ORDER BY of these is as unique as the table allows
	Links     []Link           // columns that point at other tables of the project
	Related   []Relation       // pairs of measures that vary together, strongest first; see Relate
	positions map[string]int
	fits      map[string]float64
	open      []string // the columns to show instead of *, where some are hidden
}

// A Relation is a correlation between two measures that was measured.
type Relation struct {
	X, Y profile.Column
	R    float64 // Pearson's
	N    int64
}

// NewSource sorts the columns of p, but for those that a person has hidden.
func NewSource(p *profile.Profile, d Dialect) *Source {
	p, open := visible(p)
	s := &Source{open: open, Profile: p, Dialect: d, positions: map[string]int{}, fits: map[string]float64{}}
	ignored := map[string]bool{}
	for _, pair := range p.Facts.Duplicates {
		// What only grows in step, as the highest and the lowest price of a day do, is
		// still another number.
		a, okA := p.Column(pair[0])
		b, okB := p.Column(pair[1])
		ignored[pair[1]] = okA && okB && a.Min == b.Min && a.Max == b.Max && a.Distinct == b.Distinct
	}
	for i, c := range p.Columns {
		if _, twice := s.positions[c.Name]; twice {
			continue // a field and a column may share a dotted name; the first one keeps it
		}
		s.positions[c.Name] = i
		s.place(c, ignored[c.Name])
	}
	s.pickUnit()
	s.favorMeans()
	s.sort()
	s.pickCats()
	s.pickGroups()
	s.pickTies()
	return s
}

// TimeBound reports whether rows of the table belong to different moments, so
// that putting all of them together is putting moments together.
func (s *Source) TimeBound() bool {
	f := s.Profile.Facts
	if f.Panel || f.RegularSeries {
		return true
	}
	if s.crossSection() {
		return false
	}
	for _, c := range s.Profile.Columns {
		if c.Role == profile.EventTime || c.Role == profile.Year {
			return true
		}
	}
	return false
}

// EvenRows reports whether every row stands for a period of the same length, as in a
// table of daily values: averages of averages are then averages of the whole.
func (s *Source) EvenRows() bool { return s.Profile.Facts.Panel || s.Profile.Facts.RegularSeries }

// averageable returns those of the measures of which an average may be taken.
func (s *Source) averageable(ms []profile.Column) []profile.Column {
	if s.EvenRows() {
		return ms
	}
	var out []profile.Column
	for _, m := range ms {
		if !IsAverage(m.Name) {
			out = append(out, m)
		}
	}
	return out
}

// crossSection reports whether every row is about another thing, by its name: what
// is known of it was measured once, whatever years and times are told of it.
func (s *Source) crossSection() bool {
	for _, c := range s.Profile.Columns {
		switch c.Role {
		case profile.Label, profile.Country, profile.Region, profile.City:
			if len(c.Path) == 1 && c.Nulls == 0 && c.Rows >= 10 && c.Distinct == c.Rows && !c.Approx {
				return true
			}
		}
	}
	return false
}

// span returns how many days the column's values span.
func (s *Source) span(c profile.Column) float64 {
	if days, ok := spanDays(c); ok {
		return days
	}
	if c.Name == s.Profile.Facts.TimeColumn {
		return s.Profile.Facts.TimeSpanDays
	}
	return 0
}

// valueType returns the type of what queries read.
func (s *Source) valueType(c profile.Column) table.Type { return c.ValueType() }

func (s *Source) kind(c profile.Column) table.Kind { return s.valueType(c).Kind }

// expr returns the SQL that reads the column.
func (s *Source) expr(c profile.Column) string {
	sql := c.SQL()
	switch t := s.valueType(c); t.Kind {
	case table.TimestampTZ:
		return s.Dialect.UTC(sql)
	case table.List:
		if t.Elem != nil && t.Elem.Kind != table.Varchar && !t.Elem.IsNested() {
			return s.Dialect.Texts(sql)
		}
	}
	return sql
}

// plain reports whether the column is read by its quoted name alone.
func (s *Source) plain(c profile.Column) bool {
	return len(c.Path) == 1 && c.Path[0] == c.Name && s.expr(c) == table.Quote(c.Name)
}

// Position returns where the column stands in the table, 0 for the first.
func (s *Source) Position(name string) int { return s.positions[name] }

func (s *Source) dimFit(c profile.Column) float64 {
	if f, ok := s.fits["dim "+c.Name]; ok {
		return f
	}
	return dimFit(c)
}

func (s *Source) measFit(c profile.Column) float64 { return s.fits["measure "+c.Name] }

func (s *Source) timeFit(c profile.Column) float64 {
	if f, ok := s.fits["axis "+c.Name]; ok && c.Role == profile.Year {
		return f
	}
	return s.fits[c.Name]
}

// depends reports whether one of the columns determines the other.
func (s *Source) depends(a, b profile.Column) bool {
	for _, d := range s.Profile.Facts.Dependencies {
		if d == [2]string{a.Name, b.Name} || d == [2]string{b.Name, a.Name} {
			return true
		}
	}
	return false
}

// Divides says how well the column divides rows, into groups or over time, 0..1.
func (s *Source) Divides(name string) float64 {
	return math.Max(s.fits[name], math.Max(s.fits["dim "+name], s.fits["axis "+name]))
}

// Measured says how much there is to see in the column's numbers, 0..1.
func (s *Source) Measured(name string) float64 { return s.fits["measure "+name] }

// Number reports whether the column is a measure and nothing else.
func (s *Source) Number(name string) bool {
	c, ok := s.Profile.Column(name)
	return ok && c.Role == profile.Measure
}

// rows and row name what the table holds: "orders" and "order".
func (s *Source) rows() string { return orElse(s.Profile.Facts.Plural, "rows") }
func (s *Source) row() string  { return orElse(s.Profile.Facts.Grain, "row") }

func orElse(text, other string) string {
	if strings.TrimSpace(text) == "" {
		return other
	}
	return clip(text, 60)
}

func parseNumber(text string) (float64, bool) {
	x, err := strconv.ParseFloat(text, 64)
	return x, err == nil && !math.IsNaN(x) && !math.IsInf(x, 0)
}

// maxName is how many bytes of a column name SQL text repeats. A longer one is
// reached through column slots only, because a program's SQL has a limit too.
const maxName = 512

// first returns at most n columns.
func first(cols []profile.Column, n int) []profile.Column {
	if len(cols) > n {
		return cols[:n]
	}
	return cols
}
