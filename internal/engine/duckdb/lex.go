package duckdb

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

type tokenKind byte

const (
	tokWord    tokenKind = iota // keyword or bare identifier
	tokIdent                    // "quoted identifier"; text without the quotes
	tokString                   // 'text', E'text', $$text$$
	tokParam                    // $name; text without the dollar
	tokOrdinal                  // ? or $1
	tokNumber
	tokSymbol // one character of anything else
)

type token struct {
	kind tokenKind
	text string
	pos  int // byte offset in the statement
	end  int
}

// lex splits a statement as DuckDB does: comments and white space vanish,
// strings and quoted names are one token each, whatever they hold.
func lex(sql string) ([]token, error) {
	l := &lexer{sql: sql}
	var tokens []token
	for {
		if err := l.skip(); err != nil {
			return nil, err
		}
		if l.pos >= len(sql) {
			return tokens, nil
		}
		start := l.pos
		t, err := l.token()
		if err != nil {
			return nil, err
		}
		t.pos, t.end = start, l.pos
		tokens = append(tokens, t)
	}
}

type lexer struct {
	sql string
	pos int
}

// skip moves past white space and comments.
func (l *lexer) skip() error {
	for l.pos < len(l.sql) {
		rest := l.sql[l.pos:]
		r, size := utf8.DecodeRuneInString(rest)
		switch {
		case isSpace(r):
			l.pos += size
		case strings.HasPrefix(rest, "--"):
			end := strings.IndexAny(rest, "\r\n")
			if end < 0 {
				end = len(rest)
			}
			l.pos += end
		case strings.HasPrefix(rest, "/*"):
			if err := l.blockComment(); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	return nil
}

// blockComment skips a comment; comments nest.
func (l *lexer) blockComment() error {
	start := l.pos
	depth := 0
	for l.pos < len(l.sql) {
		switch rest := l.sql[l.pos:]; {
		case strings.HasPrefix(rest, "/*"):
			depth++
			l.pos += 2
		case strings.HasPrefix(rest, "*/"):
			depth--
			l.pos += 2
			if depth == 0 {
				return nil
			}
		default:
			l.pos++
		}
	}
	return syntaxError(l.sql, start, "a comment that begins here does not end")
}

func (l *lexer) token() (token, error) {
	rest := l.sql[l.pos:]
	c := rest[0]
	switch {
	case c == '\'':
		return token{kind: tokString}, l.quoted('\'', false)
	case (c == 'e' || c == 'E') && strings.HasPrefix(rest[1:], "'"):
		l.pos++
		return token{kind: tokString}, l.quoted('\'', true)
	case c == '"':
		start := l.pos + 1
		if err := l.quoted('"', false); err != nil {
			return token{}, err
		}
		return token{kind: tokIdent, text: strings.ReplaceAll(l.sql[start:l.pos-1], `""`, `"`)}, nil
	case c == '$':
		return l.dollar()
	case c == '?':
		l.pos++
		return token{kind: tokOrdinal}, nil
	case isDigit(c):
		return l.number(), nil
	case isWordStart(c):
		n := identLen(rest)
		l.pos += n
		return token{kind: tokWord, text: rest[:n]}, nil
	}
	l.pos++
	return token{kind: tokSymbol, text: rest[:1]}, nil
}

// quoted skips a quoted token; a doubled quote stands for itself.
func (l *lexer) quoted(quote byte, backslash bool) error {
	start := l.pos
	l.pos++
	for l.pos < len(l.sql) {
		switch c := l.sql[l.pos]; {
		case backslash && c == '\\':
			l.pos += 2
		case c == quote && strings.HasPrefix(l.sql[l.pos+1:], string(quote)):
			l.pos += 2
		case c == quote:
			l.pos++
			return nil
		default:
			l.pos++
		}
	}
	l.pos = len(l.sql)
	return syntaxError(l.sql, start, "a quote that opens here does not close")
}

// dollar reads $name, $1, $$text$$ or $tag$text$tag$.
func (l *lexer) dollar() (token, error) {
	start := l.pos
	rest := l.sql[l.pos+1:]
	n := wordLen(rest)
	if n < len(rest) && rest[n] == '$' && (n == 0 || !isDigit(rest[0])) {
		tag := l.sql[l.pos : l.pos+n+2]
		end := strings.Index(l.sql[l.pos+len(tag):], tag)
		if end < 0 {
			l.pos = len(l.sql)
			return token{}, syntaxError(l.sql, start, "a quote that opens here does not close")
		}
		l.pos += len(tag) + end + len(tag)
		return token{kind: tokString}, nil
	}
	l.pos += 1 + n
	if n == 0 || isDigit(rest[0]) {
		return token{kind: tokOrdinal}, nil
	}
	return token{kind: tokParam, text: rest[:n]}, nil
}

// number reads digits, points and exponents; what else hangs on is DuckDB's to refuse.
func (l *lexer) number() token {
	start := l.pos
	for l.pos < len(l.sql) {
		c := l.sql[l.pos]
		sign := (c == '+' || c == '-') && (l.sql[l.pos-1] == 'e' || l.sql[l.pos-1] == 'E') && !strings.HasPrefix(l.sql[start:], "0x")
		if !isDigit(c) && !isWordStart(c) && c != '.' && !sign {
			break
		}
		l.pos++
	}
	return token{kind: tokNumber, text: l.sql[start:l.pos]}
}

// identLen counts the bytes of a bare identifier, which may hold dollars.
func identLen(s string) int {
	n := 0
	for {
		n += wordLen(s[n:])
		if n == 0 || n >= len(s) || s[n] != '$' {
			return n
		}
		n++
	}
}

// wordLen counts the bytes of an identifier at the start of s. As in DuckDB,
// every byte beyond ASCII belongs to identifiers, but for white space.
func wordLen(s string) int {
	n := 0
	for n < len(s) {
		if s[n] < utf8.RuneSelf {
			if !isWordStart(s[n]) && !isDigit(s[n]) {
				break
			}
			n++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[n:])
		if isSpace(r) {
			break
		}
		n += size
	}
	return n
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWordStart(c byte) bool {
	return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= utf8.RuneSelf
}

// isSpace knows the Unicode spaces that DuckDB turns into plain ones.
func isSpace(r rune) bool {
	switch r {
	case ' ', '\t', '\n', '\r', '\f', '\v', 0xA0, 0x1680, 0x202F, 0x205F, 0x3000, 0x200B, 0x2060, 0xFEFF:
		return true
	}
	return r >= 0x2000 && r <= 0x200A
}

// lineColumn converts a byte offset to a line and a column, both from 1; the
// column counts characters.
func lineColumn(sql string, pos int) (line, column int) {
	pos = max(0, min(pos, len(sql)))
	before := sql[:pos]
	line = strings.Count(before, "\n") + 1
	return line, utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
}

func at(sql string, pos int) string {
	line, column := lineColumn(sql, pos)
	return fmt.Sprintf("line %d, column %d", line, column)
}
