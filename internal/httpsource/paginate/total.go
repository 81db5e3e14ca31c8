package paginate

import (
	"slices"
	"strings"
)

// Total returns how many records the source says there are, and where it says so.
func Total(a Answer) (n int64, from string, ok bool) {
	for _, name := range []string{"X-Total-Count", "X-Total", "X-Total-Results", "X-WP-Total", "Total-Count", "X-Pagination-Total-Count", "X-Count"} {
		if n, ok := number([]byte(a.Header.Get(name))); ok {
			return n, name, true
		}
	}
	// "items 0-24/319"
	if _, total, ok := strings.Cut(a.Header.Get("Content-Range"), "/"); ok {
		if n, ok := number([]byte(total)); ok {
			return n, "Content-Range", true
		}
	}
	for _, f := range a.Fields {
		if n, ok := number(f.Raw); ok && claimsTotal(f.Path) {
			return n, f.Path, true
		}
	}
	for _, f := range a.Fields {
		if n, ok := number(f.Raw); ok && countsSomething(f.Path) && n > a.Records {
			return n, f.Path, true
		}
	}
	return 0, "", false
}

// countsSomething reports whether a field counts all records for some sources and
// those of this page for others.
func countsSomething(path string) bool {
	switch plain(lastKey(path)) {
	case "count", "itemcount", "recordcount", "resultcount":
		return besideRecords(path)
	}
	return false
}

func claimsTotal(path string) bool {
	lower := strings.ToLower(path)
	if strings.HasSuffix(lower, "odata.count") || strings.HasSuffix(lower, "hits.total.value") {
		return true
	}
	switch plain(lastKey(path)) {
	case "total", "totalcount", "totalitems", "totalresults", "totalrecords", "totalelements", "totalhits", "totalrows", "totalsize", "totalentries", "totalnum",
		"numfound", "recordstotal", "countall", "nbhits", "fullcount", "totalmatches", "totalresultcount":
		return besideRecords(path)
	}
	return false
}

// besideRecords reports whether a path is at the top or in a part that is about
// paging; totals elsewhere are about other things.
func besideRecords(path string) bool {
	parts := strings.Split(path, ".")
	if len(parts) == 1 {
		return true
	}
	return len(parts) <= 3 && slices.Contains([]string{
		"meta", "paging", "pagination", "page", "pageinfo", "metadata", "response", "hits", "data", "info", "result", "results", "header", "search", "summary", "list", "resultset", "cursor", "query",
	}, plain(parts[len(parts)-2]))
}
