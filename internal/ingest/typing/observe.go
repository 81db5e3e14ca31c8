package typing

import (
	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/errs"
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
	i := scanSpace(record, 0)
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
		i = scanSpace(record, i)
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
	id, next := o.objects, 0
	i = scanSpace(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1
	}
	for {
		var child *node
		// Records of one source mostly have the same keys in the same order.
		if next < len(n.fields) {
			c := n.fields[next]
			if end := i + len(c.raw); end < len(b) && c.raw != "" && string(b[i:end]) == c.raw {
				if child, i = c, end; b[i] <= ' ' {
					i = scanSpace(b, i)
				}
			}
		}
		if child == nil {
			if child, i = o.key(b, i, n); i < 0 {
				return bad
			}
			i = scanColon(b, i)
		}
		if child == nil {
			i = o.skip(b, i, depth-1)
		} else {
			if n.entry == nil {
				if child.seen == id {
					return o.stop(errs.New(errs.Invalid, "an object of a record has a key twice: %q", clip(child.key)).Named("duplicate-key"))
				}
				child.seen = id
				next = child.pos + 1
			}
			if i >= 0 && i < len(b) && b[i] == '"' {
				i = o.text(b, i, child)
			} else {
				i = o.value(b, i, child, depth)
			}
		}
		if i < 0 {
			return i
		}
		if i < len(b) && b[i] <= ' ' {
			i = scanSpace(b, i)
		}
		if i >= len(b) || b[i] != ',' {
			break
		}
		if i++; i < len(b) && b[i] <= ' ' {
			i = scanSpace(b, i)
		}
	}
	return scanLast(b, i, '}')
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
	i = scanSpace(b, i+1)
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
		if i = scanSpace(b, i); i >= len(b) {
			return bad
		}
		if b[i] == ']' {
			return i + 1
		}
		if b[i] != ',' {
			return bad
		}
		i = scanSpace(b, i+1)
	}
}

// value notes the value at b[i] and returns the index after it, or bad.
func (o *Observer) value(b []byte, i int, n *node, depth int) int {
	if i < 0 || i >= len(b) {
		return bad
	}
	switch b[i] {
	case '"':
		return o.text(b, i, n)
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
	return o.number(b, i, n)
}

// text notes the string at b[i] and returns the index after it, or bad.
func (o *Observer) text(b []byte, i int, n *node) int {
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
}

// number notes the number at b[i] and returns the index after it, or bad.
func (o *Observer) number(b []byte, i int, n *node) int {
	end, spelling, whole, frac := scanNumber(b, i)
	if end < 0 {
		return bad
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
		n.counts.Fractions++
		n.num.floats++
		n.num.whole = max(n.num.whole, whole)
		n.num.scale = max(n.num.scale, frac)
		if frac > n.num.minScale {
			n.num.minScale = max(n.num.minScale, trimZeros(b[:end], frac))
		}
		if whole == 0 && !n.num.zero {
			n.num.zero = trimZeros(b[:end], frac) == 0
		}
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
