package typing

import "millwright/internal/jsonscan"

// A shape is what a value looks like from outside.
type shape uint8

const (
	noShape shape = iota // nothing but null so far
	scalar
	object
	array
	mixed // more than one: kept as JSON
)

// A node is what is known of the values at one place: a key of the records, a key
// of a nested object, the elements of an array or the values of a map.
type node struct {
	key string

	depth int    // of types: 0 for the record
	seen  uint64 // the last object that had this key
	lead  jsonscan.Lead
	then  *node // the key that followed it; nil, or its lead is known

	shape  shape
	opaque bool // what is inside is not looked at: the type is JSON
	counts Counts
	num    numbers
	str    texts

	fields []*node // by first appearance, as long as entry is nil
	index  map[string]*node
	first  *node // the key that an object began with; nil, or its lead is known
	entry  *node // if set, the object is a map, and this is all of its values
	item   *node // all elements of all arrays
	keys   int   // distinct keys when the object became a map
}

// numbers is what is known of the numbers at a node.
type numbers struct {
	floats   int64 // that are not integers of 64 bits
	zero     bool  // there was a zero without a sign
	signed   bool  // there was a zero with a sign
	zeroInt  bool  // it was written "-0", which some engines read as an integer
	lossy    bool  // there was one that a float64 does not give back
	whole    int   // most digits before the point
	scale    int   // most digits after the point, as written
	minScale int   // the same without zeros at the end
}

func (a *numbers) add(b numbers) {
	a.floats += b.floats
	a.zero = a.zero || b.zero
	a.signed = a.signed || b.signed
	a.zeroInt = a.zeroInt || b.zeroInt
	a.lossy = a.lossy || b.lossy
	a.whole = max(a.whole, b.whole)
	a.scale = max(a.scale, b.scale)
	a.minScale = max(a.minScale, b.minScale)
}

// texts is what is known of the strings at a node.
type texts struct {
	words   bool  // not all are moments of one clock
	clock   clock // of all, as long as words is false
	respell bool  // there was a spelling that DuckDB is not known to read
	shifted int64 // how many had an offset other than zero
}

func (a *texts) add(b texts) {
	if b.clock != noClock {
		a.meet(b.clock)
	}
	a.words = a.words || b.words
	a.respell = a.respell || b.respell
	a.shifted += b.shifted
}

// meet notes that there was a string of that clock.
func (a *texts) meet(c clock) {
	if a.clock == noClock {
		a.clock = c
	}
	a.words = a.words || a.clock != c
}

// longNumber notes a number that needs thought. b is its text.
func (n *node) longNumber(b []byte) {
	var scratch [64]byte
	d := parseDecimal(b, scratch[:0])
	f := numbers{whole: max(0, d.point), scale: d.scale, minScale: d.minScale()}
	if !d.inInt64(b) {
		f.floats = 1
	}
	if d.integer {
		n.counts.Integers++
	} else {
		n.counts.Fractions++
	}
	f.signed = d.negative && len(d.digits) == 0
	f.zero = !d.negative && len(d.digits) == 0
	f.zeroInt = f.signed && d.integer
	f.lossy = n.num.lossy || !d.inDouble(b)
	n.num.add(f)
}

// fraction notes a number of few digits, so many of them before and after its point. b
// ends with it.
func (n *node) fraction(b []byte, whole, frac int) {
	n.counts.Fractions++
	n.num.floats++
	n.num.whole = max(n.num.whole, whole)
	n.num.scale = max(n.num.scale, frac)
	if frac > n.num.minScale {
		n.num.minScale = max(n.num.minScale, trimZeros(b, frac))
	}
	if whole == 0 && !n.num.zero {
		n.num.zero = trimZeros(b, frac) == 0
	}
}

// trimZeros returns how many of the frac digits at the end of b are not zeros at the end.
func trimZeros(b []byte, frac int) int {
	for i := len(b) - 1; frac > 0 && b[i] == '0'; i-- {
		frac--
	}
	return frac
}

// text notes a string. b is what stands between its quotes.
func (n *node) text(b []byte, escaped bool) {
	if escaped {
		n.str.words = true
		return
	}
	m, ok := parseMoment(b)
	if !ok {
		n.str.words = true
		return
	}
	n.str.meet(m.clock)
	n.str.respell = n.str.respell || m.respell
	if m.offset != 0 {
		n.str.shifted++
	}
}

// size returns how many nodes hang below n and how many bytes their keys have.
func (n *node) size() (nodes, keyBytes int) {
	below := n.fields
	for _, c := range []*node{n.entry, n.item} {
		if c != nil {
			below = append(below[:len(below):len(below)], c)
		}
	}
	for _, c := range below {
		k, b := c.size()
		nodes += k + 1
		keyBytes += b + len(c.key)
	}
	return nodes, keyBytes
}

// collapse makes the object at n a map: its fields become one.
func (o *Observer) collapse(n *node) {
	nodes, keyBytes := n.size()
	o.nodes -= nodes
	o.keyBytes -= keyBytes
	entry, fields := o.newNode(n), n.fields
	n.keys = len(fields)
	n.fields, n.index, n.first, n.entry = nil, nil, nil, entry
	for _, f := range fields {
		o.merge(entry, f)
	}
}

// hide forgets what is inside n, whose type is JSON from now on.
func (o *Observer) hide(n *node) {
	nodes, keyBytes := n.size()
	o.nodes -= nodes
	o.keyBytes -= keyBytes
	n.opaque = true
	n.keys = max(n.keys, len(n.fields))
	n.fields, n.index, n.first, n.entry, n.item = nil, nil, nil, nil, nil
}

// newNode returns an empty node below parent, and counts it.
func (o *Observer) newNode(parent *node) *node {
	o.nodes++
	return &node{depth: parent.depth + 1}
}

// merge adds what is known of src to dst. It leaves src alone.
func (o *Observer) merge(dst, src *node) {
	dst.counts.add(src.counts)
	dst.num.add(src.num)
	dst.str.add(src.str)
	if src.shape != noShape {
		o.reshape(dst, src.shape)
	}
	if src.opaque && !dst.opaque {
		o.hide(dst)
	}
	dst.keys = max(dst.keys, src.keys)
	if dst.opaque {
		return
	}
	if src.item != nil {
		if dst.item == nil {
			dst.item = o.newNode(dst)
		}
		o.merge(dst.item, src.item)
	}
	if src.entry != nil {
		if dst.entry == nil {
			o.collapse(dst)
		}
		o.merge(dst.entry, src.entry)
	}
	for _, f := range src.fields {
		if to := o.field(dst, f.key); to != nil {
			o.merge(to, f)
		}
	}
}

// reshape notes that there was a value of shape s at n.
func (o *Observer) reshape(n *node, s shape) {
	if n.shape == s || n.shape == mixed {
		return
	}
	if n.shape == noShape && s != mixed {
		n.shape = s
		if n.depth >= o.limits.TypeDepth && s != scalar {
			o.hide(n)
		}
		return
	}
	n.shape = mixed
	o.hide(n)
}

// field returns the node of key in the object at n, which it makes if there is
// none. If n has become a map it is the node of its values, and if n has become
// opaque it is nil.
func (o *Observer) field(n *node, key string) *node {
	if n.entry != nil {
		return n.entry
	}
	if n.opaque {
		return nil
	}
	if c := n.index[key]; c != nil {
		return c
	}
	root := n.depth == 0
	switch {
	case root && (len(n.fields) >= o.limits.Columns || o.keyBytes+len(key) > o.limits.KeyBytes):
		return nil
	case root:
	case len(n.fields) == 0 && o.full(len(key)):
		o.hide(n)
		return nil
	case len(n.fields) >= o.limits.Fields || o.full(len(key)):
		o.collapse(n)
		return n.entry
	}
	c := o.newNode(n)
	c.key = key
	o.keyBytes += len(key)
	n.fields = append(n.fields, c)
	if n.index == nil {
		n.index = map[string]*node{}
	}
	n.index[key] = c
	return c
}

// full reports whether there is no room for another nested key of that length.
func (o *Observer) full(keyLen int) bool {
	return o.nodes >= o.limits.Nodes+o.limits.Columns || o.keyBytes+keyLen > o.limits.KeyBytes
}

// isPlain reports whether JSON can spell key without escapes, and no other key so.
func isPlain(key string) bool {
	for i := range len(key) {
		if key[i] < 0x20 || key[i] == '"' || key[i] == '\\' {
			return false
		}
	}
	return true
}
