package template

import (
	"math"
	"millwright/internal/profile"
	"millwright/internal/table"
	"sort"
	"strings"
)

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

// favorMeans lets the lowest and the highest of something stand back where their
// mean is a column, too: of the three, it is the mean that people ask for.
func (s *Source) favorMeans() {
	if !s.EvenRows() {
		return // the mean of such means would be none
	}
	means := map[string]bool{}
	for _, m := range s.Measures {
		if IsAverage(m.Name) {
			means[lacking(m.Name, averageWords())] = true
		}
	}
	for _, m := range s.Measures {
		if hasWord(m.Name, extremeWords()...) && means[lacking(m.Name, extremeWords())] {
			s.fits["measure "+m.Name] *= .7
		}
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
