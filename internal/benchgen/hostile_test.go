package benchgen_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// hostile returns tables that no one would wish for, made by formula.
func hostile() []source {
	made := func(name string, n int, row func(r *rand.Rand, i int) any) source {
		return source{"hostile", name, func() ([]json.RawMessage, error) {
			r := rand.New(rand.NewPCG(7, uint64(len(name))))
			out := []json.RawMessage{}
			for i := range n {
				text, err := json.Marshal(row(r, i))
				if err != nil {
					return nil, err
				}
				out = append(out, text)
			}
			return out, nil
		}}
	}
	pick := func(r *rand.Rand, words ...string) string { return words[r.IntN(len(words))] }
	wide := func(n int) func(r *rand.Rand, i int) any {
		return func(r *rand.Rand, i int) any {
			row := map[string]any{"id": i}
			for k := range n - 1 {
				switch k % 4 {
				case 0:
					row[fmt.Sprintf("metric_%d", k)] = r.IntN(1_000_000)
				case 1:
					row[fmt.Sprintf("kind_%d", k)] = fmt.Sprint("value ", r.IntN(3+k%20))
				case 2:
					row[fmt.Sprintf("rate_%d", k)] = r.Float64()
				default:
					row[fmt.Sprintf("flag_%d", k)] = r.IntN(3) == 0
				}
			}
			return row
		}
	}
	return []source{
		made("names", 300, func(r *rand.Rand, i int) any {
			return map[string]any{
				"select": i % 5, "group by": pick(r, "it's", `say "hi"`, "{{dim}}", "$limit", "-- x", "ünï"), `qu"ote`: r.Float64() * 100, "it's": r.IntN(97),
				"{{dim}}": pick(r, "a", "b"), "$limit": r.IntN(1000), "💥 boom": pick(r, "x", "y", "z"), " leading": r.IntN(2) == 0, "trailing ": i % 7,
				"имя": pick(r, "Анна", "Борис", "Вера"), "名前": fmt.Sprint("名", i), "a.b": r.IntN(11), "a": map[string]any{"b": fmt.Sprint("leaf ", i%4)},
				"semi;colon": fmt.Sprint("v", i%6), "-- comment": r.IntN(50), "tab\tname": pick(r, "p", "q"), "new\nline": r.IntN(30), "back\\slash": r.Float64(),
				"date of order": time.Date(2024, time.Month(1+i%12), 1+i%28, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), strings.Repeat("long ", 60): pick(r, "one", "two", "three"),
			}
		}),
		made("cases", 200, func(r *rand.Rand, i int) any {
			return map[string]any{"Amount": r.Float64() * 10, "amount": r.IntN(100), "AMOUNT": pick(r, "low", "high"), "Status": pick(r, "on", "off"), "status": pick(r, "new", "old", "gone"), "ID": i, "id": i * 2}
		}),
		made("wide 200", 120, wide(200)),
		made("wide 2000", 60, wide(2000)),
		made("wide noise", 400, func(r *rand.Rand, i int) any {
			row := map[string]any{}
			for k := range 40 {
				row[fmt.Sprintf("x%d", k)] = r.NormFloat64()
			}
			return row
		}),
		made("all null", 50, func(*rand.Rand, int) any { return map[string]any{"a": nil, "b": nil, "c": nil} }),
		made("one row", 1, func(*rand.Rand, int) any {
			return map[string]any{"id": 1, "name": "only", "amount": 3.5, "created_at": "2024-01-02T03:04:05Z", "tags": []string{"a"}, "inside": map[string]any{"x": 1}}
		}),
		made("only text", 250, func(r *rand.Rand, i int) any {
			return map[string]any{"title": fmt.Sprint("story ", i), "body": strings.Repeat("some words that go on and on ", 4+r.IntN(4)), "topic": pick(r, "a", "b", "c", "d"), "author": fmt.Sprint("author ", r.IntN(60))}
		}),
		made("only nested", 150, func(r *rand.Rand, i int) any {
			return map[string]any{"who": map[string]any{"name": fmt.Sprint("n", i), "tier": pick(r, "gold", "silver", "tin"), "address": map[string]any{"city": fmt.Sprint("c", r.IntN(9))}},
				"lines": []any{map[string]any{"sku": fmt.Sprint("s", r.IntN(12)), "qty": 1 + r.IntN(5)}, map[string]any{"sku": fmt.Sprint("s", r.IntN(12)), "qty": 1 + r.IntN(5)}}, "tags": []string{pick(r, "x", "y", "z"), pick(r, "u", "v")}}
		}),
		made("ids only", 200, func(r *rand.Rand, i int) any {
			return map[string]any{"id": i, "user_id": r.IntN(30), "order_id": r.IntN(90), "zip_code": fmt.Sprintf("%05d", r.IntN(99999))}
		}),
		made("huge numbers", 100, func(r *rand.Rand, i int) any {
			return map[string]any{"big": json.Number(fmt.Sprintf("%d999999999999999999999", i+1)), "tiny": json.Number(fmt.Sprintf("1e-%d", 100+i)), "max": json.Number("9223372036854775807"), "price": float64(i) / 3, "kind": pick(r, "a", "b")}
		}),
		made("mixed", 150, func(r *rand.Rand, i int) any {
			return map[string]any{"v": []any{1, "one", true, nil}[i%4], "w": []any{map[string]any{"a": 1}, "text", []int{1}}[i%3], "n": r.IntN(40), "day": fmt.Sprintf("2024-%02d-%02d", 1+i%12, 1+i%28)}
		}),
	}
}
