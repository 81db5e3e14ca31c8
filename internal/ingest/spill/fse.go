package spill

import (
	"encoding/binary"
	"math/bits"
)

// A bitWriter writes numbers of some bits, the lowest first, into a buffer that is
// long enough.
type bitWriter struct {
	out []byte
	at  int
	acc uint64
	n   uint32 // bits in acc
}

// add takes the lowest bits of v. Not more than 57 fit between two flushes.
func (w *bitWriter) add(v, bits uint32) {
	w.acc |= uint64(v&(1<<(bits&31)-1)) << (w.n & 63)
	w.n += bits
}

// flush writes all whole bytes.
func (w *bitWriter) flush() {
	binary.LittleEndian.PutUint64(w.out[w.at:], w.acc)
	w.at += int(w.n >> 3)
	w.acc >>= w.n & 56
	w.n &= 7
}

// An fseTable codes symbols with known probabilities: RFC 8878, 4.1. It has at most 64
// states and symbols.
type fseTable struct {
	states  [64]uint16
	symbols [64]fseSymbol
}

type fseSymbol struct {
	bits uint32 // how many are written, in the upper half, less where one more is
	find int32  // its states among all, less the number of the first
}

// newFSETable makes the table of symbols that have so many of the 1<<log states; -1
// is one state, for a symbol that is less probable than that.
func newFSETable(log uint32, states []int) *fseTable {
	t := &fseTable{}
	spread := spreadSymbols(log, states)
	starts, sum := make([]int, len(states)), 0
	for s, n := range states {
		n = max(n, -n)
		starts[s] = sum
		if n > 1 {
			most := log - uint32(bits.Len(uint(n-1))) + 1 // the bits of those of its states that need more
			t.symbols[s] = fseSymbol{most<<16 - uint32(n)<<most, int32(sum - n)}
		} else {
			t.symbols[s] = fseSymbol{log<<16 - 1<<log, int32(sum - 1)}
		}
		sum += n
	}
	for state, s := range spread {
		t.states[starts[s]] = uint16(1<<log + state)
		starts[s]++
	}
	return t
}

// spreadSymbols gives each state its symbol.
func spreadSymbols(log uint32, states []int) []int {
	size := 1 << log
	spread := make([]int, size)
	high := size
	for s, n := range states {
		if n < 0 {
			high--
			spread[high] = s
		}
	}
	at := 0
	for s, n := range states {
		for range max(n, 0) {
			spread[at] = s
			for at = (at + size>>1 + size>>3 + 3) & (size - 1); at >= high; {
				at = (at + size>>1 + size>>3 + 3) & (size - 1)
			}
		}
	}
	return spread
}

// first returns a state of the symbol that is read last.
func (t *fseTable) first(symbol uint32) uint32 {
	s := t.symbols[symbol&63]
	n := (s.bits + 1<<15) >> 16
	return uint32(t.states[(int32((n<<16-s.bits)>>n)+s.find)&63])
}

// next writes what leads from the state of a symbol to the state before, and
// returns that.
func (t *fseTable) next(w *bitWriter, state, symbol uint32) uint32 {
	s := &t.symbols[symbol&63]
	n := (state + s.bits) >> 16
	w.add(state, n)
	return uint32(t.states[(int32(state>>(n&31))+s.find)&63])
}

// literalCode returns the code of a number of literals: RFC 8878, 3.1.1.3.2.1.1.
func literalCode(n uint32) uint32 {
	switch {
	case n < 16:
		return n
	case n < 24:
		return 16 + (n-16)>>1
	case n < 32:
		return 20 + (n-24)>>2
	case n < 48:
		return 22 + (n-32)>>3
	case n < 64:
		return 24
	}
	return uint32(bits.Len32(n)) + 18
}

// matchCode returns the code of a length of a match, less three.
func matchCode(n uint32) uint32 {
	switch {
	case n < 32:
		return n
	case n < 40:
		return 32 + (n-32)>>1
	case n < 48:
		return 36 + (n-40)>>2
	case n < 64:
		return 38 + (n-48)>>3
	case n < 96:
		return 40 + (n-64)>>4
	case n < 128:
		return 42
	}
	return uint32(bits.Len32(n)) + 35
}

// How many of the bits of a number follow its code.
var (
	literalBits = [64]uint8{16: 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	matchBits   = [64]uint8{32: 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
)
