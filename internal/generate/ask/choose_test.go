package ask_test

import (
	"fmt"
	"sort"
	"strings"
	"testing"

	"millwright/internal/generate/ask"
	"millwright/internal/program"
)

// published are programs as people publish them: some written from a question, some by
// hand.
func published(t *testing.T, w *world, questions ...string) []ask.Offer {
	t.Helper()
	var all []ask.Offer
	for _, q := range questions {
		found := ask.Match(q, []ask.Table{w.Table})
		if len(found) == 0 || found[0].Problem != "" || found[0].Certainty < ask.Certain {
			t.Fatalf("%q finds no program to publish: %+v", q, found)
		}
		all = append(all, ask.Offer{ID: q, Program: found[0].Program})
	}
	return all
}

func byHand(id, cue, sql, table string, slots ...program.Slot) ask.Offer {
	return ask.Offer{ID: id, Program: program.Program{Name: cue, Cue: cue, SQL: sql, Tables: []string{table}, Slots: slots}}
}

// said spells the values, for comparison.
func said(values map[string]any) string {
	var all []string
	for name, v := range values {
		all = append(all, fmt.Sprintf("%s=%v", name, v))
	}
	sort.Strings(all)
	return strings.Join(all, " ")
}

func TestQuestionsFindWhatIsPublished(t *testing.T) {
	all := worlds(t)
	hundred := 100.0
	prices := append(published(t, all["prices"], "What is the average trading volume for each symbol?", "What is the highest close per symbol?"),
		byHand("range", "How did the closing price of a symbol move between two days?", `SELECT Date, Close FROM prices WHERE Symbol = $symbol AND Date >= $from AND Date < $to`, "prices",
			program.Slot{Name: "symbol", Type: program.Enum, Column: "Symbol", Default: "AAPL"}, program.Slot{Name: "from", Type: program.Date}, program.Slot{Name: "to", Type: program.Date}))
	quakes := append(published(t, all["quakes"], "How many quakes are there per region?", "What are the 10 strongest quakes?"),
		byHand("strong", "Which earthquakes had at least a given magnitude?", `SELECT * FROM quakes WHERE mag >= $min_mag LIMIT $limit`, "quakes",
			program.Slot{Name: "min_mag", Type: program.Number, Column: "mag", Default: 5.0}, program.Slot{Name: "limit", Type: program.Integer, Default: int64(10), Max: &hundred}),
		byHand("per", "How many earthquakes per period?", `SELECT date_trunc({{grain}}, time), count(*) FROM quakes GROUP BY 1`, "quakes",
			program.Slot{Name: "grain", Type: program.Grain, Default: "month"}))
	orders := append(published(t, all["orders"], "What is the total amount per country?", "What is the average amount per channel?"),
		byHand("by", "Which groups have the greatest amount?", `SELECT {{group}}, {{agg}}(amount) FROM orders GROUP BY 1 ORDER BY 2 {{order}} LIMIT $n`, "orders",
			program.Slot{Name: "group", Type: program.Column, Values: []any{"channel", "status"}, Default: "channel"},
			program.Slot{Name: "agg", Type: program.Aggregate, Default: "sum"}, program.Slot{Name: "order", Type: program.Order, Default: "desc"},
			program.Slot{Name: "n", Type: program.Integer, Default: int64(5), Max: &hundred}))
	sets := map[string][]ask.Offer{"prices": prices, "quakes": quakes, "orders": orders}
	for _, c := range []struct{ table, question, want, values string }{
		{"prices", "What is the average trading volume for each symbol?", "What is the average trading volume for each symbol?", ""},
		{"prices", "average volume by symbol", "What is the average trading volume for each symbol?", ""},
		{"prices", "mean volume per ticker", "What is the average trading volume for each symbol?", ""},
		{"prices", "show me the highest close for every symbol", "What is the highest close per symbol?", ""},
		{"prices", "closing price of MSFT between 2023-03-01 and 2023-04-01", "range", "from=2023-03-01 symbol=MSFT to=2023-04-02"},
		{"prices", "How did the close of GOOGL move since 2024?", "range", "from=2024-01-01 symbol=GOOGL"},
		{"prices", "closing price of MSFT before 2024-02-01", "range", "symbol=MSFT to=2024-02-01"},
		{"prices", "closing price of MSFT after 2024-02-01", "range", "from=2024-02-02 symbol=MSFT"},
		{"prices", "closing price of MSFT until 2024-02-01", "range", "symbol=MSFT to=2024-02-02"},
		{"prices", "total volume by symbol", "What is the average trading volume for each symbol?", "agg=sum dim=Symbol measure=Volume"},
		{"prices", "which countries have the most customers", "", ""},
		{"prices", "what is the weather tomorrow", "", ""},
		{"quakes", "number of quakes by region", "How many quakes are there per region?", ""},
		{"quakes", "how many quakes by status", "How many quakes are there per region?", "dim=status"},
		{"quakes", "earthquakes with a magnitude of at least 6.5", "strong", "min_mag=6.5"},
		{"quakes", "first 20 earthquakes with magnitude above 6", "strong", "limit=20 min_mag=6"},
		{"quakes", "how many earthquakes per week?", "per", "grain=week"},
		{"quakes", "earthquakes by year, how many", "per", "grain=year"},
		{"quakes", "average depth per region", "", ""},
		{"orders", "total amount by country", "What is the total amount per country?", ""},
		{"orders", "revenue per country", "What is the total amount per country?", ""},
		{"orders", "average amount per country", "What is the total amount per country?", "agg=avg dim=customer.country measure=amount"},
		{"orders", "which status has the lowest average amount", "by", "agg=avg group=status order=asc"},
		{"orders", "top 3 channels by amount", "What is the total amount per country?", "agg=sum dim=channel limit=3 measure=amount"},
		{"orders", "how many pink elephants are there per country", "", ""},
		{"orders", "", "", ""},
		{"orders", "the of and", "", ""},
	} {
		found := ask.Choose(c.question, sets[c.table], []ask.Table{all[c.table].Table})
		got, values, more := "", "", ""
		if len(found) > 0 {
			more = fmt.Sprintf("%.2f %s understood %q unknown %q", found[0].Certainty, found[0].Offer.ID, found[0].Understood, found[0].Unknown)
			if found[0].Certainty >= ask.Certain {
				got, values = found[0].Offer.ID, said(found[0].Values)
			}
		}
		if got != c.want || c.values != "" && values != c.values {
			t.Errorf("%s: %q\n got %q %s\nwant %q %s\n%s", c.table, c.question, got, values, c.want, c.values, more)
		}
	}
}

func TestWhatIsNotOfferedIsNotFound(t *testing.T) {
	t.Parallel()
	if found := ask.Choose("How many orders are there?", nil, nil); len(found) != 0 {
		t.Errorf("got %+v of nothing", found)
	}
	required := byHand("x", "Which orders came from a city?", `SELECT 1 WHERE $city = 'a'`, "orders", program.Slot{Name: "city", Type: program.String, Required: true})
	found := ask.Choose("Which orders came from a city?", []ask.Offer{required}, nil)
	if len(found) != 1 || found[0].Certainty != 1 || strings.Join(found[0].Missing, " ") != "city" {
		t.Errorf("a slot that needs a value: %+v", found)
	}
	found = ask.Choose(`Which orders came from a city, "Kiel"?`, []ask.Offer{required}, nil)
	if len(found) != 1 || found[0].Values["city"] != "Kiel" || len(found[0].Missing) != 0 {
		t.Errorf("what stands in quotes: %+v", found)
	}
}

func FuzzChoose(f *testing.F) {
	for _, s := range []string{"top 5 cities", `"x" at least 10 in 2024`, "\xff per week", "last 7 days", "at", "\" \"", "=>", "between and", "under 1100", "last 20 weeks"} {
		f.Add(s)
	}
	most := 10.0
	offers := []ask.Offer{byHand("a", "How many per week in \"x\"?", "SELECT $days, $min, $from, {{c}}, $l, $gift, $text", "t",
		program.Slot{Name: "days", Type: program.Integer, Max: &most}, program.Slot{Name: "min", Type: program.Number, Column: "amount"}, program.Slot{Name: "from", Type: program.Date},
		program.Slot{Name: "c", Type: program.Column, Values: []any{"a_b", "c"}, Default: "c"}, program.Slot{Name: "l", Type: program.ValueList, Values: []any{"x", "y z"}},
		program.Slot{Name: "gift", Type: program.Boolean}, program.Slot{Name: "text", Type: program.String})}
	f.Fuzz(func(t *testing.T, question string) {
		for _, c := range ask.Choose(question, offers, nil) {
			if c.Certainty < 0 || c.Certainty > 1 {
				t.Errorf("%q: certainty %v", question, c.Certainty)
			}
			if _, err := program.Bind(c.Offer.Program, c.Values); err != nil {
				t.Errorf("%q gives values that the slots do not take: %v: %v", question, c.Values, err)
			}
		}
	})
}
