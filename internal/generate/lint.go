package generate

import (
	"fmt"

	"strings"

	"millwright/internal/errs"
	"millwright/internal/generate/template"
	"millwright/internal/profile"
	"millwright/internal/program"
)

// A Rule forbids one kind of nonsense.
type Rule struct {
	ID    string
	About string
	// Broken returns how the candidate breaks the rule; empty if it does not.
	// It looks at every column and aggregate that the slots allow, not only at
	// the defaults.
	Broken func(s *template.Source, c template.Candidate) string
}

// Rules returns the rules in the order in which they are tried. What can only be
// known from a result (N11) is checked when the candidate has run.
func Rules() []Rule {
	return []Rule{
		{"N0", "a program must check", unchecked},
		{"N1", "no arithmetic on identifiers, codes, years, parts of dates and coordinates", arithmetic},
		{"N2", "no sum of ratios, intensities and angles", sumOfRatio},
		{"N3", "no sum of a stock over time, no running total of what does not flow", sumOfStock},
		{"N4", "no groups by what is different in every row", groupByUnique},
		{"N5", "no groups by what is the same in nearly every row", groupByConstant},
		{"N6", "no time axis from housekeeping times and birth dates", wrongAxis},
		{"N7", "no count per period where every period has the same number of rows", countOfRegular},
		{"N8", "no correlation of columns that are derived from each other", derivedPair},
		{"N9", "no crosstab of columns of which one determines the other", crosstabOfDependent},
		{"N10", "no pie of more than 5 slices, of averages or of negative values", badPie},
		{"N12", "no gaps filled with 0 for anything but counts and sums", filledAverage},
		{"N13", "no measure of the parent added up over its children", fanOut},
		{"N14", "no LIMIT without an ORDER BY that has no ties", looseLimit},
		{"N15", "no average of averages", averageOfAverage},
		{"N16", "no amounts of different currencies or units together", mixedUnits},
	}
}

// lint returns the first rule that the candidate breaks, and how; empty if none.
func lint(s *template.Source, c template.Candidate) string {
	for _, r := range Rules() {
		if how := r.Broken(s, c); how != "" {
			return r.ID + ": " + how
		}
	}
	return ""
}

// Lint returns the rules that the candidate breaks, each with how.
func Lint(s *template.Source, c template.Candidate) []string {
	var found []string
	for _, r := range Rules() {
		if how := r.Broken(s, c); how != "" {
			found = append(found, r.ID+": "+how)
		}
	}
	return found
}

func unchecked(_ *template.Source, c template.Candidate) string {
	if err := program.Check(c.Program); err != nil {
		return errs.Public(err)
	}
	return ""
}

// each calls visit for every column of the uses in the part, until it says something.
func each(c template.Candidate, part template.Part, visit func(u template.Use, col profile.Column) string) string {
	for _, u := range c.Uses {
		if u.Part != part {
			continue
		}
		for _, col := range u.Columns {
			if how := visit(u, col); how != "" {
				return how
			}
		}
	}
	return ""
}

func arithmetic(_ *template.Source, c template.Candidate) string {
	forbidden := func(u template.Use, col profile.Column) string {
		switch col.Role {
		case profile.Key, profile.ForeignKey, profile.Code, profile.Year, profile.DatePart, profile.Lat, profile.Lon:
			for _, agg := range append([]string{}, u.Aggs...) {
				if agg == "sum" || agg == "avg" || agg == "median" {
					return fmt.Sprintf("%s of %s, which is a %s", agg, clip(col.Name), col.Role)
				}
			}
			if u.Part == template.Pair {
				return fmt.Sprintf("correlation of %s, which is a %s", clip(col.Name), col.Role)
			}
		}
		return ""
	}
	if how := each(c, template.Value, forbidden); how != "" {
		return how
	}
	return each(c, template.Pair, forbidden)
}

func sumOfRatio(_ *template.Source, c template.Candidate) string {
	return each(c, template.Value, func(u template.Use, col profile.Column) string {
		switch col.Subtype {
		case profile.Ratio, profile.Intensive, profile.Circular:
			if has(u.Aggs, "sum") {
				return fmt.Sprintf("sum of %s, which is %s", clip(col.Name), col.Subtype)
			}
		}
		return ""
	})
}

func sumOfStock(s *template.Source, c template.Candidate) string {
	return each(c, template.Value, func(u template.Use, col profile.Column) string {
		if !has(u.Aggs, "sum") {
			return ""
		}
		if col.Subtype == profile.Stock && (s.TimeBound() || uses(c, template.Axis)) && !c.OnePeriod {
			return fmt.Sprintf("sum of the stock %s over several moments", clip(col.Name))
		}
		if c.Template == "running_total" && col.Subtype != profile.Flow {
			return fmt.Sprintf("running total of %s, which is %s", clip(col.Name), col.Subtype)
		}
		return ""
	})
}

func groupByUnique(_ *template.Source, c template.Candidate) string {
	return each(c, template.Group, func(_ template.Use, col profile.Column) string {
		switch col.Role {
		case profile.Key, profile.FreeText, profile.URL, profile.ImageURL, profile.Email, profile.JSONText, profile.Hash, profile.UUID:
			return fmt.Sprintf("groups by %s, which is %s", clip(col.Name), col.Role)
		case profile.Label:
			// A label that comes back in many rows groups them as well as a category.
			if col.Distinct > 50 && col.NonNull() < 2*col.Distinct {
				return fmt.Sprintf("%d groups by the label %s", col.Distinct, clip(col.Name))
			}
		}
		return ""
	})
}

func groupByConstant(_ *template.Source, c template.Candidate) string {
	return each(c, template.Group, func(_ template.Use, col profile.Column) string {
		if col.Role == profile.Constant || col.Role == profile.Empty || col.Distinct <= 1 || col.ModeShare >= .95 {
			return fmt.Sprintf("%s has one value in %.1f%% of rows", clip(col.Name), 100*col.ModeShare)
		}
		return ""
	})
}

func wrongAxis(_ *template.Source, c template.Candidate) string {
	return each(c, template.Axis, func(_ template.Use, col profile.Column) string {
		if col.Role == profile.AuditTime || col.Role == profile.BirthDate {
			return fmt.Sprintf("%s is a %s", clip(col.Name), col.Role)
		}
		return ""
	})
}

func countOfRegular(s *template.Source, c template.Candidate) string {
	f := s.Profile.Facts
	if !f.Panel && !f.RegularSeries || !uses(c, template.Axis) || uses(c, template.Value) {
		return ""
	}
	return "every period has the same number of rows"
}

func derivedPair(_ *template.Source, c template.Candidate) string {
	var defaults []profile.Column
	for _, u := range c.Uses {
		if u.Part == template.Pair {
			defaults = append(defaults, u.Columns[0])
		}
	}
	// A matrix leaves derived pairs out by itself.
	if len(defaults) == 2 && c.Template != "corr_matrix" && template.Derived(defaults[0], defaults[1]) {
		return fmt.Sprintf("%s and %s have one name", clip(defaults[0].Name), clip(defaults[1].Name))
	}
	return ""
}

func crosstabOfDependent(s *template.Source, c template.Candidate) string {
	var groups []template.Use
	for _, u := range c.Uses {
		if u.Part == template.Group {
			groups = append(groups, u)
		}
	}
	// Facets count each column by itself.
	if len(groups) < 2 || c.Template == "facets" {
		return ""
	}
	for _, a := range groups[0].Columns {
		for _, b := range groups[1].Columns {
			// Each slot is checked against the other's default.
			if a.Name != groups[0].Columns[0].Name && b.Name != groups[1].Columns[0].Name {
				continue
			}
			for _, d := range s.Profile.Facts.Dependencies {
				if d == [2]string{a.Name, b.Name} || d == [2]string{b.Name, a.Name} {
					return fmt.Sprintf("%s determines %s", clip(d[0]), clip(d[1]))
				}
			}
		}
	}
	return ""
}

func badPie(_ *template.Source, c template.Candidate) string {
	if c.Program.Chart == nil || c.Program.Chart.Mark != "arc" {
		return ""
	}
	if uses(c, template.Value) {
		return "a pie shows shares of a count only"
	}
	for _, u := range c.Uses {
		if u.Part == template.Group && (u.Columns[0].Distinct > 5 || u.Columns[0].Distinct < 2) {
			return fmt.Sprintf("a pie of %d slices", u.Columns[0].Distinct)
		}
	}
	return ""
}

func filledAverage(_ *template.Source, c template.Candidate) string {
	if !c.FillsGaps {
		return ""
	}
	for _, u := range c.Uses {
		for _, agg := range u.Aggs {
			if agg != "sum" && agg != "count" {
				return agg + " of nothing is not 0"
			}
		}
	}
	return ""
}

func fanOut(_ *template.Source, c template.Candidate) string {
	if c.FansOut && uses(c, template.Value) {
		return "a row's measure would count once for every element of its list"
	}
	return ""
}

func looseLimit(_ *template.Source, c template.Candidate) string {
	sql := c.Program.SQL
	at := strings.LastIndex(sql, "\nLIMIT ")
	if at < 0 || strings.HasSuffix(sql, "LIMIT 1") {
		return ""
	}
	if !c.Ordered || !strings.Contains(strings.ToUpper(sql[:at]), "ORDER BY") {
		return "LIMIT without ORDER BY"
	}
	return ""
}

func averageOfAverage(s *template.Source, c template.Candidate) string {
	// Where every row stands for a period of the same length, all weigh the same.
	if s.EvenRows() {
		return ""
	}
	return each(c, template.Value, func(u template.Use, col profile.Column) string {
		if c.Weighted || !has(u.Aggs, "avg") {
			return ""
		}
		if template.IsAverage(col.Name) && len(u.Aggs) > 0 && u.Aggs[0] == "avg" && u.Columns[0].Name == col.Name {
			return fmt.Sprintf("average of %s", clip(col.Name))
		}
		return ""
	})
}

func mixedUnits(s *template.Source, c template.Candidate) string {
	if s.Unit == nil || c.ByUnit || !uses(c, template.Value) || len(c.Program.Tables) > 0 && c.Program.Tables[0] != s.Profile.Table {
		return ""
	}
	for _, u := range c.Uses {
		if u.Part == template.Group && u.Columns[0].Name == s.Unit.Name && len(u.Columns) == 1 {
			return ""
		}
	}
	return fmt.Sprintf("amounts in %d different %s", s.Unit.Distinct, clip(s.Unit.Name))
}

func uses(c template.Candidate, part template.Part) bool {
	for _, u := range c.Uses {
		if u.Part == part {
			return true
		}
	}
	return false
}

func has(list []string, x string) bool {
	for _, l := range list {
		if l == x {
			return true
		}
	}
	return false
}

// clip keeps messages short, whatever a column is called.
func clip(name string) string {
	if r := []rune(name); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return name
}
