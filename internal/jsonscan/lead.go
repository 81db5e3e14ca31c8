package jsonscan

import "encoding/binary"

// A Lead is the text in front of a member's value: a comma unless it is the first, white
// space, the name, a colon. It was scanned once, so the same bytes again are right again,
// and mean the same name. The zero Lead is not known.
type Lead struct {
	low, high         uint64 // its first 16 bytes
	lowMask, highMask uint64
	n                 int // its length; 0 if it is not known
	text              string
	learned           int // how often it was
}

// Bounds of a lead: what is around a name in it, and how often it may change.
const (
	maxLeadSpace = 64
	maxLearned   = 4
)

// Len returns how many bytes it has; 0 if it is not known.
func (l *Lead) Len() int { return l.n }

// Is reports whether b[i:] begins with the lead, which is known.
func (l *Lead) Is(b []byte, i int) bool {
	p := b[i:]
	if len(p) < 16 || l.n > 16 {
		return l.isLong(p)
	}
	return (binary.LittleEndian.Uint64(p)^l.low)&l.lowMask|(binary.LittleEndian.Uint64(p[8:16])^l.high)&l.highMask == 0
}

// isLong is Is for leads of more than 16 bytes, and near the end.
func (l *Lead) isLong(p []byte) bool { return len(p) >= l.n && string(p[:l.n]) == l.text }

// Learn makes b[start:end], which holds a name of so many bytes as JSON, the lead, unless
// it changed too often or has too much white space. It reports whether it is the lead now.
func (l *Lead) Learn(b []byte, start, end, name int) bool {
	if l.n == end-start && l.Is(b, start) {
		return true
	}
	if l.learned == maxLearned || end-start > name+maxLeadSpace {
		return false
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
