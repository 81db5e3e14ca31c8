package evil

import (
	"net/http"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"millwright/internal/httpsource"
)

// typed answers with a body under a Content-Type; "" declares none.
func typed(contentType string, body func(*Source) string) func(http.ResponseWriter, *http.Request, *Source) {
	return func(w http.ResponseWriter, _ *http.Request, s *Source) {
		w.Header()["Content-Type"] = nil
		if contentType != "" {
			w.Header().Set("Content-Type", contentType)
		}
		write(w, body(s))
	}
}

// accents is a body with letters beyond ASCII.
func accents(s *Source) string { return s.list(`{"id":1,"name":"é ü ß"}`, `{"id":2,"name":"à"}`) }

// in writes the text of a body in another charset.
func in(enc encoding.Encoding, before string, text func(*Source) string) func(*Source) string {
	return func(s *Source) string {
		out, err := enc.NewEncoder().String(text(s))
		if err != nil {
			panic("evil: text that the charset lacks: " + err.Error())
		}
		return before + out
	}
}

func content() []Behaviour {
	ok := Want{State: httpsource.CompleteUnverified}
	le, be := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	wide := utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)
	kana := func(s *Source) string { return s.list(`{"id":1,"name":"テスト"}`) }
	fixed := func(t string) func(*Source) string { return func(*Source) string { return t } }
	list := []Behaviour{
		{Name: "type-html", Want: ok, http: typed("text/html", accents)},
		{Name: "type-plain", Want: ok, http: typed("text/plain", accents)},
		{Name: "type-image", Want: ok, http: typed("image/png", accents)},
		{Name: "type-missing", Want: ok, http: typed("", accents)},
		{Name: "type-garbage", Want: ok, http: typed(";;;=, charset", accents)},
		{Name: "type-of-lines-is-one-array", Want: ok, http: typed("application/x-ndjson", func(s *Source) string { return s.list(record(1), record(2)) })},
		{Name: "type-json-is-lines", Want: ok, http: typed("application/json", func(s *Source) string { s.note(record(1), record(2)); return record(1) + "\n" + record(2) + "\n" })},
		{Name: "latin-1-declared", Want: ok, http: typed("application/json; charset=ISO-8859-1", in(charmap.ISO8859_1, "", accents))},
		{Name: "latin-1-undeclared", Want: fails("json-invalid-utf8"), http: typed("application/json", in(charmap.ISO8859_1, "", accents))},
		{Name: "latin-1-declared-as-utf-8", Want: fails("json-invalid-utf8"), http: typed("application/json; charset=utf-8", in(charmap.ISO8859_1, "", accents))},
		{Name: "windows-1252-declared", Want: ok, http: typed("text/json; charset=windows-1252", in(charmap.Windows1252, "", accents))},
		{Name: "shift-jis-declared", Want: ok, http: typed("application/json; charset=Shift_JIS", in(japanese.ShiftJIS, "", kana))},
		{Name: "shift-jis-broken", Want: fails("charset-invalid"), http: typed("application/json; charset=shift_jis", fixed("[\"\x81\xff\"]"))},
		{Name: "charset-unknown", Want: fails("charset-unknown"), http: typed("application/json; charset=klingon-8", accents)},
		{Name: "utf-8-bom", Want: ok, http: typed("application/json", in(encoding.Nop, "\xef\xbb\xbf", accents))},
		{Name: "utf-8-bom-twice", Want: fails("not-json", "json-invalid"), http: typed("application/json", in(encoding.Nop, "\xef\xbb\xbf\xef\xbb\xbf", accents))},
		{Name: "utf-16-le-bom", Want: ok, http: typed("application/json", in(le, "\xff\xfe", accents))},
		{Name: "utf-16-be-bom", Want: ok, http: typed("application/json", in(be, "\xfe\xff", accents))},
		{Name: "utf-16-le-without-bom", Want: ok, http: typed("application/json", in(le, "", accents))},
		{Name: "utf-16-be-without-bom", Want: ok, http: typed("application/json", in(be, "", accents))},
		{Name: "utf-16-declared-as-utf-8", Want: ok, http: typed("application/json; charset=utf-8", in(le, "", accents))},
		{Name: "utf-16-of-odd-length", Want: fails("charset-invalid", "json-invalid", "body-truncated", "json-invalid-utf8"), http: typed("application/json", func(s *Source) string { return in(le, "\xff\xfe", accents)(s) + "\x00" })},
		{Name: "utf-16-half-a-pair", Want: fails("charset-invalid"), http: typed("application/json", fixed("\xff\xfe[\x00\"\x00\x00\xd8\"\x00]\x00"))},
		{Name: "utf-32-le-without-bom", Want: ok, http: typed("application/json", in(wide, "", accents))},
		{Name: "utf-7-declared", Want: fails("charset-unknown", "charset-invalid"), http: typed("application/json; charset=utf-7", accents)},
		{Name: "nul-bytes", Want: fails("json-invalid", "not-json"), http: typed("application/json", fixed("[1,\x002]"))},
		{Name: "nul-in-a-string", Want: fails("json-invalid"), http: typed("application/json", fixed("[\"a\x00b\"]"))},
		{Name: "all-nul", Want: fails("not-json", "json-invalid", "charset-invalid"), http: typed("application/json", fixed(strings.Repeat("\x00", 4096)))},
		{Name: "overlong-utf-8", Want: fails("json-invalid-utf8"), http: typed("application/json", fixed("[\"\xc0\xaf\"]"))},
		{Name: "surrogate-in-utf-8", Want: fails("json-invalid-utf8"), http: typed("application/json", fixed("[\"\xed\xa0\x80\"]"))},
		{Name: "utf-8-cut-in-a-letter", Want: fails("body-truncated", "json-invalid-utf8"), http: typed("application/json", fixed("[\"\xc3"))},
		{Name: "lone-surrogate-escaped", Want: fails("json-lone-surrogate"), http: typed("application/json", fixed(`["\ud800"]`))},
		{Name: "nul-escaped", Want: ok, http: typed("application/json", func(s *Source) string { return s.list(`{"id":1,"a":"x\u0000y"}`) })},
	}
	return group("content", list...)
}

// syntax are bodies that look like JSON, or like something else.
func syntax() []Behaviour {
	const path = `"responsePathExtractor":"$"`
	invalid, other := fails("json-invalid"), fails("not-json")
	cases := []struct {
		name, body string
		want       Want
	}{
		{"parquet", "PAR1\x15\x04\x15", other},
		{"pdf", "%PDF-1.7\n", other},
		{"png", "\x89PNG\r\n\x1a\n", other},
		{"yaml", "- id: 1\n  name: a\n", fails("json-invalid", "not-json")},
		{"jsonp", `callback([{"id":1}]);`, other},
		{"xssi-guard", ")]}',\n[{\"id\":1}]", other},
		{"php-warning-before", "\nWarning: mysqli_connect() in /var/www\n[{\"id\":1}]", other},
		{"event-stream", "data: {\"id\":1}\n\n", other},
		{"record-separators", "\x1e{\"id\":1}\n\x1e{\"id\":2}\n", other},
		{"trailing-comma", `[{"id":1},]`, invalid},
		{"missing-comma", `[{"id":1} {"id":2}]`, invalid},
		{"single-quotes", `[{'id':1}]`, invalid},
		{"bare-keys", `[{id:1}]`, invalid},
		{"comments", `[/* one */{"id":1}]`, invalid},
		{"nan", `[{"id":NaN}]`, invalid},
		{"infinity", `[{"id":-Infinity}]`, invalid},
		{"hex-number", `[{"id":0x10}]`, invalid},
		{"leading-zero", `[{"id":01}]`, invalid},
		{"leading-plus", `[{"id":+1}]`, invalid},
		{"python-none", `[{"id":None}]`, invalid},
		{"garbage-after", `[{"id":1}] and so on`, invalid},
		{"array-after-array", `[{"id":1}][{"id":2}]`, invalid},
		{"html-after", `[{"id":1}]<!-- 0.2 s -->`, invalid},
		{"duplicate-key", `[{"id":1,"id":2}]`, fails("json-duplicate-key")},
		{"duplicate-key-escaped", `[{"id":1,"\u0069d":2}]`, fails("json-duplicate-key")},
		{"cut-in-a-key", `[{"id":1},{"na`, fails("body-truncated")},
		{"cut-in-an-escape", `[{"id":"\u00`, fails("body-truncated")},
		{"cut-between-rows", `[{"id":1},`, fails("body-truncated")},
		{"cut-before-the-end", `{"data":[{"id":1}]`, fails("body-truncated")},
		{"broken-line", "{\"id\":1}\n{\"id\":2\n{\"id\":3}\n", invalid},
		{"line-of-text", "{\"id\":1}\n{\"id\":2}\nserver restarting\n{\"id\":3}\n", invalid},
		{"line-that-is-cut", "{\"id\":1}\n{\"id\":2}\n{\"id\":3", fails("body-truncated")},
	}
	var list []Behaviour
	for _, c := range cases {
		list = append(list, Behaviour{Name: c.name, Fields: path, Want: c.want, http: says(c.body)})
	}
	return group("syntax", list...)
}
