package spill

import (
	"encoding/binary"
	"math/bits"
)

// What a block of a frame holds.
const (
	rawBlock        = 0
	compressedBlock = 2
)

// appendFrameStart appends the beginning of a zstd frame (RFC 8878) of so many bytes
// that ends with a checksum.
func appendFrameStart(dst []byte, size int) []byte {
	const (
		magic   = 0xFD2FB528
		segment = 2<<6 | 1<<5 | 1<<2 // size in four bytes, no window, checksum
	)
	dst = binary.LittleEndian.AppendUint32(dst, magic)
	return binary.LittleEndian.AppendUint32(append(dst, segment), uint32(size))
}

func putBlockHeader(b []byte, kind, size int, last bool) {
	header := kind<<1 | size<<3
	if last {
		header |= 1
	}
	b[0], b[1], b[2] = byte(header), byte(header>>8), byte(header>>16)
}

// appendRawBlock appends a block as it is.
func appendRawBlock(dst, data []byte, last bool) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0)
	putBlockHeader(dst[start:], rawBlock, len(data), last)
	return append(dst, data...)
}

// xxh64 is the hash XXH64 with seed 0, of which zstd takes the lower half.
func xxh64(b []byte) uint64 {
	const p1, p2, p3, p4, p5 uint64 = 11400714785074694791, 14029467366897019727, 1609587929392839161, 9650029242287828579, 2870177450012600261
	round := func(acc, in uint64) uint64 { return bits.RotateLeft64(acc+in*p2, 31) * p1 }
	n, h := uint64(len(b)), p5
	if len(b) >= 32 {
		one, two := p1, p2 // variables, as the sums overflow
		v1, v2, v3, v4 := one+two, two, uint64(0), -one
		for ; len(b) >= 32; b = b[32:] {
			v1 = round(v1, binary.LittleEndian.Uint64(b))
			v2 = round(v2, binary.LittleEndian.Uint64(b[8:]))
			v3 = round(v3, binary.LittleEndian.Uint64(b[16:]))
			v4 = round(v4, binary.LittleEndian.Uint64(b[24:]))
		}
		h = bits.RotateLeft64(v1, 1) + bits.RotateLeft64(v2, 7) + bits.RotateLeft64(v3, 12) + bits.RotateLeft64(v4, 18)
		for _, v := range [4]uint64{v1, v2, v3, v4} {
			h = (h^round(0, v))*p1 + p4
		}
	}
	h += n
	for ; len(b) >= 8; b = b[8:] {
		h = bits.RotateLeft64(h^round(0, binary.LittleEndian.Uint64(b)), 27)*p1 + p4
	}
	if len(b) >= 4 {
		h = bits.RotateLeft64(h^uint64(binary.LittleEndian.Uint32(b))*p1, 23)*p2 + p3
		b = b[4:]
	}
	for _, c := range b {
		h = bits.RotateLeft64(h^uint64(c)*p5, 11) * p1
	}
	h = (h ^ h>>33) * p2
	h = (h ^ h>>29) * p3
	return h ^ h>>32
}
