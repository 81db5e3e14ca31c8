package profile

import (
	"strings"
	"unicode"
)

// Tokens splits a column or table name into lower-case words: at characters
// that are neither letter nor digit, where a lower-case letter meets an
// upper-case one, and before the last capital of a run ("HTTPStatus" is http,
// status). Digits stay with the word before them.
func Tokens(name string) []string {
	var tokens []string
	var word []rune
	flush := func() {
		if len(word) > 0 {
			tokens = append(tokens, strings.ToLower(string(word)))
			word = word[:0]
		}
	}
	runes := []rune(name)
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '%':
			flush()
			continue
		case r == '%':
			flush()
			word = append(word, r)
			flush()
			continue
		case unicode.IsUpper(r) && i > 0:
			next := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			// "IDs" is one word, not "i" and "ds".
			plural := next && runes[i+1] == 's' && (i+2 == len(runes) || !unicode.IsLower(runes[i+2]))
			if !unicode.IsUpper(runes[i-1]) || next && !plural {
				flush()
			}
		}
		word = append(word, r)
	}
	flush()
	return tokens
}

// Words returns a name as people read it: its words with spaces between them.
// Words that are all capitals keep them.
func Words(path []string) string {
	var words []string
	for _, name := range path {
		for _, w := range Tokens(name) {
			if up := strings.ToUpper(w); len(w) > 1 && len(w) < 4 && strings.Contains(name, up) && name != up {
				w = up
			}
			words = append(words, w)
		}
	}
	if len(words) == 0 {
		return strings.Join(path, " ")
	}
	return strings.Join(words, " ")
}

// Grain returns what one row of a table is and what many are, in words, from
// the name of a source, a table or an array: "Orders API" gives order, orders.
// A name that says nothing gives row, rows.
func Grain(name string) (one, many string) {
	words := Tokens(name)
	var kept []string
	for _, w := range words {
		if len(kept) > 0 && preposition(w) {
			break
		}
		if !preposition(w) && !filler(w) && (w[0] < '0' || w[0] > '9') {
			kept = append(kept, w)
		}
	}
	if len(kept) == 0 {
		return "row", "rows"
	}
	head := strings.Join(kept[:len(kept)-1], " ")
	if head != "" {
		head += " "
	}
	last := kept[len(kept)-1]
	if d := last[len(last)-1]; uncountable(last) || d >= '0' && d <= '9' {
		return head + last + " record", head + last + " records"
	}
	singular := Singular(last)
	return head + singular, head + Plural(singular)
}

// filler reports whether a word in a source's name does not say what a row is.
func filler(w string) bool {
	switch w {
	case "api", "apis", "data", "dataset", "datasets", "list", "lists", "all", "get", "fetch", "json", "csv", "xml",
		"export", "exports", "feed", "endpoint", "endpoints", "the", "a", "an", "table", "file",
		"source", "datasource", "my", "test", "demo", "sample", "example", "rest", "http", "https", "public", "open",
		"v1", "v2", "v3", "v4", "results", "result", "response", "rows", "records":
		return true
	}
	return false
}

// preposition reports whether what comes after w only qualifies the noun before.
func preposition(w string) bool {
	switch w {
	case "across", "by", "per", "for", "with", "without", "in", "of", "from", "at", "on", "since", "over", "between":
		return true
	}
	return false
}

func uncountable(w string) bool {
	switch w {
	case "weather", "news", "info", "information", "equipment", "traffic", "population", "unemployment", "employment",
		"precipitation", "inventory", "metadata", "analytics", "statistics", "sales", "feedback", "history", "staff",
		"electricity", "energy", "music", "software", "health", "income", "activity", "usage", "temp", "temperature", "wheat", "barley":
		return true
	}
	return false
}

// irregular gives the plural of nouns that no ending rule covers.
func irregular(singular string) (string, bool) {
	switch singular {
	case "person":
		return "people", true
	case "child":
		return "children", true
	case "man":
		return "men", true
	case "woman":
		return "women", true
	case "foot":
		return "feet", true
	case "series", "species", "fish", "sheep", "aircraft":
		return singular, true
	case "movie", "cookie", "zombie", "selfie":
		return singular + "s", true
	case "analysis", "crisis", "basis", "thesis", "axis":
		return singular[:len(singular)-2] + "es", true
	case "monarch", "stomach", "epoch", "patriarch":
		return singular + "s", true
	case "index":
		return "indexes", true
	case "datum":
		return "data", true
	}
	return "", false
}

// Singular returns the singular of an English noun, or the noun itself if it
// does not look like a plural.
func Singular(w string) string {
	switch w {
	case "people":
		return "person"
	case "children":
		return "child"
	case "men":
		return "man"
	case "women":
		return "woman"
	case "feet":
		return "foot"
	case "indices":
		return "index"
	case "movies", "cookies", "zombies", "selfies", "ties", "pies", "lies":
		return w[:len(w)-1]
	case "series", "species", "news", "status", "address", "bus", "gas", "lens", "campus", "bonus", "virus", "census", "radius", "apparatus":
		return w
	case "analyses", "crises", "bases", "theses", "axes":
		return w[:len(w)-2] + "is"
	case "statuses", "buses", "gases", "campuses", "bonuses", "viruses", "censuses", "aliases", "lenses":
		return w[:len(w)-2]
	}
	switch {
	case len(w) < 4 && w != "ids":
		return w
	case strings.HasSuffix(w, "ss"), strings.HasSuffix(w, "us"), strings.HasSuffix(w, "is"):
		return w
	case strings.HasSuffix(w, "ies"):
		return w[:len(w)-3] + "y"
	case strings.HasSuffix(w, "sses"), strings.HasSuffix(w, "xes"), strings.HasSuffix(w, "ches"), strings.HasSuffix(w, "shes"), strings.HasSuffix(w, "zzes"):
		return w[:len(w)-2]
	case strings.HasSuffix(w, "s"):
		return w[:len(w)-1]
	}
	return w
}

// Plural returns the plural of a singular English noun.
func Plural(w string) string {
	if many, ok := irregular(w); ok {
		return many
	}
	switch {
	case w == "":
		return w
	case strings.HasSuffix(w, "s"), strings.HasSuffix(w, "x"), strings.HasSuffix(w, "z"), strings.HasSuffix(w, "ch"), strings.HasSuffix(w, "sh"):
		return w + "es"
	case strings.HasSuffix(w, "y") && len(w) > 1 && !strings.ContainsRune("aeiou", rune(w[len(w)-2])):
		return w[:len(w)-1] + "ies"
	}
	return w + "s"
}
