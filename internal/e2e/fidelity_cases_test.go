package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// vectors is where collections of hard cases of others are, if they are here.
const vectors = "../../../shared/vectors"

// sendings are all that TestEveryReaderReadsWhatWasSent sends.
func sendings(t *testing.T) []sending {
	all := []sending{numbers(), moments(), plainValues(), keys(), drift(), widening(), chosen(), manyColumns(10_000)}
	all = append(all, naughty(t)...)
	return append(all, documents(t)...)
}

// page returns a body that holds the records.
func page(records ...string) string { return "[" + strings.Join(records, ",\n ") + "]" }

// one is a sending of one run.
func one(name string, pages ...string) sending { return sending{name: name, runs: [][]string{pages}} }

// apart is one in a project of its own: what has read a thousand columns has not
// much memory left for the next query.
func apart(name string, pages ...string) sending {
	c := one(name, pages...)
	c.apart = true
	return c
}

// column returns records that have each of the texts, which are JSON, under key.
func column(key string, texts ...string) []string {
	records := make([]string, len(texts))
	for i, text := range texts {
		records[i] = `{` + jsonText(key) + `:` + text + `}`
	}
	return records
}

// beside joins columns to records: those that are shorter are missing at the end.
func beside(columns ...[]string) string {
	var records []string
	for _, c := range columns {
		for i, r := range c {
			if i == len(records) {
				records = append(records, `{"row":`+fmt.Sprint(i)+`}`)
			}
			records[i] = strings.TrimSuffix(records[i], "}") + "," + r[1:]
		}
	}
	return page(records...)
}

func jsonText(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string is always JSON
	}
	return string(b)
}

func numbers() sending {
	const edge53, edge63, edge64 = "9007199254740991 9007199254740992 9007199254740993 -9007199254740991 -9007199254740992 -9007199254740993",
		"9223372036854775807 -9223372036854775808 9223372036854775806", "18446744073709551615 18446744073709551616 -18446744073709551616"
	digits := strings.Repeat("1234567890", 5)
	list := func(key, texts string) []string { return column(key, strings.Fields(texts)...) }
	var powers []string
	for n := range 63 {
		powers = append(powers, fmt.Sprint(int64(1)<<n-1), fmt.Sprint(int64(1)<<n), fmt.Sprint(-(int64(1) << n)))
	}
	all := beside(list("2^53", edge53), list("2^63", edge63), list("past 2^63", "9223372036854775808 -9223372036854775809 1"), list("2^64", edge64),
		column("powers", powers...),
		list("2^53 as fractions", "9007199254740992.0 9007199254740993.5 0.5"),
		list("30 digits", "123456789012345678.901234567891 -0.000000000001 0 1e-5 1.50"),
		list("38 digits", digits[:38]+" -"+digits[:38]+" 0"),
		list("39 digits", digits[:39]+" 1 -0"),
		list("too large", "1e400 -1e400 1"), list("too small", "1e-400 1"), list("larger still", "1e99999999999999999999 0.1e-99999999999999999999"),
		list("only zero with a sign", "-0 -0.0 -0e5"), list("zeros", "-0 0 -0.0 0.0 0e0 1.5"), list("zero in integers", "0 -0 1"),
		list("doubles", "0.1 1.7976931348623157e308 5e-324 2.2250738585072014e-308 0.30000000000000004 1e22 1E+23 -1.5E-7 123456789012345680000 1e-5 1e5 100 1.0"),
		list("not doubles", "0.1 0.30000000000000001"), list("money", "1.10 2.20 -3.30 1000000000000.01"),
		list("mixed", `1 "1" 1.50 true null "null" 1e2 -0 9007199254740993 "true"`),
		list("in lists", `[1,2.5,null] [9007199254740993] [] [1e2]`),
		list("in structs", `{"n":9223372036854775808,"f":1e400} {"n":1,"f":0.1} {} {"n":null}`))
	// The same once more on another page, so that no value is alone.
	return one("numbers", all, strings.Replace(all, `{"row":0`, `{"again":true,"row":0`, 1))
}

func moments() sending {
	var offsets []string
	for minutes := -23*60 - 59; minutes < 24*60; minutes += 97 {
		sign, m := '+', minutes
		if m < 0 {
			sign, m = '-', -m
		}
		offsets = append(offsets, fmt.Sprintf(`"2024-03-10T02:30:00.%06d%c%02d:%02d"`, (minutes+2000)*7, sign, m/60, m%60))
	}
	forms := []string{"Z", "z", "+00:00", "-00:00", "+0000", "+00", "-08:00", "-0800", "-08", "+05:45", "+0545", "+14:00", "-12:00", "+23:59", "-23:59"}
	list := func(key, between string) []string {
		var texts []string
		for i, form := range forms {
			texts = append(texts, fmt.Sprintf(`"20%02d-12-31%s%s"`, i, between, form))
		}
		return column(key, texts...)
	}
	return one("moments", beside(column("offsets", offsets...), list("seconds", "T23:59:59"), list("fractions", "T23:59:59.999999"), list("tenths", " 00:00:00.5"),
		list("minutes", "T12:34"), list("small t", "t12:34:56.1230000"),
		column("Z", `"2024-01-01T00:00:00Z"`, `"0001-01-01T00:00:00Z"`, `"9999-12-31T23:59:59.999999Z"`, `null`, `"1969-12-31T23:59:59.999999Z"`),
		column("edges", `"0001-01-01T23:00:00-00:30"`, `"9999-12-31T23:59:59+00:30"`, `"1582-10-10T00:00:00+01:00"`, `"2024-02-29T23:30:00-01:00"`),
		column("local", `"2024-03-10T02:30:00"`, `"2024-03-10 02:30"`, `"0001-01-01T00:00:00.000001"`, `"9999-12-31T23:59:59.999999"`, `"2024-01-01t00:00:00.1"`),
		column("days", `"2024-02-29"`, `"0001-01-01"`, `"9999-12-31"`, `"1582-10-10"`, `"1969-12-31"`),
		column("local and not", `"2024-01-01T00:00:00"`, `"2024-01-01T00:00:00Z"`), column("days and times", `"2024-01-01"`, `"2024-01-01T00:00:00Z"`),
		column("nanoseconds", `"2024-01-01T00:00:00.123456789Z"`, `"2024-01-01T00:00:00Z"`), column("leap", `"2016-12-31T23:59:60Z"`), column("24", `"2024-01-01T24:00:00Z"`),
		column("no such day", `"2023-02-29"`, `"2023-02-28"`), column("before", `"0000-01-01"`, `"-0001-01-01"`), column("after", `"10000-01-01"`, `"+10000-01-01T00:00:00Z"`),
		column("over the edge", `"9999-12-31T23:59:59-00:30"`, `"0001-01-01T00:00:00+00:30"`),
		column("compact", `"20240101"`, `"20240101T000000Z"`), column("ordinal", `"2024-001"`, `"2024-W01-1"`), column("spaces", `" 2024-01-01"`, `"2024-01-01 "`),
		column("in lists", `["2024-01-01T00:00:00+02:00",null,"2024-01-01T00:00:00Z"]`, `[]`), column("in structs", `{"at":"2024-01-01T00:00:00-02:30"}`, `{}`, `{"at":null}`)))
}

func plainValues() sending {
	texts := column("text", `""`, `"NULL"`, `null`, `"null"`, `"None"`, `"\\N"`, `"\u0000"`, `"a\u0000b"`, `"\ud83d\ude00"`, `"\"\\\/\b\f\n\r\t"`, `" "`, `"\r\n"`, `","`, `"\""`, `"'"`, `"١٢"`,
		`"{\"a\":1}"`, `"\u001f\u007f\u0080\u009f"`, `"\ufeff"`, `"\u2028\u2029"`, `"=1+1"`, `"+1"`, `"@x"`, `"true"`, `"1"`, `"NaN"`, `"inf"`, `"e\u0301"`, `"\u00e9"`, jsonText(strings.Repeat("long ", 40_000)))
	return one("plain", beside(texts, column("flag", `true`, `false`, `null`, `true`), column("null", `null`, `null`), column("only empty", `""`, `""`), column("only NULL", `"NULL"`, `"NULL"`),
		column("list", `[1,null,2]`, `[]`, `null`, `[null]`), column("texts", `["",null,"NULL","a,b\n\"c\""]`, `[]`), column("empty lists", `[]`, `null`, `[]`), column("lists of lists", `[[1],[],null,[null,2]]`, `[[]]`),
		column("empty objects", `{}`, `null`, `{}`), column("objects", `{"a":1,"A":"x","":null}`, `{}`, `null`, `{"":{"d.e":[1,2,null]}}`), column("rows", `[{"id":1,"at":"2024-01-01T00:00:00+01:00"},null,{}]`, `[]`, `[{"id":2,"more":[true]}]`),
		column("shapes", `{"a":1.0,"b":[9007199254740993,{"c":null}]}`, `"s\u0000"`, `1e400`, `null`, `[]`, `{}`, `true`, `"1"`, `-0`), column("deep", strings.Repeat(`[`, 20)+`1`+strings.Repeat(`]`, 20), `null`)))
}

func keys() sending {
	names := []string{"Id", "id", "ID", "iD", "id_1", "", "_", "a.b", "a b", " ", `q"q`, `""`, "it's", `b\s`, `a\nb`, "a\nb", "\t", "😀", "👩‍👩‍👧", "é", "É", "e\u0301", "ß", "SS", "ſ", "K", "\u212a", "日本", "select", "SELECT", "from", "\x00", "a\x00b", "%s", "${x}", "$x", "?", ":x", "{{x}}",
		"[0]", "a[0].b", "a,b", "a:b", "{}", "true", "null", "1", "-1", "rowid", "filename", "__duckdb_field_id", "__mw_x", "key", "element", "value", "C0", "\u2028", "\x7f", "\u200b", "-- x", "/*", "; DROP TABLE t", `\`, `\"`, "<b>", "__proto__", "constructor", strings.Repeat("k", 1000), strings.Repeat("k", 1001)}
	return one("keys", keyed(names))
}

// keyed returns a page whose records have the names as keys and as values: of the
// record, of an object in it, and of objects in a list. The next records have none.
func keyed(names []string) string {
	object, seen := "", map[string]bool{}
	for _, name := range names {
		if !seen[name] {
			seen[name] = true
			object += `,` + jsonText(name) + `:` + jsonText(name)
		}
	}
	object = `{` + object[1:]
	if len(seen) > 500 {
		// What is inside of columns is another dataset: a download of all in one would
		// need more memory than a query may use.
		return page(object+`}`, `{}`, object+`}`)
	}
	return page(object+`,"an object":`+object+`},"a list":[`+object+`},{}]}`, `{}`, `{"an object":{},"a list":[]}`)
}

func drift() sending {
	var pages []string
	for n := range 6 {
		var records []string
		for i := range 40 {
			r := fmt.Sprintf(`{"id":%d,"int":%d`, n*40+i, i)
			switch {
			case n == 5 && i == 39:
				r += `,"to string":"x","to object":{"a":1},"list":[1,"x",{"y":[]}],"float":9007199254740993.5,"to time":"soon","to null":null,"new":{"deep":[{"a":1}]},"to list":[1]`
			case n == 4:
				r += fmt.Sprintf(`,"to string":%d,"to object":null,"list":["a",%d],"float":%d.25,"to time":"2024-01-01T00:00:00+01:00"`, i, i, i)
			case n > 1:
				r += fmt.Sprintf(`,"to string":%d,"list":[%d,null],"float":%d.5,"to time":"2024-01-%02d","to null":%d,"gone":true,"to list":%d`, i, i, i, i%28+1, i, i)
			default:
				r += fmt.Sprintf(`,"to string":%d,"to object":null,"list":[],"float":%d,"to time":null,"to null":%d,"gone":false,"to list":null`, i, i, i)
			}
			records = append(records, r+`}`)
		}
		pages = append(pages, page(records...))
	}
	return one("drift", pages...)
}

// widening is appended to twice, with types that those of before do not hold.
func widening() sending {
	return sending{name: "widening", runs: [][]string{
		{page(`{"id":1,"n":1,"f":1.50,"t":"2024-01-01T00:00:00+02:00","o":{"a":1,"A":"x"},"gone":true,"null":null,"l":[1],"z":-0.0}`, `{"id":2,"n":9007199254740993}`), page(`{"id":3,"n":null,"f":0.1}`)},
		{page(`{"id":4,"n":2.5,"f":"x","t":"soon","o":[1],"null":7,"new":"2024-01-01","l":["a",null],"z":0}`, `{"id":5,"N":"another","n":9007199254740993.25}`)},
		{page(`{"id":6,"n":99999999999999999999.5,"o":{"b":{"c":[]}},"later":[{"x":1,"at":"2024-01-01T00:00:00-05:00"}]}`), page(`{"id":9223372036854775808,"gone":"back","l":[{}]}`)},
	}}
}

// chosen has the types of columns chosen after two runs.
func chosen() sending {
	return sending{name: "chosen", retype: map[string]string{"code": "BIGINT", "price": "DECIMAL(18,4)", "n": "VARCHAR", "day": "DATE", "o": "JSON", "at": "VARCHAR"}, runs: [][]string{
		{page(`{"code":"007","price":"12.50","n":1,"day":"2024-01-01T00:00:00","o":{"a":[1.0]},"at":"2024-01-01T00:00:00+02:00","stays":1.5}`)},
		{page(`{"code":"9223372036854775807","price":"-0.0001","n":2.50,"day":"2024-12-31","o":null,"at":"2024-01-01t00:00z","stays":"x"}`, `{"n":1e400,"price":"3"}`)},
	}}
}

// manyColumns has a quarter of its columns on its first page only, and a quarter
// on its second.
func manyColumns(n int) sending {
	var pages []string
	for p := range 2 {
		var b strings.Builder
		for i := range n / 2 {
			fmt.Fprintf(&b, `,"column %d":%d.5`, i, i*p)
			if i%2 == 0 {
				fmt.Fprintf(&b, `,"%d of %d":"%d"`, i, p, i)
			}
		}
		pages = append(pages, page(`{`+b.String()[1:]+`}`, `{"column 0":null}`))
	}
	c := one("columns", pages...)
	c.apart = true
	return c
}

// naughty has the big list of naughty strings, or as many of its kinds as come to
// mind, as values, as keys, and as keys that are there once each.
func naughty(t *testing.T) []sending {
	list := []string{"", "undefined", "nil", "(null)", "\\", "0x0", "1E02", "1/0", "-9223372036854775808/-1", "\u0001\u001f", "\ufeff", "\u202e reversed", "社會科學院", "ﷺ", "Z̮̞̠͙", "🇺🇸🇷🇺", "<script>alert(1)</script>",
		"1;DROP TABLE users", "' OR 1=1 -- 1", "$(touch /tmp/x)", "%d%n", "../../etc/passwd", "() { 0; }; :", "Power لُلُصّبُلُلصّبُررً ॣ ॣh ॣ ॣ 冗", "{0}", "If you're reading this", "\u00a0", "\u2003", "\u3000"}
	if text, err := os.ReadFile(filepath.Join(vectors, "blns.json")); err == nil {
		var more []string
		if err := json.Unmarshal(text, &more); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d naughty strings of the list", len(more))
		list = append(list, more...)
	} else if !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	var records []string
	for i, s := range list {
		records = append(records, fmt.Sprintf(`{"n":%d,"s":%s,"o":{"s":%[2]s},"l":[%[2]s,null],"mixed":%s,"json":%s,"keyed":{%[2]s:%[1]d}}`, i, jsonText(s), []string{"1", jsonText(s)}[i%2], []string{"[]", jsonText(s), "{" + jsonText(s) + ":1}"}[i%3]))
	}
	half := len(list) / 2
	return []sending{one("naughty-values", page(records[:half]...), page(records[half:]...)), apart("naughty-keys", keyed(list)),
		apart("naughty-keys-inside", keyed(list[:half])), apart("naughty-keys-inside-too", keyed(list[half:]))}
}

// documents has the documents that JSONTestSuite says are to be accepted, or may
// be: each as a whole answer, and all as values beside each other.
func documents(t *testing.T) (all []sending) {
	files, err := filepath.Glob(filepath.Join(vectors, "JSONTestSuite", "test_parsing", "[yi]_*.json"))
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{"lonely": ` "x" `, "list": `[[ ] , 1.0e+2 , {"a" : [ ] } ]`, "nothing": `[]`, "escapes": `["\u0060\u012a\u12AB\ud801\udc37\/"]`, "object": "{\r\n\"a\\u0000b\"\t: -0}", "matrix": `[[1,"a"],[2,null]]`}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		texts[strings.TrimSuffix(filepath.Base(f), ".json")] = string(text)
	}
	together := ""
	for name, text := range texts {
		if refused(name) {
			continue
		}
		c := one("document-"+name, text)
		c.brief = true
		all = append(all, c)
		if utf8.ValidString(text) && !strings.HasPrefix(text, "\ufeff") && !strings.HasPrefix(text, "\x00") && !strings.Contains(name, "utf16") {
			together += `,` + jsonText(name) + `:` + text
		}
	}
	t.Logf("%d of %d documents are accepted", len(all), len(texts))
	return append(all, one("documents", page(`{`+together[1:]+`}`)))
}

// refused reports whether a document of JSONTestSuite is refused by choice, with a
// named error: keys that come twice, and text that is not Unicode.
func refused(name string) bool {
	for _, kind := range []string{"duplicated_key", "surrogate", "invalid", "iso_latin", "lone_utf8", "not_in_unicode", "overlong", "truncated"} {
		if strings.Contains(name, kind) && (name[0] == 'i' || kind == "duplicated_key") {
			return true
		}
	}
	return false
}
