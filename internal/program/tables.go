package program

import (
	"slices"
	"strings"

	"millwright/internal/errs"
)

// A TableRef is a place where SQL names a table.
type TableRef struct {
	Name string // as it is written, without quotes and without the schema "main"
	Pos  int    // byte offset
}

// TableRefs returns the tables that the statement names after FROM and JOIN, in
// order: not its own WITH names, not functions, not subqueries. It fails with
// errs.Invalid where a text stands for a table, because that means a file.
//
// It is a reading aid, for good messages and for mounting what is needed; it is
// no boundary. What a statement can reach is decided by what the engine is given.
func TableRefs(sql string) ([]TableRef, error) {
	tokens, err := Tokens(sql)
	if err != nil {
		return nil, err
	}
	f := refFinder{sql: sql, tokens: tokens, own: withNames(tokens), levels: []level{{first: true}}}
	for i := range tokens {
		if err := f.step(i); err != nil {
			return nil, err
		}
	}
	return f.refs, nil
}

// Mentions returns those of the names that occur in the statement as an
// identifier, anywhere, regardless of case; sorted. It names too many rather than
// too few tables.
func Mentions(sql string, names []string) ([]string, error) {
	tokens, err := Tokens(sql)
	if err != nil {
		return nil, err
	}
	words := map[string]bool{}
	for _, t := range tokens {
		if t.IsName() {
			words[strings.ToLower(t.Name)] = true
		}
	}
	var found []string
	for _, name := range names {
		if words[strings.ToLower(name)] {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// A level is what is known inside one pair of brackets.
type level struct {
	first  bool // nothing was read yet
	query  bool // this is a query, so FROM names tables
	from   bool // we are in its list of tables
	expect bool // the next token begins a table
}

type refFinder struct {
	sql    string
	tokens []Token
	own    map[string]bool // names that the statement gives itself
	levels []level
	refs   []TableRef
}

// Words that end a list of tables.
var afterFrom = []string{
	"WHERE", "GROUP", "HAVING", "WINDOW", "QUALIFY", "ORDER", "LIMIT", "OFFSET", "SELECT", "UNION", "INTERSECT", "EXCEPT", "FETCH",
}

func (f *refFinder) step(i int) error {
	t := f.tokens[i]
	at := &f.levels[len(f.levels)-1]
	first := at.first
	at.first = false
	switch {
	case t.IsSymbol("("), t.IsSymbol("["), t.IsSymbol("{"):
		// FROM (a JOIN b …) and FROM (SELECT …): both may begin with a table.
		inFrom := at.expect && t.IsSymbol("(")
		at.expect = false
		f.levels = append(f.levels, level{first: true, query: inFrom, from: inFrom, expect: inFrom})
		return nil
	case t.IsSymbol(")"), t.IsSymbol("]"), t.IsSymbol("}"):
		if len(f.levels) > 1 {
			f.levels = f.levels[:len(f.levels)-1]
		}
		return nil
	case t.Is("SELECT"), t.Is("WITH") && first:
		at.query, at.from, at.expect = true, false, false
	case t.Is("FROM"):
		if (at.query || first) && !f.isDistinctFrom(i) {
			at.query, at.from, at.expect = true, true, true
		}
	case at.from && t.Is("JOIN"), at.from && t.IsSymbol(","):
		at.expect = true
	case at.from && t.Kind == Word && slices.Contains(afterFrom, strings.ToUpper(t.Name)):
		at.from, at.expect = false, false
	case at.expect && (t.Is("LATERAL") || t.Is("ONLY")):
	case at.expect && t.Is("VALUES"):
		// What follows are rows, and no tables.
		at.from, at.expect = false, false
	case at.expect:
		at.expect = false
		return f.table(i)
	}
	return nil
}

// isDistinctFrom reports whether the FROM at i belongs to IS [NOT] DISTINCT FROM.
func (f *refFinder) isDistinctFrom(i int) bool {
	return i > 1 && f.tokens[i-1].Is("DISTINCT") && (f.tokens[i-2].Is("IS") || f.tokens[i-2].Is("NOT"))
}

func (f *refFinder) table(i int) error {
	t := f.tokens[i]
	if t.Kind == Text {
		return sqlError(f.sql, t.Pos, "a text stands where a table belongs; files cannot be read").
			Fix("name a table of the project")
	}
	if t.Kind == Placeholder || t.Kind == Param {
		return sqlError(f.sql, t.Pos, "a slot stands where a table belongs").Fix("write the table's name")
	}
	if !t.IsName() {
		return nil
	}
	name, next := t.Name, i+1
	for next+1 < len(f.tokens) && f.tokens[next].IsSymbol(".") && f.tokens[next+1].IsName() {
		if strings.EqualFold(name, "main") {
			name = ""
		} else {
			name += "."
		}
		name += f.tokens[next+1].Name
		next += 2
	}
	isFunction := next < len(f.tokens) && f.tokens[next].IsSymbol("(") && t.Kind == Word
	// FROM PIVOT and the like are syntax for the engine to judge.
	if isFunction || f.own[strings.ToLower(name)] {
		return nil
	}
	f.refs = append(f.refs, TableRef{Name: name, Pos: t.Pos})
	return nil
}

// withNames returns the names that WITH gives to steps, in lower case.
func withNames(tokens []Token) map[string]bool {
	names := map[string]bool{}
	for i, t := range tokens {
		if !t.IsName() || i == 0 || !(tokens[i-1].Is("WITH") || tokens[i-1].Is("RECURSIVE") || tokens[i-1].IsSymbol(",")) {
			continue
		}
		next := i + 1
		if next < len(tokens) && tokens[next].IsSymbol("(") { // WITH name(columns) AS (
			for next < len(tokens) && !tokens[next].IsSymbol(")") {
				next++
			}
			next++
		}
		for next < len(tokens) && !tokens[next].Is("AS") && (tokens[next].Is("USING") || tokens[next].Is("KEY")) {
			next++
		}
		if next >= len(tokens) || !tokens[next].Is("AS") {
			continue
		}
		next++
		for next < len(tokens) && (tokens[next].Is("NOT") || tokens[next].Is("MATERIALIZED")) {
			next++
		}
		if next < len(tokens) && tokens[next].IsSymbol("(") {
			names[strings.ToLower(t.Name)] = true
		}
	}
	return names
}

// CheckTables reports a table that the statement reads and that is none of names.
func CheckTables(sql string, names []string) error {
	refs, err := TableRefs(sql)
	if err != nil {
		return err
	}
	for _, ref := range refs {
		if slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, ref.Name) }) {
			continue
		}
		e := sqlError(sql, ref.Pos, "there is no table %q in this project", cut(ref.Name))
		if len(names) == 0 {
			return e.Fix("connect a source first; the project has no tables")
		}
		if near, ok := Nearest(ref.Name, names); ok {
			e.Fix("did you mean " + near + "?")
		}
		return e.Fix("use one of: " + listed(names))
	}
	return nil
}

// NotSQL returns a word for what the text is if it is plainly no SQL but code of
// another kind, as older clients store it; "" otherwise.
func NotSQL(text string) string {
	line := firstLine(text)
	word, rest, _ := strings.Cut(line, " ")
	switch {
	case strings.HasPrefix(line, "#!"), strings.HasPrefix(line, "@"), strings.HasPrefix(line, `"""`),
		word == "class" && strings.Contains(rest, ":"), word == "def", word == "async", word == "import",
		word == "from" && strings.Contains(rest, " import "):
		return "Python"
	case word == "function", word == "const", word == "let", word == "var", word == "export":
		return "JavaScript"
	case strings.HasPrefix(line, "<"):
		return "markup"
	case strings.HasPrefix(line, "{") && !strings.HasPrefix(line, "{{"):
		return "JSON"
	}
	return ""
}

// firstLine returns the first line that is not empty and no Python comment.
func firstLine(text string) string {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(strings.TrimPrefix(line, "\uFEFF"))
		if line != "" && (!strings.HasPrefix(line, "#") || strings.HasPrefix(line, "#!")) {
			return line
		}
	}
	return ""
}

// ErrNotSQL returns the error for running text for which [NotSQL] has a word;
// nil for anything else.
func ErrNotSQL(text string) error {
	kind := NotSQL(text)
	if kind == "" {
		return nil
	}
	return errs.New(errs.Invalid, "this code is not SQL and cannot run here: it begins with %q and looks like %s; it is kept as it was saved", cut(firstLine(text)), kind).
		Named("code-not-sql").At("/code").
		Fix("replace the code with one SELECT statement over the project's tables")
}
