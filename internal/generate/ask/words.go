package ask

import (
	"strings"
	"unicode"

	"millwright/internal/profile"
)

// A word is a piece of the question.
type word struct {
	text   string // lower case
	stem   string // singular
	quoted bool   // it stood in quotes, and may hold spaces
	number bool
	end    bool // a comma or the like follows
}

// split cuts a question into words; what stands in quotes stays together.
func split(question string) []word {
	var out []word
	var b strings.Builder
	flush := func() {
		if text := strings.Trim(b.String(), ".-'_"); text != "" {
			out = append(out, newWord(text))
		}
		b.Reset()
	}
	runes := []rune(question)
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		if closing, ok := map[rune]rune{'"': '"', '“': '”', '`': '`'}[r]; ok {
			if end := indexRune(runes[i+1:], closing); end > 0 {
				flush()
				out = append(out, word{text: string(runes[i+1 : i+1+end]), quoted: true})
				i += end + 1
				continue
			}
		}
		switch {
		case r == '\'' && i > 0 && i+1 < len(runes) && unicode.IsLetter(runes[i-1]) && unicode.IsLetter(runes[i+1]):
			flush() // it's, customer's
			for i+1 < len(runes) && unicode.IsLetter(runes[i+1]) {
				i++
			}
		case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || r == '-' || r == '@':
			b.WriteRune(r)
		case (r == '.' || r == ',') && i > 0 && i+1 < len(runes) && unicode.IsDigit(runes[i-1]) && unicode.IsDigit(runes[i+1]):
			if r == '.' {
				b.WriteRune(r)
			}
		case r == '%' || r == '>' || r == '<' || r == '=':
			flush()
			out = append(out, word{text: string(r), stem: string(r)})
		default:
			flush()
			if strings.ContainsRune(",;:?!", r) && len(out) > 0 {
				out[len(out)-1].end = true
			}
		}
	}
	flush()
	if len(out) > maxWords {
		out = out[:maxWords]
	}
	return out
}

// maxWords is how much of a question is read.
const maxWords = 60

func indexRune(list []rune, wanted rune) int {
	for i, r := range list {
		if r == wanted {
			return i
		}
	}
	return -1
}

func newWord(text string) word {
	low := strings.ToLower(text)
	w := word{text: low, stem: stem(low)}
	digits, dots := 0, 0
	for _, r := range low {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r == '.':
			dots++
		default:
			digits = -1000
		}
	}
	w.number = digits > 0 && dots <= 1
	return w
}

// stem returns the singular of a word.
func stem(w string) string {
	if len(w) <= 2 {
		return w
	}
	return profile.Singular(w)
}

// stems returns the words of a column name or label, in the singular.
func stems(text string) []string {
	var out []string
	for _, t := range profile.Tokens(text) {
		out = append(out, stem(t))
	}
	return out
}

// stop reports words that carry nothing.
func stop(w string) bool {
	switch w {
	case "a", "an", "the", "of", "is", "are", "was", "were", "be", "been", "do", "does", "did", "has", "have", "had", "there", "me", "i", "we", "us", "our", "my", "you",
		"it", "its", "this", "that", "these", "those", "in", "on", "at", "to", "from", "for", "with", "and", "or", "as", "than", "their", "them", "they", "s", "please",
		"show", "give", "list", "display", "find", "get", "tell", "what", "which", "who", "whose", "where", "when", "how", "much", "many", "all", "any", "every", "each", "per", "by", "across",
		"value", "values", "number", "data", "records", "record", "rows", "row", "entries", "entry", "can", "could", "would", "should", "will", "out", "into", "within", "made", "make", "only",
		"came", "come", "exist", "different", "various", "given", "about", "so", "far", "most", "more", "less", "over", "under", "between", "want", "see", "know", "like", "kind", "sort",
		"overall", "whole", "entire", "up", "happened", "happen", "occurred", "occur", "not", "no", "without", "also", "one", "during", "let", "look", "compute", "calculate", "report", "grouped", "group", "broken", "down", "split", "sorted", "ordered", "recorded", "called", "named", "having", "take", "takes", "took", "both", "vs", "versus", "against", "then", "if", "however", "its'", "go", "going", "gone", "using", "used", "use", "compared", "comparing", "e", "g":
		return true
	}
	return false
}
