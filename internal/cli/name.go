package cli

import (
	"context"
	"net/url"
	"strings"
	"unicode"

	"millwright/internal/errs"
	"millwright/internal/program"
)

// A programLine is a query program in a listing.
type programLine struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	Cue        string   `json:"cue"`
	Kind       string   `json:"kind"`
	DatalineID string   `json:"dataline_id"`
	Tables     []string `json:"tables"`

	typed string // the shortest name that means this program and no other
}

// programs returns the programs of the project, each with the name to type.
func (s *session) programs(ctx context.Context) ([]programLine, error) {
	var programs []programLine
	err := s.call(ctx, "GET", "/v1/queryprograms", url.Values{"project_id": {s.project}}, nil, &programs)
	nameAll(programs)
	return programs, err
}

// nameAll gives each program its slug; where several have the same one, with
// their table before it; where that is not enough, their id.
func nameAll(programs []programLine) {
	seen := map[string]int{}
	for _, p := range programs {
		seen[p.slug()]++
		seen[p.qualified()]++
	}
	for i, p := range programs {
		switch {
		case seen[p.slug()] == 1:
			programs[i].typed = p.slug()
		case len(p.Tables) > 0 && seen[p.qualified()] == 1:
			programs[i].typed = p.qualified()
		default:
			programs[i].typed = p.ID
		}
	}
}

func (p programLine) slug() string { return or(slug(or(p.Name, p.Cue)), p.ID) }

// qualified returns table/slug, where table is the one of the records, also for a
// question about their nested items (orders__items). No slug holds a slash.
func (p programLine) qualified() string {
	if len(p.Tables) == 0 {
		return "/" + p.slug()
	}
	table, _, _ := strings.Cut(p.Tables[0], "__")
	return table + "/" + p.slug()
}

// slug returns text as a name that can be typed without quotes: letters and
// digits in lower case, one dash for everything between them.
func slug(text string) string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
	return strings.Join(words, "-")
}

// find returns the program that name means: by the name that the list shows, its
// id, its title in any case, or anything with the same slug. Command is what it is
// wanted for.
func find(programs []programLine, name, command string) (programLine, error) {
	var matches []programLine
	for _, p := range programs {
		if p.ID == name || p.typed == name {
			return p, nil
		}
		if strings.EqualFold(p.qualified(), name) || slug(name) != "" && p.slug() == slug(name) {
			matches = append(matches, p)
		}
	}
	names := make([]string, len(programs))
	for i, p := range programs {
		names[i] = p.typed
	}
	switch len(matches) {
	case 0:
		err := errs.New(errs.NotFound, "there is no question named %q", name)
		if near, ok := program.Nearest(slug(name), names); ok {
			return programLine{}, err.Fix("millwright " + command + " " + near)
		}
		return programLine{}, err.Fix("see 'millwright query list'")
	case 1:
		return matches[0], nil
	}
	err := usage("%q means %d questions", name, len(matches))
	for _, m := range matches {
		err = err.Fix("millwright " + command + " " + m.typed)
	}
	return programLine{}, err
}

// listPrograms returns the programs as a listing, whose table shows what one needs
// to choose and type.
func listPrograms(programs []programLine) grid {
	g := grid{Columns: []string{"name", "kind", "question", "title", "tables", "id"}, Brief: 3, Typed: 1, Footer: "Run one with 'millwright query run NAME'."}
	for _, p := range programs {
		g.Rows = append(g.Rows, []any{p.typed, p.Kind, p.Cue, p.Name, strings.Join(p.Tables, " "), p.ID})
	}
	if len(programs) == 0 {
		g.Footer = "There are no questions yet; 'millwright connect URL' writes some."
	}
	return g
}
