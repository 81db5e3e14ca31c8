package program

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"millwright/internal/errs"
)

// The limits of a program's text. They keep a scanner, not a person, in bounds.
const (
	MaxSQL   = 100 << 10 // bytes
	MaxDepth = 200       // brackets inside brackets
	MaxSlots = 100
)

// Check reports what is wrong with the program as it is written: its slots, the
// SQL's shape, and whether the two fit together. It is cheap and reads nothing;
// whether tables and columns exist, only the engine knows.
//
// The error is errs.Invalid of type "slot-invalid" or "sql-invalid". Its fields
// point to /slots/{index}/… or /code; a fault in the SQL has line and column.
func Check(p Program) error {
	_, err := check(p)
	return err
}

// check returns the tokens of a program that is fit to run.
func check(p Program) ([]Token, error) {
	var found problems
	checkSlots(p.Slots, &found)
	tokens, err := checkStatement(p.SQL)
	if err != nil {
		if e, ok := errs.Find(err); ok {
			found.add(e)
		}
		return nil, found.err()
	}
	checkUse(p, tokens, &found)
	return tokens, found.err()
}

func checkSlots(slots []Slot, found *problems) {
	if len(slots) > MaxSlots {
		found.slot("/slots", fmt.Sprintf("the program has %d slots and may have %d", len(slots), MaxSlots))
		return
	}
	seen := map[string]int{}
	for i, s := range slots {
		at := func(parts ...string) string { return pointer(append([]string{"slots", strconv.Itoa(i)}, parts...)...) }
		if !isSlotName(s.Name) {
			found.slot(at("name"), fmt.Sprintf("%q cannot be the name of a slot", cut(s.Name)),
				"use a lower-case letter, then letters, digits and _, at most 63 in all")
		} else if first, ok := seen[s.Name]; ok {
			found.slot(at("name"), fmt.Sprintf("slot %q exists already, as number %d", s.Name, first+1), "give it another name")
		} else {
			seen[s.Name] = i
		}
		if !slices.Contains(SlotTypes(), s.Type) {
			found.slot(at("type"), fmt.Sprintf("slot %q has the unknown type %q", s.Name, cut(string(s.Type))), suggestion(string(s.Type), typeNames()))
			continue
		}
		checkBoundsOf(s, at, found)
		checkExpressions(s, at, found)
		if checkValues(s, at, found) {
			checkDefault(s, at, found)
		}
	}
}

func typeNames() []string {
	var names []string
	for _, t := range SlotTypes() {
		names = append(names, string(t))
	}
	return names
}

func checkBoundsOf(s Slot, at func(...string) string, found *problems) {
	if s.Min == nil && s.Max == nil {
		return
	}
	field := "min"
	if s.Min == nil {
		field = "max"
	}
	switch {
	case s.Type != Integer && s.Type != Number:
		found.slot(at(field), fmt.Sprintf("slot %q has a %s, which a slot of type %s cannot have", s.Name, field, s.Type), "remove it")
	case s.Min != nil && s.Max != nil && *s.Min > *s.Max:
		found.slot(at("min"), fmt.Sprintf("slot %q has a min of %v, above its max of %v", s.Name, *s.Min, *s.Max), "swap them")
	}
}

// checkValues reports whether the slot's own list makes sense.
func checkValues(s Slot, at func(...string) string, found *problems) bool {
	before := len(*found)
	if s.Type == Column && len(s.Values) == 0 {
		found.slot(at("values"), fmt.Sprintf("slot %q names no column that it may be", s.Name), "list the column names in values")
	}
	words := Slot{Type: s.Type}.Choices()
	for i, v := range s.Values {
		where := at("values", strconv.Itoa(i))
		switch {
		case s.Type == Column:
			if name, ok := v.(string); !ok || name == "" || !utf8.ValidString(name) {
				found.slot(where, fmt.Sprintf("slot %q lists something that is not a column name", s.Name))
			}
		case words != nil:
			if text, ok := v.(string); !ok || !slices.Contains(words, text) {
				found.slot(where, fmt.Sprintf("slot %q of type %s cannot be %q", s.Name, s.Type, cut(plainText(v))), suggestion(plainText(v), words))
			}
		case s.Type == ValueList:
			if _, f := textOf(v); f != nil {
				found.slot(where, fmt.Sprintf("slot %q lists a value that %s", s.Name, f.msg))
			}
		default:
			own, f := s.convert(v)
			if f == nil {
				f = s.checkBounds(own)
			}
			if f != nil {
				found.slot(where, fmt.Sprintf("slot %q lists a value that %s", s.Name, f.msg), f.fixes...)
			}
		}
	}
	return len(*found) == before
}

// checkExpressions reports an expression that is not one, or that would reach
// beyond its own brackets.
func checkExpressions(s Slot, at func(...string) string, found *problems) {
	for _, name := range slices.Sorted(maps.Keys(s.Expressions)) {
		where := at("expressions", name)
		if s.Type != Column || !slices.Contains(s.Choices(), name) {
			found.slot(where, fmt.Sprintf("slot %q has an expression for %q, which is none of its columns", s.Name, cut(name)), "remove it")
			continue
		}
		if _, err := checkExpression(s.Expressions[name]); err != nil {
			found.slot(where, fmt.Sprintf("the expression for %q of slot %q is not one SQL expression: %s", cut(name), s.Name, errs.Public(err)))
		}
	}
}

// checkExpression returns the tokens of SQL that stays one value wherever it is
// put in brackets.
func checkExpression(sql string) ([]Token, error) {
	tokens, err := Tokens(sql)
	if err != nil {
		return nil, err
	}
	if len(tokens) == 0 {
		return nil, errs.New(errs.Invalid, "it is empty")
	}
	for _, t := range tokens {
		if t.Kind == Param || t.Kind == Placeholder {
			return nil, sqlError(sql, t.Pos, "a slot inside a slot")
		}
	}
	return tokens, checkBrackets(sql, tokens)
}

func checkDefault(s Slot, at func(...string) string, found *problems) {
	switch {
	case s.Required && s.Default != nil:
		found.slot(at("required"), fmt.Sprintf("slot %q is required and has a default", s.Name), "remove one of the two")
	case s.Default == nil && s.Type.IsRendered() && !s.Required:
		found.slot(at("default"), fmt.Sprintf("slot %q has no default, and %s cannot be left out", s.Name, s.Placeholder()),
			"use one of: "+listed(s.Choices()), "or set required")
	case s.Default != nil:
		if _, f := s.coerce(s.Default); f != nil {
			found.slot(at("default"), fmt.Sprintf("the default of slot %q %s", s.Name, f.msg), f.fixes...)
		}
	}
}

// checkUse reports placeholders without a slot and slots without a placeholder.
func checkUse(p Program, tokens []Token, found *problems) {
	byName := map[string]Slot{}
	var names []string
	for _, s := range p.Slots {
		byName[s.Name] = s
		names = append(names, s.Name)
	}
	used := map[string]bool{}
	for _, t := range tokens {
		s, ok := byName[t.Name]
		switch {
		case t.Kind == Text && t.Name != "":
			// A text that only looks like a placeholder is a text.
			used[t.Name] = used[t.Name] || ok && s.Type.IsRendered()
		case t.Kind != Param && t.Kind != Placeholder:
		case !ok:
			written := p.SQL[t.Pos:t.End]
			e := sqlError(p.SQL, t.Pos, "there is no slot for %s", written)
			if fix := suggestion(t.Name, names); fix != "" {
				e.Fix(fix)
			}
			found.add(e.Fix(fmt.Sprintf("or add a slot named %q", t.Name)))
		case s.Type.IsRendered() != (t.Kind == Placeholder):
			used[t.Name] = true
			found.add(sqlError(p.SQL, t.Pos, "slot %q has type %s and is written as %s", s.Name, s.Type, p.SQL[t.Pos:t.End]).
				Fix("write " + s.Placeholder()))
		default:
			used[t.Name] = true
		}
	}
	for i, s := range p.Slots {
		if isSlotName(s.Name) && !used[s.Name] {
			found.slot(pointer("slots", strconv.Itoa(i)), fmt.Sprintf("the SQL does not use slot %q", s.Name),
				"write "+s.Placeholder()+" where its value belongs", "or remove the slot")
		}
	}
}

// checkStatement returns the tokens of exactly one statement that reads, without
// the semicolon at its end.
func checkStatement(sql string) ([]Token, error) {
	if len(sql) > MaxSQL {
		return nil, errs.New(errs.Invalid, "the SQL is %d bytes long and may be %d", len(sql), MaxSQL).
			Named("sql-invalid").At("/code").Fix("shorten it; send lists of values as a slot")
	}
	tokens, err := Tokens(sql)
	if err != nil {
		return nil, err
	}
	for len(tokens) > 0 && tokens[len(tokens)-1].IsSymbol(";") {
		tokens = tokens[:len(tokens)-1]
	}
	if len(tokens) == 0 {
		return nil, errs.New(errs.Invalid, "the SQL is empty").Named("sql-invalid").At("/code").
			Fix("write one SELECT statement")
	}
	if err := checkBrackets(sql, tokens); err != nil {
		return nil, err
	}
	return tokens, checkVerb(sql, tokens)
}

// checkBrackets reports brackets that do not match or go too deep, and a second
// statement.
func checkBrackets(sql string, tokens []Token) error {
	var open []Token
	for _, t := range tokens {
		if t.Kind != Symbol {
			continue
		}
		switch t.Name {
		case ";":
			return sqlError(sql, t.Pos, "another statement begins after this semicolon").
				Fix("keep one SELECT; use WITH for steps before it")
		case "(", "[", "{":
			if open = append(open, t); len(open) > MaxDepth {
				return sqlError(sql, t.Pos, "brackets are nested more than %d deep", MaxDepth).Fix("move parts into WITH")
			}
		case ")", "]", "}":
			if len(open) == 0 || open[len(open)-1].Name != opening(t.Name) {
				return sqlError(sql, t.Pos, "this %s closes nothing", t.Name).Fix("remove it, or open it before")
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return sqlError(sql, open[len(open)-1].Pos, "this %s is not closed", open[len(open)-1].Name).Fix("close it")
	}
	return nil
}

func opening(closing string) string {
	return map[string]string{")": "(", "]": "[", "}": "{"}[closing]
}

// checkVerb reports a statement that does not read. After WITH, the verb is the
// first one outside brackets.
func checkVerb(sql string, tokens []Token) error {
	start := 0
	for start < len(tokens)-1 && tokens[start].IsSymbol("(") {
		start++
	}
	verb := tokens[start]
	if verb.Is("WITH") {
		verb = mainVerb(tokens[start:])
	}
	for _, reads := range []string{"SELECT", "FROM", "VALUES"} {
		if verb.Is(reads) {
			return nil
		}
	}
	// TABLE and others that only read would pass the engine; one way of saying it is enough.
	word := sql[verb.Pos:verb.End]
	return sqlError(sql, verb.Pos, "a program is one SELECT statement, and this begins with %s", cut(strings.ToUpper(word))).
		Fix("begin with SELECT, or with WITH and end in a SELECT")
}

// mainVerb returns the verb after the steps of a WITH; the last token if none.
func mainVerb(tokens []Token) Token {
	verbs := []string{"SELECT", "FROM", "VALUES", "INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "CREATE", "PIVOT", "UNPIVOT"}
	depth := 0
	for i, t := range tokens {
		switch {
		case t.IsSymbol("("):
			depth++
		case t.IsSymbol(")"):
			depth--
		case depth == 0 && t.Kind == Word && i > 0 && tokens[i-1].IsSymbol(")") && slices.Contains(verbs, strings.ToUpper(t.Name)):
			return t
		}
	}
	return tokens[len(tokens)-1]
}
