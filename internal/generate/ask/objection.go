package ask

import (
	"slices"
	"strconv"
	"strings"

	"millwright/internal/generate"
	"millwright/internal/generate/template"
	"millwright/internal/profile"
	"millwright/internal/program"
)

// nonsense returns the first rule against nonsense that a SELECT breaks; empty if it
// breaks none that its text shows: what it adds up, averages, correlates and groups by.
func nonsense(p program.Program, tables []Table) string {
	tokens, err := program.Tokens(p.SQL)
	if err != nil {
		return err.Error()
	}
	for i, t := range tokens {
		if t.Kind == program.Digits {
			tokens[i].Name = p.SQL[t.Pos:t.End]
		}
		if (t.Is("from") || t.Is("join")) && i+2 < len(tokens) && tokens[i+1].Kind == program.Word && tokens[i+2].IsSymbol("(") && !rowMaker(tokens[i+1].Name) {
			return "it reads from the function " + tokens[i+1].Name
		}
	}
	for _, t := range tables {
		for _, table := range tablesOf(t) {
			mentions := slices.ContainsFunc(tokens, func(k program.Token) bool {
				return (k.Kind == program.Word || k.Kind == program.Quoted) && strings.EqualFold(k.Name, table.name)
			})
			if !mentions {
				continue
			}
			s := template.NewSource(t.Profile, template.DuckDB())
			c := candidate(p, tokens, table.columns)
			c.ByUnit = s.Unit != nil && slices.ContainsFunc(tokens, func(k program.Token) bool { return strings.EqualFold(k.Name, s.Unit.Name) })
			for _, r := range generate.Rules() {
				// Which of two groups determines the other is no concern of a list.
				if r.ID == "N9" {
					continue
				}
				if how := r.Broken(s, c); how != "" {
					return r.ID + ": " + how
				}
			}
		}
	}
	return ""
}

// rowMaker reports whether a function in FROM makes rows of what it is given alone.
func rowMaker(name string) bool {
	switch strings.ToLower(name) {
	case "unnest", "generate_series", "range", "lateral", "values":
		return true
	}
	return false
}

type namedColumns struct {
	name    string
	columns []profile.Column
}

// tablesOf returns a dataset's table and those inside its arrays.
func tablesOf(t Table) []namedColumns {
	all := []namedColumns{{t.Profile.Table, t.Profile.Columns}}
	for _, c := range t.Profile.Children {
		all = append(all, namedColumns{c.Table, c.Columns})
	}
	return all
}

// candidate returns the program with what its text does with the columns.
func candidate(p program.Program, tokens []program.Token, columns []profile.Column) template.Candidate {
	c := template.Candidate{Program: p, Kind: p.Kind, Ordered: true}
	for i, t := range tokens {
		if t.Kind != program.Word {
			continue
		}
		agg := strings.ToLower(t.Name)
		switch agg {
		case "sum", "avg", "median", "mean", "quantile_cont", "stddev", "stddev_samp", "variance", "total", "fsum", "favg":
			for _, col := range inBrackets(tokens, i+1, columns) {
				c.Uses = append(c.Uses, template.Use{Part: template.Value, Aggs: []string{plainAggregate(agg)}, Columns: []profile.Column{col}})
			}
		case "corr", "regr_slope", "covar_pop", "covar_samp":
			for _, col := range inBrackets(tokens, i+1, columns) {
				c.Uses = append(c.Uses, template.Use{Part: template.Pair, Columns: []profile.Column{col}})
			}
		case "group":
			if i+1 < len(tokens) && tokens[i+1].Is("by") {
				for _, col := range groupsAt(tokens, i, columns) {
					c.Uses = append(c.Uses, template.Use{Part: template.Group, Columns: []profile.Column{col}})
				}
			}
		}
	}
	return c
}

func plainAggregate(name string) string {
	switch name {
	case "sum", "total", "fsum":
		return "sum"
	case "median":
		return "median"
	}
	return "avg"
}

// column returns the column that a token names.
func column(t program.Token, columns []profile.Column) (profile.Column, bool) {
	if t.Kind != program.Word && t.Kind != program.Quoted {
		return profile.Column{}, false
	}
	for _, c := range columns {
		if strings.EqualFold(c.Name, t.Name) || len(c.Path) > 1 && strings.EqualFold(c.Path[len(c.Path)-1], t.Name) {
			return c, true
		}
	}
	return profile.Column{}, false
}

// inBrackets returns the columns named inside the brackets that open at from. What
// decides which rows count, after CASE WHEN, is not aggregated.
func inBrackets(tokens []program.Token, from int, columns []profile.Column) []profile.Column {
	if from >= len(tokens) || !tokens[from].IsSymbol("(") {
		return nil
	}
	var found []profile.Column
	depth, deciding := 0, false
	for _, t := range tokens[from:] {
		switch {
		case t.IsSymbol("("):
			depth++
		case t.IsSymbol(")"):
			if depth--; depth == 0 {
				return found
			}
		case t.Is("when"):
			deciding = true
		case t.Is("then"), t.Is("else"):
			deciding = false
		}
		if c, ok := column(t, columns); ok && !deciding {
			found = append(found, c)
		}
	}
	return found
}

// groupsAt returns the columns by which the GROUP BY at that place groups: those that
// stand there as they are, or in the select list at the places that it names.
func groupsAt(tokens []program.Token, group int, columns []profile.Column) []profile.Column {
	var found []profile.Column
	depth := 0
	for _, t := range tokens[group+2:] {
		switch {
		case t.IsSymbol("("):
			depth++
		case t.IsSymbol(")"):
			if depth--; depth < 0 {
				return found
			}
		case depth == 0 && (t.Is("having") || t.Is("order") || t.Is("limit") || t.Is("window") || t.Is("qualify") || t.Is("union")):
			return found
		}
		if depth > 0 {
			continue // of an expression, such as a month, there are few
		}
		if c, ok := column(t, columns); ok {
			found = append(found, c)
		} else if n, err := strconv.Atoi(t.Name); err == nil {
			found = append(found, item(tokens, group, n, columns)...)
		}
	}
	return found
}

// item returns the column that is the nth item of the select list before a GROUP BY,
// if it is a column as it is.
func item(tokens []program.Token, group, n int, columns []profile.Column) []profile.Column {
	depth, start := 0, -1
	for i := group - 1; i >= 0 && start < 0; i-- {
		switch t := tokens[i]; {
		case t.IsSymbol(")"):
			depth++
		case t.IsSymbol("("):
			depth--
		case depth == 0 && t.Is("select"):
			start = i + 1
		}
	}
	if start < 0 {
		return nil
	}
	at, plain := 1, []profile.Column{}
	depth = 0
	for _, t := range tokens[start:group] {
		switch {
		case t.IsSymbol("("):
			depth++
		case t.IsSymbol(")"):
			depth--
		case depth == 0 && t.IsSymbol(","):
			at++
		case depth == 0 && (t.Is("from") || t.Is("as")):
			if at == n || t.Is("from") {
				return plain
			}
		case depth == 0 && at == n:
			if c, ok := column(t, columns); ok {
				plain = append(plain, c)
			}
		}
	}
	return plain
}
