package ask_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"millwright/internal/analyze"
	"millwright/internal/demo"
	"millwright/internal/engine"
	"millwright/internal/engine/duckdb"
	"millwright/internal/generate/ask"
	"millwright/internal/ingest/typing"
	"millwright/internal/profile"
	"millwright/internal/program"
)

func TestMain(m *testing.M) {
	if duckdb.IsWorker() {
		os.Exit(duckdb.ServeWorker())
	}
	os.Exit(m.Run())
}

// A world is a table in a real engine, profiled.
type world struct {
	engine engine.Engine
	dir    string
	table  engine.Table
	ask.Table
}

func load(t *testing.T, e engine.Engine, name string, n int, record func(i int) any) *world {
	t.Helper()
	dir := t.TempDir()
	observer := typing.NewObserver(typing.Limits{})
	var all []json.RawMessage
	for i := range n {
		text, err := json.Marshal(record(i))
		if err != nil {
			t.Fatal(err)
		}
		if err := observer.Observe(text); err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	types := observer.Schema(nil)
	normal := typing.NewNormalizer(types.Schema)
	var text []byte
	for _, r := range all {
		var err error
		if text, err = normal.Append(text, r); err != nil {
			t.Fatal(err)
		}
		text = append(text, '\n')
	}
	input, output := filepath.Join(dir, "in.ndjson"), filepath.Join(dir, "t.parquet")
	if err := os.WriteFile(input, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Convert(t.Context(), engine.Conversion{Input: input, Output: output, Schema: types.Schema}); err != nil {
		t.Fatal(err)
	}
	w := &world{engine: e, dir: dir, table: engine.Table{Name: name, Files: []string{output}, Schema: types.Schema}}
	p, err := (&analyze.Analyzer{Engine: e}).Analyze(t.Context(), analyze.Input{Scope: "test", Dir: dir, Table: w.table, Name: name, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	w.Table = ask.Table{DatasetID: name, Version: 1, Profile: p}
	return w
}

// run returns how many rows the program has.
func (w *world) run(t *testing.T, p program.Program) (int, error) {
	t.Helper()
	if err := program.Check(p); err != nil {
		return 0, err
	}
	bound, err := program.Bind(p, nil)
	if err != nil {
		return 0, err
	}
	q := engine.Query{Scope: "test", Dir: w.dir, Tables: []engine.Table{w.table}, SQL: bound.SQL, Args: bound.Args, MaxRows: 1000}
	for _, c := range w.Profile.Children {
		q.Tables = append(q.Tables, engine.Table{Name: c.Table, View: c.View, Schema: c.Schema})
	}
	rows, err := w.engine.Run(t.Context(), q)
	if err != nil {
		return 0, fmt.Errorf("%w\n%s", err, bound.SQL)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		n += int(rows.Batch().NumRows())
	}
	return n, rows.Err()
}

// signature says what a program asks: its kind, and the defaults of its slots.
func signature(p program.Program) string {
	parts := []string{}
	for _, s := range p.Slots {
		if s.Default == nil || s.Name == "limit" || s.Name == "min_rows" || s.Name == "bins" || s.Name == "window" || s.Name == "min_strength" {
			continue
		}
		parts = append(parts, fmt.Sprintf("%s=%v", s.Name, s.Default))
	}
	sort.Strings(parts)
	return p.Template + " " + p.Kind + " " + p.Tables[0] + ": " + strings.Join(parts, " ")
}

func prices(i int) any {
	day := time.Date(2023, 1, 2, 0, 0, 0, 0, time.UTC).AddDate(0, 0, i/4)
	base := []float64{180, 130, 90, 300}[i%4]
	open := base + 10*math.Sin(float64(i)/50) + float64(i%7)
	return map[string]any{"Date": day.Format(time.DateOnly), "Symbol": []string{"AAPL", "GOOGL", "AMZN", "MSFT"}[i%4], "Open": open, "High": open + float64(i*31%97)/9, "Low": open - float64(i*17%89)/7,
		"Close": open + float64(i*13%83)/4 - 2, "Volume": 1_000_000 + (i*7919)%500_000}
}

func quakes(i int) any {
	at := time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i*97) * time.Minute)
	return map[string]any{"id": fmt.Sprintf("eq%05d", i), "time": at.Format(time.RFC3339), "mag": math.Round(10*(2+math.Mod(float64(i)*1.37, 5))) / 10, "depth": math.Round(math.Mod(float64(i)*13.1, 600)),
		"latitude": -60 + math.Mod(float64(i)*7.7, 120), "longitude": -170 + math.Mod(float64(i)*11.3, 340), "place": fmt.Sprintf("%d km N of Town %d", i%90, i%400),
		"region": []string{"Alaska", "Chile", "Japan", "Greece", "Indonesia", "New Zealand"}[(i*i+i)%6], "tsunami": i%11 == 0, "status": []string{"reviewed", "automatic"}[i%3/2], "felt": (i * 3) % 50}
}

func cars(i int) any {
	return map[string]any{"name": fmt.Sprintf("Model %d", i), "manufacturer": []string{"Ford", "Toyota", "Fiat", "Volvo", "Renault"}[(i*3+i/7)%5], "origin": []string{"USA", "Japan", "Europe"}[(i*i)%3],
		"cylinders": []int{4, 6, 8}[i%3], "horsepower": 50 + (i*17)%180, "weight": 1600 + (i*37)%2500, "mpg": 10 + float64((i*23)%300)/10, "model_year": 1970 + i%13, "price": 5000 + (i*131)%30000}
}

func cities(i int) any {
	country := []string{"Germany", "France", "Japan", "Brazil", "Canada", "Nigeria", "India", "Peru"}[(i*5+i/9)%8]
	return map[string]any{"city": fmt.Sprintf("City %d", i), "country": country, "continent": map[string]string{"Germany": "Europe", "France": "Europe", "Japan": "Asia", "India": "Asia", "Brazil": "South America", "Peru": "South America", "Canada": "North America", "Nigeria": "Africa"}[country],
		"population": 10000 + (i*i*977)%9_000_000, "area_km2": 20 + (i*71)%1800, "founded": 800 + (i*37)%1200, "is_capital": i%8 == 0,
		"climate": map[string]any{"avg_temp": 5 + float64((i*13)%250)/10, "rainfall_mm": 200 + (i*67)%2400}, "languages": []string{[]string{"German", "French", "Japanese"}[i%3], []string{"English", "Spanish"}[i%2]}}
}

func worlds(t *testing.T) map[string]*world {
	e, err := duckdb.Open(duckdb.Config{SpillDir: filepath.Join(t.TempDir(), "spill")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return map[string]*world{
		"orders": load(t, e, "orders", 3000, func(i int) any { return demo.OrderAt(i+1, 3000) }),
		"prices": load(t, e, "prices", 2000, prices),
		"quakes": load(t, e, "quakes", 1500, quakes),
		"cars":   load(t, e, "cars", 400, cars),
		"cities": load(t, e, "cities", 600, cities),
	}
}

func TestQuestionsBecomePrograms(t *testing.T) {
	all := worlds(t)
	text, err := os.ReadFile("testdata/questions.tsv")
	if err != nil {
		t.Fatal(err)
	}
	right, answerable, refused, unanswerable := 0, 0, 0, 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, "\t")
		w, question, want := all[fields[0]], fields[1], fields[2]
		if w == nil {
			t.Fatalf("no data for %q", line)
		}
		answers := ask.Match(question, []ask.Table{w.Table})
		found := len(answers) > 0 && answers[0].Problem == "" && answers[0].Certainty >= ask.Certain
		got := "no match"
		if found {
			got = signature(answers[0].Program)
			if _, err := w.run(t, answers[0].Program); err != nil {
				t.Errorf("%s: does not run: %v", question, err)
			}
		}
		if want == "no match" {
			if unanswerable++; !found {
				refused++
			} else {
				t.Logf("MISS %s\n  got  %s (%.2f)\n  want no match %q", question, got, answers[0].Certainty, answers[0].Understood)
			}
			continue
		}
		answerable++
		if ok := found && fits(got, answers[0].Program, want); ok {
			right++
		} else {
			why := ""
			if len(answers) > 0 {
				why = fmt.Sprintf("%.2f %s %q %q", answers[0].Certainty, answers[0].Problem, answers[0].Understood, answers[0].Unknown)
			}
			t.Logf("MISS %s\n  got  %s\n  want %s\n  %s", question, got, want, why)
		}
	}
	t.Logf("right: %d of %d questions (%.0f%%); refused: %d of %d without an answer", right, answerable, 100*float64(right)/float64(answerable), refused, unanswerable)
	if answerable+unanswerable < 60 {
		t.Errorf("only %d questions", answerable+unanswerable)
	}
	if float64(right) < .9*float64(answerable) {
		t.Errorf("%d of %d answers are right, want 90%%", right, answerable)
	}
	if refused < unanswerable {
		t.Errorf("%d of %d questions without an answer got one", unanswerable-refused, unanswerable)
	}
}

// fits reports whether the program has all parts that are wanted, and no column,
// aggregate or condition beyond them. A part that begins with SQL: is in its text.
func fits(got string, p program.Program, want string) bool {
	head, rest, _ := strings.Cut(want, ": ")
	if !strings.HasPrefix(got, head) {
		return false
	}
	var wanted []string
	for _, part := range strings.Split(rest, " | ") {
		if sql, ok := strings.CutPrefix(part, "SQL:"); ok {
			if !strings.Contains(p.SQL, sql) {
				return false
			}
			continue
		}
		if part != "" {
			wanted = append(wanted, part)
		}
	}
	for _, s := range p.Slots {
		if s.Default == nil {
			continue
		}
		part := fmt.Sprintf("%s=%v", s.Name, s.Default)
		if i := slices.Index(wanted, part); i >= 0 {
			wanted = slices.Delete(wanted, i, i+1)
			continue
		}
		switch s.Name {
		case "limit", "n", "order", "min_rows", "bins", "window", "min_strength", "time", "from", "to", "min_previous", "days", "series", "threshold":
			continue
		}
		return false
	}
	return len(wanted) == 0
}

func TestMatchingIsTheSameEveryTime(t *testing.T) {
	all := worlds(t)
	var tables []ask.Table
	for _, name := range []string{"orders", "prices", "quakes", "cars", "cities"} {
		tables = append(tables, all[name].Table)
	}
	for question, table := range map[string]string{
		"What is the average volume per symbol?": "prices",
		"How many quakes were there per region":  "quakes",
		"total amount by customer country":       "orders",
		"average horsepower by origin":           "cars",
		"largest cities by population":           "cities",
	} {
		said := func() string {
			text, err := json.Marshal(ask.Match(question, tables))
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		first := said()
		for range 5 {
			if again := said(); again != first {
				t.Fatalf("%s: two answers", question)
			}
		}
		got := ask.Match(question, tables)[0]
		if got.Table.DatasetID != table {
			t.Errorf("%s: answered from %s (%.2f), want %s", question, got.Table.DatasetID, got.Certainty, table)
		}
	}
}

func TestNoTextBreaksTheMatcher(t *testing.T) {
	all := worlds(t)
	w := all["orders"]
	for _, q := range []string{"", "?", "   ", "\x00", strings.Repeat("amount ", 5000), "'; DROP TABLE orders; --", "\"", "“”", "top", "per", "by by by", "in 2024", "more than", "average of the of",
		"amount > 1e999", "amount over 99999999999999999999999", "\xff\xfe", "top 0 orders", "status = 'x' OR 1=1", "{{dim}} $limit @table", "últimos pedidos", "订单"} {
		for _, a := range ask.Match(q, []ask.Table{w.Table}) {
			if a.Problem != "" {
				continue
			}
			if _, err := w.run(t, a.Program); err != nil {
				t.Errorf("%q: %v", q, err)
			}
		}
	}
}

func TestHiddenColumnsAreNotFound(t *testing.T) {
	w := worlds(t)["orders"]
	p := *w.Profile
	p.Columns = slices.Clone(p.Columns)
	for i := range p.Columns {
		p.Columns[i].Hidden = p.Columns[i].Name == "amount"
	}
	for _, a := range ask.Match("average amount by channel", []ask.Table{{Profile: &p}}) {
		if a.Problem == "" && a.Certainty >= ask.Certain {
			t.Errorf("got %s", a.Program.SQL)
		}
	}
	_ = profile.Hash
}
