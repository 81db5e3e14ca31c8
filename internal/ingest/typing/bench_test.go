package typing_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"millwright/internal/ingest/typing"
)

// sample returns records like those of an ordinary API: about 640 bytes each, with
// a nested object, a list of objects, times, floats and text.
func sample(n int) (records [][]byte, bytes int64) {
	for i := range n {
		r := fmt.Appendf(nil, `{"id":%d,"uuid":"3f2504e0-4f89-41d3-9a0c-%012x","created_at":"2024-%02d-%02dT%02d:%02d:%02d.%03dZ","active":%t,`+
			`"score":%d.%02d,"ratio":0.%016d,"name":"Customer number %d of the sample","email":"customer.%d@example.com",`+
			`"customer":{"id":%d,"tier":"gold","address":{"street":"%d Main Street","city":"Springfield","lat":%d.%05d,"lon":-%d.%05d}},`+
			`"tags":["red","green","tag-%d"],"items":[{"sku":"SKU-%d","qty":%d,"price":%d.99},{"sku":"SKU-%d","qty":2,"price":5.25}],`+
			`"note":"Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod \"tempor\" %d","parent":null,"day":"2024-03-%02d"}`,
			i, i, i%12+1, i%28+1, i%24, i%60, i%59, i%1000, i%3 == 0, i%100, i%100, i*7919%10000000000000000, i, i, i*31, i%900,
			i%90, i%100000, i%180, i%99999, i%50, i, i%9, i%400, i+1, i, i%28+1)
		records = append(records, r)
		bytes += int64(len(r))
	}
	return records, bytes
}

// orders returns nested records of about 540 bytes that differ in the length of
// nearly every value.
func orders(n int) (records [][]byte, bytes int64) {
	r := rand.New(rand.NewPCG(1, 7))
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	for i := range n {
		b := fmt.Appendf(nil, `{"id":%d,"uuid":"%08x-%04x-4%03x-a%03x-%012x","status":"%s","created_at":"2024-%02d-%02dT%02d:%02d:%02d.%03dZ","paid":%t,"total":%d.%02d,`,
			1_000_000_000+i, r.Uint32(), r.IntN(1<<16), r.IntN(1<<12), r.IntN(1<<12), r.Uint64()>>16, pick("new", "paid", "shipped", "delivered"),
			1+r.IntN(12), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1000), r.IntN(3) > 0, r.IntN(900), r.IntN(100))
		b = fmt.Appendf(b, `"customer":{"id":%d,"name":"%s %s","email":"someone.%d@example.com","vip":%t,"address":{"street":"%d %s","city":"%s","zip":"%05d"}},"items":[`,
			r.IntN(1e6), pick("Anna", "José", "Zoë", "Noah"), pick("Kowalski", "Müller", "Smith", "García"), r.IntN(1e5), r.IntN(9) == 0,
			1+r.IntN(200), pick("Main Street", "Bahnhofstraße", "Via Roma", "Rue de la Paix"), pick("Zürich", "Berlin", "Paris", "London"), r.IntN(1e5))
		for j := range 1 + r.IntN(2) {
			if j > 0 {
				b = append(b, ',')
			}
			b = fmt.Appendf(b, `{"sku":"SKU-%05d","title":"%s %s","quantity":%d,"unit_price":%d.%02d}`, r.IntN(1e5), pick("Wireless", "Leather", "Steel", "Organic"),
				pick("mouse", "notebook", "cotton shirt", "desk lamp"), 1+r.IntN(5), r.IntN(200), r.IntN(100))
		}
		b = fmt.Appendf(b, `],"tags":["%s","%s"],"note":%s}`, pick("web", "app", "store"), pick("first", "repeat", "gift"),
			pick("null", `"Please leave the parcel with the neighbours"`, `""`, `"Rush order; call before delivery"`))
		records = append(records, b)
		bytes += int64(len(b))
	}
	return records, bytes
}

func BenchmarkObserve(b *testing.B) {
	for _, c := range []struct {
		rule string
		of   func(n int) ([][]byte, int64)
		n    int
	}{{"sample", sample, 2000}, {"orders", orders, 20_000}} {
		b.Run(c.rule, func(b *testing.B) {
			records, bytes := c.of(c.n)
			b.SetBytes(bytes)
			b.ReportAllocs()
			for b.Loop() {
				o := typing.NewObserver(typing.Limits{})
				for _, r := range records {
					if err := o.Observe(r); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func BenchmarkNormalize(b *testing.B) {
	records, bytes := sample(2000)
	o := typing.NewObserver(typing.Limits{})
	for _, r := range records {
		if err := o.Observe(r); err != nil {
			b.Fatal(err)
		}
	}
	n := typing.NewNormalizer(o.Schema(nil).Schema)
	b.SetBytes(bytes)
	b.ReportAllocs()
	var dst []byte
	var err error
	for b.Loop() {
		for _, r := range records {
			if dst, err = n.Append(dst[:0], r); err != nil {
				b.Fatal(err)
			}
		}
	}
}
