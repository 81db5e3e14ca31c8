package curl

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// A word is one argument as the program would get it.
type word struct {
	text string
	at   int // where it begins in the command, in bytes
	bare bool
}

// split divides a command into words.
func (p *parser) split(command string) ([]word, error) {
	if isPrompt(command) {
		return p.splitWindows(unescapePrompt(command))
	}
	l := &lexer{parser: p, text: strings.ReplaceAll(command, "\r\n", "\n")}
	for {
		more, err := l.next()
		if err != nil {
			return nil, err
		}
		if !more {
			return l.words, nil
		}
		if len(l.words) > maxWords {
			return nil, wrong("curl-too-long", "the command has more than %d words", maxWords).Fix("shorten it")
		}
	}
}

// A lexer reads POSIX shell quoting.
type lexer struct {
	*parser
	text  string
	i     int
	words []word
}

// blank skips blanks, comments and continued lines. It reports false at the end
// of the command.
func (l *lexer) blank() bool {
	for l.i < len(l.text) {
		rest := l.text[l.i:]
		switch {
		case rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\r' || strings.HasPrefix(rest, "\u00a0"):
			_, n := utf8.DecodeRuneInString(rest)
			l.i += n
		case continued(rest) > 0:
			l.i += continued(rest)
		case rest[0] == '#' && len(l.words) > 0:
			l.i += len(rest)
			if end := strings.IndexByte(rest, '\n'); end >= 0 {
				l.i += end - len(rest)
			}
		case rest[0] == '\n':
			if !l.line() {
				return false
			}
		default:
			return true
		}
	}
	return false
}

// continued returns the length of a line's escaped end. Blanks after the
// backslash are a common accident of pasting; PowerShell ends lines with a
// backquote.
func continued(rest string) int {
	if rest[0] != '\\' && rest[0] != '`' {
		return 0
	}
	tail := strings.TrimLeft(rest[1:], " \t\r")
	if tail == "" || tail[0] != '\n' {
		return 0
	}
	return len(rest) - len(tail) + 1
}

// line reads the end of a line. The command goes on if nothing was said so far
// or the next line begins with an option.
func (l *lexer) line() bool {
	rest := strings.TrimLeft(l.text[l.i:], " \t\r\n")
	switch {
	case rest == "":
		return false
	case len(l.words) == 0:
	case rest[0] == '-':
		l.note(Changed, "a line that begins with an option is read as part of the command before it")
	case strings.HasPrefix(rest, "#"):
	default:
		l.note(Ignored, "only the first command is read; what follows it is left out")
		return false
	}
	l.i = len(l.text) - len(rest)
	return true
}

// next reads one word and reports whether the command goes on.
func (l *lexer) next() (bool, error) {
	if !l.blank() {
		return false, nil
	}
	if done, skipped := l.operator(); done || skipped {
		return !done, nil
	}
	var b strings.Builder
	w := word{at: l.i, bare: true}
	for l.i < len(l.text) && !l.wordEnds() {
		if err := l.piece(&b, &w); err != nil {
			return false, err
		}
	}
	w.text = b.String()
	l.words = append(l.words, w)
	return true, nil
}

func (l *lexer) wordEnds() bool {
	rest := l.text[l.i:]
	switch rest[0] {
	case ' ', '\t', '\n', '\r', '|':
		return true
	case '>', '<':
		return true
	case ';', '&':
		// People forget to quote addresses that hold an ampersand.
		return len(rest) == 1 || strings.IndexByte(" \t\n\r&;|>", rest[1]) >= 0
	}
	return continued(rest) > 0
}

// operator reads what stands between commands. It reports whether the command
// ends here, or a redirection was skipped.
func (l *lexer) operator() (done, skipped bool) {
	rest := l.text[l.i:]
	switch {
	case strings.HasPrefix(rest, "2>") || strings.HasPrefix(rest, "1>") || strings.HasPrefix(rest, "&>"):
		l.i++
	case rest[0] == '>' || rest[0] == '<':
	case rest[0] == '|' || rest[0] == ';' || rest[0] == '&':
		if strings.TrimLeft(rest, "|;& \t\r\n") != "" {
			l.note(Ignored, "only the first command is read; what follows it is left out")
		}
		return true, false
	default:
		return false, false
	}
	l.note(Ignored, "redirections are left out")
	l.i += len(l.text[l.i:]) - len(strings.TrimLeft(l.text[l.i:], "<>&| \t"))
	for l.i < len(l.text) && !l.wordEnds() {
		l.i++
	}
	return false, true
}

// piece reads one quoted or unquoted part of a word.
func (l *lexer) piece(b *strings.Builder, w *word) error {
	rest := l.text[l.i:]
	start := l.i
	switch {
	case strings.HasPrefix(rest, "$'"):
		w.bare = false
		l.i += 2
		return l.ansi(b, start)
	case strings.HasPrefix(rest, `$"`):
		l.i++
		return l.piece(b, w)
	case rest[0] == '\'':
		w.bare = false
		end := strings.IndexByte(rest[1:], '\'')
		if end < 0 {
			return unclosed(start)
		}
		b.WriteString(rest[1 : end+1])
		l.i += end + 2
	case rest[0] == '"':
		w.bare = false
		l.i++
		return l.double(b, start)
	case rest[0] == '\\':
		l.i++
		if l.i < len(l.text) {
			l.rune(b)
		}
	case rest[0] == '$' || rest[0] == '`':
		return l.expansion(b)
	default:
		if q, ok := curly(rest); ok {
			return l.curly(b, w, q)
		}
		l.rune(b)
	}
	return nil
}

func (l *lexer) rune(b *strings.Builder) {
	_, n := utf8.DecodeRuneInString(l.text[l.i:])
	b.WriteString(l.text[l.i : l.i+n])
	l.i += n
}

// double reads the rest of a "quoted" part.
func (l *lexer) double(b *strings.Builder, start int) error {
	for l.i < len(l.text) {
		switch c := l.text[l.i]; {
		case c == '"':
			l.i++
			return nil
		case c == '\\' && l.i+1 < len(l.text) && strings.IndexByte("$`\"\\\n", l.text[l.i+1]) >= 0:
			if l.text[l.i+1] != '\n' {
				b.WriteByte(l.text[l.i+1])
			}
			l.i += 2
		case c == '$' || c == '`':
			if err := l.expansion(b); err != nil {
				return err
			}
		default:
			l.rune(b)
		}
	}
	return unclosed(start)
}

// expansion reads a variable, which stays as it is written, and refuses a
// substitution: what it stands for is only known where the command would run.
func (l *lexer) expansion(b *strings.Builder) error {
	rest := l.text[l.i:]
	if rest[0] == '`' || strings.HasPrefix(rest, "$(") {
		return wrong("curl-substitution", "at character %d another command is to be run and its output put in, which is not done here", l.i+1).
			Fix("replace it by its output")
	}
	name := strings.TrimPrefix(rest[1:], "{")
	n := 0
	for n < len(name) && (name[n] == '_' || name[n] >= 'a' && name[n] <= 'z' || name[n] >= 'A' && name[n] <= 'Z' || n > 0 && name[n] >= '0' && name[n] <= '9') {
		n++
	}
	if n > 0 && n < 60 {
		l.note(Missing, "the shell variable %s is not known here: put its value in its place", name[:n])
	}
	l.rune(b)
	return nil
}

// curly returns the closing quote for a typographic opening quote.
func curly(rest string) (string, bool) {
	for open, end := range map[string]string{"“": "”", "‘": "’", "„": "“"} {
		if strings.HasPrefix(rest, open) {
			return end, true
		}
	}
	return "", false
}

// curly reads a part in typographic quotes, which a text program made of plain
// ones.
func (l *lexer) curly(b *strings.Builder, w *word, end string) error {
	rest := l.text[l.i:]
	_, n := utf8.DecodeRuneInString(rest)
	stop := strings.Index(rest[n:], end)
	if stop < 0 {
		return unclosed(l.i)
	}
	l.note(Changed, "typographic quotes are read as plain ones")
	w.bare = false
	b.WriteString(rest[n : n+stop])
	l.i += n + stop + len(end)
	return nil
}

// ansi reads the rest of a $'quoted' part.
func (l *lexer) ansi(b *strings.Builder, start int) error {
	simple := map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', 'a': 7, 'b': 8, 'e': 27, 'E': 27, 'f': 12, 'v': 11, '\\': '\\', '\'': '\'', '"': '"', '?': '?'}
	for l.i < len(l.text) {
		c := l.text[l.i]
		if c == '\'' {
			l.i++
			return nil
		}
		if c != '\\' || l.i+1 >= len(l.text) {
			l.rune(b)
			continue
		}
		l.i++
		c = l.text[l.i]
		if plain, ok := simple[c]; ok {
			b.WriteByte(plain)
			l.i++
			continue
		}
		l.coded(b, c)
	}
	return unclosed(start)
}

// coded reads a character that is given by its number: \x41, \101, \u0041.
func (l *lexer) coded(b *strings.Builder, c byte) {
	base, most, from := 16, 0, l.i+1
	switch {
	case c == 'x':
		most = 2
	case c == 'u':
		most = 4
	case c == 'U':
		most = 8
	case c >= '0' && c <= '7':
		base, most, from = 8, 3, l.i
	}
	to := from
	for to < len(l.text) && to-from < most && digit(l.text[to], base) {
		to++
	}
	if most == 0 || to == from {
		b.WriteByte('\\')
		return
	}
	l.i = to
	n, err := strconv.ParseUint(l.text[from:to], base, 32)
	switch {
	case err != nil: // unreachable: at most eight digits
	case c == 'u' || c == 'U':
		b.WriteString(string(rune(n))) //nolint:gosec // at most 32 bits; what is no character becomes U+FFFD
	default:
		b.WriteByte(byte(n))
	}
}

func digit(c byte, base int) bool {
	_, err := strconv.ParseUint(string(rune(c)), base, 8)
	return err == nil && c < utf8.RuneSelf
}

func unclosed(start int) error {
	return wrong("curl-quote", "the quote that opens at character %d is not closed", start+1).
		Fix("paste the whole command", `write an apostrophe inside '…' as '\''`)
}
