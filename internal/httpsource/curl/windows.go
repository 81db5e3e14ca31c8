package curl

import (
	"regexp"
	"strings"
)

// isPrompt reports whether a command is written for the Windows command prompt,
// where ^ escapes a character or the end of a line.
func isPrompt(command string) bool {
	return regexp.MustCompile(`\^[ \t]*\r?\n|(^|[ \t\n])\^"`).MatchString(command)
}

// unescapePrompt does what the prompt does before a program sees its arguments:
// outside quotes, ^ is removed and makes the next character an ordinary one.
func unescapePrompt(command string) string {
	command = strings.ReplaceAll(command, "\r\n", "\n")
	var b strings.Builder
	quoted := false
	for i := 0; i < len(command); i++ {
		c := command[i]
		switch {
		case c == '"':
			quoted = !quoted
		case c == '^' && !quoted:
			rest := strings.TrimLeft(command[i+1:], " \t")
			switch {
			// Browsers write a line break inside a value as ^ and two of them.
			case strings.HasPrefix(rest, "\n\n"):
				b.WriteByte('\n')
				i = len(command) - len(rest) + 1
				continue
			case strings.HasPrefix(rest, "\n"):
				b.WriteByte(' ')
				i = len(command) - len(rest)
				continue
			case i+1 < len(command):
				i++
				b.WriteByte(command[i])
				continue
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}

// splitWindows divides a command the way Windows programs do: only double quotes
// count, \" is a quote, and "" inside quotes is one too.
func (p *parser) splitWindows(command string) ([]word, error) {
	var words []word
	for i := 0; ; {
		for i < len(command) && strings.IndexByte(" \t\n\r", command[i]) >= 0 {
			i++
		}
		if i >= len(command) {
			return words, nil
		}
		if len(words) > maxWords {
			return nil, wrong("curl-too-long", "the command has more than %d words", maxWords).Fix("shorten it")
		}
		w, end, closed := windowsWord(command, i)
		if !closed {
			return nil, unclosed(i)
		}
		if w.bare && strings.Trim(w.text, "&|") == "" {
			p.note(Ignored, "only the first command is read; what follows it is left out")
			return words, nil
		}
		words, i = append(words, w), end
	}
}

// windowsWord reads the word at i. It reports whether its quotes are closed.
func windowsWord(command string, i int) (w word, end int, closed bool) {
	var b strings.Builder
	w = word{at: i, bare: true}
	quoted := false
	for ; i < len(command); i++ {
		c := command[i]
		if !quoted && strings.IndexByte(" \t\n\r", c) >= 0 {
			break
		}
		switch {
		case c == '\\':
			n := 0
			for i+n < len(command) && command[i+n] == '\\' {
				n++
			}
			// Backslashes count in pairs only before a quote.
			if i+n < len(command) && command[i+n] == '"' {
				b.WriteString(strings.Repeat(`\`, n/2))
				if n%2 == 0 {
					i += n - 1
					continue
				}
				b.WriteByte('"')
				i += n
				continue
			}
			b.WriteString(strings.Repeat(`\`, n))
			i += n - 1
		case c == '"' && quoted && i+1 < len(command) && command[i+1] == '"':
			b.WriteByte('"')
			i++
		case c == '"':
			quoted, w.bare = !quoted, false
		default:
			b.WriteByte(c)
		}
	}
	w.text = b.String()
	return w, i, !quoted
}
