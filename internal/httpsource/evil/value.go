package evil

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"millwright/internal/httpsource"
)

// values are numbers and dates that other programs change on the way.
func values() []Behaviour {
	ok := Want{State: httpsource.CompleteUnverified}
	each := func(values ...string) func(http.ResponseWriter, *http.Request, *Source) {
		var list []string
		for i, v := range values {
			list = append(list, fmt.Sprintf(`{"id":%d,"v":%s}`, i, v))
		}
		return array(list...)
	}
	return group("values",
		Behaviour{Name: "around-2^53", Want: ok, http: each("9007199254740991", "9007199254740992", "9007199254740993", "-9007199254740993")},
		Behaviour{Name: "around-2^63", Want: ok, http: each("9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809")},
		Behaviour{Name: "around-2^64", Want: ok, http: each("18446744073709551615", "18446744073709551616")},
		Behaviour{Name: "beyond-floats", Want: ok, http: each("1e400", "-1e400", "1e-400", "123456789e-100000000")},
		Behaviour{Name: "zeros", Want: ok, http: each("0", "-0", "0.0", "-0.0", "0e10", "0E-5")},
		Behaviour{Name: "decimals-of-30-digits", Want: ok, http: each("123456789012345678.901234567890", "0.100000000000000000000000000001", "1.10")},
		Behaviour{Name: "exponents", Want: ok, http: each("1E+2", "1e2", "1e-2", "1.0e0", "10000000000000000000000e-20")},
		Behaviour{Name: "number-of-1000-digits", Want: ok, http: each(strings.Repeat("9", 1000))},
		Behaviour{Name: "number-of-a-million-digits", Want: ok, http: each(strings.Repeat("7", 1<<20))},
		Behaviour{Name: "dates", Want: ok, http: each(`"0000-01-01"`, `"9999-12-31"`, `"-0001-01-01"`, `"2026-02-30"`, `"2024-12-31T23:59:60Z"`, `"2026-01-01T24:00:00Z"`, `"2026-W01"`, `"1e3"`, `"+12026-01-01T00:00:00Z"`)},
		Behaviour{Name: "escapes", Want: ok, http: each(`"\u0041\/\b\f\n\r\t\\\""`, `"\ud83d\ude00"`, `"\uFFFF"`, `"\u2028\u2029"`)},
		Behaviour{Name: "blanks-between-all", Want: ok, http: sends("", func(s *Source) string {
			s.note("{ \"id\" :\r\n\t1 }")
			return "\n\t [ \r\n { \"id\" :\r\n\t1 } \t] \n"
		})},
	)
}

// sizes are bodies that are too much of something, or nearly so.
func sizes() []Behaviour {
	ok := Want{State: httpsource.CompleteUnverified}
	deep := fails("json-too-deep")
	nested := func(open, inner, shut string, n int) string {
		return strings.Repeat(open, n) + inner + strings.Repeat(shut, n)
	}
	keys := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"k%d":1,`, i)
		}
		return "{" + b.String() + `"id":1}`
	}
	return group("size",
		Behaviour{Name: "arrays-100000-deep", Want: deep, http: says(nested("[", "", "]", 100_000))},
		Behaviour{Name: "objects-100000-deep", Want: deep, http: says(nested(`{"a":`, "1", "}", 100_000))},
		Behaviour{Name: "arrays-100000-deep-never-closed", Want: fails("json-too-deep", "body-truncated"), http: says(strings.Repeat("[", 100_000))},
		Behaviour{Name: "deep-in-one-row", Want: deep, http: says(`[{"id":1,"a":` + nested("[", "", "]", 5000) + `}]`)},
		Behaviour{Name: "deep-beside-the-rows", Fields: `"responsePathExtractor":"items"`, Want: deep, http: says(`{"meta":` + nested(`{"a":`, "1", "}", 5000) + `,"items":[{"id":1}]}`)},
		Behaviour{Name: "deep-for-a-query", Fields: `"responsePathExtractor":"$..id"`, Want: deep, http: says(`{"a":` + nested("[", `{"id":1}`, "]", 5000) + `}`)},
		Behaviour{Name: "500-deep", Want: ok, http: array(`{"id":1,"a":` + nested("[", "", "]", 500) + `}`)},
		Behaviour{Name: "100000-keys", Want: fails("too-many-keys"), http: says("[" + keys(100_000) + "]")},
		Behaviour{Name: "100000-keys-beside-the-rows", Fields: `"responsePathExtractor":"items"`, Want: fails("too-many-keys"), http: says(`{"meta":` + keys(100_000) + `,"items":[]}`)},
		Behaviour{Name: "9999-keys", Want: ok, http: sends("", func(s *Source) string { return s.list(keys(9_999)) })},
		Behaviour{Name: "10001-keys", Want: fails("too-many-keys"), http: says("[" + keys(10_001) + "]")},
		Behaviour{Name: "key-of-64-kb", Want: ok, http: sends("", func(s *Source) string { return s.list(`{"` + strings.Repeat("k", 64<<10) + `":1}`) })},
		Behaviour{Name: "text-of-3-mb", Want: ok, http: sends("", func(s *Source) string { return s.list(`{"t":"` + strings.Repeat("t", 3<<20) + `"}`) })},
		Behaviour{Name: "record-over-the-limit", Limits: httpsource.Limits{RecordBytes: 1 << 20}, Want: fails("record-too-large"), http: says(`[{"t":"` + strings.Repeat("t", 3<<20) + `"}]`)},
		Behaviour{Name: "document-over-the-limit-of-a-query", Fields: `"responsePathExtractor":"$..id"`, Limits: httpsource.Limits{RecordBytes: 1 << 20, DocumentBytes: 1 << 20}, Want: fails("record-too-large", "document-too-large"), http: sends("", manyRows(100_000))},
		Behaviour{Name: "a-list-of-200000-numbers-in-a-row", Want: ok, http: sends("", func(s *Source) string {
			return s.list(`{"id":1,"list":[` + strings.TrimSuffix(strings.Repeat("1234567,", 200_000), ",") + `]}`)
		})},
		Behaviour{Name: "100000-empty-rows", Want: ok, http: sends("", func(s *Source) string {
			s.note("{}")
			for range 99_999 {
				s.again("{}")
			}
			return "[" + strings.TrimSuffix(strings.Repeat("{},", 100_000), ",") + "]"
		})},
		Behaviour{Name: "50000-rows", Want: ok, http: sends("", manyRows(50_000))},
		Behaviour{Name: "2000-fields-beside-the-rows", Want: Want{}, Fields: `"responsePathExtractor":"items"`, http: sends("", func(s *Source) string {
			return `{"meta":` + keys(2_000) + `,"items":` + s.rows(0, 10) + `}`
		})},
		Behaviour{Name: "descent-three-times", Fields: `"responsePathExtractor":"$..a..b[?@.c]"`, Want: fails("path-selects-nothing", "json-too-deep", "document-too-large", "record-too-large"),
			http: says(nested(`{"a":`, "1", "}", 400))},
	)
}

// heavy are gigabytes. Their memory is what counts.
func heavy() []Behaviour {
	ok, whole := Want{State: httpsource.CompleteUnverified}, Want{}
	open := httpsource.Limits{Ratio: 1 << 40, WireBytes: 16 << 30, DecodedBytes: 16 << 30, Total: 10 * time.Minute, Header: time.Minute, Idle: time.Minute}
	shut := httpsource.Limits{Total: time.Minute, RecordBytes: 32 << 20}
	path := `"responsePathExtractor":"data"`
	bomb := func(kind, declared string) func(http.ResponseWriter, *http.Request, *Source) {
		return func(w http.ResponseWriter, _ *http.Request, s *Source) {
			w.Header().Set("Content-Encoding", declared)
			p := packer(kind, w)
			s.gigabytes(p, 2, "[", "]")
			_ = p.Close()
		}
	}
	list := []Behaviour{
		{Name: "3-gb-document", Limits: open, Fields: path, Want: whole, http: func(w http.ResponseWriter, _ *http.Request, s *Source) {
			s.gigabytes(w, 3, `{"meta":{"page":1},"data":[`, `],"done":true}`)
		}},
		{Name: "3-gb-array", Limits: open, Want: ok, http: func(w http.ResponseWriter, _ *http.Request, s *Source) { s.gigabytes(w, 3, "[", "]") }},
		{Name: "1-gb-document-without-a-path", Limits: open, Want: whole, http: func(w http.ResponseWriter, _ *http.Request, s *Source) {
			s.gigabytes(w, 1, `{"meta":{"page":1},"data":[`, `],"done":true}`)
		}},
		{Name: "gzip-2-gb-of-rows", Limits: open, Want: ok, http: bomb("gzip", "gzip")},
		{Name: "br-2-gb-of-rows", Limits: open, Want: ok, http: bomb("br", "br")},
		{Name: "zstd-2-gb-of-rows", Limits: open, Want: ok, http: bomb("zstd", "zstd")},
		{Name: "deflate-2-gb-of-rows", Limits: open, Want: ok, http: bomb("deflate", "deflate")},
		{Name: "gzip-bomb-of-10-gb", Limits: shut, Want: fails("compression-ratio"), http: blanksBomb("gzip", 10)},
		{Name: "br-bomb-of-10-gb", Limits: shut, Want: fails("compression-ratio"), http: blanksBomb("br", 10)},
		{Name: "zstd-bomb-of-10-gb", Limits: shut, Want: fails("compression-ratio"), http: blanksBomb("zstd", 10)},
		{Name: "endless-body-under-the-usual-limits", Limits: httpsource.Limits{WireBytes: 4 << 30, Total: 5 * time.Minute, DecodedBytes: 16 << 30}, Options: once, Want: fails("response-too-large"), http: func(w http.ResponseWriter, _ *http.Request, _ *Source) {
			write(w, "[")
			forever(w, strings.Repeat(`{"id":1,"name":"`+strings.Repeat("n", 1<<10)+`"},`, 64))
		}},
		{Name: "endless-text-under-the-usual-limits", Limits: httpsource.Limits{RecordBytes: 32 << 20}, Options: once, Want: fails("record-too-large"), http: func(w http.ResponseWriter, _ *http.Request, _ *Source) {
			write(w, `["`)
			forever(w, strings.Repeat("t", 1<<20))
		}},
	}
	for i := range list {
		list[i].Heavy = true
	}
	return group("heavy", list...)
}

// blanksBomb streams gigabytes of blanks in a compressor.
func blanksBomb(kind string, gb int) func(http.ResponseWriter, *http.Request, *Source) {
	return func(w http.ResponseWriter, _ *http.Request, _ *Source) {
		w.Header().Set("Content-Encoding", kind)
		p := packer(kind, w)
		write(p, `[{"a":"`)
		text := strings.Repeat(" ", 1<<20)
		for range gb << 10 {
			if !write(p, text) {
				return
			}
		}
		write(p, `"}]`)
		_ = p.Close()
	}
}

// gigabytes writes so many gigabytes of records between two texts and notes them.
func (s *Source) gigabytes(w io.Writer, gb int64, before, after string) {
	var t Tally
	out := bufio.NewWriterSize(w, 1<<20)
	tail := `,"nested":{"a":[1,2,3],"b":{"c":"text with \"quotes\" and é"}},"amount":12345.678901,"note":"` + strings.Repeat("lorem ipsum dolor ", 110) + `"}`
	_, _ = out.WriteString(before) // a broken connection shows at the receiver
	var row []byte
	for sent, i := int64(0), 0; sent < gb<<30; i++ {
		if i > 0 {
			_ = out.WriteByte(',')
		}
		row = append(fmt.Appendf(row[:0], `{"id":%d`, i), tail...)
		t.Add(row)
		if _, err := out.Write(row); err != nil {
			return
		}
		sent += int64(len(row))
	}
	_, _ = out.WriteString(after)
	// Noted before the last byte leaves, so that nobody can ask too early.
	s.stream(t)
	_ = out.Flush()
}
