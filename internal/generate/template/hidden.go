package template

import (
	"strings"

	"millwright/internal/profile"
	"millwright/internal/table"
)

// visible returns the profile without hidden columns and, if there are some, the
// columns of the table that hold nothing hidden.
func visible(p *profile.Profile) (*profile.Profile, []string) {
	hidden := map[string]bool{} // columns of the table with something hidden in them
	count := 0
	for _, c := range p.Columns {
		if c.Hidden {
			hidden[c.Path[0]] = true
			count++
		}
	}
	for _, child := range p.Children {
		for _, c := range child.Columns {
			if c.Hidden {
				root, _, _ := strings.Cut(child.Column, ".")
				hidden[root] = true
				count++
			}
		}
	}
	if count == 0 {
		return p, nil
	}
	shown := *p
	shown.Columns, shown.Children = nil, nil
	open := []string{}
	for _, c := range p.Columns {
		if c.Hidden {
			continue
		}
		shown.Columns = append(shown.Columns, c)
		if len(c.Path) == 1 && !hidden[c.Path[0]] {
			open = append(open, c.Path[0])
		}
	}
	for _, child := range p.Children {
		child.Columns = visibleIn(child.Columns)
		shown.Children = append(shown.Children, child)
	}
	return &shown, open
}

func visibleIn(all []profile.Column) []profile.Column {
	var shown []profile.Column
	for _, c := range all {
		if !c.Hidden {
			shown = append(shown, c)
		}
	}
	return shown
}

// stars names the columns to show instead of *, where some are hidden or there
// are too many. The names
// are bound like every other part, so that none is taken for a part of the text.
func (s *Source) stars(sql string) string {
	if s.open == nil && (!s.tooWide() || s.plainList() == "") {
		return sql
	}
	return strings.ReplaceAll(sql, "SELECT *", "SELECT @open")
}

// openList is what @open stands for.
func (s *Source) openList() string {
	if s.tooWide() {
		if list := s.plainList(); list != "" {
			return list
		}
	}
	if len(s.open) == 0 {
		return `NULL AS "hidden"`
	}
	names := make([]string, len(s.open))
	for i, name := range s.open {
		names[i] = table.Quote(name)
	}
	return strings.Join(names, ", ")
}

// wholeRows is how many columns and fields a row may have to be shown whole.
const wholeRows = 150

// tooWide reports whether a row has too many parts to be read, or held in memory,
// as a whole.
func (s *Source) tooWide() bool { return len(s.Profile.Columns) > wholeRows }

// plainList is the select list of a row that is too wide: its first plain values.
func (s *Source) plainList() string {
	var list []string
	seen := map[string]bool{}
	for _, c := range s.Scalars {
		if low := strings.ToLower(c.Name); len(list) < 40 && !seen[low] && c.Role != profile.Constant {
			seen[low] = true
			list = append(list, s.expr(c)+" AS "+table.Quote(c.Name))
		}
	}
	return strings.Join(list, ", ")
}
