package evil

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"millwright/internal/httpsource"
)

// packer opens a compressor of a kind.
func packer(kind string, w io.Writer) io.WriteCloser {
	switch kind {
	case "gzip":
		return gzip.NewWriter(w)
	case "br":
		return brotli.NewWriterLevel(w, 5)
	case "zstd":
		z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
		if err != nil {
			panic("evil: " + err.Error()) // unreachable: the options are fixed
		}
		return z
	case "deflate":
		return zlib.NewWriter(w)
	case "raw-deflate":
		f, err := flate.NewWriter(w, 5)
		if err != nil {
			panic("evil: " + err.Error()) // unreachable: the level is fixed
		}
		return f
	}
	panic("evil: no compressor " + kind)
}

// packed compresses text by each kind in turn, the last one outermost.
func packed(text string, kinds ...string) string {
	for _, kind := range kinds {
		var b bytes.Buffer
		w := packer(kind, &b)
		_, _ = io.WriteString(w, text) // memory does not fail
		_ = w.Close()
		text = b.String()
	}
	return text
}

// sends answers with a body under a Content-Encoding; "" declares none.
func sends(encoding string, body func(*Source) string) func(http.ResponseWriter, *http.Request, *Source) {
	return func(w http.ResponseWriter, _ *http.Request, s *Source) {
		w.Header().Set("Content-Type", "application/json")
		if encoding != "" {
			w.Header().Set("Content-Encoding", encoding)
		}
		write(w, body(s))
	}
}

// says answers every request with the same text.
func says(text string) func(http.ResponseWriter, *http.Request, *Source) {
	return sends("", func(*Source) string { return text })
}

// bombMB is enough to pass the free part of the ratio.
const bombMB = 12

// blanks is a value that unpacks to megabytes.
func blanks(mb int) string { return `["` + strings.Repeat(" ", mb<<20) + `"]` }

func bombs() []Behaviour {
	ratio := fails("compression-ratio")
	list := []Behaviour{
		{Name: "gzip-in-gzip", Want: ratio, http: sends("gzip, gzip", func(*Source) string { return packed(blanks(bombMB), "gzip", "gzip") })},
		{Name: "br-in-gzip", Want: ratio, http: sends("br, gzip", func(*Source) string { return packed(blanks(bombMB), "br", "gzip") })},
		{Name: "gzip-undeclared", Want: ratio, http: sends("", func(*Source) string { return packed(blanks(bombMB), "gzip") })},
		{Name: "zstd-undeclared-in-gzip", Want: ratio, http: sends("gzip", func(*Source) string { return packed(blanks(bombMB), "zstd", "gzip") })},
		{Name: "three-layers", Want: fails("content-encoding-layers"), http: sends("gzip, gzip, gzip", func(*Source) string { return packed("[]", "gzip", "gzip", "gzip") })},
		{Name: "a-thousand-layers", Want: fails("content-encoding-layers"), http: sends(strings.TrimSuffix(strings.Repeat("gzip, ", 1000), ", "), func(*Source) string { return packed("[]", "gzip") })},
		{Name: "three-layers-undeclared", Want: fails("not-json", "json-invalid"), http: sends("", func(*Source) string { return packed("[]", "gzip", "gzip", "gzip") })},
		{Name: "zstd-window-of-2-gb", Want: fails("content-encoding-invalid"), http: sends("zstd", func(*Source) string { return "\x28\xb5\x2f\xfd\x00\xa8" + strings.Repeat("\x00", 64) })},
		{Name: "decoded-limit", Want: fails("response-too-large"), Limits: httpsource.Limits{DecodedBytes: 1 << 20, Ratio: 1 << 30}, http: sends("gzip", manyRows(60_000, "gzip"))},
		{Name: "wire-limit", Want: fails("response-too-large"), Limits: httpsource.Limits{WireBytes: 1 << 20}, http: sends("", manyRows(60_000))},
		{Name: "one-value-without-end", Want: fails("record-too-large"), Limits: httpsource.Limits{Ratio: 1 << 30}, http: sends("gzip", func(*Source) string { return packed(blanks(bombMB), "gzip") })},
		{Name: "blanks-before-the-value", Want: fails("record-too-large", "not-json", "compression-ratio"), http: sends("gzip", func(*Source) string { return packed(strings.Repeat(" ", bombMB<<20)+"[]", "gzip") })},
		{Name: "in-an-error-page", Want: fails("upstream-status"), http: func(w http.ResponseWriter, _ *http.Request, _ *Source) {
			w.Header().Set("Content-Encoding", "gzip")
			w.WriteHeader(400)
			write(w, packed(blanks(bombMB), "gzip"))
		}},
		{Name: "in-a-redirect", Want: Want{State: httpsource.CompleteUnverified}, http: func(w http.ResponseWriter, r *http.Request, s *Source) {
			if r.URL.Path == "/end" {
				write(w, s.rows(0, 3))
				return
			}
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Location", "/end")
			w.WriteHeader(302)
			write(w, packed(blanks(bombMB), "gzip"))
		}},
		{Name: "on-page-two", Want: ratio, http: func(w http.ResponseWriter, r *http.Request, s *Source) {
			if r.URL.Query().Has("page") {
				sends("gzip", func(*Source) string { return packed(blanks(bombMB), "gzip") })(w, r, s)
				return
			}
			fmt.Fprintf(w, `{"items":%s,"next":"?page=2"}`, s.rows(0, 10))
		}},
		{Name: "repetitive-and-honest", Want: Want{State: httpsource.CompleteUnverified}, http: sends("gzip", func(s *Source) string {
			return packed(s.list(`{"id":0,"text":"`+strings.Repeat(" ", 2<<20)+`"}`), "gzip")
		})},
	}
	for kind, declared := range map[string]string{"gzip": "gzip", "br": "br", "zstd": "zstd", "deflate": "deflate", "raw-deflate": "deflate"} {
		list = append(list, Behaviour{Name: kind, Want: ratio, http: sends(declared, func(*Source) string { return packed(blanks(bombMB), kind) })})
	}
	for i, b := range list {
		if b.Limits.RecordBytes == 0 && b.Name != "one-value-without-end" {
			list[i].Limits.RecordBytes = 64 << 20 // or the one value would be too long first
		}
	}
	return sorted(group("bombs", list...))
}

// manyRows writes n records, compressed by the kinds.
func manyRows(n int, kinds ...string) func(*Source) string {
	return func(s *Source) string { return packed(s.rows(0, n), kinds...) }
}

func encodings() []Behaviour {
	ok := Want{State: httpsource.CompleteUnverified}
	rows := func(kinds ...string) func(*Source) string { return manyRows(2000, kinds...) }
	broken := fails("content-encoding-invalid", "body-truncated")
	cut := func(kind string) func(*Source) string {
		return func(s *Source) string { p := rows(kind)(s); return p[:len(p)/2] }
	}
	return group("encodings",
		Behaviour{Name: "gzip", Want: ok, http: sends("gzip", rows("gzip"))},
		Behaviour{Name: "br", Want: ok, http: sends("br", rows("br"))},
		Behaviour{Name: "zstd", Want: ok, http: sends("zstd", rows("zstd"))},
		Behaviour{Name: "deflate", Want: ok, http: sends("deflate", rows("deflate"))},
		Behaviour{Name: "deflate-without-frame", Want: ok, http: sends("deflate", rows("raw-deflate"))},
		Behaviour{Name: "two-layers", Want: ok, http: sends("br, gzip", rows("br", "gzip"))},
		Behaviour{Name: "says-gzip-is-plain", Want: ok, http: sends("gzip", rows())},
		Behaviour{Name: "says-deflate-is-plain", Want: ok, http: sends("deflate", rows())},
		Behaviour{Name: "says-zstd-is-plain", Want: ok, http: sends("zstd", rows())},
		Behaviour{Name: "says-br-is-plain", Want: broken, http: sends("br", rows())},
		Behaviour{Name: "says-gzip-is-zstd", Want: ok, http: sends("gzip", rows("zstd"))},
		Behaviour{Name: "says-nothing-is-gzip", Want: ok, http: sends("", rows("gzip"))},
		Behaviour{Name: "says-nothing-is-zstd", Want: ok, http: sends("", rows("zstd"))},
		Behaviour{Name: "says-identity", Want: ok, http: sends("identity", rows())},
		Behaviour{Name: "says-utf-8", Want: ok, http: sends("utf-8", rows())},
		Behaviour{Name: "unknown", Want: fails("content-encoding-unknown"), http: sends("rot13", rows())},
		Behaviour{Name: "gzip-cut", Want: broken, http: sends("gzip", cut("gzip"))},
		Behaviour{Name: "br-cut", Want: broken, http: sends("br", cut("br"))},
		Behaviour{Name: "zstd-cut", Want: broken, http: sends("zstd", cut("zstd"))},
		Behaviour{Name: "deflate-cut", Want: broken, http: sends("deflate", cut("deflate"))},
		Behaviour{Name: "gzip-without-its-checksum", Want: broken, http: sends("gzip", func(s *Source) string { p := rows("gzip")(s); return p[:len(p)-4] })},
		Behaviour{Name: "gzip-with-a-wrong-checksum", Want: broken, http: sends("gzip", func(s *Source) string { p := rows("gzip")(s); return p[:len(p)-8] + "\x00\x00\x00\x00" + p[len(p)-4:] })},
		Behaviour{Name: "gzip-then-garbage", Want: broken, http: sends("gzip", func(s *Source) string { return rows("gzip")(s) + "garbage and more of it" })},
		Behaviour{Name: "gzip-of-two-members", Want: ok, http: sends("gzip", func(s *Source) string {
			text := s.rows(0, 100)
			return packed(text[:50], "gzip") + packed(text[50:], "gzip")
		})},
		Behaviour{Name: "gzip-name-without-end", Want: broken, http: sends("gzip", func(*Source) string { return "\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x03" + strings.Repeat("n", 1<<20) })},
		Behaviour{Name: "gzip-of-nothing", Want: fails("empty-body"), http: sends("gzip", func(*Source) string { return packed("", "gzip") })},
		Behaviour{Name: "gzip-without-a-byte", Want: fails("empty-body"), http: sends("gzip", func(*Source) string { return "" })},
		Behaviour{Name: "gzip-of-cut-json", Want: fails("body-truncated"), http: sends("gzip", func(s *Source) string { return packed(s.rows(0, 50)[:300], "gzip") })},
		Behaviour{Name: "zstd-of-garbage", Want: broken, http: sends("zstd", func(*Source) string { return "\x28\xb5\x2f\xfd" + strings.Repeat("\xff", 500) })},
	)
}
