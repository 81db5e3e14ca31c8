package spill_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"millwright/internal/ingest/spill"
)

// unpack shows a frame to a decoder, which checks its checksum, too.
func unpack(t *testing.T, want []byte) (packed int) {
	t.Helper()
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	frame := spill.AppendQuick([]byte("before"), want)
	got, err := z.DecodeAll(frame[len("before"):], nil)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d bytes: %d come back, %v", len(want), len(got), err)
	}
	return len(frame) - len("before")
}

func TestQuickFramesAreZstd(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 3, 4, 7, 8, 31, 32, 33, 63, 100, 5000, 128<<10 - 1, 128 << 10, 128<<10 + 1, 1 << 20, 1<<20 + 13} {
		unpack(t, bytes.Repeat([]byte("abcdefghijk"), size/11+1)[:size])
		unpack(t, make([]byte, size))
		noise := make([]byte, size)
		for i := range noise {
			noise[i] = byte(rand.Uint32())
		}
		unpack(t, noise)
	}
}

func TestQuickFramesAreSmall(t *testing.T) {
	t.Parallel()
	records, _ := sample(5000)
	lines := []byte(strings.Join(lines(records), "\n"))
	if packed := unpack(t, lines); packed > len(lines)*2/5 {
		t.Errorf("%d bytes become %d", len(lines), packed)
	}
}

// Matches and literals of every length, and offsets that come again, have codes of
// their own.
func TestQuickFramesOfAllLengths(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 60 {
		data := make([]byte, 0, 300<<10)
		noise := func(n int) {
			for range n {
				data = append(data, byte(r.Uint32()))
			}
		}
		noise(64)
		for len(data) < cap(data)/2 {
			noise(r.IntN(1 << r.IntN(17)))
			from := r.IntN(len(data))
			if round%2 == 0 {
				from = max(0, len(data)-1<<r.IntN(10)) // the same few offsets
			}
			for range 1 + r.IntN(1<<r.IntN(17)) {
				data = append(data, data[from])
				from++
			}
		}
		unpack(t, data)
	}
}

func FuzzQuick(f *testing.F) {
	f.Add([]byte(`{"id":1,"name":"a"}`+"\n"+`{"id":2,"name":"a"}`), 50)
	f.Add([]byte("\x00\x00\x00\x00"), 70_000)
	f.Fuzz(func(t *testing.T, data []byte, times int) {
		if times > 1000 || times < 0 || len(data)*times > 1<<20 {
			t.Skip()
		}
		all := bytes.Clone(data)
		for i := range times {
			all = append(fmt.Append(all, i), data...)
		}
		unpack(t, all)
	})
}

func BenchmarkQuick(b *testing.B) {
	records, _ := sample(2500)
	data := []byte(strings.Join(lines(records), "\n"))
	b.SetBytes(int64(len(data)))
	var frame []byte
	for b.Loop() {
		frame = spill.AppendQuick(frame[:0], data)
	}
	b.ReportMetric(float64(len(data))/float64(len(frame)), "ratio")
}
