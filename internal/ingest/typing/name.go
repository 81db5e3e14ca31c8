package typing

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"millwright/internal/table"
)

const (
	nameOfEmpty = "_" // of the key "": SQL has no empty identifier
	maxName     = 512 // bytes; a longer key has a shorter name

	// DuckDB writes no field ids for a table that has a column of this name.
	reserved = "__duckdb_field_id"
)

// A namer finds column names that differ regardless of case.
type namer struct {
	taken  map[string]bool   // folded names
	byKey  map[string]string // names given
	suffix map[string]int    // by folded name: the last number tried
	later  []string          // keys whose own name is taken; they are named once all keys are known
}

// newNamer returns a namer that keeps the names of prev.
func newNamer(prev []table.Column) *namer {
	n := &namer{taken: map[string]bool{fold(reserved): true}, byKey: map[string]string{}, suffix: map[string]int{}}
	for _, c := range prev {
		n.byKey[c.Key] = c.Name
		n.taken[fold(c.Name)] = true
	}
	return n
}

// claim asks for a name for key. The first that asks for a name gets it.
func (n *namer) claim(key string) {
	if _, ok := n.byKey[key]; ok {
		return
	}
	name := cleanName(key)
	if n.taken[fold(name)] {
		n.later = append(n.later, key)
		return
	}
	n.taken[fold(name)] = true
	n.byKey[key] = name
}

// name returns the name for key, once all keys have been claimed: the key itself,
// if it can be, or else with a number that makes it unique.
func (n *namer) name(key string) string {
	for _, k := range n.later {
		base := cleanName(k)
		folded := fold(base)
		for {
			n.suffix[folded]++
			name := base + "_" + strconv.Itoa(n.suffix[folded])
			if !n.taken[fold(name)] {
				n.taken[fold(name)] = true
				n.byKey[k] = name
				break
			}
		}
	}
	n.later = nil
	return n.byKey[key]
}

// cleanName returns key as a name that SQL allows between quotes.
func cleanName(key string) string {
	if key == "" {
		return nameOfEmpty
	}
	name := strings.ReplaceAll(key, "\x00", "\uFFFD")
	if len(name) > maxName {
		end := maxName
		for !utf8.RuneStart(name[end]) {
			end--
		}
		name = name[:end]
	}
	return name
}

// fold returns the same text for names that differ in case only, as
// strings.EqualFold and every engine see it.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && r != 'k' && r != 'K' && r != 's' && r != 'S' {
			if 'A' <= r && r <= 'Z' {
				r += 'a' - 'A'
			}
			return r
		}
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, s)
}

// isSimple reports whether no reader of JSON can take name for another.
func isSimple(name string) bool {
	for i := range len(name) {
		c := name[i]
		if c < ' ' || c > '~' || c == '"' || c == '\\' || c == '\'' {
			return false
		}
	}
	return true
}
