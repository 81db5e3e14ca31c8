package analyze_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// orders makes n orders by formula: the same for the same n.
func orders(n int) ([]map[string]any, []string) {
	rnd := rand.New(rand.NewPCG(1, 2))
	start := time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)
	var all []map[string]any
	for i := range n {
		created := start.Add(time.Duration(rnd.Int64N(700*24*3600)) * time.Second)
		lines := []any{}
		for j := range 1 + rnd.IntN(4) {
			lines = append(lines, map[string]any{"sku": fmt.Sprintf("SKU-%03d", rnd.IntN(80)), "qty": 1 + rnd.IntN(9), "price": float64(rnd.IntN(10000))/100 + .01, "line": j})
		}
		tags := []any{}
		for range rnd.IntN(4) {
			tags = append(tags, []string{"new", "gift", "rush", "bulk"}[rnd.IntN(4)])
		}
		cust := rnd.IntN(n/5 + 1)
		all = append(all, map[string]any{
			"id": i + 1, "customer_id": cust, "status": []string{"paid", "open", "cancelled", "refunded"}[rnd.IntN(4)],
			"amount": float64(rnd.IntN(100000))/100 + .01, "created_at": created.Format(time.RFC3339), "updated_at": created.Add(time.Duration(rnd.IntN(99)) * time.Hour).Format(time.RFC3339),
			"zip": fmt.Sprintf("%05d", rnd.IntN(60000)), "lat": rnd.Float64()*100 - 50, "lon": rnd.Float64()*300 - 150,
			"country": []string{"DE", "FR", "US", "BR", "JP", "GB"}[rnd.IntN(6)], "email": fmt.Sprintf("user%d@example.com", cust),
			"url": fmt.Sprintf("https://shop.example/o/%d", i*7919%(n*10)), "is_paid": rnd.IntN(3) > 0, "rating": 1 + rnd.IntN(5), "year": created.Year(), "month": int(created.Month()),
			"notes": fmt.Sprintf("the customer asked on day %d to leave parcel number %d with one of the neighbours", rnd.IntN(99), i),
			"tags":  tags, "items": lines, "customer": map[string]any{"tier": []string{"gold", "silver", "none"}[rnd.IntN(3)], "age": 18 + rnd.IntN(60)},
			"price_text": fmt.Sprintf("$%d,%03d.50", 1+rnd.IntN(9), rnd.IntN(1000)), "growth": fmt.Sprintf("%d%%", rnd.IntN(90)),
			"due": fmt.Sprintf("%02d/%02d/2024", 1+rnd.IntN(28), 1+rnd.IntN(12)), "synced_epoch": created.Unix(), "day_code": created.Year()*10000 + int(created.Month())*100 + created.Day(),
			"discount_rate": float64(rnd.IntN(100)) / 100, "product_name": fmt.Sprintf("Product %d", rnd.IntN(700)), "stock_balance": rnd.IntN(5000), "empty": nil, "currency": "EUR",
			"mixed": []any{"a", 5, "b", 7}[rnd.IntN(4)], "ambiguous_date": fmt.Sprintf("%02d/%02d/2024", 1+rnd.IntN(12), 1+rnd.IntN(12)),
		})
	}
	return all, []string{"id", "customer_id", "status", "amount", "created_at", "updated_at", "zip", "lat", "lon", "country", "email", "url", "is_paid", "rating", "year", "month", "notes",
		"tags", "items", "customer", "price_text", "growth", "due", "synced_epoch", "day_code", "discount_rate", "product_name", "stock_balance", "empty", "currency", "mixed", "ambiguous_date"}
}

func TestColumnsOfOrdersHaveTheirRoles(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	records, order := orders(1000)
	p := analyzed(t, e, land(t, e, "orders", records, order))
	for name, want := range map[string]string{
		"id": "key", "customer_id": "fk", "status": "category", "amount": "measure/flow", "created_at": "event_time", "updated_at": "audit_time",
		"zip": "code", "lat": "lat", "lon": "lon", "country": "country", "email": "email", "url": "url", "is_paid": "flag", "rating": "ordinal_int/intensive",
		"year": "year", "month": "date_part", "notes": "free_text", "tags": "list", "items": "child", "customer": "container", "customer.tier": "category", "customer.age": "measure/intensive",
		"price_text": "measure/intensive", "growth": "measure/ratio", "due": "event_time", "synced_epoch": "audit_time", "day_code": "event_time",
		"discount_rate": "measure/ratio", "product_name": "label", "stock_balance": "measure/stock", "empty": "empty", "currency": "constant", "mixed": "category", "ambiguous_date": "high_card",
	} {
		c, ok := p.Column(name)
		got := string(c.Role)
		if c.Subtype != "" {
			got += "/" + string(c.Subtype)
		}
		if !ok || got != want {
			t.Errorf("%s is %s, want %s: %q", name, got, want, c.Evidence)
		}
		if ok && len(c.Evidence) == 0 {
			t.Errorf("%s has no evidence", name)
		}
	}
	if t.Failed() || testing.Verbose() {
		for _, c := range p.Columns {
			t.Logf("%-16s %-12s %-10s d=%d nulls=%d virtual=%s %q", c.Name, c.Role, c.Subtype, c.Distinct, c.Nulls, c.Virtual, c.Evidence)
		}
		t.Logf("%+v", p.Facts)
		for _, ch := range p.Children {
			for _, c := range ch.Columns {
				t.Logf("%s.%-16s %-12s %-10s d=%d %q", ch.Table, c.Name, c.Role, c.Subtype, c.Distinct, c.Evidence)
			}
		}
	}
}
