package program

import (
	"strings"
	"unicode/utf8"

	"millwright/internal/errs"
)

// A TokenKind is the kind of a [Token].
type TokenKind int

// The kinds of token. Spaces and comments are no tokens.
const (
	Word        TokenKind = iota // a keyword or a bare identifier
	Quoted                       // "an identifier"
	Text                         // a string: '…', E'…', x'…', $$…$$
	Digits                       // a number
	Param                        // $name
	Placeholder                  // {{name}}
	Symbol                       // any other single character
)

// A Token is a piece of SQL text.
type Token struct {
	Kind TokenKind
	Name string // Word and Quoted: the identifier, without quotes; Param and Placeholder: the slot; Text: the slot if the whole text is '{{slot}}'; Symbol: the character
	Pos  int    // byte offset of the first byte
	End  int    // byte offset after the last byte
}

// Is reports whether t is the keyword, regardless of case.
func (t Token) Is(keyword string) bool {
	return t.Kind == Word && strings.EqualFold(t.Name, keyword)
}

// IsSymbol reports whether t is that character.
func (t Token) IsSymbol(char string) bool { return t.Kind == Symbol && t.Name == char }

// IsName reports whether t can be an identifier.
func (t Token) IsName() bool { return t.Kind == Word || t.Kind == Quoted }

// Tokens splits SQL the way the engine's own scanner does, so that a quote, a
// comment or a dollar-quoted text hides from us exactly what it hides from the
// engine. It fails with errs.Invalid and the position if something is not closed,
// or is a placeholder that we do not know.
func Tokens(sql string) ([]Token, error) {
	s := &scanner{sql: sql}
	if !utf8.ValidString(sql) || strings.Contains(sql, "\x00") {
		return nil, errs.New(errs.Invalid, "the SQL holds bytes that are not text (invalid UTF-8 or NUL)").
			Named("sql-invalid").At("/code").Fix("paste the statement again as plain text")
	}
	for {
		if err := s.skip(); err != nil {
			return nil, err
		}
		if s.at >= len(sql) {
			return s.tokens, nil
		}
		if err := s.next(); err != nil {
			return nil, err
		}
	}
}

type scanner struct {
	sql    string
	at     int
	tokens []Token
}

func (s *scanner) rest() string { return s.sql[s.at:] }

func (s *scanner) add(kind TokenKind, name string, end int) {
	s.tokens = append(s.tokens, Token{Kind: kind, Name: name, Pos: s.at, End: end})
	s.at = end
}

// skip moves past spaces and comments.
func (s *scanner) skip() error {
	for s.at < len(s.sql) {
		rest := s.rest()
		switch {
		case spaceLen(rest) > 0:
			s.at += spaceLen(rest)
		case strings.HasPrefix(rest, "--"):
			if end := strings.IndexAny(rest, "\r\n"); end >= 0 {
				s.at += end
			} else {
				s.at = len(s.sql)
			}
		case strings.HasPrefix(rest, "/*"):
			n := commentLen(rest)
			if n < 0 {
				return sqlError(s.sql, s.at, "the comment that begins here is not closed").Fix("end it with */")
			}
			s.at += n
		default:
			return nil
		}
	}
	return nil
}

func (s *scanner) next() error {
	rest := s.rest()
	c := rest[0]
	switch {
	case c == '\'':
		return s.text(1, false)
	case (c == 'e' || c == 'E') && strings.HasPrefix(rest[1:], "'"):
		return s.text(2, true)
	case strings.IndexByte("bBnNxX", c) >= 0 && strings.HasPrefix(rest[1:], "'"):
		return s.text(2, false)
	case c == '"':
		return s.quoted()
	case c == '$':
		return s.dollar()
	case strings.HasPrefix(rest, "{{"):
		return s.placeholder()
	case isDigit(c), c == '.' && len(rest) > 1 && isDigit(rest[1]):
		s.add(Digits, "", s.at+numberLen(rest))
	case isWordStart(c):
		n := wordLen(rest, true)
		s.add(Word, rest[:n], s.at+n)
	case c == '?':
		return sqlError(s.sql, s.at, "positional parameters are not supported").
			Fix("write $name and add a slot of that name")
	default:
		_, n := utf8.DecodeRuneInString(rest)
		s.add(Symbol, rest[:n], s.at+n)
	}
	return nil
}

// text reads a string whose opening, with its prefix, is skip bytes long.
func (s *scanner) text(skip int, escapes bool) error {
	rest := s.rest()
	for i := skip; i < len(rest); i++ {
		switch {
		case escapes && rest[i] == '\\':
			i++
		case rest[i] != '\'':
		case i+1 < len(rest) && rest[i+1] == '\'':
			i++
		default:
			name := ""
			if skip == 1 {
				name, _ = slotInside(rest[skip:i])
			}
			s.add(Text, name, s.at+i+1)
			return nil
		}
	}
	return sqlError(s.sql, s.at, "the text that begins here is not closed").Fix("end it with a single quote")
}

func (s *scanner) quoted() error {
	rest := s.rest()
	for i := 1; i < len(rest); i++ {
		switch {
		case rest[i] != '"':
		case i+1 < len(rest) && rest[i+1] == '"':
			i++
		default:
			s.add(Quoted, strings.ReplaceAll(rest[1:i], `""`, `"`), s.at+i+1)
			return nil
		}
	}
	return sqlError(s.sql, s.at, "the quoted name that begins here is not closed").Fix("end it with a double quote")
}

// dollar reads $name, or a text between $tag$ and $tag$.
func (s *scanner) dollar() error {
	rest := s.rest()
	n := 0
	if len(rest) > 1 && isWordStart(rest[1]) {
		n = wordLen(rest[1:], false)
	}
	if len(rest) > 1+n && rest[1+n] == '$' {
		tag := rest[:n+2]
		end := strings.Index(rest[len(tag):], tag)
		if end < 0 {
			return sqlError(s.sql, s.at, "the text that begins here with %s is not closed", tag).Fix("end it with " + tag)
		}
		s.add(Text, "", s.at+len(tag)+end+len(tag))
		return nil
	}
	if n == 0 {
		return sqlError(s.sql, s.at, "a value slot is a $ and a name, such as $status").
			Fix("name the parameter; $1 and a $ on its own are not supported")
	}
	s.add(Param, rest[1:1+n], s.at+1+n)
	return nil
}

func (s *scanner) placeholder() error {
	rest := s.rest()
	if end := strings.Index(rest, "}}"); end >= 0 {
		if name, ok := slotInside(rest[:end+2]); ok {
			s.add(Placeholder, name, s.at+end+2)
			return nil
		}
	}
	return sqlError(s.sql, s.at, "a column, aggregate, grain or order slot is written {{name}}, and this is not").
		Fix("use lower-case letters, digits and _ between {{ and }}")
}

// slotInside returns the name if text is exactly {{name}}, spaces aside.
func slotInside(text string) (string, bool) {
	inner, ok := strings.CutPrefix(text, "{{")
	if !ok {
		return "", false
	}
	if inner, ok = strings.CutSuffix(inner, "}}"); !ok {
		return "", false
	}
	inner = strings.Trim(inner, " \t")
	return inner, isSlotName(inner)
}

// commentLen returns the length of the comment, comments inside it included;
// -1 if it is not closed.
func commentLen(text string) int {
	depth := 0
	for i := 0; i+1 < len(text); i++ {
		switch text[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// spaceLen returns the length of the space that text begins with; 0 if none.
// The engine takes these Unicode spaces for spaces too.
func spaceLen(text string) int {
	switch text[0] {
	case ' ', '\t', '\n', '\r', '\v', '\f':
		return 1
	}
	if text[0] < utf8.RuneSelf {
		return 0
	}
	r, n := utf8.DecodeRuneInString(text)
	switch {
	case r == 0x00A0, r >= 0x2000 && r <= 0x200B, r == 0x202F, r == 0x205F, r == 0x3000, r == 0xFEFF:
		return n
	}
	return 0
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isWordStart(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c >= utf8.RuneSelf
}

// wordLen returns the length of the identifier that text begins with. An
// identifier may hold a $ after its first character; a parameter's name may not.
func wordLen(text string, dollar bool) int {
	i := 0
	for i < len(text) {
		c := text[i]
		if !isWordStart(c) && !isDigit(c) && !(dollar && c == '$') || spaceLen(text[i:]) > 0 {
			break
		}
		i++
		for i < len(text) && !utf8.RuneStart(text[i]) {
			i++
		}
	}
	return i
}

func numberLen(text string) int {
	i := 0
	digits := func() {
		for i < len(text) && (isDigit(text[i]) || text[i] == '_') {
			i++
		}
	}
	digits()
	if i < len(text) && text[i] == '.' {
		i++
		digits()
	}
	if i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		exp := i + 1
		if exp < len(text) && (text[exp] == '+' || text[exp] == '-') {
			exp++
		}
		if exp < len(text) && isDigit(text[exp]) {
			i = exp
			digits()
		}
	}
	return i
}
