package analyze

import (
	_ "embed"
	"strings"
)

//go:embed countries.tsv
var countriesTSV string

//go:embed states.tsv
var statesTSV string

// A gazetteer knows the names and codes of countries and of the states of the US.
type gazetteer struct {
	codes  map[string]bool // two and three capital letters
	names  map[string]bool // lower case
	states map[string]bool // two capital letters, and lower-case names
}

func newGazetteer() *gazetteer {
	g := &gazetteer{codes: map[string]bool{}, names: map[string]bool{}, states: map[string]bool{}}
	for line := range strings.Lines(countriesTSV) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		g.codes[fields[0]] = true
		g.codes[fields[1]] = true
		for _, name := range fields[2:] {
			g.names[strings.ToLower(name)] = true
		}
	}
	for line := range strings.Lines(statesTSV) {
		code, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		g.states[code] = true
		g.states[strings.ToLower(name)] = true
	}
	return g
}

// country reports whether v is the code of a country, in capitals, or its
// English name, in any case.
func (g *gazetteer) country(v string) (code, name bool) {
	if len(v) <= 3 && g.codes[v] {
		return true, false
	}
	return false, g.names[strings.ToLower(v)]
}

// state reports whether v is a state of the US: its code in capitals or its name.
func (g *gazetteer) state(v string) bool {
	return len(v) == 2 && g.states[v] || len(v) > 2 && g.states[strings.ToLower(v)]
}
