package generate_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"millwright/internal/generate"
	"millwright/internal/generate/template"
)

// people has what orders lacks: births, mail, web addresses, maps, JSON text, a currency.
func people(i int) map[string]any {
	row := map[string]any{
		"user_key": fmt.Sprintf("u-%05d", i), "name": fmt.Sprintf("%s %s %d", []string{"Anna", "Ben", "Cleo", "Dana"}[i%4], []string{"Miller", "Smith", "Weber"}[(i/4)%3], i),
		"email": fmt.Sprintf("user%d@%s", i, []string{"example.com", "example.org", "mail.test"}[(i*i)%3]), "homepage": fmt.Sprintf("https://%s/users/%d", []string{"a.test", "b.test"}[(i/3)%2], i),
		"birth_date": time.Date(1950+(i*7)%55, time.Month(1+i%12), 1+i%28, 0, 0, 0, 0, time.UTC).Format("2006-01-02"),
		"currency":   []string{"EUR", "USD", "GBP"}[(i*i)%3], "revenue": float64((i * 7919) % 5003), "orders": 1 + (i*31)%40, "city": fmt.Sprintf("City %d", (i*i)%45),
		"settings": map[string]any{fmt.Sprintf("k%d", i%400): i % 9, fmt.Sprintf("k%d", (i*7)%400): i % 5},
		"payload":  fmt.Sprintf(`{"source":"%s","v":%d}`, []string{"web", "app", "api"}[i%3], i%7),
		"joined":   time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i*37%17000) * time.Hour).Format(time.RFC3339),
	}
	if i%50 == 0 {
		row["revenue"] = 90000 + float64(i)
	}
	return row
}

func panel(i int) map[string]any {
	entity, year := i%12, 2000+i/12
	return map[string]any{"country": []string{"Germany", "France", "Spain", "Italy", "Poland", "Norway", "Sweden", "Finland", "Denmark", "Austria", "Portugal", "Greece"}[entity],
		"year": year, "population": 1000000*(entity+3) + 10000*(year-2000)*(entity+1), "rate": math.Sin(float64(i)) + 2}
}

func periods(i int) map[string]any {
	row := map[string]any{"agency": fmt.Sprintf("Agency %d", i%9), "function": fmt.Sprintf("F%d", i%4)}
	for y := range 8 {
		row[fmt.Sprint(2010+y)] = float64((i*(y+3)*97)%1009) + float64(y*100)
	}
	return row
}

func events(i int) map[string]any {
	return map[string]any{"kind": []string{"a", "b", "c"}[i%3], "at": time.Date(2024, time.Month(1+(i%7)*(i%2)+i%3), 1+i%28, 0, 0, 0, 0, time.UTC).Format("2006-01-02"), "customer_id": i % 40, "product": fmt.Sprintf("product %d", (i*i)%180)}
}

// TestEveryTemplateRuns runs every candidate that the templates make for tables
// which together have what each template needs.
func TestEveryTemplateRuns(t *testing.T) {
	e := open(t)
	ran := map[string]bool{}
	for _, c := range []struct {
		table string
		n     int
		make  func(int) map[string]any
	}{{"orders", 900, orders}, {"people", 600, people}, {"panel", 180, panel}, {"periods", 60, periods}, {"events", 500, events}, {"hostile", 500, hostile}, {"sparse", 40, sparse}, {"repeats", 200, repeats}, {"many", 120, many}} {
		t.Run(c.table, func(t *testing.T) {
			w := load(t, e, c.table, records(t, c.n, c.make))
			s := template.NewSource(w.profile, template.DuckDB())
			for _, tpl := range template.All() {
				for _, cand := range tpl.Make(s) {
					// The rules are a second guard: what templates make passes them.
					if how := generate.Lint(s, cand); len(how) > 0 {
						t.Errorf("%s breaks %q: %s", tpl.ID, how, cand.Program.Cue)
					}
					r, err := w.Run(t.Context(), cand.Program)
					if err != nil {
						t.Errorf("%s: %v", tpl.ID, err)
						continue
					}
					if tpl.ID == "corr_matrix" {
						s.Relate(r)
					}
					if len(r.Rows) == 0 {
						continue
					}
					ran[tpl.ID] = true
					if signal, found := tpl.Signal(s, cand, r); math.IsNaN(signal) || found == "" {
						t.Errorf("%s: signal %v %q", tpl.ID, signal, found)
					}
					if cand.Fit < 0 || cand.Fit > 1 || cand.Kind != tpl.Kind || cand.Prior != tpl.Prior {
						t.Errorf("%s: candidate says fit %v, kind %s, prior %v; the template %s, %v", tpl.ID, cand.Fit, cand.Kind, cand.Prior, tpl.Kind, tpl.Prior)
					}
				}
			}
		})
	}
	for _, tpl := range template.All() {
		// Joins need a second table, see TestAKeyOfAnotherTableMakesJoins.
		if !ran[tpl.ID] && !strings.HasPrefix(tpl.ID, "join_") {
			t.Errorf("no table made %s return rows", tpl.ID)
		}
	}
	t.Logf("%d templates", len(template.All()))
}

// many has more columns than twelve questions can show one by one.
func many(i int) map[string]any {
	at := func(k int) string {
		return time.Date(2024, 1, 1+(i*(k+3))%300, i%24, 0, 0, 0, time.UTC).Format(time.RFC3339)
	}
	row := map[string]any{"id": i, "created_at": at(1), "updated_at": at(2), "closed_at": at(5), "user_id": (i * i) % 37, "repo_id": (i * 7) % 23, "team_id": i % 11,
		"title": fmt.Sprintf("entry number %d", i)}
	for k := range 26 {
		row[fmt.Sprintf("kind_%d", k)] = fmt.Sprint("v", (i*i+k)%(3+k%6))
	}
	return row
}

// repeats sends every tenth record a second time.
func repeats(i int) map[string]any {
	if i%10 == 0 && i > 0 {
		i--
	}
	return map[string]any{"title": fmt.Sprintf("entry %d", i), "size": i * 3, "group": i % 4}
}

// sparse has days without anything.
func sparse(i int) map[string]any {
	return map[string]any{"when_created": time.Date(2024, 1, 1+i*i/7, 0, 0, 0, 0, time.UTC).Format("2006-01-02"), "amount": i % 7, "k": i}
}

// TestChildrenAreNotCountedTwice compares sums that are joined from the child
// with the sums of what the parents hold.
func TestChildrenAreNotCountedTwice(t *testing.T) {
	e := open(t)
	rs := records(t, 400, orders)
	w := load(t, e, "orders", rs)
	want := map[string]float64{}
	for _, r := range rs {
		var row struct {
			Country string
			Items   []struct{ Quantity float64 }
		}
		if err := json.Unmarshal(r, &row); err != nil {
			t.Fatal(err)
		}
		for _, item := range row.Items {
			want[row.Country] += item.Quantity
		}
	}
	s := template.NewSource(w.profile, template.DuckDB())
	for _, tpl := range template.All() {
		if tpl.ID != "child_by_parent" {
			continue
		}
		var c template.Candidate
		for _, made := range tpl.Make(s) {
			if slices.Contains(made.Columns, "items.quantity") {
				c = made
				break
			}
		}
		r, err := w.with(t.Context(), c.Program, map[string]any{"dim": "country", "measure": "quantity", "agg": "sum"})
		if err != nil {
			t.Fatal(err)
		}
		got := r.Floats("value")
		for i, label := range r.Texts("label") {
			if got[i] != want[label] {
				t.Errorf("%s: got %v, want %v", label, got[i], want[label])
			}
		}
		if len(got) != len(want) {
			t.Errorf("%d groups, want %d", len(got), len(want))
		}
	}
}
