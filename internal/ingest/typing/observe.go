package typing

import (
	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/errs"
	"millwright/internal/jsonscan"
)

// An Observer decides the types of a table from records that it sees one by one.
// It is not safe for concurrent use.
type Observer struct {
	limits   Limits
	root     node
	rows     int64
	nodes    int    // of all, without the root
	keyBytes int    // of all keys
	objects  uint64 // seen so far; tells objects apart
	scratch  []byte
	err      error // why the scan stopped, if it is not plain bad JSON
}

// NewObserver returns an observer that has seen nothing.
func NewObserver(l Limits) *Observer {
	return &Observer{limits: l.withDefaults()}
}

// Rows returns how many records were observed.
func (o *Observer) Rows() int64 { return o.rows }

// Observe takes note of one record, a JSON object. It does not keep record.
//
// It fails with errs.Invalid on what is not one object of strict JSON (types
// "not-an-object", "bad-json", "duplicate-key"), and with errs.TooLarge when a
// limit is reached ("too-many-columns", "json-too-deep"). After an error parts of
// the record may have been counted: the observer is of no use any more.
func (o *Observer) Observe(record []byte) error {
	i := jsonscan.Space(record, 0)
	if i >= len(record) || record[i] != '{' {
		if end := skipValue(record, i, o.limits.Depth); end < 0 {
			return scanError(end, o.limits.Depth)
		}
		return errs.New(errs.Invalid, "a record is not a JSON object but %s", shapeName(record[i])).
			Named("not-an-object").Fix("choose a response path whose elements are objects")
	}
	o.err = nil
	i = o.object(record, i, &o.root, o.limits.Depth)
	if i >= 0 {
		i = jsonscan.Space(record, i)
	}
	switch {
	case o.err != nil:
		return o.err
	case i != len(record):
		return scanError(i, o.limits.Depth)
	}
	o.rows++
	return nil
}

// scanError returns the error for where a scan ended.
func scanError(end, depth int) error {
	if end == tooDeep {
		return errs.New(errs.TooLarge, "a record is nested deeper than %d levels", depth).Named("json-too-deep")
	}
	return errs.New(errs.Invalid, "a record is not valid JSON").Named("bad-json")
}

func shapeName(c byte) string {
	switch c {
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// stop records why a scan ends and returns bad.
func (o *Observer) stop(e *errs.Error) int {
	o.err = e
	return bad
}

// object notes the object at b[i] and returns the index after it, or bad.
func (o *Observer) object(b []byte, i int, n *node, depth int) int {
	if depth <= 0 {
		return tooDeep
	}
	n.counts.Objects++
	if n.shape != object {
		o.reshape(n, object)
	}
	if n.opaque {
		return o.skip(b, i, depth)
	}
	o.objects++
	id, i := o.objects, i+1
	if at := jsonscan.Space(b, i); at < len(b) && b[at] == '}' {
		return at + 1
	}
	var last *node
	// Records of one source mostly have the same keys in the same order.
	for next := n.first; ; next = next.following() {
		if next != nil && !next.lead.Is(b, i) {
			next = next.missing(b, i)
		}
		if next != nil {
			i += next.lead.Len()
		} else {
			next, i = o.member(b, i, n, last)
		}
		switch {
		case next == nil:
			i = o.skip(b, i, depth-1)
		case next.seen == id && n.entry == nil:
			return o.stop(errs.New(errs.Invalid, "an object of a record has a key twice: %q", clip(next.key)).Named("duplicate-key"))
		default:
			next.seen = id
			i = o.value(b, i, next, depth)
		}
		if i < 0 {
			return i
		}
		if i >= len(b) || b[i] != ',' {
			if i = jsonscan.Space(b, i); i >= len(b) || b[i] != ',' {
				return scanLast(b, i, '}')
			}
		}
		i++
		last = next
	}
}

// member reads from b[i], where a brace or a comma was, to the next value, and returns
// its node, nil if it is not looked at, and where it begins, or bad. What it finds is
// expected behind last from now on; last is nil in front of the first.
func (o *Observer) member(b []byte, i int, n, last *node) (*node, int) {
	start := i
	key := jsonscan.Space(b, i)
	first := key > 0 && b[start-1] == '{'
	c, i := o.key(b, key, n)
	if i < 0 {
		return nil, bad
	}
	behind := i
	if i = scanColon(b, i); i < 0 || c == nil || n.entry != nil {
		return c, i
	}
	switch {
	case !c.lead.Learn(b, start, i, behind-key):
	case first:
		n.first = c
	case last != nil:
		last.then = c
	}
	return c, i
}

// key reads the key at b[i] of an object at n and returns its node, or nil if n
// is opaque by now, and the index after the key, or bad.
func (o *Observer) key(b []byte, i int, n *node) (*node, int) {
	if i >= len(b) || b[i] != '"' {
		return nil, bad
	}
	end, escaped := scanString(b, i)
	if end < 0 {
		return nil, bad
	}
	if n.opaque {
		return nil, end
	}
	if n.entry != nil {
		return n.entry, end
	}
	name := b[i+1 : end-1]
	if escaped {
		var err error
		if o.scratch, err = jsontext.AppendUnquote(o.scratch[:0], b[i:end]); err != nil {
			return nil, bad
		}
		name = o.scratch
	}
	if c := n.index[string(name)]; c != nil {
		return c, end
	}
	c := o.field(n, string(name))
	if c == nil && n.depth == 0 {
		return nil, o.stop(errs.New(errs.TooLarge, "the records have more than %d different keys (%d bytes of keys)", len(n.fields), o.keyBytes).
			Named("too-many-columns").Fix("choose a response path below the object whose keys are ids"))
	}
	return c, end
}

// array notes the array at b[i] and returns the index after it, or bad.
func (o *Observer) array(b []byte, i int, n *node, depth int) int {
	if depth <= 0 {
		return tooDeep
	}
	n.counts.Arrays++
	if n.shape != array {
		o.reshape(n, array)
	}
	if n.opaque {
		return o.skip(b, i, depth)
	}
	i = jsonscan.Space(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1
	}
	if n.item == nil {
		n.item = o.newNode(n)
	}
	for {
		if i = o.value(b, i, n.item, depth); i < 0 {
			return i
		}
		if i = jsonscan.Space(b, i); i >= len(b) {
			return bad
		}
		if b[i] == ']' {
			return i + 1
		}
		if b[i] != ',' {
			return bad
		}
		i = jsonscan.Space(b, i+1)
	}
}

// value notes the value at b[i] and returns the index after it, or bad.
func (o *Observer) value(b []byte, i int, n *node, depth int) int {
	if i < 0 || i >= len(b) {
		return bad
	}
	switch b[i] {
	case '"':
		end, escaped := scanString(b, i)
		if end < 0 {
			return bad
		}
		n.counts.Strings++
		if n.shape != scalar {
			o.reshape(n, scalar)
		}
		if !n.str.words {
			n.text(b[i+1:end-1], escaped)
		}
		return end
	case '{':
		return o.object(b, i, n, depth-1)
	case '[':
		return o.array(b, i, n, depth-1)
	case 'n':
		n.counts.Nulls++
		return scanWord(b, i)
	case 't', 'f':
		n.counts.Booleans++
		if n.shape != scalar {
			o.reshape(n, scalar)
		}
		return scanWord(b, i)
	}
	if at := jsonscan.Space(b, i); at > i {
		return o.value(b, at, n, depth)
	}
	return o.number(b, i, n)
}

// number notes the number at b[i] and returns the index after it, or bad.
func (o *Observer) number(b []byte, i int, n *node) int {
	end, spelling, whole, frac := 0, shortInt, 0, 0
	if i+8 <= len(b) {
		end, whole, frac = scanShort(b[i : i+8])
	}
	switch {
	case end == 0:
		if end, spelling, whole, frac = scanNumber(b, i); end < 0 {
			return bad
		}
	case frac > 0:
		end, spelling = i+end, shortFrac
	default:
		end += i
	}
	if n.shape != scalar {
		o.reshape(n, scalar)
	}
	switch spelling {
	case shortInt:
		n.counts.Integers++
		n.num.whole = max(n.num.whole, whole)
		n.num.zero = n.num.zero || whole == 0
	case shortFrac:
		n.fraction(b[:end], whole, frac)
	default:
		n.longNumber(b[i:end])
	}
	return end
}

// skip passes the value at b[i], which is not looked at.
func (o *Observer) skip(b []byte, i, depth int) int {
	if i < 0 {
		return bad
	}
	return skipValue(b, i, depth)
}

// clip shortens a foreign text for a message.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return string([]rune(s[:most])) + "…"
}
