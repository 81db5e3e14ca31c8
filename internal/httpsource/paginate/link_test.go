package paginate_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/httpsource/paginate"
)

func TestParseLinks(t *testing.T) {
	t.Parallel()
	cases := []struct {
		rule, in string
		want     []paginate.WebLink
	}{
		{"one link", `</a>; rel="next"`, []paginate.WebLink{{URL: "/a", Rels: []string{"next"}}}},
		{"without quotes", `</a>;rel=next`, []paginate.WebLink{{URL: "/a", Rels: []string{"next"}}}},
		{"several relations in one", `</a>; rel="prev  NEXT"`, []paginate.WebLink{{URL: "/a", Rels: []string{"prev", "next"}}}},
		{"only the first rel counts", `</a>; rel=prev; rel=next`, []paginate.WebLink{{URL: "/a", Rels: []string{"prev"}}}},
		{"commas and semicolons in the URL and in quotes", `</a,b;c>; title="x, <y>; \"z\""; rel=next, </d>; rel=last`, []paginate.WebLink{{URL: "/a,b;c", Rels: []string{"next"}}, {URL: "/d", Rels: []string{"last"}}}},
		{"a link without relation", `</a>, </b>; rel=next`, []paginate.WebLink{{URL: "/a"}, {URL: "/b", Rels: []string{"next"}}}},
		{"a flag", `</a>; crossorigin; rel=next`, []paginate.WebLink{{URL: "/a", Rels: []string{"next"}}}},
		{"spaces everywhere", ` < /a > ; rel = "next" `, []paginate.WebLink{{URL: "/a", Rels: []string{"next"}}}},
		{"an open bracket", `</a; rel=next`, nil},
		{"an open quote", `</a>; rel="next`, []paginate.WebLink{{URL: "/a", Rels: []string{"next"}}}},
		{"nothing", ``, nil},
	}
	for _, c := range cases {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, paginate.ParseLinks(http.Header{"Link": {c.in}})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzParseLinks(f *testing.F) {
	f.Add(`</a>; rel="next", <b>; title="\"`)
	f.Add(`<;=",>`)
	f.Fuzz(func(t *testing.T, in string) {
		for _, l := range paginate.ParseLinks(http.Header{"Link": {in}}) {
			if len(l.URL) > len(in) {
				t.Errorf("a link longer than the header: %q", l.URL)
			}
		}
		// Whatever stands before it, a well-formed link after a comma is found
		// unless a bracket or a quote before it is left open.
	})
}

func TestTotal(t *testing.T) {
	t.Parallel()
	cases := []struct {
		rule   string
		fields map[string]string
		header string
		n      int64
		ok     bool
	}{
		{"a total at the top", map[string]string{"total": "12"}, "", 12, true},
		{"a total as text", map[string]string{"meta.totalCount": `"12"`}, "", 12, true},
		{"OData", map[string]string{"@odata.count": "12"}, "", 12, true},
		{"a search engine's", map[string]string{"hits.total.value": "12"}, "", 12, true},
		{"an amount is no total", map[string]string{"total": "12.5"}, "", 0, false},
		{"a negative total claims nothing", map[string]string{"total": "-1"}, "", 0, false},
		{"a total about something else", map[string]string{"order.total": "12"}, "", 0, false},
		{"a count of more than the page", map[string]string{"count": "12"}, "", 12, true},
		{"a count of the page", map[string]string{"count": "5"}, "", 0, false},
		{"a content range", nil, "items 0-4/12", 12, true},
		{"a content range without a total", nil, "items 0-4/*", 0, false},
	}
	for _, c := range cases {
		a := paginate.Answer{Records: 5, Header: http.Header{"Content-Range": {c.header}}}
		for path, raw := range c.fields {
			a.Fields = append(a.Fields, paginate.Field{Path: path, Raw: []byte(raw)})
		}
		if n, _, ok := paginate.Total(a); n != c.n || ok != c.ok {
			t.Errorf("%s: %d, %v; want %d, %v", c.rule, n, ok, c.n, c.ok)
		}
	}
}
