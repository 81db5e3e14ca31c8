package program

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"millwright/internal/table"
)

// A Bound is a program with values for its slots, ready for the engine.
type Bound struct {
	SQL    string         // one statement; parameters are $name, each with its type
	Args   map[string]any // by parameter name: nil, bool, int64, float64, string, or []any of strings
	Values map[string]any // of every slot, defaults included, as they were understood

	source string
	moves  []move
}

// Untyped is a value from where every value is a text: a query string, or a command
// line. There null is spelled as a text, so that a slot which takes any text needs
// another spelling of the texts that mean null: of an optional one, "" and "null"
// leave it out, and "" and "null", with the quotes, are the texts themselves.
type Untyped string

// A move is where a placeholder went.
type move struct{ pos, end, boundPos, boundEnd int }

// Source returns where in the program's own SQL that place of the bound SQL is:
// what engines say of a statement is of the bound one, and people read theirs.
func (b Bound) Source(line, column int) (int, int) {
	offset := offsetOf(b.SQL, line, column)
	shift := 0
	for _, m := range b.moves {
		if offset < m.boundPos {
			break
		}
		if offset < m.boundEnd {
			return Position(b.source, m.pos)
		}
		shift = m.end - m.boundEnd
	}
	return Position(b.source, offset+shift)
}

// Bind gives each slot its value, or its default where values has none, and
// returns the SQL with the rendered slots in place and the others typed: $n
// becomes CAST($n AS BIGINT), because a parameter has no type of its own.
//
// Values are what JSON holds, or a query string, as [Untyped]: texts such as "10"
// and "true" are read as the slot's type. JSON's null leaves an optional slot out,
// and so do the texts "" and "null", except where the slot takes any text. A name
// without a slot, a missing value and a value that does not fit are errs.Invalid
// of type "slot-invalid", each with a field /slots/{name}. A program that does
// not pass [Check] does not bind.
//
// A timestamp becomes a UTC time without a zone, so the engine's own zone must
// be UTC too.
func Bind(p Program, values map[string]any) (Bound, error) {
	tokens, err := check(p)
	if err != nil {
		return Bound{}, err
	}
	var found problems
	checkNames(p.Slots, values, &found)
	b := Bound{Args: map[string]any{}, Values: map[string]any{}}
	for _, s := range p.Slots {
		given, ok := values[s.Name]
		given = s.typed(given)
		if given = single(s, given); !ok || s.Default != nil && s.isAbsent(given) {
			given = s.Default
		}
		value, f := s.coerce(given)
		if f != nil {
			found.slot(pointer("slots", s.Name), fmt.Sprintf("slot %q %s", s.Name, f.msg), f.fixes...)
			continue
		}
		b.Values[s.Name] = value
		if !s.Type.IsRendered() {
			b.Args[s.Name] = value
		}
	}
	if err := found.err(); err != nil {
		return Bound{}, err
	}
	b.render(p, tokens)
	return b, nil
}

// Example returns a value for every slot that has no default and must have one,
// so that a program can be checked by the engine before anybody runs it.
func Example(p Program) map[string]any {
	values := map[string]any{}
	for _, s := range p.Slots {
		if !s.Required {
			continue
		}
		if choices := s.Choices(); choices != nil {
			values[s.Name] = choices[0]
			if s.Type == ValueList {
				values[s.Name] = []any{choices[0]}
			}
			continue
		}
		values[s.Name] = map[SlotType]any{
			Enum: "text", String: "text", Boolean: true,
			Date: "2000-01-01", Timestamp: "2000-01-01", ValueList: []any{"text"},
		}[s.Type]
		if s.Type == Integer || s.Type == Number {
			values[s.Name] = inRange(s)
		}
	}
	return values
}

func inRange(s Slot) float64 {
	switch {
	case s.Min != nil:
		return *s.Min
	case s.Max != nil:
		return *s.Max
	}
	return 1
}

func checkNames(slots []Slot, values map[string]any, found *problems) {
	names := make([]string, len(slots))
	for i, s := range slots {
		names[i] = s.Name
	}
	var unknown []string
	for name := range values {
		if !slices.Contains(names, name) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		fix := suggestion(name, names)
		if len(names) == 0 {
			fix = "leave it out; this program has no slots"
		}
		found.slot(pointer("slots", name), fmt.Sprintf("there is no slot %q", cut(name)), fix)
	}
}

// render replaces every placeholder. What lies between them stays as it is.
func (b *Bound) render(p Program, tokens []Token) {
	byName := map[string]Slot{}
	for _, s := range p.Slots {
		byName[s.Name] = s
	}
	var out strings.Builder
	from := 0
	for i, t := range tokens {
		s, ok := byName[t.Name]
		if !ok || t.Kind != Param && t.Kind != Placeholder && t.Kind != Text || t.Kind == Text && !s.Type.IsRendered() {
			continue
		}
		out.WriteString(p.SQL[from:t.Pos])
		text := s.written(b.Values[s.Name], tokens[:i+1])
		// Our text must not grow together with a neighbour's.
		if n := out.Len(); n > 0 && joins(out.String()[n-1]) && joins(text[0]) {
			out.WriteByte(' ')
		}
		b.moves = append(b.moves, move{t.Pos, t.End, out.Len(), out.Len() + len(text)})
		out.WriteString(text)
		if t.End < len(p.SQL) && joins(p.SQL[t.End]) && joins(text[len(text)-1]) {
			out.WriteByte(' ')
		}
		from = t.End
	}
	out.WriteString(p.SQL[from:tokens[len(tokens)-1].End])
	b.source, b.SQL = p.SQL, out.String()
}

// written returns what stands in the place of the last token, which is one of
// the slot's.
func (s Slot) written(value any, tokens []Token) string {
	before, t := tokens[:len(tokens)-1], tokens[len(tokens)-1]
	switch t.Kind {
	case Param:
		text := "CAST($" + s.Name + " AS " + s.sqlType() + ")"
		// INTERVAL takes a number or brackets, and no expression.
		if len(before) > 0 && before[len(before)-1].Is("INTERVAL") {
			text = "(" + text + ")"
		}
		return text
	case Text:
		return table.QuoteText(value.(string))
	}
	return s.render(value.(string), afterAmount(before))
}

// joins reports whether the byte, next to one like it, could be part of one token.
func joins(c byte) bool {
	return isWordStart(c) || isDigit(c) || c >= utf8.RuneSelf || strings.IndexByte(`"'$`, c) >= 0
}

// afterAmount reports whether the tokens end in the amount of INTERVAL amount unit.
func afterAmount(tokens []Token) bool {
	if len(tokens) == 0 {
		return false
	}
	last := tokens[len(tokens)-1]
	if last.Kind == Text {
		return len(tokens) > 1 && tokens[len(tokens)-2].Is("INTERVAL")
	}
	return last.Kind == Digits || last.Kind == Param || last.IsSymbol(")")
}

// render returns the SQL for a choice of a {{name}} slot.
func (s Slot) render(choice string, afterAmount bool) string {
	switch s.Type {
	case Column:
		expression, ok := s.Expressions[choice]
		if !ok {
			return table.Quote(choice)
		}
		// A comment at the end would swallow our bracket.
		tokens, _ := checkExpression(expression)
		return "(" + expression[tokens[0].Pos:tokens[len(tokens)-1].End] + ")"
	case Grain:
		if !afterAmount {
			return table.QuoteText(choice)
		}
	}
	return strings.ToUpper(choice)
}

// sqlType returns the engine's type for a bound slot.
func (s Slot) sqlType() string {
	switch s.Type {
	case Enum:
		return enumKind(s.Values).sqlType()
	case Integer:
		return "BIGINT"
	case Number:
		return "DOUBLE"
	case Boolean:
		return "BOOLEAN"
	case Date:
		return "DATE"
	case Timestamp:
		return "TIMESTAMP"
	case ValueList:
		return "VARCHAR[]"
	}
	return "VARCHAR"
}
