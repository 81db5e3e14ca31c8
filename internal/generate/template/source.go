package template

import (
	"math"
	"sort"
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
	s.sort()
	s.pickCats()
	s.pickGroups()
	s.pickTies()
	return s
}

// place puts the column into the lists that its role allows.
func (s *Source) place(c profile.Column, duplicate bool) {
	if kind := s.kind(c); kind == table.Struct || kind == table.Map || kind == table.Other {
		return
	}
	if c.Role == profile.ListRole && c.Type.Elem != nil && !c.Type.Elem.IsNested() && c.Type.Elem.Kind != table.JSON {
		s.Lists = append(s.Lists, c)
		return
	}
	if s.kind(c) == table.List || s.kind(c) == table.JSON {
		return
	}
	if c.Role == profile.Empty || strings.TrimSpace(c.Name) == "" {
		return
	}
	sparse := c.NullShare() >= .8
	if len(c.Name) > maxName {
		s.placeDim(c, sparse)
		s.placeMeasure(c, sparse)
		return
	}
	s.Scalars = append(s.Scalars, c)
	if c.Role == profile.Constant || duplicate {
		return
	}
	switch c.Role {
	case profile.Key:
		s.Keys = append(s.Keys, c)
	case profile.ForeignKey:
		s.Foreign = append(s.Foreign, c)
	case profile.Lat:
		if s.Lat == nil {
			s.Lat = &c
		}
	case profile.Lon:
		if s.Lon == nil {
			s.Lon = &c
		}
	case profile.EventTime:
		s.placeTime(c)
	case profile.Year:
		s.placeYear(c)
	case profile.Label:
		s.Labels = append(s.Labels, c)
		s.Texts = append(s.Texts, c)
	case profile.FreeText:
		s.Texts = append(s.Texts, c)
	case profile.Country, profile.Region:
		if !sparse {
			s.Regions = append(s.Regions, c)
		}
	case profile.Flag:
		if !sparse {
			s.Flags = append(s.Flags, c)
		}
	}
	s.placeDim(c, sparse)
	s.placeMeasure(c, sparse)
}

func (s *Source) placeTime(c profile.Column) {
	if c.Distinct < 2 || !s.valueType(c).IsTemporal() {
		return
	}
	span := s.span(c)
	if c.Name == s.Profile.Facts.TimeColumn {
		s.fits[c.Name] = clamp(timeFit(c, span)+.05, 0, 1)
	} else {
		s.fits[c.Name] = timeFit(c, span) * .8
	}
	s.Times = append(s.Times, c)
}

func (s *Source) placeYear(c profile.Column) {
	if c.Distinct >= 3 && c.NullShare() < .8 && s.valueType(c).IsNumeric() {
		s.fits["axis "+c.Name] = .85 * (1 - c.NullShare())
		s.Years = append(s.Years, c)
	}
}

func (s *Source) placeDim(c profile.Column, sparse bool) {
	switch c.Role {
	case profile.Category, profile.Flag, profile.OrdinalInt, profile.Country, profile.Region,
		profile.City, profile.DatePart, profile.Year:
	case profile.Code, profile.Label:
		if c.Distinct > 50 {
			return
		}
	case profile.HighCard:
	default:
		return
	}
	// A value that repeats is what makes groups of rows.
	if c.Distinct < 2 || c.ModeShare >= .95 || c.Distinct >= c.NonNull() {
		return
	}
	if c.Distinct <= 50 && len(c.Name) <= maxName {
		s.Filters = append(s.Filters, c)
	}
	if sparse {
		return
	}
	s.fits["dim "+c.Name] = dimFit(c)
	if c.Distinct <= 100 && c.Role != profile.HighCard {
		s.Dims = append(s.Dims, c)
	} else if c.Distinct <= 5000 {
		s.WideDims = append(s.WideDims, c)
	}
}

func (s *Source) placeMeasure(c profile.Column, sparse bool) {
	if sparse || !s.valueType(c).IsNumeric() {
		return
	}
	if c.Role != profile.Measure && !(c.Role == profile.OrdinalInt && c.AlsoMeasure) {
		return
	}
	// Squares of such numbers overflow, and a program must run whatever its slots say.
	lo, okLo := parseNumber(c.Min)
	hi, okHi := parseNumber(c.Max)
	if okLo && math.Abs(lo) > 1e100 || okHi && math.Abs(hi) > 1e100 {
		return
	}
	fit := measFit(c)
	if fit == 0 {
		return
	}
	if c.Subtype == profile.Circular {
		s.Angles = append(s.Angles, c)
		return
	}
	s.fits["measure "+c.Name] = fit
	s.Measures = append(s.Measures, c)
	if contains(aggregatesOf(c, s.TimeBound()), "sum") {
		s.Additive = append(s.Additive, c)
		if c.Subtype != profile.Stock {
			s.OverTime = append(s.OverTime, c)
		}
	}
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

func (s *Source) pickUnit() {
	for _, c := range s.Filters {
		if c.Distinct > 1 && c.NullShare() < .5 && hasWord(c.Name, "currency", "ccy", "unit", "uom") && len(c.Top) > 0 {
			s.Unit = &c
			return
		}
	}
}

func (s *Source) sort() {
	by := func(list []profile.Column, prefix string) {
		sort.SliceStable(list, func(i, j int) bool {
			return s.fits[prefix+list[i].Name] > s.fits[prefix+list[j].Name]
		})
	}
	by(s.Dims, "dim ")
	by(s.WideDims, "dim ")
	by(s.Regions, "dim ")
	by(s.Filters, "dim ")
	// What people call the amount comes before what merely varies more.
	for _, list := range [][]profile.Column{s.Measures, s.Additive, s.OverTime} {
		sort.SliceStable(list, func(i, j int) bool { return s.prominence(list[i]) > s.prominence(list[j]) })
	}
	by(s.Times, "")
	by(s.Years, "axis ")
	// Lists by how much they hold; the rest keeps the table's order.
	sort.SliceStable(s.Lists, func(i, j int) bool { return s.Lists[i].AvgLen > s.Lists[j].AvgLen })
	sort.SliceStable(s.Labels, func(i, j int) bool { return headline(s.Labels[i]) > headline(s.Labels[j]) })
	sort.SliceStable(s.Foreign, func(i, j int) bool { return s.Foreign[i].Nulls < s.Foreign[j].Nulls })
	if e := s.Profile.Facts.EntityColumn; e != "" {
		sort.SliceStable(s.Labels, func(i, j int) bool { return s.Labels[i].Name == e && s.Labels[j].Name != e })
	}
	first := s.Profile.Facts.Keys
	if len(first) > 0 {
		sort.SliceStable(s.Keys, func(i, j int) bool { return s.Keys[i].Name == first[0] && s.Keys[j].Name != first[0] })
	}
}

// pickCats leaves out dimensions that are places on a scale. A year that is the
// time axis, or a part of it beside it, is no dimension at all.
func (s *Source) pickCats() {
	var dims []profile.Column
	for _, c := range s.Dims {
		if len(s.Times) > 0 && (c.Role == profile.Year || c.Role == profile.DatePart) || len(s.Years) > 0 && c.Role == profile.Year {
			continue
		}
		dims = append(dims, c)
		if c.Role != profile.Year && c.Role != profile.DatePart && !(c.Role == profile.OrdinalInt && c.AlsoMeasure) {
			s.Cats = append(s.Cats, c)
		}
	}
	s.Dims = dims
}

// pickGroups lists what rows can be grouped by, on demand if not by default.
func (s *Source) pickGroups() {
	s.Groups = append([]profile.Column(nil), s.Dims...)
	add := func(list []profile.Column) {
		for _, c := range list {
			if len(s.Groups) < 60 && !named(s.Groups, c.Name) && c.NullShare() < .8 && c.Distinct >= 2 && c.Distinct < c.NonNull() && c.ModeShare < .95 {
				if _, ok := s.fits["dim "+c.Name]; !ok {
					s.fits["dim "+c.Name] = dimFit(c)
				}
				s.Groups = append(s.Groups, c)
			}
		}
	}
	add(s.Foreign)
	add(s.Years)
	add(s.WideDims)
	// Moments and numbers of which there are few, such as days of snapshots and ages.
	for _, c := range append(append([]profile.Column(nil), s.Times...), s.Measures...) {
		if c.Distinct <= 30 && c.NonNull() >= 2*c.Distinct && (s.valueType(c).IsTemporal() || c.Integers == c.NonNull()) {
			add([]profile.Column{c})
		}
	}
}

// prominence is a measure's fit, and a little more if its name is a headline.
func (s *Source) prominence(c profile.Column) float64 {
	p := s.fits["measure "+c.Name]
	if Headline(c.Name) {
		p += .15
	}
	return p
}

func headline(c profile.Column) int {
	if hasWord(c.Name, "name", "title", "label", "headline", "subject") {
		return 1
	}
	return 0
}

// pickTies chooses what makes an order unique: a key if there is one, else so
// many columns that rows which still tie differ in little.
func (s *Source) pickTies() {
	if len(s.Keys) > 0 {
		s.Ties = s.Keys[:1]
		return
	}
	for _, c := range s.Scalars {
		if len(s.Ties) < 8 {
			s.Ties = append(s.Ties, c)
		}
	}
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

// Worth says how well the column fits the part that it plays best, 0..1.
func (s *Source) Worth(name string) float64 {
	best := s.fits[name]
	for _, part := range []string{"dim ", "measure ", "axis "} {
		best = math.Max(best, s.fits[part+name])
	}
	return best
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
