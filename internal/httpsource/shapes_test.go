package httpsource_test

import (
	"archive/zip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"millwright/internal/httpsource"
	"millwright/internal/httpsource/decode"
)

// TestFormatsAreFetched runs bodies that are no JSON through a whole Fetch, then
// through a second one with everything that was detected set explicitly, which
// is what a run does after its test.
func TestFormatsAreFetched(t *testing.T) {
	t.Parallel()
	const feed = `<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>t</title>%s<entry><id>%d</id></entry><entry><id>%d</id></entry></feed>`
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		second := r.URL.Query().Get("p") == "2"
		switch r.URL.Path {
		case "/csv":
			w.Header().Set("Content-Type", "text/csv")
			_, _ = io.WriteString(w, "id;note\n1;a,b\n2;\n")
		case "/csv-pages":
			w.Header().Set("Content-Type", "text/csv")
			if second {
				w.Header().Set("Link", `</csv-pages?p=3>; rel="next"`)
				_, _ = io.WriteString(w, "3,c\n4,d\n")
				return
			}
			if r.URL.Query().Get("p") == "3" {
				return
			}
			w.Header().Set("Link", `</csv-pages?p=2>; rel="next"`)
			_, _ = io.WriteString(w, "id,n\n1,a\n2,b\n")
		case "/text-pages":
			w.Header().Set("Content-Type", "text/plain")
			if second {
				_, _ = io.WriteString(w, "cid,c\n")
				return
			}
			w.Header().Set("Link", `</text-pages?p=2>; rel="next"`)
			_, _ = io.WriteString(w, "id,n\naid,a\nbid,b\n")
		case "/atom":
			w.Header().Set("Content-Type", "application/atom+xml")
			if second {
				fmt.Fprintf(w, feed, "", 3, 4)
				return
			}
			fmt.Fprintf(w, feed, `<link rel="self" href="/atom"/><link rel="next" href="/atom?p=2"/>`, 1, 2)
		case "/zip":
			w.Header().Set("Content-Type", "application/zip")
			z := zip.NewWriter(w)
			m, err := z.Create("table.csv")
			if err == nil {
				_, err = io.WriteString(m, "id,n\n1,a\n2,b\n")
			}
			if err != nil || z.Close() != nil {
				t.Error("the archive was not written")
			}
		case "/long-xml":
			_, _ = io.WriteString(w, "<r>")
			for i := range 60_000 {
				fmt.Fprintf(w, `<row id="%d"><t>%s</t></row>`, i, strings.Repeat("x", 80))
			}
			_, _ = io.WriteString(w, "</r>")
		case "/long-csv":
			_, _ = io.WriteString(w, "id,text\n")
			for i := range 60_000 {
				fmt.Fprintf(w, "%d,%s\n", i, strings.Repeat("x", 80))
			}
		case "/arrays":
			if second {
				_, _ = io.WriteString(w, `[["id","n"],[3,"c"]]`)
				return
			}
			w.Header().Set("Link", `</arrays?p=2>; rel="next"`)
			_, _ = io.WriteString(w, `[["id","n"],[1,"a"],[2,"b"]]`)
		}
	})
	for _, c := range []struct {
		path, format string
		shape        decode.Shape
		rows         int
		last         string
	}{
		{"/csv", "csv", "csv; delimiter=semicolon; header=present", 2, `{"id":2,"note":null}`},
		{"/csv-pages", "csv", "csv; delimiter=comma; header=present", 4, `{"id":4,"n":"d"}`},
		{"/text-pages", "csv", "csv; delimiter=comma; header=present", 3, `{"id":"cid","n":"c"}`},
		{"/atom", "xml", decode.XML, 4, `{"id":4}`},
		{"/zip", "csv", "csv; delimiter=comma; header=present", 2, `{"id":2,"n":"b"}`},
		{"/long-xml", "xml", decode.XML, 60_000, `{"@id":59999,"t":"` + strings.Repeat("x", 80) + `"}`},
		{"/long-csv", "csv", "csv; delimiter=comma; header=present", 60_000, `{"id":59999,"text":"` + strings.Repeat("x", 80) + `"}`},
		{"/arrays", "json", "arrays; header=present", 3, `{"id":3,"n":"c"}`},
	} {
		t.Run(c.path, func(t *testing.T) {
			t.Parallel()
			s := get(t, u+c.path)
			for _, round := range []string{"found", "set"} {
				got, out, err := fetch(t, newClient(t), s, httpsource.Options{})
				if err != nil {
					t.Fatalf("%s: %v", round, err)
				}
				if len(got.rows) != c.rows || got.rows[len(got.rows)-1] != c.last {
					t.Errorf("%s: %d rows, want %d that end with %s: %.200s", round, len(got.rows), c.rows, c.last, got.rows)
				}
				d := out.Detected
				if string(d.Content.Format) != c.format || d.ResponsePath.Shape != c.shape {
					t.Errorf("%s: detected %+v, want %s as %s", round, d, c.format, c.shape)
				}
				s = out.Settle(s)
			}
		})
	}
}

func TestAnAnswerThatIsCutByItsOwnWordIsIncomplete(t *testing.T) {
	t.Parallel()
	u := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"results":[{"series":[{"name":"c","columns":["v"],"values":[[1],[2]],"partial":true}]}]}`)
	})
	_, _, err := fetch(t, newClient(t), get(t, u), httpsource.Options{})
	if errType(err) != "incomplete-source-says" {
		t.Errorf("error %v, want incomplete-source-says", err)
	}
	got, out, err := fetch(t, newClient(t), get(t, u, `"options":{"on_partial":"warn"}`), httpsource.Options{})
	if err != nil || len(got.rows) != 2 || len(out.Verdict.Alarms) == 0 {
		t.Errorf("%d rows, alarms %q, error %v; want 2 rows with an alarm", len(got.rows), out.Verdict.Alarms, err)
	}
}
