package template

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"millwright/internal/profile"
)

// words splits a name into lower-case words: at punctuation, spaces and camel case.
func words(name string) []string {
	var out []string
	var word []rune
	flush := func() {
		if len(word) > 0 {
			out = append(out, strings.ToLower(string(word)))
			word = word[:0]
		}
	}
	var last rune
	for i, r := range name {
		// The words of a column name stand at its start; the rest of a name of
		// thousands of characters is noise.
		if i > 200 {
			break
		}
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			flush()
		} else {
			if unicode.IsUpper(r) && unicode.IsLower(last) {
				flush()
			}
			word = append(word, r)
		}
		last = r
	}
	flush()
	return out
}

// hasWord reports whether one of the words of name is in list.
func hasWord(name string, list ...string) bool {
	for _, w := range words(name) {
		for _, l := range list {
			if w == l {
				return true
			}
		}
	}
	return false
}

// clip shortens text to at most n characters.
func clip(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return strings.TrimSpace(string([]rune(text)[:n-1])) + "…"
}

// say returns the column's label for a sentence, with its unit if a person gave
// one: one line, not too long. A flag is called by what it says of a row: is_gift
// is "gift".
func say(c profile.Column) string {
	text := label(c)
	if rest := strings.TrimPrefix(text, "is "); c.Role == profile.Flag && rest != "" {
		text = rest
	}
	if unit := strings.Join(strings.Fields(c.Unit), " "); unit != "" && !hasWord(text, words(unit)...) {
		text += " (" + clip(unit, 20) + ")"
	}
	return text
}

// sayMany returns the label in the plural: "top 10 jobs".
func sayMany(c profile.Column) string {
	text := say(c)
	head, last := "", text
	if at := strings.LastIndexByte(text, ' '); at >= 0 {
		head, last = text[:at+1], text[at+1:]
	}
	for _, r := range last {
		if r >= utf8.RuneSelf || !unicode.IsLetter(r) || unicode.IsUpper(r) {
			return "values of " + text
		}
	}
	return head + profile.Plural(profile.Singular(last))
}

func label(c profile.Column) string {
	text := c.Label
	if strings.TrimSpace(text) == "" {
		text = c.Name
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	text = strings.Join(strings.Fields(text), " ")
	if text == "" {
		return "(unnamed column)"
	}
	return clip(text, 60)
}

// sayAll joins labels as a person would: a, b and c.
func sayAll(cols []profile.Column) string {
	names := make([]string, len(cols))
	for i, c := range cols {
		names[i] = say(c)
	}
	return list(names)
}

func list(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// ident turns a name into one that a slot or a result column can have:
// [a-z][a-z0-9_]*, at most 40 characters; empty if nothing of it is left.
func ident(name string) string {
	var b strings.Builder
	for _, w := range words(name) {
		for _, r := range w {
			if r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
				b.WriteRune(r)
			}
		}
		if s := b.String(); s != "" && !strings.HasSuffix(s, "_") {
			b.WriteByte('_')
		}
	}
	s := strings.Trim(b.String(), "_")
	if len(s) > 40 {
		s = strings.Trim(s[:40], "_")
	}
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return ""
	}
	return s
}

// sentence starts text with a capital letter.
func sentence(text string) string {
	r, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(r)) + text[size:]
}

// Headline reports whether a column name is one that people look at first.
func Headline(name string) bool {
	return hasWord(name, "amount", "total", "price", "revenue", "status", "type", "category", "country", "created", "name")
}

// IsAverage reports whether a column name says that its values are averages.
func IsAverage(name string) bool { return hasWord(name, averageWords()...) }

func averageWords() []string { return []string{"avg", "average", "mean"} }

func extremeWords() []string {
	return []string{"min", "minimum", "low", "lowest", "max", "maximum", "high", "highest"}
}

// lacking returns the words of the name that are not in the list.
func lacking(name string, list []string) string {
	var kept []string
	for _, w := range words(name) {
		if !contains(list, w) {
			kept = append(kept, w)
		}
	}
	return strings.Join(kept, " ")
}
