package decode

import (
	endian "encoding/binary"
	"math/bits"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// A scan ends at the index behind what it read, or at one of these.
const (
	short = -1 // the value goes on behind the bytes that are there
	wrong = -2 // it is not strict JSON
)

// A scanner checks JSON values in memory. It accepts what jsontext accepts by
// default and nothing else: RFC 8259 with valid UTF-8, no lone surrogates and no
// name twice in an object. It says that a value is wrong, not why: for that the
// bytes are shown to jsontext. See docs/decisions/0008.
type scanner struct {
	last bool // nothing follows the bytes that are there

	// Of the value that was scanned last, for the limits.
	room int // levels that were left at its deepest point
	keys int // of its largest object

	objects uint64 // scanned so far; tells objects apart
	places  int    // names in all patterns
	bytes   int    // of them
	sets    []*nameSet
	open    int     // sets in use
	nowhere pattern // below names that have none
}

// A pattern is what the objects at one place looked like so far. Records of one
// source mostly have the same names in the same order: a name that is the expected
// one costs one comparison and is not looked up.
type pattern struct {
	names  []*patternName
	index  map[string]*patternName
	closed bool // takes no names
}

type patternName struct {
	raw   string // as JSON with its colon; empty if it can be spelled in several ways
	pos   int
	seen  uint64  // the object that had it last
	below pattern // of objects in its value, also within arrays
}

// Bounds of what a scanner remembers of the names that it has seen.
const (
	maxPatterned      = 4096
	maxPatternedBytes = 256 << 10
	maxPatternedDepth = 32
)

func newScanner() *scanner { return &scanner{nowhere: pattern{closed: true}} }

// levels is how deep jsontext allows values to nest.
const levels = 10_000

// value scans the value at b[i], with so many levels left.
func (s *scanner) value(b []byte, i int, at *pattern, room int) int {
	if i >= len(b) {
		return short
	}
	switch b[i] {
	case '"':
		return scanString(b, i)
	case '{':
		return s.object(b, i, at, room)
	case '[':
		return s.array(b, i, at, room)
	case 't':
		return scanWord(b, i, "true")
	case 'f':
		return scanWord(b, i, "false")
	case 'n':
		return scanWord(b, i, "null")
	}
	return scanNumber(b, i, s.last)
}

// object scans the object at b[i].
func (s *scanner) object(b []byte, i int, at *pattern, room int) int {
	if room--; room < 0 {
		return wrong
	}
	s.room = min(s.room, room)
	if i = scanSpace(b, i+1); i < len(b) && b[i] == '}' {
		return i + 1
	}
	s.objects++
	o := members{scanner: s, at: at, id: s.objects}
	end := o.scan(b, i, room)
	s.keys = max(s.keys, o.count)
	if o.others != nil {
		s.open--
	}
	return end
}

// members are those of one object while it is scanned.
type members struct {
	*scanner
	at     *pattern
	id     uint64
	next   int // the place in the pattern that is expected next
	count  int
	others *nameSet // names that the pattern has no room for
}

func (o *members) scan(b []byte, i, room int) int {
	for {
		var below *pattern
		if o.next < len(o.at.names) {
			c := o.at.names[o.next]
			if end := i + len(c.raw); c.raw != "" && end < len(b) && string(b[i:end]) == c.raw {
				if c.seen == o.id {
					return wrong
				}
				c.seen, below = o.id, &c.below
				o.next++
				i = end
			}
		}
		if below == nil {
			if below, i = o.name(b, i, room); i < 0 {
				return i
			}
		}
		o.count++
		if i < len(b) && b[i] <= ' ' {
			i = scanSpace(b, i)
		}
		if i < len(b) && b[i] == '"' {
			i = scanString(b, i)
		} else {
			i = o.value(b, i, below, room)
		}
		if i < 0 {
			return i
		}
		if i < len(b) && b[i] <= ' ' {
			i = scanSpace(b, i)
		}
		switch {
		case i >= len(b):
			return short
		case b[i] == '}':
			return i + 1
		case b[i] != ',':
			return wrong
		}
		if i++; i < len(b) && b[i] <= ' ' {
			i = scanSpace(b, i)
		}
	}
}

// name scans a name that is not the expected one, and its colon. It returns the
// pattern of what is below it.
func (o *members) name(b []byte, i, room int) (*pattern, int) {
	if i >= len(b) {
		return nil, short
	}
	if b[i] != '"' {
		return nil, wrong
	}
	end := scanString(b, i)
	if end < 0 {
		return nil, end
	}
	below := o.meet(b[i:end], room)
	if below == nil {
		return nil, wrong
	}
	if i = scanSpace(b, end); i >= len(b) {
		return nil, short
	}
	if b[i] != ':' {
		return nil, wrong
	}
	return below, i + 1
}

// meet notes a name, given as JSON. It returns nil if the object has it already.
func (o *members) meet(quoted []byte, room int) *pattern {
	name, plain := quoted[1:len(quoted)-1], true
	for _, c := range name {
		if c == '\\' {
			plain = false
			// Valid, as it was scanned. The set keeps it, so it needs memory of its own.
			name, _ = jsontext.AppendUnquote(nil, quoted)
			break
		}
	}
	c := o.at.index[string(name)]
	if c == nil && !o.at.closed && o.others == nil && o.places < maxPatterned && o.bytes+len(name) <= maxPatternedBytes && room > levels-maxPatternedDepth {
		c = o.add(name, plain)
	}
	if c == nil {
		if o.others == nil {
			o.others = o.set()
		}
		if !o.others.add(name) {
			return nil
		}
		return &o.nowhere
	}
	if c.seen == o.id {
		return nil
	}
	c.seen, o.next = o.id, c.pos+1
	return &c.below
}

// add puts a name into the pattern.
func (o *members) add(name []byte, plain bool) *patternName {
	c := &patternName{pos: len(o.at.names)}
	if plain {
		c.raw = `"` + string(name) + `":`
	}
	if o.at.index == nil {
		o.at.index = map[string]*patternName{}
	}
	o.at.names, o.at.index[string(name)] = append(o.at.names, c), c
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

// array scans the array at b[i].
func (s *scanner) array(b []byte, i int, at *pattern, room int) int {
	if room--; room < 0 {
		return wrong
	}
	s.room = min(s.room, room)
	if i = scanSpace(b, i+1); i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		if i = s.value(b, i, at, room); i < 0 {
			return i
		}
		if i < len(b) && b[i] <= ' ' {
			i = scanSpace(b, i)
		}
		switch {
		case i >= len(b):
			return short
		case b[i] == ']':
			return i + 1
		case b[i] != ',':
			return wrong
		}
		if i++; i < len(b) && b[i] <= ' ' {
			i = scanSpace(b, i)
		}
	}
}

func scanSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// scanString scans the string whose quote is b[i].
func scanString(b []byte, i int) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	i++
	for {
		// Eight at a time: most bytes of most strings need no thought.
		for i+8 <= len(b) {
			w := endian.LittleEndian.Uint64(b[i:])
			q, s := w^('"'*ones), w^('\\'*ones)
			// A borrow can flag a wrong byte only above a right one, and the lowest counts.
			if m := (w | (w - 0x20*ones) | (q - ones) | (s - ones)) & high; m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				if b[i] == '"' {
					return i + 1
				}
				break
			}
			i += 8
		}
		if i >= len(b) {
			return short
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			if i = scanEscape(b, i); i < 0 {
				return i
			}
		case c < 0x20:
			return wrong
		case c < utf8.RuneSelf:
			i++
		default:
			r, size := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && size == 1 {
				if !utf8.FullRune(b[i:]) {
					return short
				}
				return wrong
			}
			i += size
		}
	}
}

// scanEscape scans the escape whose backslash is b[i].
func scanEscape(b []byte, i int) int {
	if i+1 >= len(b) {
		return short
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		r := hex4(b, i+2)
		switch {
		case r < 0:
			return r
		case r < 0xD800 || r >= 0xE000:
			return i + 6
		case r >= 0xDC00:
			return wrong
		case i+8 > len(b):
			return short
		case b[i+6] != '\\' || b[i+7] != 'u':
			return wrong
		}
		switch low := hex4(b, i+8); {
		case low < 0:
			return low
		case low < 0xDC00 || low >= 0xE000:
			return wrong
		}
		return i + 12
	}
	return wrong
}

// hex4 returns the number that the four hex digits at b[i] spell, short or wrong.
func hex4(b []byte, i int) int {
	if i+4 > len(b) {
		return short
	}
	n := 0
	for _, c := range b[i : i+4] {
		switch {
		case c >= '0' && c <= '9':
			n = n<<4 | int(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			n = n<<4 | int(c|0x20-'a'+10)
		default:
			return wrong
		}
	}
	return n
}

// scanNumber scans the number at b[i]. One that reaches to the end of b may go on
// there, unless nothing follows.
func scanNumber(b []byte, i int, last bool) int {
	if b[i] == '-' {
		i++
	}
	switch {
	case i >= len(b):
		return short
	case b[i] == '0':
		i++
	case b[i]-'1' <= 8:
		i = scanDigits(b, i)
	default:
		return wrong
	}
	if i < len(b) && b[i] == '.' {
		start := i + 1
		if i = scanDigits(b, start); i == start {
			return oneOf(i >= len(b))
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		start := i
		if i = scanDigits(b, i); i == start {
			return oneOf(i >= len(b))
		}
	}
	if i >= len(b) && !last {
		return short
	}
	return i
}

// oneOf says why a number ends too early.
func oneOf(atEnd bool) int {
	if atEnd {
		return short
	}
	return wrong
}

func scanDigits(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}

func scanWord(b []byte, i int, word string) int {
	if len(b)-i < len(word) {
		return short
	}
	if string(b[i:i+len(word)]) != word {
		return wrong
	}
	return i + len(word)
}
