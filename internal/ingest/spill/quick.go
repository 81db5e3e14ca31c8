package spill

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/klauspost/compress/s2"
)

// A quick compresses to zstd frames (RFC 8878) at some times the speed of the usual
// encoder, and to somewhat more: the matches are those that S2 finds, literals are
// stored as they are, and the codes of sequences have their predefined probabilities,
// so that no table is made for a block. Any zstd reader reads it.
type quick struct {
	tags      []byte     // what S2 made of a block
	sequences []sequence // of a block
	last      [3]uint32  // offsets of the matches before, as the reader remembers them

	literal, match, offset *fseTable
	literalCodes           [64]uint8  // of the numbers of literals that are that small
	matchCodes             [128]uint8 // of the lengths of matches, less three
}

// A sequence is literals and the match behind them.
type sequence struct {
	literals, match uint32 // bytes; of the match, less three
	offset          uint32 // as it is coded: 1 to 3 name one of the last offsets
}

const (
	blockMost  = 128 << 10 // bytes in a block of a frame
	blockWorth = 64        // bytes that a block must save to be compressed
	matchWorth = 6         // bytes of a match that is shorter than its code is not worth it
)

func newQuick() *quick {
	// RFC 8878, 3.1.1.3.2.2: the default distributions.
	q := &quick{
		literal: newFSETable(6, []int{4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1}),
		match: newFSETable(6, []int{1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
			1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1}),
		offset: newFSETable(5, []int{1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1}),
	}
	for n := range q.literalCodes {
		q.literalCodes[n] = uint8(literalCode(uint32(n)))
	}
	for n := range q.matchCodes {
		q.matchCodes[n] = uint8(matchCode(uint32(n)))
	}
	return q
}

// append appends data as a frame with a checksum.
func (q *quick) append(dst, data []byte) []byte {
	dst = appendFrameStart(dst, len(data))
	sum := xxh64(data)
	q.last = [3]uint32{1, 4, 8}
	for more := true; more; {
		block := data[:min(len(data), blockMost)]
		data = data[len(block):]
		more = len(data) > 0
		dst = q.block(dst, block, !more)
	}
	return binary.LittleEndian.AppendUint32(dst, uint32(sum))
}

// block appends a block, compressed if that is of use.
func (q *quick) block(dst, data []byte, last bool) []byte {
	start, before := len(dst), q.last
	dst = append(dst, 0, 0, 0)
	dst = q.compressed(dst, data)
	if size := len(dst) - start - 3; size+blockWorth <= len(data) {
		putBlockHeader(dst[start:], compressedBlock, size, last)
		return dst
	}
	q.last = before
	return appendRawBlock(dst[:start], data, last)
}

// compressed appends the literals of a block, and then its sequences.
func (q *quick) compressed(dst, data []byte) []byte {
	if need := s2.MaxEncodedLen(len(data)); cap(q.tags) < need {
		q.tags = make([]byte, need)
	}
	tags := s2.EncodeSnappy(q.tags[:cap(q.tags)], data)
	_, n := binary.Uvarint(tags)
	start := len(dst)
	dst = append(dst, 0, 0, 0)
	dst = q.parse(dst, tags[n:], data)
	size := len(dst) - start - 3
	// Raw literals, with their size in 20 bits.
	header := uint32(3<<2 | size<<4)
	dst[start], dst[start+1], dst[start+2] = byte(header), byte(header>>8), byte(header>>16)
	return q.code(dst)
}

// parse appends the literals of a block, and notes its sequences as S2 found them. The
// tags are those of the Snappy format.
func (q *quick) parse(dst, tags, data []byte) []byte {
	q.sequences = q.sequences[:0]
	done, at := 0, 0 // bytes of data that are in a sequence, and that were read
	length, offset := 0, uint32(0)
	for i := 0; i < len(tags); {
		tag := uint32(tags[i])
		var n int
		var back uint32
		switch tag & 3 {
		case 0:
			var size int
			n, size = literalRun(tags[i:])
			i += size + n
		case 1:
			n, back = int(4+tag>>2&7), tag>>5<<8|uint32(tags[i+1])
			i += 2
		case 2:
			n, back = int(1+tag>>2), uint32(binary.LittleEndian.Uint16(tags[i+1:]))
			i += 3
		default:
			n, back = int(1+tag>>2), binary.LittleEndian.Uint32(tags[i+1:])
			i += 5
		}
		// Snappy cuts long matches into pieces.
		if back != offset || back == 0 {
			if length >= matchWorth {
				dst = q.note(dst, data[done:at-length], length, offset)
				done = at
			}
			length = 0
		}
		at += n
		if offset = back; back != 0 {
			length += n
		}
	}
	if length >= matchWorth {
		dst = q.note(dst, data[done:at-length], length, offset)
		done = at
	}
	return append(dst, data[done:]...)
}

// literalRun returns how many literals follow a tag, and the size of the tag.
func literalRun(tags []byte) (n, size int) {
	n = int(tags[0] >> 2)
	if n < 60 {
		return n + 1, 1
	}
	size, n = n-59, 0
	for j := range size {
		n |= int(tags[1+j]) << (8 * j)
	}
	return n + 1, 1 + size
}

// note appends literals, and notes them with the match behind them.
func (q *quick) note(dst, literals []byte, match int, offset uint32) []byte {
	s := sequence{literals: uint32(len(literals)), match: uint32(match - 3)}
	if s.literals > 0 && offset == q.last[0] {
		s.offset = 1
	} else {
		s.offset = q.name(offset, s.literals == 0)
	}
	q.sequences = append(q.sequences, s)
	return append(dst, literals...)
}

// name returns an offset as the reader knows it: as one of the last three, or by its
// number; see RFC 8878, 3.1.1.5.
func (q *quick) name(offset uint32, noLiterals bool) (value uint32) {
	at := 2
	switch {
	case offset == q.last[0] && !noLiterals:
		return 1
	case offset == q.last[1]:
		value, at = 2, 1
	case offset == q.last[2]:
		value = 3
	default:
		value = offset + 4 // less one below, or not
	}
	if noLiterals || value > 3 {
		value--
	}
	if at == 2 {
		q.last[2] = q.last[1]
	}
	q.last[1] = q.last[0]
	q.last[0] = offset
	return value
}

// code appends the sequences section.
func (q *quick) code(dst []byte) []byte {
	switch n := len(q.sequences); {
	case n == 0:
		return append(dst, 0)
	case n < 128:
		dst = append(dst, byte(n))
	case n < 0x7F00:
		dst = append(dst, byte(n>>8)+128, byte(n))
	default:
		dst = append(dst, 255, byte(n-0x7F00), byte((n-0x7F00)>>8))
	}
	dst = append(dst, 0) // all three tables are the predefined ones
	return q.stream(dst)
}

// stream appends the codes of all sequences, which are read from the end.
func (q *quick) stream(dst []byte) []byte {
	const most = 10 // bytes of a sequence
	w := bitWriter{out: slices.Grow(dst, most*len(q.sequences)+2*most)}
	w.out = w.out[:cap(w.out)]
	w.at = len(dst)
	var literal, match, offset uint32 // states
	for i := len(q.sequences) - 1; i >= 0; i-- {
		s := &q.sequences[i]
		l, m, o := q.codes(s)
		if i == len(q.sequences)-1 {
			match, offset, literal = q.match.first(m), q.offset.first(o), q.literal.first(l)
		} else {
			offset = q.offset.next(&w, offset, o)
			match = q.match.next(&w, match, m)
			literal = q.literal.next(&w, literal, l)
		}
		w.add(s.literals, uint32(literalBits[l&63]))
		w.add(s.match, uint32(matchBits[m&63]))
		w.flush()
		w.add(s.offset, o)
		w.flush()
	}
	w.add(match, 6)
	w.add(offset, 5)
	w.add(literal, 6)
	w.add(1, 1) // where the reader begins
	w.flush()
	if w.n > 0 {
		w.out[w.at] = byte(w.acc)
		w.at++
	}
	return w.out[:w.at]
}

// codes returns the codes of the parts of a sequence.
func (q *quick) codes(s *sequence) (literal, match, offset uint32) {
	if s.literals < 64 {
		literal = uint32(q.literalCodes[s.literals])
	} else {
		literal = literalCode(s.literals)
	}
	if s.match < 128 {
		match = uint32(q.matchCodes[s.match])
	} else {
		match = matchCode(s.match)
	}
	return literal, match, uint32(bits.Len32(s.offset) - 1)
}
