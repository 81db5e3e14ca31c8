package httpsource_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"millwright/internal/httpsource"
	"millwright/internal/httpsource/paginate"
)

// rows writes records n..m-1 as a JSON array.
func rows(n, m int) string {
	var parts []string
	for i := n; i < m; i++ {
		parts = append(parts, fmt.Sprintf(`{"id":%d,"name":"n%d"}`, i, i))
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// ids returns the ids of the rows that arrived.
func ids(t *testing.T, s *sink) []int {
	t.Helper()
	var out []int
	for _, r := range s.rows {
		var v struct{ ID int }
		if err := json.Unmarshal([]byte(r), &v); err != nil {
			t.Fatal(err)
		}
		out = append(out, v.ID)
	}
	return out
}

// A pager answers page n, from 0, of a source of 25 records in pages of 10.
// self is the server's own address.
type pager func(w http.ResponseWriter, r *http.Request, self string)

func query(r *http.Request, name string, or int) int {
	n, err := strconv.Atoi(r.URL.Query().Get(name))
	if err != nil {
		return or
	}
	return n
}

func slice(n int) string { return rows(min(n*10, 25), min(n*10+10, 25)) }

// asked is the body of a POST.
type asked struct {
	Page, Offset, Cursor int
	Q, Query             string
	Variables            struct {
		After string `json:"c"`
	}
}

// posted answers the bodies of POSTs that are whole, and refuses all else.
func posted(answer func(http.ResponseWriter, asked)) pager {
	return func(w http.ResponseWriter, r *http.Request, _ string) {
		var in asked
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.Method != "POST" || in.Q == "" && in.Query == "" || r.URL.RawQuery != "" {
			http.Error(w, "bad request", 400)
			return
		}
		answer(w, in)
	}
}

func TestPaging(t *testing.T) {
	t.Parallel()
	const complete, unverified, incomplete = httpsource.Complete, httpsource.CompleteUnverified, httpsource.Incomplete
	cases := []struct {
		rule    string
		pages   pager
		url     string // after the server's address
		options string
		kind    paginate.Kind
		rows    int
		state   httpsource.State
		reason  string
		hits    int // requests; 0 means do not care
	}{
		{rule: "Link header: ends without next", kind: paginate.Link, rows: 25, state: complete, reason: "no-next-link", hits: 3, pages: func(w http.ResponseWriter, r *http.Request, self string) {
			n := query(r, "page", 0)
			if n < 2 {
				w.Header().Add("Link", fmt.Sprintf(`<%s/?page=%d>; title="a, b"; rel="last next"`, self, n+1))
			} else {
				w.Header().Add("Link", fmt.Sprintf(`<%s/?page=0>; rel=first`, self))
			}
			fmt.Fprint(w, slice(n))
		}},
		{rule: "Link header: relative, with a matching total", kind: paginate.Link, rows: 25, state: complete, reason: "total-matched", pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			n := query(r, "page", 0)
			w.Header().Set("X-Total-Count", "25")
			if n < 2 {
				w.Header().Set("Link", fmt.Sprintf(`</?page=%d>; rel=next`, n+1))
			}
			fmt.Fprint(w, slice(n))
		}},
		{rule: "Link header: a total on the first page only, which is not reached", kind: paginate.Link, rows: 25, state: incomplete, reason: "fewer-than-total", pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			n := query(r, "page", 0)
			if n == 0 {
				w.Header().Set("X-Total-Count", "35")
			}
			if n < 2 {
				w.Header().Set("Link", fmt.Sprintf(`</?page=%d>; rel=next`, n+1))
			}
			fmt.Fprint(w, slice(n))
		}},
		{rule: "next URL: absolute, ends with null", kind: paginate.URL, rows: 25, state: complete, reason: "null-next-url", hits: 3, pages: func(w http.ResponseWriter, r *http.Request, self string) {
			n := query(r, "page", 0)
			next := fmt.Sprintf(`"%s/?page=%d"`, self, n+1)
			if n == 2 {
				next = "null"
			}
			fmt.Fprintf(w, `{"next":%s,"results":%s}`, next, slice(n))
		}},
		{rule: "next URL: after the records, relative, ends by being gone", kind: paginate.URL, rows: 25, state: complete, reason: "no-next-url", pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			n := query(r, "page", 0)
			links := `{"self":"x"}`
			if n < 2 {
				links = fmt.Sprintf(`{"next":"?page=%d"}`, n+1)
			}
			fmt.Fprintf(w, `{"data":%s,"links":%s}`, slice(n), links)
		}},
		{rule: "next URL: OData", kind: paginate.URL, rows: 25, state: complete, reason: "total-matched", pages: func(w http.ResponseWriter, r *http.Request, self string) {
			n := query(r, "page", 0)
			next := ""
			if n < 2 {
				next = fmt.Sprintf(`,"@odata.nextLink":"%s/?page=%d"`, self, n+1)
			}
			fmt.Fprintf(w, `{"@odata.count":25,"value":%s%s}`, slice(n), next)
		}},
		{rule: "next URL: an object with href", kind: paginate.URL, rows: 25, state: complete, reason: "no-next-url", pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			n := query(r, "page", 0)
			next := ""
			if n < 2 {
				next = fmt.Sprintf(`,"_links":{"next":{"href":"/?page=%d"}}`, n+1)
			}
			fmt.Fprintf(w, `{"items":%s%s}`, slice(n), next)
		}},
		{rule: "next URL: a list of links with rel", kind: paginate.URL, rows: 25, state: complete, reason: "no-next-url", pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			n := query(r, "page", 0)
			next := ""
			if n < 2 {
				next = fmt.Sprintf(`,{"rel":"next","href":"/?page=%d"}`, n+1)
			}
			fmt.Fprintf(w, `{"links":[{"rel":"self","href":"/"}%s],"items":%s}`, next, slice(n))
		}},
		{rule: "next URL: a short page in the middle ends nothing", kind: paginate.URL, rows: 12, state: complete, reason: "null-next-url", pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			n := query(r, "page", 0)
			page := []string{rows(0, 5), rows(5, 7), rows(7, 12)}[n]
			fmt.Fprintf(w, `{"items":%s,"next":%s}`, page, []string{`"?page=1"`, `"?page=2"`, `null`}[n])
		}},
		{rule: "next URL: an empty page in the middle with a next URL is followed", kind: paginate.URL, rows: 10, state: complete, reason: "null-next-url", pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			n := query(r, "page", 0)
			page := []string{rows(0, 5), rows(0, 0), rows(5, 10)}[n]
			fmt.Fprintf(w, `{"items":%s,"next":%s}`, page, []string{`"?page=1"`, `"?page=2"`, `null`}[n])
		}},
		{rule: "next URL: empty pages without end stop", kind: paginate.URL, rows: 5, state: unverified, reason: "empty-page", hits: 5, pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			n := query(r, "page", 0)
			page := "[]"
			if n == 0 {
				page = rows(0, 5)
			}
			fmt.Fprintf(w, `{"items":%s,"next":"?page=%d"}`, page, n+1)
		}},
		{rule: "next URL: the same again", kind: paginate.URL, rows: 20, state: incomplete, reason: "repeated-token", hits: 2, pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			fmt.Fprintf(w, `{"items":%s,"next":"?page=1"}`, slice(query(r, "page", 0)))
		}},
		{rule: "next URL: A-B-A", kind: paginate.URL, rows: 20, state: incomplete, reason: "repeated-token", hits: 2, pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			n := query(r, "page", 0)
			fmt.Fprintf(w, `{"items":%s,"next":%q}`, slice(n), []string{"?page=1", "/"}[n])
		}},
		{rule: "next URL: new URLs with the records of an earlier page", kind: paginate.URL, rows: 30, state: incomplete, reason: "repeated-page", hits: 3, pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			n := query(r, "page", 0)
			fmt.Fprintf(w, `{"items":%s,"next":"?page=%d"}`, slice(min(n, 1)), n+1)
		}},
		{rule: "next URL: at another origin", kind: paginate.URL, rows: 10, state: incomplete, reason: "next-url-other-origin", hits: 1, pages: func(w http.ResponseWriter, _ *http.Request, _ string) {
			fmt.Fprintf(w, `{"items":%s,"next":"http://other.example/?page=1"}`, slice(0))
		}},
		{rule: "next URL: of another scheme", kind: paginate.URL, rows: 10, state: incomplete, reason: "next-url-invalid", options: `"pagination":{"kind":"next_url","path":"next"}`, hits: 1, pages: func(w http.ResponseWriter, _ *http.Request, _ string) {
			fmt.Fprintf(w, `{"items":%s,"next":"file:///etc/passwd"}`, slice(0))
		}},
		{rule: "cursor: ends with an empty token", kind: paginate.Cursor, rows: 25, state: complete, reason: "null-token", pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			n := query(r, "cursor", 0)
			token := strconv.Itoa(n + 1)
			if n == 2 {
				token = ""
			}
			fmt.Fprintf(w, `{"ok":true,"members":%s,"response_metadata":{"next_cursor":%q}}`, slice(n), token)
		}},
		{rule: "cursor: ends by being gone", kind: paginate.Cursor, rows: 25, state: complete, reason: "no-token", pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			n := query(r, "pageToken", 0)
			token := ""
			if n < 2 {
				token = fmt.Sprintf(`,"nextPageToken":"%d"`, n+1)
			}
			fmt.Fprintf(w, `{"items":%s%s}`, slice(n), token)
		}},
		{rule: "cursor: has_more false ends it although there is a token", kind: paginate.Cursor, rows: 25, state: complete, reason: "has-more-false", pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			n := query(r, "cursor", 0)
			fmt.Fprintf(w, `{"data":%s,"has_more":%v,"next_cursor":"%d"}`, slice(n), n < 2, n+1)
		}},
		{rule: "cursor: isLast ends it although there is a token", kind: paginate.Cursor, rows: 25, state: complete, reason: "has-more-false", pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			n := query(r, "pageToken", 0)
			fmt.Fprintf(w, `{"issues":%s,"isLast":%v,"nextPageToken":"%d"}`, slice(n), n == 2, n+1)
		}},
		{rule: "cursor: the last page leaves the records' key out", kind: paginate.Cursor, rows: 10, state: complete, reason: "no-token", pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			if query(r, "pageToken", 0) == 1 {
				fmt.Fprint(w, `{}`)
				return
			}
			fmt.Fprintf(w, `{"items":%s,"nextPageToken":"1"}`, slice(0))
		}},
		{rule: "cursor: the same token for ever", kind: paginate.Cursor, rows: 20, state: incomplete, reason: "repeated-token", pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			fmt.Fprintf(w, `{"items":%s,"next_cursor":"1"}`, slice(query(r, "cursor", 0)))
		}},
		{rule: "cursor: a parameter that nobody guesses", kind: paginate.None, rows: 10, state: incomplete, reason: "cursor-parameter-unknown", pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			n := query(r, "weird", 0)
			fmt.Fprintf(w, `{"items":%s,"next_cursor":"%d"}`, slice(n), n+1)
		}},
		{rule: "cursor: unknown parameters refused", kind: paginate.Cursor, rows: 25, state: complete, reason: "null-token", pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			for name := range r.URL.Query() {
				if name != "next_token" {
					http.Error(w, `{"error":"unknown parameter"}`, 400)
					return
				}
			}
			n := query(r, "next_token", 0)
			token := fmt.Sprintf(`"%d"`, n+1)
			if n == 2 {
				token = "null"
			}
			fmt.Fprintf(w, `{"items":%s,"next_token":%s}`, slice(n), token)
		}},
		{rule: "cursor: set by hand, in the body of a POST", kind: paginate.Cursor, rows: 25, state: complete, reason: "no-token", options: `"pagination":{"kind":"cursor","path":"page.end","param":"variables.after","in":"body"}`, pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			var in struct {
				Query     string
				Variables struct{ After string }
			}
			if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Query != "q" {
				http.Error(w, "bad body", 400)
				return
			}
			n, _ := strconv.Atoi(in.Variables.After)
			end := ""
			if n < 2 {
				end = fmt.Sprintf(`"end":"%d"`, n+1)
			}
			fmt.Fprintf(w, `{"page":{%s},"items":%s}`, end, slice(n))
		}},
		{rule: "cursor: in a header", kind: paginate.Cursor, rows: 25, state: complete, reason: "no-token", pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			n := query(r, "cursor", 0)
			if n < 2 {
				w.Header().Set("X-Next-Cursor", strconv.Itoa(n+1))
			}
			fmt.Fprint(w, slice(n))
		}},
		{rule: "cursor: found in a POST, goes back in its body", options: `"parallel":1`, kind: paginate.Cursor, rows: 25, state: complete, reason: "null-token", pages: posted(func(w http.ResponseWriter, in asked) {
			fmt.Fprintf(w, `{"items":%s,"next_cursor":%s}`, slice(in.Cursor), []string{"1", "2", "null"}[in.Cursor])
		})},
		{rule: "cursor: of GraphQL, found by its variable", options: `"parallel":2`, kind: paginate.Cursor, rows: 25, state: complete, reason: "has-more-false", pages: posted(func(w http.ResponseWriter, in asked) {
			n, _ := strconv.Atoi(in.Variables.After)
			fmt.Fprintf(w, `{"data":{"users":{"pageInfo":{"hasNextPage":%v,"endCursor":"%d"},"nodes":%s}}}`, n < 2, n+1, slice(n))
		})},
		{rule: "page number: a count of the page's own records is no total", url: "/?page=1", kind: paginate.Page, rows: 25, state: complete, reason: "total-matched", hits: 3, pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			n := query(r, "page", 1)
			fmt.Fprintf(w, `{"filtered_count":25,"item_count":%d,"items":%s,"page":%d,"page_count":3,"total_count":25}`, min(10, 35-10*n), slice(n-1), n)
		}},
		{rule: "page number: a count of the page's own records, and no other", url: "/?page=1", kind: paginate.Page, rows: 25, state: unverified, reason: "empty-page", hits: 4, pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			n := query(r, "page", 1)
			fmt.Fprintf(w, `{"result_count":%d,"items":%s}`, max(0, min(10, 35-10*n)), slice(n-1))
		}},
		{rule: "page number: a number of records that is reached with pages to come is no total", url: "/?page=1", kind: paginate.Page, rows: 25, state: complete, reason: "last-page", hits: 3, pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			n := query(r, "page", 1)
			fmt.Fprintf(w, `{"total":%d,"items":%s,"total_pages":3}`, min(10, 35-10*n), slice(n-1))
		}},
		{rule: "page number: in the body of a POST", options: `"parallel":3`, kind: paginate.Page, rows: 25, state: complete, reason: "last-page", pages: posted(func(w http.ResponseWriter, in asked) {
			fmt.Fprintf(w, `{"total_pages":3,"items":%s}`, slice(max(in.Page, 1)-1))
		})},
		{rule: "offset: in the body of a POST", options: `"parallel":4`, kind: paginate.Offset, rows: 25, state: complete, reason: "total-matched", pages: posted(func(w http.ResponseWriter, in asked) {
			fmt.Fprintf(w, `{"offset":0,"total":25,"items":%s}`, rows(min(in.Offset, 25), min(in.Offset+10, 25)))
		})},
		{rule: "last row: found by has_more", kind: paginate.LastRow, rows: 25, state: complete, reason: "has-more-false", hits: 3, pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			from := query(r, "starting_after", -1) + 1
			fmt.Fprintf(w, `{"object":"list","data":%s,"has_more":%v}`, rows(from, min(from+10, 25)), from < 15)
		}},
		{rule: "none: the first answer says that there is no more", kind: paginate.None, rows: 10, state: complete, reason: "has-more-false", hits: 1, pages: func(w http.ResponseWriter, _ *http.Request, _ string) {
			fmt.Fprintf(w, `{"object":"list","data":%s,"has_more":false}`, rows(0, 10))
		}},
		{rule: "last row: the second guess", kind: paginate.LastRow, rows: 25, state: complete, reason: "has-more-false", hits: 4, pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			from := query(r, "after", -1) + 1
			fmt.Fprintf(w, `{"data":%s,"has_more":%v}`, rows(from, min(from+10, 25)), from < 15)
		}},
		{rule: "last row: in the request, until an empty page", url: "/?since_id=-1", kind: paginate.LastRow, rows: 25, state: unverified, reason: "empty-page", hits: 4, pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			from := query(r, "since_id", -1) + 1
			fmt.Fprint(w, rows(min(from, 25), min(from+10, 25)))
		}},
		{rule: "last row: set by hand, with a size", options: `"pagination":{"kind":"last_row","path":"id","param":"after","size_param":"limit","size":10}`, kind: paginate.LastRow, rows: 25, state: complete, reason: "total-matched", hits: 3, pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			from := query(r, "after", -1) + 1
			fmt.Fprintf(w, `{"data":%s,"total":25}`, rows(from, min(from+query(r, "limit", 100), 25)))
		}},
		{rule: "last row: a source that counts what is left, and says no more of its end", options: `"pagination":{"kind":"last_row","path":"id","param":"after"}`, kind: paginate.LastRow, rows: 25, state: complete, reason: "total-matched", hits: 4, pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			first := query(r, "after", -1) + 1
			more := ""
			if first+10 < 25 {
				more = `,"more":true`
			}
			fmt.Fprintf(w, `{"kvs":%s,"count":"%d"%s}`, rows(first, min(first+10, 25)), 25-first, more)
		}},
		{rule: "last row: the same page again", options: `"pagination":{"kind":"last_row","path":"id","param":"after"}`, kind: paginate.LastRow, rows: 20, state: incomplete, reason: "repeated-page", hits: 2, pages: func(w http.ResponseWriter, _ *http.Request, _ string) {
			fmt.Fprint(w, rows(0, 10))
		}},
		{rule: "last row: a record without the value", options: `"pagination":{"kind":"last_row","path":"key","param":"after"}`, kind: paginate.LastRow, rows: 10, state: incomplete, reason: "no-last-row", hits: 1, pages: func(w http.ResponseWriter, _ *http.Request, _ string) {
			fmt.Fprint(w, rows(0, 10))
		}},
		{rule: "next URL: OData of version 2", kind: paginate.URL, rows: 25, state: complete, reason: "no-next-url", pages: func(w http.ResponseWriter, r *http.Request, self string) {
			n, next := query(r, "$skiptoken", 0), ""
			if n < 2 {
				next = fmt.Sprintf(`,"__next":"%s/?$skiptoken=%d"`, self, n+1)
			}
			fmt.Fprintf(w, `{"d":{"results":%s%s}}`, slice(n), next)
		}},
		{rule: "next URL: a JSON:API link that is an object", kind: paginate.URL, rows: 25, state: complete, reason: "null-next-url", pages: func(w http.ResponseWriter, r *http.Request, self string) {
			n := query(r, "page[number]", 0)
			next := fmt.Sprintf(`"%s/?page%%5Bnumber%%5D=%d"`, self, n+1)
			if n == 2 {
				next = "null"
			}
			fmt.Fprintf(w, `{"data":%s,"links":{"self":"/","next":%s},"meta":{}}`, slice(n), next)
		}},
		{rule: "next URL: a later page that speaks of an error", kind: paginate.URL, rows: 10, state: incomplete, reason: "page-without-records", pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			if query(r, "page", 0) == 1 {
				fmt.Fprint(w, `{"error":{"message":"busy"}}`)
				return
			}
			fmt.Fprintf(w, `{"items":%s,"next":"?page=1"}`, slice(0))
		}},
		{rule: "page number: of total pages", kind: paginate.Page, rows: 25, state: complete, reason: "last-page", hits: 3, pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			n := query(r, "page", 1)
			fmt.Fprintf(w, `{"page":%d,"total_pages":3,"data":%s}`, n, slice(n-1))
		}},
		{rule: "page number: in the request, until an empty page", url: "/?page=1&per_page=10", kind: paginate.Page, rows: 25, state: unverified, reason: "empty-page", hits: 4, pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			fmt.Fprint(w, slice(query(r, "page", 1)-1))
		}},
		{rule: "page number: in the request, until 404", url: "/?_page=1", kind: paginate.Page, rows: 25, state: unverified, reason: "no-such-page", pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			if n := query(r, "_page", 1); n <= 3 {
				fmt.Fprint(w, slice(n-1))
				return
			}
			http.Error(w, "{}", 404)
		}},
		{rule: "page number: the last page again and again is not taken twice", url: "/?page=1", kind: paginate.Page, rows: 25, state: incomplete, reason: "repeated-page", pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			fmt.Fprint(w, slice(min(query(r, "page", 1), 3)-1))
		}},
		{rule: "page number: the last page again, but the total was reached", url: "/?page=1", kind: paginate.Page, rows: 25, state: complete, reason: "total-matched", hits: 3, pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			fmt.Fprintf(w, `{"total":25,"items":%s}`, slice(min(query(r, "page", 1), 3)-1))
		}},
		{rule: "page number: a source that ignores it", url: "/?page=1", kind: paginate.None, rows: 25, state: unverified, reason: "one-answer", hits: 2, pages: func(w http.ResponseWriter, _ *http.Request, _ string) {
			fmt.Fprint(w, rows(0, 25))
		}},
		{rule: "offset: found by the claimed total", kind: paginate.Offset, rows: 25, state: complete, reason: "total-matched", hits: 3, pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			n := query(r, "skip", 0)
			fmt.Fprintf(w, `{"products":%s,"total":25,"skip":%d,"limit":10}`, rows(n, min(n+10, 25)), n)
		}},
		{rule: "offset: a growing total", kind: paginate.Offset, rows: 25, state: complete, reason: "total-matched", pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			n := query(r, "offset", 0)
			total := 20
			if n > 0 {
				total = 25
			}
			fmt.Fprintf(w, `{"items":%s,"total":%d,"offset":%d}`, rows(n, min(n+10, 25)), total, n)
		}},
		{rule: "offset: a total of -1 claims nothing", url: "/?offset=0", kind: paginate.Offset, rows: 25, state: unverified, reason: "empty-page", pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			n := query(r, "offset", 0)
			fmt.Fprintf(w, `{"items":%s,"total":-1}`, rows(min(n, 25), min(n+10, 25)))
		}},
		{rule: "offset: a source that ends before its total", kind: paginate.Offset, rows: 25, state: incomplete, reason: "fewer-than-total", pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			n := query(r, "offset", 0)
			fmt.Fprintf(w, `{"items":%s,"total":100,"offset":%d}`, rows(min(n, 25), min(n+10, 25)), n)
		}},
		{rule: "none: a total that was not reached is not silent", kind: paginate.None, rows: 10, state: incomplete, reason: "fewer-than-total", hits: 1, pages: func(w http.ResponseWriter, _ *http.Request, _ string) {
			fmt.Fprintf(w, `{"items":%s,"meta":{"total":25}}`, rows(0, 10))
		}},
		{rule: "none: announced more is not silent", kind: paginate.None, rows: 10, state: incomplete, reason: "more-announced", hits: 5, pages: func(w http.ResponseWriter, _ *http.Request, _ string) {
			fmt.Fprintf(w, `{"items":%s,"has_more":true}`, rows(0, 10))
		}},
		{rule: "none: set by hand", kind: paginate.None, options: `"pagination":"none"`, rows: 10, state: unverified, reason: "one-answer", hits: 1, pages: func(w http.ResponseWriter, _ *http.Request, _ string) {
			fmt.Fprintf(w, `{"items":%s,"next":"?page=2","total":25}`, rows(0, 10))
		}},
		{rule: "none: one array", kind: paginate.None, rows: 7, state: unverified, reason: "one-answer", hits: 1, pages: func(w http.ResponseWriter, _ *http.Request, _ string) { fmt.Fprint(w, rows(0, 7)) }},
		{rule: "none: a matching count", kind: paginate.None, rows: 7, state: complete, reason: "total-matched", pages: func(w http.ResponseWriter, _ *http.Request, _ string) {
			fmt.Fprintf(w, `{"totalItems":7,"items":%s}`, rows(0, 7))
		}},
		{rule: "none: one object", rows: 1, state: complete, reason: "one-object", hits: 1, pages: func(w http.ResponseWriter, _ *http.Request, _ string) {
			fmt.Fprint(w, `{"id":0,"total":12,"has_more":true,"next":"/x"}`)
		}},
		{rule: "a limit of pages", options: `"limits":{"pages":2}`, kind: paginate.URL, rows: 20, state: httpsource.Limited, reason: "max-pages", hits: 2, pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			n := query(r, "page", 0)
			fmt.Fprintf(w, `{"items":%s,"next":"?page=%d"}`, slice(n), n+1)
		}},
		{rule: "a limit of records", options: `"limits":{"records":13}`, kind: paginate.URL, rows: 13, state: httpsource.Limited, reason: "max-records", hits: 2, pages: func(w http.ResponseWriter, r *http.Request, _ string) {
			n := query(r, "page", 0)
			fmt.Fprintf(w, `{"items":%s,"next":"?page=%d"}`, slice(n), n+1)
		}},
		{rule: "a limit that is not reached limits nothing", options: `"limits":{"records":7,"pages":1}`, rows: 7, state: unverified, reason: "one-answer", pages: func(w http.ResponseWriter, _ *http.Request, _ string) { fmt.Fprint(w, rows(0, 7)) }},
	}
	for _, c := range cases {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			hits := 0
			self := ""
			self = serve(t, func(w http.ResponseWriter, r *http.Request) { hits++; c.pages(w, r, self) })
			s := get(t, self+c.url, `"options":{`+c.options+`}`)
			if strings.Contains(c.options, `"parallel"`) {
				// The options are there to tell the cases apart; the bodies differ by them.
				s = spec(t, `{"url":"URL","method":"POST","options":{`+c.options+`},"body":{"content":`+map[string]string{
					`"parallel":1`: `{"q":"x"}`, `"parallel":2`: `{"query":"query($c: String) { users(first: 10, after: $c) { pageInfo { hasNextPage } } }"}`,
					`"parallel":3`: `{"q":"x","page":1}`, `"parallel":4`: `{"q":"x"}`,
				}[c.options]+`}}`, self)
			}
			if strings.Contains(c.options, `"body"`) {
				s = spec(t, `{"url":"URL","method":"POST","body":{"content":"{\"query\":\"q\"}"},"options":{`+c.options+`}}`, self)
			}
			got, out, err := fetch(t, newClient(t), s, httpsource.Options{})
			if want := map[bool]string{true: "incomplete-" + c.reason}[c.state == incomplete]; errType(err) != want {
				t.Fatalf("error %v (%s), want %q", err, errType(err), want)
			}
			v := out.Verdict
			if v.State != c.state || v.Reason != c.reason || v.Records != int64(c.rows) || len(got.rows) != c.rows || v.Message == "" {
				t.Errorf("%d rows, verdict %+v; want %d rows, %s (%s)", len(got.rows), v, c.rows, c.state, c.reason)
			}
			if c.kind != "" && out.Detected.Pagination.Setting.Kind != c.kind {
				t.Errorf("found %+v, want %s", out.Detected.Pagination, c.kind)
			}
			if c.hits != 0 && hits != c.hits {
				t.Errorf("%d requests, want %d", hits, c.hits)
			}
			if v.RepeatedPages == 0 {
				for i, id := range ids(t, got) {
					if id != i {
						t.Fatalf("row %d has id %d", i, id)
					}
				}
			}
			if len(got.pages) != len(got.ends) || int64(len(got.ends)) != out.Pages {
				t.Errorf("%d pages begun, %d ended, %d counted", len(got.pages), len(got.ends), out.Pages)
			}
		})
	}
}

func TestWhatATestFoundIsWhatARunUses(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := query(r, "cursor", 0)
		fmt.Fprintf(w, `{"members":%s,"meta":{"next_cursor":"%d"},"has_more":%v}`, slice(n), n+1, n < 2)
	})
	c := newClient(t)
	_, tested, err := fetch(t, c, get(t, url), httpsource.Options{MaxPages: 2})
	if err != nil {
		t.Fatal(err)
	}
	settled := tested.Settle(get(t, url))
	again, err := httpsource.ParseSealed(mustSeal(t, settled))
	if err != nil {
		t.Fatal(err)
	}
	if p := again.Options.Pagination; p.Kind != paginate.Cursor || p.Path != "meta.next_cursor" || p.Param != "cursor" || again.ResponsePath != "members" || again.Options.Shape != "rows" {
		t.Fatalf("settled as %+v, path %q, shape %q", p, again.ResponsePath, again.Options.Shape)
	}
	got, out, err := fetch(t, c, again, httpsource.Options{})
	if err != nil || len(got.rows) != 25 || out.Verdict.State != httpsource.Complete || out.Requests != 3 {
		t.Errorf("%d rows in %d requests, %+v, %v", len(got.rows), out.Requests, out.Verdict, err)
	}
}

func TestANextURLAtAnotherOriginGetsNoCredentials(t *testing.T) {
	t.Parallel()
	other := &recorder{}
	otherURL := serve(t, other.ServeHTTP)
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"items":%s,"next":"%s/p2"}`, slice(0), otherURL)
	})
	s := secretsOn(t, url)
	s.Options.Pagination.CrossOrigin = true
	got, _, err := fetch(t, newClient(t), s, httpsource.Options{})
	if err == nil || len(other.list) != 1 {
		t.Logf("%d rows, %v", len(got.rows), err)
	}
	if len(other.list) != 1 {
		t.Fatalf("the other origin was asked %d times, want once", len(other.list))
	}
	if r := other.list[0]; holdsSecret(r) || r.header.Get("Referer") != "" || r.uri != "/p2" {
		t.Errorf("sent %s with %v", r.uri, r.header)
	}
}

func TestASpentRateLimitIsWaitedFor(t *testing.T) {
	t.Parallel()
	hits := 0
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		hits++
		w.Header().Set("X-RateLimit-Remaining", "0")
		w.Header().Set("X-RateLimit-Reset", "0.3")
		next := `"?page=2"`
		if hits == 2 {
			next = "null"
		}
		fmt.Fprintf(w, `{"items":%s,"next":%s}`, slice(hits-1), next)
	})
	got, _, err := fetch(t, newClient(t), get(t, url, `"options":{"rate":1000}`), httpsource.Options{})
	if err != nil || len(got.rows) != 20 || len(got.waits) != 1 || !strings.Contains(got.waits[0], "rate limit is used up") {
		t.Errorf("%d rows, waits %q, %v", len(got.rows), got.waits, err)
	}
}

func TestIncompleteIsKeptWhenAskedTo(t *testing.T) {
	t.Parallel()
	url := serve(t, body(`{"items":[{"id":0}],"total":2}`))
	got, out, err := fetch(t, newClient(t), get(t, url, `"options":{"on_partial":"warn"}`), httpsource.Options{})
	if err != nil || len(got.rows) != 1 || out.Verdict.State != httpsource.Incomplete {
		t.Errorf("%d rows, %+v, %v", len(got.rows), out.Verdict, err)
	}
}

func TestAlarms(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ body, want string }{
		"a round number":   {rows(0, 100), "exactly 100 records"},
		"200 but empty":    {`[]`, "is the token accepted"},
		"an echoed secret": {`[{"you":"sent token-abcdefgh-1"}]`, "hidden in 1 records"},
	}
	for rule, c := range cases {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			url := serve(t, body(c.body))
			got, out, err := fetch(t, newClient(t), get(t, url, `"authType":"bearer","auth":{"bearerToken":"token-abcdefgh-1"}`), httpsource.Options{})
			if err != nil || !strings.Contains(strings.Join(out.Verdict.Alarms, "|"), c.want) {
				t.Errorf("alarms %q, %v; want %q", out.Verdict.Alarms, err, c.want)
			}
			if strings.Contains(strings.Join(got.rows, ""), "token-abc") {
				t.Errorf("the echoed secret arrived: %s", got.rows)
			}
		})
	}
}

func TestALookProvesThePagingBehindAFullFirstPage(t *testing.T) {
	// 40 records a page, the token behind them; a look wants 10.
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		at := query(r, "after", 0)
		next := "null"
		if at < 80 {
			next = strconv.Itoa(at + 40)
		}
		fmt.Fprintf(w, `{"data":%s,"total":120,"meta":{"next_after":%s}}`, rows(at, at+40), next)
	}))
	defer srv.Close()
	spec, err := httpsource.ParseSpec([]byte(`{"method":"GET","url":"` + srv.URL + `?after=0"}`))
	if err != nil {
		t.Fatal(err)
	}
	to := &sink{}
	out, err := newClient(t).Fetch(t.Context(), spec, httpsource.Options{MaxPages: 2, MaxRecords: 10, Look: true}, to)
	if err != nil {
		t.Fatal(err)
	}
	if len(to.rows) != 10 || out.Records != 10 || asked != 2 || len(to.ends) != 1 {
		t.Errorf("got %d rows, %d records, %d requests, %d ends of pages", len(to.rows), out.Records, asked, len(to.ends))
	}
	if p := out.Detected.Pagination; !p.Verified || p.Setting.Kind == paginate.None {
		t.Errorf("paging: %+v", p)
	}
	if v := out.Verdict; v.State != httpsource.Limited || v.Reason != "max-records" || v.TotalClaimed == nil || *v.TotalClaimed != 120 {
		t.Errorf("verdict: %+v", v)
	}
	// Without a look the page is left at once.
	asked = 0
	if out, err = newClient(t).Fetch(t.Context(), spec, httpsource.Options{MaxRecords: 10}, &sink{}); err != nil || asked != 1 || out.Verdict.State != httpsource.Limited {
		t.Errorf("without a look: %d requests, %+v, %v", asked, out.Verdict, err)
	}
}
