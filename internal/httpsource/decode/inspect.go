package decode

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A candidate is an array that could be the records.
type candidate struct {
	names    []string
	count    int64
	objects  int64
	keys     map[string]int64 // in the first objects
	sampled  int64
	siblings int  // scalars beside it
	series   bool // the first element is a series of samples
}

// sampled is how many elements of an array are compared with each other.
const sampleSize = 50

// An inspection is what a look at a whole document gives.
type inspection struct {
	*splitter
	arrays  []*candidate
	columns []*columnSet
}

// A columnSet is an object that could be columns.
type columnSet struct {
	names   []string
	lengths []int64
	members []string
}

// Inspect reads a whole body and says where its rows are. It holds no more than
// one element.
func Inspect(r io.Reader, l Limits) (Finding, error) {
	in := inspection{splitter: newSplitter(r, Plan{}, l, nil)}
	f, err := in.document()
	if err != nil {
		return Finding{}, explain(err)
	}
	return f, nil
}

func (in *inspection) document() (Finding, error) {
	kind := in.dec.PeekKind()
	switch kind {
	case jsontext.KindInvalid:
		_, err := in.dec.ReadToken()
		if err == io.EOF {
			err = empty()
		}
		return Finding{}, err
	case '{':
	default:
		if err := in.skip(); err != nil {
			return Finding{}, err
		}
		return Finding{Path: "$", Shape: Rows, Evidence: "the answer is " + strings.TrimPrefix(describe(kind), "it is ")}, nil
	}
	if err := in.object(nil); err != nil {
		return Finding{}, err
	}
	// Another document behind the first: the rest is read when it is split.
	if in.dec.PeekKind() == '{' {
		return Finding{Path: "$", Shape: Lines, Evidence: "the answer is one JSON object after the other"}, nil
	}
	return in.choose(), nil
}

// object looks at the members of an object.
func (in *inspection) object(names []string) error {
	set := &columnSet{names: names}
	scalars, before := 0, len(in.arrays)
	err := in.members(func(name string) error {
		path := append(slices.Clone(names), name)
		switch kind := in.dec.PeekKind(); {
		case kind == '[':
			return in.array(path, set)
		case kind == '{' && len(path) < maxFieldDepth:
			return in.object(path)
		case kind != '{':
			scalars++
		}
		return in.skip()
	})
	for _, c := range in.arrays[before:] {
		if len(c.names) == len(names)+1 {
			c.siblings = scalars
		}
	}
	if len(set.lengths) > 1 {
		in.columns = append(in.columns, set)
	}
	return err
}

// array looks at the elements of an array.
func (in *inspection) array(path []string, set *columnSet) error {
	c := &candidate{names: path, keys: map[string]int64{}}
	nested := false
	err := in.elements(func(i int64) error {
		c.count++
		kind := in.dec.PeekKind()
		nested = nested || kind == '{' || kind == '['
		if kind == '{' {
			c.objects++
		}
		if c.sampled >= sampleSize || kind != '{' {
			return in.skip()
		}
		raw, err := in.value()
		if err != nil {
			return err
		}
		c.series = c.series || i == 0 && isSeries(raw)
		m, _ := membersOf(raw)
		for k := range m {
			c.keys[k]++
		}
		c.sampled++
		return nil
	})
	in.arrays = append(in.arrays, c)
	if !nested {
		set.lengths = append(set.lengths, c.count)
		set.members = append(set.members, path[len(path)-1])
	}
	return err
}

// alike is how much the sampled objects have in common, from 0 to 1.
func (c *candidate) alike() float64 {
	if len(c.keys) == 0 {
		return 1
	}
	sum := int64(0)
	for _, n := range c.keys {
		sum += n
	}
	return float64(sum) / float64(int64(len(c.keys))*c.sampled)
}

// score weighs length, depth and name. Twice the length is worth one point.
func (c *candidate) score() float64 {
	name := strings.ToLower(c.names[len(c.names)-1])
	score := math.Log2(float64(c.count)+1) + 2*c.alike() - 0.5*float64(len(c.names)-1)
	switch {
	case slices.Contains(envelopeNames(), name):
		score += 3
	case slices.Contains(sideNames(), name):
		score -= 3
	}
	return score
}

func envelopeNames() []string {
	return []string{"data", "items", "results", "result", "records", "rows", "values", "value", "entries", "list", "content", "contents",
		"features", "hits", "docs", "documents", "objects", "elements", "nodes", "edges", "response", "payload", "resources", "members", "member"}
}

// sideNames are arrays that accompany the records.
func sideNames() []string {
	return []string{"included", "errors", "warnings", "links", "_links", "facets", "aggregations", "meta", "messages", "columns", "fields", "schema", "debug"}
}

func (c *candidate) ofObjects() bool {
	return c.objects > 0 && float64(c.objects) >= 0.9*float64(c.count) && c.alike() >= 0.2
}

// choose picks the rows of an object.
func (in *inspection) choose() Finding {
	var fits []*candidate
	for _, c := range in.arrays {
		// A record with a short list in it is a record, not an envelope.
		if c.ofObjects() && c.score() > 0.3*float64(c.siblings) {
			fits = append(fits, c)
		}
	}
	slices.SortStableFunc(fits, func(a, b *candidate) int {
		if a.score() > b.score() {
			return -1
		}
		return 1
	})
	if len(fits) > 0 {
		return found(fits)
	}
	if f, ok := in.parallel(); ok {
		return f
	}
	return in.fallback()
}

func found(fits []*candidate) Finding {
	c := fits[0]
	f := Finding{Path: dotted(c.names), Shape: Rows}
	f.Evidence = fmt.Sprintf("an array of %d objects that share %.0f%% of their keys", c.count, 100*c.alike())
	if c.series {
		f.Shape, f.Evidence = Prometheus, fmt.Sprintf("%d Prometheus series; each sample becomes a row", c.count)
	}
	for _, other := range fits[1:min(len(fits), 6)] {
		f.Others = append(f.Others, fmt.Sprintf("%s (%d)", dotted(other.names), other.count))
	}
	return f
}

// parallel finds an object of at least two arrays of scalars of equal length.
func (in *inspection) parallel() (Finding, bool) {
	var best *columnSet
	for _, set := range in.columns {
		n := set.lengths[0]
		same := !slices.ContainsFunc(set.lengths, func(m int64) bool { return m != n })
		if same && n > 1 && (best == nil || n > best.lengths[0]) {
			best = set
		}
	}
	if best == nil {
		return Finding{}, false
	}
	return Finding{Path: dotted(best.names), Shape: Columns, Evidence: fmt.Sprintf(
		"%d arrays of %d values each: %s", len(best.lengths), best.lengths[0], clip(strings.Join(best.members, ", ")))}, true
}

// fallback takes a list under a usual name, empty or of scalars, and otherwise
// the object as one row.
func (in *inspection) fallback() Finding {
	for _, c := range in.arrays {
		if len(c.names) <= 2 && slices.Contains(envelopeNames(), strings.ToLower(c.names[len(c.names)-1])) && c.siblings <= 8 {
			if c.count == 0 {
				// What its elements will be like is not known yet: no shape.
				return Finding{Path: dotted(c.names), Evidence: "an empty array under a usual name"}
			}
			return Finding{Path: dotted(c.names), Shape: Rows, Evidence: fmt.Sprintf("an array of %d values under a usual name", c.count)}
		}
	}
	return Finding{Path: "$", Shape: Rows, Evidence: "one object without an array of objects in it: one row"}
}
