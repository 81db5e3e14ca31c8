package program

import (
	"slices"
	"strings"
)

// Touches reports, for each path of a table's columns (a name, then the names of
// fields inside it), whether the program reads it: because the SQL names it, all
// parts of it, because one of its slots may choose it, or because the SQL selects
// all columns. It answers no for a table that the SQL does not name, and for SQL
// that cannot be read; where two tables have a column of that name, it answers yes
// for both.
func Touches(p Program, table string, paths [][]string) []bool {
	touched := make([]bool, len(paths))
	words, err := usedWords(p)
	if err != nil || !words.names[strings.ToLower(table)] {
		return touched
	}
	for i, path := range paths {
		missing := func(name string) bool { return !words.names[strings.ToLower(name)] }
		touched[i] = words.all || words.choices[strings.ToLower(strings.Join(path, "."))] || !slices.ContainsFunc(path, missing)
	}
	return touched
}

// used is what a program names, in lower case.
type used struct {
	names   map[string]bool // identifiers
	choices map[string]bool // of column slots
	all     bool            // SELECT * or t.*
}

func usedWords(p Program) (used, error) {
	u := used{names: map[string]bool{}, choices: map[string]bool{}}
	texts := []string{p.SQL}
	for _, s := range p.Slots {
		for _, choice := range s.Choices() {
			if s.Type == Column {
				u.choices[strings.ToLower(choice)] = true
			}
		}
		for _, sql := range s.Expressions {
			texts = append(texts, sql)
		}
		if s.Column != "" {
			u.choices[strings.ToLower(s.Column)] = true
		}
	}
	for _, sql := range texts {
		tokens, err := Tokens(sql)
		if err != nil {
			return u, err
		}
		for i, t := range tokens {
			if t.IsName() {
				u.names[strings.ToLower(t.Name)] = true
			}
			u.all = u.all || isStar(tokens, i)
		}
		u.all = u.all || len(tokens) > 0 && tokens[0].Is("FROM") && !slices.ContainsFunc(tokens, func(t Token) bool { return t.Is("SELECT") })
	}
	return u, nil
}

// isStar reports whether the token is the * of all columns: not the one of
// count(*), and not a product.
func isStar(tokens []Token, i int) bool {
	if !tokens[i].IsSymbol("*") || i == 0 {
		return false
	}
	before := tokens[i-1]
	return before.Is("SELECT") || before.Is("DISTINCT") || before.Is("ALL") || before.IsSymbol(",") || before.IsSymbol(".")
}
