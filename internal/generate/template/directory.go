package template

import (
	"fmt"
	"strings"

	"millwright/internal/profile"
	"millwright/internal/program"
	"millwright/internal/table"
)

// maxDirectory is how much is told of each name.
const maxDirectory = 6

// directories list what has a name with what is told of it, as an address book does.
func directories() []Template {
	return []Template{{ID: "directory", Kind: Filtering, Prior: .5, Make: makeDirectory, Signal: signalDirectory}}
}

// tells returns what a directory tells of its names: what they are and where, how
// to reach them, and since when.
func (s *Source) tells(name profile.Column) []profile.Column {
	var told []profile.Column
	for _, c := range short512(s.Scalars) {
		if c.Name == name.Name || c.NullShare() >= .8 {
			continue
		}
		switch c.Role {
		case profile.Label, profile.Category, profile.HighCard, profile.Flag, profile.Country, profile.Region, profile.City,
			profile.Email, profile.Code, profile.BirthDate, profile.OrdinalInt, profile.EventTime, profile.Year:
			told = append(told, c)
		case profile.FreeText:
			if c.AvgLen > 0 && c.AvgLen <= 60 {
				told = append(told, c)
			}
		}
	}
	for _, m := range short512(s.Measures) {
		if len(told) < maxDirectory && m.NullShare() < .8 {
			told = append(told, m)
		}
	}
	return told
}

func makeDirectory(s *Source) []Candidate {
	var naming []profile.Column
	for _, c := range s.names() {
		if c.Role != profile.Key {
			naming = append(naming, c)
		}
	}
	name, ok := s.name()
	if !ok || len(naming) == 0 || s.Profile.Rows < 5 {
		return nil
	}
	if name.Role == profile.Key {
		name = naming[0]
	}
	told := s.tells(name)
	if len(told) < 1 {
		return nil
	}
	d := s.draft("directory", Filtering, .5)
	names := d.choose("name", "Name", "The column that names a "+s.row()+" and puts them in order.", name, naming)
	d.use(Show, nil, names...)
	d.fit(.8 * (1 - name.NullShare()))
	lead := told[0]
	d.use(Show, nil, d.choose("about", "About", "What is told first of each "+s.row()+".", lead, told)...)
	var b strings.Builder
	taken := map[string]bool{"label": true, "about": true}
	for _, c := range told[1:] {
		low := strings.ToLower(c.Name)
		if len(taken) == maxDirectory+1 || taken[low] || strings.TrimSpace(c.Name) == "" {
			continue
		}
		taken[low] = true
		d.use(Show, nil, c)
		b.WriteString(",\n  " + s.expr(c) + " AS " + table.Quote(c.Name))
	}
	d.slot(program.Slot{Name: "contains", Type: program.String, Label: "Contains",
		Description: "Keep only names that hold this text, in any case; empty means all."})
	d.whole("limit", "At most so many.", 100, 1, 10000)
	d.bind("@match", s.Dialect.HasText("lower(CAST({{name}} AS VARCHAR))", "lower($contains)"))
	d.bind("@more", b.String()).ties(name)
	d.why("%s names a %s (%s distinct values in %s rows), and %d columns tell of it", say(name), s.row(), count(name.Distinct), count(name.Rows), len(told))
	d.c.MinRows = 3
	return []Candidate{d.done("List of "+s.rows(), fmt.Sprintf("Which %s are there, with %s?", s.rows(), several(first(told, maxDirectory))), `
SELECT
  {{name}} AS "label",
  {{about}} AS "about"@more
FROM @table
WHERE {{name}} IS NOT NULL
  AND ($contains IS NULL OR @match)
ORDER BY 1@ties
LIMIT $limit`, tableChart())}
}

func signalDirectory(s *Source, c Candidate, r Result) (float64, string) {
	return .45, fmt.Sprintf("%d names with %d things told of each (signal 0.45)", len(r.Rows), len(c.Columns)-1)
}
