package decode

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// alike is how much the sampled objects have in common, from 0 to 1.
func (c *candidate) alike() float64 { return share(c.keys, c.sampled) }

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
	return []string{"included", "errors", "warnings", "links", "_links", "facets", "aggregations", "meta", "messages", "columns", "fields", "schema", "debug",
		"coordinates", "bbox"}
}

func (c *candidate) ofObjects() bool {
	return c.objects > 0 && float64(c.objects) >= 0.9*float64(c.count) && c.alike() >= 0.2
}

// ofArrays reports whether the array is a table: arrays of one width.
func (c *candidate) ofArrays() bool {
	return c.look.n > 0 && c.look.arrays == c.look.n && (c.look.width > 0 || slices.Contains(envelopeNames(), strings.ToLower(c.names[len(c.names)-1])))
}

// choose picks the rows of an object.
func (in *inspection) choose() Finding {
	if len(in.frames) > 0 {
		return in.frames[0]
	}
	keyed := in.keyedBy()
	var fits []*candidate
	for _, c := range in.arrays {
		// An array in a record of a map belongs to the record.
		if keyed != nil && within(c.names, keyed.names) {
			continue
		}
		// A record with a short list in it is a record, not an envelope.
		if (c.ofObjects() || c.ofArrays()) && c.score() > 0.3*float64(c.siblings) {
			fits = append(fits, c)
		}
	}
	slices.SortStableFunc(fits, func(a, b *candidate) int {
		switch x, y := a.score(), b.score(); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	if keyed != nil && (len(fits) == 0 || keyed.score() > fits[0].score()) {
		return Finding{Path: dotted(keyed.names), Shape: Map, Evidence: fmt.Sprintf(
			"%d objects under keys that are ids, which share %.0f%% of their keys", keyed.members, 100*keyed.alike())}
	}
	if len(fits) > 0 {
		return found(fits)
	}
	if in.single.Path != "" {
		return in.single
	}
	if f, ok := in.parallel(); ok {
		return f
	}
	return in.fallback()
}

// keyedBy returns the outermost map with the most members.
func (in *inspection) keyedBy() *keySet {
	var best *keySet
	for _, k := range in.maps {
		// Inner objects are seen before those around them.
		if best == nil || within(best.names, k.names) || !within(k.names, best.names) && k.score() > best.score() {
			best = k
		}
	}
	return best
}

func (k *keySet) score() float64 {
	return math.Log2(float64(k.members)+1) + 2*k.alike() - 0.5*float64(len(k.names))
}

// within reports whether a path leads into the value at another.
func within(names, outer []string) bool {
	return len(names) > len(outer) && slices.Equal(names[:len(outer)], outer)
}

func found(fits []*candidate) Finding {
	c := fits[0]
	f := Finding{Path: dotted(c.names)}
	if f.Shape, f.Evidence = c.look.shape(); f.Shape == Rows {
		f.Evidence = fmt.Sprintf("an array of %d objects that share %.0f%% of their keys", c.count, 100*c.alike())
	} else if int64(c.look.n) < c.count {
		f.Evidence = fmt.Sprintf("of %d elements, the first are %s", c.count, f.Evidence)
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

// fallback takes a list under a usual name, empty or of scalars, or one that is
// all of the answer, and otherwise the object as one row.
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
	for _, c := range in.arrays {
		if c.alone && len(c.names) == 1 && c.count > 1 {
			return Finding{Path: dotted(c.names), Shape: Rows, Evidence: fmt.Sprintf("an array of %d values is all that the answer holds", c.count)}
		}
	}
	return Finding{Path: "$", Shape: Rows, Evidence: "one object without an array of objects in it: one row"}
}
