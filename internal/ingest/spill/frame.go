package spill

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/zstd"
)

// newEncoder returns what compresses frames, one at a time.
func newEncoder() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
}

// appendFrame appends data as a frame of records, or of rests of pages, by what appends
// a zstd frame.
func appendFrame(dst, data []byte, rest bool, pack func(data, dst []byte) []byte) []byte {
	if !rest {
		return pack(data, dst)
	}
	start := len(dst)
	dst = pack(data, append(dst, frameHeader(restFrame, 0)...))
	binary.LittleEndian.PutUint32(dst[start+4:], uint32(len(dst)-start-8))
	return dst
}

// appendStored appends data to dst as a zstd frame (RFC 8878) that holds it as it is,
// and ends with a checksum. Readers need a window of as many bytes.
func appendStored(data, dst []byte) []byte {
	const (
		magic   = 0xFD2FB528
		segment = 2<<6 | 1<<5 | 1<<2 // size in four bytes, no window, checksum
		block   = 128 << 10          // the most that a block may hold
	)
	dst = binary.LittleEndian.AppendUint32(dst, magic)
	dst = binary.LittleEndian.AppendUint32(append(dst, segment), uint32(len(data)))
	sum := xxhash.Sum64(data)
	for more := true; more; {
		part := data[:min(len(data), block)]
		data = data[len(part):]
		more = len(data) > 0
		header := uint32(len(part)) << 3
		if !more {
			header |= lastBlock
		}
		dst = append(append(dst, byte(header), byte(header>>8), byte(header>>16)), part...)
	}
	return binary.LittleEndian.AppendUint32(dst, uint32(sum))
}

// What the header of a block says.
const (
	lastBlock = 1
	blockKind = 3 << 1
	asItIs    = 0 << 1
	oneByte   = 1 << 1 // repeated
)

// A frame is where a frame of a file lies.
type frame struct {
	magic     uint32
	body, end int64 // body: of a skippable frame, what it holds; else the whole
	stored    int64 // bytes that a frame which is not skippable holds as they are
}

// frameAt finds the frame at an offset.
func frameAt(f io.ReaderAt, at int64) (frame, error) {
	var buf [zstd.HeaderMaxSize]byte
	n, err := f.ReadAt(buf[:], at)
	if n < 8 {
		return frame{}, errors.Join(err, io.ErrUnexpectedEOF)
	}
	magic := binary.LittleEndian.Uint32(buf[:])
	if magic&^0xF == skippable&^0xF {
		return frame{magic: magic, body: at + 8, end: at + 8 + int64(binary.LittleEndian.Uint32(buf[4:]))}, nil
	}
	var h zstd.Header
	if err := h.Decode(buf[:n]); err != nil {
		return frame{}, err
	}
	found := frame{magic: magic, body: at, end: at + int64(h.HeaderSize)}
	for last := false; !last; {
		var b [3]byte
		if _, err := f.ReadAt(b[:], found.end); err != nil {
			return frame{}, err
		}
		header := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16
		size := int64(header >> 3)
		switch header & blockKind {
		case asItIs:
			found.stored += size
		case oneByte:
			size = 1
		}
		found.end += 3 + size
		last = header&lastBlock != 0
	}
	if h.HasCheckSum {
		found.end += 4
	}
	return found, nil
}
