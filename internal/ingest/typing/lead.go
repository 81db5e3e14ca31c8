package typing

import "encoding/binary"

// A lead is the text between a brace or a comma and a value: white space, a key, a
// colon. It was read once, so the same bytes again are right again, and mean the same
// key.
type lead struct {
	low, high         uint64 // its first 16 bytes
	lowMask, highMask uint64
	n                 int // its length; 0 if it is not known
	text              string
	learned           int // how often it was
}

// Bounds of a lead: what is around a key in it, and how often it may change.
const (
	maxLeadSpace = 64
	maxLearned   = 4
)

// is reports whether b[i:] begins with the lead, which is known.
func (l *lead) is(b []byte, i int) bool {
	p := b[i:]
	if len(p) < 16 || l.n > 16 {
		return l.isLong(p)
	}
	return (binary.LittleEndian.Uint64(p)^l.low)&l.lowMask|(binary.LittleEndian.Uint64(p[8:16])^l.high)&l.highMask == 0
}

// isLong is is for leads of more than 16 bytes, and near the end.
func (l *lead) isLong(p []byte) bool { return len(p) >= l.n && string(p[:l.n]) == l.text }

// learn makes it the lead of b[start:end], which holds a key of that length as JSON,
// unless it changed too often. It reports whether it is known now.
func (l *lead) learn(b []byte, start, end, key int) bool {
	if l.n == end-start && l.is(b, start) {
		return true
	}
	if l.learned == maxLearned || end-start > key+maxLeadSpace {
		return l.n > 0
	}
	text := b[start:end]
	var padded, mask [16]byte
	for i := range copy(padded[:], text) {
		mask[i] = 0xFF
	}
	l.low, l.high = binary.LittleEndian.Uint64(padded[:]), binary.LittleEndian.Uint64(padded[8:])
	l.lowMask, l.highMask = binary.LittleEndian.Uint64(mask[:]), binary.LittleEndian.Uint64(mask[8:])
	l.n, l.text = end-start, string(text)
	l.learned++
	return true
}

// skipped is how many keys in a row may be missing without a lookup.
const skipped = 3

// following returns the key that is expected behind n; nil if there is none.
func (n *node) following() *node {
	if n == nil {
		return nil
	}
	return n.then
}

// missing returns the key that does stand at b[i], behind some that were expected and
// are missing; nil if it is not found so.
func (n *node) missing(b []byte, i int) *node {
	for range skipped {
		if n = n.then; n == nil || n.lead.is(b, i) {
			return n
		}
	}
	return nil
}
