package publish_test

import (
	"strings"
	"testing"
	"time"

	"millwright/internal/publish"
)

func TestNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, path, tool string }{
		{"Orders by status", "orders-by-status", "orders_by_status"},
		{"  Größe & Gewicht: Übersicht!  ", "grosse-gewicht-ubersicht", "grosse_gewicht_ubersicht"},
		{"The customer's orders", "the-customers-orders", "the_customers_orders"},
		{"10 largest orders", "10-largest-orders", "q_10_largest_orders"},
		{"注文", "", "q_"},
		{strings.Repeat("word ", 20), strings.TrimSuffix(strings.Repeat("word-", 11), "-"), strings.TrimSuffix(strings.Repeat("word_", 11), "_")},
		{strings.Repeat("x", 90), strings.Repeat("x", 58), strings.Repeat("x", 58)},
	} {
		path := publish.Kebab(c.text)
		if path != c.path {
			t.Errorf("%q: path %q, want %q", c.text, path, c.path)
		}
		if got := publish.ToolName(path); got != c.tool {
			t.Errorf("%q: tool %q, want %q", c.text, got, c.tool)
		}
	}
}

func TestOrderOfPages(t *testing.T) {
	t.Parallel()
	for rule, c := range map[string]struct{ sql, text, outer string }{
		"no order: that of all columns":         {"SELECT a, b FROM t", "SELECT a, b FROM t", "ORDER BY ALL"},
		"a semicolon and a comment at the end":  {"SELECT a, b FROM t ; -- all", "SELECT a, b FROM t", "ORDER BY ALL"},
		"an order: ties by all columns":         {"SELECT a, b FROM t ORDER BY a DESC", "SELECT a, b FROM t ORDER BY a DESC, 1, 2", ""},
		"before a limit":                        {"SELECT a, b FROM t ORDER BY a DESC -- x\nLIMIT 5 OFFSET 2", "SELECT a, b FROM t ORDER BY a DESC, 1, 2 -- x\nLIMIT 5 OFFSET 2", ""},
		"all columns already":                   {"SELECT a, b FROM t ORDER BY ALL LIMIT 5", "SELECT a, b FROM t ORDER BY ALL LIMIT 5", ""},
		"the order of a window is another":      {"SELECT a, row_number() OVER (ORDER BY b) AS b FROM t", "SELECT a, row_number() OVER (ORDER BY b) AS b FROM t", "ORDER BY ALL"},
		"the order of a part is another":        {"SELECT a, b FROM (SELECT * FROM t ORDER BY b LIMIT 3)", "SELECT a, b FROM (SELECT * FROM t ORDER BY b LIMIT 3)", "ORDER BY ALL"},
		"the text of an order is no order":      {"SELECT a, 'ORDER BY x' AS b FROM t", "SELECT a, 'ORDER BY x' AS b FROM t", "ORDER BY ALL"},
		"a limit without an order is left":      {"SELECT a, b FROM t LIMIT 3", "SELECT a, b FROM t LIMIT 3", "ORDER BY ALL"},
		"an order by an expression in brackets": {"SELECT a, b FROM t ORDER BY coalesce(a, b), b LIMIT $n", "SELECT a, b FROM t ORDER BY coalesce(a, b), b, 1, 2 LIMIT $n", ""},
	} {
		text, outer, err := publish.InOrder(c.sql, 2)
		if err != nil || text != c.text || outer != c.outer {
			t.Errorf("%s:\n got %q and %q (%v)\nwant %q and %q", rule, text, outer, err, c.text, c.outer)
		}
	}
}

func TestQuantilesAreAtMostFivePercentOff(t *testing.T) {
	t.Parallel()
	var all []time.Duration
	for i := range 1000 {
		all = append(all, time.Duration(i+1)*time.Millisecond)
	}
	for share, want := range map[float64]time.Duration{0.5: 500 * time.Millisecond, 0.95: 950 * time.Millisecond, 1: time.Second} {
		got := publish.Quantile(share, all...)
		if off := float64(got)/float64(want) - 1; off < -0.05 || off > 0.05 {
			t.Errorf("%v: got %v, want %v", share, got, want)
		}
	}
	if got := publish.Quantile(0.5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
	if got := publish.Quantile(0.5, 0); got > time.Microsecond {
		t.Errorf("of no time: %v", got)
	}
}
