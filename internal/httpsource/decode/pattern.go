package decode

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/jsonscan"
)

// A pattern is what the objects at one place looked like so far. Records of one
// source mostly have the same names in the same order and the same white space: a
// name that is the expected one, with all that stands around it, costs one comparison
// and is not looked up.
type pattern struct {
	first  *patternName  // of the last object that was not like the one before it; may be nil
	lead   jsonscan.Lead // from the brace to the value of the first; known if there is one
	index  map[string]*patternName
	closed bool // takes no names
}

type patternName struct {
	lead  jsonscan.Lead // from the value before it to its own
	then  *patternName  // what followed it; nil, or its lead is known
	seen  uint64        // the object that had it last
	below pattern       // of objects in its value, also within arrays
}

// members are those of one object while it is scanned.
type members struct {
	*scanner
	at     *pattern
	id     uint64
	count  int
	others *nameSet // names that the pattern has no room for
}

// skipped is how many names in a row may be missing without a lookup.
const skipped = 3

// scan scans the members from b[i], behind the brace.
func (o *members) scan(b []byte, i, room int) int {
	var last *patternName // the name before
	next, l := o.at.first, &o.at.lead
	for {
		if next != nil && !l.Is(b, i) {
			next, l = missing(b, i, last, next)
		}
		below := &o.nowhere
		if next == nil {
			end, done := 0, false
			if next, end, done = o.lead(b, i, room, last); done || end < 0 {
				return end
			}
			i = end
		} else {
			if next.seen == o.id {
				return wrong
			}
			next.seen = o.id
			i += l.Len()
		}
		if next != nil {
			below = &next.below
		}
		o.count++
		switch {
		case i >= len(b):
			return short
		case b[i] == '"':
			i, _ = jsonscan.String(b, i)
		case b[i]-'0' <= 9:
			i = scanNumber(b, i, o.last)
		default:
			i = o.value(b, i, below, room)
		}
		switch {
		case i < 0:
			return i
		case i < len(b) && b[i] == '}':
			return i + 1
		}
		if last = next; next != nil {
			if next = next.then; next != nil {
				l = &next.lead
			}
		}
	}
}

// missing returns the next name that does stand at b[i], behind some that were expected
// and are missing; nil if it is not found so.
func missing(b []byte, i int, last, next *patternName) (*patternName, *jsonscan.Lead) {
	if last == nil {
		return nil, nil // the first lead is of one name alone
	}
	for range skipped {
		if next = next.then; next == nil || next.lead.Is(b, i) {
			break
		}
	}
	if next == nil || !next.lead.Is(b, i) {
		return nil, nil
	}
	return next, &next.lead
}

// lead scans from b[i], where a value or the brace ended, to the next value, and
// returns its name, nil if that is not remembered, and where it begins. It is done if
// the object ends instead.
func (o *members) lead(b []byte, i, room int, last *patternName) (c *patternName, end int, done bool) {
	start := i
	if i = jsonscan.Space(b, i); i < len(b) && b[i] == '}' {
		return nil, i + 1, true
	}
	if o.count > 0 && i < len(b) {
		if b[i] != ',' {
			return nil, wrong, false
		}
		i = jsonscan.Space(b, i+1)
	}
	if i >= len(b) {
		return nil, short, false
	}
	if b[i] != '"' {
		return nil, wrong, false
	}
	if end, _ = jsonscan.String(b, i); end < 0 {
		return nil, end, false
	}
	name := b[i:end]
	c, ok := o.meet(name, room)
	if !ok {
		return nil, wrong, false
	}
	if i = jsonscan.Space(b, end); i >= len(b) {
		return nil, short, false
	}
	if b[i] != ':' {
		return nil, wrong, false
	}
	i = jsonscan.Space(b, i+1)
	if c != nil {
		o.expect(b, start, i, len(name), last, c)
	}
	return c, i, false
}

// expect makes c, with b[start:end] in front of its value, what is expected behind
// last, or at the beginning of an object.
func (o *members) expect(b []byte, start, end, name int, last, c *patternName) {
	l := &c.lead
	if o.count == 0 {
		l = &o.at.lead
	}
	if !l.Learn(b, start, end, name) {
		return
	}
	switch {
	case o.count == 0:
		o.at.first = c
	case last != nil:
		last.then = c
	}
}

// meet notes a name, given as JSON, and returns what is remembered of it; nil if
// nothing is. It reports false if the object has it already.
func (o *members) meet(quoted []byte, room int) (*patternName, bool) {
	name := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		// Valid, as it was scanned. The set keeps it, so it needs memory of its own.
		name, _ = jsontext.AppendUnquote(nil, quoted)
	}
	c := o.at.index[string(name)]
	if c == nil && !o.at.closed && o.others == nil && o.places < maxPatterned && o.bytes+len(name) <= maxPatternedBytes && room > levels-maxPatternedDepth {
		c = o.add(name)
	}
	if c == nil {
		if o.others == nil {
			o.others = o.set()
		}
		return nil, o.others.add(name)
	}
	if c.seen == o.id {
		return nil, false
	}
	c.seen = o.id
	return c, true
}

// add puts a name into the pattern.
func (o *members) add(name []byte) *patternName {
	c := new(patternName)
	if o.at.index == nil {
		o.at.index = map[string]*patternName{}
	}
	o.at.index[string(name)] = c
	o.places++
	o.bytes += len(name)
	return c
}

// set returns an empty set of names, which is in use until open is lowered.
func (s *scanner) set() *nameSet {
	if s.open == len(s.sets) {
		s.sets = append(s.sets, new(nameSet))
	}
	s.open++
	set := s.sets[s.open-1]
	set.clear()
	return set
}
