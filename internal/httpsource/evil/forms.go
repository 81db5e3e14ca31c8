package evil

import (
	"archive/zip"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"strings"

	"millwright/internal/httpsource"
)

// A member is one file of an archive.
type member struct{ name, text string }

func archive(members ...member) string {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, m := range members {
		w, err := z.Create(m.name)
		if err != nil {
			panic("evil: " + err.Error()) // unreachable: memory does not fail
		}
		write(w, m.text)
	}
	if err := z.Close(); err != nil {
		panic("evil: " + err.Error()) // unreachable: memory does not fail
	}
	return b.String()
}

// forms are bodies of CSV, XML and ZIP.
func forms() []Behaviour {
	ok := Want{State: httpsource.CompleteUnverified}
	noted := func(body string, records ...string) func(http.ResponseWriter, *http.Request, *Source) {
		return sends("", func(s *Source) string { s.note(records...); return body })
	}
	csv := func(body string, records ...string) func(http.ResponseWriter, *http.Request, *Source) {
		return typed("text/csv", func(s *Source) string { s.note(records...); return body })
	}
	xml := func(body string) func(http.ResponseWriter, *http.Request, *Source) {
		return typed("application/xml", func(*Source) string { return body })
	}
	one, two := `{"id":1,"name":"a"}`, `{"id":2,"name":"b"}`
	badXML := fails("xml-invalid", "not-json")
	wide := strings.TrimSuffix(strings.Repeat("c,", 20_000), ",")
	return group("forms",
		Behaviour{Name: "csv", Want: ok, http: csv("id,name\n1,a\n2,b\n", one, two)},
		Behaviour{Name: "csv-undeclared", Want: ok, http: noted("id,name\n1,a\n2,b\n", one, two)},
		Behaviour{Name: "csv-with-breaks-in-fields", Want: ok, http: csv("id,name\r\n1,\"a\r\nb,\"\"c\"\"\"\r\n", `{"id":1,"name":"a\r\nb,\"c\""}`)},
		Behaviour{Name: "csv-ragged", Want: fails("csv-ragged"), http: csv("id,name\n1,a\n2,b,c\n3,d\n")},
		Behaviour{Name: "csv-quote-never-closed", Want: fails("csv-unclosed-quote"), http: csv("id,name\n1,\"a\n2,b\n")},
		Behaviour{Name: "csv-quote-without-end", Options: once, Want: fails("record-too-large"), tcp: func(c net.Conn, _ *Source) {
			if write(c, strings.Replace(answer(), "application/json", "text/csv", 1)+"id,name\n1,a\n2,\"") {
				forever(c, strings.Repeat("text\n", 1000))
			}
		}},
		Behaviour{Name: "csv-line-without-end", Options: once, Want: fails("record-too-large", "too-many-keys", "not-csv", "csv-ragged", "not-json"), tcp: func(c net.Conn, _ *Source) {
			if write(c, strings.Replace(answer(), "application/json", "text/csv", 1)) {
				forever(c, strings.Repeat("text,", 1000))
			}
		}},
		Behaviour{Name: "csv-of-20000-columns", Want: fails("too-many-keys", "csv-ragged", "record-too-large"), http: csv(wide + "\n" + wide + "\n")},
		Behaviour{Name: "csv-with-nul", Want: ok, http: csv("id,name\n1,\x00\n", `{"id":1,"name":"\u0000"}`)},
		Behaviour{Name: "csv-latin-1-undeclared", Want: fails("charset-invalid", "json-invalid-utf8", "csv-invalid-utf8"), http: csv("id,name\n1,\xe9\n2,b\n")},
		Behaviour{Name: "xml-billion-laughs", Want: fails("xml-entities"), http: xml(`<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]><r><i><x>&c;</x></i><i><x>1</x></i></r>`)},
		Behaviour{Name: "xml-external-entity", Want: fails("xml-entities"), http: xml(`<?xml version="1.0"?><!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd">]><r><i><x>&f;</x></i><i><x>1</x></i></r>`)},
		Behaviour{Name: "xml-100000-deep", Want: fails("xml-too-deep", "json-too-deep"), http: xml("<r>" + strings.Repeat("<a>", 100_000) + strings.Repeat("</a>", 100_000) + "</r>")},
		Behaviour{Name: "xml-never-closed", Want: fails("body-truncated", "xml-invalid"), http: xml("<r><i><x>1</x></i><i><x>2</x>")},
		Behaviour{Name: "xml-wrongly-closed", Want: badXML, http: xml("<r><i><x>1</i></x></r>")},
		Behaviour{Name: "xml-of-100000-attributes", Want: fails("too-many-keys", "record-too-large", "xml-invalid"), http: sends("", func(*Source) string {
			var b strings.Builder
			for i := range 110_000 {
				fmt.Fprintf(&b, ` a%d="1"`, i)
			}
			return "<r><i" + b.String() + "/><i/></r>"
		})},
		Behaviour{Name: "xml-text-without-end", Options: once, Want: fails("record-too-large", "xml-invalid", "response-too-large"), tcp: func(c net.Conn, _ *Source) {
			if write(c, strings.Replace(answer(), "application/json", "application/xml", 1)+"<r><i><x>1</x></i><i><x>") {
				forever(c, strings.Repeat("text ", 1000))
			}
		}},
		Behaviour{Name: "xml-comment-without-end", Options: once, Want: fails("record-too-large", "xml-invalid", "response-too-large"), tcp: func(c net.Conn, _ *Source) {
			if write(c, strings.Replace(answer(), "application/json", "application/xml", 1)+"<r><!-- ") {
				forever(c, strings.Repeat("text ", 1000))
			}
		}},
		Behaviour{Name: "zip-of-json", Want: ok, http: sends("", func(s *Source) string { return archive(member{"data.json", s.rows(0, 100)}) })},
		Behaviour{Name: "zip-with-a-way-out", Want: ok, http: sends("", func(s *Source) string { return archive(member{"../../../../etc/cron.d/x.json", s.rows(0, 10)}) })},
		Behaviour{Name: "zip-bomb", Limits: httpsource.Limits{RecordBytes: 64 << 20}, Want: fails("compression-ratio"), http: sends("", func(*Source) string { return archive(member{"data.json", blanks(bombMB)}) })},
		Behaviour{Name: "zip-in-gzip-bomb", Limits: httpsource.Limits{RecordBytes: 64 << 20}, Want: fails("compression-ratio"), http: sends("gzip", func(*Source) string { return packed(archive(member{"data.json", blanks(bombMB)}), "gzip") })},
		Behaviour{Name: "zip-of-many", Want: fails("zip-several-members"), http: sends("", func(s *Source) string {
			return archive(member{"a.json", s.rows(0, 10)}, member{"b.json", s.rows(10, 20)})
		})},
		Behaviour{Name: "zip-of-10001-members", Want: fails("zip-members"), http: sends("", func(*Source) string {
			var list []member
			for i := range 10_001 {
				list = append(list, member{fmt.Sprintf("%d.json", i), "[]"})
			}
			return archive(list...)
		})},
		Behaviour{Name: "zip-of-nothing", Want: fails("empty-body"), http: sends("", func(*Source) string { return archive(member{"folder/", ""}) })},
		Behaviour{Name: "zip-cut", Want: fails("zip-invalid", "body-truncated"), http: sends("", func(s *Source) string { z := archive(member{"data.json", s.rows(0, 100)}); return z[:len(z)/2] })},
		Behaviour{Name: "zip-with-a-wrong-checksum", Want: fails("zip-invalid", "content-encoding-invalid", "body-truncated"), http: sends("", func(s *Source) string {
			z := []byte(archive(member{"data.json", s.rows(0, 2000)}))
			for i := 200; i < 300; i++ {
				z[i] ^= 0x55
			}
			return string(z)
		})},
		Behaviour{Name: "workbook", Want: fails("not-json"), http: sends("", func(*Source) string {
			return archive(member{"[Content_Types].xml", "<x/>"}, member{"xl/sheet1.xml", "<x/>"})
		})},
	)
}
