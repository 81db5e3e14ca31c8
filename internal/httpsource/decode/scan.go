package decode

import "millwright/internal/jsonscan"

// A scan ends at the index behind what it read, or at one of these.
const (
	short = jsonscan.Short // the value goes on behind the bytes that are there
	wrong = jsonscan.Wrong // it is not strict JSON
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

// Bounds of what a scanner remembers of the names that it has seen.
const (
	maxPatterned      = 4096
	maxPatternedBytes = 256 << 10
	maxPatternedDepth = 32
)

func newScanner() *scanner { return &scanner{nowhere: pattern{closed: true}} }

// levels is how deep jsontext allows values to nest.
const levels = 10_000

// value scans the value at b[i] or behind white space there, with so many levels left.
func (s *scanner) value(b []byte, i int, at *pattern, room int) int {
	for i < len(b) {
		switch b[i] {
		case '"':
			end, _ := jsonscan.String(b, i)
			return end
		case '{':
			return s.object(b, i, at, room)
		case '[':
			return s.array(b, i, at, room)
		case 't', 'f', 'n':
			return scanWord(b, i)
		case ' ', '\n', '\r', '\t':
			i = jsonscan.Space(b, i+1)
		default:
			return scanNumber(b, i, s.last)
		}
	}
	return short
}

// object scans the object at b[i].
func (s *scanner) object(b []byte, i int, at *pattern, room int) int {
	if room--; room < 0 {
		return wrong
	}
	s.room = min(s.room, room)
	s.objects++
	o := members{scanner: s, at: at, id: s.objects}
	end := o.scan(b, i+1, room)
	s.keys = max(s.keys, o.count)
	if o.others != nil {
		s.open--
	}
	return end
}

// array scans the array at b[i].
func (s *scanner) array(b []byte, i int, at *pattern, room int) int {
	if room--; room < 0 {
		return wrong
	}
	s.room = min(s.room, room)
	if i = jsonscan.Space(b, i+1); i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		if i = s.value(b, i, at, room); i < 0 {
			return i
		}
		if i < len(b) && b[i] <= ' ' {
			i = jsonscan.Space(b, i)
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
			i = jsonscan.Space(b, i)
		}
	}
}
