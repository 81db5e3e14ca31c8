package evil

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"millwright/internal/httpsource"
)

// paged gives each list of records on a page of its own.
func paged(pages func(n int) []string, last int) func(http.ResponseWriter, *http.Request, *Source) {
	return func(w http.ResponseWriter, r *http.Request, s *Source) {
		n := number(r, "page", 0)
		next := fmt.Sprintf(`"?page=%d"`, n+1)
		if n == last {
			next = "null"
		}
		fmt.Fprintf(w, `{"items":%s,"next":%s}`, s.list(pages(n)...), next)
	}
}

// array answers with records as they are spelled here.
func array(records ...string) func(http.ResponseWriter, *http.Request, *Source) {
	return sends("", func(s *Source) string { return s.list(records...) })
}

// drift are records that change their form. The connector gives them on as they
// are; what makes columns of them has to bear it.
func drift() []Behaviour {
	ok, whole := Want{State: httpsource.CompleteUnverified}, Want{State: httpsource.Complete}
	two := func(a, b string) func(http.ResponseWriter, *http.Request, *Source) {
		return paged(func(n int) []string {
			list := make([]string, 10)
			for i := range list {
				list[i] = fmt.Sprintf(`{"id":%d,"v":%s}`, n*10+i, []string{a, b}[n])
			}
			return list
		}, 1)
	}
	return group("drift",
		Behaviour{Name: "int-to-text", Want: whole, http: two("1", `"one"`)},
		Behaviour{Name: "null-to-object", Want: whole, http: two("null", `{"a":{"b":[1]}}`)},
		Behaviour{Name: "object-to-array", Want: whole, http: two(`{"a":1}`, `[1,2]`)},
		Behaviour{Name: "array-to-scalar", Want: whole, http: two(`[1]`, "1")},
		Behaviour{Name: "int-to-float", Want: whole, http: two("1", "1.5")},
		Behaviour{Name: "int-past-2^63", Want: whole, http: two("1", "18446744073709551616")},
		Behaviour{Name: "bool-to-text", Want: whole, http: two("true", `"yes"`)},
		Behaviour{Name: "date-to-text", Want: whole, http: two(`"2026-01-01"`, `"01/02/2026"`)},
		Behaviour{Name: "always-null", Want: whole, http: two("null", "null")},
		Behaviour{Name: "mixed-array", Want: ok, http: array(`{"id":1,"a":[1,"x",null,{"k":1},[2]]}`, `{"id":2,"a":[]}`)},
		Behaviour{Name: "rows-of-every-kind", Want: ok, http: sends("", func(s *Source) string {
			for _, v := range []string{"1", `"x"`, "null", "true", "[1,2]"} {
				s.note(`{"value":` + v + `}`)
			}
			s.note(`{"a":1}`)
			return `[1,"x",null,true,{"a":1},[1,2]]`
		})},
		Behaviour{Name: "missing-keys", Want: ok, http: array(`{"id":1,"a":1}`, `{"id":2}`, `{}`, `{"b":1}`)},
		Behaviour{Name: "ten-thousand-columns-on-page-7", Want: whole, http: paged(func(n int) []string {
			if n < 6 {
				return []string{record(2 * n), record(2*n + 1)}
			}
			var b strings.Builder
			for i := range 9_990 {
				fmt.Fprintf(&b, `"column_%d":%d,`, i, i)
			}
			return []string{"{" + b.String() + `"id":99}`}
		}, 6)},
		Behaviour{Name: "keys-that-differ-by-case", Want: ok, http: array(`{"Id":1,"id":2,"ID":3,"iD":4}`)},
		Behaviour{Name: "odd-keys", Want: ok, http: array(`{"":1," ":2,".":3,"\"":4,"a.b":5,"$":6,"a[0]":7,"\n":8,"*":9,"'":10,"\\":11,"\u0000":12,"__proto__":13,"constructor":14}`)},
		Behaviour{Name: "reserved-words-as-keys", Want: ok, http: array(`{"select":1,"from":2,"where":3,"order":4,"group":5,"table":6,"null":7,"true":8,"rowid":9,"user":10,"current_date":11}`)},
		Behaviour{Name: "keys-that-look-alike", Want: ok, http: array(`{"é":1,"e\u0301":2,"а":3,"a":4,"ａ":5}`)},
		Behaviour{Name: "naughty-strings-as-values", Want: ok, http: naughty(func(i int, text string) string { return fmt.Sprintf(`{"id":%d,"v":%s}`, i, text) })},
		Behaviour{Name: "naughty-strings-as-keys", Want: ok, http: naughty(func(i int, text string) string { return fmt.Sprintf(`{"the id":%d,%s:1}`, i, text) })},
		Behaviour{Name: "naughty-strings-as-keys-of-one-object", Want: Want{State: httpsource.Complete, Reason: "one-object"}, Fields: `"responsePathExtractor":"$"`, http: sends("", func(s *Source) string {
			seen, members := map[string]bool{}, []string{}
			for _, text := range Naughty() {
				if !seen[text] {
					seen[text] = true
					members = append(members, text+":"+text)
				}
			}
			doc := "{" + strings.Join(members, ",") + "}"
			s.note(doc)
			return doc
		})},
	)
}

func naughty(write func(i int, text string) string) func(http.ResponseWriter, *http.Request, *Source) {
	return sends("", func(s *Source) string {
		var list []string
		for i, text := range Naughty() {
			list = append(list, write(i, text))
		}
		return s.list(list...)
	})
}

// Naughty returns strings that break programs, as JSON: the shared list if it
// lies beside the repository, and a few of our own in any case.
func Naughty() []string {
	var list []string
	if data, err := os.ReadFile(Vector("blns.json")); err == nil {
		var texts []string
		if json.Unmarshal(data, &texts) == nil {
			for _, t := range texts {
				list = append(list, quote(t))
			}
		}
	}
	for _, t := range []string{
		"undefined", "NULL", "1/0", "0xffffffffffffffff", "-1E+02", "NaN", "1,000.00", "Ω≈ç√∫", "田中さんにあげて下さい", "👩‍👩‍👧‍👦", "\u202etest", "ﷺ", "Z̮̞̠͙͔ͅA̡",
		"<script>alert(1)</script>", "'; DROP TABLE x; --", `"; SELECT 1`, "$(touch /tmp/x)", "../../etc/passwd", "{{7*7}}", "${jndi:ldap://x}", "=cmd|' /C calc'!A0", "\x7f\x1b[31m", "\ufeff", "\u0000", "CON", strings.Repeat("A", 4096),
	} {
		list = append(list, quote(t))
	}
	return list
}

// Vector returns where a file of the shared test data would be: in ../shared/vectors
// beside the repository. It may not be there.
func Vector(name string) string {
	dir, err := os.Getwd()
	for err == nil && filepath.Dir(dir) != dir {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "..", "shared", "vectors", name)
		}
		dir = filepath.Dir(dir)
	}
	return filepath.Join("nowhere", name)
}
