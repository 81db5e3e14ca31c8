package decode

import (
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// How many elements of an array are looked at before its shape is decided while
// it streams by.
const (
	lookElements = 20
	lookBytes    = 256 << 10
)

// A look tells the shape of an array from its first elements.
type look struct {
	n       int // elements seen
	forms   map[Shape]int
	strings int      // elements that are strings
	named   int      // elements that are objects with a name
	arrays  int      // elements that are arrays
	width   int      // of the arrays; -1 if they differ
	header  headings // what speaks for the first array being a header
}

func (k *look) add(raw jsontext.Value) {
	k.n++
	if k.forms == nil {
		k.forms = map[Shape]int{}
	}
	switch raw.Kind() {
	case '"':
		k.strings++
	case '[':
		k.addArray(raw)
	case '{':
		m, _ := membersOf(raw)
		if nameOf(m) != nil {
			k.named++
		}
		switch {
		case isSeries(raw):
			k.forms[Prometheus]++
		case isFeature(m):
			k.forms[GeoJSON]++
		case isResource(m):
			k.forms[JSONAPI]++
		case isEdge(m):
			k.forms[Edges]++
		case isInfluxResult(m):
			k.forms[Influx]++
		}
	}
}

func (k *look) addArray(raw jsontext.Value) {
	cells, _ := elementsOf(raw)
	if k.arrays++; k.arrays == 1 {
		k.width = len(cells)
	} else if k.width != len(cells) {
		k.width = -1
	}
	if k.header.rows > lookElements {
		return
	}
	row := make([]cell, len(cells))
	for i, c := range cells {
		row[i] = jsonCell(c)
	}
	k.header.add(row)
}

// plain reports whether no element can be of a form of its own any more, so that
// there is nothing to wait for.
func (k *look) plain() bool { return len(k.forms) == 0 && k.arrays < k.n }

// shape returns the shape that all elements have in common, with the evidence.
// It is empty, and so no decision, if there were no elements.
func (k *look) shape() (Shape, string) {
	if k.n == 0 {
		return "", ""
	}
	for shape, n := range k.forms {
		if n < k.n {
			continue
		}
		switch shape {
		case Prometheus:
			return shape, fmt.Sprintf("%d Prometheus series; each sample becomes a row", n)
		case GeoJSON:
			return shape, fmt.Sprintf("%d GeoJSON features; their properties become columns", n)
		case JSONAPI:
			return shape, fmt.Sprintf("%d JSON:API resources; their attributes become columns", n)
		case Edges:
			return shape, fmt.Sprintf("%d GraphQL edges; their nodes become rows", n)
		case Influx:
			return shape, fmt.Sprintf("%d InfluxDB results; each point becomes a row", n)
		}
	}
	if k.arrays == k.n && k.width != 0 {
		header, why := k.header.decide(false)
		return Arrays.with("header", header), fmt.Sprintf("%d arrays of values; %s", k.n, why)
	}
	return Rows, "the answer is an array"
}
