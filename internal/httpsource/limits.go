package httpsource

import (
	"time"

	"millwright/internal/httpsource/decode"
)

// Limits bound what one answer may cost. Zero fields mean the default.
// Every limit that is reached is an error that names it and says how to raise it.
type Limits struct {
	Connect       time.Duration // until a connection stands; 10 s
	TLS           time.Duration // for the TLS handshake; 10 s
	Header        time.Duration // from the request to the answer's header; 30 s
	Idle          time.Duration // between two reads of a body; 30 s
	Total         time.Duration // for one answer in all; 30 min
	HeaderBytes   int64         // of an answer's header; 256 KB
	WireBytes     int64         // of a body as received; 4 GB
	DecodedBytes  int64         // of a body after decompression; 16 GB
	Ratio         int64         // decoded bytes for one received byte, counted after 10 MB; 200
	RecordBytes   int64         // of one record; 32 MB
	DocumentBytes int64         // of a document that has to be held whole; 64 MB
	Depth         int           // of nesting; 512
	Keys          int           // of one object; 10,000
	Redirects     int           // for one page; 5
	Throughput    int64         // least bytes a second of a body, over each Window; 16
	Window        time.Duration // of waiting for the source; 1 min

	tempDir string // of the client
}

func (l Limits) withDefaults() Limits {
	d := Limits{
		Connect: 10 * time.Second, TLS: 10 * time.Second, Header: 30 * time.Second,
		Idle: 30 * time.Second, Total: 30 * time.Minute,
		HeaderBytes: 256 << 10, WireBytes: 4 << 30, DecodedBytes: 16 << 30, Ratio: 200,
		RecordBytes: 32 << 20, DocumentBytes: 64 << 20, Depth: 512, Keys: 10_000, Redirects: 5, Throughput: 16, Window: time.Minute,
	}
	set(&d.Connect, l.Connect)
	set(&d.TLS, l.TLS)
	set(&d.Header, l.Header)
	set(&d.Idle, l.Idle)
	set(&d.Total, l.Total)
	set(&d.HeaderBytes, l.HeaderBytes)
	set(&d.WireBytes, l.WireBytes)
	set(&d.DecodedBytes, l.DecodedBytes)
	set(&d.Ratio, l.Ratio)
	set(&d.RecordBytes, l.RecordBytes)
	set(&d.DocumentBytes, l.DocumentBytes)
	set(&d.Depth, l.Depth)
	set(&d.Keys, l.Keys)
	set(&d.Redirects, l.Redirects)
	set(&d.Throughput, l.Throughput)
	set(&d.Window, l.Window)
	return d
}

// with returns l with the overrides of one connection.
func (l Limits) with(o LimitOverride) Limits {
	set(&l.WireBytes, o.WireBytes)
	set(&l.DecodedBytes, o.DecodedBytes)
	set(&l.RecordBytes, o.RecordBytes)
	set(&l.DocumentBytes, o.DocumentBytes)
	set(&l.Ratio, o.Ratio)
	set(&l.Keys, int(o.Keys))
	set(&l.Throughput, o.Throughput)
	set(&l.Total, time.Duration(o.TotalSeconds)*time.Second)
	set(&l.Idle, time.Duration(o.IdleSeconds)*time.Second)
	return l
}

// decoding are the limits of a body after it was received.
func (l Limits) decoding() decode.Limits {
	return decode.Limits{DecodedBytes: l.DecodedBytes, Ratio: l.Ratio, RecordBytes: l.RecordBytes, DocumentBytes: l.DocumentBytes, Depth: l.Depth, Keys: l.Keys, TempDir: l.tempDir}
}

func set[T comparable](to *T, value T) {
	var zero T
	if value != zero {
		*to = value
	}
}
