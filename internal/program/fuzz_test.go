package program_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"millwright/internal/program"
	"millwright/internal/table"
)

// Tokens lie in order, do not overlap, and only spaces and comments lie between.
func FuzzTokens(f *testing.F) {
	for _, sql := range []string{
		"SELECT 1", "SELECT 'a''b', E'a\\'b', $$x$$, $t$ $x $t$", `SELECT "a""b"."c"`, "/* a /* b */ c */ SELECT -- x\n 1",
		"SELECT $n, {{ dim }}, '{{dim}}'", "SELECT 1.5e-3, .5, 1_000, 0x1F", "SELECT\u00a01\u3000,\u200b2", "a$b $a$b$a$", "{{", "$", "'", "/*", "E'\\", "{{a}}}}",
	} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		tokens, err := program.Tokens(sql)
		if err != nil {
			return
		}
		end := 0
		for _, token := range tokens {
			if token.Pos < end || token.End <= token.Pos || token.End > len(sql) {
				t.Fatalf("%q: token %+v after byte %d", sql, token, end)
			}
			between(t, sql[end:token.Pos])
			again, err := program.Tokens(sql[token.Pos:token.End])
			if err != nil || len(again) != 1 || again[0].Kind != token.Kind {
				t.Fatalf("%q: token %q on its own reads as %v, %v", sql, sql[token.Pos:token.End], again, err)
			}
			end = token.End
		}
		between(t, sql[end:])
	})
}

func between(t *testing.T, gap string) {
	t.Helper()
	if tokens, err := program.Tokens(gap); err != nil || len(tokens) > 0 {
		t.Fatalf("%q lies between tokens: %v, %v", gap, tokens, err)
	}
}

// Whatever a caller sends, the SQL is one of those that the program's own lists
// allow, and the value is an argument.
func FuzzBind(f *testing.F) {
	for _, value := range []string{
		"country", "status", "paid", "10", "-1", "1e3", "true", "null", "", "2026-01-31", "2026-01-31T00:00:00Z", `["a","b"]`, "a,b",
		`country" FROM secrets --`, "sum) FROM x --", "'; DROP TABLE orders; --", "month'", "9223372036854775808", "NaN", "0x1p-2", "\x00", "\xff", "COUNTRY",
	} {
		f.Add("dim", value)
		f.Add("n", value)
	}
	p := everySlot()
	allowed := map[string]bool{}
	for _, dim := range []string{"country", `od"d`} {
		for _, grain := range []string{"day", "month"} {
			for _, agg := range []string{"sum", "avg"} {
				for _, order := range []string{"asc", "desc"} {
					b, err := program.Bind(p, map[string]any{"dim": dim, "grain": grain, "agg": agg, "order": order})
					if err != nil {
						f.Fatal(err)
					}
					allowed[b.SQL] = true
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		for _, v := range []any{value, program.Untyped(value), []any{program.Untyped(value)}} {
			b, err := program.Bind(p, map[string]any{name: v})
			if err == nil && !allowed[b.SQL] {
				t.Fatalf("%s=%q made new SQL: %s", name, value, b.SQL)
			}
		}
	})
}

func everySlot() program.Program {
	return program.Program{
		SQL: `SELECT {{dim}}, {{agg}}(x), date_trunc({{grain}}, t) FROM o WHERE $i = 1 AND $n = 1 AND $s = '' AND $b AND $d = d AND $t = t AND s IN $l AND $e = e ORDER BY 1 {{order}}`,
		Slots: []program.Slot{
			{Name: "dim", Type: program.Column, Default: "country", Values: []any{"country", `od"d`}},
			{Name: "agg", Type: program.Aggregate, Default: "sum", Values: []any{"sum", "avg"}},
			{Name: "grain", Type: program.Grain, Default: "day", Values: []any{"day", "month"}},
			{Name: "order", Type: program.Order, Default: "asc"},
			{Name: "i", Type: program.Integer}, {Name: "n", Type: program.Number}, {Name: "s", Type: program.String},
			{Name: "b", Type: program.Boolean}, {Name: "d", Type: program.Date}, {Name: "t", Type: program.Timestamp},
			{Name: "l", Type: program.ValueList}, {Name: "e", Type: program.Enum, Values: []any{"paid", "open"}},
		},
	}
}

// A column name, whatever it holds, stays one identifier between its neighbours;
// inside quotes it stays one text.
func FuzzQuoting(f *testing.F) {
	for _, name := range []string{"a", `a"b`, `"`, `""`, "a'b", "--", "/*", "*/", "$$", "$a$", "{{x}}", ";", "\x00", "a\nb", "\u00a0", "é", `\`, "'}}"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		p := program.Program{
			SQL:   `SELECT a{{dim}}b, '{{dim}}', {{dim}}{{dim}} FROM t`,
			Slots: []program.Slot{{Name: "dim", Type: program.Column, Default: name, Values: []any{name}}},
		}
		b, err := program.Bind(p, nil)
		if err != nil {
			if name != "" && utf8.ValidString(name) {
				t.Fatalf("%q is refused: %v", name, err)
			}
			return
		}
		tokens, err := program.Tokens(b.SQL)
		if err != nil {
			t.Fatalf("%q makes %s: %v", name, b.SQL, err)
		}
		var kinds []program.TokenKind
		want := strings.ReplaceAll(name, "\x00", "\uFFFD")
		for _, token := range tokens {
			kinds = append(kinds, token.Kind)
			if token.Kind == program.Quoted && token.Name != want {
				t.Fatalf("%q became the identifier %q", name, token.Name)
			}
			if token.Kind == program.Text && b.SQL[token.Pos:token.End] != table.QuoteText(name) {
				t.Fatalf("%q became the text %s", name, b.SQL[token.Pos:token.End])
			}
		}
		const w, q, x, s = program.Word, program.Quoted, program.Text, program.Symbol
		if got, want := kinds, []program.TokenKind{w, w, q, w, s, x, s, q, q, w, w}; string(runes(got)) != string(runes(want)) {
			t.Fatalf("%q makes %s", name, b.SQL)
		}
	})
}

func runes(kinds []program.TokenKind) []rune {
	all := make([]rune, len(kinds))
	for i, k := range kinds {
		all[i] = rune('0' + k)
	}
	return all
}

// An expression stays inside its brackets.
func FuzzExpression(f *testing.F) {
	for _, sql := range []string{`"a"."b"`, "a -- x", "1) FROM t --", "'", "a /* ", "TRY_CAST(a AS DOUBLE)", "(", ")", "a;b", "[1", "$n", "{{n}}"} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		p := program.Program{
			SQL: `SELECT {{dim}} FROM t`,
			Slots: []program.Slot{{Name: "dim", Type: program.Column, Default: "a", Values: []any{"a"},
				Expressions: map[string]string{"a": sql}}},
		}
		b, err := program.Bind(p, nil)
		if err != nil {
			return
		}
		tokens, err := program.Tokens(b.SQL)
		if err != nil {
			t.Fatalf("%q makes %s: %v", sql, b.SQL, err)
		}
		depth := 0
		for i, token := range tokens[1 : len(tokens)-2] {
			switch {
			case token.IsSymbol("("):
				depth++
			case token.IsSymbol(")"):
				depth--
			}
			if depth == 0 && i < len(tokens)-4 {
				t.Fatalf("%q leaves its brackets in %s", sql, b.SQL)
			}
		}
		if last := tokens[len(tokens)-2:]; !last[0].Is("FROM") || !last[1].Is("t") || depth != 0 {
			t.Fatalf("%q swallows the rest of %s", sql, b.SQL)
		}
	})
}
