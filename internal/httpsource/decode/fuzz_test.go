package decode_test

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/httpsource/decode"
)

// FuzzRead takes any bytes through all of the package: no shape that is found
// may fail without a name, and none may be found that selects nothing.
func FuzzRead(f *testing.F) {
	for _, c := range shapeCases() {
		f.Add([]byte(c.body), c.contentType)
	}
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		got, err := readAll(t, body, contentType, "", "")
		switch {
		case err != nil && strings.HasPrefix(errType(err), "unclassified"):
			t.Errorf("error without a class: %v", err)
		case err == nil && !got.result.Selected():
			t.Errorf("found %+v, which selects nothing", got.finding)
		case err == nil && int64(len(got.rows)) != got.result.Rows:
			t.Errorf("%d rows given, %d counted", len(got.rows), got.result.Rows)
		}
	})
}

// FuzzCSV compares with encoding/csv wherever that is as strict: both accept or
// both refuse, with as many records and the same texts.
func FuzzCSV(f *testing.F) {
	for _, seed := range []string{"a,b\n1,2\n", "a,\"b\n\"\"\"\r\n,\n", "\"", "a\"b", "a,b\r1,2\r", "\"a\"b,c\n", "x\n\n\n", ",,\n,,", "\xff,a\n", "a,b\n1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var rows int
		plan := decode.Plan{Shape: "csv; delimiter=comma; header=absent"}
		_, err := decode.Split(strings.NewReader(text), plan, limits(), func(raw []byte) error { rows++; return nil })
		if strings.HasPrefix(errType(err), "unclassified") {
			t.Errorf("error without a class: %v", err)
		}
		r := csv.NewReader(strings.NewReader(text))
		theirs, terr := r.ReadAll()
		switch typ := errType(err); {
		case strings.ContainsAny(text, "\r\x00") || typ == "csv-invalid-utf8":
			return // encoding/csv reads these otherwise, or reads what is no text
		case len(theirs) > 0 && len(theirs[0]) == 1 || strings.Contains(text, "\n\n") || strings.HasPrefix(text, "\n"):
			return // encoding/csv leaves blank lines out
		case terr == nil && len(theirs) > 0 && (err != nil || rows != len(theirs)):
			t.Errorf("%d rows and %v, want %d", rows, err, len(theirs))
		case terr != nil && err == nil:
			t.Errorf("accepted, although %v", terr)
		}
	})
}

// FuzzRagged checks that no way to treat records of another length loses one
// silently: what is given and what is named adds up.
func FuzzRagged(f *testing.F) {
	for _, seed := range []string{"a,b\n1,2\n3\n", "a,b\n\n1,2,3\n", "a\n1,2\n\n", "a,column_3\n1,2,3\n", "\n\n\n,\n", "a,b\n1\n\"", "a,b\n1,2,3,4\n5\n\n\n6,7"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		counted := map[string]int64{}
		for _, policy := range []string{"fail", "pad", "skip"} {
			plan := decode.Plan{Shape: decode.Shape("csv; delimiter=comma; header=present; ragged=" + policy)}
			res, err := decode.Split(strings.NewReader(text), plan, limits(), func(raw []byte) error {
				if !jsontext.Value(raw).IsValid() {
					t.Fatalf("%s: %q is no JSON", policy, raw)
				}
				return nil
			})
			if strings.HasPrefix(errType(err), "unclassified") {
				t.Fatalf("%s: error without a class: %v", policy, err)
			}
			if policy == "fail" && err == nil && res.Ragged != nil || policy != "fail" && errType(err) == "csv-ragged" {
				t.Fatalf("%s: %v and %+v", policy, err, res.Ragged)
			}
			if err != nil && errType(err) != "csv-ragged" {
				return
			}
			counted[policy] = res.Rows
			if policy == "skip" && res.Ragged != nil && counted["pad"] < counted["skip"] {
				t.Fatalf("%d rows filled up, and %d without them", counted["pad"], counted["skip"])
			}
		}
	})
}

// FuzzXML checks that nothing is accepted that encoding/xml refuses.
func FuzzXML(f *testing.F) {
	for _, seed := range []string{"<a><b/><b>x</b></a>", "<a x='1'><![CDATA[<]]></a>", "<?xml version='1.0'?><a>&lt;&#65;</a>", "<a><b></a></b>", "<a", "<a/><b/>", "<!DOCTYPE a><a/>", "<a xmlns:p='u'><p:b/></a>", "<a><!-- - --><b>1</b></a>"} {
		f.Add(seed, "a.b")
		f.Add(seed, "$")
	}
	f.Fuzz(func(t *testing.T, text, path string) {
		p, err := decode.ParsePath(path)
		if err != nil {
			return
		}
		_, err = decode.Split(strings.NewReader(text), decode.Plan{Path: p, Shape: decode.XML}, limits(), func(raw []byte) error {
			if bytes.Contains(raw, []byte("\xff")) || raw[0] != '{' {
				t.Errorf("row %q", raw)
			}
			return nil
		})
		if strings.HasPrefix(errType(err), "unclassified") {
			t.Errorf("error without a class: %v", err)
		}
		_, ierr := decode.Inspect(strings.NewReader("<a>"+text+"</a>"), decode.Path{}, limits())
		if strings.HasPrefix(errType(ierr), "unclassified") {
			t.Errorf("error without a class: %v", ierr)
		}
		var any struct{}
		if err == nil && !strings.Contains(text, "encoding") && xml.Unmarshal([]byte(text), &any) != nil {
			t.Errorf("accepted, although %v", xml.Unmarshal([]byte(text), &any))
		}
	})
}
